"""Painting with swift window by window; the whole picture is one window."""

from collections.abc import Sequence

import torch
from torch import Tensor

from impasto.methods.base import Statistics
from impasto.methods.swift.mixing import mix, mix_by_region
from impasto.methods.swift.network import Swift
from impasto.methods.swift.shape import SCALES

EPS = 1e-5
"""Added to variances, as ``channel_statistics`` does."""


class SwiftPainting:
    """One picture about to be painted; see ``Painting``.

    Args:
        network: On its device and in its type.
        styles: What to ask for, as the look at a thumbnail has corrected it.
        wanted: The styles themselves, in the same order.
        weights: One per style, summing to 1.
        alpha: How much of the styles.
        seed: Of the grain.
        perceived: Where alpha is below 1, what lite's taps tell of the content.
    """

    cell = SCALES[-1]
    counts_margin = False

    def __init__(
        self,
        network: Swift,
        styles: Sequence[Statistics],
        wanted: Sequence[Statistics],
        *,
        weights: Sequence[float],
        alpha: float,
        seed: int,
        perceived: Statistics = (),
    ) -> None:
        self.network, self.weights = network, weights
        self.styles, self.wanted = styles, wanted
        self.alpha, self.seed, self.perceived = alpha, seed, perceived
        self.margin = network.config.margin
        self.content_share = (1 - alpha) ** 4
        self.own: Statistics | None = None
        self.grain = True

    def forget(self) -> None:
        """Know the content no more."""
        self.own = None

    @torch.inference_mode()
    def look(self, window: Tensor) -> tuple[Tensor, ...]:
        """The encoder's three grids until their statistics are known."""
        return () if self.own is not None else self.network.encode(self.here(window))

    def learn(self, moments: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Take the content's statistics."""
        device = self.network.decoder.paint.weight.device
        self.know(tuple((mean.to(device), (var.to(device) + EPS).sqrt()) for mean, var in moments))

    def know(self, own: Statistics) -> None:
        """The content's statistics, one pair per scale."""
        self.own = (*own, *self.perceived)

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
            window, origin, regions, features: See there.
        """
        assert self.own is not None, "learn comes before paint"
        here = self.here(window)
        features = list(self.network.encode(here)) if features is None else features
        if regions is None:
            mixed = mix(self.network, self.styles, self.wanted, self.weights, self.own, self.alpha)
        else:
            regions = regions.to(here.device, torch.float32)
            mixed = mix_by_region(
                self.network, self.styles, self.wanted, regions, self.own, self.alpha
            )
        style, film, tint = mixed
        size = (here.shape[-2], here.shape[-1])
        noise = [n.to(here) for n in self.network.noise(size, self.seed, origin)]
        if not self.grain:
            noise = [torch.zeros_like(n) for n in noise]
        painted = self.network.decode(here, features, self.own, style, film, tint, noise)
        return painted.float()

    def here(self, window: Tensor) -> Tensor:
        """On the network's device, in its type and order of memory."""
        return window.to(self.network.decoder.paint.weight).contiguous(
            memory_format=torch.channels_last
        )
