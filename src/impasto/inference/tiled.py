"""A picture painted in tiles equals the picture painted whole.

The network is asked how far it looks (``features/reach.py``). Tiles with that much of their
surroundings give the features that the whole picture has there; their statistics are merged over
all tiles (``features/moments.py``), and with these every tile is painted as the same part of the
whole. Reflection stands at the picture's own border alone, and the grain is a function of the
absolute position. Why not overlap and blend: docs/design/002-statistics-first-then-paint.md.

Reading order: TiledPainting (the passes), Tiling (what a painter needs), ``choose.py`` (how large
tiles are).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.features.moments import Moments
from impasto.features.reach import reach
from impasto.images.regions import Regions, read_reflected
from impasto.images.resize import Box, Size
from impasto.inference.memory import Appetite, appetite_of
from impasto.methods.base import Painting
from impasto.runtime import give_back_memory

Learned = list[list[tuple[Tensor, Tensor]]]
"""What each pass over the picture has found: mean and variance of each grid."""

Begin = Callable[[Size, Callable[[Size], Tensor]], Painting]
"""From a size, and a function that gives a small copy of the picture, to a painting."""

OnTile = Callable[[int, int], None]
"""Called with how many tiles are done, and how many there are, counted over all passes."""


@dataclass(frozen=True, kw_only=True)
class Tiling:
    """What is known of a painter before a picture is touched."""

    reaches: tuple[int, ...]
    """Pixels around a tile that each pass needs; the last is that of painting."""

    appetite: Appetite
    """Bytes that painting a window takes."""

    tile: int
    """Most pixels of a tile's side, without its surroundings."""

    cell: int
    """Of the painter."""

    def memory_of(self, tile: int, size: Size) -> int:
        """Bytes for one tile of a picture with its surroundings."""
        far = 2 * max(self.reaches)
        return self.appetite(*(min(tile, -(-n // self.cell) * self.cell) + far for n in size))


def rehearse(begin: Begin, *, styles: int, by_region: bool) -> Tiling:
    """Paint noise, to learn how far the painter looks and what it takes.

    Args:
        begin: Begins a picture of a size, of which it is given a small copy when it asks.
        styles: How many styles there are.
        by_region: Whether they rule by region.

    Raises:
        InputError: The network looks at the whole picture at once.
    """
    generator = torch.Generator().manual_seed(0)
    painting = begin((256, 256), lambda size: torch.rand((1, 3, *size), generator=generator))
    cell = painting.cell
    reaches: list[int] = []
    noise = torch.rand((1, 3, 8 * cell, 8 * cell), generator=generator)
    with torch.inference_mode():
        while painting.look(noise):
            reaches.append(reach(painting.look, cell, expected=max(reaches, default=0)))
            painting.learn([_moments(features) for features in painting.look(noise)])

        def paint(window: Tensor) -> tuple[Tensor, ...]:
            regions = None
            if by_region:
                regions = window.new_full((styles, 1, *window.shape[-2:]), 1 / styles)
            return (painting.paint(window, origin=(0, 0), regions=regions),)

        reaches.append(reach(paint, cell, expected=max(reaches, default=0)))
        appetite = appetite_of(
            lambda height, width: paint(torch.rand((1, 3, height, width), generator=generator)),
            cell=cell,
            short=320,
        )
    return Tiling(reaches=tuple(reaches), appetite=appetite, tile=0, cell=cell)


def _moments(features: Tensor) -> tuple[Tensor, Tensor]:
    moments = Moments()
    moments.add(features)
    return moments.result()


class TiledPainting:
    """One picture painted in tiles.

    Args:
        painting: Just begun.
        source: The picture, (1, 3, H, W) by region.
        tiling: As ``rehearse`` and ``choose`` found it.
        regions: (S, 1, H, W) by region, how much each style rules at each pixel.
    """

    def __init__(
        self, painting: Painting, source: Regions, tiling: Tiling, regions: Regions | None = None
    ) -> None:
        self.painting, self.source, self.tiling, self.regions = painting, source, tiling, regions
        cell, margin = painting.cell, painting.margin
        # Sides of the canvas, and the tiles' edges on it.
        self.canvas = tuple(-(-(n + 2 * margin) // cell) * cell for n in source.size)
        self.rows, self.columns = (_edges(n, tiling.tile, cell) for n in self.canvas)
        self.tiles = (len(self.rows) - 1) * (len(self.columns) - 1)
        self._looked: list[Tensor] | None = None

    def survey(self, on_tile: OnTile | None = None, *, keep: bool = False) -> Learned:
        """Collect all statistics; the painting knows them afterwards.

        Args:
            on_tile: Told of every tile.
            keep: Whether the features of a picture of one tile are kept until it is painted: that
                saves a pass of the encoder, and takes their memory for as long.

        Returns:
            What was learned: ``recall`` takes it in a later run instead of a survey.
        """
        learned: Learned = []
        total = self.tiles * len(self.tiling.reaches)
        for number, far in enumerate(self.tiling.reaches[:-1]):
            collected: list[Moments] = []
            for done, (top, left, height, width) in enumerate(self._cores(), start=1):
                window, box = self._window((top, left, height, width), far)
                with torch.inference_mode():
                    grids = self.painting.look(window)
                    collected = collected or [Moments() for _ in grids]
                    for moments, grid in zip(collected, grids, strict=True):
                        core = self._counted(grid, box, (top, left, height, width))
                        moments.add(core)
                if keep and total == 2:
                    self._looked = list(grids)  # of the very window that will be painted
                del window, grids, grid, core
                give_back_memory()
                if on_tile is not None:
                    on_tile(number * self.tiles + done, total)
            found = [moments.result() for moments in collected]
            self.painting.learn(found)
            learned.append(found)
        return learned

    def recall(self, learned: Learned) -> None:
        """Take what a survey of the same picture has learned."""
        cell = self.painting.cell
        blank = torch.zeros(1, 3, 8 * cell, 8 * cell)
        for found in learned:
            self.painting.look(blank)  # some must have been asked what they want to know
            self.painting.learn(found)

    def pieces(self, first: int = 0, on_tile: OnTile | None = None) -> Iterator[tuple[Box, Tensor]]:
        """Paint tile by tile, row by row.

        Args:
            first: Rows of the picture that need not be painted.
            on_tile: Told of every tile.

        Yields:
            Its box (top, left, height, width) in the picture and its pixels (1, 3, height, width),
            float32 in [0, 1], on the CPU.
        """
        margin, (height, width) = self.painting.margin, self.source.size
        total = self.tiles * len(self.tiling.reaches)
        done = total - self.tiles
        for top, bottom in zip(self.rows, self.rows[1:], strict=False):
            upper, lower = max(0, top - margin), min(height, bottom - margin)
            wanted = lower > max(first, upper)
            painted_before = upper < lower <= first  # else told of, even if all is margin
            for left, right in zip(self.columns, self.columns[1:], strict=False):
                done += 1
                start, end = max(0, left - margin), min(width, right - margin)
                if wanted and start < end:
                    core = (top, left, bottom - top, right - left)
                    painted = self._paint(core, (upper, start, lower, end))
                    give_back_memory()
                    yield (upper, start, lower - upper, end - start), painted
                if on_tile is not None and not painted_before:
                    on_tile(done, total)

    def whole(self, on_tile: OnTile | None = None) -> Tensor:
        """The whole painting in memory: (1, 3, H, W), float32 in [0, 1], on the CPU."""
        painted = torch.empty((1, 3, *self.source.size))
        painted = painted.contiguous(memory_format=torch.channels_last)
        for (top, left, height, width), piece in self.pieces(on_tile=on_tile):
            painted[..., top : top + height, left : left + width] = piece
        return painted

    def _paint(self, core: Box, inside: tuple[int, int, int, int]) -> Tensor:
        """The part ``inside`` (top, left, bottom, right) of the picture of a tile."""
        window, (top, left, height, width) = self._window(core, self.tiling.reaches[-1])
        margin = self.painting.margin
        origin = (top - margin, left - margin)
        regions = None
        if self.regions is not None:
            regions = read_reflected(self.regions, (*origin, height, width))
        rows = slice(inside[0] - origin[0], inside[2] - origin[0])
        columns = slice(inside[1] - origin[1], inside[3] - origin[1])
        features, self._looked = self._looked, None  # painting empties it, and may fail half-way
        with torch.inference_mode():
            painted = self.painting.paint(window, origin=origin, regions=regions, features=features)
            painted = painted[..., rows, columns].cpu()
            if self.painting.content_share:
                painted = painted.lerp(window[..., rows, columns], self.painting.content_share)
            return painted.clamp(0, 1)

    def _cores(self) -> Iterator[Box]:
        for top, bottom in zip(self.rows, self.rows[1:], strict=False):
            for left, right in zip(self.columns, self.columns[1:], strict=False):
                yield top, left, bottom - top, right - left

    def _window(self, core: Box, far: int) -> tuple[Tensor, Box]:
        """The pixels of a tile with its surroundings, and its box on the canvas."""
        top, left = max(0, core[0] - far), max(0, core[1] - far)
        bottom = min(self.canvas[0], core[0] + core[2] + far)
        right = min(self.canvas[1], core[1] + core[3] + far)
        margin = self.painting.margin
        box = (top, left, bottom - top, right - left)
        return read_reflected(self.source, (top - margin, left - margin, *box[2:])), box

    def _counted(self, grid: Tensor, box: Box, core: Box) -> Tensor:
        """The part of a window's features that belongs to its tile and counts."""
        slices = []
        for axis in (0, 1):
            scale = box[2 + axis] // grid.shape[2 + axis]
            first, last = core[axis] // scale, (core[axis] + core[2 + axis]) // scale
            if not self.painting.counts_margin:
                inner = self.painting.margin // scale
                first = max(first, inner)
                last = max(first, min(last, inner + -(-self.source.size[axis] // scale)))
            slices.append(slice(first - box[axis] // scale, last - box[axis] // scale))
        return grid[..., slices[0], slices[1]]


def _edges(length: int, tile: int, cell: int) -> Sequence[int]:
    """Where tiles begin and end: as many as it takes, about equally large."""
    count = -(-length // max(tile, cell))
    step = -(-length // (count * cell)) * cell
    return [*range(0, length, step), length]
