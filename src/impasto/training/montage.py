"""A whole run on one picture: the same held pictures, one row per time.

Reading order: write_montage; results, which reads a sheet's last column back.
"""

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from impasto.images.files import write_whole
from impasto.images.sheet import FAINT, INK, PAPER
from impasto.training.runs import MONTAGE

SIDE = 256
"""Pixels of a picture on a sheet."""

CELL, GAP, LABEL = 144, 6, 96
"""Pixels of a picture on the montage, between two, and of what stands left of a row."""

MOST_ROWS = 24
"""Of a long run so many times are shown, spread evenly, the first and the last among them."""


def sheets_of(folder: Path) -> dict[int, Path]:
    """Sheets by step, in order."""
    found = {}
    for path in folder.glob("step-*.png"):
        number = path.stem.removeprefix("step-")
        if number.isdigit():
            found[int(number)] = path
    return dict(sorted(found.items()))


def columns_of(sheet: Path) -> list[list[Image.Image]]:
    """The pictures of a sheet, column by column: style (if there is one), content, stylized."""
    with Image.open(sheet, formats=("PNG",)) as image:
        whole = image.convert("RGB")
    return [
        [
            whole.crop((left, top, left + SIDE, top + SIDE))
            for top in range(0, whole.height - SIDE + 1, SIDE)
        ]
        for left in range(0, whole.width - SIDE + 1, SIDE)
    ]


def write_montage(folder: Path) -> Path | None:
    """Lay all sheets of a folder out as one picture, beside the folder.

    Args:
        folder: Of sheets ``step-000500.png``.

    Returns:
        ``montage.png``, or None where there is no sheet.

    Raises:
        OutputError: It cannot be written.
    """
    sheets = sheets_of(folder)
    if not sheets:
        return None
    steps = _spread(list(sheets))
    given = columns_of(sheets[steps[0]])[:-1]
    rows = [("style" if len(given) > 1 and i == 0 else "content", c) for i, c in enumerate(given)]
    rows += [(f"step {step:,}".replace(",", " "), columns_of(sheets[step])[-1]) for step in steps]
    width = LABEL + max(len(cells) for _, cells in rows) * (CELL + GAP) + GAP
    montage = Image.new("RGB", (width, len(rows) * (CELL + GAP) + GAP), PAPER)
    draw = ImageDraw.Draw(montage)
    font = ImageFont.load_default(13)
    for number, (label, cells) in enumerate(rows):
        top = GAP + number * (CELL + GAP)
        ink = INK if number >= len(given) else FAINT
        draw.text((LABEL - 10, top + CELL // 2), label, fill=ink, font=font, anchor="rm")
        for place, cell in enumerate(cells):
            small = cell.resize((CELL, CELL), Image.Resampling.LANCZOS)
            montage.paste(small, (LABEL + place * (CELL + GAP), top))
    path = folder.parent / MONTAGE
    write_png(path, montage)
    return path


def write_png(path: Path, image: Image.Image) -> None:
    """Write a picture whole or not at all.

    Raises:
        OutputError: The place cannot be written.
    """
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    write_whole(path, buffer.getvalue())


def _spread(steps: list[int]) -> list[int]:
    if len(steps) <= MOST_ROWS:
        return steps
    last = len(steps) - 1
    return [steps[round(i * last / (MOST_ROWS - 1))] for i in range(MOST_ROWS)]
