"""Training pix2pix: it learns, resumes to the same bits, translates by its file."""

import json
import logging

import pytest
import torch
from translation_folders import side_by_side

import impasto
from impasto.discriminators import DiscriminatorConfig
from impasto.errors import InputError, TrainingError, WeightsError
from impasto.methods.pix2pix.network import Pix2PixConfig
from impasto.methods.pix2pix.objective import Pix2PixObjective
from impasto.training.jitter import JitterConfig
from impasto.weights.files import read_metadata

pytest.importorskip("lightning", reason="training needs the extra train")
from lightning.pytorch.callbacks import ModelCheckpoint
from translation_runs import Logged, fit, state_of

from impasto.training.adversarial import CollapseWatch, frozen
from impasto.training.callbacks import SaveWeights
from impasto.training.pix2pix import Pix2PixTraining
from impasto.training.translation_data import PairedData
from impasto.training.translation_sheets import TranslationSheet

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")
TINY = {
    "network": Pix2PixConfig(width=4, depth=4),
    "discriminator": DiscriminatorConfig(width=4, layers=1),
}
JITTER = JitterConfig(load=20, crop=16)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return side_by_side(tmp_path_factory.mktemp("pairs"), 6)


def data_of(pairs, **settings):
    return PairedData(str(pairs), **({"jitter": JITTER, "workers": 0, "batch": 2} | settings))


def module_of(**settings):
    torch.manual_seed(0)
    return Pix2PixTraining(**(TINY | settings))


def test_it_learns_and_the_terms_have_their_names(pairs, tmp_path):
    logged = Logged()
    module = module_of(learning_rate=4e-3, hold=1.0)
    fit(module, data_of(pairs), tmp_path, steps=80, callbacks=[logged])
    names = {"train/gan", "train/l1", "train/d_real", "train/d_fake", "train/total"}
    assert set(logged.steps[0]) == names
    parts = logged.steps[:10], logged.steps[-10:]
    first, last = (sum(step["train/l1"] for step in part) for part in parts)
    assert last < 0.6 * first


def test_a_step_is_a_step_of_the_run_and_the_rate_falls_to_nothing(pairs, tmp_path):
    rates = []

    class Rates(Logged):
        def on_train_batch_start(self, trainer, module, batch, index):
            rates.append([o.param_groups[0]["lr"] for o in trainer.optimizers])

    module = module_of(learning_rate=1e-3, hold=0.5)
    trainer = fit(module, data_of(pairs), tmp_path, steps=8, callbacks=[Rates()])
    assert trainer.global_step == 8
    falling = [1e-3] * 5 + [7.5e-4, 5e-4, 2.5e-4]
    assert [r[0] for r in rates] == pytest.approx(falling)
    assert [r[1] for r in rates] == pytest.approx(falling)
    assert trainer.optimizers[0].param_groups[0]["lr"] == 0
    assert [o.defaults["betas"] for o in trainer.optimizers] == [(0.5, 0.999)] * 2


@pytest.mark.parametrize("settings", [{"pool": 3, "ema": 0.9}, {"objective": "wgan-gp"}])
def test_a_resumed_run_ends_with_the_same_bits(pairs, tmp_path, settings):
    if "objective" in settings:
        settings = {"objective": Pix2PixObjective(gan="wgan-gp")}
    runs = []
    keep = ModelCheckpoint(tmp_path / "cut", every_n_train_steps=5, save_top_k=-1)
    for callbacks in ([], [keep]):
        module = module_of(**settings)
        trainer = fit(module, data_of(pairs), tmp_path, steps=8, callbacks=callbacks)
        runs.append(state_of(trainer, module))
    (checkpoint,) = (tmp_path / "cut").glob("*step=5.ckpt")
    again = module_of(**settings)
    trainer = fit(again, data_of(pairs), tmp_path, steps=8, resume=checkpoint)
    resumed = state_of(trainer, again)
    assert set(resumed) == set(runs[0])
    for name, value in runs[0].items():
        assert torch.equal(value, runs[1][name]), f"writing a checkpoint changed {name}"
        assert torch.equal(value, resumed[name]), name


def test_the_discriminator_is_frozen_in_the_generator_s_step(pairs, tmp_path):
    grads = []

    class Grads(Logged):
        def on_before_optimizer_step(self, trainer, module, optimizer):
            side = [p.grad for p in module.discriminator.parameters()]
            grads.append([g.clone() for g in side])

    fit(module_of(), data_of(pairs), tmp_path, steps=1, callbacks=[Grads()])
    of_d, of_g = grads
    assert all(torch.equal(a, b) for a, b in zip(of_d, of_g, strict=True))
    net = torch.nn.Conv2d(3, 1, 1)
    with frozen(net):
        assert not any(p.requires_grad for p in net.parameters())
    assert all(p.requires_grad for p in net.parameters())


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_half_precision(pairs, tmp_path, precision):
    logged = Logged()
    module = module_of(pool=2)
    fit(module, data_of(pairs), tmp_path, steps=3, precision=precision, callbacks=[logged])
    assert all(v == v and abs(v) < 1e3 for step in logged.steps for v in step.values())
    assert all(p.dtype == torch.float32 for p in module.parameters())


@pytest.mark.parametrize("ema", [0.0, 0.5])
def test_a_finished_run_translates_by_its_file(pairs, tmp_path, ema):
    module = module_of(ema=ema)
    data = data_of(pairs, direction="b2a")
    fit(module, data, tmp_path, steps=3, callbacks=[SaveWeights()])
    metadata = read_metadata(tmp_path / "pix2pix.safetensors")
    assert (metadata["direction"], metadata["batch"]) == ("b2a", "2")
    assert json.loads(metadata["training"])["steps"] == 3
    content = torch.rand(1, 3, 20, 30)
    made = impasto.translate(content, model=tmp_path, device="cpu", precision="float32")
    assert made.size == (20, 30)
    wanted = module.painter().translate(content)
    torch.testing.assert_close(made.pixels, wanted, rtol=0, atol=0.01)


def test_valid_pairs_are_measured_by_training_s_names_and_shown(pairs, tmp_path):
    held = side_by_side(tmp_path / "held", 3, seed=5)
    logged = Logged()
    sheets = TranslationSheet(every=2, rows=2, folder=str(tmp_path / "sheets"))
    module = module_of()
    before = {n: v.clone() for n, v in module.generator.named_buffers()}
    data = data_of(pairs, valid_a=str(held))
    fit(module, data, tmp_path, steps=3, callbacks=[logged, sheets], val_check_interval=2)
    assert logged.steps[-1]["valid/l1"] > 0
    sheet = impasto.read_picture(tmp_path / "sheets" / "step-000002.png")
    assert sheet.size == (2 * 16, 3 * 16)
    assert (tmp_path / "sheets" / "step-000003.png").exists()
    counts = {n: v for n, v in module.generator.named_buffers() if n.endswith("tracked")}
    assert all(int(v) - int(before[n]) == 3 for n, v in counts.items()), "looking changed averages"


def test_a_loss_that_is_no_number_ends_the_run_with_its_name(pairs, tmp_path):
    module = module_of()
    torch.nn.init.constant_(next(iter(module.generator.parameters())), float("nan"))
    with pytest.raises(TrainingError, match="d_fake"):
        fit(module, data_of(pairs), tmp_path, steps=1)


def test_checkpoints_of_other_networks_are_refused(pairs, tmp_path):
    keep = ModelCheckpoint(tmp_path / "kept", every_n_train_steps=1)
    fit(module_of(), data_of(pairs), tmp_path, steps=1, callbacks=[keep])
    (checkpoint,) = (tmp_path / "kept").glob("*.ckpt")
    wider = module_of(network=Pix2PixConfig(width=8, depth=4))
    with pytest.raises(WeightsError, match=r"the checkpoint does not fit pix2pix: its generator"):
        fit(wider, data_of(pairs), tmp_path, steps=2, resume=checkpoint)
    other = module_of()
    other.method = "cyclegan"
    with pytest.raises(InputError, match="the checkpoint is of pix2pix, not of cyclegan"):
        fit(other, data_of(pairs), tmp_path, steps=2, resume=checkpoint)


def test_a_discriminator_that_is_always_right_is_told_of_once(caplog):
    watch = CollapseWatch(patience=5)
    sure = {"d_a_real": 1e-4, "d_a_fake": 1e-4, "d_b_real": 0.2, "d_b_fake": 0.2}
    told = [bool(watch.look(sure, step)) for step in range(1, 30)]
    assert told.index(True) == 4
    assert sum(told) == 1
    watch = CollapseWatch(patience=5)
    for step in range(1, 5):
        watch.look(sure, step)
    assert not watch.look({"d_real": 0.3, "d_fake": 0.3}, 5)
    wgan = CollapseWatch(patience=2)
    assert not any(wgan.look({"d_real": -3.0, "d_fake": 2.0}, s) for s in range(9))


def test_the_warning_of_a_collapse_says_what_to_try(pairs, tmp_path, caplog):
    module = module_of()
    module.watch = CollapseWatch(limit=10.0, patience=2)
    with caplog.at_level(logging.WARNING):
        fit(module, data_of(pairs), tmp_path, steps=3)
    assert "the discriminator has been certain since step 1" in caplog.text
    assert "--model.learning_rate" in caplog.text


def test_what_is_refused(pairs, tmp_path):
    with pytest.raises(InputError, match="preset must be one of pix2pix-paper"):
        module_of(preset="paper")
    with pytest.raises(InputError, match="hold must be at least 0"):
        module_of(hold=2.0)
    data = data_of(pairs, jitter=JitterConfig(load=40, crop=40))
    with pytest.raises(InputError, match=r"multiples of 16 .* give --data\.jitter\.crop 32"):
        fit(module_of(), data, tmp_path, steps=1)
    with pytest.raises(InputError, match=r"must know the last step; give --trainer\.max_steps"):
        fit(module_of(), data_of(pairs), tmp_path, steps=-1, max_epochs=-1)
