"""What a command may do to its process, and only to its own."""

import gc

import pytest

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


def test_the_process_of_somebody_else_is_left_alone(told):
    with startup.quick_start():
        pass
    assert told == []
