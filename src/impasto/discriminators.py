"""Networks that tell real pictures from made ones.

Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial Networks",
CVPR 2017 (section 3.2.2 and appendix 6.1.2). https://arxiv.org/abs/1611.07004

Reading order: DiscriminatorConfig, PatchGAN, PixelGAN, discriminator_of.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from impasto.blocks import init_normal, normalization
from impasto.checks import check_choice, check_range
from impasto.kinds import Norm

Judging = Literal["patch", "pixel"]


@dataclass(frozen=True, kw_only=True)
class DiscriminatorConfig:
    """The shape of a discriminator."""

    kind: Judging = "patch"
    """patch judges overlapping windows of the picture, pixel each pixel alone (its colours)."""

    width: int = 64
    """Channels of the first layer; later ones have up to eight times as many."""

    layers: int = 3
    """Of a patch discriminator: how often it halves. Its windows are 16, 34, 70, 142 or 286
    pixels wide with 1 to 5."""

    norm: Norm = "batch"
    """After every convolution but the first and the last; CycleGAN takes instance."""

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(Judging))
        check_range("width", self.width, at_least=1)
        check_range("layers", self.layers, at_least=1, at_most=6)
        check_choice("norm", self.norm, get_args(Norm))


class PatchGAN(nn.Module):
    """C64-C128-C256-C512 and one score per window; with 3 layers a window is 70 x 70 pixels.

    Args:
        inputs: Channels: 3 for a picture, 6 for a pair.
        width: Channels of the first layer.
        layers: How often it halves.
        norm: After every convolution but the first and the last.
    """

    def __init__(
        self, inputs: int = 3, *, width: int = 64, layers: int = 3, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        self.layers = layers
        bias = norm == "instance"  # batch norm takes any bias away, and has one of its own
        parts: list[nn.Module] = [nn.Conv2d(inputs, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        channels = width
        for layer in range(1, layers + 1):
            wider = width * min(2**layer, 8)
            stride = 2 if layer < layers else 1
            parts += [
                nn.Conv2d(channels, wider, 4, stride, 1, bias=bias),
                normalization(norm, wider), nn.LeakyReLU(0.2),
            ]  # fmt: skip
            channels = wider
        self.body = nn.Sequential(*parts, nn.Conv2d(channels, 1, 4, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        """Scores before any sigmoid, one per window.

        Args:
            pictures: (B, inputs, H, W) in [-1, 1], sides at least 3 * 2^layers.

        Returns:
            (B, 1, h, w); with 3 layers h is H / 8 - 2.
        """
        return self.body(pictures)  # type: ignore[no-any-return]


class PixelGAN(nn.Module):
    """1x1 convolutions: colours are judged, neighbours are not looked at (section 4.4).

    Args:
        inputs: Channels: 3 for a picture, 6 for a pair.
        width: Channels of the first layer.
        norm: After the second convolution.
    """

    def __init__(self, inputs: int = 3, *, width: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        bias = norm == "instance"
        self.body = nn.Sequential(
            nn.Conv2d(inputs, width, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 1, bias=bias), normalization(norm, 2 * width),
            nn.LeakyReLU(0.2), nn.Conv2d(2 * width, 1, 1, bias=bias),
        )  # fmt: skip

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, inputs, H, W) in [-1, 1] to scores (B, 1, H, W) before any sigmoid."""
        return self.body(pictures)  # type: ignore[no-any-return]


def discriminator_of(config: DiscriminatorConfig, inputs: int) -> nn.Module:
    """The discriminator of a configuration, its weights drawn by ``init_normal``.

    Args:
        config: Its shape.
        inputs: Channels of what it judges.
    """
    if config.kind == "pixel":
        return init_normal(PixelGAN(inputs, width=config.width, norm=config.norm))
    return init_normal(PatchGAN(inputs, width=config.width, layers=config.layers, norm=config.norm))


def smallest_side(config: DiscriminatorConfig) -> int:
    """Pixels of the smallest square that still gets a score and can be normalised."""
    return 1 if config.kind == "pixel" else 3 * 2**config.layers
