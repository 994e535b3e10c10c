"""What every request passes: is the path ours, is the key right, is there room, is it quick enough.

LitServe's server brings paths of its own (/predict takes anything, /info tells all); only those
that are named here are reached. Every answer that is no picture is JSON with one sentence.

Reading order: Gate, Exchange (what is logged and counted), error_answer.
"""

import asyncio
import hmac
import logging
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from impasto.errors import ImpastoError
from impasto.service.front import Front, Place
from impasto.service.job import LEFT, ClientLeftError, RefusedError
from impasto.service.logs import say
from impasto.service.settings import ServeConfig
from impasto.service.stopping import stop_gently

PATHS = {
    "/v1/stylize": "POST",
    "/invocations": "POST",
    "/v1/styles": "GET",
    "/v1/models": "GET",
    "/ping": "GET",
    "/metrics": "GET",
    "/openapi.json": "GET",
}
"""Every path there is and its method."""

PAINTING = ("/v1/stylize", "/invocations")
FREE = ("/ping",)
"""Paths that need no key: those who watch over the service have none."""


def error_answer(error: "ImpastoError | RefusedError") -> JSONResponse:
    """The status and the sentence of an error, in the form of the command line's ``--json``."""
    if isinstance(error, RefusedError):
        status, headers, kind = error.status, error.headers, "RefusedError"
    else:
        status, headers, kind = error.http_status, {}, type(error).__name__
    message = " ".join(str(error).split())
    return JSONResponse({"error": {"kind": kind, "message": message}}, status, headers)


@dataclass
class Exchange:
    """One request and its answer, as far as the log may know them."""

    method: str
    path: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    start: float = field(default_factory=time.perf_counter)
    status: int = 0
    """0 until an answer begins."""
    received: int = 0
    """Bytes of the body."""
    sent: int = 0
    error: str | None = None
    """The class of what was refused."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What the painting adds: its size, how long it waited."""


class Gate:
    """The outermost layer of the service.

    Args:
        app: What is behind it.
        front: Which has room or not.
        settings: Limits.
        key: That clients must send; None asks for none.
    """

    def __init__(
        self, app: ASGIApp, *, front: Front, settings: ServeConfig, key: str | None = None
    ) -> None:
        self.app, self.front, self.settings, self.key = app, front, settings, key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's request, or the life of the process."""
        if scope["type"] == "lifespan":
            with stop_gently(self.front):
                await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await self._exchange(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope["method"], scope["path"])
        scope.setdefault("state", {})["exchange"] = exchange

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                MutableHeaders(raw=message["headers"])["x-request-id"] = exchange.id
            exchange.sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._pass(scope, receive, answer, exchange)
        except (ImpastoError, RefusedError) as error:
            exchange.error = type(error).__name__
            await error_answer(error)(scope, receive, answer)
        except (ClientLeftError, ClientDisconnect):
            exchange.status = LEFT
        except Exception as error:
            exchange.error = type(error).__name__
            if not exchange.status:
                await _unexpected()(scope, receive, answer)
            raise
        finally:
            self._note(exchange)

    async def _pass(self, scope: Scope, receive: Receive, answer: Send, exchange: Exchange) -> None:
        headers = Headers(scope=scope)
        self._check(scope, headers)
        # Pictures are compressed already; LitServe would compress them again for whoever
        # accepts it, in the process that must not wait.
        scope["headers"] = [h for h in scope["headers"] if h[0] != b"accept-encoding"]
        if exchange.path not in PAINTING:
            await self.app(scope, receive, answer)
            return
        with self.front.admit() as place:
            await self.app(scope, self._limited(receive, headers, place, exchange), answer)

    def _check(self, scope: Scope, headers: Headers) -> None:
        path, method = scope["path"], scope["method"]
        if path not in PATHS:
            raise RefusedError(404, f"there is no {path[:80]}; there are {', '.join(PATHS)}.")
        if method != PATHS[path]:
            raise RefusedError(
                405, f"{path} takes {PATHS[path]}; got {method[:20]}.",
                headers={"allow": PATHS[path]},
            )  # fmt: skip
        if self.key is None or path in FREE:
            return
        given = headers.get("x-api-key") or _bearer(headers.get("authorization", ""))
        if not hmac.compare_digest(given.encode(), self.key.encode()):
            raise RefusedError(
                401,
                "the right API key is needed; send it as X-API-Key: KEY or Authorization: "
                "Bearer KEY.",
                headers={"www-authenticate": "Bearer"},
            )

    def _limited(
        self, receive: Receive, headers: Headers, place: Place, exchange: Exchange
    ) -> Receive:
        """``receive`` with limits on bytes and time; what is too much is never kept."""
        most, seconds = self.settings.most_bytes, self.settings.upload_timeout
        too_much = RefusedError(
            413, f"a request may have at most {self.settings.max_bytes} bytes; send a smaller file."
        )
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > most:
            raise too_much
        deadline = asyncio.get_running_loop().time() + seconds
        whole = False

        async def limited() -> Message:
            nonlocal whole
            if whole:  # now it only tells when the client leaves
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise RefusedError(
                    408, f"the body of the request did not come within {seconds:g} seconds.",
                    headers={"connection": "close"},
                ) from error  # fmt: skip
            count = len(message.get("body", b""))
            exchange.received += count
            if exchange.received > most:
                raise too_much
            place.take(count)
            whole = not message.get("more_body", False)
            return message

        return limited

    def _note(self, exchange: Exchange) -> None:
        seconds = time.perf_counter() - exchange.start
        metrics, known = self.front.metrics, exchange.path in PATHS
        label = exchange.path if known else "other"
        metrics.requests.labels(label, exchange.status).inc()
        metrics.seconds.labels(label).observe(seconds)
        metrics.received.inc(exchange.received)
        metrics.sent.inc(exchange.sent)
        quiet = exchange.path in ("/ping", "/metrics") and exchange.status == 200
        say(
            "request",
            logging.DEBUG if quiet else logging.INFO,
            id=exchange.id,
            method=exchange.method[:20],
            path=exchange.path[:80],
            status=exchange.status,
            error=exchange.error,
            seconds=round(seconds, 4),
            received=exchange.received,
            sent=exchange.sent,
            **exchange.facts,
        )


def _bearer(header: str) -> str:
    kind, _, value = header.partition(" ")
    return value.strip() if kind.lower() == "bearer" else ""


def _unexpected() -> JSONResponse:
    message = "this should not happen; please report it with what the service's log shows."
    return JSONResponse({"error": {"kind": "InternalError", "message": message}}, 500)
