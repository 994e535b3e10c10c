"""Two folders of pictures that belong together: found by name, put side by side.

This module imports no torch. Reading order: combine_folders, partners.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto.errors import InputError, OutputError
from impasto.images.files import check_destination

SHOWN = 12
"""Names that a message has before it counts the rest."""


@dataclass(frozen=True, kw_only=True)
class CombineReport:
    """What became of two folders."""

    output: str
    written: int
    missing: tuple[str, ...]
    """Pictures without a partner."""
    faults: dict[str, str]
    """Pairs that could not be put together, and why."""


def combine_folders(
    a: str | Path,
    b: str | Path,
    output: str | Path,
    *,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> CombineReport:
    """Put pictures of the same name side by side: A at the left, B at the right.

    Names are compared without their endings, folders inside included. Where sizes differ and
    proportions do not, B is resized to A.

    Args:
        a, b: Folders.
        output: Folder of the results, PNG files, the folders inside kept.
        overwrite: Whether existing files may be replaced.
        on_progress: Called with pairs done and in all.

    Raises:
        InputError: No such folder, no picture in it, or no name that both have.
        OutputError: A result cannot be written.
    """
    report, target = on_progress or (lambda done, total: None), Path(output)
    sides = [(Path(folder), _pictures(Path(folder), target)) for folder in (a, b)]
    pairs, missing = partners(*sides)
    faults: dict[str, str] = {}
    for done, (left, right) in enumerate(pairs, start=1):
        place = (target / left.relative_to(a)).with_suffix(".png")
        check_destination(place, overwrite=overwrite)
        try:
            whole = side_by_side(left, right)
        except InputError as error:
            faults[str(left)] = str(error)
        else:
            _write(whole, place, overwrite)
        report(done, len(pairs))
    return CombineReport(
        output=str(output), written=len(pairs) - len(faults), missing=missing, faults=faults
    )


def side_by_side(left: Path, right: Path) -> Image.Image:
    """Two files as one picture of twice the width, upright, in sRGB, without transparency.

    Raises:
        ImageError: One of them cannot be read.
        InputError: They differ in proportions.
    """
    from impasto.images.io import read_picture

    halves = [read_picture(path).to_pil().convert("RGB") for path in (left, right)]
    if proportions_differ(*(half.size for half in halves)):
        sizes = " and ".join(f"{half.width}x{half.height}" for half in halves)
        raise InputError(f"{left} and {right} differ in proportions ({sizes}); crop one of them.")
    width, height = halves[0].size
    if halves[1].size != (width, height):
        halves[1] = halves[1].resize((width, height), Image.Resampling.LANCZOS)
    whole = Image.new("RGB", (2 * width, height))
    whole.paste(halves[0], (0, 0))
    whole.paste(halves[1], (width, 0))
    return whole


def partners(
    a: tuple[Path, Sequence[Path]], b: tuple[Path, Sequence[Path]]
) -> tuple[list[tuple[Path, Path]], tuple[str, ...]]:
    """Which pictures of two folders have the same name, and which have no partner.

    Args:
        a, b: A folder and pictures below it.

    Returns:
        Pairs in the order of their names, and the paths of those that are left over.

    Raises:
        InputError: No name is in both, or one is twice in a folder.
    """
    known = [_by_name(folder, paths) for folder, paths in (a, b)]
    common = sorted(set(known[0]) & set(known[1]))
    if not common:
        raise InputError(
            f"no picture of {a[0]} has the name of one of {b[0]}; pairs are found by names without "
            f"their endings, such as {_example(known[0])} and {_example(known[1])}."
        )
    missing = tuple(
        str(mine[name])
        for mine, other in (known, reversed(known))
        for name in sorted(set(mine) - set(other))
    )
    return [(known[0][name], known[1][name]) for name in common], missing


def _by_name(folder: Path, paths: Sequence[Path]) -> dict[str, Path]:
    names: dict[str, Path] = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        other = names.setdefault(name, path)
        if other != path:
            raise InputError(
                f"{other} and {path} have one name, and a partner belongs to one of them alone; "
                "rename one."
            )
    return names


def _example(names: dict[str, Path]) -> str:
    return next(iter(sorted(names)))


def proportions_differ(first: tuple[int, int], second: tuple[int, int]) -> bool:
    """Whether two sizes are of different shape, by more than the rounding of a resize."""
    (width, height), (wide, high) = first, second
    slack = max(width / wide, height / high) + 1
    return abs(width * high - wide * height) > slack * max(wide, high)


def named(names: Sequence[str], most: int) -> str:
    """Names with commas; after ``most`` of them the rest is counted."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _pictures(folder: Path, output: Path) -> list[Path]:
    from impasto.images.formats import find_pictures

    # What an earlier run has put inside is no input.
    found = [p for p in find_pictures(folder) if not p.resolve().is_relative_to(output.resolve())]
    if not found:
        raise InputError(f"there is no picture in {folder}.")
    return found


def _write(image: Image.Image, place: Path, overwrite: bool) -> None:
    import io

    from impasto.images.files import write_whole

    buffer = io.BytesIO()
    try:
        image.save(buffer, "PNG")
    except OSError as error:
        raise OutputError(f"{place} cannot be written ({error}).") from error
    write_whole(place, buffer.getvalue(), overwrite=overwrite)
