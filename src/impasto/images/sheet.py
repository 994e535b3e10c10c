"""A contact sheet: rows of pictures with captions on off-white paper.

Reading order: contact_sheet (the whole), Row and Cell (what stands on it), _Layout (where).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from impasto.errors import InputError

PAPER, INK, FAINT = (246, 243, 236), (38, 36, 33), (132, 126, 116)
"""Colours: of the ground, of names, of what stands below them."""

TALLEST = 1.3
"""Height of a picture over the width of its column; taller ones are made smaller."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A picture with its caption."""

    image: Image.Image
    name: str
    detail: str = ""
    """A second line, smaller."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A photograph and its paintings."""

    photo: Cell
    paintings: tuple[Cell, ...]


def contact_sheet(
    rows: Sequence[Row], *, title: str, note: str = "", column: int = 360
) -> Image.Image:
    """Lay photographs and their paintings out in a labelled grid.

    The photograph stands at the left, apart from its paintings; columns are of one width.

    Args:
        rows: At least one.
        title: Above all.
        note: Below the title, smaller.
        column: Width of a picture in pixels, at least 64.

    Returns:
        An RGB image.

    Raises:
        InputError: There is no row.
    """
    if not rows:
        raise InputError("a contact sheet needs at least one row.")
    layout = _Layout(column, columns=1 + max(len(row.paintings) for row in rows))
    heights = [layout.picture_height(row) for row in rows]
    sheet = Image.new("RGB", layout.size(heights), PAPER)
    draw = ImageDraw.Draw(sheet)
    layout.head(draw, title, note)
    top = layout.first
    for row, height in zip(rows, heights, strict=True):
        for index, cell in enumerate((row.photo, *row.paintings)):
            layout.place(sheet, draw, cell, layout.left(index), top, height)
        top += height + layout.caption
    return sheet


class _Layout:
    """Every measure, in proportion to the width of a column."""

    def __init__(self, column: int, columns: int) -> None:
        self.column, self.columns = column, columns
        self.margin, self.gap = column // 5, column // 14
        self.apart = column // 8
        self.large, self.medium, self.small = column // 9, column // 18, column // 22
        self.first = self.margin + 2 * self.large + self.medium
        self.caption = 4 * self.medium

    def left(self, index: int) -> int:
        return self.margin + index * (self.column + self.gap) + (self.apart if index else 0)

    def picture_height(self, row: Row) -> int:
        return max(self._fitted(cell.image)[1] for cell in (row.photo, *row.paintings))

    def size(self, heights: list[int]) -> tuple[int, int]:
        width = self.left(self.columns - 1) + self.column + self.margin
        return width, self.first + sum(h + self.caption for h in heights) + self.margin // 2

    def head(self, draw: ImageDraw.ImageDraw, title: str, note: str) -> None:
        place = (self.margin, self.margin)
        draw.text(place, _plain(title), fill=INK, font=_font(self.large), anchor="lt")
        below = (self.margin, self.margin + round(1.25 * self.large))
        draw.text(below, _plain(note), fill=FAINT, font=_font(self.medium), anchor="lt")

    def place(
        self,
        sheet: Image.Image,
        draw: ImageDraw.ImageDraw,
        cell: Cell,
        left: int,
        top: int,
        height: int,
    ) -> None:
        size = self._fitted(cell.image)
        picture = cell.image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
        # All of a row stand on one line, as on a shelf, each over its caption.
        sheet.paste(picture, (left + (self.column - size[0]) // 2, top + height - size[1]))
        lines = ((cell.name, INK, self.medium, 1.5), (cell.detail, FAINT, self.small, 2.7))
        for text, color, points, below in lines:
            font = _font(points)
            place = (left, top + height + round(below * self.medium))
            draw.text(place, self._cut(text, font), fill=color, font=font, anchor="ls")

    def _fitted(self, image: Image.Image) -> tuple[int, int]:
        factor = min(self.column / image.width, TALLEST * self.column / image.height)
        return max(1, round(image.width * factor)), max(1, round(image.height * factor))

    def _cut(self, text: str, font: "_Font") -> str:
        text = _plain(text)
        if font.getlength(text) <= self.column:
            return text
        while text and font.getlength(text + "...") > self.column:
            text = text[:-1]
        return text.rstrip(" ,;:-") + "..."


_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _font(size: int) -> _Font:
    return ImageFont.load_default(max(8, size))


def _plain(text: str) -> str:
    """Text in the letters that the font inside Pillow has: those of ASCII."""
    dashes = text.translate({0x2013: "-", 0x2014: "-", 0x2018: "'", 0x2019: "'", 0x00D7: "x"})
    return unicodedata.normalize("NFKD", dashes).encode("ascii", "ignore").decode()
