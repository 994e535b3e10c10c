"""The shape of swift: what can be set, and what passes between its parts."""

from dataclasses import dataclass

from torch import Tensor

from impasto.checks import check_range
from impasto.errors import InputError
from impasto.features.lite import LITE_PLAN
from impasto.features.vgg import check_layers, pools_of

SCALES = (2, 4, 8)
"""Pixels per cell of the three feature grids."""

Pair = tuple[Tensor, Tensor]
"""Mean and deviation, each (B, C, 1, 1)."""

Style = tuple[Pair, ...]
"""One of them per scale from fine to coarse, which is all that is known of a content; of a style
then one per tap of ``SwiftConfig.taps``, too."""


def tap_scale(tap: str) -> int:
    """Pixels per cell of one of lite's layers: relu3_1 has 4."""
    return 1 << pools_of(tap)


@dataclass(frozen=True, kw_only=True)
class SwiftConfig:
    """The shape of the network; the defaults are the bundled one's."""

    widths: tuple[int, int, int] = (16, 48, 96)
    """Channels at half, quarter and eighth resolution; the first costs most of the time."""

    blocks: tuple[int, int, int] = (2, 2, 0)
    """Residual blocks of the decoder at each scale."""

    last_width: int = 16
    """Channels of the layers at full resolution, where every channel costs most."""

    code_width: int = 352
    """Width of the hidden layer that turns a style into scales and shifts."""

    taps: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")
    """Layers of lite whose statistics, too, say what a style is. The encoder's own say too little:
    VGG's, by which a painting is judged, can be told from them only roughly (docs/swift.md)."""

    leak: float = 0.16
    """Slope below 0 at a quarter and an eighth, of the decoder's leaky ReLUs and, at first, of the
    encoder's PReLUs: plain ReLUs died there, and the finest scale painted alone."""

    margin: int = 8
    """Pixels of reflection around the picture, cut off again: a multiple of 8 and at least 8, so
    that it ends between two cells of every grid and no grid has fewer than three. The border is
    painted by what lies beyond it, as the rest is."""

    def __post_init__(self) -> None:
        for blocks in self.blocks:
            check_range("blocks", blocks, at_least=0)
        if self.taps:
            object.__setattr__(self, "taps", check_layers(self.taps, LITE_PLAN))
        check_range("leak", self.leak, at_least=0.0, at_most=1.0)
        check_range("margin", self.margin, at_least=SCALES[-1])
        if self.margin % SCALES[-1]:
            raise InputError(f"margin must be a multiple of {SCALES[-1]}; got {self.margin}.")

    @property
    def pair_widths(self) -> tuple[int, ...]:
        """Channels of each pair of statistics that a style has."""
        return (*self.widths, *(LITE_PLAN.widths[pools_of(tap)] for tap in self.taps))
