"""Masks as regions: which style rules where, without more of them in memory than is looked at."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from impasto.images.masks import mask_of
from impasto.images.regions import Resized
from impasto.images.resize import Box, Size


class SoftMasks:
    """One mask per style, of any size, over one picture.

    Args:
        masks: Anything ``read_picture`` takes.
        weights: Of the styles, summing to 1; they decide where masks overlap.
        size: (height, width) of the picture.
    """

    def __init__(self, masks: Sequence[Any], weights: Sequence[float], size: Size) -> None:
        self.size, self.weights = size, weights
        self.layers = [Resized(mask_of(mask), size) for mask in masks]

    def read(self, box: Box) -> Tensor:
        """How much each style rules in a box: (S, 1, h, w), summing to 1."""
        weighted = self._stack(box) * torch.tensor(self.weights).view(-1, 1, 1, 1)
        total = weighted.sum(0, keepdim=True)
        # Where no style rules the cover is 0; the shares must still be numbers.
        return torch.where(total > 1e-6, weighted / total.clamp_min(1e-6), 1 / len(self.layers))

    def cover(self, box: Box) -> Tensor:
        """Where anybody paints in a box: (1, 1, h, w) in [0, 1]."""
        painting = self._stack(box)[[weight > 0 for weight in self.weights]]
        return painting.sum(0, keepdim=True).clamp(0, 1)

    def _stack(self, box: Box) -> Tensor:
        return torch.cat([layer.read(box) for layer in self.layers])
