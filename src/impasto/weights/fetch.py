"""Fetching published weights: resumed after cuts, verified before use, one clear error offline.

Reading order: fetch_weights (by name), fetch_entry (mirrors and tries), _transfer (one request).
"""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

from impasto.errors import OutputError, WeightsError
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
from impasto.weights.registry import WeightsEntry, cache_folder, digest_of, weights_entry

__all__ = ["FetchProgress", "FetchSettings", "fetch_entry", "fetch_weights"]

_PIECE = 1 << 18
_SLACK = 1 << 20
"""Bytes by which a file may exceed the registered size before the transfer is given up."""


def fetch_weights(name: str, *, on_progress: Callable[[FetchProgress], None] | None = None) -> Path:
    """Fetch published weights into the cache, unless they lie there whole.

    An interrupted fetch leaves a ``.part`` file and goes on from it the next time.

    Args:
        name: A name of the table that has an address, such as "vgg19".
        on_progress: Called with the state before, during and after the transfer.

    Returns:
        The file in the cache; its SHA-256 is the registered one.

    Raises:
        InputError: Unknown name.
        WeightsError: No address answers with the right file, or the name has none.
        ResourceError: The disk is too small.
        OutputError: The cache cannot be written.
    """
    return fetch_entry(weights_entry(name), cache_folder(), on_progress=on_progress)


def fetch_entry(
    entry: WeightsEntry,
    folder: str | Path,
    *,
    on_progress: Callable[[FetchProgress], None] | None = None,
    settings: FetchSettings | None = None,
) -> Path:
    """Fetch one entry's file into a folder; see ``fetch_weights``.

    Args:
        entry: What to fetch: addresses, digest, size.
        folder: Made if need be.
        on_progress: See ``fetch_weights``.
        settings: None takes the defaults.

    Raises:
        WeightsError, ResourceError, OutputError: See ``fetch_weights``.
    """
    settings = settings or FetchSettings()
    path = Path(folder) / entry.file
    part = path.with_name(path.name + ".part")
    if path.is_file() and digest_of(path) == entry.sha256:
        return path
    if not entry.urls:
        raise WeightsError(
            f"{entry.name} comes with the package and has no address to fetch it from; "
            "type: python -m pip install --force-reinstall impasto."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        have = _size_of(part)
    except OSError as error:
        raise OutputError(f"{path.parent} cannot be written ({error}).") from error
    if have == entry.size and digest_of(part) == entry.sha256:
        return _put_in_place(entry, part, path)  # killed between the last byte and here
    _check_disk(entry, path.parent, entry.size - have)
    reasons = []
    for url in entry.urls:
        try:
            _fetch_from(url, entry, part, on_progress, settings)
        except GiveUpError as error:
            reasons.append(f"{host_of(url)}: {error}")
            continue
        except OSError as error:
            raise OutputError(f"{part} cannot be written ({error}).") from error
        return _put_in_place(entry, part, path)
    raise WeightsError(_failure(entry, path, reasons))


def _fetch_from(
    url: str,
    entry: WeightsEntry,
    part: Path,
    on_progress: Callable[[FetchProgress], None] | None,
    settings: FetchSettings,
) -> None:
    """Bring ``part`` to the registered digest, or raise GiveUpError with the reason."""
    patience, began_afresh = Patience(settings, _size_of(part)), False
    while True:
        before = _size_of(part)
        try:
            _transfer(url, entry, part, on_progress, settings)
        except TryAgainError as error:
            patience.failed(error, _size_of(part))
            continue
        if not part.exists() or digest_of(part) == entry.sha256:
            return  # gone, when another process fetched it too and was first
        part.unlink(missing_ok=True)
        # What was there before may have been of another file; begin afresh, once.
        if before == 0 or began_afresh:
            raise GiveUpError("its file is not the published one (SHA-256 differs)")
        began_afresh = True


def _transfer(
    url: str,
    entry: WeightsEntry,
    part: Path,
    on_progress: Callable[[FetchProgress], None] | None,
    settings: FetchSettings,
) -> None:
    """Ask once for what ``part`` lacks and append it."""
    start = _size_of(part)
    try:
        with ask(url, settings, start=start) as answer:
            if answer.status == 200:
                start = 0  # it ignores the range and sends all
            elif answer.status != 206 or answer.start != start:
                part.unlink(missing_ok=True)
                raise TryAgainError(f"it answers {answer.status} with another part")
            _receive(answer, entry, part, start, on_progress)
    except OutOfRangeError:  # nothing follows the bytes we have: whole already, or too long
        if start != entry.size:
            part.unlink(missing_ok=True)
            raise


def _receive(
    answer: Answer,
    entry: WeightsEntry,
    part: Path,
    start: int,
    on_progress: Callable[[FetchProgress], None] | None,
) -> None:
    total = start + answer.length if answer.length is not None else None

    def report(done: int) -> None:
        if on_progress:
            on_progress(FetchProgress(entry.name, done, max(total or entry.size, done)))

    if max(total or 0, start) > entry.size + _SLACK:
        raise GiveUpError(f"its file has {total} bytes instead of {entry.size}")
    _check_disk(entry, part.parent, (total or entry.size) - start)
    done = start
    report(done)
    with open(part, "r+b" if start else "wb") as file:
        file.seek(start)
        while piece := answer.response.read(_PIECE):
            file.write(piece)
            done += len(piece)
            if done > entry.size + _SLACK:
                break
            report(done)
    if done > entry.size + _SLACK:
        part.unlink(missing_ok=True)
        raise GiveUpError(f"its file has more than the {entry.size} bytes it should have")
    if total is not None and done < total:
        raise TryAgainError(f"the line was cut after {done} of {total} bytes")


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _check_disk(entry: WeightsEntry, folder: Path, missing: int) -> None:
    check_disk(entry.name, folder, missing, "set XDG_CACHE_HOME to a folder on a larger disk")


def _put_in_place(entry: WeightsEntry, part: Path, path: Path) -> Path:
    try:
        os.replace(part, path)
    except OSError as error:
        # Another process may have fetched the same file and been first.
        with contextlib.suppress(WeightsError):
            if digest_of(path) == entry.sha256:
                return path
        raise OutputError(f"{path} cannot be written ({error}).") from error
    return path


def _failure(entry: WeightsEntry, path: Path, reasons: list[str]) -> str:
    offline = "; or use --network lite" if entry.kind == "perceptual" else ""
    return (
        f"{entry.name} could not be fetched ({'; '.join(reasons)}); when online type: "
        f"impasto models fetch {entry.name}; or put the file at {path}{offline}."
    )
