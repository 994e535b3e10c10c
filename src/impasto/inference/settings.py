"""What can be said about a painted picture or clip; flags, schema and docs derive from this."""

from dataclasses import dataclass
from typing import get_args

from impasto.checks import bytes_of, check_choice, check_range, seconds_of
from impasto.errors import InputError
from impasto.kinds import Grain, KeepColor, TileStatistics


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

    tile: str = "auto"
    """Side in pixels of the tiles in which a picture is painted, or off for all at once; auto
    takes tiles where the whole would not fit in memory. The painting is the same."""

    max_memory: str | None = None
    """How much memory painting may take beside the picture itself, such as 800M or 2G."""

    tile_statistics: TileStatistics = "exact"
    """For models with norms inside (Johnson, translation) in tiles: exact looks at the picture
    once per norm, thumbnail takes the statistics of a small copy, which is faster and differs."""

    def __post_init__(self) -> None:
        _settle_tile(self)
        check_choice("tile_statistics", self.tile_statistics, get_args(TileStatistics))
        check_range("alpha", self.alpha, at_least=0.0, at_most=1.0)
        check_range("style_scale", self.style_scale, at_least=0.1, at_most=10.0)
        check_choice("keep_color", self.keep_color, get_args(KeepColor))
        check_range("seed", self.seed, at_least=0, at_most=2**32 - 1)
        if self.style_weights is not None:
            object.__setattr__(self, "style_weights", tuple(self.style_weights))  # of any sequence
        for weight in self.style_weights or ():
            check_range("each style weight", weight, at_least=0.0)


@dataclass(frozen=True, kw_only=True)
class TileConfig:
    """How much of a picture is looked at together while it is optimised."""

    tile: str = "auto"
    """Side in pixels of the tiles in which the network looks at a picture, or off for the whole at
    once; auto takes tiles where the whole would not fit in memory. The result is the same."""

    max_memory: str | None = None
    """How much memory an optimisation may take, such as 800M or 6G."""

    def __post_init__(self) -> None:
        _settle_tile(self)


def _settle_tile(config: StylizeConfig | TileConfig) -> None:
    """Refuse what is no tile and no amount of memory; take numbers for both."""
    object.__setattr__(config, "tile", str(config.tile))
    if config.tile not in ("auto", "off") and not (config.tile.isdecimal() and int(config.tile)):
        raise InputError(f"tile must be auto, off or a number of pixels; got {config.tile!r}.")
    if config.max_memory is not None:
        object.__setattr__(config, "max_memory", str(config.max_memory))
        bytes_of(str(config.max_memory), name="max_memory")


@dataclass(frozen=True, kw_only=True)
class VideoConfig:
    """Settings of a painted clip, beside those of each of its pictures."""

    steady: float = 0.6
    """How much of the last painted frame, moved along with what it shows, stays in the next one:
    0 paints every frame alone, 1 keeps all that can still be seen."""

    window: int = 12
    """Frames over which the statistics of the clip are averaged, so that light does not flicker
    when something enters; 1 takes every frame's own."""

    grain: Grain = "none"
    """Grain of the paint: none, or locked, which stands still while the clip moves."""

    every: int = 1
    """Paint one of so many frames and show it as much longer."""

    start: str | None = None
    """Where to begin, such as 10, 2.5s, 1:30 or 800ms."""

    end: str | None = None
    """Where to end, likewise."""

    def __post_init__(self) -> None:
        check_range("steady", self.steady, at_least=0.0, at_most=1.0)
        check_range("window", self.window, at_least=1)
        check_choice("grain", self.grain, get_args(Grain))
        check_range("every", self.every, at_least=1)
        for name in ("start", "end"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, str(value))
                seconds_of(str(value), name=name)
        start, end = self.start or "0", self.end
        if end is not None and seconds_of(start, name="start") >= seconds_of(end, name="end"):
            raise InputError(f"start ({start}) must lie before end ({end}).")
