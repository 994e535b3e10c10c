"""Public data sets by name: fetched, verified where a digest is published, unpacked, kept.

``datasets.toml`` is the table. This module imports no torch, so that ``impasto data list``
answers at once. Reading order: DatasetEntry, fetch_dataset.
"""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from impasto.checks import check_choice
from impasto.errors import DataError, InputError, OutputError
from impasto.fetching.download import Fetched, Source, download
from impasto.fetching.http import FetchProgress, FetchSettings
from impasto.fetching.unpack import Unpacked, unpack
from impasto.images.files import write_whole

Kind = Literal["content", "style", "paired", "unpaired"]
TABLE = Path(__file__).with_name("datasets.toml")
RECORD = "dataset.json"
"""Lies in the folder of a set that was unpacked to its end."""
_GROWTH = 1.1
"""Bytes unpacked per byte of archive, for the check of the disk: pictures are packed already."""

Report = Callable[[FetchProgress], None]


@dataclass(frozen=True, kw_only=True)
class DatasetEntry:
    """One line of the table."""

    name: str
    """What one types."""

    kind: Kind
    """What it is for: "content" or "style" pictures, "paired" or "unpaired" translation."""

    description: str
    """One sentence."""

    licence: str
    """Terms of the pictures, as their publishers state them."""

    urls: tuple[str, ...] = ()
    """Addresses of the archive, tried in order; none where a program cannot fetch it."""

    size: int | None = None
    """Bytes of the archive; None where nobody published them."""

    sha256: str = ""
    """Digest of the archive; empty where nobody published it."""

    strip: str = ""
    """Folder in the archive that is left out of the paths."""

    pictures: int | None = None
    """How many there are; None where it is not stated."""

    how: str = ""
    """Without addresses: how to get it, as the rest of a sentence."""

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(Kind))


@dataclass(frozen=True, kw_only=True)
class DatasetReport:
    """What a fetch has brought."""

    name: str
    folder: str
    """Where the pictures are."""
    url: str
    """Where the archive came from; empty if it lay on the disk."""
    size: int
    """Bytes of the archive."""
    sha256: str
    """Digest of the archive, computed here."""
    verified: bool
    """Whether that is the published digest; False also where none is published."""
    files: int
    """Files that were unpacked."""
    damaged: dict[str, str]
    """Members of the archive that could not be read, and why."""
    refused: dict[str, str]
    """Members that would have been written elsewhere, and why they were not."""
    changed: bool = False
    """Whether the archive is another one than an earlier fetch into this folder brought."""
    there: bool = False
    """Whether nothing had to be done."""


@functools.cache
def known_datasets() -> dict[str, DatasetEntry]:
    """The table that comes with the package, in its order, read once.

    Raises:
        DataError: It cannot be read.
    """
    try:
        with open(TABLE, "rb") as file:
            tables = tomllib.load(file)
        return {
            name: DatasetEntry(name=name, **(table | {"urls": tuple(table.get("urls", ()))}))
            for name, table in tables.items()
        }
    except (OSError, tomllib.TOMLDecodeError, TypeError, AttributeError, InputError) as error:
        raise DataError(f"the table of data sets {TABLE} cannot be read ({error}).") from error


def dataset_entry(name: str) -> DatasetEntry:
    """Look a name up.

    Raises:
        InputError: Unknown; the message has the names there are and the nearest.
    """
    check_choice("data set", name, known_datasets())
    return known_datasets()[name]


def fetch_dataset(
    name: str,
    folder: str | Path = "data",
    *,
    archive: str | Path | None = None,
    connections: int = 4,
    keep_archive: bool = False,
    unverified: bool = False,
    plain_http: bool = False,
    on_progress: Report | None = None,
    settings: FetchSettings | None = None,
) -> DatasetReport:
    """Have a data set in ``folder/name``; what was interrupted goes on where it stopped.

    The folder gets its name when everything is unpacked, so that half a set is never taken for
    a whole one.

    Args:
        name: A name of the table.
        folder: Where data sets lie; made if need be.
        archive: An archive that is on this machine already, instead of an address.
        connections: See ``download``.
        keep_archive: Whether a fetched archive stays beside the folder.
        unverified: Take an archive whose digest is not the published one.
        plain_http: Take unencrypted addresses although no digest is published.
        on_progress: Called with the state of the transfer, the check and the unpacking.
        settings: None takes the defaults.

    Raises:
        InputError: Unknown name.
        DataError: It cannot be had, or the archive is no good.
        ResourceError: The disk is too small.
        OutputError: The folder cannot be written, or is something else.
    """
    entry, report = dataset_entry(name), on_progress or (lambda progress: None)
    entry = dataclasses.replace(entry, sha256="") if unverified else entry
    home = Path(folder) / name
    if there := _read_report(home):
        return there
    if archive is not None:
        got = _take(entry, Path(archive), report)
    else:
        settings = settings or FetchSettings()
        plain = plain_http or settings.plain_http or bool(entry.sha256)
        settings = dataclasses.replace(settings, plain_http=plain)
        got = _fetch(entry, Path(folder), connections, report, settings)
    changed = _differs_from_before(entry, Path(folder), got)
    if changed:  # what an interrupted run has unpacked is of the other archive
        shutil.rmtree(_workplace(home), ignore_errors=True)
    made = _unpack(entry, got, home, report)
    made = dataclasses.replace(made, changed=changed, verified=bool(entry.sha256))
    _put_in_place(home, made)
    if archive is None and not keep_archive:
        got.path.unlink(missing_ok=True)
    return made


def _read_report(home: Path) -> DatasetReport | None:
    """The report of a set that is there whole."""
    if not home.exists():
        return None
    try:
        document = json.loads((home / RECORD).read_text(encoding="utf-8"))
        return DatasetReport(**(document | {"folder": str(home), "there": True}))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(
            f"{home} is there already, but was not made by impasto data fetch; rename it, or give "
            "another --folder."
        ) from error


def _take(entry: DatasetEntry, archive: Path, report: Report) -> Fetched:
    if not archive.is_file():
        raise DataError(f"there is no archive {archive}; give the file that was downloaded.")
    # Without addresses this only computes the digest of what is there.
    got = download(Source(name=entry.name, urls=()), archive, on_progress=report)
    if entry.sha256 not in ("", got.sha256):
        raise DataError(
            f"{archive} is not the published archive of {entry.name} (its SHA-256 begins with "
            f"{got.sha256[:8]} instead of {entry.sha256[:8]}); if you trust it, add --unverified."
        )
    return got


def _fetch(
    entry: DatasetEntry, folder: Path, connections: int, report: Report, settings: FetchSettings
) -> Fetched:
    if not entry.urls:
        raise DataError(f"{entry.name} has no address: {entry.how}.")
    source = Source(
        name=entry.name, urls=entry.urls, size=entry.size, sha256=entry.sha256, room=_GROWTH
    )
    path = folder / _archive_name(entry)
    try:
        return download(
            source, path, connections=connections, on_progress=report, settings=settings
        )
    except DataError as error:
        more = ""
        if not settings.plain_http and any(url.startswith("http:") for url in entry.urls):
            more = " Its unencrypted address can be allowed with --plain-http."
        elif "SHA-256" in str(error):
            more = " If you trust what its publisher has there now, add --unverified."
        raise DataError(f"{error}{more}") from error


def _archive_name(entry: DatasetEntry) -> str:
    """Under our name: facades and facades-unpaired are facades both at their addresses."""
    published = entry.urls[0].rpartition("/")[2] if entry.urls else ""
    return entry.name + (".tar.gz" if published.endswith(".tar.gz") else ".zip")


def _differs_from_before(entry: DatasetEntry, folder: Path, got: Fetched) -> bool:
    """Compare with the digest an earlier fetch has left, and leave this one (as sha256sum does)."""
    note = folder / f"{entry.name}.sha256"
    before = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        before = note.read_text(encoding="utf-8").partition(" ")[0]
    write_whole(note, f"{got.sha256}  {_archive_name(entry)}\n".encode())
    return before not in ("", got.sha256)


def _workplace(home: Path) -> Path:
    return home.with_name(f".{home.name}.unpacking")


def _unpack(entry: DatasetEntry, got: Fetched, home: Path, report: Report) -> DatasetReport:
    work = _workplace(home)

    def tell(done: int, total: int) -> None:
        report(FetchProgress(entry.name, done, total, "unpacking"))

    made: Unpacked = unpack(got.path, work, strip=entry.strip, on_progress=tell)
    if not made.files:
        shutil.rmtree(work, ignore_errors=True)
        raise DataError(f"{got.path} holds no file that can be unpacked; delete it.")
    return DatasetReport(
        name=entry.name,
        folder=str(home),
        url=got.url,
        size=got.size,
        sha256=got.sha256,
        verified=False,
        files=made.files,
        damaged=made.damaged,
        refused=made.refused,
    )


def _put_in_place(home: Path, made: DatasetReport) -> None:
    work = _workplace(home)
    document = dataclasses.asdict(made)
    write_whole(work / RECORD, json.dumps(document, indent=2, ensure_ascii=False).encode())
    try:
        os.replace(work, home)
    except OSError as error:
        raise OutputError(f"{home} cannot be written ({error.strerror or error}).") from error
