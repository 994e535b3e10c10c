"""Perceptual losses (Johnson, Alahi and Fei-Fei 2016, section 3.2), and weights that mean the same.

Reading order: JohnsonObjective, raw_terms (eqs. 2 and 4), measured_ratios, johnson_losses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_range
from impasto.features.statistics import gram_matrix
from impasto.kinds import TotalVariation
from impasto.losses.finite import check_finite
from impasto.losses.smoothness import lattice_loss, total_variation

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


@dataclass(frozen=True, kw_only=True)
class JohnsonObjective:
    """What is minimised."""

    content_weight: float = 1.0
    """Of the content loss."""

    style_weight: float = 5.0
    """Of the style loss."""

    tv_weight: float = 1e-6
    """Of the total variation."""

    content_layers: tuple[str, ...] = ("relu2_2",)
    """The paper says relu2_2, the authors' program takes relu3_3: both are in use."""

    style_layers: tuple[str, ...] = STYLE_LAYERS
    """Whose Gram matrices are the style."""

    relative: bool = False
    """Each layer's style counts in units of its target's mean square. The paper adds them as they
    are; with lite relu2_1 then weighs thirty times as much as relu4_1, with a pruned VGG-19
    thousands of times: colour and grain are learned, strokes are not."""

    tv: TotalVariation = "l2"
    """Differences to the right and below, absolute or squared, or squared to all neighbours."""

    lattice_weight: float = 0.0
    """Of the pattern that repeats every few pixels (``lattice_loss``), which upsampling draws and
    Gram matrices do not see. The paper has no such term."""

    measured: bool = False
    """Style and total variation count in units of the content loss at the start (see
    ``measured_ratios``), so that weights are of order 1 to 10 with any network."""

    def __post_init__(self) -> None:
        for name in ("content_weight", "style_weight", "tv_weight", "lattice_weight"):
            check_range(name.replace("_", " "), getattr(self, name), at_least=0.0)


@dataclass(frozen=True)
class Ratios:
    """By what the raw terms are multiplied so that they are alike at the start."""

    style: float = 1.0
    tv: float = 1.0


def style_targets(features: Mapping[str, Tensor], layers: Sequence[str]) -> dict[str, Tensor]:
    """Gram matrices over C H W of the style's features (1, C, h, w), by layer."""
    return {name: gram_matrix(features[name]) / features[name].shape[1] for name in layers}


def raw_terms(
    found: Mapping[str, Tensor],
    content: Mapping[str, Tensor],
    style: Mapping[str, Tensor],
    images: Tensor,
    objective: JohnsonObjective,
) -> dict[str, Tensor]:
    """The terms without weights: eqs. 2 and 4 of the paper, and total variation.

    Args:
        found: Features of the painted pictures, (B, C, h, w) by layer.
        content: Features of the photographs at the content's layers.
        style: As ``style_targets`` gives them.
        images: The painted pictures, (B, 3, H, W).
        objective: Which layers, which variation.

    Returns:
        Scalars "content", "style", "tv", and "lattice" where that has a weight.
    """
    grams = style_targets(found, objective.style_layers)
    units = {n: style[n].square().mean() if objective.relative else 1.0 for n in grams}
    terms = {
        "content": torch.stack(
            [F.mse_loss(found[n].float(), content[n].float()) for n in objective.content_layers]
        ).sum(),
        "style": torch.stack(
            [(grams[n] - style[n]).square().mean() / units[n] for n in objective.style_layers]
        ).sum(),
        "tv": total_variation(images, objective.tv),
    }
    if objective.lattice_weight:
        terms["lattice"] = lattice_loss(images)
    return terms


def measured_ratios(terms: Mapping[str, Tensor]) -> Ratios:
    """Content over style and content over total variation, of pictures at the start.

    Source of the idea: the write-up of visualneurons.com, where weights of order 1 to 10 then
    mean what they say. With the content itself as the picture the content loss would be 0, so the
    untrained network's output is measured.
    """
    content = float(terms["content"])
    parts = (content / max(float(terms[name]), 1e-20) for name in ("style", "tv"))
    return Ratios(*parts)


def johnson_losses(
    terms: Mapping[str, Tensor], objective: JohnsonObjective, ratios: Ratios | None = None
) -> dict[str, Tensor]:
    """One dictionary entry per weighted term; minimise their sum.

    Args:
        terms: As ``raw_terms`` gives them.
        objective: The weights.
        ratios: Measured at the start, if the objective asks for it.

    Raises:
        TrainingError: A term is not finite; the message names it.
    """
    ratios = ratios or Ratios()
    losses = {
        "content": objective.content_weight * terms["content"],
        "style": objective.style_weight * ratios.style * terms["style"],
        "tv": objective.tv_weight * ratios.tv * terms["tv"],
    }
    if "lattice" in terms:
        losses["lattice"] = objective.lattice_weight * terms["lattice"]
    check_finite(losses)
    return losses
