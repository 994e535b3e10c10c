"""A server of files that keeps ranges, and misbehaves when it is told to."""

import hashlib
import http.server
import re
import threading
import time
from collections.abc import Iterator

import pytest

from impasto.fetching.http import FetchSettings

QUICK = FetchSettings(timeout=5, tries=3, pause=0.0, allow_http=True)


class FileServer(http.server.ThreadingHTTPServer):
    """Serves ``files`` by path.

    ``misdeeds`` are taken one per request that is not the look at the first byte; ``always`` is
    done at every request: a status, an address to redirect to, or one of the words in Handler.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.misdeeds: list[object] = []
        self.always: object = None
        self.ranges = True
        self.moved: dict[str, str] = {}
        self.tag = ""
        self.asked: list[tuple[str, str | None]] = []
        self.at_once = self.most_at_once = 0
        self.pace = 0.0
        self.lock = threading.Lock()
        self.root = f"http://127.0.0.1:{self.server_port}"

    def put(self, path: str, data: bytes) -> str:
        """Serve a file; its address."""
        self.files[path] = data
        return f"{self.root}{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Cut lines are part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: FileServer

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.at_once, self.server.most_at_once)
        try:
            self.answer()
        finally:
            with self.server.lock:
                self.server.at_once -= 1

    def answer(self) -> None:
        server, asked = self.server, self.headers.get("Range")
        look = asked == "bytes=0-0"
        with server.lock:
            server.asked.append((self.path, asked))
            misdeed = server.misdeeds.pop(0) if server.misdeeds and not look else server.always
        if isinstance(misdeed, int):
            return self.send_error(misdeed)
        if isinstance(misdeed, str) and "://" in misdeed:
            return self.redirect(misdeed)
        if self.path in server.moved:
            return self.redirect(server.moved[self.path])
        if misdeed == "crowded" and server.at_once > 1 and not look:
            return self.send_error(429)
        if self.path not in server.files:
            return self.send_error(404)
        data = server.files[self.path]
        condition = self.headers.get("If-Range")
        if asked is None or not server.ranges or (condition and condition != server.tag):
            return self.send(200, data, misdeed)
        first, last = re.match(r"bytes=(\d+)-(\d*)", asked).groups()
        start, end = int(first), int(last) + 1 if last else len(data)
        if start >= len(data):
            return self.send_error(416)
        shift = misdeed == "wrong place"
        where = f"bytes {start + shift}-{end - 1 + shift}/{len(data)}"
        return self.send(206, data[start:end], None if look else misdeed, where)

    def send(self, status: int, body: bytes, misdeed: object, where: str = "") -> None:
        if misdeed == "corrupt":
            body = b"?" * len(body)
        self.send_response(status)
        if where:
            self.send_header("Content-Range", where)
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        length = {"too long": len(body) + 7, "too short": len(body) // 2}.get(str(misdeed))
        if misdeed != "no length":
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        body = body[: len(body) // 2] if misdeed == "cut" else body
        for at in range(0, len(body), 1 << 16):
            self.wfile.write(body[at : at + (1 << 16)])
            time.sleep(self.server.pace)

    def redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()


def digest(data: bytes) -> str:
    """SHA-256, as the tables have it."""
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def server(monkeypatch) -> Iterator[FileServer]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with FileServer() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()
