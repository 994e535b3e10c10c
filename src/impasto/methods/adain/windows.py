"""Painting with AdaIN window by window; the whole picture is one window."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.methods.adain.network import EPS, STYLE_LAYERS, AdaIN
from impasto.methods.base import Statistics

CELL = 8
"""Pixels per position of the deepest features."""

MARGIN = 16
"""Pixels of reflection around the picture, cut off again; reflection inside the network copies
single rows, this the picture."""


class AdaINPainting:
    """One picture about to be painted; see ``Painting``.

    Args:
        network: On its device and in its type.
        styles: Statistics at the deepest layer.
        weights: One per style, summing to 1.
        alpha: How much of the styles.
    """

    cell = CELL
    margin = MARGIN
    counts_margin = True

    def __init__(
        self,
        network: AdaIN,
        styles: Sequence[Statistics],
        *,
        weights: Sequence[float],
        alpha: float,
    ) -> None:
        self.network, self.styles, self.weights, self.alpha = network, styles, weights, alpha
        self.content_share = (1 - alpha) ** 4
        self.like = next(network.decoder.parameters())
        self.own: tuple[Tensor, Tensor] | None = None
        self.grain = False

    def forget(self) -> None:
        """Know the content no more."""
        self.own = None

    @torch.inference_mode()
    def look(self, window: Tensor) -> tuple[Tensor, ...]:
        """The deepest features until their statistics are known."""
        return () if self.own is not None else (self._encode(window),)

    def learn(self, moments: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take the content's statistics."""
        mean, variance = (part.to(self.like.device) for part in moments[0])
        self.own = (mean, (variance + EPS).sqrt())

    @torch.inference_mode()
    def paint(
        self,
        window: Tensor,
        *,
        origin: tuple[int, int],
        regions: Tensor | None = None,
        features: list[Tensor] | None = None,
    ) -> Tensor:
        """Colours of a window, not clamped; see ``Painting``.

        Args:
            window, regions, features: See there.
            origin: Not used: nothing depends on the position.
        """
        assert self.own is not None, "learn comes before paint"
        (deepest,) = (self._encode(window),) if features is None else features
        shares: list[Tensor | float] = list(self.weights)
        if regions is not None:
            grid = F.avg_pool2d(regions.to(self.like.device).float(), CELL)
            shares = [grid[i : i + 1] for i in range(len(self.styles))]
        parts = [(s[0][0] * w, s[0][1] * w) for s, w in zip(self.styles, shares, strict=True)]
        aligned = self.network.align(deepest, parts, self.alpha, own=self.own)
        return self.network.decode(aligned).float()

    def _encode(self, window: Tensor) -> Tensor:
        here = window.to(self.like).contiguous(memory_format=torch.channels_last)
        return self.network.encode(here)[STYLE_LAYERS[-1]]
