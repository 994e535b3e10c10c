"""Grain: white noise that is a function of absolute position, in whole numbers.

Written with operators alone, so that torch's tensors and numpy's arrays draw the same.
"""

from typing import Any


def position_hash(y: Any, x: Any, seed: int) -> Any:
    """Whole numbers from 0 to 2^32 - 1 without visible order.

    Args:
        y: Rows (H, 1), int64, may be negative.
        x: Columns (1, W) likewise.
        seed: Another plane.

    Returns:
        (H, W), int64.
    """
    state = (y * 0x9E3779B1) ^ (x * 0x85EBCA77) ^ (seed * 0xC2B2AE3D)
    for factor in (0x7FEB352D, 0x846CA68B):
        state = state & 0xFFFFFFFF
        state = ((state ^ (state >> 16)) * factor) & 0xFFFFFFFF
    return state ^ (state >> 15)


def as_noise(numbers: Any) -> Any:
    """The same as float32: mean 0, deviation 1, uniform in [-sqrt(3), sqrt(3)].

    Args:
        numbers: Of ``position_hash``, turned to float32.
    """
    return (numbers / 2**32 - 0.5) * 12**0.5
