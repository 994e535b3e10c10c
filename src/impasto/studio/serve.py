"""The door of the studio: one address, one workspace, and nothing that leaves this machine.

Reading order: opened (all of it), OnlyThisMachine (what the browser is told), settle (what the
process is told; for a program that owns its process alone).
"""

import contextlib
import os
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from impasto.checks import bytes_of
from impasto.errors import InputError
from impasto.studio.settings import LOOPBACK, StudioConfig

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
"""For the browser: load from here or not at all. Gradio's page needs scripts of its own text."""


class OnlyThisMachine:
    """Answers with a policy that forbids every other address, and to this machine's names alone.

    A page of another site could otherwise give its own name the address of this machine, and then
    read what the studio answers.

    Args:
        app: What is served.
        names: Hosts by which it may be called; none allows every name.
    """

    def __init__(self, app: App, names: Sequence[str] = ()) -> None:
        self.app, self.names = app, frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.names and _host_of(scope) not in self.names:
            await _refuse(send)
            return

        async def answer(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                extra = [
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
                message["headers"] = [*message.get("headers", ()), *extra]
            await send(message)

        await self.app(scope, receive, answer)


def _host_of(scope: Scope) -> str:
    given: str = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    # [::1]:7860 keeps its colons; 127.0.0.1:7860 loses its port.
    return given[1:].partition("]")[0] if given.startswith("[") else given.partition(":")[0]


async def _refuse(send: Send) -> None:
    body = b"the studio answers to 127.0.0.1 and localhost alone."
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 421, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def settle(folder: Path) -> None:
    """Tell the process where uploads go, and that nobody is told about anything.

    A switch of the whole process, before Gradio is imported: for a program that owns its own.

    Args:
        folder: The workspace.
    """
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


@contextlib.contextmanager
def workspace() -> Iterator[Path]:
    """A folder for uploads and paintings that is gone when the studio closes."""
    with tempfile.TemporaryDirectory(prefix="impasto-studio-", ignore_cleanup_errors=True) as name:
        yield Path(name).resolve()


def free_port(host: str, port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        InputError: It is taken, or the host is not an address of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except socket.gaierror as error:
        raise InputError(
            f"{host} is no address; give one of this machine's with --host, such as 127.0.0.1."
        ) from error
    except (OSError, OverflowError) as error:
        raise InputError(
            f"the studio cannot listen at {host}:{port} ({error}); give another --port, or "
            "--port 0 for any that is free."
        ) from error


@contextlib.contextmanager
def opened(page: Any, config: StudioConfig, look: dict[str, Any]) -> Iterator[str]:
    """Serve a page for as long as the block lasts.

    Args:
        page: As ``page.build`` made it.
        config: Where.
        look: Theme and stylesheet.

    Yields:
        Its address.

    Raises:
        InputError: See ``free_port``.
    """
    from starlette.middleware import Middleware

    port = free_port(config.host, config.port)
    names = () if config.is_open else LOOPBACK
    page.queue(max_size=32, default_concurrency_limit=1)
    page.launch(
        server_name=config.host,
        server_port=port,
        inbrowser=config.browser,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        show_error=True,
        ssr_mode=False,
        max_file_size=bytes_of(config.max_upload, name="max_upload"),
        app_kwargs={"middleware": [Middleware(OnlyThisMachine, names=names)]},
        **look,
    )
    shown = "localhost" if config.is_open else config.host
    try:
        yield f"http://{f'[{shown}]' if ':' in shown else shown}:{port}/"
    finally:
        page.close(verbose=False)
