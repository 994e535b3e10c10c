"""A run that was killed and resumed ends with the bits of one that was not."""

import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from impasto.errors import InputError, WeightsError
from impasto.weights.files import read_tensors

pytest.importorskip("lightning", reason="training needs the extra train")

from impasto.cli import main
from impasto.training.checkpoints import (
    Checkpoints,
    WholeCheckpoints,
    random_state,
    restore_random_state,
)
from impasto.training.runs import last_checkpoint, read_curves

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")
STEPS = {"swift": 20}
"""A step of swift takes five times as long as one of the others' 60."""


def state(run):
    return torch.load(last_checkpoint(run), weights_only=True)


def assert_same(a, b, where=""):
    """Equal to the last bit, however deep."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    elif isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    else:
        assert a == b, where


def kill_at_a_random_step(words, run):
    """Start a run as a process of its own and kill it some time after its first checkpoint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "impasto", *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    while not last_checkpoint(run).exists() and process.poll() is None:
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.25))
    process.kill()
    assert process.wait() == -9, "it was killed, and did not end by itself"


# The parts of these runs that differ from AdaIN's are in the tests of their learners.
ALSO = [
    pytest.param(name, marks=pytest.mark.slow) for name in ("swift", "reconstruction", "johnson")
]


@pytest.mark.parametrize("method", ["adain", *ALSO])
def test_a_killed_run_resumes_to_the_same_bits(commands, method, capsys):
    steps = STEPS.get(method, 60)
    flags = [f"--trainer.max_steps={steps}", "--checkpoints.every=1", "--data.valid_part=0.2"]
    flags += ["--sheets.every=1000", "--trainer.logger=false"]
    whole = commands(method, "whole", *flags)
    cut = commands.folder / "cut"
    kill_at_a_random_step(commands.words(method, "cut", *flags), cut)
    reached = state(cut)["global_step"]
    assert 0 < reached < steps
    assert main(["train", method, "--run", str(cut), "--resume"]) == 0
    a, b = state(whole), state(cut)
    assert a["global_step"] == b["global_step"] == steps
    for part in ("state_dict", "optimizer_states", "lr_schedulers"):
        assert_same(a[part], b[part], part)
    random_states = [s["callbacks"][Checkpoints().state_key] for s in (a, b)]
    assert_same(*random_states, "random")
    (file,) = whole.glob("*.safetensors")
    assert_same(read_tensors(file), read_tensors(cut / file.name), "weights")


def test_a_resumed_run_keeps_its_settings_and_takes_flags_beside_them(commands, capsys):
    logged = ["--trainer.logger=true", "--data.valid_part=0.2"]
    run = commands("adain", "run", "--trainer.max_steps=5", "--checkpoints.every=2", *logged)
    flags = ["--trainer.max_steps=9", "--model.learning_rate=0.25"]
    assert main(["train", "adain", "--run", str(run), "--resume", *flags]) == 0
    after = state(run)
    assert after["global_step"] == 9
    rate = after["optimizer_states"][0]["param_groups"][0]["lr"]
    assert rate == pytest.approx(0.25 / (1 + 1e-4 * 9))
    curves = read_curves(run)
    assert [step for step, _ in curves["train/content"]] == list(range(1, 10))
    assert [step for step, _ in curves["valid/content"]] == [4, 8], "every 4 steps of the whole run"
    with pytest.raises(InputError, match=r"holds a run already; go on with it with --resume"):
        raise_of(commands.words("adain", "run"))
    with pytest.raises(InputError, match=r"is a run of adain; type: impasto train adain --resume"):
        raise_of(["train", "johnson", "--run", str(run), "--resume"])


def raise_of(words):
    """Run a verb past the command line's last line of defence."""
    from impasto.cli.train import train

    train(words[1:])


def test_nothing_to_resume_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match=r"has no checkpoint to go on from; begin anew without"):
        raise_of(["train", "adain", "--run", str(tmp_path / "x"), "--resume"])


def test_weights_that_are_no_numbers_are_not_kept(commands, capsys):
    run = commands("reconstruction", "run", "--trainer.max_steps=3", "--checkpoints.every=1")
    good = last_checkpoint(run).read_bytes()
    rate = ["--model.learning_rate=1e38", "--trainer.max_steps=9"]
    capsys.readouterr()
    assert main(["train", "reconstruction", "--run", str(run), "--resume", *rate]) == 6
    sentence = capsys.readouterr().err
    assert "not finite" in sentence
    assert "--model.learning_rate" in sentence
    kept = state(run)
    assert all(torch.isfinite(v).all() for v in kept["state_dict"].values())
    assert kept["global_step"] >= torch.load(_file(run, good), weights_only=True)["global_step"]


def _file(run, data):
    (run / "good.ckpt").write_bytes(data)
    return run / "good.ckpt"


def test_a_checkpoint_is_whole_or_not_there(tmp_path, monkeypatch):
    files, path = WholeCheckpoints(), tmp_path / "a" / "last.ckpt"
    files.save_checkpoint({"state_dict": {"x": torch.ones(3)}}, path)
    monkeypatch.setattr("os.fsync", lambda number: (_ for _ in ()).throw(OSError(28, "full")))
    with pytest.raises(Exception, match="no space is left"):
        files.save_checkpoint({"state_dict": {"x": torch.zeros(3)}}, path)
    assert files.load_checkpoint(path)["state_dict"]["x"].sum() == 3
    assert [p.name for p in path.parent.iterdir()] == ["last.ckpt"]


def test_half_a_checkpoint_and_what_is_none_are_refused_in_a_sentence(tmp_path):
    files, path = WholeCheckpoints(), tmp_path / "last.ckpt"
    files.save_checkpoint({"state_dict": {"x": torch.ones(300)}}, path)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(WeightsError, match=r"last.ckpt is no whole checkpoint .*--ckpt_path"):
        files.load_checkpoint(path)
    torch.save({"x": torch.ones(3)}, path)
    with pytest.raises(WeightsError, match=r"is no checkpoint of a training"):
        files.load_checkpoint(path)


def test_random_generators_go_on_where_they_stood(tmp_path):
    def draw():
        return torch.rand(2).tolist(), np.random.rand(2).tolist(), random.random()

    torch.save(random_state(), tmp_path / "state")
    first = draw()
    assert draw() != first
    restore_random_state(torch.load(tmp_path / "state", weights_only=True))
    assert draw() == first
