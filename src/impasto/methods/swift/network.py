"""swift: any style, several times faster than its ancestors on a CPU.

Our own network; its parts come from
    Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance
    Normalization", ICCV 2017. https://arxiv.org/abs/1703.06868 (align channel statistics)
    Perez et al., "FiLM: Visual Reasoning with a General Conditioning Layer", AAAI 2018.
    https://arxiv.org/abs/1709.07871 (scale and shift features from a code)
    Wang et al., "MicroAST: Towards Super-Fast Ultra-Resolution Arbitrary Style Transfer",
    AAAI 2023. https://arxiv.org/abs/2211.15313 (small encoders, style-modulated convolutions)

Reading order: SwiftConfig and Style (what can be set, and what a style is, in ``shape.py``),
Encoder (three scales, in ``encoder.py``), Decoder (align, modulate, upsample, in ``decoder.py``),
Swift (encode, collect statistics, paint). What it learns by stands in ``objective.py``.

Departures from AdaIN, each with its reason:
    own encoder    trained with the decoder: VGG's full-resolution layers cost most of the time.
    three scales   with AdaIN at the bottleneck alone colours come late and strokes are coarse.
    no norms       only the encoder's features are normalised, by statistics that one pass over
                   the picture collects, so a tiled picture equals the whole one.
    lite's eye     a style is also the statistics of a few layers of lite, which stay as they are:
                   from so small an encoder's one cannot tell all that a style is judged by.
    FiLM           style and content's statistics also scale and shift the decoder's convolutions;
                   it costs nothing at inference, the factors being folded into the weights.
    a look first   a thumbnail is painted and looked at before the picture; see ``correction.py``.
    noise          gives flat areas a grain instead of a lattice; a function of the absolute pixel
                   position and a seed, so tiles, reruns and video frames agree.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from impasto.blocks import position_noise
from impasto.features.lite import LITE_PLAN
from impasto.features.statistics import channel_statistics
from impasto.features.vgg import VGG
from impasto.images.resize import pad_reflect
from impasto.methods.swift.decoder import Decoder
from impasto.methods.swift.encoder import Encoder
from impasto.methods.swift.film import Film, apply_tint
from impasto.methods.swift.shape import SCALES, Style, SwiftConfig, tap_scale

FILM_GAIN = 1 / 16
"""Of the last linear layer, whose steps of learning would else be as large as what it says."""

CODE_LIMIT = 4.0
"""How many deviations from the mean a statistic may say it is: beyond, nothing was learned."""


class Swift(nn.Module):
    """Encode, collect statistics, paint.

    Args:
        config: The shape of the network.
    """

    def __init__(self, config: SwiftConfig | None = None) -> None:
        super().__init__()
        self.config = config or SwiftConfig()
        self.encoder = Encoder(self.config.widths, self.config.leak)
        self.decoder = Decoder(self.config)
        taps = self.config.taps
        self.perceptual = VGG(LITE_PLAN, taps, padding="reflect") if taps else None
        own, code = 2 * sum(self.config.widths), 2 * sum(self.config.pair_widths)
        self.to_film = nn.Sequential(
            nn.Linear(code, self.config.code_width), nn.ReLU(inplace=True),
            nn.Linear(self.config.code_width, self.decoder.film_length + 9),
        )  # fmt: skip
        self.of_content = nn.Linear(own, self.config.code_width, bias=False)
        self.of_missed = nn.Linear(code, self.config.code_width, bias=False)
        # What statistics usually are, for linear layers that are fed alike by all of them.
        self.code_mean = nn.Parameter(torch.zeros(code), requires_grad=False)
        self.code_size = nn.Parameter(torch.ones(code), requires_grad=False)
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
        return self._statistics(features, SCALES, size)

    def describe(self, padded: Tensor, size: Sequence[int]) -> Style:
        """All that is known of a style.

        Args:
            padded: (B, 3, H, W), the picture with its margin, both sides multiples of 8.
            size: (height, width) of the picture without it.
        """
        own = self.statistics(self.encode(padded), size)
        return (*own, *self.perceive(padded, size))

    def perceive(self, padded: Tensor, size: Sequence[int]) -> Style:
        """The pairs of ``config.taps``; the arguments are those of ``describe``."""
        if self.perceptual is None:
            return ()
        with torch.no_grad():
            taps = self.perceptual(padded)
        return self._statistics(taps.values(), [tap_scale(name) for name in taps], size)

    def _statistics(
        self, features: Iterable[Tensor], scales: Iterable[int], size: Sequence[int]
    ) -> Style:
        return tuple(
            channel_statistics(self._inside(x, scale, size))
            for x, scale in zip(features, scales, strict=True)
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
            style: All that ``describe`` tells; one for the batch or one for each.
            content: Statistics, of which those of ``config.taps`` are not looked at.
            wanted: In whose place ``style`` is asked for, see ``correction.py``; None: in its own.

        Returns:
            Scales and shifts (B, N, 1, 1), tint (B, 3, 3).
        """
        first, activation, last = self.to_film
        asked = self.code(style)
        missed = asked - self.code(style if wanted is None else wanted)
        hidden = (
            first(asked)
            + self.of_content(self.code(content[: len(SCALES)]))
            + self.of_missed(missed)
        )
        values = FILM_GAIN * last(activation(hidden))
        return values[:, :-9, None, None], values[:, -9:].view(-1, 3, 3)

    def code(self, statistics: Style) -> Tensor:
        """Statistics, all or the first, as the linear layers are told of them: (B, 2 sum C)."""
        vectors = torch.cat([v.flatten(1) for pair in statistics for v in pair], dim=1)
        known = vectors.shape[1]
        whitened = (vectors - self.code_mean[:known].float()) / self.code_size[:known].float()
        limit = CODE_LIMIT if self.config.taps else math.inf  # weights of before know none
        return whitened.clamp(-limit, limit).to(self.decoder.paint.weight.dtype)

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
        features: list[Tensor],
        statistics: Style,
        style: Style,
        film: Film,
        tint: Callable[[Tensor], Tensor],
        noise: Sequence[Tensor],
    ) -> Tensor:
        """Paint: (B, 3, H, W), not yet clamped.

        Args:
            images: The padded content, whose finest detail enters by a 3x3 matrix of the style's.
            features: Of ``images``; the list is emptied.
            statistics: Of the content; of these and of the style's only the scales' count here.
            style: (B, C, 1, 1) per scale, one for the batch or one for each, or over the grid.
            film: What ``modulation`` says of the style.
            tint: The same, as a map of pictures.
            noise: As ``noise`` makes it.
        """
        own, wanted = statistics[: len(SCALES)], style[: len(SCALES)]
        return self.decoder(features, own, wanted, film, noise).add_(tint(images))  # type: ignore[no-any-return]

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
        """What ``describe`` tells of pictures (B, 3, H, W) whose sides are multiples of 8."""
        return self.describe(self._pad(images), images.shape[-2:])

    def transfer(
        self, content: Tensor, style: Style, seed: int = 0, wanted: Style | None = None
    ) -> Tensor:
        """``forward`` with the style's vectors already known; ``wanted`` as in ``modulation``."""
        size = (content.shape[-2], content.shape[-1])
        padded = self._pad(content)
        features = list(self.encode(padded))
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
        return pad_reflect(images, (m, m, m, m))  # thumbnails may be smaller than the margin
