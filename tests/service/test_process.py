"""The real process on a loopback port: what hostile clients do to it, how it stops."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from service_client import form, opened, picture

import impasto
from impasto.cli import main

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of Unix")

PATIENCE = 1.0
"""Seconds that the service gives a slow client here."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Running:
    """A service in a process group of its own."""

    def __init__(self, folder: Path, *words: str, port: int, **environment: str) -> None:
        self.port, self.log = port, folder / "log"
        command = [sys.executable, "-m", "impasto", *words, "--port", str(port), "--device", "cpu"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(OSError):
                if self.get("/ping")[0] == 200:
                    return
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def request(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: Any = None
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            found = {k.lower(): v for k, v in answer.getheaders()}
            return answer.status, answer.read(), found
        finally:
            connection.close()

    def get(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        return self.request("GET", path)

    def post(self, headers: dict[str, str], body: Any, path: str = "/v1/stylize") -> Any:
        return self.request("POST", path, headers, body)

    def metric(self, name: str) -> float:
        for line in self.get("/metrics")[1].decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        raise AssertionError(name)

    def events(self, name: str) -> list[dict[str, Any]]:
        lines = [x for x in self.log.read_text().splitlines() if x.startswith("{")]
        return [e for e in map(json.loads, lines) if e["event"] == name]

    def stop(self, seconds: float = 30) -> int:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def group_is_gone(group: int, seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def running(tmp_path_factory) -> Iterator[Running]:
    """The bundled painter behind small limits."""
    service = Running(
        tmp_path_factory.mktemp("service"),
        *("serve", "--precision", "float32", "--upload-timeout", str(PATIENCE)),
        *("--max-bytes", "2M", "--max-queue", "16"),
        port=free_port(),
    )
    try:
        service.wait_until_ready()
        yield service
    finally:
        service.stop()


PNG = {"content-type": "image/png"}


def test_it_paints_what_the_library_paints(running):
    headers, body = form([("content", picture((40, 56))), ("style", "hokusai-great-wave")])
    status, painted, found = running.post(headers, body)
    assert status == 200, painted
    assert found["content-type"] == "image/png"
    own = impasto.stylize(
        picture((40, 56)), style="hokusai-great-wave", device="cpu", precision="float32"
    )
    levels = np.asarray(opened(painted)).astype(int)
    assert abs(levels - np.asarray(own.to_pil()).astype(int)).max() <= 1


def test_clients_at_once_get_each_their_own_picture(running):
    def ask(seed: int) -> bool:
        size = (24, 24) if seed % 3 else (16, 40)
        status, body, _ = running.post(
            PNG, picture(size, seed=seed), "/v1/stylize?alpha=0&style=munch-scream"
        )
        assert status == 200
        return bool(
            (np.asarray(opened(body)) == np.asarray(opened(picture(size, seed=seed)))).all()
        )

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(ask, range(36)))


def test_it_listens_on_loopback_alone(running):
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("only Linux lists its sockets there")
    lines = [line.split() for line in table.read_text().splitlines()[1:]]
    local = {
        f[1].split(":")[0] for f in lines if f[3] == "0A" and int(f[1][-4:], 16) == running.port
    }
    assert local == {"0100007F"}


def send_and_leave(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(data)


def head(length: int, kind: str = "image/png") -> bytes:
    return (
        f"POST /v1/stylize HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def test_no_hostile_client_stops_it(running):
    large = picture((600, 600))
    send_and_leave(running.port, b"")
    send_and_leave(running.port, b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03")
    send_and_leave(running.port, b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 100_000)
    send_and_leave(running.port, head(10_000) + b"\x89PNG")
    send_and_leave(running.port, head(len(large)) + large)
    send_and_leave(running.port, head(10).replace(b"10", b"ten") + b"x" * 10)
    noise = {
        "no picture": (PNG, b"x" * 1000, 415),
        "empty": (PNG, b"", 415),
        "cut off": (PNG, picture((64, 64))[:900], 415),
        "another type": ({"content-type": "text/html"}, b"<p>", 415),
        "no form": ({"content-type": "multipart/form-data"}, b"--x", 422),
        "a torn form": ({"content-type": "multipart/form-data; boundary=x"}, b"--x\r\nA", 422),
        "no JSON": ({"content-type": "application/json"}, b"\xff\xfe{", 422),
        "not a number": (*form([("content", picture()), ("alpha", "NaN")]), 422),
        "a thousand styles": (*form([("content", picture()), *[("style", "x")] * 1000]), 422),
        "unknown style": (*form([("content", picture()), ("style", "mona")]), 422),
        "a path": (*form([("content", picture()), ("style", "/etc/passwd")]), 422),
    }
    for name, (headers, body, wanted) in noise.items():
        status, answer, _ = running.post(headers, body)
        assert status == wanted, (name, answer)
        assert json.loads(answer)["error"]["message"], name
    assert running.get("/ping")[0] == 200
    assert running.post(PNG, picture())[0] == 200
    assert len(running.events("worker ready")) == 1, "no worker died"
    assert "traceback" not in running.log.read_text()


def test_a_body_beyond_the_limit_is_answered_while_it_is_still_sent(running):
    before = running.metric("impasto_received_bytes_total")
    pieces = (b"x" * 65_536 for _ in range(1000))  # 65 MB, in chunks, unannounced
    status, body, _ = running.post(PNG, pieces)
    assert status == 413
    assert "at most 2M bytes" in json.loads(body)["error"]["message"]
    assert running.metric("impasto_received_bytes_total") - before < 3 << 20
    announced = running.post(PNG | {"content-length": "314572800"}, b"x")
    assert announced[0] == 413


def test_slow_clients_are_cut_off_and_hinder_nobody(running):
    slow = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(40)]
    for number, client in enumerate(slow):
        client.sendall(b"GET /ping HTTP/1.1\r\nX-Slow: " if number % 2 else head(1000) + b"x")
    assert running.get("/ping")[0] == 200
    end = time.monotonic() + 20 * PATIENCE
    answers = []
    for number, client in enumerate(slow):
        client.settimeout(max(0.1, end - time.monotonic()))
        answers.append(client.recv(4096))
        client.close()
        if number % 2:
            assert answers[-1] == b"", "the head never came: there is nobody to answer"
    bodies = answers[::2]
    # As many as the queue takes wait for their bodies, the others are refused at once.
    assert {answer.split()[1] for answer in bodies} <= {b"408", b"503"}
    assert any(b"408" in answer.split(b"\r\n")[0] for answer in bodies)
    assert running.post(PNG, picture())[0] == 200


def test_a_client_that_leaves_frees_its_place(running):
    body = picture((400, 400))
    for _ in range(6):
        send_and_leave(running.port, head(len(body)) + body)
    end = time.monotonic() + 30
    while running.metric("impasto_requests_here") and time.monotonic() < end:
        time.sleep(0.05)
    assert running.metric("impasto_requests_here") == 0
    assert running.metric("impasto_held_bytes") == 0


@pytest.fixture
def model_folder(tmp_path, tiny_weights, tiny_styles) -> Path:
    """A folder as SageMaker unpacks it from model.tar.gz."""
    folder = tmp_path / "model"
    folder.mkdir()
    shutil.copy(tiny_weights, folder / "painter.safetensors")
    shutil.copytree(tiny_styles, folder / "styles")
    return folder


def test_sagemaker_finds_its_contract_kept_and_sigterm_loses_nothing(model_folder):
    service = Running(
        model_folder.parent,
        *("sagemaker", "serve", str(model_folder)),
        port=_contract_port(),
        IMPASTO_SERVE_DEFAULT_STYLE="starry-night",
        IMPASTO_SERVE_MAX_BATCH="1",
    )
    try:
        service.wait_until_ready()
        assert service.get("/ping")[:2] == (200, b"")
        _check_invocations(service)
        _check_that_sigterm_finishes(service)
    finally:
        service.stop()


def _contract_port() -> int:
    """8080, as the contract has it, unless something else is there."""
    with socket.socket() as probe:
        try:
            probe.bind(("0.0.0.0", 8080))
        except OSError:
            return free_port()
    return 8080


def _check_invocations(service: Running) -> None:
    for kind, format in (("image/jpeg", "JPEG"), ("image/png", "PNG")):
        status, body, found = service.post(
            {"content-type": kind}, picture((20, 30), format), "/invocations"
        )
        assert (status, found["content-type"]) == (200, kind), body
        assert opened(body).size == (30, 20)
    attributes = {"x-amzn-sagemaker-custom-attributes": "style=great-wave;alpha=0.0"}
    status, body, _ = service.post(PNG | attributes, picture((20, 30)), "/invocations")
    assert (np.asarray(opened(body)) == np.asarray(opened(picture((20, 30))))).all()
    query = service.post(PNG, picture((20, 30)), "/invocations?alpha=0")
    assert query[1] == body
    import base64

    document = json.dumps({"content": base64.b64encode(picture()).decode(), "format": "jpg"})
    status, body, found = service.post(
        {"content-type": "application/json", "accept": "image/*"}, document, "/invocations"
    )
    assert (status, found["content-type"]) == (200, "image/jpeg"), body
    assert service.post({"content-type": "text/csv"}, b"1,2", "/invocations")[0] == 415
    (model,) = json.loads(service.get("/v1/models")[1])["models"]
    assert model["name"] == "painter.safetensors"


def _check_that_sigterm_finishes(service: Running) -> None:
    large = picture((600, 600), "JPEG")
    painted = 'impasto_requests_total{path="/invocations",status="200"}'
    before = service.metric(painted)
    with ThreadPoolExecutor(8) as pool:
        asked = [
            pool.submit(service.post, {"content-type": "image/jpeg"}, large, "/invocations")
            for _ in range(6)
        ]
        while service.metric("impasto_requests_here") + service.metric(painted) < before + 6:
            time.sleep(0.01)
        service.process.send_signal(signal.SIGTERM)
        late = None
        with contextlib.suppress(OSError, http.client.HTTPException):
            while not service.events("stopping"):
                time.sleep(0.01)
            late = service.post(PNG, picture(), "/invocations")
        finished = [future.result() for future in asked]
    assert [status for status, _, _ in finished] == [200] * 6
    assert all(opened(body).size == (600, 600) for _, body, _ in finished)
    assert late is None or late[0] == 503
    assert service.process.wait(30) == 0
    assert group_is_gone(service.process.pid), "no process is left behind"
    assert "traceback" not in service.log.read_text()


def test_what_keeps_it_from_beginning_is_said_before_anything_is_loaded(running, capsys):
    def refused(*words: str) -> str:
        assert main(["serve", *words]) == 2
        return capsys.readouterr().err.splitlines()[-1]

    assert "choose another with --port" in refused("--port", str(running.port))
    assert "port must be at least 1024" in refused("--port", "80")
    assert "--host must be one of 127.0.0.1" in refused("--host", "192.168.0.1")
    port = str(free_port())
    assert "Did you mean munch-scream" in refused("--port", port, "--default-style", "munch-skream")
    assert "there is no weight" in refused_model(port, capsys)


def refused_model(port: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["serve", "--port", port, "--model", "absent/painter.safetensors"]) == 3
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_a_worker_that_cannot_begin_says_why_and_leaves_nothing_behind(tmp_path):
    (tmp_path / "damaged.safetensors").write_bytes(b"\x08" + b"\0" * 30)
    service = Running(tmp_path, "serve", "--model", "damaged.safetensors", port=free_port())
    assert service.process.wait(60) == 3
    assert "impasto: " in service.log.read_text().splitlines()[-1]
    assert "damaged.safetensors" in service.log.read_text().splitlines()[-1]
    assert group_is_gone(service.process.pid)


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_its_clients_are_told(running):
    def ask() -> int:
        return int(running.post(PNG, picture((500, 500)))[0])

    statuses: list[int] = []
    asking = threading.Thread(target=lambda: statuses.extend(ask() for _ in range(3)))
    asking.start()
    while not running.metric("impasto_jobs_running"):
        time.sleep(0.005)
    os.kill(running.events("worker ready")[-1]["pid"], signal.SIGKILL)
    asking.join(60)
    assert set(statuses) <= {200, 503}
    assert 503 in statuses
    running.wait_until_ready(60)
    assert running.post(PNG, picture())[0] == 200
