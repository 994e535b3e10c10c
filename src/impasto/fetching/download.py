"""Fetching a large file in several connections; it goes on wherever it was interrupted.

Reading order: Source, download (mirrors), _bring (one address), _Crew (its connections). What is
there already is kept by ``parts.py``; a server without ranges is asked by ``_bring_at_once``.
"""

import hashlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from impasto.checks import check_range
from impasto.errors import DataError, OutputError
from impasto.fetching.http import (
    Answer,
    FetchProgress,
    FetchSettings,
    GiveUpError,
    OutOfRangeError,
    Patience,
    TryAgainError,
    ask,
    check_disk,
    host_of,
)
from impasto.fetching.parts import Parts, Piece

_PIECE = 1 << 18
Report = Callable[[FetchProgress], None]


@dataclass(frozen=True, kw_only=True)
class Source:
    """What to fetch, and how to know it."""

    name: str
    """For messages."""

    urls: tuple[str, ...]
    """Tried in order."""

    size: int | None = None
    """Bytes; None if nobody published them."""

    sha256: str = ""
    """64 hexadecimal digits; empty if nobody published them."""

    room: float = 0.0
    """Disk that is needed besides, per byte of the file: for what will be unpacked."""


@dataclass(frozen=True)
class Fetched:
    """A file that is there whole."""

    path: Path
    url: str
    """Where it came from; empty if it was there."""
    size: int
    sha256: str


def download(
    source: Source,
    path: str | Path,
    *,
    connections: int = 4,
    on_progress: Report | None = None,
    settings: FetchSettings | None = None,
) -> Fetched:
    """Fetch a file unless it lies there; it gets its name when it is whole and verified.

    Args:
        source: Addresses and digest.
        path: The file; missing folders are made. ``path.part`` holds what has come so far.
        connections: How many at once, 1 to 16; fewer where the server allows fewer.
        on_progress: Called with the state, always from the caller's thread.
        settings: None takes the defaults.

    Raises:
        InputError: ``connections`` is out of range.
        DataError: No address answers with the right file.
        ResourceError: The disk is too small.
        OutputError: The disk cannot be written.
    """
    check_range("connections", connections, at_least=1, at_most=16)
    settings, report = settings or FetchSettings(), on_progress or (lambda progress: None)
    path = Path(path)
    parts, reasons = Parts(path), []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            found = _digest(path, source.name, report)
            if source.sha256 in ("", found):
                return Fetched(path, "", path.stat().st_size, found)
        for url in source.urls:
            try:
                found = _bring(url, source, parts, connections, report, settings)
            except GiveUpError as error:
                reasons.append(f"{host_of(url)}: {error}")
                continue
            parts.put_in_place(path)
            return Fetched(path, url, path.stat().st_size, found)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}).") from error
    raise DataError(
        f"{source.name} could not be fetched ({'; '.join(reasons)}); when online type the same "
        f"command again: it goes on where it stopped."
    )


def _bring(
    url: str,
    source: Source,
    parts: Parts,
    connections: int,
    report: Report,
    settings: FetchSettings,
) -> str:
    """Make ``parts`` whole from one address; its SHA-256."""
    for _ in range(2):
        head = _look(url, settings)
        if source.sha256 and source.size and head.total not in (None, source.size):
            raise GiveUpError(f"its file has {head.total} bytes instead of {source.size}")
        resumed = False
        if head.ranges and head.total:
            resumed = parts.begin(head.total, head.validator, connections, same=bool(source.sha256))
            _check_room(source, parts, head.total)
            _Crew(url, source.name, parts, head.validator, settings).work(connections, report)
        else:
            _bring_at_once(url, source, parts, report, settings)
        found = _digest(parts.file, source.name, report)
        if source.sha256 in ("", found):
            return found
        parts.discard()
        if not resumed:
            break
        # What was there may have been of another version; begin afresh, once.
    raise GiveUpError("its file is not the published one (SHA-256 differs)")


@dataclass(frozen=True)
class _Head:
    """What a server says about a file."""

    total: int | None
    ranges: bool
    validator: str


def _look(url: str, settings: FetchSettings) -> _Head:
    """Ask for the first byte, which tells whether the server can send parts."""
    patience = Patience(settings)
    while True:
        try:
            with ask(url, settings, end=1) as answer:
                partial = answer.status == 206 and answer.start == 0
                return _Head(answer.total, partial, answer.validator)
        except OutOfRangeError:
            return _Head(None, False, "")
        except TryAgainError as error:
            patience.failed(error, 0)


def _check_room(source: Source, parts: Parts, total: int) -> None:
    missing = total - parts.have + int(source.room * total)
    check_disk(source.name, parts.file.parent, missing, "give a folder on a larger disk")


class _Crew:
    """Several connections that fetch the missing pieces of one file.

    A connection that fails for good leaves its piece to the others; the failure of the last one
    is the failure of the address.
    """

    def __init__(
        self, url: str, name: str, parts: Parts, validator: str, settings: FetchSettings
    ) -> None:
        self.url, self.name, self.parts = url, name, parts
        self.validator, self.settings = validator, settings
        self.waiting = parts.missing()[::-1]
        self.done = parts.have
        self.busy = 0
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.failure: GiveUpError | OSError | OutputError | None = None

    def work(self, connections: int, report: Report) -> None:
        """Return when all is there, or raise why not."""
        count = min(connections, len(self.waiting))
        crew = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        self.busy = count
        try:
            self._report(report)
            for thread in crew:
                thread.start()
            for thread in crew:
                while thread.is_alive():
                    thread.join(0.05)
                    self._report(report)
        finally:
            self.stop.set()
        if self.failure is not None:
            raise self.failure
        if self.parts.missing():
            raise GiveUpError("its connections ended early")
        self._report(report)

    def _report(self, report: Report) -> None:
        report(FetchProgress(self.name, self.done, self.parts.total))

    def _run(self) -> None:
        piece: Piece | None = None
        try:
            while (piece := self._next()) is not None:
                self._fetch(piece)
        except (GiveUpError, OSError, OutputError) as error:
            with self.lock:
                self.busy -= 1
                if self.busy and piece and isinstance(error, GiveUpError):
                    anew = self.parts.piece(piece.index)
                    self.done -= piece.at - anew.at
                    self.waiting.append(anew)
                    return
                self.failure = self.failure or error
                self.stop.set()

    def _next(self) -> Piece | None:
        """The next piece to fetch; a connection that gets none is no longer busy."""
        with self.lock:
            if self.waiting and not self.stop.is_set():
                return self.waiting.pop()
            self.busy -= 1
            return None

    def _fetch(self, piece: Piece) -> None:
        patience = Patience(self.settings, piece.at, self.stop.wait)
        while piece.at < piece.end and not self.stop.is_set():
            try:
                self._receive(piece)
            except TryAgainError as error:
                patience.failed(error, piece.at)
        if piece.at == piece.end:
            self.parts.finish(piece)

    def _receive(self, piece: Piece) -> None:
        """Ask once for what a piece lacks, and have it on the disk."""
        with (
            ask(
                self.url, self.settings, start=piece.at, end=piece.end, validator=self.validator
            ) as answer,
            open(self.parts.file, "r+b") as file,
        ):
            if answer.status != 206 or answer.start != piece.at:
                raise TryAgainError(f"it answers {answer.status} with another part")
            if answer.total not in (None, self.parts.total):
                raise GiveUpError("its file changed while it was fetched")
            file.seek(piece.at)
            while piece.at < piece.end and not self.stop.is_set():
                data = answer.response.read(min(_PIECE, piece.end - piece.at))
                if not data:
                    raise TryAgainError(f"the line was cut before byte {piece.end}")
                file.write(data)
                piece.at += len(data)
                with self.lock:
                    self.done += len(data)
            _to_disk(file)


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _bring_at_once(
    url: str, source: Source, parts: Parts, report: Report, settings: FetchSettings
) -> None:
    """From the beginning in one connection, each time anew: the server knows no parts."""
    patience = Patience(settings)
    parts.discard()
    while True:
        try:
            with ask(url, settings) as answer:
                _receive_all(answer, source, parts, report)
            return
        except TryAgainError as error:
            patience.failed(error, parts.file.stat().st_size if parts.file.exists() else 0)


def _receive_all(answer: Answer, source: Source, parts: Parts, report: Report) -> None:
    if answer.status != 200:
        raise TryAgainError(f"it answers {answer.status} where 200 was expected")
    if not (source.sha256 or answer.ends_visibly):
        raise GiveUpError("it does not say how long its file is, so a cut would not be noticed")
    total = answer.total or source.size or 0
    limit = total if answer.total else None
    parts.total = total
    _check_room(source, parts, total)
    done = 0
    with open(parts.file, "wb") as file:
        while data := answer.response.read(_PIECE):
            file.write(data)
            done += len(data)
            if source.sha256 and source.size and done > source.size:
                raise GiveUpError(f"its file has more than {source.size} bytes")
            if limit is None:
                check_disk(source.name, parts.file.parent, 0, "give a folder on a larger disk")
            report(FetchProgress(source.name, done, max(total, done)))
        _to_disk(file)
    if limit is not None and done < limit:
        raise TryAgainError(f"the line was cut after {done} of {limit} bytes")


def _digest(path: Path, name: str, report: Report) -> str:
    """SHA-256 of a file, with progress: of 19 GB it takes a minute."""
    digest, total, done = hashlib.sha256(), path.stat().st_size, 0
    with open(path, "rb") as file:
        while data := file.read(1 << 22):
            digest.update(data)
            done += len(data)
            report(FetchProgress(name, done, total, "checking"))
    return digest.hexdigest()
