"""A tiny swift with random weights, a style made with it, and a folder to work in."""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from impasto.cli import main


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """A weight file of the smallest swift."""
    import torch

    from impasto.methods.swift.network import Swift, SwiftConfig
    from impasto.weights.files import write_tensors

    torch.manual_seed(0)
    config = SwiftConfig(widths=(4, 6, 8), blocks=1, last_width=4, code_width=8)
    path = tmp_path_factory.mktemp("weights") / "swift.safetensors"
    metadata = {"method": "swift", "config": json.dumps(dataclasses.asdict(config))}
    write_tensors(path, Swift(config).state_dict(), metadata)
    return path


@pytest.fixture(scope="session")
def tiny_styles(tiny_weights, tmp_path_factory) -> Path:
    """A folder with two styles that fit the tiny weights: great-wave and starry-night."""
    import numpy

    import impasto

    folder = tmp_path_factory.mktemp("styles")
    painter = impasto.load(tiny_weights, device="cpu", precision="float32")
    for seed, name in enumerate(("great-wave", "starry-night")):
        levels = numpy.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=numpy.uint8)
        impasto.make_style(
            name,
            [levels],
            painter=painter,
            path=folder / f"{name}.safetensors",
            title=name.title(),
            artist="A. Painter",
            year="1831",
        )
    return folder


class Answer(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def home(gallery, tiny_weights, tiny_styles, monkeypatch) -> Path:
    """The gallery of small pictures, with the tiny weights under the name swift and two styles."""
    weights, styles = gallery / ".weights", gallery / ".styles"
    weights.mkdir()
    shutil.copy(tiny_weights, weights)
    shutil.copytree(tiny_styles, styles)
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(weights))
    monkeypatch.setenv("IMPASTO_STYLES", str(styles))
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", gallery / ".bundled")
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
