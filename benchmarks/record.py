"""What every benchmark shares: timing, fresh processes, and the record that is kept.

The contract: median and spread of N runs after a warm-up, the device waited for inside the timed
part, seeds, commit, versions and machine written down, equal footing, losses published as well.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
LIBRARIES = ("torch", "numpy", "Pillow", "safetensors", "onnxruntime", "openvino")


def timed(
    work: Callable[[], object], *, runs: int, device: str = "cpu", span: float = 0.0
) -> dict[str, Any]:
    """Time ``work``, once unseen and then ``runs`` times.

    Args:
        work: What is timed.
        runs: How often.
        device: Waited for, where it is a GPU.
        span: Seconds that all runs together last at least; what is short is run more often, so
            that a second in which the machine is slow does not decide.

    Returns:
        ``seconds`` (the median), ``fastest``, ``slowest``, ``runs``.
    """
    import torch

    wait = torch.cuda.synchronize if device.startswith("cuda") else _nothing
    work()
    wait()
    seconds: list[float] = []
    while len(seconds) < runs or sum(seconds) < span:
        start = time.perf_counter()
        work()
        wait()
        seconds.append(time.perf_counter() - start)
    return {
        "seconds": round(statistics.median(seconds), 4),
        "fastest": round(min(seconds), 4),
        "slowest": round(max(seconds), 4),
        "runs": len(seconds),
    }


def _nothing() -> None:
    return None


def in_fresh_process(script: Path, case: dict[str, Any]) -> dict[str, Any]:
    """Run one case of ``script`` in a process of its own and read the JSON that it prints.

    A peak of memory belongs to a process, so each case needs its own; and Linux counts the
    parent's peak into a child's at its start, so the parent must not import torch meanwhile.

    Returns:
        The case with what was measured, or with ``error``, the last line that was said.
    """
    answer = subprocess.run(
        [sys.executable, str(script), "--case", json.dumps(case)], capture_output=True, text=True
    )
    if answer.returncode:
        said = answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"]
        return case | {"error": said[-1]}
    return case | dict(json.loads(answer.stdout.splitlines()[-1]))


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes; 0 where it cannot be told.

    The kernel's own mark of this program comes first: ``getrusage`` keeps the parent's peak.
    """
    from impasto import runtime

    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return runtime.peak_memory()


def write_record(name: str, content: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Write ``results/NAME.json``: the content, and by what, on what and when it was measured."""
    from impasto.runtime import describe_machine

    record = {
        "benchmark": name,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": commit(),
        "machine": describe_machine(),
        "load_before": content.pop("load_before", None),
        "versions": versions(),
        **content,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(record, indent=1) + "\n")
    os.replace(part, path)
    return path


def load_now() -> float | None:
    """Processes that want a core, averaged over the last minute: should be near 0 beforehand."""
    with contextlib.suppress(OSError, AttributeError):
        return round(os.getloadavg()[0], 2)
    return None


def commit() -> str:
    """The commit measured, with a mark when the tree differs from it; "unknown" outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return answer.stdout.strip()


def versions() -> dict[str, str]:
    """Versions of the libraries that matter."""
    import impasto

    found = {"impasto": impasto.__version__}
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found[name.lower()] = version(name)
    return found
