"""swift from the tensors and the metadata of a weight file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.blocks import PReLU
from impasto.errors import InputError, WeightsError
from impasto.methods.swift.network import FILM_GAIN, Swift
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
        if isinstance(blocks := settings.get("blocks"), int):  # weights of before they differed
            settings["blocks"] = [blocks] * 3
        for name, none in (("leak", 0.0), ("taps", [])):  # likewise
            settings.setdefault(name, none)
        network = Swift(SwiftConfig(**{k: _tuple(v) for k, v in settings.items()}))
    except (AttributeError, TypeError, ValueError, RuntimeError, InputError) as error:
        reason = str(error).rstrip(".")
        raise WeightsError(f"{origin} has no configuration of swift ({reason}).") from error
    state = network.state_dict()
    fitting = {k: v for k, v in tensors.items() if k in state and state[k].shape == v.shape}
    absent, _ = network.load_state_dict(fitting, strict=False)
    # Weights of before there were these do without, as a new network does.
    younger = {"of_missed.weight", "code_mean", "code_size"}
    younger |= {f"{name}.weight" for name, m in network.named_modules() if isinstance(m, PReLU)}
    missing = [name for name in absent if name in tensors or name not in younger]
    if "code_mean" in absent:
        for parameter in network.to_film[-1].parameters():
            parameter.data.div_(FILM_GAIN)
    unexpected = [k for k in tensors if k not in state]
    if missing or unexpected:
        raise WeightsError(
            f"{origin} does not fit swift: {', '.join((missing + unexpected)[:3])} "
            f"{'is missing or misshapen' if missing else 'is unknown'}."
        )
    return network


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
