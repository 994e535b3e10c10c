"""The service: LitServe's workers and server, with our front between them and the clients.

What LitServe 0.2.19 does, read in its source: it starts workers (spawned, one queue for all) and
servers (forked), moves requests and results between them through a manager's queues, restarts
workers that die. It has no limit on its queue, paints on for clients that have gone, forms batches
of whatever comes next, takes no signal but SIGINT, listens on three addresses only, and from port
1024 on. So all that is between a client and a worker is ours (``front.py``, ``gate.py``,
``protocol.py``, ``stopping.py``), and LitServe does what it is good at.

One process talks with all clients: only so it can count them, and it never computes anything.

Reading order: serve, Server (what is changed in LitServe), PaintAPI (what it calls in a worker).
"""

import contextlib
import math
import multiprocessing
import os
import signal
import socket
from collections.abc import Iterator
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from litserve import LitAPI, LitServer
from litserve.server import RegularRequestHandler

from impasto.errors import ImpastoError, InputError
from impasto.service.front import ABOUT, Front
from impasto.service.gate import Gate
from impasto.service.job import Job, Outcome
from impasto.service.logs import log_to_stderr, say
from impasto.service.protocol import patient_protocol
from impasto.service.routes import add_routes
from impasto.service.settings import ServeConfig
from impasto.service.shared import Shared
from impasto.service.stopping import interrupt_on_sigterm
from impasto.weights.cards import find_style
from impasto.weights.store import find_weights

KEY_VARIABLE = "IMPASTO_API_KEY"
"""Environment variable with the key that clients must send."""


class PaintAPI(LitAPI):  # type: ignore[misc]
    """What LitServe calls in each worker.

    Args:
        settings: Of the service.
        shared: Numbers that all processes see.
    """

    def __init__(self, settings: ServeConfig, shared: Shared) -> None:
        super().__init__(api_path="/predict")  # not reached from outside, see gate.py
        self.settings, self.shared = settings, shared

    def setup(self, device: str) -> None:
        """Load the painter; LitServe's choice of device is not asked for.

        Raises:
            ImpastoError: There is no such painter, or it cannot be used here.
        """
        from impasto.service.worker import PaintWorker

        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the front finishes first
        log_to_stderr()
        number = int(os.environ["LITSERVE_WORKER_ID"])
        try:
            self.worker = PaintWorker.begin(self.settings, self.shared, number)
        except ImpastoError as error:
            self.shared.report(error)
            raise
        say("worker ready", worker=number, pid=os.getpid(), **self.worker.about())

    def predict(self, jobs: "list[Job] | str", **_: Any) -> "list[Outcome] | dict[str, Any]":
        """Paint a batch, or tell about the painter."""
        return self.worker.about() if jobs == ABOUT else self.worker.paint(jobs)  # type: ignore[arg-type]


class Server(LitServer):  # type: ignore[misc]
    """LitServe's server, which knows when it is being stopped and which worker died."""

    stopping = False

    def launch_single_inference_worker(self, lit_api: PaintAPI, worker_id: int) -> BaseProcess:
        """Replace a dead worker, unless all are being ended."""
        if self.stopping:
            dead: BaseProcess = self.inference_workers[worker_id]
            return dead
        lit_api.shared.bury(worker_id)
        say("worker died", worker=worker_id)
        started: BaseProcess = super().launch_single_inference_worker(lit_api, worker_id)
        return started


def build(settings: ServeConfig, *, key: str | None = None) -> Server:
    """The server, ready to run.

    Args:
        settings: Of the service.
        key: That clients must send.
    """
    shared = Shared(settings.workers)
    api = PaintAPI(settings, shared)
    # timeout: ours counts from the client's side, and frees its place. devices: each worker picks
    # its own, because LitServe would import torch here, in the parent of the front.
    server = Server(
        api, accelerator="cpu", devices=1, workers_per_device=settings.workers, timeout=False,
        restart_workers=True,
    )  # fmt: skip
    server.uvicorn_graceful_timeout = math.ceil(settings.drain) + 5
    send = partial(RegularRequestHandler(api, server).handle_request, request_type=dict)
    front = Front(settings, send, shared)
    add_routes(server.app, front, settings)
    server.app.add_middleware(Gate, front=front, settings=settings, key=key)
    return server


def serve(settings: ServeConfig) -> None:
    """Serve until told to stop by SIGTERM or SIGINT; what is running is finished.

    Raises:
        InputError: A port that is taken, or a style that does not exist.
        WeightsError: Missing, damaged or foreign weights.
        ImpastoError: What else a worker says that cannot begin.
    """
    key = read_key(settings)
    if settings.default_style is not None:
        find_style(settings.default_style)
    find_weights(settings.model)
    check_port(settings)
    log_to_stderr()
    server = build(settings, key=key)

    def on_stop() -> None:
        server.stopping = True

    say("starting", host=settings.host, port=settings.port, model=settings.model)
    with interrupt_on_sigterm(on_stop), _ended_workers(server):
        server.run(
            host=settings.host,
            port=settings.port,
            num_api_servers=1,
            log_level="warning",
            generate_client_file=False,
            http=patient_protocol(settings.upload_timeout),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )


@contextlib.contextmanager
def _ended_workers(server: Server) -> Iterator[None]:
    """Whatever happens, no process is left behind; why a worker could not begin is raised."""
    try:
        yield
    except KeyboardInterrupt:
        pass  # before the server ran: there is nothing to finish
    except RuntimeError as error:
        trouble = server.lit_api.shared.trouble()
        if trouble is None:
            raise
        raise trouble from error
    finally:
        server.stopping = True
        for process in multiprocessing.active_children():
            process.terminate()
            process.join(5)


def read_key(settings: ServeConfig) -> str | None:
    """The key that clients must send; None lets everybody in.

    Raises:
        InputError: A file that cannot be read or that is empty, or a key of odd characters.
    """
    key = os.environ.get(KEY_VARIABLE)
    if settings.api_key_file is not None:
        try:
            key = Path(settings.api_key_file).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{settings.api_key_file} cannot be read ({error}).") from error
    if key is None:
        return None
    if len(key) < 8 or not key.isascii() or not key.isprintable() or " " in key:
        raise InputError("an API key must have at least 8 letters, digits and signs, no spaces.")
    return key


def check_port(settings: ServeConfig) -> None:
    """Find out before any work whether the port can be had.

    Raises:
        InputError: It is taken, or this machine has no such address.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        raise InputError(
            f"port {settings.port} of {settings.host} cannot be had "
            f"({(error.strerror or str(error)).lower()}); choose another with --port."
        ) from error
