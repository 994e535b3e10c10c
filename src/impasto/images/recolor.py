"""A picture's colours kept where only parts of it are in memory: looked at first, then changed.

The same as ``keep_color`` on the whole picture, which is where the papers are named.
"""

import torch
from torch import Tensor

from impasto.images.color import coral_map, count_levels, keep_color, level_table, to_levels
from impasto.kinds import KeepColor


class ColorCount:
    """Mean, covariance and levels of colours that come piece by piece."""

    def __init__(self) -> None:
        self.count = 0
        self.sums = torch.zeros(3, dtype=torch.float64)
        self.products = torch.zeros(3, 3, dtype=torch.float64)
        self.levels = torch.zeros(3, 1 << 16, dtype=torch.int64)

    def add(self, pixels: Tensor) -> None:
        """Take in (1, 3, h, w) in [0, 1]."""
        flat = pixels[0].flatten(1)
        self.count += flat.shape[1]
        # Around the middle, so that the products of light pictures lose no digits.
        centred = flat.double() - 0.5
        self.sums += centred.sum(1)
        self.products += centred @ centred.mT
        for channel in range(3):
            self.levels[channel] += count_levels(to_levels(flat[channel]))

    def mean_and_covariance(self) -> tuple[Tensor, Tensor]:
        """(1, 3, 1) and (1, 3, 3), float64."""
        mean = self.sums / self.count
        covariance = self.products / self.count - mean[:, None] * mean[None]
        return (mean + 0.5).view(1, 3, 1), covariance[None]


class Recolor:
    """Gives painted pieces the content's colours.

    Args:
        mode: See ``keep_color``.
        tensors: As ``of`` has found them.
    """

    def __init__(self, mode: KeepColor, tensors: dict[str, Tensor]) -> None:
        self.mode, self.tensors = mode, tensors

    @staticmethod
    def must_look(mode: KeepColor) -> bool:
        """Whether the whole painting must be looked at before it can be changed."""
        return mode in ("coral", "histogram")

    @classmethod
    def of(cls, mode: KeepColor, painted: ColorCount, content: ColorCount) -> "Recolor":
        """What to do, from what was looked at."""
        if mode == "coral":
            turn, shift = coral_map(painted.mean_and_covariance(), content.mean_and_covariance())
            return cls(mode, {"turn": turn.float(), "shift": shift.float()})
        tables = [level_table(painted.levels[c], content.levels[c]) for c in range(3)]
        return cls(mode, {"tables": torch.stack(tables)})

    def __call__(self, painted: Tensor, content: Tensor) -> Tensor:
        """Both (1, 3, h, w) in [0, 1], of one place."""
        if self.mode == "coral":
            flat = painted.flatten(2)
            moved = torch.baddbmm(self.tensors["shift"], self.tensors["turn"], flat)
            return moved.clamp_(0, 1).view(painted.shape)
        if self.mode == "histogram":
            channels = [self.tensors["tables"][c][to_levels(painted[0, c])] for c in range(3)]
            return torch.stack(channels)[None]
        return keep_color(painted, content, self.mode)
