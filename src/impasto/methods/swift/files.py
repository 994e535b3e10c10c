"""swift from the tensors and the metadata of a weight file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.errors import InputError, WeightsError
from impasto.methods.swift.network import Swift
from impasto.methods.swift.shape import SwiftConfig


def network_of(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], origin: str | Path
) -> Swift:
    """The network, in float32, with the shape that the metadata give and the file's weights.

    Args:
        tensors: By the network's own names.
        metadata: ``config`` holds the fields of SwiftConfig as JSON.
        origin: Named in errors.

    Raises:
        WeightsError: They are not swift's; the message names what differs.
    """
    try:
        settings = json.loads(metadata.get("config", "{}"))
        network = Swift(SwiftConfig(**{k: _tuple(v) for k, v in settings.items()}))
    except (AttributeError, TypeError, ValueError, RuntimeError, InputError) as error:
        reason = str(error).rstrip(".")
        raise WeightsError(f"{origin} has no configuration of swift ({reason}).") from error
    state = network.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in state and state[k].shape == v.shape}
    missing, _ = network.load_state_dict(fitting, strict=False)
    unexpected = [k for k in tensors if k not in state]
    if missing or unexpected:
        raise WeightsError(
            f"{origin} does not fit swift: {', '.join((missing + unexpected)[:3])} "
            f"{'is missing or misshapen' if missing else 'is unknown'}."
        )
    return network


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
