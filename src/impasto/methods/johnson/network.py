"""One network per style.

Johnson, Alahi and Fei-Fei, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution",
ECCV 2016. https://arxiv.org/abs/1603.08155
Ulyanov, Vedaldi and Lempitsky, "Instance Normalization: The Missing Ingredient for Fast
Stylization", 2016. https://arxiv.org/abs/1607.08022

Reading order: JohnsonConfig, TransformerNet (the supplementary material's table 1). What it learns
by stands in ``objective.py``.

Departures from the paper, each with its reason:
    instance norm    the authors' own program offers it and prefers it; "batch" is the paper's.
    reflection       at every convolution; the paper pads the picture once by 40 and lets residual
                     blocks shrink it. Zero padding draws a frame.
    resize           upsampling by repetition and a convolution, where the paper has fractionally
                     strided ones, which leave a checkerboard (Odena et al., Distill 2016).
    no tanh          the last layer is linear and the picture is clamped: a scaled tanh saturates
                     and paints darker.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from impasto.blocks import InstanceNorm
from impasto.checks import check_choice, check_range
from impasto.features.winograd import WinogradConv

Norm = Literal["instance", "batch"]


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
    if (kernel, stride) == (3, 1):
        return WinogradConv(inputs, outputs, padding_mode="reflect")
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode="reflect")


def _norm(kind: Norm, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return InstanceNorm(channels, affine=True)


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
