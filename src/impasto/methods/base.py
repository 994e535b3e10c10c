"""What every painter can do, and the record that every optimisation yields."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

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
        """Paint (1, 3, H, W) in [0, 1]; the same shape comes back, float32, in [0, 1]."""
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
