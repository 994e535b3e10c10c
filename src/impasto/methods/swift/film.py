"""What a style does to the decoder: FiLM's scales and shifts (Perez et al., AAAI 2018), a tint.

https://arxiv.org/abs/1709.07871
"""

from copy import copy
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor


class Film:
    """The style's scales and shifts, handed out layer by layer in forward order.

    Args:
        values: (B, N, 1, 1): one style for the batch or one for each picture.
    """

    def __init__(self, values: Tensor) -> None:
        self.values, self.used = values, 0

    def take(self, channels: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """(scale, shift) of the next layer, which has ``channels`` outputs and works on ``x``."""
        part = self.values.narrow(1, self.used, 2 * channels).to(x.dtype)
        self.used += 2 * channels
        scale, shift = part.chunk(2, dim=1)
        return 1 + scale, shift

    def rows(self, first: int, last: int, of: int) -> Self:
        """What is left of it, for rows ``first`` to ``last`` of grids that are ``of`` high."""
        return copy(self)


class RegionFilm(Film):
    """Scales and shifts of several styles, mixed at each position by soft regions.

    Args:
        values: (S, N, 1, 1), one row per style.
        regions: (S, 1, h, w) per grid size, summing to 1 over the styles.
    """

    def __init__(self, values: Tensor, regions: dict[tuple[int, int], Tensor]) -> None:
        super().__init__(values)
        self.regions = regions

    def take(self, channels: int, x: Tensor) -> tuple[Tensor, Tensor]:
        """(scale, shift), each (1, channels, h, w)."""
        scale, shift = super().take(channels, x)  # (S, C, 1, 1) each
        region = self.regions[x.shape[-2], x.shape[-1]].to(x.dtype)
        return tuple((part * region).sum(0, keepdim=True) for part in (scale, shift))  # type: ignore[return-value]

    def rows(self, first: int, last: int, of: int) -> Self:
        """See Film."""
        part = super().rows(first, last, of)
        here = [grid for (height, _), grid in self.regions.items() if height == of]
        cut = [grid[..., first:last, :] for grid in here]
        part.regions = {(grid.shape[-2], grid.shape[-1]): grid for grid in cut}
        return part


def apply_tint(images: Tensor, tint: Tensor) -> Tensor:
    """Mix colours by a 3x3 matrix: one for the batch or one per picture (B, 3, 3)."""
    if tint.shape[0] == 1:
        return F.conv2d(images, tint[0, :, :, None, None].to(images.dtype))
    return torch.einsum("bij,bjhw->bihw", tint.to(images.dtype), images)
