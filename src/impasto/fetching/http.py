"""Asking a server for bytes: which addresses are allowed, from where to where, what failed.

Reading order: FetchSettings, ask (one request), Patience (when to ask again), check_disk.
"""

import contextlib
import http.client
import re
import shutil
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.errors import ResourceError

RESERVE = 16 << 20
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
    note: str = ""
    """What is being done, where it is not the transfer: "checking", "unpacking"."""


@dataclass(frozen=True, kw_only=True)
class FetchSettings:
    """How patient a fetch is, and whom it trusts."""

    timeout: float = 30.0
    """Seconds without a byte before a try counts as failed."""

    tries: int = 4
    """Tries per address; one that brought bytes does not count."""

    pause: float = 1.0
    """Seconds before the second try; doubled each time."""

    allow_http: bool = False
    """Allow plain http to this very machine; for tests."""

    plain_http: bool = False
    """Allow plain http to any machine: for files whose digest is known."""


class TryAgainError(Exception):
    """The server or the line failed in a way that may pass."""


class OutOfRangeError(TryAgainError):
    """The server has no bytes where they were asked for."""


class GiveUpError(Exception):
    """The address will not do, however often it is asked."""


@dataclass(frozen=True)
class Answer:
    """What a server sends, its head already read."""

    response: http.client.HTTPResponse

    @property
    def status(self) -> int:
        """200 for the whole file, 206 for a part."""
        return self.response.status

    @property
    def start(self) -> int | None:
        """Where the sent part begins; None if the server does not say."""
        found = re.match(r"bytes (\d+)-", self.response.headers.get("Content-Range", ""))
        return int(found[1]) if found else None

    @property
    def length(self) -> int | None:
        """Bytes that are announced to follow."""
        text = self.response.headers.get("Content-Length", "")
        return int(text) if text.isdigit() else None

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, as announced."""
        if self.status == 200:
            return self.length
        text = self.response.headers.get("Content-Range", "").rpartition("/")[2]
        return int(text) if text.isdigit() else None

    @property
    def ends_visibly(self) -> bool:
        """Whether a cut line would be noticed: a length is announced, or the body is in chunks."""
        return self.length is not None or bool(getattr(self.response, "chunked", False))

    @property
    def validator(self) -> str:
        """What changes when the file does (a strong ETag, or the time of its change), or ""."""
        tag = self.response.headers.get("ETag", "")
        strong = tag if not tag.startswith("W/") else ""
        return strong or self.response.headers.get("Last-Modified", "")


@contextlib.contextmanager
def ask(
    url: str,
    settings: FetchSettings,
    *,
    start: int = 0,
    end: int | None = None,
    validator: str = "",
) -> Iterator[Answer]:
    """Ask once for a file or a part of it; failures while it is read are sorted, too.

    Args:
        url: The address.
        settings: See FetchSettings.
        start: First byte wanted.
        end: One beyond the last byte wanted; None for the rest.
        validator: Of an earlier answer: if the file has changed since, all of it comes (200).

    Raises:
        TryAgainError: Something that may pass: a cut, a timeout, a busy server.
        OutOfRangeError: No bytes follow ``start``.
        GiveUpError: The address is refused, missing, or its certificate is wrong.
    """
    headers = {"User-Agent": "impasto", "Accept-Encoding": "identity"}
    if start or end is not None:
        headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        if validator:
            headers["If-Range"] = validator
    check_address(url, settings)
    try:
        request = urllib.request.Request(url, headers=headers)
        with _opener(settings).open(request, timeout=settings.timeout) as response:
            yield Answer(response)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:
            raise OutOfRangeError("it cannot go on from the bytes we have") from error
        passing = error.code in (408, 425, 429) or error.code >= 500
        kind = TryAgainError if passing else GiveUpError
        raise kind(f"it answers {error.code} {error.reason}") from error
    except urllib.error.URLError as error:
        reason = str(error.reason) or type(error.reason).__name__
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise GiveUpError(reason) from error
        raise TryAgainError(reason) from error
    except (http.client.HTTPException, ConnectionError, TimeoutError, ssl.SSLError) as error:
        raise TryAgainError(str(error) or type(error).__name__) from error


class Patience:
    """Counts the failures at one address and waits between them, longer each time.

    Args:
        settings: How many, and how long.
        reached: Bytes that are there at the beginning.
        sleep: How to wait; None is ``time.sleep``.
    """

    def __init__(
        self,
        settings: FetchSettings,
        reached: int = 0,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.settings, self.furthest, self.failures = settings, reached, 0
        self.sleep = sleep or time.sleep

    def failed(self, error: TryAgainError, reached: int) -> None:
        """Wait before the next try; one that got further than all before begins the count anew.

        Raises:
            GiveUpError: That was the last try.
        """
        self.failures = 1 if reached > self.furthest else self.failures + 1
        self.furthest = max(reached, self.furthest)
        if self.failures >= self.settings.tries:
            raise GiveUpError(str(error)) from error
        self.sleep(min(self.settings.pause * 2 ** (self.failures - 1), 30.0))


def check_address(url: str, settings: FetchSettings) -> None:
    """Refuse everything but https, and http where the settings allow it.

    Raises:
        GiveUpError: The address is refused.
    """
    parts = urllib.parse.urlsplit(url)
    local = settings.allow_http and parts.hostname in _LOOPBACK
    plain = parts.scheme == "http" and (local or settings.plain_http)
    if parts.scheme != "https" and not plain:
        raise GiveUpError(f"{parts.scheme or 'an empty'} address refused, only https is allowed")


def check_disk(name: str, folder: Path, missing: int, remedy: str) -> None:
    """Raise unless ``folder`` has room.

    Args:
        name: What is to come.
        folder: Where; it exists.
        missing: Bytes.
        remedy: What else can be done, as the end of the sentence.

    Raises:
        ResourceError: The disk is too small.
    """
    free = shutil.disk_usage(folder).free
    if missing + RESERVE > free:
        raise ResourceError(
            f"{name} needs {missing >> 20} MiB more in {folder}, where {free >> 20} MiB are "
            f"free; make room, or {remedy}."
        )


def host_of(url: str) -> str:
    """The machine in an address, for messages."""
    return urllib.parse.urlsplit(url).hostname or url


class _CarefulRedirect(urllib.request.HTTPRedirectHandler):
    """Follows redirects only to addresses that would have been allowed at the start."""

    def __init__(self, settings: FetchSettings) -> None:
        self.settings = settings

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        try:
            check_address(newurl, self.settings)
        except GiveUpError:
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
