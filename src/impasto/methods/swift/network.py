"""swift: any style, several times faster than its ancestors on a CPU.

Our own network; its parts come from
    Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
    Normalization", ICCV 2017. https://arxiv.org/abs/1703.06868 (align channel statistics)
    Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018.
    https://arxiv.org/abs/1709.07871 (scale and shift features from a code)
    Wang et al., "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer",
    AAAI 2023. https://arxiv.org/abs/2211.15313 (small encoders, style-modulated convolutions)

Reading order: SwiftConfig (what can be set), Encoder (three scales, in ``encoder.py``), Style
(what a style is), Decoder (align, modulate, upsample), Swift (encode, collect statistics, paint).
The objective it learns by stands in ``objective.py`` beside this file.

Departures from AdaIN, each with its reason:
    own encoder    trained with the decoder: VGG's full-resolution layers cost most of the time.
    three scales   with AdaIN at the bottleneck alone colours come late and strokes are coarse.
    no norms       only the encoder's features are normalised, by statistics that one pass over
                   the picture collects, so a tiled picture equals the whole one.
    FiLM           style and content's statistics also scale and shift the decoder's convolutions;
                   it costs nothing at inference, the factors being folded into the weights.
    a look first   a thumbnail is painted and looked at before the picture; see ``correction.py``.
    noise          gives flat areas a grain instead of a lattice; a function of the absolute pixel
                   position and a seed, so tiles, reruns and video frames agree.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.blocks import AlignedConv, ModulatedConv, position_noise, upsample
from impasto.checks import check_range
from impasto.errors import InputError
from impasto.features.statistics import channel_statistics
from impasto.methods.swift.encoder import Encoder
from impasto.methods.swift.film import Film, apply_tint

SCALES = (2, 4, 8)
"""Pixels per cell of the three feature grids."""

STRIP = 64
"""Rows of half resolution whose pixels are painted at once; even. Lower ones repeat more of what
surrounds them."""


@dataclass(frozen=True, kw_only=True)
class SwiftConfig:
    """The shape of the network; the defaults are the bundled one's."""

    widths: tuple[int, int, int] = (16, 48, 96)
    """Channels at half, quarter and eighth resolution; the first costs most of the time."""

    blocks: tuple[int, int, int] = (2, 2, 3)
    """Residual blocks of the decoder at each scale; the coarse ones see far and cost little."""

    last_width: int = 16
    """Channels of the layers at full resolution, where every channel costs most."""

    code_width: int = 192
    """Width of the hidden layer that turns a style into scales and shifts."""

    margin: int = 8
    """Pixels of reflection around the picture, cut off again: borders are painted like the rest.
    A multiple of 8, so that it ends between two cells of every grid."""

    def __post_init__(self) -> None:
        for blocks in self.blocks:
            check_range("blocks", blocks, at_least=1)
        check_range("margin", self.margin, at_least=0)
        if self.margin % SCALES[-1]:
            raise InputError(f"margin must be a multiple of {SCALES[-1]}; got {self.margin}.")


Pair = tuple[Tensor, Tensor]
"""Mean and deviation, each (B, C, 1, 1)."""

Style = tuple[Pair, ...]
"""One of them per scale from fine to coarse: six vectors."""


class ModulatedResidual(nn.Module):
    """x + conv(relu(conv(x))) with both convolutions scaled and shifted by the style."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ModulatedConv(channels, channels)
        self.second = ModulatedConv(channels, channels)

    def forward(self, x: Tensor, film: Film) -> Tensor:
        """(B, C, H, W) to the same; takes two layers' worth of ``film``."""
        hidden = F.relu(self.first(x, *film.take(self.first.out_channels, x)), inplace=True)
        return self.second(hidden, *film.take(self.second.out_channels, x)).add_(x)  # type: ignore[no-any-return]


class Decoder(nn.Module):
    """Aligned features to a picture, coarse to fine."""

    def __init__(self, config: SwiftConfig) -> None:
        super().__init__()
        half, quarter, eighth = config.widths
        self.align = nn.ModuleList(AlignedConv(c, c) for c in config.widths)
        self.noise_gain = nn.ParameterList(
            nn.Parameter(torch.full((1, c, 1, 1), 0.05)) for c in config.widths
        )
        self.blocks = nn.ModuleList(
            nn.ModuleList(ModulatedResidual(c) for _ in range(blocks))
            for c, blocks in zip(config.widths, config.blocks, strict=True)
        )
        self.down_to_quarter = ModulatedConv(eighth, quarter)
        self.down_to_half = ModulatedConv(quarter, half)
        self.to_full = ModulatedConv(half, config.last_width)
        self.full = nn.Conv2d(config.last_width, config.last_width, 3, padding=1)
        nn.init.dirac_(self.full.weight)
        self.paint = nn.Conv2d(config.last_width, 3, 3, padding=1)
        nn.init.constant_(self.paint.bias, 0.5)  # type: ignore[arg-type]

    @property
    def film_length(self) -> int:
        """How many scales and shifts one pass takes."""
        return 2 * sum(m.out_channels for m in self.modules() if isinstance(m, ModulatedConv))

    def forward(
        self,
        features: Sequence[Tensor],
        statistics: Style,
        style: Style,
        film: Film,
        noise: Sequence[Tensor],
    ) -> Tensor:
        """Paint what the features show in the manner of the style.

        Args:
            features: Of the content, fine to coarse.
            statistics: The content's own, to be taken off.
            style: To be put on; (B, C, 1, 1) or spread over the grid of its scale.
            film: Scales and shifts of this style.
            noise: (1, 1, h, w) per scale.

        Returns:
            (B, 3, H, W), not yet clamped.
        """
        half, quarter, eighth = zip(features, statistics, style, noise, strict=True)
        x = F.relu(self._enter(2, *eighth), inplace=True)
        x = self._ascend(self.down_to_quarter, self._refine(2, x, film), film)
        x = F.relu(self._enter(1, *quarter).add_(x), inplace=True)
        x = self._refine(1, x, film)
        x = self.down_to_half(x, *film.take(self.down_to_half.out_channels, x))
        if torch.is_grad_enabled():
            return self._finish(x, *half, film)
        return self._finish_in_strips(x, *half, film)

    def _enter(
        self, scale: int, features: Tensor, statistics: Pair, style: Pair, noise: Tensor
    ) -> Tensor:
        """AdaIN (Huang and Belongie 2017, eq. 8), a 1x1 convolution, and grain."""
        aligned = self.align[scale](features, statistics, style)
        return aligned.addcmul_(self.noise_gain[scale], noise)  # type: ignore[no-any-return]

    @staticmethod
    def _ascend(conv: ModulatedConv, x: Tensor, film: Film) -> Tensor:
        """The convolution stands before the upsampling, where it costs a quarter."""
        return upsample(conv(x, *film.take(conv.out_channels, x)))

    def _finish(
        self, x: Tensor, features: Tensor, statistics: Pair, style: Pair, noise: Tensor, film: Film
    ) -> Tensor:
        """From quarter resolution (B, C, h, w) to colours (B, 3, 4h, 4w)."""
        x = upsample(x)
        x = F.relu(self._enter(0, features, statistics, style, noise).add_(x), inplace=True)
        x = self._ascend(self.to_full, self._refine(0, x, film), film)
        return self.paint(F.relu(self.full(F.relu(x, inplace=True)), inplace=True))  # type: ignore[no-any-return]

    def _finish_in_strips(
        self, x: Tensor, features: Tensor, statistics: Pair, style: Pair, noise: Tensor, film: Film
    ) -> Tensor:
        """The same, strip by strip: at fine resolution the features would be most of the memory."""
        height, width = features.shape[-2:]
        halo = 2 * len(self.blocks[0]) + 4  # type: ignore[arg-type]
        painted = x.new_empty((x.shape[0], 3, 2 * height, 2 * width))
        painted = painted.contiguous(memory_format=torch.channels_last)
        for top in range(0, height, STRIP):
            bottom = min(height, top + STRIP)
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


class Swift(nn.Module):
    """Encode, collect statistics, paint.

    Args:
        config: The shape of the network.
    """

    def __init__(self, config: SwiftConfig | None = None) -> None:
        super().__init__()
        self.config = config or SwiftConfig()
        self.encoder = Encoder(self.config.widths)
        self.decoder = Decoder(self.config)
        code = 2 * sum(self.config.widths)
        self.to_film = nn.Sequential(
            nn.Linear(code, self.config.code_width), nn.ReLU(inplace=True),
            nn.Linear(self.config.code_width, self.decoder.film_length + 9),
        )  # fmt: skip
        self.of_content = nn.Linear(code, self.config.code_width, bias=False)
        self.of_missed = nn.Linear(code, self.config.code_width, bias=False)
        # A style scales, shifts and tints nothing until that is learned.
        for told in (self.of_content.weight, self.of_missed.weight, *self.to_film[-1].parameters()):
            nn.init.zeros_(told)

    def encode(self, images: Tensor) -> tuple[Tensor, ...]:
        """Features per scale of padded pictures (B, 3, H, W), both sides multiples of 8."""
        return self.encoder(images)  # type: ignore[no-any-return]

    def statistics(self, features: Sequence[Tensor], size: Sequence[int]) -> Style:
        """Mean and deviation (B, C, 1, 1) per scale, over the picture without its margin.

        Args:
            features: Of a picture with ``config.margin`` pixels of reflection around it.
            size: (height, width) of the picture without them.
        """
        return tuple(
            channel_statistics(self._inside(x, scale, size))
            for x, scale in zip(features, SCALES, strict=True)
        )

    def _inside(self, x: Tensor, scale: int, size: Sequence[int]) -> Tensor:
        start = self.config.margin // scale
        height, width = (-(-side // scale) for side in size)
        return x[..., start : start + height, start : start + width]

    def modulation(
        self, style: Style, content: Style, wanted: Style | None = None
    ) -> tuple[Tensor, Tensor]:
        """What a style does to the decoder when it paints this content.

        The content counts because the same scales make too little of a flat picture and too
        much of a rough one; its statistics are known before it is painted anyway.

        Args:
            style, content: Statistics; one of either for the batch or one for each.
            wanted: In whose place ``style`` is asked for, see ``correction.py``; None: in its own.

        Returns:
            Scales and shifts (B, N, 1, 1), tint (B, 3, 3).
        """
        first, activation, last = self.to_film
        asked = self._code(style)
        missed = asked - self._code(style if wanted is None else wanted)
        hidden = first(asked) + self.of_content(self._code(content)) + self.of_missed(missed)
        values = last(activation(hidden))
        return values[:, :-9, None, None], values[:, -9:].view(-1, 3, 3)

    def _code(self, statistics: Style) -> Tensor:
        vectors = torch.cat([v.flatten(1) for pair in statistics for v in pair], dim=1)
        return vectors.to(self.decoder.paint.weight.dtype)  # (B, 2 sum C)

    def noise(
        self, size: tuple[int, int], seed: int, origin: tuple[int, int] = (0, 0)
    ) -> list[Tensor]:
        """Grain for each scale of a padded picture whose corner stands at ``origin`` (y, x)."""
        return [
            position_noise(
                (size[0] // scale, size[1] // scale),
                seed=seed + index,
                origin=(origin[0] // scale, origin[1] // scale),
            )
            for index, scale in enumerate(SCALES)
        ]

    def decode(
        self,
        images: Tensor,
        features: Sequence[Tensor],
        statistics: Style,
        style: Style,
        film: Film,
        tint: Callable[[Tensor], Tensor],
        noise: Sequence[Tensor],
    ) -> Tensor:
        """Paint: (B, 3, H, W), not yet clamped.

        Args:
            images: The padded content, whose finest detail enters by a 3x3 matrix of the style's.
            features: Of ``images``.
            statistics: Of the content.
            style: (B, C, 1, 1) per scale, one for the batch or one for each, or over the grid.
            film: What ``modulation`` says of the style.
            tint: The same, as a map of pictures.
            noise: As ``noise`` makes it.
        """
        return self.decoder(features, statistics, style, film, noise).add_(tint(images))  # type: ignore[no-any-return]

    def forward(self, content: Tensor, style: Tensor, seed: int = 0) -> Tensor:
        """Content in the manner of style, for training: one style per content.

        Args:
            content, style: (B, 3, H, W) in [0, 1]; sides are multiples of 8.
            seed: Of the grain.

        Returns:
            (B, 3, H, W), not clamped.
        """
        return self.transfer(content, self.style_of(style), seed)

    def style_of(self, images: Tensor) -> Style:
        """The six vectors of pictures (B, 3, H, W) whose sides are multiples of 8."""
        return self.statistics(self.encode(self._pad(images)), images.shape[-2:])

    def transfer(
        self, content: Tensor, style: Style, seed: int = 0, wanted: Style | None = None
    ) -> Tensor:
        """``forward`` with the style's vectors already known; ``wanted`` as in ``modulation``."""
        size = (content.shape[-2], content.shape[-1])
        padded = self._pad(content)
        features = self.encode(padded)
        noise = [n.to(padded) for n in self.noise((padded.shape[-2], padded.shape[-1]), seed)]
        own = self.statistics(features, size)
        values, tint = self.modulation(style, own, wanted)
        tinted = partial(apply_tint, tint=tint)
        painted = self.decode(padded, features, own, style, Film(values), tinted, noise)
        m = self.config.margin
        return painted[..., m : m + size[0], m : m + size[1]]

    def reconstruct(self, images: Tensor, seed: int = 0) -> Tensor:
        """Pictures painted in their own manner."""
        return self.transfer(images, self.style_of(images), seed)

    def _pad(self, images: Tensor) -> Tensor:
        m = self.config.margin
        return F.pad(images, (m, m, m, m), mode="reflect") if m else images
