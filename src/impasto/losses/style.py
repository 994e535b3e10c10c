"""Style: how far the statistics of features are from those of the style."""

from collections.abc import Mapping

from torch import Tensor

from impasto.features.statistics import channel_statistics

Statistics = dict[str, tuple[Tensor, Tensor]]
"""Layer -> (mean, deviation), each (B, C, 1, 1)."""


def statistics_of(taps: Mapping[str, Tensor]) -> Statistics:
    """Channel statistics of every tap."""
    return {name: channel_statistics(features) for name, features in taps.items()}


def relative_statistics_loss(found: Statistics, target: Statistics) -> Tensor:
    """Squared differences of mean and deviation, each layer in units of the style's own.

    Huang and Belongie 2017, eq. 13, divided per layer and picture by the style's mean squared
    deviation, so that no layer of a network with un-normalised features drowns the others.

    Args:
        found: Statistics of the stylized pictures.
        target: Statistics of the styles, without gradient, for at least the same layers.

    Returns:
        (B,): one value per picture, summed over layers.
    """
    loss: Tensor | int = 0
    for name, (mean, deviation) in found.items():
        target_mean, target_deviation = target[name]
        unit = target_deviation.square().mean(dim=(1, 2, 3))  # (B,)
        squares = (mean - target_mean).square() + (deviation - target_deviation).square()
        loss = loss + squares.mean(dim=(1, 2, 3)) / unit
    assert isinstance(loss, Tensor), "no layer was given"
    return loss
