"""The files of an evaluation: a sheet of pairs from the worst to the best, and the numbers."""

import io
import json
from pathlib import Path

from PIL import Image

from impasto.images.files import write_whole
from impasto.images.io import Picture
from impasto.images.sheet import Cell, Row, contact_sheet
from impasto.inference.evaluate import Judged, Report, painting_path, read_square
from impasto.inference.evaluate_settings import NUMBERS, SHEET

MOST_ROWS = 12
"""Of many pairs so many are shown, spread evenly from the worst to the best."""


def write_evaluation(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write the numbers and the sheet beside the paintings.

    Args:
        report: Of an evaluation that kept its paintings in ``folder``.
        folder: Where to.

    Returns:
        The two files.

    Raises:
        OutputError: The folder cannot be written.
        ImageError: A picture has been removed meanwhile.
    """
    document = json.dumps(report.as_document(), indent=1, ensure_ascii=False) + "\n"
    write_whole(folder / NUMBERS, document.encode())
    buffer = io.BytesIO()
    draw_sheet(report, folder).save(buffer, format="PNG")
    write_whole(folder / SHEET, buffer.getvalue())
    return folder / NUMBERS, folder / SHEET


def draw_sheet(report: Report, folder: Path) -> Image.Image:
    """Style, content, painting and its figures, from the worst pair to the best.

    Pairs are ordered by the sum of content and style, or by content where style is not told.

    Args:
        report: Of the evaluation.
        folder: Where its paintings are.
    """
    ordered = sorted(report.pairs, key=_badness, reverse=True)
    means = ", ".join(f"{name} {figure.mean:.3f}" for name, figure in report.figures.items())
    return contact_sheet(
        [_row(one, report.config.size, folder) for one in _spread(ordered)],
        title=f"{Path(report.model).name}: {len(report.pairs)} pairs, worst first",
        note=f"means: {means}",
        column=256,
    )


def _badness(judged: Judged) -> float:
    return judged.figures["content"] + judged.figures.get("style", 0.0)


def _spread(ordered: list[Judged]) -> list[Judged]:
    if len(ordered) <= MOST_ROWS:
        return ordered
    last = len(ordered) - 1
    return [ordered[round(i * last / (MOST_ROWS - 1))] for i in range(MOST_ROWS)]


def _row(judged: Judged, size: int, folder: Path) -> Row:
    given = (("style", judged.pair.style), ("content", judged.pair.content))
    cells = [
        Cell(image=Picture(pixels=read_square(path, size)).to_pil(), name=path.stem, detail=what)
        for what, path in given
        if path is not None
    ]
    named = [n for n in ("content", "style", "ssim", "lpips", "grid") if n in judged.figures]
    told = "  ".join(f"{name} {judged.figures[name]:.2f}" for name in named)
    with Image.open(painting_path(folder, judged.number), formats=("PNG",)) as image:
        painting = Cell(image=image.convert("RGB"), name=f"{judged.number:03}", detail=told)
    return Row(photo=cells[0], paintings=(*cells[1:], painting))
