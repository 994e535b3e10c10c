"""Reading and writing files of tensors: never a pickle without ``weights_only=True``."""

import contextlib
import os
import pickle
import struct
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from impasto.errors import OutputError, WeightsError

UNREADABLE = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    struct.error,
    RuntimeError,
    EOFError,
    OSError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What torch's reader raises on files that are damaged, foreign or hostile."""


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """Read all tensors of a ``.safetensors`` file or of a ``.pth`` state dict, on the CPU.

    Raises:
        WeightsError: No such file, damaged, or not a plain dictionary of tensors.
    """
    path = _existing(path)
    if path.suffix.lower() == ".safetensors":
        try:
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path} is not a whole safetensors file ({error}).") from error
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except UNREADABLE as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path} cannot be read as tensors only ({first}).") from error
    if isinstance(state, Mapping) and isinstance(state.get("state_dict"), Mapping):
        state = state["state_dict"]
    if not isinstance(state, Mapping) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in state.items()
    ):
        raise WeightsError(f"{path} is not a dictionary of tensors.")
    return dict(state)


def read_metadata(path: str | Path) -> dict[str, str]:
    """Read the text metadata of a ``.safetensors`` file.

    Raises:
        WeightsError: No such file, or damaged.
    """
    path = _existing(path)
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file ({error}).") from error


def check_finite(tensors: Mapping[str, Tensor], path: str | Path) -> None:
    """Refuse weights with a NaN or an infinity, which would paint black pictures.

    Args:
        tensors: By name.
        path: Where they come from, for the message.

    Raises:
        WeightsError: A tensor is not finite; the message names it.
    """
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(
                f"{path} is no good: its tensor {name} has values that are not finite; "
                "use another file."
            )


def write_tensors(
    path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a ``.safetensors`` file, whole or not at all.

    Args:
        path: The file; its folder is made.
        tensors: Copied to the CPU and made contiguous.
        metadata: Text by name, such as the card and the configuration.

    Raises:
        OutputError: The place cannot be written.
    """
    path = Path(path)
    plain = {name: t.detach().cpu().contiguous().clone() for name, t in tensors.items()}
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        os.close(handle)
        save_file(plain, temporary, metadata=dict(metadata or {}))
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would keep it from other users
        os.replace(temporary, path)
        temporary = None
    except (OSError, SafetensorError) as error:
        raise OutputError(f"{path} cannot be written ({error}).") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _existing(path: str | Path) -> Path:
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there is no weight file {path}.")
    return path
