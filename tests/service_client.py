"""The service asked through ASGI, without a network; pictures and forms to ask it with."""

import asyncio
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from impasto.service.front import Front
from impasto.service.job import Job, Outcome
from impasto.service.shared import Shared


def picture(size: tuple[int, int] = (16, 24), format: str = "PNG", seed: int = 0) -> bytes:
    """The file of a small picture."""
    levels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, format=format)
    return file.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def form(parts: Iterable[tuple[str, str | bytes]]) -> tuple[dict[str, str], bytes]:
    """Headers and body of multipart/form-data; bytes become files."""
    lines = []
    for name, value in parts:
        file = "; filename=picture" if isinstance(value, bytes) else ""
        head = f'--limit\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        lines.append(head.encode() + (value if isinstance(value, bytes) else value.encode()))
    body = b"\r\n".join([*lines, b"--limit--\r\n"])
    return {"content-type": "multipart/form-data; boundary=limit"}, body


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def error(self) -> dict[str, str]:
        """Kind and message, of an answer that must be one sentence."""
        error = json.loads(self.body)["error"]
        assert error["message"].endswith((".", "?")), error
        return error

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Service:
    """An application and what its tests look into."""

    app: Any
    front: Front
    shared: Shared

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        query: str = "",
        headers: dict[str, str] | None = None,
        body: bytes | Iterable[bytes] | None = b"",
        pause: float = 0.0,
        leave_after: float | None = None,
    ) -> Answer:
        """One request: its body in pieces with pauses, or none ever; the client perhaps leaves."""
        pieces = [body] if isinstance(body, bytes) else list(body or ())
        given = {"content-length": str(sum(map(len, pieces)))} | (headers or {})
        messages = [
            {"type": "http.request", "body": piece, "more_body": index + 1 < len(pieces)}
            for index, piece in enumerate(pieces)
        ]
        answer, left = Answer(), asyncio.Event()
        loop = asyncio.get_running_loop()
        timer = loop.call_later(leave_after, left.set) if leave_after is not None else None

        async def receive() -> dict[str, Any]:
            if messages:
                await asyncio.sleep(pause)
                return messages.pop(0)
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {k.decode(): v.decode() for k, v in message["headers"]}
            answer.body += message.get("body", b"")

        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path,
            "raw_path": path.encode(), "root_path": "", "scheme": "http",
            "query_string": query.encode(), "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
            "headers": [(k.encode(), v.encode()) for k, v in given.items()], "state": {},
        }  # fmt: skip
        await self.app(scope, receive, send)
        if timer is not None:
            timer.cancel()
        return answer

    def get(self, path: str, **request: Any) -> Answer:
        return asyncio.run(self.ask(path, **request))

    def post(self, path: str = "/v1/stylize", **request: Any) -> Answer:
        return asyncio.run(self.ask(path, method="POST", **request))


async def echo(jobs: Any) -> Any:
    """A worker that gives every photograph back."""
    if isinstance(jobs, str):
        return {"name": "echo"}
    return [Outcome(body=job.content, size=job.size) for job in jobs]


class Recorder:
    """``echo`` that remembers its jobs."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    async def __call__(self, jobs: Any) -> Any:
        self.jobs += jobs
        return await echo(jobs)
