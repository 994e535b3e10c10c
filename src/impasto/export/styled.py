"""The graphs of painters that are shown a style: swift's and AdaIN's.

Departures from the painters, each with its reason:
    grain    swift's is computed by whole numbers of 64 bits, which not every runtime has; there it
             is left out, or, where the size is fixed, put in as constants.
    styles   one per picture; several are mixed by weighting their statistics before they are given.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from impasto.blocks import position_noise
from impasto.export.parts import (
    cell_means,
    cells_of,
    part_of,
    reflected,
    statistics,
    thumbnail_cells,
    tinted,
)
from impasto.methods.adain.network import STYLE_LAYERS, AdaIN
from impasto.methods.adain.windows import CELL as ADAIN_CELL
from impasto.methods.adain.windows import MARGIN as ADAIN_MARGIN
from impasto.methods.base import Statistics
from impasto.methods.swift.correction import LIMIT, SIDE, STRENGTH
from impasto.methods.swift.film import Film
from impasto.methods.swift.network import Swift
from impasto.methods.swift.shape import SCALES, tap_scale


class StyledGraph(nn.Module, ABC):
    """From a content and what is known of a style to a picture."""

    widths: tuple[int, ...]
    """Channels per pair of statistics."""

    @abstractmethod
    def encode_style(self, style: Tensor) -> Statistics:
        """Statistics of style pictures (B or 1, 3, h, w) in [0, 1]."""

    @abstractmethod
    def paint(self, content: Tensor, style: Statistics, alpha: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] to the same; alpha (1, 1, 1, 1)."""


class SwiftGraph(StyledGraph):
    """swift as its painter runs it, a look at a small painting first included.

    Args:
        network: With its weights.
        grain: Whether paint has grain.
        look: Whether to look first.
        seed: Of the grain.
        fixed: (height, width) of all contents, where the grain is to be constants.
    """

    def __init__(
        self,
        network: Swift,
        *,
        grain: bool = True,
        look: bool = True,
        seed: int = 0,
        fixed: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.network, self.grain, self.look, self.seed = network, grain, look, seed
        self.widths = network.config.pair_widths
        self.fixed: tuple[Any, Any] | None = None
        if fixed is not None and grain:
            self.fixed = self._padded_sides(*fixed)
            for scale, noise in zip(SCALES, self._noise(*self.fixed), strict=True):
                self.register_buffer(f"grain{scale}", noise)

    def encode_style(self, style: Tensor) -> Statistics:
        """A pair per scale and per tap."""
        return self._describe(self._padded(style), style.shape[-2:])

    def paint(self, content: Tensor, style: Statistics, alpha: Tensor) -> Tensor:
        """As ``SwiftPainter.paint`` does."""
        height, width = content.shape[-2:]
        padded = self._padded(content)
        features = list(self.network.encode(padded))
        own = self._statistics(features, SCALES, (height, width))
        small, rows, columns = self._thumbnail(content)
        asked = self._correct(small, (rows, columns), style) if self.look else style
        mixed = tuple(
            (alpha * a[0] + (1 - alpha) * o[0], alpha * a[1] + (1 - alpha) * o[1])
            for a, o in zip(asked[: len(SCALES)], own, strict=True)
        )
        film, tint = self.network.modulation(asked, own, style)
        # The thumbnail stands for the content, as in the painter.
        itself = (*own, *self._perceive(small, (rows, columns)))
        own_film, own_tint = self.network.modulation(itself, own)
        here = alpha.to(film.dtype)
        film = here * film + (1 - here) * own_film
        tint = here[0] * tint + (1 - here[0]) * own_tint
        noise = self._noise_of(padded)
        painted = self._decode(padded, features, own, mixed, film, tint, noise)
        m = self.network.config.margin
        return part_of(painted, m, height, width).float()

    def _decode(
        self,
        padded: Tensor,
        features: list[Tensor],
        own: Statistics,
        style: Statistics,
        film: Tensor,
        tint: Tensor,
        noise: Sequence[Tensor],
    ) -> Tensor:
        colors = partial(tinted, tint=tint)
        return self.network.decode(padded, features, own, style, Film(film), colors, noise)

    def _thumbnail(self, content: Tensor) -> tuple[Tensor, Any, Any]:
        """It with its margin, and its height and width without."""
        height, width = content.shape[-2:]
        cell = SCALES[-1]
        rows, columns = (cell * n for n in thumbnail_cells(height, width, SIDE, cell, least=2))
        small = cell_means(content, rows, columns).to(self._dtype)
        m = self.network.config.margin
        return reflected(small, m, rows + 2 * m, columns + 2 * m), rows, columns

    def _correct(self, padded: Tensor, size: tuple[Any, Any], style: Statistics) -> Statistics:
        """``correct_style``, of a thumbnail with its margin."""
        rows, columns = size
        m = self.network.config.margin
        features = list(self.network.encode(padded))
        own = self._statistics(features, SCALES, size)
        film, tint = self.network.modulation(style, own)
        noise = self._noise_from_zero(padded)
        painted = self._decode(padded, features, own, style, film, tint, noise)
        painted = part_of(painted, m, rows, columns).clamp(0, 1)
        again = reflected(painted, m, rows + 2 * m, columns + 2 * m)
        corrected = []
        for (mean, deviation), (found_mean, found) in zip(
            style, self._describe(again, size), strict=True
        ):
            ratio = (deviation / found).clamp(1 / LIMIT, LIMIT) ** STRENGTH
            corrected.append((mean + STRENGTH * (mean - found_mean), deviation * ratio))
        return tuple(corrected)

    @property
    def _dtype(self) -> torch.dtype:
        return self.network.decoder.paint.weight.dtype

    def _padded_sides(self, height: Any, width: Any) -> tuple[Any, Any]:
        m, cell = self.network.config.margin, SCALES[-1]
        rows, columns = (cells_of(n, cell) * cell + 2 * m for n in (height, width))
        return rows, columns

    def _padded(self, pixels: Tensor) -> Tensor:
        rows, columns = self._padded_sides(*pixels.shape[-2:])
        return reflected(pixels.to(self._dtype), self.network.config.margin, rows, columns)

    def _describe(self, padded: Tensor, size: Sequence[Any]) -> Statistics:
        own = self._statistics(self.network.encode(padded), SCALES, size)
        return (*own, *self._perceive(padded, size))

    def _perceive(self, padded: Tensor, size: Sequence[Any]) -> Statistics:
        if self.network.perceptual is None:
            return ()
        seen = self.network.perceptual(padded)
        return self._statistics(seen.values(), [tap_scale(name) for name in seen], size)

    def _statistics(
        self, features: Iterable[Tensor], scales: Iterable[int], size: Sequence[Any]
    ) -> Statistics:
        found = []
        for x, scale in zip(features, scales, strict=True):
            start = self.network.config.margin // scale
            rows, columns = ((n + scale - 1) // scale for n in size)
            found.append(statistics(part_of(x, start, rows, columns)))
        return tuple(found)

    def _noise(self, rows: Any, columns: Any, *, margin: bool = True) -> list[Tensor]:
        corner = -self.network.config.margin if margin else 0
        return [
            position_noise(
                (rows // scale, columns // scale),
                seed=self.seed + index if margin else index,
                origin=(corner // scale, corner // scale),
            )
            for index, scale in enumerate(SCALES)
        ]

    def _noise_of(self, padded: Tensor) -> list[Tensor]:
        if self.fixed is not None:
            return [getattr(self, f"grain{scale}").to(padded) for scale in SCALES]
        if not self.grain:
            return [torch.zeros((1, 1, 1, 1), dtype=padded.dtype) for _ in SCALES]
        return [n.to(padded) for n in self._noise(*padded.shape[-2:])]

    def _noise_from_zero(self, padded: Tensor) -> list[Tensor]:
        """The thumbnail's, whose corner stands at (0, 0), see ``Swift.transfer``."""
        if not self.grain:
            return [torch.zeros((1, 1, 1, 1), dtype=padded.dtype) for _ in SCALES]
        return [n.to(padded) for n in self._noise(*padded.shape[-2:], margin=False)]


class AdaINGraph(StyledGraph):
    """AdaIN as its painter runs it.

    Args:
        network: With its weights.
    """

    def __init__(self, network: AdaIN) -> None:
        super().__init__()
        self.network = network
        self.widths = (network.encoder.plan.widths[3],)

    def encode_style(self, style: Tensor) -> Statistics:
        """One pair, of the deepest layer."""
        return (statistics(self._encode(style)),)

    def paint(self, content: Tensor, style: Statistics, alpha: Tensor) -> Tensor:
        """As ``AdaINPainter.paint`` does."""
        height, width = content.shape[-2:]
        m, cell = ADAIN_MARGIN, ADAIN_CELL
        rows, columns = (cells_of(n, cell) * cell + 2 * m for n in (height, width))
        features = self._encode(reflected(content, m, rows, columns))
        aligned = self.network.align(features, style, own=statistics(features))
        features = alpha * aligned + (1 - alpha) * features.float()
        return part_of(self.network.decode(features), m, height, width).float()

    def _encode(self, pixels: Tensor) -> Tensor:
        here = pixels.to(next(self.network.decoder.parameters()).dtype)
        return self.network.encode(here)[STYLE_LAYERS[-1]]
