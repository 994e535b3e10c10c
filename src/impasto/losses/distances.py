"""Four ways to say how far a layer's features are from a style, each by name.

gram         Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks",
             CVPR 2016, eqs. 3 and 4
moments      Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
             Normalization", ICCV 2017, eq. 13 (https://arxiv.org/abs/1703.06868): mean and
             deviation of each channel
wasserstein  the squared Wasserstein-2 distance of Gaussians with the same mean and covariance:
             Olkin and Pukelsheim, "The distance between two random vectors with given dispersion
             matrices", Linear Algebra and its Applications 48, 1982
histogram    the squared Wasserstein-2 distance of each channel's values, found by sorting; the
             optimum that the histogram matching of Risser, Wilmot and Barnes (2017,
             https://arxiv.org/abs/1701.08893) moves towards

A distance describes a style once and is then asked many times. Several styles become one by the
weighted mean of what can be averaged: Gram matrices, and the first two raw moments.

All but the histogram's are functions of mean and covariance, which can be had of a picture part by
part: ``describe_moments`` and ``distance_of_moments`` take these instead of features.

Reading order: StyleDistance, the four classes, style_distance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_choice
from impasto.errors import InputError
from impasto.features.roots import matrix_roots, trace_of_root
from impasto.features.statistics import covariance, gram_matrix
from impasto.kinds import GramNormalization, StyleLoss

Target = tuple[Tensor, ...]
"""What a distance keeps of a style at one layer."""


@dataclass(frozen=True, kw_only=True)
class ChannelMoments:
    """What all but the histogram's distance want to know of features."""

    mean: Tensor
    """(1, C), float32."""

    covariance: Tensor
    """(1, C, C), biased, float32."""

    positions: int
    """Of the features."""

    @property
    def second(self) -> Tensor:
        """The second raw moment (1, C, C), which may be averaged as covariances may not."""
        return self.covariance + self.mean[..., :, None] * self.mean[..., None, :]


class StyleDistance(Protocol):
    """One of the four; all tensors are float32, features (1, C, h, w)."""

    of_moments: bool
    """Whether mean and covariance are enough."""

    def describe(self, features: Tensor) -> Target:
        """What is kept of a style, in a form that can be averaged."""
        ...

    def prepare(self, target: Target) -> Target:
        """What ``distance`` wants of a (mean) description; done once."""
        ...

    def distance(self, features: Tensor, target: Target, weights: Tensor | None) -> Tensor:
        """A scalar; ``weights`` (1, 1, h, w) says how much each position counts."""
        ...

    def describe_moments(self, moments: ChannelMoments) -> Target:
        """``describe`` of features with these moments."""
        ...

    def distance_of_moments(self, moments: ChannelMoments, target: Target) -> Tensor:
        """``distance`` of features with these moments."""
        ...

    def unit(self, target: Target) -> Tensor:
        """A scalar: how large the distance is from features without any style."""
        ...


class GramDistance:
    """Squared differences of Gram matrices.

    Args:
        normalization: With F the (C, HW) features and the mean over the C x C differences:
            "positions": F F^T / HW;
            "paper": the same, a quarter of it (Gatys 2016, eq. 4: 1 / (4 C^2 (HW)^2));
            "elements": F F^T / (C HW) (Johnson 2016, and jcjohnson's neural-style);
            "none": F F^T.
    """

    def __init__(self, normalization: GramNormalization = "positions") -> None:
        check_choice("Gram normalization", normalization, get_args(GramNormalization))
        self.normalization = normalization

    of_moments = True

    def describe(self, features: Tensor) -> Target:
        """See StyleDistance."""
        return (gram_matrix(features) * self._factor(*_counts(features)),)

    def describe_moments(self, moments: ChannelMoments) -> Target:
        """See StyleDistance."""
        return (moments.second * self._factor(moments.mean.shape[-1], moments.positions),)

    def prepare(self, target: Target) -> Target:
        """See StyleDistance."""
        return target

    def distance(self, features: Tensor, target: Target, weights: Tensor | None) -> Tensor:
        """See StyleDistance."""
        gram = gram_matrix(features, weights) * self._factor(*_counts(features))
        return (gram - target[0]).square().mean() * self._part

    def distance_of_moments(self, moments: ChannelMoments, target: Target) -> Tensor:
        """See StyleDistance."""
        return (self.describe_moments(moments)[0] - target[0]).square().mean() * self._part

    def unit(self, target: Target) -> Tensor:
        """See StyleDistance."""
        return target[0].square().mean() * self._part

    @property
    def _part(self) -> float:
        return 0.25 if self.normalization == "paper" else 1.0

    def _factor(self, channels: int, positions: int) -> float:
        return {"elements": 1 / channels, "none": float(positions)}.get(self.normalization, 1.0)


def _counts(features: Tensor) -> tuple[int, int]:
    """Channels and positions."""
    return features.shape[1], features.shape[-2] * features.shape[-1]


def _raw_moments(features: Tensor) -> Target:
    """Mean (1, C) and second raw moment (1, C, C): these, not covariances, may be averaged."""
    return features.flatten(2).mean(-1), gram_matrix(features)


class MomentDistance:
    """Squared differences of each channel's mean and deviation, averaged over channels.

    Args:
        eps: Added to the variance.
    """

    def __init__(self, eps: float = 1e-5) -> None:
        self.eps = eps

    of_moments = True

    def describe(self, features: Tensor) -> Target:
        """See StyleDistance."""
        mean, second = _raw_moments(features)
        return mean, second.diagonal(dim1=-2, dim2=-1)

    def describe_moments(self, moments: ChannelMoments) -> Target:
        """See StyleDistance."""
        return moments.mean, moments.second.diagonal(dim1=-2, dim2=-1)

    def prepare(self, target: Target) -> Target:
        """See StyleDistance."""
        mean, second = target
        return mean, ((second - mean.square()).clamp_min(0) + self.eps).sqrt()

    def distance(self, features: Tensor, target: Target, weights: Tensor | None) -> Tensor:
        """See StyleDistance."""
        return _moment_distance(self._of(features, weights), target)

    def distance_of_moments(self, moments: ChannelMoments, target: Target) -> Tensor:
        """See StyleDistance."""
        variance = moments.covariance.diagonal(dim1=-2, dim2=-1)
        return _moment_distance((moments.mean, (variance + self.eps).sqrt()), target)

    def unit(self, target: Target) -> Tensor:
        """See StyleDistance."""
        return target[1].square().mean()

    def _of(self, features: Tensor, weights: Tensor | None) -> Target:
        flat = features.flatten(2)
        if weights is None:
            variance, mean = torch.var_mean(flat, dim=-1, correction=0)
        else:
            share = (weights / weights.sum().clamp_min(1e-12)).flatten(2)
            mean = (flat * share).sum(-1)
            variance = ((flat - mean[..., None]).square() * share).sum(-1)
        return mean, (variance + self.eps).sqrt()


def _moment_distance(found: Target, target: Target) -> Tensor:
    parts = [(one - other).square() for one, other in zip(found, target, strict=True)]
    return (parts[0] + parts[1]).mean()


class WassersteinDistance:
    """|m - m'|^2 + tr(S + S' - 2 (S'^1/2 S S'^1/2)^1/2), over the number of channels.

    Args:
        eps: Added to the diagonals, in units of the style's mean variance, so that roots exist.
    """

    def __init__(self, eps: float = 1e-4) -> None:
        self.eps = eps

    of_moments = True

    def describe(self, features: Tensor) -> Target:
        """See StyleDistance."""
        return _raw_moments(features)

    def describe_moments(self, moments: ChannelMoments) -> Target:
        """See StyleDistance."""
        return moments.mean, moments.second

    def prepare(self, target: Target) -> Target:
        """See StyleDistance."""
        mean, second = target
        own = second - mean[..., :, None] * mean[..., None, :]
        # The second part is what rounding leaves of a difference of two large numbers.
        variance, power = (m.diagonal(dim1=-2, dim2=-1).mean(-1) for m in (own, second))
        ridge = (self.eps * variance.clamp_min(0) + 1e-6 * power).clamp_min(1e-12)  # (1,)
        own = own + ridge[..., None, None] * torch.eye(own.shape[-1], device=own.device)
        root, _ = matrix_roots(own)
        return mean, own, root, ridge

    def distance(self, features: Tensor, target: Target, weights: Tensor | None) -> Tensor:
        """See StyleDistance."""
        return self._between(*covariance(features, weights), target)

    def distance_of_moments(self, moments: ChannelMoments, target: Target) -> Tensor:
        """See StyleDistance."""
        return self._between(moments.mean, moments.covariance, target)

    def _between(self, found_mean: Tensor, found: Tensor, target: Target) -> Tensor:
        mean, own, root, ridge = target
        eye = torch.eye(found.shape[-1], device=found.device)
        found = found + ridge[..., None, None] * eye
        product = root @ found @ root
        product = (product + product.mT) / 2
        traces = _trace(found) + _trace(own) - 2 * trace_of_root(product)
        squares = (found_mean - mean).square().sum(-1)
        return ((squares + traces) / found.shape[-1]).sum()

    def unit(self, target: Target) -> Tensor:
        """See StyleDistance."""
        return _trace(target[1]).sum() / target[1].shape[-1]


class HistogramDistance:
    """Mean squared difference of each channel's sorted values from the style's quantiles.

    Args:
        levels: Quantiles that are kept of a style.
    """

    def __init__(self, levels: int = 512) -> None:
        self.levels = levels

    of_moments = False

    def describe_moments(self, moments: ChannelMoments) -> Target:
        """See StyleDistance.

        Raises:
            InputError: Always: values are ordered, and moments do not know their order.
        """
        raise InputError(
            "the histogram's distance needs all values at once, and so the whole picture; use "
            "--tile off, or --style-loss wasserstein."
        )

    def distance_of_moments(self, moments: ChannelMoments, target: Target) -> Tensor:
        """See StyleDistance; as ``describe_moments``."""
        return self.describe_moments(moments)[0]

    def describe(self, features: Tensor) -> Target:
        """See StyleDistance."""
        ordered = features.flatten(2).sort(-1).values  # (1, C, HW)
        return (_stretch(ordered, self.levels),)

    def prepare(self, target: Target) -> Target:
        """See StyleDistance."""
        return target

    def distance(self, features: Tensor, target: Target, weights: Tensor | None) -> Tensor:
        """See StyleDistance."""
        flat = features.flatten(2)
        if weights is not None:  # a value has no part of a place in the order
            inside = weights.flatten() >= 0.5 * weights.max()
            flat = flat[..., inside]
        ordered = flat.sort(-1).values
        return (ordered - _stretch(target[0], ordered.shape[-1])).square().mean()

    def unit(self, target: Target) -> Tensor:
        """See StyleDistance."""
        return target[0].var(-1, correction=0).mean()


def style_distance(
    name: StyleLoss, gram_normalization: GramNormalization = "positions"
) -> StyleDistance:
    """The distance of that name.

    Raises:
        InputError: There is none.
    """
    check_choice("style loss", name, get_args(StyleLoss))
    if name == "gram":
        return GramDistance(gram_normalization)
    others: dict[str, StyleDistance] = {
        "moments": MomentDistance(),
        "wasserstein": WassersteinDistance(),
        "histogram": HistogramDistance(),
    }
    return others[name]


def mean_target(targets: Sequence[Target], weights: Sequence[float]) -> Target:
    """One description of several styles; the weights sum to 1."""
    return tuple(
        torch.stack([part * weight for part, weight in zip(parts, weights, strict=True)]).sum(0)
        for parts in zip(*targets, strict=True)
    )


def _trace(matrix: Tensor) -> Tensor:
    return matrix.diagonal(dim1=-2, dim2=-1).sum(-1)


def _stretch(ordered: Tensor, length: int) -> Tensor:
    """Sorted values (1, C, N) as that many quantiles."""
    if ordered.shape[-1] == length:
        return ordered
    return F.interpolate(ordered, size=length, mode="linear", align_corners=False)
