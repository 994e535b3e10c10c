"""A folder to work in, with a tiny swift, lite and two styles, and the command in-process."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from sources import PACKAGE

from impasto.cli import main
from impasto.weights import registry, store


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def home(gallery, tiny_weights, tiny_styles, monkeypatch) -> Path:
    """The gallery of small pictures, with lite, the tiny weights as swift, and two styles."""
    weights, styles = gallery / ".weights", gallery / ".styles"
    weights.mkdir()
    shutil.copy(tiny_weights, weights)
    shutil.copy(PACKAGE / "weights" / "bundled" / "lite.safetensors", weights)
    shutil.copytree(tiny_styles, styles)
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(weights))
    monkeypatch.setenv("IMPASTO_STYLES", str(styles))
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", gallery / ".bundled")
    # What the package bundles changes with every training; here nothing is.
    monkeypatch.setattr(registry, "BUNDLED", gallery / ".bundled")
    fetched = {name: entry for name, entry in registry.known_weights().items() if entry.urls}
    for module in (registry, store):
        monkeypatch.setattr(module, "known_weights", lambda: fetched)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("IMPASTO_DEBUG", "1")  # what should not happen shows its traceback
    return gallery


@pytest.fixture
def run(home, capsys) -> Callable[..., Answer]:
    """Run a command in-process in ``home``: run("stylize", "photo.jpg", ...)."""

    def call(*words: str | os.PathLike[str]) -> Answer:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture
def refused(run) -> Callable[..., str]:
    """Run a command that must fail with one sentence; the sentence, without the prefix."""

    def call(*words: str | os.PathLike[str], code: int) -> str:
        answer = run(*words)
        assert answer.code == code, answer
        assert answer.out == ""
        assert answer.err.startswith("impasto: ")
        assert answer.err.count("\n") == 1, "one sentence on one line"
        assert answer.err.rstrip().endswith((".", "?")), answer.err
        return answer.err.removeprefix("impasto: ").strip()

    return call
