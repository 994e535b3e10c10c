"""What a command may do to its process, and only to its own."""

import gc
import sys

import pytest

from impasto import cli
from impasto.cli import startup


@pytest.fixture
def told(monkeypatch):
    """What was asked of garbage collector and C library, without its being done to the tests."""
    asked = []
    for name in ("disable", "enable", "freeze"):
        monkeypatch.setattr(gc, name, lambda name=name: asked.append(name))
    monkeypatch.setattr("impasto.runtime.keep_freed_memory", lambda: asked.append("keep"))
    return asked


def test_a_process_of_its_own_rests_the_collector_while_torch_is_read(told, monkeypatch):
    monkeypatch.setattr(startup, "owned", True)
    with startup.quick_start():
        assert told == ["disable"]
    assert told == ["disable", "freeze", "enable", "keep"]


def test_the_collector_works_again_after_an_error(told, monkeypatch):
    monkeypatch.setattr(startup, "owned", True)
    with pytest.raises(RuntimeError), startup.quick_start():
        raise RuntimeError
    assert "enable" in told


def test_the_process_of_somebody_else_is_left_alone(told, monkeypatch):
    monkeypatch.setattr(startup, "owned", False)
    with startup.quick_start():
        pass
    assert told == []


def test_the_console_script_says_that_the_process_is_its_own(monkeypatch):
    monkeypatch.setattr(startup, "owned", False)
    seen = []
    monkeypatch.setattr(cli, "main", lambda: seen.append(startup.owned) or 3)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)  # else run ends at once
    with pytest.raises(SystemExit) as stop:
        cli.run()
    assert seen == [True]
    assert stop.value.code == 3
