"""A U-Net that turns pictures of one kind into another.

Isola, Zhu, Zhou and Efros, "Image-to-Image Translation with Conditional Adversarial Networks",
CVPR 2017, section 3.2.1 and appendix 6.1.1. https://arxiv.org/abs/1611.07004

Reading order: Pix2PixConfig, Down and Up (one level each), UNet. The discriminator is the PatchGAN
of ``discriminators.py``; what both learn by stands in ``objective.py``.

Departures from the paper, each with its reason:
    dropout      in the levels above the innermost one, as the authors' PyTorch program has it; the
                 paper counts the innermost in. Their published weights are of the program.
    noise        dropout masks come from a generator that is given, never from torch's own, so that
                 a picture can be made again. The paper's z, too, is nothing but dropout.
"""

from dataclasses import dataclass
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.blocks import init_normal, normalization
from impasto.checks import check_choice, check_range
from impasto.kinds import Norm


@dataclass(frozen=True, kw_only=True)
class Pix2PixConfig:
    """The shape of the generator."""

    width: int = 64
    """Channels at half resolution; deeper levels have two, four and then eight times as many."""

    depth: int = 8
    """How often it halves: 7 for pictures of 128 pixels, 8 for 256, 9 for 512. Sides are padded
    to multiples of 2^depth."""

    norm: Norm = "batch"
    """batch is the paper's; with batches of one picture both are nearly the same."""

    dropout: float = 0.5
    """Part of the features that is dropped in the deep levels of the decoder; 0 for none."""

    def __post_init__(self) -> None:
        check_range("width", self.width, at_least=1)
        check_range("depth", self.depth, at_least=2, at_most=10)
        check_choice("norm", self.norm, get_args(Norm))
        check_range("dropout", self.dropout, at_least=0.0, at_most=0.95)


class Down(nn.Module):
    """norm(conv(leaky_relu(x))), at half the size.

    Args:
        inputs, outputs: Channels.
        norm: None for the first level and the innermost, which has a single position.
        active: Whether x passes a leaky ReLU; pictures do not.
        bias: Of the convolution.
    """

    def __init__(
        self, inputs: int, outputs: int, *, norm: Norm | None, active: bool, bias: bool
    ) -> None:
        super().__init__()
        self.active = active
        self.conv = nn.Conv2d(inputs, outputs, 4, 2, 1, bias=bias)
        self.norm = normalization(norm, outputs) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, H / 2, W / 2)."""
        return self.norm(self.conv(F.leaky_relu(x, 0.2) if self.active else x))  # type: ignore[no-any-return]


class Up(nn.Module):
    """dropout(norm(transposed conv(relu(x)))), at twice the size.

    Args:
        inputs, outputs: Channels.
        norm: None for the last level.
        dropout: Part that is dropped when there is noise.
        bias: Of the convolution.
    """

    def __init__(
        self, inputs: int, outputs: int, *, norm: Norm | None, dropout: float, bias: bool
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.conv = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
        self.norm = normalization(norm, outputs) if norm else nn.Identity()

    def forward(self, x: Tensor, noise: torch.Generator | None) -> Tensor:
        """(B, inputs, H, W) to (B, outputs, 2H, 2W)."""
        x = self.norm(self.conv(F.relu(x)))
        return drop(x, self.dropout, noise) if noise is not None and self.dropout else x


def drop(x: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Dropout whose mask is drawn on the CPU, so that it is the same on every device.

    Args:
        x: Any shape.
        rate: Part that becomes 0; the rest is divided by 1 - rate.
        generator: Of the CPU.
    """
    kept = torch.empty(x.shape).bernoulli_(1 - rate, generator=generator).div_(1 - rate)
    return x * kept.to(x.device, x.dtype)


class UNet(nn.Module):
    """Down to a point, up again, each level handed across.

    Args:
        config: The shape; the default has 54,413,955 parameters.
    """

    def __init__(self, config: Pix2PixConfig | None = None) -> None:
        super().__init__()
        self.config = config or Pix2PixConfig()
        depth, norm = self.config.depth, self.config.norm
        bias = norm == "instance"  # batch norm takes any bias away, and has one of its own
        widths = [3, *(self.config.width * min(2**level, 8) for level in range(depth))]
        deepest = depth - 1
        self.downs = nn.ModuleList(
            Down(
                widths[level], widths[level + 1],
                norm=norm if 0 < level < deepest else None, active=level > 0, bias=bias,
            )
            for level in range(depth)
        )  # fmt: skip
        self.ups = nn.ModuleList(
            Up(
                # What comes from below and what was handed across; nothing is at the bottom.
                widths[level + 1] * (1 if level == deepest else 2), widths[level],
                norm=norm if level else None,
                dropout=self.config.dropout if 4 <= level < deepest else 0.0,
                bias=bias or level == 0,
            )
            for level in range(depth)
        )  # fmt: skip
        init_normal(self)

    def forward(self, pictures: Tensor, noise: torch.Generator | None = None) -> Tensor:
        """Translate.

        Args:
            pictures: (B, 3, H, W) in [-1, 1], sides multiples of 2^depth.
            noise: Generator of the CPU for dropout; None drops nothing.

        Returns:
            (B, 3, H, W) in [-1, 1].
        """
        handed, x = [], pictures
        for down in self.downs:
            x = down(x)
            handed.append(x)
        handed.pop()
        for up in reversed(self.ups):
            x = up(x, noise)
            if handed:
                x = torch.cat([handed.pop(), x], dim=1)  # (B, 2C, h, w)
        return x.tanh()
