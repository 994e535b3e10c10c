"""Pictures read by region: a part of a picture that need not be in memory as a whole.

Reading order: Regions (what can be read so), read_reflected (beyond the border), shrink (a small
copy), Resized (another size, of which only regions are made).
"""

import math
from typing import Protocol

import torch
from torch import Tensor

from impasto.images.resize import Box, Size, pad_reflect, reflected_places, resize

_BAND = 1 << 22
"""Pixels that are read at once where all of a picture is needed."""


class Regions(Protocol):
    """A picture that gives its pixels by region."""

    @property
    def size(self) -> Size:
        """(height, width)."""
        ...

    def read(self, box: Box) -> Tensor:
        """The pixels of a box inside the picture: (B, C, h, w), float32 in [0, 1]."""
        ...


class InMemory:
    """A tensor (B, C, H, W) as regions."""

    def __init__(self, pixels: Tensor) -> None:
        self.pixels = pixels

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    def read(self, box: Box) -> Tensor:
        """A view of the box (top, left, height, width)."""
        top, left, height, width = box
        return self.pixels[..., top : top + height, left : left + width]


def read_reflected(source: Regions, box: Box) -> Tensor:
    """A box that may stick out of the picture, continued by reflection as ``pad_reflect`` does.

    Args:
        source: The picture.
        box: (top, left, height, width) in its pixels; top and left may be negative.

    Returns:
        (B, C, height, width).
    """
    top, left, height, width = box
    outside = (
        *(max(0, -left), max(0, left + width - source.size[1])),
        *(max(0, -top), max(0, top + height - source.size[0])),
    )
    inside = (
        *(max(0, top), max(0, left)),
        *(height - outside[2] - outside[3], width - outside[0] - outside[1]),
    )
    if max(outside[2:]) < inside[2] and max(outside[:2]) < inside[3]:
        inner = source.read(inside)
        return pad_reflect(inner, outside) if any(outside) else inner
    return _far_outside(source, box)


def _far_outside(source: Regions, box: Box) -> Tensor:
    """The same where more than the part inside is wanted of its reflection."""
    top, left, height, width = box
    rows = reflected_places(source.size[0], top, height)
    columns = reflected_places(source.size[1], left, width)
    first_row, first_column = int(rows.min()), int(columns.min())
    inner = source.read(
        (
            first_row,
            first_column,
            int(rows.max()) - first_row + 1,
            int(columns.max()) - first_column + 1,
        )
    )
    rows, columns = rows - first_row, columns - first_column
    return inner.index_select(-2, rows.to(inner.device)).index_select(-1, columns.to(inner.device))


def shrink(source: Regions, size: Size) -> Tensor:
    """A small copy, each pixel the mean of its part of the picture, read band by band.

    The same as ``torch.nn.functional.adaptive_avg_pool2d`` of the whole.

    Args:
        source: Read once, from top to bottom.
        size: (height, width) of the copy; not larger than what fits in memory.

    Returns:
        (B, C, height, width), float32.
    """
    height, width = source.size
    columns = _means(width, size[1], 0, width)  # (width, w)
    small: Tensor | None = None
    step = max(1, _BAND // width)
    for top in range(0, height, step):
        count = min(step, height - top)
        band = source.read((top, 0, count, width)).float()
        rows = _means(height, size[0], top, count).to(band)  # (count, h)
        part = rows.T @ (band @ columns.to(band))
        small = part if small is None else small + part
    assert small is not None, "a picture has at least one row"
    return small


def _means(length: int, cells: int, start: int, count: int) -> Tensor:
    """Weights (count, cells) of positions from ``start`` on in the mean of each cell."""
    cell = torch.arange(cells)
    first = cell * length // cells
    last = -(-(cell + 1) * length // cells)  # beyond the end
    place = torch.arange(start, start + count)[:, None]
    return ((place >= first) & (place < last)) / (last - first)


class Resized:
    """A picture at another size, of which only the regions asked for are made.

    Bicubic with averaging where it becomes smaller: equal to ``resize``.

    Args:
        pixels: (B, C, h, w), float32 in [0, 1], in memory.
        size: (height, width) wanted.
    """

    def __init__(self, pixels: Tensor, size: Size) -> None:
        self.pixels, self.size = pixels, size

    def read(self, box: Box) -> Tensor:
        """(B, C, height, width) of a box (top, left, height, width)."""
        top, left, height, width = box
        if self.pixels.shape[-2:] == torch.Size(self.size):
            return InMemory(self.pixels).read(box)
        if box == (0, 0, *self.size):
            return resize(self.pixels, self.size)
        first_row, rows = _bicubic(self.pixels.shape[-2], self.size[0], top, height)
        first_column, columns = _bicubic(self.pixels.shape[-1], self.size[1], left, width)
        part = self.pixels[
            ...,
            first_row : first_row + rows.shape[1],
            first_column : first_column + columns.shape[1],
        ]
        return (rows @ part @ columns.T).clamp_(0, 1)


def _bicubic(length: int, wanted: int, start: int, count: int) -> tuple[int, Tensor]:
    """First position that counts, and weights (count, positions) of each place from ``start``.

    Keys's cubic with a = -0.5, widened where the picture becomes smaller (as torch and Pillow).
    """
    scale = length / wanted
    widening = max(scale, 1.0)
    centre = (torch.arange(start, start + count, dtype=torch.float64) + 0.5) * scale
    first = max(0, math.floor(float(centre[0]) - 2 * widening + 0.5))
    last = min(length, math.floor(float(centre[-1]) + 2 * widening + 0.5))
    place = torch.arange(first, last, dtype=torch.float64) + 0.5
    x = ((place - centre[:, None]) / widening).abs()  # (count, positions)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    weights = torch.where(x < 1, near, torch.where(x < 2, far, 0.0))
    return first, (weights / weights.sum(1, keepdim=True)).float()
