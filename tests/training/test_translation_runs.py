"""Whole runs of translation by the command: killed and resumed, and on two processes."""

import os
import subprocess
import sys
import time

import pytest
import torch

from impasto.training.runs import last_checkpoint, read_curves
from impasto.training.toy import write_facades

pytest.importorskip("lightning", reason="training needs the extra train")
from impasto.cli import main

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")
JITTER = ["--data.jitter={load: 20, crop: 16}", "--data.workers=0", "--trainer.accelerator=cpu"]
JUDGE = "--model.discriminator={width: 4, layers: 1, norm: instance}"
SHAPES = {
    "pix2pix": ["--model.network={width: 4, depth: 4}", JUDGE, "--data.direction=b2a"],
    "cyclegan": ["--model.network={width: 4, blocks: 1}", JUDGE],
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    write_facades(folder, pairs=5, test=2, size=20)
    write_facades(folder, pairs=5, test=2, size=20, unpaired=True)
    return folder


def words(method, toy, run, *flags):
    data = ["--data.a", toy / "train", "--data.valid_a", toy / "test"]
    if method == "cyclegan":
        data = ["--data.a", toy / "trainA", "--data.b", toy / "trainB"]
    parts = ["train", method, "--run", run, *data, *JITTER, *SHAPES[method], *flags]
    return [str(part) for part in parts]


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "impasto", *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


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


PIX2PIX = pytest.param("pix2pix", marks=pytest.mark.slow)  # by the same learner as cyclegan
PARTS = ("state_dict", "optimizer_states", "lr_schedulers", "history", "global_step")


@pytest.mark.parametrize("method", ["cyclegan", PIX2PIX])
def test_a_killed_run_resumes_to_the_same_bits_history_and_both_optimisers_included(
    method, toy, tmp_path, capsys
):
    flags = ["--trainer.max_steps=40", "--checkpoints.every=1", "--sheets.every=1000"]
    flags += ["--trainer.logger=false", "--model.pool=3", "--model.ema=0.9"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert main(words(method, toy, whole, *flags)) == 0
    process = start(*words(method, toy, cut, *flags))
    deadline = time.monotonic() + 240
    while not last_checkpoint(cut).exists() and process.poll() is None:
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.01)
    time.sleep(0.1)
    process.kill()
    assert process.wait() == -9, "it was killed, and did not end by itself"
    assert 0 < state(cut)["global_step"] < 40
    assert main(["train", method, "--run", str(cut), "--resume"]) == 0
    a, b = state(whole), state(cut)
    assert len(a["optimizer_states"]) == 2
    assert a["global_step"] == 40
    for part in PARTS:
        assert_same(a[part], b[part], part)


def test_a_run_leaves_what_it_should_and_translates(toy, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    flags = ["--trainer.max_steps=4", "--sheets.every=2", "--trainer.log_every_n_steps=1"]
    flags += ["--trainer.val_check_interval=2"]
    assert main(words("pix2pix", toy, "run", *flags)) == 0
    curves = read_curves(tmp_path / "run")
    assert {"train/gan", "train/l1", "train/d_real", "train/d_fake", "valid/l1"} <= curves.keys()
    assert [step for step, _ in curves["train/l1"]] == [1, 2, 3, 4]
    assert (tmp_path / "run" / "sheets" / "step-000004.png").exists()
    photo = toy / "test" / "0000.png"
    assert main(["translate", str(photo), "--model", "run", "-o", "out.png"]) == 0
    assert (tmp_path / "out.png").exists()


def test_a_checkpoint_of_the_other_method_is_refused(toy, tmp_path, capsys):
    flags = ["--trainer.max_steps=1", "--trainer.logger=false"]
    assert main(words("pix2pix", toy, tmp_path / "one", *flags)) == 0
    kept = last_checkpoint(tmp_path / "one")
    capsys.readouterr()
    other = words("cyclegan", toy, tmp_path / "two", *flags, "--ckpt_path", kept)
    assert main(other) == 2
    assert "the checkpoint is of pix2pix, not of cyclegan" in capsys.readouterr().err


gloo = pytest.mark.skipif(
    not (torch.distributed.is_available() and torch.distributed.is_gloo_available()),
    reason="this torch has no gloo",
)
DDP = ["--trainer.strategy=ddp_find_unused_parameters_true", "--trainer.devices=2"]


@gloo
@pytest.mark.slow
def test_two_processes_equal_one_with_the_same_global_batch(toy, tmp_path, capsys):
    flags = ["--trainer.max_steps=4", "--trainer.logger=false", "--model.pool=0"]
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(words("cyclegan", toy, one, *flags, "--data.batch=2")) == 0
    assert start(*words("cyclegan", toy, two, *flags, *DDP)).wait(280) == 0
    a, b = state(one), state(two)
    assert a["global_step"] == b["global_step"] == 4
    for name, value in a["state_dict"].items():
        # A bias before a norm changes nothing: its gradient is rounding, which Adam makes large.
        if value.ndim == 4:
            torch.testing.assert_close(b["state_dict"][name], value, rtol=0, atol=2e-5, msg=name)


@gloo
@pytest.mark.slow
def test_two_processes_resume_to_the_same_bits_each_with_its_history(toy, tmp_path):
    flags = ["--trainer.logger=false", "--model.pool=2", "--model.hold=1", *DDP]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert start(*words("cyclegan", toy, whole, *flags, "--trainer.max_steps=8")).wait(280) == 0
    assert start(*words("cyclegan", toy, cut, *flags, "--trainer.max_steps=5")).wait(280) == 0
    more = ["train", "cyclegan", "--run", str(cut), "--resume", "--trainer.max_steps=8"]
    assert start(*more).wait(280) == 0
    a, b = state(whole), state(cut)
    assert len(a["history"]["fake_a"]) == 2
    assert not torch.equal(*(s["held"] for s in a["history"]["fake_a"]))
    for part in PARTS:
        assert_same(a[part], b[part], part)
