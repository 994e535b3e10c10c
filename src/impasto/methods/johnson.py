"""One network per style.

Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
ECCV 2016. https://arxiv.org/abs/1603.08155
Ulyanov, Vedaldi and Lempitsky, "Instance Normalization: The Missing Ingredient for Fast
Stylization", 2016. https://arxiv.org/abs/1607.08022

Reading order: JohnsonConfig, TransformerNet (the supplementary material's table 1), perceptual
losses (section 3.2), measured ratios, PRESETS.

Departures from the paper, each with its reason:
    instance norm    the authors' own program offers it and prefers it; "batch" is the paper's.
    reflection       at every convolution; the paper pads the picture once by 40 and lets residual
                     blocks shrink it. Zero padding draws a frame.
    resize           upsampling by repetition and a convolution, where the paper has fractionally
                     strided ones, which leave a checkerboard (Odena et al., Distill 2016).
    no tanh          the last layer is linear and the picture is clamped: a scaled tanh saturates
                     and paints darker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.checks import check_choice, check_range
from impasto.features.statistics import gram_matrix
from impasto.kinds import TotalVariation
from impasto.losses.finite import check_finite
from impasto.losses.smoothness import total_variation

Norm = Literal["instance", "batch"]

STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")


@dataclass(frozen=True, kw_only=True)
class JohnsonConfig:
    """The shape of the network."""

    width: int = 32
    """Channels of the first layer, 32 in the paper; others have two and four times as many."""

    blocks: int = 5
    """Residual blocks at quarter resolution."""

    norm: Norm = "instance"
    """After every convolution but the last."""

    kernel: int = 9
    """Of the first and the last convolution; on a processor they are much of the time."""

    def __post_init__(self) -> None:
        check_range("width", self.width, at_least=1)
        check_range("blocks", self.blocks, at_least=0)
        check_range("kernel", self.kernel, at_least=1)
        check_choice("norm", self.norm, get_args(Norm))


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode="reflect")


def _norm(kind: Norm, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels, affine=True)


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x)))))."""

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels, channels, 3), _norm(norm, channels), nn.ReLU(),
            _conv(channels, channels, 3), _norm(norm, channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return x + self.body(x)  # type: ignore[no-any-return]


class TransformerNet(nn.Module):
    """Down to a quarter, residual blocks, up again.

    Args:
        config: The shape; the default has 1,679,235 parameters.
    """

    def __init__(self, config: JohnsonConfig | None = None) -> None:
        super().__init__()
        self.config = config or JohnsonConfig()
        w, norm, kernel = self.config.width, self.config.norm, self.config.kernel

        def layer(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(
                _conv(inputs, outputs, size, stride), _norm(norm, outputs), nn.ReLU()
            )

        self.down = nn.Sequential(
            layer(3, w, kernel), layer(w, 2 * w, 3, stride=2), layer(2 * w, 4 * w, 3, stride=2)
        )
        self.blocks = nn.Sequential(*(Residual(4 * w, norm) for _ in range(self.config.blocks)))
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2), layer(4 * w, 2 * w, 3),
            nn.Upsample(scale_factor=2), layer(2 * w, w, 3),
            _conv(w, 3, kernel),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        """Paint.

        Args:
            images: (B, 3, H, W) in [0, 1], sides multiples of 4.

        Returns:
            (B, 3, H, W), not clamped.
        """
        return self.up(self.blocks(self.down(images)))  # type: ignore[no-any-return]


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

    tv: TotalVariation = "l2"
    """Differences to the right and below, absolute or squared, or squared to all neighbours."""

    measured: bool = False
    """Style and total variation count in units of the content loss at the start (see
    ``measured_ratios``), so that weights are of order 1 to 10 with any network."""

    def __post_init__(self) -> None:
        for name in ("content_weight", "style_weight", "tv_weight"):
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
        Scalars "content", "style", "tv".
    """
    grams = style_targets(found, objective.style_layers)
    return {
        "content": torch.stack(
            [F.mse_loss(found[n].float(), content[n].float()) for n in objective.content_layers]
        ).sum(),
        "style": torch.stack(
            [(grams[n] - style[n]).square().mean() for n in objective.style_layers]
        ).sum(),
        "tv": total_variation(images, objective.tv),
    }


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
    check_finite(losses)
    return losses


@dataclass(frozen=True, kw_only=True)
class JohnsonPreset:
    """One way to train a network of one style."""

    network: JohnsonConfig = JohnsonConfig()
    objective: JohnsonObjective
    judge: str
    learning_rate: float = 1e-3
    batch: int = 4
    crop: int = 256
    padding: int = 0
    """Pixels of reflection around each crop, taken off again before the losses."""

    steps: int
    source: str


PRESETS: dict[str, JohnsonPreset] = {
    "johnson-paper": JohnsonPreset(
        network=JohnsonConfig(norm="batch"),
        objective=JohnsonObjective(content_weight=1.0, style_weight=5.0, tv_weight=1e-6),
        judge="vgg16",
        steps=40_000,
        source="Johnson et al. 2016; weights of jcjohnson/fast-neural-style (Caffe's VGG-16)",
    ),
    "johnson-torch": JohnsonPreset(
        objective=JohnsonObjective(content_weight=1e5, style_weight=1e10, tv_weight=0.0),
        judge="vgg16",
        steps=2 * 82_783 // 4,
        source="pytorch/examples, fast_neural_style (torchvision VGG-16), two epochs of COCO 2014",
    ),
    "visual-neurons": JohnsonPreset(
        objective=JohnsonObjective(
            content_weight=1.5, style_weight=10.0, tv_weight=0.01, tv="l1", measured=True
        ),
        judge="vgg19",
        crop=300,
        padding=40,
        steps=400,
        source="visualneurons.com (source 3): VGG-19, measured ratios, 400 batches",
    ),
    "pytorch-book": JohnsonPreset(
        objective=JohnsonObjective(content_weight=1e5, style_weight=1e10, tv_weight=0.0),
        judge="vgg16",
        steps=2 * 82_783 // 8,
        batch=8,
        source="chenyuntc/pytorch-book, chapter 8 (source 5)",
    ),
}
