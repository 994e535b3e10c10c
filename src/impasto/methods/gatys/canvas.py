"""What an optimiser turns: the pixels, or a pyramid that adds up to them."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


class Canvas:
    """A picture as a sum of parts, each half the size of the one before.

    The same pictures can be written with pixels alone; but a coarse part moves a whole region in
    one step, where pixels creep there together, so fewer steps are needed.

    Args:
        image: (1, 3, H, W) in [0, 1], where it begins.
        levels: How many parts; 1 is the pixels alone.
        wrap: The picture wraps around; its sides are multiples of 2 ** (levels - 1) or fewer
            parts are taken.
    """

    def __init__(self, image: Tensor, *, levels: int = 1, wrap: bool = False) -> None:
        self.wrap = wrap
        if levels == 1:
            self.base, self.leaves = None, [image.detach().clone().requires_grad_()]
            return
        self.base = image.detach().clone()
        self.leaves = [
            torch.zeros((1, 3, *size), device=image.device).requires_grad_()
            for size in part_sizes((image.shape[-2], image.shape[-1]), levels, wrap=wrap)
        ]

    def picture(self) -> Tensor:
        """(1, 3, H, W), with a gradient to the leaves; a pyramid's may lie outside [0, 1]."""
        if self.base is None:
            return self.leaves[0]
        total = self.leaves[-1]
        for part in reversed(self.leaves[:-1]):
            total = part + self._enlarged(total, part)
        return self.base + total

    def _enlarged(self, coarse: Tensor, fine: Tensor) -> Tensor:
        size = fine.shape[-2], fine.shape[-1]
        if not self.wrap:
            return F.interpolate(coarse, size=size, mode="bilinear", align_corners=False)
        around = F.pad(coarse, (1, 1, 1, 1), mode="circular")
        larger = F.interpolate(around, scale_factor=2, mode="bilinear", align_corners=False)
        return larger[..., 2:-2, 2:-2]

    @torch.no_grad()
    def clamp(self) -> None:
        """Pull pixels into [0, 1]; of a pyramid the loss has to (``out_of_range_loss``)."""
        if self.base is None:
            self.leaves[0].clamp_(0, 1)

    @torch.no_grad()
    def roll(self, shifts: tuple[int, int]) -> None:
        """Move what wraps around by (rows, columns); to be optimised no further."""
        rolled = self.picture().roll(shifts, (-2, -1))
        if self.base is None:
            self.leaves[0].copy_(rolled)
            return
        self.base = rolled
        for leaf in self.leaves:
            leaf.zero_()

    def state(self) -> list[Tensor]:
        """What ``restore`` needs."""
        held = [] if self.base is None else [self.base]
        return [*held, *(leaf.detach() for leaf in self.leaves)]

    @torch.no_grad()
    def restore(self, state: Sequence[Tensor]) -> None:
        """Be as it was when ``state`` was taken of a canvas of the same size and levels."""
        held = list(state)
        if self.base is not None:
            self.base.copy_(held.pop(0))
        for leaf, value in zip(self.leaves, held, strict=True):
            leaf.copy_(value)


def part_sizes(size: tuple[int, int], levels: int, *, wrap: bool) -> list[tuple[int, int]]:
    """(height, width) of each part of a pyramid, from fine to coarse."""
    sizes = [size]
    while len(sizes) < levels and max(sizes[-1]) > 1:
        height, width = sizes[-1]
        if wrap and (height % 2 or width % 2):
            break
        sizes.append((-(-height // 2), -(-width // 2)))
    return sizes
