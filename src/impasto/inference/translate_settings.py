"""What can be said about one translated picture; flags, schema and docs derive from this."""

from dataclasses import dataclass
from typing import get_args

from impasto.checks import bytes_of, check_choice, check_range
from impasto.errors import InputError
from impasto.kinds import Direction, TileStatistics


@dataclass(frozen=True, kw_only=True)
class TranslateConfig:
    """Settings of one translated picture."""

    direction: Direction | None = None
    """a2b or b2a, of a model that has learned both (CycleGAN); default: a2b, or the only one."""

    strength: float = 1.0
    """Share of the translation, mixed with the picture itself, from 0 (the picture, bit for bit)
    to 1."""

    seed: int = 0
    """Of the noise, from 0 to 2^32 - 1; the same seed gives the same picture."""

    tile: str = "auto"
    """Side in pixels of the tiles in which CycleGAN translates, or off for all at once; auto takes
    tiles where the whole would not fit in memory. The result is the same. pix2pix looks at whole
    pictures."""

    max_memory: str | None = None
    """How much memory translating in tiles may take beside the picture, such as 800M or 2G."""

    tile_statistics: TileStatistics = "exact"
    """Of tiles: exact looks at the picture once per norm; thumbnail takes the statistics of a
    small copy, which is faster and differs."""

    def __post_init__(self) -> None:
        if self.direction is not None:
            check_choice("direction", self.direction, get_args(Direction))
        check_range("strength", self.strength, at_least=0.0, at_most=1.0)
        object.__setattr__(self, "tile", str(self.tile))  # a number is taken, too
        if self.tile not in ("auto", "off") and not (self.tile.isdecimal() and int(self.tile) > 0):
            raise InputError(f"tile must be auto, off or a number of pixels; got {self.tile!r}.")
        if self.max_memory is not None:
            object.__setattr__(self, "max_memory", str(self.max_memory))
            bytes_of(str(self.max_memory), name="max_memory")
        check_choice("tile_statistics", self.tile_statistics, get_args(TileStatistics))
        check_range("seed", self.seed, at_least=0, at_most=2**32 - 1)
