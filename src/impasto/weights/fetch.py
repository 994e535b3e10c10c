"""Fetching published weights: resumed after cuts, verified before use, one clear error offline.

Reading order: fetch_weights (by name), fetch_entry (mirrors and tries), _transfer (one request).
"""

import contextlib
import http.client
import os
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import OutputError, ResourceError, WeightsError
from impasto.weights.registry import WeightsEntry, cache_folder, digest_of, weights_entry

_PIECE = 1 << 18
_SLACK = 1 << 20
"""Bytes by which a file may exceed the registered size before the transfer is given up."""
_RESERVE = 16 << 20
"""Bytes of disk that are left free."""
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class FetchProgress:
    """State of a transfer: enough to draw a bar."""

    name: str
    done: int
    """Bytes on disk, those of an earlier try included."""
    total: int
    """Bytes of the whole file."""


@dataclass(frozen=True, kw_only=True)
class FetchSettings:
    """How patient a fetch is."""

    timeout: float = 30.0
    """Seconds without a byte before a try counts as failed."""

    tries: int = 4
    """Tries per address; one that brought bytes does not count."""

    pause: float = 1.0
    """Seconds before the second try; doubled each time."""

    allow_http: bool = False
    """Allow plain http to this very machine; for tests."""


class _TryAgainError(Exception):
    """The server or the line failed in a way that may pass."""


class _GiveUpError(Exception):
    """The address will not do, however often it is asked."""


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
        except _GiveUpError as error:
            reasons.append(f"{urllib.parse.urlsplit(url).hostname}: {error}")
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
    """Bring ``part`` to the registered digest, or raise _GiveUpError with the reason."""
    failures, furthest, began_afresh = 0, 0, False
    while True:
        before = _size_of(part)
        try:
            _transfer(url, entry, part, on_progress, settings)
        except _TryAgainError as error:
            after = _size_of(part)
            failures = 1 if after > max(before, furthest) else failures + 1
            furthest = max(before, after, furthest)
            if failures >= settings.tries:
                raise _GiveUpError(str(error)) from error
            time.sleep(min(settings.pause * 2 ** (failures - 1), 30.0))
            continue
        if not part.exists() or digest_of(part) == entry.sha256:
            return  # gone, when another process fetched it too and was first
        part.unlink(missing_ok=True)
        # What was there before may have been of another file; begin afresh, once.
        if before == 0 or began_afresh:
            raise _GiveUpError("its file is not the published one (SHA-256 differs)")
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
    headers = {"User-Agent": "impasto", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    _check_address(url, settings)
    try:
        request = urllib.request.Request(url, headers=headers)
        with _opener(settings).open(request, timeout=settings.timeout) as response:
            if response.status == 200:
                start = 0  # it ignores the range and sends all
            elif response.status != 206 or _range_start(response) != start:
                part.unlink(missing_ok=True)
                raise _TryAgainError(f"it answers {response.status} with another part")
            length = response.headers.get("Content-Length", "")
            total = start + int(length) if length.isdigit() else None
            _receive(response, entry, part, start, total, on_progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing follows the bytes we have: whole already, or too long
            if start != entry.size:
                part.unlink(missing_ok=True)
                raise _TryAgainError("it cannot go on from the bytes we have") from error
            return
        reason = f"it answers {error.code} {error.reason}"
        kind = (
            _TryAgainError if error.code in (408, 425, 429) or error.code >= 500 else _GiveUpError
        )
        raise kind(reason) from error
    except urllib.error.URLError as error:
        reason = str(error.reason) or type(error.reason).__name__
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise _GiveUpError(reason) from error
        raise _TryAgainError(reason) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise _TryAgainError(str(error) or type(error).__name__) from error


def _receive(
    response: http.client.HTTPResponse,
    entry: WeightsEntry,
    part: Path,
    start: int,
    total: int | None,
    on_progress: Callable[[FetchProgress], None] | None,
) -> None:
    def report(done: int) -> None:
        if on_progress:
            on_progress(FetchProgress(entry.name, done, max(total or entry.size, done)))

    if max(total or 0, start) > entry.size + _SLACK:
        raise _GiveUpError(f"its file has {total} bytes instead of {entry.size}")
    _check_disk(entry, part.parent, (total or entry.size) - start)
    done = start
    report(done)
    with open(part, "r+b" if start else "wb") as file:
        file.seek(start)
        while piece := response.read(_PIECE):
            file.write(piece)
            done += len(piece)
            if done > entry.size + _SLACK:
                break
            report(done)
    if done > entry.size + _SLACK:
        part.unlink(missing_ok=True)
        raise _GiveUpError(f"its file has more than the {entry.size} bytes it should have")
    if total is not None and done < total:
        raise _TryAgainError(f"the line was cut after {done} of {total} bytes")


class _CarefulRedirect(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to addresses that would have been allowed at the start."""

    def __init__(self, settings: FetchSettings) -> None:
        self.settings = settings

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            _check_address(newurl, self.settings)
        except _GiveUpError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener(settings: FetchSettings) -> urllib.request.OpenerDirector:
    # Not build_opener: it would also open file:, ftp: and data: addresses.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _CarefulRedirect(settings),
    ):
        opener.add_handler(handler)
    return opener


def _check_address(url: str, settings: FetchSettings) -> None:
    parts = urllib.parse.urlsplit(url)
    local = settings.allow_http and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if parts.scheme != "https" and not local:
        raise _GiveUpError(f"{parts.scheme or 'an empty'} address refused, only https is allowed")


def _range_start(response: http.client.HTTPResponse) -> int | None:
    unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
    start = rest.partition("-")[0]
    return int(start) if unit == "bytes" and start.isdigit() else None


def _size_of(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _check_disk(entry: WeightsEntry, folder: Path, missing: int) -> None:
    free = shutil.disk_usage(folder).free
    if missing + _RESERVE > free:
        raise ResourceError(
            f"{entry.name} needs {missing >> 20} MiB more in {folder}, where {free >> 20} MiB are "
            "free; make room, or set XDG_CACHE_HOME to a folder on a larger disk."
        )


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
