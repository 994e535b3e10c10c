"""What a run says of itself while it learns: a bar on a terminal, lines elsewhere."""

import io
import sys
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra train")

from impasto.cli import training_progress
from impasto.cli.training_progress import RunProgress, _duration


class Terminal(io.StringIO):
    def isatty(self):
        return True


def learn(progress, monkeypatch, *, first, last, seconds=2.0):
    clock = SimpleNamespace(now=100.0)
    monkeypatch.setattr(training_progress.time, "monotonic", lambda: clock.now)
    trainer = SimpleNamespace(global_step=first, max_steps=1000, is_global_zero=True)
    progress.setup(trainer, None, "fit")
    progress.on_train_start(trainer, None)
    for step in range(first + 1, last + 1):
        clock.now += seconds
        trainer.global_step = step
        progress.on_train_batch_end(trainer, None, {"loss": torch.tensor(2.5)}, None, step)
    progress.teardown(trainer, None, "fit")


def test_where_there_is_no_terminal_a_line_comes_every_minute(monkeypatch, capsys):
    learn(RunProgress("adain"), monkeypatch, first=400, last=470)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "impasto: adain: step 430 of 1000, loss 2.5, 0:19:00 left",
        "impasto: adain: step 460 of 1000, loss 2.5, 0:18:00 left",
    ]


def test_on_a_terminal_there_is_a_bar(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = RunProgress("adain")
    learn(progress, monkeypatch, first=0, last=25)
    text = terminal.getvalue()
    assert "adain" in text
    assert "/1000" in text
    assert progress._bar is None, "and then it is taken away"


def test_only_the_first_process_speaks(monkeypatch, capsys):
    progress = RunProgress("adain")
    progress.disable()
    learn(progress, monkeypatch, first=0, last=70)
    assert capsys.readouterr().err == ""
    progress.enable()
    learn(progress, monkeypatch, first=0, last=40)
    assert "step 30 of 1000" in capsys.readouterr().err


def test_durations_are_hours_minutes_seconds():
    assert [_duration(s) for s in (5, 65, 36_000)] == ["0:00:05", "0:01:05", "10:00:00"]
