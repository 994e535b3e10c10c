"""Pictures as the tiles that ``winograd.py`` computes with, and tiles as pictures."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

TILE = 4
"""Outputs per tile and axis."""

BLOCK = 1 << 15
"""Tiles times channels that are worked on at once: what fits the processor's cache."""

Block = tuple[slice, slice]
"""Some pictures of a batch, and some rows of their tiles."""


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """Pictures (B, H, W, C) with zeros around them, seen as tiles that may overlap."""

    framed: Tensor
    size: tuple[int, int]
    """(height, width) of what the tiles are to become."""
    side: int
    """Of a tile in pixels; from one to the next it is always TILE."""

    @classmethod
    def of(cls, x: Tensor, size: tuple[int, int], padding: int, side: int = TILE + 2) -> Self:
        """Frame pictures (B, C, H, W): ``padding`` zeros above and left, as due below and right."""
        batch, channels, height, width = x.shape
        more = side - TILE
        whole = [-(-n // TILE) * TILE + more for n in size]
        framed = x.new_empty((batch, *whole, channels))
        bottom, right = padding + height, padding + width
        for border in (
            framed[:, :padding], framed[:, bottom:],
            framed[:, :, :padding], framed[:, :, right:],
        ):  # fmt: skip
            border.zero_()
        framed[:, padding:bottom, padding:right] = x.permute(0, 2, 3, 1)
        return cls(framed=framed, size=size, side=side)

    @property
    def columns(self) -> int:
        """Tiles side by side."""
        return -(-self.size[1] // TILE)

    def blocks(self, channels: int) -> Iterator[Block]:
        """All tiles, in parts that the processor's cache holds, several small pictures in one."""
        batch, rows = len(self.framed), -(-self.size[0] // TILE)
        of_one = rows * self.columns * channels
        together = max(1, min(batch, BLOCK // of_one))
        # Equal parts, so that the last is not a sliver.
        taken = -(-rows // max(1, min(rows, of_one // BLOCK)))
        for first in range(0, batch, together):
            for top in range(0, rows, taken):
                images = slice(first, min(batch, first + together))
                yield images, slice(top, min(rows, top + taken))

    def spread(self, block: Block, matrix: Tensor) -> Tensor:
        """Tiles of a block in another basis: (len(matrix), tiles, C)."""
        images, rows = block
        pictures = self.framed[images, TILE * rows.start :]
        apart, down, along, _ = pictures.stride()
        channels = pictures.shape[-1]
        tiles = (len(pictures), rows.stop - rows.start, self.columns)
        taps = pictures.as_strided(
            (self.side, self.side, *tiles, channels),
            (down, along, apart, TILE * down, TILE * along, 1),
            pictures.storage_offset(),
        ).reshape(self.side**2, -1)
        return torch.mm(matrix, taps).view(len(matrix), -1, channels)


def put(places: Tensor, block: Block, taps: Tensor, columns: int) -> None:
    """Write tiles (16, tiles x D) where they belong in pictures (B, H, W, D)."""
    images, rows = block
    width, channels = places.shape[2:]
    count = rows.stop - rows.start
    into = places[images, TILE * rows.start : TILE * rows.stop]
    tiles = taps.view(TILE, TILE, len(into), count, columns, channels).permute(2, 3, 0, 4, 1, 5)
    if width % TILE == 0 and into.shape[1] == TILE * count:
        apart, down, along, _ = into.stride()
        into.as_strided(
            tiles.shape, (apart, TILE * down, down, TILE * along, along, 1), into.storage_offset()
        ).copy_(tiles)
    else:
        whole = tiles.reshape(len(into), TILE * count, TILE * columns, channels)
        into.copy_(whole[:, : into.shape[1], :width])
