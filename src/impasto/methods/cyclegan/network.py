"""Two generators that undo one another, and two discriminators.

Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial
Networks", ICCV 2017, section 4 and appendix 7.2. https://arxiv.org/abs/1703.10593

Reading order: CycleGANConfig, Residual, ResNetGenerator, CycleGAN (the four networks). What they
learn by stands in ``objective.py``.

    here                paper    turns or tells
    generator_ab        G        pictures of domain A (X) into B (Y)
    generator_ba        F        B into A
    discriminator_a     D_X      real pictures of A from made ones
    discriminator_b     D_Y      real pictures of B from made ones

Departures from the paper, each with its reason:
    upsampling    "resize" may stand for the transposed convolutions: repetition and a convolution
                  leave no checkerboard (Odena et al., Distill 2016), the most frequent complaint
                  about the authors' program.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from impasto.blocks import init_normal, normalization
from impasto.checks import check_choice, check_range
from impasto.discriminators import DiscriminatorConfig, discriminator_of
from impasto.features.winograd import WinogradConv
from impasto.kinds import Norm

Upsampling = Literal["transposed", "resize"]


@dataclass(frozen=True, kw_only=True)
class CycleGANConfig:
    """The shape of both generators."""

    width: int = 64
    """Channels of the first layer; the residual blocks have four times as many."""

    blocks: int = 9
    """Residual blocks: 6 for pictures of 128 pixels, 9 for 256 and more."""

    norm: Norm = "instance"
    """After every convolution but the last."""

    upsampling: Upsampling = "transposed"
    """transposed is the paper's; resize leaves no checkerboard."""

    def __post_init__(self) -> None:
        check_range("width", self.width, at_least=1)
        check_range("blocks", self.blocks, at_least=0)
        check_choice("norm", self.norm, get_args(Norm))
        check_choice("upsampling", self.upsampling, get_args(Upsampling))


def _conv(inputs: int, outputs: int, kernel: int, *, bias: bool = True) -> nn.Conv2d:
    if kernel == 3:
        return WinogradConv(inputs, outputs, padding_mode="reflect", bias=bias)
    return nn.Conv2d(
        inputs, outputs, kernel, padding=kernel // 2, padding_mode="reflect", bias=bias
    )


class Residual(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))): R256 of the paper."""

    def __init__(self, channels: int, norm: Norm, *, bias: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _conv(channels, channels, 3, bias=bias), normalization(norm, channels), nn.ReLU(),
            _conv(channels, channels, 3, bias=bias), normalization(norm, channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return x + self.body(x)  # type: ignore[no-any-return]


class ResNetGenerator(nn.Module):
    """c7s1-64, d128, d256, R256 several times, u128, u64, c7s1-3.

    Args:
        config: The shape; 9 blocks have 11,378,179 parameters, 6 have 7,837,699.
    """

    def __init__(self, config: CycleGANConfig | None = None) -> None:
        super().__init__()
        self.config = config or CycleGANConfig()
        w, norm = self.config.width, self.config.norm
        bias = norm == "instance"  # batch norm takes any bias away, and has one of its own

        def layer(conv: nn.Module, channels: int) -> nn.Sequential:
            return nn.Sequential(conv, normalization(norm, channels), nn.ReLU())

        def down(inputs: int) -> nn.Sequential:
            return layer(nn.Conv2d(inputs, 2 * inputs, 3, 2, 1, bias=bias), 2 * inputs)

        def up(inputs: int) -> nn.Sequential:
            half = inputs // 2
            if self.config.upsampling == "resize":
                conv = _conv(inputs, half, 3, bias=bias)
                return nn.Sequential(nn.Upsample(scale_factor=2), *layer(conv, half))
            return layer(nn.ConvTranspose2d(inputs, half, 3, 2, 1, 1, bias=bias), half)

        self.down = nn.Sequential(layer(_conv(3, w, 7, bias=bias), w), down(w), down(2 * w))
        self.blocks = nn.Sequential(
            *(Residual(4 * w, norm, bias=bias) for _ in range(self.config.blocks))
        )
        self.up = nn.Sequential(up(4 * w), up(2 * w), _conv(w, 3, 7))
        init_normal(self)

    def forward(self, pictures: Tensor) -> Tensor:
        """Translate.

        Args:
            pictures: (B, 3, H, W) in [-1, 1], sides multiples of 4 and at least 8.

        Returns:
            (B, 3, H, W) in [-1, 1].
        """
        return self.up(self.blocks(self.down(pictures))).tanh()  # type: ignore[no-any-return]


class CycleGAN(nn.Module):
    """The four networks of a training; see the table above.

    Args:
        config: The shape of both generators.
        judges: The shape of both discriminators; None is a PatchGAN of 70 pixels with the
            generators' norm.
    """

    def __init__(
        self, config: CycleGANConfig | None = None, judges: DiscriminatorConfig | None = None
    ) -> None:
        super().__init__()
        self.config = config or CycleGANConfig()
        self.judges = judges or DiscriminatorConfig(norm=self.config.norm)
        self.generator_ab = ResNetGenerator(self.config)
        self.generator_ba = ResNetGenerator(self.config)
        self.discriminator_a = discriminator_of(self.judges, 3)
        self.discriminator_b = discriminator_of(self.judges, 3)
