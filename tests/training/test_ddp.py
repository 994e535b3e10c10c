"""Two processes that train together are one with the same batch."""

import os
import re
import subprocess
import sys

import pytest
import torch

pytest.importorskip("lightning", reason="training needs the extra train")
if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
    pytest.skip("this torch has no gloo", allow_module_level=True)

from impasto.training.runs import last_checkpoint, read_curves

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")

NO_GRADIENT = re.compile(
    r"network\.(down\.\d|up\.\d)\.0\.bias|network\.blocks\.\d\.body\.[034]\.bias"
)
"""Johnson's biases in front of a norm that takes them off again: rounding alone moves them."""


def weights(run):
    state = torch.load(last_checkpoint(run), weights_only=True)
    assert state["global_step"] == 5
    learned = {n: v for n, v in state["state_dict"].items() if not n.startswith("average.")}
    return {n: v for n, v in learned.items() if not NO_GRADIENT.fullmatch(n)}


def distance(a, b):
    assert a.keys() == b.keys()
    return max(float((a[name] - b[name]).abs().max()) for name in a)


@pytest.mark.parametrize("method", ["adain", pytest.param("johnson", marks=pytest.mark.slow)])
def test_two_processes_equal_one_with_the_same_global_batch(commands, method):
    # Slowly: where rounding turns a ReLU on or off, Adam makes a step of another size of it.
    flags = ["--trainer.max_steps=5", "--data.valid_part=0.2", "--data.variants=0"]
    flags += ["--model.learning_rate=2e-5", "--trainer.logger=true"]
    one = commands(method, "one", *flags, "--data.batch=4")
    half = commands(method, "half", *flags, "--data.batch=2")
    words = commands.words(method, "two", *flags, "--data.batch=2")
    words += ["--trainer.strategy=ddp", "--trainer.devices=2"]
    answer = subprocess.run(
        [sys.executable, "-m", "impasto", *words],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert answer.returncode == 0, answer.stderr
    two = commands.folder / "two"
    assert distance(weights(one), weights(two)) < 1e-5
    assert distance(weights(one), weights(half)) > 2e-5, "half of the batch is another run"
    first, second = (read_curves(run)["valid/content"][-1] for run in (one, two))
    assert first == pytest.approx(second, rel=1e-4)
    assert (two / "montage.png").exists()
