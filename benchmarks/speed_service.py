"""The service under load on loopback: throughput, waiting times, memory, and who was refused.

    python benchmarks/speed_service.py [--quick] [--seconds 60] [--clients 32] [--precision auto]

Each case starts ``impasto serve`` anew. **alone** is one client after the other's answer (one
request at a time), **one** paints 32 clients' requests one by one (``--max-batch 1``), **together**
paints equal sizes together; all three with pictures of 256x256 in several styles. **mixed** has
four sizes, presets, style pictures and mixes, and every tenth request is hostile: no picture, a
bomb, a torn upload, an unknown style, a client that leaves. Clients share the machine with the
service, in every case alike.

It fails when an answer was of 500 or above and not 503, when memory grew by more than a tenth
between the second and the last quarter of the mixed case, or when a picture of the wrong size came
back. Writes benchmarks/results/speed_service.json and prints a table.
"""

import argparse
import contextlib
import http.client
import io
import os
import random
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from record import RESULTS, load_now, write_record

SIZES = ((256, 256), (256, 256), (192, 256), (512, 512), (720, 1280))
"""(height, width) of the mixed case; the first comes twice as often."""

STYLES = ("hokusai-great-wave", "munch-scream", "van-gogh-starry-night", "monet-water-lilies")
HOSTILE_SHARE = 0.1
LEFT = 0
"""The status of a request whose client left on purpose."""


@dataclass(frozen=True)
class Request:
    """What a client sends and what it must get."""

    path: str
    headers: dict[str, str]
    body: bytes
    size: tuple[int, int] | None = None
    """(height, width) of the painting; None where it must be refused."""
    leaves: bool = False


@dataclass
class Tally:
    """What one case has seen."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    """Of requests that were painted."""
    wrong: list[str] = field(default_factory=list)

    def add(self, request: Request, status: int, body: bytes, seconds: float) -> None:
        """One answer."""
        fault = judge(request, status, body)
        with self.lock:
            self.statuses[status] += 1
            if status == 200:
                self.seconds.append(seconds)
            if fault:
                self.wrong.append(fault)


def judge(request: Request, status: int, body: bytes) -> str | None:
    """What is wrong with an answer."""
    if status >= 500 and status != 503:
        return f"{status}: {body[:200]!r}"
    if request.size is None and status == 200:
        return "a hostile request was painted"
    if request.size is not None and status == 200:
        width, height = struct.unpack(">II", body[16:24])  # of PNG's first chunk
        if (height, width) != request.size:
            return f"{width}x{height} for {request.size[1]}x{request.size[0]}"
    return f"{status} for a good request" if request.size and status not in (200, 503) else None


def picture(size: tuple[int, int], seed: int, kind: str = "JPEG") -> bytes:
    """The file of a picture as soft as a photograph."""
    import numpy as np
    from PIL import Image

    levels = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), dtype=np.uint8)
    image = Image.fromarray(levels).resize(size[::-1], Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, format=kind, quality=92)
    return file.getvalue()


def equal_requests() -> list[Request]:
    """256x256, in one preset each."""
    return [
        Request(
            f"/v1/stylize?style={STYLES[seed % len(STYLES)]}&format=png",
            {"content-type": "image/jpeg"},
            picture((256, 256), seed),
            (256, 256),
        )
        for seed in range(24)
    ]


def mixed_requests() -> list[Request]:
    """Several sizes; presets, mixes of two, and pictures as styles."""
    found = []
    for seed in range(40):
        size = SIZES[seed % len(SIZES)]
        options = f"style={STYLES[seed % 4]}&format=png"
        if seed % 4 == 3:
            options += f"&style={STYLES[seed % 3]}&style_weights=2,1"
        content = picture(size, seed)
        if seed % 7 == 6:
            parts = {"content": content, "style": picture((200, 240), seed % 3)}
            headers, body = form(parts)
            found.append(Request("/v1/stylize?format=png", headers, body, size))
        else:
            kind = {"content-type": "image/jpeg"}
            found.append(Request(f"/v1/stylize?{options}", kind, content, size))
    return found


def form(parts: dict[str, bytes]) -> tuple[dict[str, str], bytes]:
    """Headers and body of multipart/form-data."""
    lines = []
    for name, value in parts.items():
        disposition = f'Content-Disposition: form-data; name="{name}"; filename="{name}"'
        lines.append(f"--limit\r\n{disposition}\r\n\r\n".encode() + value)
    headers = {"content-type": "multipart/form-data; boundary=limit"}
    return headers, b"\r\n".join([*lines, b"--limit--\r\n"])


def hostile_requests() -> list[Request]:
    """What must be refused, and what is never waited for."""
    raw, good = {"content-type": "image/png"}, picture((512, 512), 1)
    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + head
    bomb = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    return [
        Request("/v1/stylize", raw, b""),
        Request("/v1/stylize", raw, os.urandom(20_000)),
        Request("/v1/stylize", raw, bomb),
        Request("/v1/stylize", {"content-type": "image/jpeg"}, good[: len(good) // 2]),
        Request("/v1/stylize?style=mona-lisa", raw, good),
        Request("/v1/stylize?alpha=NaN", raw, good),
        Request("/v1/stylize?" + "&".join(["style=munch-scream"] * 1000), raw, good),
        Request("/v1/stylize", {"content-type": "application/json"}, b'{"content": '),
        Request("/v1/stylize", {"content-type": "text/html"}, b"<p>"),
        Request("/v1/stylize", raw | {"content-length": "300000000"}, good, leaves=True),
        Request("/v1/stylize", raw, good, leaves=True),
        Request("/predict", {"content-type": "application/json"}, b"{}"),
    ]


def ask(port: int, request: Request, connection: http.client.HTTPConnection) -> tuple[int, bytes]:
    """Send a request; the status and the body of its answer."""
    if request.leaves:
        head = [f"POST {request.path} HTTP/1.1", "Host: x"]
        headers = {"content-length": str(len(request.body)), **request.headers}
        head += [f"{name}: {value}" for name, value in headers.items()]
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall("\r\n".join([*head, "", ""]).encode() + request.body)
        return LEFT, b""
    connection.request("POST", request.path, request.body, request.headers)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status == 503:
        time.sleep(min(1.0, float(answer.headers.get("Retry-After", 1))))
    return answer.status, body


def client(
    port: int, requests: Callable[[random.Random], Request], tally: Tally, until: float, seed: int
) -> None:
    """Send one request after the other until the time is over."""
    draw = random.Random(seed)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    while time.monotonic() < until:
        request, start = requests(draw), time.perf_counter()
        try:
            status, body = ask(port, request, connection)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if request.size is not None:
                with tally.lock:
                    tally.wrong.append(f"{type(error).__name__}: {error}")
            continue
        tally.add(request, status, body, time.perf_counter() - start)
    connection.close()


def memory_of(group: int) -> int:
    """Resident bytes of all processes of a group; shared pages count once per process."""
    total, page = 0, os.sysconf("SC_PAGE_SIZE")
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                total += int((folder / "statm").read_text().split()[1]) * page
    return total


@contextlib.contextmanager
def service(*words: str) -> Iterator[tuple[int, int]]:
    """A running service: its port, and its process group."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "impasto", "serve", "--port", str(port), *words]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
        )
        try:
            wait_until_ready(process, port)
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def wait_until_ready(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when /ping says 200."""
    end = time.monotonic() + 300
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the service ended with {process.returncode}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/ping")
            if connection.getresponse().status == 200:
                return
        time.sleep(0.2)
    raise RuntimeError("the service was not ready after 300 seconds")


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Measure one case."""
    good = mixed_requests() if case["load"] == "mixed" else equal_requests()
    bad = hostile_requests() if case["load"] == "mixed" else []

    def requests(draw: random.Random) -> Request:
        return draw.choice(bad if bad and draw.random() < HOSTILE_SHARE else good)

    flags = ("--max-batch", str(case["max_batch"]), "--precision", case["precision"])
    with service(*flags) as (port, group):
        load(port, requests, Tally(), case["clients"], min(10.0, case["seconds"] / 4))  # warm-up
        tally, samples = Tally(), []
        done = threading.Event()

        def sample() -> None:
            while not done.wait(0.25):
                samples.append(memory_of(group))

        sampler = threading.Thread(target=sample)
        sampler.start()
        seconds = load(port, requests, tally, case["clients"], case["seconds"])
        done.set()
        sampler.join()
    return case | summary(tally, samples, seconds)


def load(
    port: int,
    requests: Callable[[random.Random], Request],
    tally: Tally,
    clients: int,
    seconds: float,
) -> float:
    """Let clients ask for some seconds; how long it took until the last had its answer."""
    start = time.monotonic()
    threads = [
        threading.Thread(target=client, args=(port, requests, tally, start + seconds, seed))
        for seed in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - start


def summary(tally: Tally, samples: list[int], seconds: float) -> dict[str, Any]:
    """The figures of one case."""
    quarter = max(1, len(samples) // 4)
    second, last = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    found: dict[str, Any] = {
        "statuses": {str(k): v for k, v in sorted(tally.statuses.items())},
        "per_second": round(len(tally.seconds) / seconds, 2),
        "memory_bytes": max(samples, default=0),
        "memory_growth": round(max(last) / max(second), 3) if samples and max(second) else None,
    }
    if len(tally.seconds) >= 2:
        cuts = statistics.quantiles(tally.seconds, n=100)
        found |= {f"p{p}": round(cuts[p - 1], 4) for p in (50, 95, 99)}
    if tally.wrong:
        found["error"] = f"{len(tally.wrong)} wrong answers, such as {tally.wrong[0]}"
    elif (found["memory_growth"] or 0) > 1.1:
        found["error"] = f"memory grew {found['memory_growth']} times"
    return found


def cases(clients: int, seconds: float, precision: str) -> list[dict[str, Any]]:
    """What is measured, in this order."""
    common = {"seconds": seconds, "precision": precision}
    equal = common | {"load": "256x256"}
    return [
        {"name": "alone", "clients": 1, "max_batch": 1, **equal},
        {"name": "one", "clients": clients, "max_batch": 1, **equal},
        {"name": "together", "clients": clients, "max_batch": 8, **equal},
        {"name": "mixed", "clients": clients, "max_batch": 8, "load": "mixed", **common},
    ]


def figures(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the documents quote, by name: the value and its unit."""
    result: dict[str, dict[str, Any]] = {}
    for case in found:
        name = case["name"]
        result[f"{name}-per-second"] = {"value": case["per_second"], "unit": "pictures per second"}
        for quantile in ("p50", "p95", "p99"):
            if quantile in case:
                result[f"{name}-{quantile}"] = {"value": case[quantile], "unit": "s"}
        gib = round(case["memory_bytes"] / 2**30, 2)
        result[f"{name}-memory"] = {"value": gib, "unit": "GiB"}
        if case["memory_growth"] is not None:
            result[f"{name}-growth"] = {"value": case["memory_growth"], "unit": "times"}
    together = result["together-per-second"]["value"]
    for name in ("alone", "one"):
        if (value := result[f"{name}-per-second"]["value"]) > 0:
            ratio = round(together / value, 2)
            result[f"together-over-{name}"] = {"value": ratio, "unit": "times"}
    return result


def table(found: list[dict[str, Any]]) -> str:
    """The cases as Markdown."""
    rows = [
        "| case | clients | pictures | painted together | per second | p50 | p95 | p99 "
        "| memory (growth) | answers |",
        "|---|--:|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for case in found:
        times = [f"{case[p]:.3f} s" if p in case else "" for p in ("p50", "p95", "p99")]
        memory = f"{case['memory_bytes'] / 2**30:.2f} GiB ({case['memory_growth']})"
        said = {"0": "left"}
        answers = ", ".join(f"{n} {said.get(s, s)}" for s, n in case["statuses"].items())
        cells = [
            case["name"], case["clients"], case["load"], case["max_batch"], case["per_second"],
            *times, memory, case.get("error", answers),
        ]  # fmt: skip
        rows.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(rows)


def main() -> int:
    """Run every case, or with ``--quick`` see whether it works."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="of each case")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--quick", action="store_true", help="4 clients, 5 s: does it work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    args = parser.parse_args()
    clients, seconds = (4, 5.0) if args.quick else (args.clients, args.seconds)
    before, found = load_now(), []
    for case in cases(clients, seconds, args.precision):
        found.append(run_case(case))
        print(f"{case['name']}: done", file=sys.stderr)
    content = {"load_before": before, "cases": found, "figures": figures(found)}
    path = write_record("speed_service", content, args.results)
    print(table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 1 if any("error" in case for case in found) else 0


if __name__ == "__main__":
    sys.exit(main())
