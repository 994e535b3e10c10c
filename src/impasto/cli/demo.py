"""``impasto demo``: the sample photographs in a dozen styles, and a sheet of them all."""

import io
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from impasto.cli.output import complain, print_json, progress_bar
from impasto.cli.startup import quick_start
from impasto.errors import InputError, MissingExtraError, OutputError
from impasto.weights import cards

if TYPE_CHECKING:
    from impasto.images.io import Picture
    from impasto.images.sheet import Row
    from impasto.inference.stylize import Stylizer

PER_PHOTO = 4
"""Styles in which each photograph is painted."""


def demo(
    *,
    output: str = "demo-output",
    style: list[str] | None = None,
    model: str = "swift",
    device: str = "auto",
    quick: bool = False,
    json: bool = False,
) -> int:
    """Paint sample photographs in a dozen styles, and lay them out on a sheet.

    The photographs come from scikit-image (public domain); without it, from a generator of ours.

    Args:
        output: A folder; paintings of an earlier demo in it are replaced.
        style: Styles instead of the bundled ones.
        model: swift, or a .safetensors file of its weights.
        device: auto, cpu, cuda, cuda:1 or mps.
        quick: Smaller photographs, in two styles each.
        json: One JSON document instead of paths.

    Returns:
        The exit code.

    Raises:
        ImpastoError: Weights are missing, or the folder cannot be written.

    Examples:
        impasto demo -o demo-output
        impasto demo --quick -o demo-output
    """
    start = time.perf_counter()
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; give a folder.")
    styles = style or pick_styles()
    with quick_start():
        from impasto.api import load

    stylizer = load(model, device=device)
    photos = _photos(256 if quick else 512)
    shares = share_out(styles, len(photos), 2 if quick else PER_PHOTO)
    paths, rows, seconds = _paint(stylizer, photos, shares, folder)
    each = seconds / len(paths)
    note = f"{len(photos)} photographs, {len(paths)} paintings, {each:.2f} s each"
    paths.append(_write_sheet(rows, note, folder))
    whole = time.perf_counter() - start
    if json:
        figures = {"seconds": round(whole, 3), "seconds_per_painting": round(each, 4)}
        print_json({"paths": [str(path) for path in paths]} | figures)
    else:
        print("\n".join(map(str, paths)))
        complain(f"{len(paths) - 1} paintings in {whole:.1f} s; look at {paths[-1]}.")
    return 0


def _paint(
    stylizer: "Stylizer", photos: "dict[str, Picture]", shares: list[list[str]], folder: Path
) -> "tuple[list[Path], list[Row], float]":
    """Paint and write all; the files, the rows of the sheet, and the seconds of painting."""
    paths: list[Path] = []
    rows, seconds = [], 0.0
    with progress_bar("painting", sum(map(len, shares))) as show:
        for (name, photo), share in zip(photos.items(), shares, strict=True):
            paintings = []
            for style in share:
                began = time.perf_counter()
                painting = stylizer.stylize(photo, style)
                seconds += time.perf_counter() - began
                paths.append(folder / f"{name}-{Path(style).stem}.png")
                painting.save(paths[-1])
                paintings.append((style, painting))
                show(len(paths))
            rows.append(_row(name, photo, paintings))
    return paths, rows, seconds


def _write_sheet(rows: "list[Row]", note: str, folder: Path) -> Path:
    from impasto.images.files import write_whole
    from impasto.images.sheet import contact_sheet

    buffer = io.BytesIO()
    contact_sheet(rows, title="Impasto", note=note).save(buffer, format="PNG")
    path = folder / "contact-sheet.png"
    write_whole(path, buffer.getvalue())
    return path


def pick_styles(count: int = 12) -> list[str]:
    """Names of bundled styles, spread over the list; the user's own where none are bundled.

    Raises:
        InputError: There is no style at all.
    """
    paths = cards.style_paths()
    bundled = [name for name, path in paths.items() if path.parent == cards.BUNDLED]
    names = bundled or list(paths)
    if not names:
        raise InputError("there is no style to paint in; install the package again.")
    return [names[i * len(names) // count] for i in range(count)] if len(names) > count else names


def share_out(styles: list[str], photos: int, each: int) -> list[list[str]]:
    """Which photograph is painted in which styles.

    Args:
        styles: At least one.
        photos: How many photographs.
        each: Styles per photograph, as far as there are so many.

    Returns:
        One list per photograph, of different styles; all styles are used where that is possible.
    """
    shares = []
    for photo in range(photos):
        round_robin = [styles[(photo * each + i) % len(styles)] for i in range(each)]
        shares.append(list(dict.fromkeys(round_robin)))
    return shares


def _photos(short_side: int) -> "dict[str, Picture]":
    from impasto.images.resize import resize
    from impasto.images.samples import SampleName, sample_photo, synthetic_photo

    try:
        photos = {name: sample_photo(name) for name in get_args(SampleName)}
    except MissingExtraError as error:
        complain(f"{error} The demo paints landscapes of our own instead.")
        names = ("lake", "evening", "morning")
        photos = {name: synthetic_photo((512, 768), seed=i) for i, name in enumerate(names)}
    for name, photo in photos.items():
        factor = short_side / min(photo.size)
        if factor < 1:
            size = (round(photo.size[0] * factor), round(photo.size[1] * factor))
            photos[name] = photo.replace_pixels(resize(photo.pixels, size).clamp(0, 1))
    return photos


def _row(name: str, photo: "Picture", paintings: "list[tuple[str, Picture]]") -> "Row":
    from impasto.images.sheet import Cell, Row

    cells = []
    for style, painting in paintings:
        path = cards.style_paths().get(style)
        card = cards.read_card(path) if path else None
        detail = ", ".join(filter(None, (card.painter, card.year))) if card else ""
        # The label is what one types to paint in that style.
        cells.append(Cell(image=painting.to_pil(), name=Path(style).stem, detail=detail))
    return Row(
        photo=Cell(image=photo.to_pil(), name=name, detail="photograph"), paintings=tuple(cells)
    )
