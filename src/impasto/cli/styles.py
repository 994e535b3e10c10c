"""``impasto styles list|show|make``: what one can paint in."""

import dataclasses
from pathlib import Path
from typing import Any

from impasto.cli.output import complain, print_columns, print_json, size_text
from impasto.cli.startup import quick_start
from impasto.errors import InputError, WeightsError
from impasto.images.files import check_destination
from impasto.images.formats import find_pictures
from impasto.weights import cards


def list_styles(*, json: bool = False) -> int:
    """List the styles that can be called by name.

    Args:
        json: One JSON document instead of lines.

    Returns:
        The exit code.

    Examples:
        impasto styles list
        impasto styles list --json
    """
    found, damaged = [], 0
    for path in cards.style_paths().values():
        try:
            found.append((cards.read_card(path), path))
        except WeightsError as error:
            complain(error)
            damaged = error.exit_code
    if json:
        print_json([_document(card, path) for card, path in found])
    else:
        print_columns([(c.name, c.title, c.painter, c.year, _place(path)) for c, path in found])
        if not found:
            complain("there is no style yet; make one: impasto styles make NAME PICTURE.")
    return damaged


def show_style(name: str, *, json: bool = False) -> int:
    """Show what a style is and where it came from.

    Args:
        name: Of a style, or the path of its file.
        json: One JSON document instead of lines.

    Returns:
        The exit code.

    Raises:
        InputError: There is none of that name.
        WeightsError: Its file is damaged.

    Examples:
        impasto styles show great-wave
        impasto styles show great-wave --json
    """
    own = Path(name)
    path = own if own.suffix == ".safetensors" and own.is_file() else cards.find_style(name)
    document = _document(cards.read_card(path), path)
    if json:
        print_json(document)
    else:
        document["size"] = size_text(document["size"])
        print_columns([(key, str(value)) for key, value in document.items() if value != ""])
    return 0


def make(
    name: str,
    pictures: list[str],
    *,
    title: str = "",
    artist: str = "",
    year: str = "",
    licence: str = "",
    output: str | None = None,
    model: str = "swift",
    device: str = "auto",
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Keep the style of one or several pictures under a name of your own.

    Args:
        name: To call it by: lower-case letters, digits and hyphens.
        pictures: Pictures, or folders of them; of several, the statistics are averaged.
        title: Of the picture, for its card.
        artist: Who painted it.
        year: When.
        licence: Terms of the picture, such as "public domain".
        output: A .safetensors file; default: your folder of styles.
        model: swift, or a .safetensors file of its weights; the style fits these alone.
        device: auto, cpu, cuda, cuda:1 or mps.
        overwrite: Replace a style of that name.
        json: One JSON document instead of the path.

    Returns:
        The exit code.

    Raises:
        ImpastoError: A name, picture or place that does not do.

    Examples:
        impasto styles make seaside painting.jpg --title "At the sea" --artist "A. Painter"
        impasto styles make meadow monet.jpg klee.jpg -o meadow.safetensors
    """
    cards.StyleCard(name=name)  # refuses an impossible name before torch's seconds
    target = Path(output) if output else cards.user_styles_folder() / f"{name}.safetensors"
    if target.suffix != ".safetensors":
        raise InputError(f"a style file ends with .safetensors; got -o {output}.")
    check_destination(target, overwrite=overwrite)
    sources = [p for given in pictures for p in _pictures(given)]
    with quick_start():
        from impasto.api import load, make_style

    path = make_style(
        name,
        sources,
        painter=load(model, device=device),
        path=target,
        title=title,
        artist=artist,
        year=year,
        licence=licence,
    )
    if json:
        print_json(_document(cards.read_card(path), path))
    else:
        print(path)
    return 0


def _pictures(given: str) -> list[str]:
    if not Path(given).is_dir():
        return [given]
    found = [str(path) for path in find_pictures(given)]
    if not found:
        raise InputError(f"there is no picture in {given}.")
    return found


def _document(card: cards.StyleCard, path: Path) -> dict[str, Any]:
    place = {"place": _place(path), "file": str(path), "size": path.stat().st_size}
    return dataclasses.asdict(card) | place


def _place(path: Path) -> str:
    return "bundled" if path.parent == cards.BUNDLED else "your own"
