"""impasto train: the front of Lightning's command line."""

import importlib
import logging
import os
import signal
import sys

import pytest
import yaml
from torch.utils.data import DataLoader

from impasto.cli import train
from impasto.errors import ResourceError


def test_unknown_method(refused):
    text = refused("train", "swfit", code=2)
    methods = "swift, adain, johnson, reconstruction, lite, pix2pix, cyclegan"
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


class _Dies(list):
    def __getitem__(self, item):
        os.kill(os.getpid(), signal.SIGKILL)

    def __len__(self):
        return 4


def test_a_loader_that_the_system_kills_is_one_sentence():
    pytest.importorskip("lightning")
    from impasto.cli.training import _one_sentence

    wanted = r"ended from outside \(DataLoader worker .*\); .* --resume, .* --data\.workers 0"
    with pytest.raises(ResourceError, match=wanted), _one_sentence("swift"):
        next(iter(DataLoader(_Dies(), num_workers=1)))
    with pytest.raises(RuntimeError, match="another"), _one_sentence("swift"):
        raise RuntimeError("another")


def test_a_wrong_flag_is_one_sentence(refused, monkeypatch):
    pytest.importorskip("lightning")
    monkeypatch.setattr(sys, "argv", ["impasto", "train", "swift"])
    words = ["--data.content", ".", "--data.style", ".", "--model.learning_rate", "fast"]
    text = refused("train", "swift", *words, code=2)
    assert "learning_rate" in text
    assert "impasto train swift --help" in text


def test_the_filter_lets_news_pass():
    pytest.importorskip("lightning")
    from impasto.cli.training import _is_no_advertisement

    def record(text: str) -> logging.LogRecord:
        return logging.LogRecord("x", logging.INFO, "", 0, text, (), None)

    assert _is_no_advertisement(record("GPU available: False"))
    assert not _is_no_advertisement(record("Tip: For seamless cloud uploads, try ..."))


CONFIGS = {
    "swift": {"model.schedule.decay_from": 10500, "trainer.max_steps": 14000},
    "adain": {"model.objective.style_weight": 2.0, "model.schedule.kind": "hold-decay"},
    "reconstruction": {"model.schedule.kind": "cosine", "data.style": None},
    "johnson": {"model.objective.measured": True, "model.judge": "lite"},
    "lite": {"model.schedule.warm": 50, "data.valid_part": 0.02},
}


def printed(run, *words):
    answer = run("train", *words, "--data.content", "x", "--print_config")
    assert answer.code == 0, answer.err
    return yaml.safe_load(answer.out)


def field(config, name):
    for part in name.split("."):
        config = config[part]
    return config


@pytest.mark.parametrize("method", CONFIGS)
def test_every_method_has_a_configuration_that_it_takes(run, root, method):
    pytest.importorskip("lightning")
    words = ["--config", root / "configs" / f"{method}.yaml"]
    words += {"johnson": ["--model.style", "x"], "lite": ["--model.exact", "x"]}.get(method, [])
    config = printed(run, method, *words)
    assert {name: field(config, name) for name in CONFIGS[method]} == CONFIGS[method]
    assert f"impasto train {method} " in (root / "configs" / f"{method}.yaml").read_text()


def test_a_preset_brings_all_that_is_not_given(run):
    pytest.importorskip("lightning")
    words = ["--model.preset", "adain-paper", "--model.objective.content_weight", "7"]
    config = printed(run, "adain", *words)
    objective = config["model"]["objective"]
    given = [objective[n] for n in ("content_weight", "style_weight", "reduction")]
    assert given == [7.0, 0.01, "sum"]
    assert config["trainer"]["max_steps"] == 160_000
    assert config["data"]["style_crop"]["short_side"] == 512
    assert printed(run, "adain")["trainer"]["max_steps"] == 20_000


def test_an_unknown_preset_is_one_sentence(refused):
    pytest.importorskip("lightning")
    text = refused("train", "adain", "--data.content", "x", "--model.preset", "adain-papr", code=2)
    assert "preset must be one of" in text
    assert "Did you mean adain-paper" in text
