"""The machine: what the C library is told about memory."""

import subprocess
import sys

import pytest

from impasto.runtime import memory_taken_ahead

FAULTS = """
import contextlib, resource
from impasto.runtime import keep_freed_memory, memory_taken_ahead

if not keep_freed_memory():
    raise SystemExit("no such switch")
size = 48 << 20
with {ahead}:
    pass
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
block = b"\\1" * size
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def pages_taken(ahead: str) -> int:
    code = FAULTS.format(ahead=ahead)
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if "no such switch" in answer.stderr:
        pytest.skip("this C library has no such switch")
    return int(answer.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="pages are not counted there")
def test_what_is_taken_ahead_is_not_taken_again():
    without = pages_taken("contextlib.nullcontext()")
    if without < 100:
        pytest.skip("this system gives very large pages")
    assert pages_taken("memory_taken_ahead(64 << 20)") < without / 4


def test_without_the_switch_nothing_is_taken(monkeypatch):
    monkeypatch.setattr("impasto.runtime.keep_freed_memory", lambda: False)
    monkeypatch.setattr("impasto.runtime.ctypes", None)
    with memory_taken_ahead(1 << 60):
        pass
