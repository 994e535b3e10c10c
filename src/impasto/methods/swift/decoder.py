"""swift's decoder: aligned features to a picture, coarse to fine."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.methods.swift.film import Film
from impasto.methods.swift.layers import (
    ActiveConv,
    AlignedConv,
    ModulatedConv,
    add_plane,
    upsample,
)
from impasto.methods.swift.shape import Pair, Style, SwiftConfig

STRIP = 1 << 17
"""Cells of half resolution whose pixels are painted at once. Fewer need less memory, but more of
what surrounds them is repeated: strips of 64 rows took a tenth longer at 512x808."""

HIGHEST = 136
"""Rows of a strip at most, so that ``appetite_of`` sees strips in a narrow window; even."""

REACH = 2
"""Cells of half resolution: one by upsampling, one by two convolutions of pixels."""

LOWEST = 32
"""Rows of a strip at least, however wide the picture; even."""


class ModulatedResidual(nn.Module):
    """x + conv(leaky_relu(conv(x))) with both convolutions scaled and shifted by the style.

    Args:
        channels: Of the features.
        leak: Slope below 0.
    """

    def __init__(self, channels: int, leak: float) -> None:
        super().__init__()
        self.first = ModulatedConv(channels, channels, leak)
        self.second = ModulatedConv(channels, channels)

    def forward(self, x: Tensor, film: Film) -> Tensor:
        """(B, C, H, W) to the same, written over without gradient; takes two layers' worth."""
        hidden = self.first(x, *film.take(self.first.out_channels, x))
        return self.second(hidden, *film.take(self.second.out_channels, x), onto=x)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Aligned features to a picture, coarse to fine."""

    def __init__(self, config: SwiftConfig) -> None:
        super().__init__()
        half, quarter, eighth = config.widths
        self.leaks = (0.0, config.leak, config.leak)
        self.align = nn.ModuleList(AlignedConv(c, c) for c in config.widths)
        self.noise_gain = nn.ParameterList(
            nn.Parameter(torch.full((1, c, 1, 1), 0.05)) for c in config.widths
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(ModulatedResidual(c, leak) for _ in range(blocks))
            for c, blocks, leak in zip(config.widths, config.blocks, self.leaks, strict=True)
        )
        self.down_to_quarter = ModulatedConv(eighth, quarter)
        self.down_to_half = ModulatedConv(quarter, half)
        self.to_full = ModulatedConv(half, config.last_width)
        # The zeros of these two end inside the margin.
        self.full = ActiveConv(config.last_width, config.last_width)
        nn.init.dirac_(self.full.weight)
        self.paint = nn.Conv2d(config.last_width, 3, 3, padding=1)
        nn.init.constant_(self.paint.bias, 0.5)  # type: ignore[arg-type]

    @property
    def film_length(self) -> int:
        """How many scales and shifts one pass takes."""
        return 2 * sum(m.out_channels for m in self.modules() if isinstance(m, ModulatedConv))

    def forward(
        self,
        features: list[Tensor],
        statistics: Style,
        style: Style,
        film: Film,
        noise: Sequence[Tensor],
    ) -> Tensor:
        """Paint what the features show in the manner of the style.

        Args:
            features: Of the content, fine to coarse; taken out of the list, so that each is freed
                once it has been used where nothing else holds it.
            statistics: The content's own, to be taken off.
            style: To be put on; (B, C, 1, 1) or spread over the grid of its scale.
            film: Scales and shifts of this style.
            noise: (1, 1, h, w) per scale.

        Returns:
            (B, 3, H, W), not yet clamped.
        """
        assert len(features) == len(statistics), "features that were painted already, or others"
        half, quarter, eighth = zip(statistics, style, noise, strict=True)
        x = self._refine(2, self._enter(2, features.pop(), *eighth), film)
        x = self._ascend(self.down_to_quarter, x, film)
        x = self._enter(1, features.pop(), *quarter, onto=x)
        for block in self.blocks[1]:  # type: ignore[attr-defined]
            # Not by _refine, which would keep what it was given until its end.
            x = block(x, film)
        x = self.down_to_half(x, *film.take(self.down_to_half.out_channels, x))
        if torch.is_grad_enabled():
            return self._finish(x, features.pop(), *half, film)
        return self._finish_in_strips(x, features.pop(), *half, film)

    def _enter(
        self,
        scale: int,
        features: Tensor,
        statistics: Pair,
        style: Pair,
        noise: Tensor,
        onto: Tensor | None = None,
    ) -> Tensor:
        """AdaIN (Huang and Belongie 2017, eq. 8), a 1x1 convolution, grain, what is coarser."""
        align, gain, leak = self.align[scale], self.noise_gain[scale], self.leaks[scale]
        if onto is not None:
            onto = add_plane(onto, gain, noise)
            return align(features, statistics, style, slope=leak, onto=onto)  # type: ignore[no-any-return]
        aligned = add_plane(align(features, statistics, style), gain, noise)
        return F.leaky_relu(aligned, leak, inplace=True)

    @staticmethod
    def _ascend(conv: ModulatedConv, x: Tensor, film: Film) -> Tensor:
        """The convolution stands before the upsampling, where it costs a quarter."""
        return upsample(conv(x, *film.take(conv.out_channels, x)))

    def _finish(
        self, x: Tensor, features: Tensor, statistics: Pair, style: Pair, noise: Tensor, film: Film
    ) -> Tensor:
        """From quarter resolution (B, C, h, w) to colours (B, 3, 4h, 4w)."""
        x = self._enter(0, features, statistics, style, noise, onto=upsample(x))
        x = self._refine(0, x, film)
        return self.colors(self.to_full(x, *film.take(self.to_full.out_channels, x)))

    def colors(self, x: Tensor) -> Tensor:
        """What full resolution makes of half: (B, C, h, w) to (B, 3, 2h, 2w).

        A cell is painted by those that are at most ``REACH`` away.
        """
        x = F.relu(upsample(x), inplace=True)
        return self.paint(self.full(x))  # type: ignore[no-any-return]

    def _finish_in_strips(
        self, x: Tensor, features: Tensor, statistics: Pair, style: Pair, noise: Tensor, film: Film
    ) -> Tensor:
        """The same, strip by strip: at fine resolution the features would be most of the memory."""
        height, width = features.shape[-2:]
        halo = 2 * len(self.blocks[0]) + REACH + 2  # type: ignore[arg-type]
        painted = x.new_empty((x.shape[0], 3, 2 * height, 2 * width))
        painted = painted.contiguous(memory_format=torch.channels_last)
        rows = rows_of_strip(width)
        for top in range(0, height, rows):
            bottom = min(height, top + rows)
            first, last = max(0, top - halo), min(height, bottom + halo)
            mean, deviation = (v[..., first:last, :] if v.shape[-2] > 1 else v for v in style)
            strip = self._finish(
                x[..., first // 2 : last // 2, :],
                features[..., first:last, :],
                statistics,
                (mean, deviation),
                noise[..., first:last, :],
                film.rows(first, last, height),
            )
            inside = slice(2 * (top - first), 2 * (bottom - first))
            painted[..., 2 * top : 2 * bottom, :] = strip[..., inside, :]
        return painted

    def _refine(self, scale: int, x: Tensor, film: Film) -> Tensor:
        for block in self.blocks[scale]:  # type: ignore[attr-defined]
            x = block(x, film)
        return x


def rows_of_strip(width: int) -> int:
    """How high the strips of a grid of that width are; even."""
    return min(HIGHEST, max(LOWEST, STRIP // width // 2 * 2))
