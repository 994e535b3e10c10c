"""A picture just decoded: its samples as they stood in the file, before colour management."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

ORIENTATION = 0x0112
"""EXIF's tag of the turn."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Raster:
    """Samples of one picture and what is needed to make them upright sRGB."""

    samples: NDArray[Any]
    """(H, W, C), C = 1 grey, 2 grey and straight alpha, 3 RGB, 4 RGB and straight alpha;
    uint8, uint16, or floating point in [0, 1]."""
    bits: int
    """8 or 16: what the source holds per channel."""
    format: str | None
    """Pillow's name of the source's format; None for arrays and tensors."""
    icc: bytes | None = None
    """Colour profile still to be applied."""
    turn: int = 1
    """EXIF orientation still to be applied, 1 to 8."""
    notes: tuple[str, ...] = ()
    """What the user should know, each a short phrase."""


def upright(samples: NDArray[Any], turn: int) -> NDArray[Any]:
    """Apply an EXIF orientation (EXIF 2.32, tag 274); an unknown one means none.

    Args:
        samples: (H, W, C).
        turn: 1 to 8.

    Returns:
        (H, W, C), or (W, H, C) for 5 to 8; a view where possible.
    """
    if turn >= 5 and turn <= 8:
        samples = samples.swapaxes(0, 1)
        turn = {5: 1, 6: 2, 7: 3, 8: 4}[turn]
    if turn == 2:
        return samples[:, ::-1]
    if turn == 3:
        return samples[::-1, ::-1]
    if turn == 4:
        return samples[::-1]
    return samples


def notes_joined(notes: tuple[str, ...]) -> str | None:
    """One text of all notes, or None."""
    return "; ".join(notes) or None


def widen(samples: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """8 bits to 16: 255 becomes 65535."""
    return samples.astype(np.uint16) * np.uint16(257)
