"""What every painter can do, whole or window by window; the record an optimisation yields."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

Statistics = tuple[tuple[Tensor, Tensor], ...]
"""Mean and deviation, each (1, C, 1, 1), per layer or scale of the painter's encoder."""


class Painter(Protocol):
    """A network that paints any picture in any style."""

    device: torch.device
    dtype: torch.dtype
    digest: str
    """First 12 hex digits of the SHA-256 of the weights: statistics fit only these."""

    @property
    def own_style(self) -> Statistics | None:
        """Of a painter that has learned one style; None for one that paints any."""
        ...

    def encode_style(self, pixels: Tensor) -> Statistics:
        """What the painter needs of a style picture (1, 3, H, W) in [0, 1]."""
        ...

    def paint(
        self,
        content: Tensor,
        styles: Sequence[Statistics],
        *,
        weights: Sequence[float],
        alpha: float = 1.0,
        regions: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Paint (B, 3, H, W) in [0, 1]; the same shape comes back, float32, in [0, 1].

        Each picture of a batch is painted as if alone, but for rounding; with ``regions``, B is 1.
        """
        ...


class Painting(Protocol):
    """One picture, painted window by window: statistics are collected first, then colours.

    The canvas is the picture with ``margin`` pixels of reflection around it, and at the bottom and
    the right as many more as make its sides multiples of ``cell``. A window is a part of it that
    begins and ends between two cells. With enough of its surroundings a window is painted as the
    same part of the whole is; how much is enough is found by asking (``features/reach.py``).
    """

    cell: int
    """Pixels per position of the coarsest features."""
    margin: int
    """Pixels."""
    content_share: float
    """How much of the content itself is mixed into the colours, from 0 to 1."""
    counts_margin: bool
    """Whether statistics are of the whole canvas, or of the picture's cells in it alone."""

    weights: Sequence[float]
    """One per style, summing to 1; may be changed between pictures of one clip."""
    grain: bool
    """Whether paint has grain, where a painter has any."""

    def forget(self) -> None:
        """Know no statistics any more: the next picture of the same clip begins."""
        ...

    def look(self, window: Tensor) -> tuple[Tensor, ...]:
        """Features (1, C, h, w) whose statistics are wanted next; none when all are known."""
        ...

    def learn(self, moments: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Mean and variance, each (1, C, 1, 1), of each of the features over the picture."""
        ...

    def paint(
        self,
        window: Tensor,
        *,
        origin: tuple[int, int],
        regions: Tensor | None = None,
        features: list[Tensor] | None = None,
    ) -> Tensor:
        """Colours (1, 3, h, w), float32, without the share of the content.

        Args:
            window: (1, 3, h, w) in [0, 1].
            origin: (y, x) of its corner in the picture; negative in the margin.
            regions: (S, 1, h, w), how much each style rules at each of its pixels.
            features: What the only ``look`` gave of this window, where that is still at hand; the
                list may be emptied, so that they are freed on the way.
        """
        ...


@runtime_checkable
class TiledPainter(Painter, Protocol):
    """A painter that can paint window by window."""

    def begin(
        self,
        styles: Sequence[Statistics],
        *,
        weights: Sequence[float],
        size: tuple[int, int],
        shrink: Callable[[tuple[int, int]], Tensor],
        alpha: float = 1.0,
        seed: int = 0,
        exact: bool = True,
    ) -> Painting:
        """Begin a picture; ``paint`` says what the arguments of the same names are.

        Args:
            size: (height, width) of the picture.
            shrink: Gives the picture at a smaller size, each pixel the mean of its part.
            exact: False lets statistics be those of a small copy where that saves passes.
        """
        ...


@dataclass(frozen=True)
class Step:
    """One update of an optimisation: enough to draw a progress bar, stop early or save a frame."""

    index: int
    """1-based."""

    steps: int
    """How many there will be."""

    losses: dict[str, float]
    """Weighted terms; their sum is what was minimised."""

    image: Tensor
    """(1, 3, H, W), detached, in [0, 1]."""
