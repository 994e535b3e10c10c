"""What a style file holds, as plain arrays: read without torch."""

import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from impasto.errors import InputError, WeightsError
from impasto.weights.cards import StyleCard, card_of, not_a_style


def read_vectors(path: str | Path) -> tuple[StyleCard, list[int], dict[float, NDArray[np.float32]]]:
    """The card, the channels per pair of statistics, and a vector per size of strokes.

    A vector is a mean, its deviation, the next mean, and so on, one after the other.

    Raises:
        WeightsError: The file is missing, damaged, or no style.
    """
    if not Path(path).is_file():
        raise WeightsError(f"there is no weight file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            widths, card = _widths(metadata), card_of(metadata)
            vectors = {_size(k): _vector(file.get_tensor(k), widths) for k in file.keys()}  # noqa: SIM118
        if not vectors:
            raise ValueError("it holds no statistics")
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a whole safetensors file ({error}).") from error
    except (ValueError, TypeError, InputError) as error:  # TypeError: numbers numpy has not
        raise WeightsError(not_a_style(path, error)) from error
    return card, widths, vectors


def _widths(metadata: dict[str, str]) -> list[int]:
    if "widths" not in metadata:
        raise ValueError("it holds no statistics")
    widths = json.loads(metadata["widths"])
    counts = widths if isinstance(widths, list) else []
    if not counts or not all(isinstance(width, int) and width > 0 for width in counts):
        raise ValueError(f"its widths are {metadata['widths']}")
    return counts


def _size(key: str) -> float:
    size = float(key)
    if not 0 < size < math.inf:
        raise ValueError(f"its strokes have the size {key}")
    return size


def _vector(values: NDArray[np.float16], widths: list[int]) -> NDArray[np.float32]:
    if values.size != 2 * sum(widths):
        raise ValueError(f"{values.size} numbers where {2 * sum(widths)} are due")
    with np.errstate(over="ignore"):  # what float32 cannot hold is refused below
        vector = values.astype(np.float32).ravel()
    if not np.isfinite(vector).all():
        raise ValueError("it holds numbers that are not finite")
    return vector
