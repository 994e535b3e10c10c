"""Encode, align, decode.

Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization",
ICCV 2017. https://arxiv.org/abs/1703.06868

Reading order: adain (eq. 8), mirrored_decoder (section 6.1), AdaIN (eqs. 10 and 11).

Departures from the paper, each with its reason:
    encoders     beside the paper's normalised VGG-19, its batch-norm form (whose features are of
                 even size as well, and which torchvision publishes) and the bundled lite.
    pools        round down, as the published networks do; the authors' ports round up.
    last bias    optional: it learns the mean colour of the paintings, which a short run then
                 paints into everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from impasto.blocks import convolve_repeated
from impasto.checks import check_choice
from impasto.features.statistics import channel_statistics
from impasto.features.vgg import VGG, VGGPlan, layer_names
from impasto.features.winograd import WinogradConv

Encoder = Literal["lite", "vgg19-normalized", "vgg19-bn"]

STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
"""Section 6.1; the last of them is what is aligned and decoded."""

EPS = 1e-5
"""Added to variances."""


@dataclass(frozen=True, kw_only=True)
class AdaINConfig:
    """The shape of the network."""

    encoder: Encoder = "lite"
    """What encodes: lite (bundled), vgg19-normalized (the paper's), or vgg19-bn."""

    last_bias: bool = True
    """Whether the decoder's last layer has a bias."""

    def __post_init__(self) -> None:
        check_choice("encoder", self.encoder, get_args(Encoder))


def adain(
    content: Tensor, statistics: tuple[Tensor, Tensor], *, own: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """sigma(y) (x - mu(x)) / sigma(x) + mu(y): eq. 8.

    Args:
        content: Features x, (B, C, H, W).
        statistics: Mean and deviation of y, each (1 or B, C, 1, 1), or spread over the grid.
        own: Those of x; None computes them.

    Returns:
        (B, C, H, W), float32 whatever the precision of ``content``: sums over all positions
        lose too much in half precision.
    """
    mean, deviation = channel_statistics(content, EPS) if own is None else own
    normalized = (content.float() - mean) / deviation
    return normalized * statistics[1] + statistics[0]


class Upsample(nn.Module):
    """Twice the size by repetition: what mirrors a pool."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, 2H, 2W)."""
        return x.repeat_interleave(2, dim=-2).repeat_interleave(2, dim=-1)


def mirrored_decoder(plan: VGGPlan, layer: str = "relu4_1", *, last_bias: bool = True) -> nn.Module:
    """The encoder from back to front: pools become upsampling, convolutions swap their channels.

    Reflection padding at every convolution, ReLU after all but the last, no normalisation, Kaiming
    initialisation (section 6.1).

    Args:
        plan: Of the encoder.
        layer: What is decoded.
        last_bias: Whether the last convolution has a bias.

    Returns:
        (B, C, h, w) to (B, 3, H, W), not clamped.
    """
    names = layer_names(plan)
    steps = [n for n in names[: names.index(layer) + 1] if n.startswith(("conv", "pool"))]
    widths = {n: plan.widths[int(n[4]) - 1] for n in steps}
    inputs, channels = {}, 3
    for name in steps:
        inputs[name] = channels
        channels = widths[name]
    modules: list[nn.Module] = []
    for name in reversed(steps):
        if name.startswith("pool"):
            modules.append(Upsample())
            continue
        last = name == "conv1_1"
        conv = WinogradConv(
            widths[name], inputs[name], padding_mode="reflect", bias=last_bias or not last
        )
        nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
        if conv.bias is not None:
            nn.init.zeros_(conv.bias)
        # Not in place: the gradient of a ReLU is known by what went into it.
        modules += [conv] if last else [conv, nn.ReLU()]
    return nn.Sequential(*modules)


def _decode_to_learn(decoder: nn.Module, x: Tensor) -> Tensor:
    """The decoder's layers, each upsampling in one with its convolution: a fifth of a step less."""
    repeated = False
    for module in decoder.children():
        if isinstance(module, Upsample):
            repeated = True
            continue
        if repeated and isinstance(module, nn.Conv2d):
            x, repeated = convolve_repeated(x, module.weight, module.bias), False
        else:
            x = module(x)
    return x


class AdaIN(nn.Module):
    """The frozen encoder and the decoder that learns.

    Args:
        encoder: A frozen VGG with the taps STYLE_LAYERS.
        config: The shape.
    """

    def __init__(self, encoder: VGG, config: AdaINConfig | None = None) -> None:
        super().__init__()
        self.config = config or AdaINConfig()
        self.encoder = encoder
        self.decoder = mirrored_decoder(
            encoder.plan, STYLE_LAYERS[-1], last_bias=self.config.last_bias
        )

    def encode(self, images: Tensor) -> dict[str, Tensor]:
        """Features by layer name of (B, 3, H, W) in [0, 1]."""
        return self.encoder(images)  # type: ignore[no-any-return]

    def align(
        self,
        content: Tensor,
        styles: Sequence[tuple[Tensor, Tensor]],
        alpha: float = 1.0,
        *,
        own: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Features of the content with the statistics of the styles' mean: eq. 11 with eq. 15.

        Args:
            content: Features at the deepest layer, (B, C, h, w).
            styles: Statistics of one style, or (statistics times share) of several, summed.
            alpha: 0 gives the content's features back.
            own: Statistics of the content's whole picture; None takes those of ``content``.
        """
        mean = torch.stack([s[0] for s in styles]).sum(0)
        deviation = torch.stack([s[1] for s in styles]).sum(0)
        aligned = adain(content, (mean, deviation), own=own)
        return aligned if alpha == 1 else alpha * aligned + (1 - alpha) * content.float()

    def decode(self, features: Tensor) -> Tensor:
        """(B, C, h, w) to (B, 3, 8h, 8w), not clamped."""
        first = next(self.decoder.parameters())
        features = features.to(first.dtype)
        if features.device.type == "cpu" and torch.is_grad_enabled() and first.requires_grad:
            return _decode_to_learn(self.decoder, features)
        return self.decoder(features)  # type: ignore[no-any-return]

    def forward(self, content: Tensor, style: Tensor) -> tuple[Tensor, Tensor]:
        """Stylize, for training.

        Args:
            content, style: (B, 3, H, W) in [0, 1]; sides are multiples of 8.

        Returns:
            The picture (B, 3, H, W), not clamped, and the aligned features t it was decoded from.
        """
        deepest = STYLE_LAYERS[-1]
        with torch.no_grad():
            features = self.encode(content)[deepest]
            target = adain(features, channel_statistics(self.encode(style)[deepest], EPS))
        return self.decode(target), target

    def reconstruct(self, images: Tensor) -> Tensor:
        """Pictures encoded and decoded: what the decoder may learn first."""
        with torch.no_grad():
            features = self.encode(images)[STYLE_LAYERS[-1]]
        return self.decode(features)
