"""Tone: light and shade that the photograph has, at the size of what one sees from afar."""

import torch
import torch.nn.functional as F
from torch import Tensor

CELL, WINDOW = 8, 5
"""Pixels of a cell's side, whose mean is its tone, and cells of a window's side."""

FLOOR = 1e-4
"""Variance of tone, of a range of 1, below which a window or a picture counts as flat."""


def tone_loss(images: Tensor, content: Tensor) -> Tensor:
    """How much of a painting's light and shade the photograph does not explain.

    Statistics of features ask for variety wherever a style has it, and the cheapest to make is
    patches of light on a smooth wall. So in every window the painting's tone is fitted as a
    multiple of the photograph's plus a constant (the guided filter of He, Sun and Tang, "Guided
    Image Filtering", IEEE TPAMI 2013, eqs. 5 and 6): lighter, darker or inverted is free, patches
    of its own are not, nor is texture finer than a cell.

    Args:
        images: (B, 3, H, W), the painting; sides of at least ``CELL``. Where they are of less
            than a window, that is smaller.
        content: The same shape, the photograph.

    Returns:
        (B,), in float32 or wider: the mean variance that is left in a window, in units of the
        variance of the tone of the whole painting; 0 for the photograph itself.
    """
    painted, shown = _tone(images), _tone(content)
    mean_painted, mean_shown = _window_mean(painted), _window_mean(shown)
    variance = _window_mean(painted * painted) - mean_painted.square()
    shared = _window_mean(painted * shown) - mean_painted * mean_shown
    guide = _window_mean(shown * shown) - mean_shown.square()
    left = variance - shared.square() / (guide + FLOOR)
    whole = painted.var(dim=(1, 2, 3), correction=0)
    return left.mean(dim=(1, 2, 3)) / (whole + FLOOR)


def _tone(images: Tensor) -> Tensor:
    wide = images.to(torch.promote_types(images.dtype, torch.float32))
    cells = F.avg_pool2d(wide.mean(dim=1, keepdim=True), CELL)
    # Around 0, where squares lose the least.
    return cells - cells.mean(dim=(2, 3), keepdim=True)


def _window_mean(cells: Tensor) -> Tensor:
    return F.avg_pool2d(cells, [min(WINDOW, side) for side in cells.shape[-2:]], stride=1)
