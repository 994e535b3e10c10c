"""L = L_c + lambda L_s (Huang and Belongie 2017, eqs. 12 and 13), with each choice open.

Those who built AdaIN again chose differently where the paper leaves room or hardly matters to it:
what the content is compared with, squares or their root, sums or means. Each choice has a name
here; ``presets.py`` says who chose what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from impasto.checks import check_choice, check_range
from impasto.errors import InputError
from impasto.features.statistics import channel_statistics
from impasto.losses.finite import check_finite
from impasto.losses.known import KnownStyles
from impasto.losses.style import LayerStatistics
from impasto.methods.adain.network import EPS, STYLE_LAYERS, AdaIN

ContentTarget = Literal["adain", "content"]
Distance = Literal["squared", "euclidean"]
Reduction = Literal["mean", "sum"]


@dataclass(frozen=True, kw_only=True)
class AdaINObjective:
    """What is minimised."""

    content_weight: float = 1.0
    """Of the content loss."""

    style_weight: float = 10.0
    """Of the style loss."""

    content_target: ContentTarget = "adain"
    """What the result's features are compared with: the aligned features it was decoded from
    (the paper: faster), or the content's own."""

    distance: Distance = "squared"
    """Squared differences, or their root."""

    reduction: Reduction = "mean"
    """Means over channels and positions, or sums, which count deep layers more."""

    layer_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    """Of the style loss at relu1_1, relu2_1, relu3_1 and relu4_1."""

    def __post_init__(self) -> None:
        for name in ("content_weight", "style_weight"):
            check_range(name.replace("_", " "), getattr(self, name), at_least=0.0)
        check_choice("content target", self.content_target, get_args(ContentTarget))
        check_choice("distance", self.distance, get_args(Distance))
        check_choice("reduction", self.reduction, get_args(Reduction))
        if len(self.layer_weights) != len(STYLE_LAYERS):
            raise InputError(
                f"there must be {len(STYLE_LAYERS)} layer weights, one for each of "
                f"{', '.join(STYLE_LAYERS)}; got {len(self.layer_weights)}."
            )
        for weight in self.layer_weights:
            check_range("each layer weight", weight, at_least=0.0)


def statistics_at(features: Mapping[str, Tensor]) -> LayerStatistics:
    """Mean and deviation, with AdaIN's eps, of features by layer name."""
    return {name: channel_statistics(x, EPS) for name, x in features.items()}


def adain_losses(
    network: AdaIN,
    content: Tensor,
    style: Tensor,
    objective: AdaINObjective,
    *,
    known: KnownStyles | None = None,
    keys: Sequence[int] | None = None,
) -> tuple[dict[str, Tensor], Tensor]:
    """One dictionary entry per term; minimise their sum.

    Args:
        network: Whose decoder learns.
        content, style: (B, 3, H, W) in [0, 1]; sides are multiples of 8.
        objective: What counts.
        known: Styles seen before; None looks at all.
        keys: See KnownStyles.

    Returns:
        Weighted scalar terms by name, and the stylized pictures (B, 3, H, W), not clamped.

    Raises:
        TrainingError: A term is not finite; the message names it.
    """
    deepest = STYLE_LAYERS[-1]
    with torch.no_grad():
        of_content = network.encode(content)[deepest]  # shallower features are let go here
        statistics = (known or KnownStyles(0)).statistics(
            lambda one: statistics_at(network.encode(one)), style, keys
        )
        target = network.align(of_content, [statistics[deepest]])
    stylized = network.decode(target)
    found = network.encode(stylized)
    wanted = target if objective.content_target == "adain" else of_content.float()
    losses = {
        "content": objective.content_weight * _distance(found[deepest], wanted, objective),
        "style": objective.style_weight * _style(found, statistics, objective),
    }
    check_finite(losses)
    return losses, stylized


def _style(
    found: Mapping[str, Tensor],
    statistics: LayerStatistics,
    objective: AdaINObjective,
) -> Tensor:
    terms = []
    for name, weight in zip(STYLE_LAYERS, objective.layer_weights, strict=True):
        for own, wanted in zip(channel_statistics(found[name], EPS), statistics[name], strict=True):
            terms.append(weight * _distance(own, wanted, objective))
    return torch.stack(terms).sum()


def _distance(found: Tensor, wanted: Tensor, objective: AdaINObjective) -> Tensor:
    """Mean over the batch of each picture's distance."""
    squares = (found.float() - wanted).square().flatten(1)
    each = squares.sum(1) if objective.reduction == "sum" else squares.mean(1)  # (B,)
    if objective.distance == "euclidean":
        # The root's slope at 0 is infinite; this one's is not.
        each = (each + 1e-12).sqrt()
    return each.mean()


def reconstruction_losses(network: AdaIN, images: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Pixels and features of pictures that are encoded and decoded again.

    Args:
        network: Whose decoder learns.
        images: (B, 3, H, W) in [0, 1]; sides are multiples of 8.

    Returns:
        The only term, "reconstruction", the mean squared error of pixels; and the pictures.

    Raises:
        TrainingError: It is not finite.
    """
    given_back = network.reconstruct(images)
    losses = {"reconstruction": (given_back - images).square().mean()}
    check_finite(losses)
    return losses, given_back
