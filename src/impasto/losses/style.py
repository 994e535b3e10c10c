"""Style: how far the statistics of features are from those of the style."""

from collections.abc import Mapping

import torch
from torch import Tensor

from impasto.features.statistics import channel_statistics

LayerStatistics = dict[str, tuple[Tensor, Tensor]]
"""Layer -> (mean, deviation), each (B, C, 1, 1)."""


def statistics_of(taps: Mapping[str, Tensor]) -> LayerStatistics:
    """Channel statistics of every tap (B, C, H, W)."""
    return {name: channel_statistics(features) for name, features in taps.items()}


def relative_statistics_loss(found: LayerStatistics, target: LayerStatistics) -> Tensor:
    """Squared differences of mean and deviation, each layer in units of the style's own.

    Huang and Belongie 2017, eq. 13, with the mean square over channels where it has the norm, and
    divided per layer and picture by the style's mean squared deviation, so that no layer of a
    network with un-normalised features drowns the others.

    Args:
        found: Statistics of the stylized pictures, of at least one layer.
        target: Statistics of the styles, without gradient, for at least the same layers.

    Returns:
        (B,): one value per picture, summed over layers.
    """
    terms = []
    for name, (mean, deviation) in found.items():
        target_mean, target_deviation = target[name]
        unit = target_deviation.square().mean(dim=(1, 2, 3))  # (B,)
        squares = (mean - target_mean).square() + (deviation - target_deviation).square()
        terms.append(squares.mean(dim=(1, 2, 3)) / unit)
    return torch.stack(terms).sum(0)
