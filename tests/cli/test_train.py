"""impasto train: the front of Lightning's command line."""

import importlib
import logging
import sys

import pytest

from impasto.cli import train


def test_unknown_method(refused):
    text = refused("train", "swfit", code=2)
    methods = "swift, adain, johnson, reconstruction, lite"
    assert text == f"method must be one of {methods}; got 'swfit'. Did you mean swift?"


def test_without_lightning(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning.pytorch.cli", None)
    text = refused("train", "swift", "--help", code=7)
    assert text == (
        "Training needs packages that are not installed; "
        'type: python -m pip install "impasto[train]".'
    )


@pytest.mark.parametrize("method", train.METHODS)
def test_the_methods_exist(method):
    pytest.importorskip("lightning")
    module, _, name = train.METHODS[method].partition(":")
    assert hasattr(importlib.import_module(module), name)


def test_help_of_a_method(run):
    pytest.importorskip("lightning")
    answer = run("train", "swift", "--help")
    assert answer.code == 0
    assert answer.out.startswith("usage: impasto train swift")
    for flag in ("--model.learning_rate", "--data.content", "--trainer.max_steps", "--config"):
        assert flag in answer.out


def test_a_wrong_flag_is_one_sentence(refused, monkeypatch):
    pytest.importorskip("lightning")
    monkeypatch.setattr(sys, "argv", ["impasto", "train", "swift"])
    words = ["--data.content", ".", "--data.style", ".", "--model.learning_rate", "fast"]
    text = refused("train", "swift", *words, code=2)
    assert "learning_rate" in text
    assert "impasto train swift --help" in text


def test_the_filter_lets_news_pass():
    def record(text: str) -> logging.LogRecord:
        return logging.LogRecord("x", logging.INFO, "", 0, text, (), None)

    assert train._is_no_advertisement(record("GPU available: False"))
    assert not train._is_no_advertisement(record("Tip: For seamless cloud uploads, try ..."))
