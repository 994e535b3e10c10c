"""Pictures that wrap around, left to right and top to bottom: tiles and wallpapers."""

import torch
from torch import Tensor

from impasto.images.resize import resize


def resize_wrapped(image: Tensor, size: tuple[int, int]) -> Tensor:
    """Bicubic, with the picture's own copies as its neighbours.

    Args:
        image: (B, 3, H, W).
        size: (height, width).
    """
    height, width = size
    around = image.repeat(1, 1, 3, 3)
    larger = resize(around, (3 * height, 3 * width))
    return larger[..., height : 2 * height, width : 2 * width]


def step_across(image: Tensor, axis: int) -> Tensor:
    """Mean absolute difference of each line to the one before it; the first's is to the last.

    Args:
        image: (1, 3, H, W).
        axis: -1 for columns, -2 for rows.

    Returns:
        (W,) or (H,): where a cut before that line would put its edge.
    """
    others = (0, 1, -2 if axis == -1 else -1)
    return (image - image.roll(1, axis)).abs().mean(dim=others)


def typical_cut(image: Tensor) -> tuple[int, int]:
    """(rows, columns) to roll by, so that the edges lie where lines differ as they do on average.

    Any cut of a picture that wraps around is the same pattern; but single lines differ, and an
    edge along one of the busiest shows where copies meet though nothing is broken there.

    Args:
        image: (1, 3, H, W).
    """
    shifts = []
    for axis in (-2, -1):
        steps = step_across(image.detach(), axis)
        shifts.append(-int(torch.argmin((steps - steps.mean()).abs())))
    return shifts[0], shifts[1]
