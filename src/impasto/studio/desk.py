"""What all tabs and visitors share: the painter, its manners, places for files, the Stop buttons.

Reading order: Finished (what a work leaves), Desk.
"""

import itertools
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import InputError
from impasto.images.files import write_whole
from impasto.images.io import Picture, read_picture, write_picture
from impasto.images.resize import fit_long_side, resize
from impasto.inference.stylize import Stylizer
from impasto.studio.painters import Painters
from impasto.studio.running import Stops

SHOWN = 1600
"""Pixels of the longer side of what the page shows; the file to download has all of them."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A work that is done, as files."""

    file: Path
    """At full size, to be downloaded."""

    shown: Path
    """To be looked at: of at most SHOWN pixels, or the film itself."""

    before: Path | None = None
    """What it was made from, of the size of ``shown``."""

    caption: str = ""
    """What it is, for the wall."""

    note: str | None = None
    """What was done to it or left out."""


class Desk:
    """What all tabs and visitors share.

    Args:
        stylizer: Who paints.
        folder: For uploads, paintings and what is shown of them; whoever made it clears it away.
        keep: A folder that keeps every painting; None keeps none.
        device: For the engines beside the painter.
        translators: Models that the page may translate with.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        *,
        folder: Path,
        keep: Path | None = None,
        device: str = "auto",
        translators: Sequence[str] = (),
    ) -> None:
        self.stylizer, self.folder, self.keep, self.device = stylizer, folder, keep, device
        self.translators = tuple(translators)
        self.painters = Painters(stylizer, spare=folder / "thumbnails")
        self.stops = Stops()

    @property
    def uploads(self) -> Path:
        """Where files from the page lie, each in a folder of its own."""
        return self.folder / "uploads"

    def place(self, source: str | os.PathLike[str], label: str, suffix: str) -> Path:
        """A new place for a file that is made from ``source``, under a name people know."""
        works = self.folder / "works"
        works.mkdir(parents=True, exist_ok=True)
        stem = re.sub(r"[^\w.-]+", "-", Path(source).stem)[:60].strip("-.") or "picture"
        return Path(tempfile.mkdtemp(dir=works)) / f"{stem}-{label}{suffix}"

    def hang(
        self, picture: Picture, file: Path, *, before: Picture | None = None, caption: str = ""
    ) -> Finished:
        """Write a painting at full size and what the page shows of it.

        Args:
            picture: The painting.
            file: As ``place`` gave it.
            before: What it was made from.
            caption: For the wall.

        Raises:
            OutputError: The disk is full, or the folder of ``keep`` cannot be written.
        """
        write_picture(picture, file)
        shown = file.with_name("shown.jpg")
        small = _small(picture, None)
        write_picture(small, shown, quality=90)
        beside = None
        if before is not None:
            beside = file.with_name("before.jpg")
            write_picture(_small(before, small.size), beside, quality=90)
        self.keep_file(file)
        return Finished(file=file, shown=shown, before=beside, caption=caption, note=picture.note)

    def keep_file(self, file: Path) -> None:
        """Copy a file to the folder that keeps, under a name that is free there.

        Raises:
            OutputError: That folder cannot be written.
        """
        if self.keep is None:
            return
        names = itertools.chain(
            [file.name], (f"{file.stem}-{number}{file.suffix}" for number in itertools.count(2))
        )
        target = next(self.keep / name for name in names if not (self.keep / name).exists())
        write_whole(target, file.read_bytes(), overwrite=False)

    def plain(self, sentence: str) -> str:
        """A sentence in which uploaded files have their names and not their places."""
        pattern = re.escape(str(self.uploads)) + r"[\\/][^\\/\s]+[\\/]"
        return " ".join(re.sub(pattern, "", sentence).split())


def preview(picture: Picture, side: int = SHOWN) -> Picture:
    """A picture that is no larger than a page needs."""
    if max(picture.size) <= side:
        return picture
    pixels = fit_long_side(picture.pixels, side)
    size = (pixels.shape[-2], pixels.shape[-1])
    alpha = None if picture.alpha is None else resize(picture.alpha, size)
    return Picture(pixels=pixels, alpha=alpha)


def _small(picture: Picture, size: tuple[int, int] | None) -> Picture:
    if size is None:
        return preview(picture)
    alpha = None if picture.alpha is None else resize(picture.alpha, size)
    return Picture(pixels=resize(picture.pixels, size), alpha=alpha)


def read_upload(path: str | os.PathLike[str] | None, *, what: str) -> Picture:
    """A picture from the page.

    Args:
        path: Of the uploaded file; None where nothing was dropped.
        what: How the page calls it, such as "a photograph".

    Raises:
        InputError: Nothing was dropped.
        ImageError: See ``read_picture``.
    """
    return read_picture(need(path, what=what))


def need(path: str | os.PathLike[str] | None, *, what: str) -> Path:
    """The path of a file that was dropped.

    Raises:
        InputError: Nothing was dropped.
    """
    if not path:
        raise InputError(f"{what} is needed; drop one where the page says so.")
    return Path(path)
