"""What can be said about one painted picture; flags, schema and docs derive from this."""

from dataclasses import dataclass
from typing import get_args

from impasto.checks import check_choice, check_range
from impasto.kinds import KeepColor


@dataclass(frozen=True, kw_only=True)
class StylizeConfig:
    """Settings of one painted picture."""

    alpha: float = 1.0
    """How much of the style, from 0 (the content, bit for bit) to 1."""

    style_weights: tuple[float, ...] | None = None
    """One weight per style when several are mixed; they are scaled to sum to 1. With masks they
    decide where masks overlap. Default: equal."""

    style_scale: float = 1.0
    """Size of the style's strokes: 2 doubles them. Presets hold 0.5 to 2, pictures 0.1 to 10."""

    keep_color: KeepColor = "none"
    """Keep the content's colours: luma (its colours, the painting's light), coral (the painting's
    colours moved to the content's mean and covariance), histogram (channel by channel)."""

    seed: int = 0
    """Of the grain, from 0 to 2^32 - 1; the same seed gives the same picture."""

    def __post_init__(self) -> None:
        check_range("alpha", self.alpha, at_least=0.0, at_most=1.0)
        check_range("style_scale", self.style_scale, at_least=0.1, at_most=10.0)
        check_choice("keep_color", self.keep_color, get_args(KeepColor))
        check_range("seed", self.seed, at_least=0, at_most=2**32 - 1)
        if self.style_weights is not None:
            object.__setattr__(self, "style_weights", tuple(self.style_weights))  # of any sequence
        for weight in self.style_weights or ():
            check_range("each style weight", weight, at_least=0.0)
