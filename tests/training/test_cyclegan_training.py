"""Training CycleGAN: it learns, resumes to the same bits with its history, translates both ways."""

import pytest
import torch
from translation_folders import one_kind

import impasto
from impasto.discriminators import DiscriminatorConfig
from impasto.errors import InputError
from impasto.methods.cyclegan.network import CycleGANConfig
from impasto.methods.cyclegan.objective import CycleGANObjective
from impasto.training.jitter import JitterConfig

pytest.importorskip("lightning", reason="training needs the extra train")
from lightning.pytorch.callbacks import ModelCheckpoint
from translation_runs import Logged, fit, state_of

from impasto.training.callbacks import SaveWeights
from impasto.training.cyclegan import CycleGANTraining
from impasto.training.translation_data import UnpairedData
from impasto.training.translation_sheets import TranslationSheet

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")
TINY = {
    "network": CycleGANConfig(width=4, blocks=1),
    "discriminator": DiscriminatorConfig(width=4, layers=1, norm="instance"),
}
JITTER = JitterConfig(load=20, crop=16)


@pytest.fixture(scope="module")
def heaps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heaps")
    return one_kind(folder / "a", 4, 1), one_kind(folder / "b", 5, 2, brightness=127)


def data_of(heaps, **settings):
    a, b = map(str, heaps)
    return UnpairedData(a, b, **({"jitter": JITTER, "workers": 0, "batch": 1} | settings))


def module_of(**settings):
    torch.manual_seed(0)
    return CycleGANTraining(**(TINY | settings))


def test_it_learns_and_the_terms_have_their_names(heaps, tmp_path):
    logged = Logged()
    fit(module_of(learning_rate=2e-3), data_of(heaps), tmp_path, steps=80, callbacks=[logged])
    assert set(logged.steps[0]) == {
        f"train/{name}" for name in (
            "gan_ab", "gan_ba", "cycle_a", "cycle_b", "identity_a", "identity_b", "d_a_real",
            "d_a_fake", "d_b_real", "d_b_fake", "total",
        )
    }  # fmt: skip

    def cycle(steps):
        return sum(s["train/cycle_a"] + s["train/cycle_b"] for s in steps)

    assert cycle(logged.steps[-10:]) < 0.7 * cycle(logged.steps[:10])


def test_a_resumed_run_ends_with_the_same_bits_history_and_both_optimisers_included(
    heaps, tmp_path
):
    settings = {"pool": 3, "ema": 0.9}
    keep = ModelCheckpoint(tmp_path / "cut", every_n_train_steps=7, save_top_k=-1)
    runs = []
    for callbacks in ([], [keep]):
        module = module_of(**settings)
        trainer = fit(module, data_of(heaps), tmp_path, steps=12, callbacks=callbacks)
        runs.append(state_of(trainer, module))
    (checkpoint,) = (tmp_path / "cut").glob("*step=7.ckpt")
    torch.load(checkpoint, weights_only=True)  # nothing but tensors and numbers
    again = module_of(**settings)
    trainer = fit(again, data_of(heaps), tmp_path, steps=12, resume=checkpoint)
    resumed = state_of(trainer, again)
    assert int(resumed["fake_a.seen"]) == 12
    assert set(resumed) == set(runs[0])
    for name, value in runs[0].items():
        assert torch.equal(value, runs[1][name]), f"writing a checkpoint changed {name}"
        assert torch.equal(value, resumed[name]), name


def test_without_its_history_a_resumed_run_would_differ(heaps, tmp_path):
    """So that the test above cannot pass by chance."""
    keep = ModelCheckpoint(tmp_path / "cut", every_n_train_steps=7, save_top_k=-1)
    module = module_of(pool=3)
    whole = state_of(fit(module, data_of(heaps), tmp_path, steps=12, callbacks=[keep]), module)
    (checkpoint,) = (tmp_path / "cut").glob("*step=7.ckpt")
    state = torch.load(checkpoint, weights_only=True)
    for states in state["history"].values():
        states[0]["held"] = torch.zeros_like(states[0]["held"])
    torch.save(state, tmp_path / "emptied.ckpt")
    again = module_of(pool=3)
    trainer = fit(again, data_of(heaps), tmp_path, steps=12, resume=tmp_path / "emptied.ckpt")
    resumed = state_of(trainer, again)
    assert any(not torch.equal(v, resumed[n]) for n, v in whole.items() if "discriminator" in n)


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_half_precision(heaps, tmp_path, precision):
    logged = Logged()
    module = module_of(pool=2)
    fit(module, data_of(heaps), tmp_path, steps=4, precision=precision, callbacks=[logged])
    assert all(v == v and abs(v) < 1e3 for step in logged.steps for v in step.values())


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_a_finished_run_translates_both_ways_by_its_file(heaps, tmp_path, ema):
    module = module_of(ema=ema)
    fit(module, data_of(heaps), tmp_path, steps=3, callbacks=[SaveWeights()])
    content = torch.rand(1, 3, 21, 30)
    common = {"device": "cpu", "precision": "float32"}
    for direction in ("a2b", "b2a"):
        made = impasto.translate(content, model=tmp_path, direction=direction, **common)
        wanted = module.painter().translate(content, direction=direction)
        torch.testing.assert_close(made.pixels, wanted, rtol=0, atol=0.01)


def test_sheets_show_real_made_cycled_and_same(heaps, tmp_path):
    sheets = TranslationSheet(every=2, rows=2)
    module = module_of()
    fit(module, data_of(heaps), tmp_path, steps=2, callbacks=[sheets])
    sheet = impasto.read_picture(tmp_path / "sheets" / "step-000002.png")
    assert sheet.size == (2 * 16, 8 * 16)
    a, b = data_of(heaps).held(1)
    columns = module.translation_sheet(a, b)
    assert list(columns) == [
        "real_a", "fake_b", "cycled_a", "same_a", "real_b", "fake_a", "cycled_b", "same_b"
    ]  # fmt: skip
    painter = module.painter()
    cycled = painter.translate(painter.translate(a, direction="a2b"), direction="b2a")
    torch.testing.assert_close(columns["cycled_a"], cycled)


@pytest.mark.parametrize("norm", ["batch", "instance"])
def test_both_norms_and_no_identity(heaps, tmp_path, norm):
    module = module_of(
        network=CycleGANConfig(width=4, blocks=1, norm=norm, upsampling="resize"),
        objective=CycleGANObjective(gan="hinge", lambda_identity=0.0),
    )
    fit(module, data_of(heaps, batch=2), tmp_path, steps=2)


def test_what_is_refused(heaps, tmp_path):
    with pytest.raises(InputError, match="preset must be one of cyclegan-paper"):
        module_of(preset="paper")
    data = data_of(heaps, jitter=JitterConfig(load=20, crop=18))
    with pytest.raises(InputError, match=r"multiples of 4 .* give --data\.jitter\.crop 16"):
        fit(module_of(), data, tmp_path, steps=1)
    judge = DiscriminatorConfig(width=4, layers=3, norm="instance")
    with pytest.raises(InputError, match=r"at least 24 pixels .* give --data.jitter.crop 24"):
        fit(module_of(discriminator=judge), data_of(heaps), tmp_path, steps=1)
