"""Pictures as the tiles that ``winograd.py`` computes with, and tiles as pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

TILE = 4
"""Outputs per tile and axis."""

MORE = 2
"""Pixels per axis by which a tile's inputs are more than its outputs."""

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
    def of(cls, x: Tensor, size: tuple[int, int], padding: int, side: int = TILE + MORE) -> Self:
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
        """Tiles of a block in another basis: (len(matrix)^2, tiles, C)."""
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
        return on_both_axes(matrix, taps).view(len(matrix) ** 2, -1, channels)


def on_both_axes(matrix: Tensor, taps: Tensor) -> Tensor:
    """Turn each tile T of many, (k^2, N), into M T M^T by a matrix M (r, k): (r^2, N)."""
    made, side = matrix.shape
    down = torch.mm(matrix, taps.view(side, -1)).view(made, side, -1)
    return torch.matmul(matrix, down).view(made**2, -1)


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


class Summed:
    """Pictures to which tiles are added where they overlap: what ``Tiles`` does, backwards.

    Args:
        frame: (B, H, W, C), zeros.
        columns: Tiles side by side.
    """

    def __init__(self, frame: Tensor, columns: int) -> None:
        self._frame, self._columns = frame, columns

    @classmethod
    def of(cls, outputs: Tiles, channels: int) -> Self:
        """Room for what ``outputs``, tiles side by side, were made of."""
        batch, height, width, _ = outputs.framed.shape
        size = (batch, height + MORE, width + MORE, channels)
        return cls(outputs.framed.new_zeros(size), outputs.columns)

    def add(self, block: Block, taps: Tensor) -> None:
        """Add a block's tiles, (36, tiles x C)."""
        images, rows = block
        frame = self._frame[images, TILE * rows.start :]
        apart, down, along, _ = frame.stride()
        count, side = rows.stop - rows.start, TILE + MORE
        tiles = taps.view(side, side, len(frame), count, self._columns, -1)
        strides = (down, along, apart, TILE * down, TILE * along, 1)
        # Inside each of these parts tiles do not overlap.
        parts = (slice(0, TILE), slice(TILE, side))
        for vertical in parts:
            for horizontal in parts:
                part = tiles[vertical, horizontal]
                at = vertical.start * down + horizontal.start * along
                frame.as_strided(part.shape, strides, frame.storage_offset() + at).add_(part)

    def inside(self, size: Sequence[int], padding: int) -> Tensor:
        """The pictures (B, C, H, W) without the ``padding`` around them, channels last."""
        height, width = size
        pictures = self._frame[:, padding : padding + height, padding : padding + width]
        return pictures.contiguous().permute(0, 3, 1, 2)
