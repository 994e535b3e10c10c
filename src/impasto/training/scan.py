"""Reading every file of a folder before a training does: what is broken, small, or there twice.

Pictures are opened as training opens them, so that what passes here is what will be drawn there.
This module imports no torch. Reading order: scan_folder, _look, move_faults.
"""

import hashlib
import os
import re
import shutil
import threading
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image, UnidentifiedImageError

from impasto.checks import check_range
from impasto.errors import ImageError, InputError, OutputError
from impasto.images.decode import DAMAGE
from impasto.images.files import describe_foreign
from impasto.images.formats import READABLE

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"}
"""Endings of the files that training takes for pictures."""

MOST_PIXELS = 178_956_970
"""Height times width; beyond it Pillow, and so training, takes a picture for a bomb."""

_ROOM = 200_000_000
"""Pixels that are unpacked at one time, all threads together: about 800 MB at most."""


@dataclass(frozen=True)
class Fault:
    """A file that training will skip."""

    path: str
    """Relative to the folder."""
    reason: str


@dataclass(frozen=True, kw_only=True)
class ScanReport:
    """What is in a folder."""

    folder: str
    files: int
    """All files, hidden ones aside."""
    others: int
    """Files that are no pictures by their name; training passes over them."""
    pictures: int
    """Pictures that can be read, the small ones included."""
    bytes: int
    """Of these pictures."""
    smallest: tuple[int, int] | None
    """(height, width) of the picture with the shortest short side."""
    largest: tuple[int, int] | None
    """(height, width) of the picture with most pixels."""
    median_side: float | None
    """Median of the short sides, in pixels."""
    broken: tuple[Fault, ...]
    small: tuple[Fault, ...]
    """Pictures with a side shorter than was asked for."""
    duplicates: tuple[tuple[str, ...], ...]
    """Groups of files with the same content."""

    @property
    def spare(self) -> int:
        """Files that could go without anything being lost."""
        return sum(len(group) - 1 for group in self.duplicates)


@dataclass(frozen=True)
class _Seen:
    path: Path
    length: int
    size: tuple[int, int] | None
    """(height, width); None for what is broken."""
    reason: str = ""


def scan_folder(
    folder: str | Path,
    *,
    min_side: int = 64,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> ScanReport:
    """Read every picture below a folder; nothing is changed.

    Args:
        folder: Searched with its subfolders; links to folders are not followed.
        min_side: Pictures with a shorter side are listed as small, in pixels.
        workers: Threads; None takes one per core, eight at most.
        on_progress: Called with pictures done and in all.

    Raises:
        InputError: No such folder, or no file in it that is named like a picture.
    """
    check_range("min_side", min_side, at_least=1)
    folder, report = Path(folder), on_progress or (lambda done, total: None)
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give one that holds pictures.")
    files = sorted(_walk(folder))
    named = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not named:
        raise InputError(f"{folder} holds no pictures ({', '.join(sorted(SUFFIXES))}).")
    seen: list[_Seen] = []
    room = _Room(_ROOM)
    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(workers or min(os.cpu_count() or 1, 8)) as pool,
    ):
        # Pillow warns of large pictures and of odd EXIF data; what it cannot read it raises.
        warnings.simplefilter("ignore")
        for one in pool.map(lambda path: _look(path, room), named):
            seen.append(one)
            report(len(seen), len(named))
        twice = _duplicates([one for one in seen if not one.reason], pool)
    return _report(folder, len(files), seen, twice, min_side)


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(root, name) for name in names if not name.startswith("."))


class _Room:
    """Lets threads unpack so many pixels at a time, and one picture alone whatever its size."""

    def __init__(self, pixels: int) -> None:
        self.pixels = self.free = pixels
        self.changed = threading.Condition()

    def take(self, pixels: int) -> int:
        """Wait for room; what was taken."""
        wanted = min(pixels, self.pixels)
        with self.changed:
            self.changed.wait_for(lambda: self.free >= wanted)
            self.free -= wanted
        return wanted

    def give(self, pixels: int) -> None:
        """Give room back."""
        with self.changed:
            self.free += pixels
            self.changed.notify_all()


def _look(path: Path, room: _Room) -> _Seen:
    length = 0
    try:
        length = path.stat().st_size
        if length == 0:
            return _Seen(path, 0, None, "is empty (0 bytes)")
        return _Seen(path, length, _read(path, room))
    except ImageError as error:
        return _Seen(path, length, None, str(error))
    except UnidentifiedImageError:
        return _Seen(path, length, None, _foreign(path))
    except Image.DecompressionBombError as error:
        found = re.search(r"\d+", str(error))
        return _Seen(path, length, None, _too_large(int(found[0]) if found else MOST_PIXELS))
    except (*DAMAGE, MemoryError) as error:
        text = " ".join(str(error).split()).rstrip(".") or type(error).__name__
        return _Seen(path, length, None, f"is damaged or cut off ({text})")


def _read(path: Path, room: _Room) -> tuple[int, int]:
    """Unpack a picture and forget it; its (height, width) as it will be seen."""
    with Image.open(path, formats=tuple(READABLE)) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise ImageError(_too_large(width * height))
        # A JPEG is read to its end, but unpacked at an eighth of its size.
        image.draft("RGB", (width // 8, height // 8))
        taken = room.take(image.width * image.height)
        try:
            image.load()
            turned = int(image.getexif().get(0x0112, 1) or 1) >= 5
        finally:
            room.give(taken)
    return (width, height) if turned else (height, width)


def _too_large(pixels: int) -> str:
    limit = f"the limit is {MOST_PIXELS / 1e6:.0f} million"
    return f"is a bomb, perhaps ({pixels / 1e6:.0f} million pixels; {limit})"


def _foreign(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return describe_foreign(file.read(512))
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"


def _duplicates(seen: list[_Seen], pool: ThreadPoolExecutor) -> list[list[Path]]:
    """Groups of equal files; only files of equal length are read for it."""
    by_length: dict[int, list[Path]] = defaultdict(list)
    for one in seen:
        by_length[one.length].append(one.path)
    suspects = [path for paths in by_length.values() if len(paths) > 1 for path in paths]
    by_digest: dict[str, list[Path]] = defaultdict(list)
    for path, digest in zip(suspects, pool.map(_digest, suspects), strict=True):
        by_digest[digest].append(path)
    return [paths for paths in by_digest.values() if len(paths) > 1]


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # gone meanwhile: like nothing else
        return str(path)


def _report(
    folder: Path, files: int, seen: list[_Seen], twice: list[list[Path]], min_side: int
) -> ScanReport:
    def name(path: Path) -> str:
        return path.relative_to(folder).as_posix()

    sizes = {one.path: one.size for one in seen if one.size is not None}
    small = [path for path, size in sizes.items() if min(size) < min_side]
    return ScanReport(
        folder=str(folder),
        files=files,
        others=files - len(seen),
        pictures=len(sizes),
        bytes=sum(one.length for one in seen if one.size is not None),
        smallest=min(sizes.values(), key=min, default=None),
        largest=max(sizes.values(), key=lambda size: size[0] * size[1], default=None),
        median_side=median(map(min, sizes.values())) if sizes else None,
        broken=tuple(Fault(name(one.path), one.reason) for one in seen if one.size is None),
        small=tuple(Fault(name(p), f"is {sizes[p][1]}x{sizes[p][0]} pixels") for p in small),
        duplicates=tuple(tuple(map(name, group)) for group in twice),
    )


def move_faults(report: ScanReport, folder: str | Path) -> list[Path]:
    """Move what is broken or small out of the scanned folder, under the same relative paths.

    Args:
        report: Of a scan.
        folder: Where to; outside the scanned folder, made if need be.

    Returns:
        Where the files are now.

    Raises:
        InputError: ``folder`` lies in the scanned one, whose next scan would find them again.
        OutputError: A file cannot be moved, or would replace another.
    """
    source, target = Path(report.folder).resolve(), Path(folder).resolve()
    if target == source or source in target.parents:
        raise InputError(f"{folder} lies in {report.folder}; give a folder outside it.")
    moved = []
    for fault in (*report.broken, *report.small):
        place = target / fault.path
        if place.exists():
            raise OutputError(f"{place} exists already; give another folder.")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source / fault.path, place)
        except OSError as error:
            raise OutputError(
                f"{fault.path} cannot be moved to {place} ({error.strerror or error})."
            ) from error
        moved.append(place)
    return moved
