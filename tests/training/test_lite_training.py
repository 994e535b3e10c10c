"""Distilling lite: it learns from teachers of few channels, resumes, and refuses other files."""

import json

import pytest
import torch

from impasto.errors import InputError, WeightsError
from impasto.features.lite import HEADS, Lite, load_lite
from impasto.features.vgg import VGG, VGGPlan
from impasto.features.vgg_files import load_vgg
from impasto.training.data import CropConfig
from impasto.weights.files import read_metadata, read_tensors, write_tensors

pytest.importorskip("lightning", reason="training needs the extra train")
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from impasto.training.callbacks import SaveWeights
from impasto.training.datamodule import ContentStyleData
from impasto.training.lite import DEEP_LAYERS, EXACT_LAYERS, LiteTraining
from impasto.training.schedule import Schedule

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")
WIDTHS = (4, 4, 6, 8, 8)
PRUNED = (3, 3, 3, 5, 7)
SCHEDULE = Schedule(warm=2, decay_from=30)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Everything with a few channels, and few pictures to measure the scale by."""
    plan = VGGPlan(depths=(2, 2, 4, 4, 1), widths=(8, 8, 8, 8, 8))
    monkeypatch.setattr("impasto.features.lite.LITE_PLAN", plan)
    monkeypatch.setattr("impasto.training.lite.CALIBRATION_PAIRS", 3)
    for name in HEADS:
        monkeypatch.setitem(HEADS, name, WIDTHS[int(name[4]) - 1])


def random_vgg(widths, seed):
    torch.manual_seed(seed)
    return VGG(VGGPlan(depths=(2, 2, 4, 4, 4), widths=widths), ("relu5_1",))


@pytest.fixture
def exact(tmp_path):
    """A random VGG-19 whose channels are those that the heads have here."""
    network = random_vgg(WIDTHS, 1)
    write_tensors(tmp_path / "exact.safetensors", network.state_dict())
    return tmp_path / "exact.safetensors"


@pytest.fixture
def deep(tmp_path):
    """A random pruned VGG-19 in the "distilled" layout, with its linear heads."""
    network = random_vgg(PRUNED, 2)
    state = network.state_dict()
    tensors = {"conv0.weight": state["input.weight"], "conv0.bias": state["input.bias"]}
    for name in network.steps:
        for part in ("weight", "bias"):
            tensors[f"{name.replace('_', '')}.{part}"] = state[f"steps.{name}.{part}"]
    for stem, block in (("conv41", 4), ("conv51", 5)):
        tensors[f"{stem}_aux.weight"] = torch.randn(WIDTHS[block - 1], PRUNED[block - 1], 1, 1)
        tensors[f"{stem}_aux.bias"] = torch.randn(WIDTHS[block - 1])
    write_tensors(tmp_path / "deep.safetensors", tensors)
    return tmp_path / "deep.safetensors"


class Losses(Callback):
    """The terms of every step by name."""

    def __init__(self):
        self.values = {name: [] for name in HEADS}

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        for name, values in self.values.items():
            values.append(float(trainer.callback_metrics[f"train/{name}"]))

    def fall(self, name):
        """What is left at the end of the first steps' loss."""
        return sum(self.values[name][-5:]) / sum(self.values[name][:5])


def run(photos, paintings, exact, folder, *, steps, deep="none", callbacks=(), resume=None):
    crop = CropConfig(size=32)
    data = ContentStyleData(
        str(photos), str(paintings), content_crop=crop, style_crop=crop, batch=2, variants=0,
        workers=0,
    )  # fmt: skip
    torch.manual_seed(0)
    module = LiteTraining(str(exact), str(deep), learning_rate=1e-2, schedule=SCHEDULE)
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, default_root_dir=folder,
        callbacks=list(callbacks), enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        gradient_clip_val=10.0,
    )  # fmt: skip
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return module


@pytest.mark.parametrize("teachers", [1, 2])
def test_it_learns_what_its_teachers_say(photos, paintings, exact, deep, tmp_path, teachers):
    losses, second = Losses(), deep if teachers == 2 else "none"
    run(photos, paintings, exact, tmp_path, steps=30, deep=second, callbacks=[losses])
    assert all(losses.fall(name) < 1 for name in HEADS)
    assert losses.fall("relu1_1") < 0.5


def test_one_teacher_answers_for_all_layers(exact):
    pictures = torch.rand(2, 3, 32, 32)
    found = LiteTraining(str(exact)).targets(pictures)
    expected = load_vgg(exact, layers=tuple(HEADS))(pictures)
    assert found.keys() == HEADS.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in HEADS)
    assert not any(x.requires_grad for x in found.values())


def test_the_deep_teacher_answers_through_its_heads(exact, deep):
    pictures = torch.rand(2, 3, 32, 32)
    found = LiteTraining(str(exact), str(deep)).targets(pictures)
    shallow = load_vgg(exact, layers=EXACT_LAYERS)(pictures)
    assert all(torch.equal(found[name], shallow[name]) for name in EXACT_LAYERS)
    tensors, taps = read_tensors(deep), load_vgg(deep, layers=DEEP_LAYERS)(pictures)
    for name, stem in zip(DEEP_LAYERS, ("conv41", "conv51"), strict=True):
        matrix = tensors[f"{stem}_aux.weight"][:, :, 0, 0]
        expected = torch.einsum("oc,bchw->bohw", matrix, taps[name])
        expected += tensors[f"{stem}_aux.bias"][:, None, None]
        torch.testing.assert_close(found[name], expected)


def test_a_resumed_run_ends_with_the_same_bits(photos, paintings, exact, tmp_path):
    whole = run(photos, paintings, exact, tmp_path / "whole", steps=6)
    keep = ModelCheckpoint(tmp_path / "cut", every_n_train_steps=4, save_top_k=-1)
    run(photos, paintings, exact, tmp_path / "cut", steps=6, callbacks=[keep])
    (checkpoint,) = (tmp_path / "cut").glob("*step=4.ckpt")
    again = run(photos, paintings, exact, tmp_path / "again", steps=6, resume=checkpoint)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_the_teachers_are_no_part_of_the_checkpoint(exact, deep):
    names = LiteTraining(str(exact), str(deep)).state_dict()
    assert {name.split(".")[0] for name in names} == {"network", "scale"}


def test_the_file_of_a_finished_run_is_a_network_with_heads_in_the_teachers_units(
    photos, paintings, exact, tmp_path
):
    module = run(photos, paintings, exact, tmp_path, steps=20, callbacks=[SaveWeights()])
    path, picture = tmp_path / "lite.safetensors", torch.rand(1, 3, 32, 32)
    assert read_metadata(path)["method"] == "lite"
    assert json.loads(read_metadata(path)["training"]) == {"steps": 20}
    features = load_lite(path, tuple(HEADS))(picture)
    tensors = read_tensors(path)
    with torch.no_grad():
        trained: dict[str, torch.Tensor] = module.network(picture)
    for name, x in features.items():
        weight, bias = (tensors[f"heads.{name}.{part}"].float() for part in ("weight", "bias"))
        answer = module.scale.normalize(name, torch.nn.functional.conv2d(x, weight, bias))
        torch.testing.assert_close(answer, trained[name], rtol=0.02, atol=0.02)  # float16


def test_saving_does_not_change_what_is_learned(photos, paintings, exact, tmp_path):
    plain = run(photos, paintings, exact, tmp_path / "plain", steps=4)
    saving = [SaveWeights(every=1)]
    saved = run(photos, paintings, exact, tmp_path / "saved", steps=4, callbacks=saving)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, saved.state_dict()[name]), name


def test_teachers_that_cannot_teach_are_refused(exact, deep, tmp_path):
    with pytest.raises(WeightsError, match=r"there is no weight file none\.safetensors"):
        LiteTraining("none.safetensors")
    sentence = r"deep\.safetensors has 3 channels at relu1_1 where VGG-19 has 4; give the exact"
    with pytest.raises(WeightsError, match=sentence):
        LiteTraining(str(deep))
    with pytest.raises(WeightsError, match=r"exact\.safetensors has no conv41_aux\.weight, the"):
        LiteTraining(str(exact), str(exact))
    tensors = read_tensors(exact)
    cut = {name: t for name, t in tensors.items() if name < "steps.conv4"}
    write_tensors(tmp_path / "cut.safetensors", cut)
    with pytest.raises(WeightsError, match=r"has no steps\.conv4_1\.bias|conv4_1"):
        LiteTraining(str(tmp_path / "cut.safetensors"))
    assert LiteTraining(str(tmp_path / "cut.safetensors"), str(deep)).scale.measured is False


def test_a_rate_that_cannot_be(exact):
    with pytest.raises(InputError, match=r"learning_rate must be above 0.0"):
        LiteTraining(str(exact), learning_rate=0.0)


def test_the_network_itself_answers_in_the_small_form():
    assert {name: x.shape[1] for name, x in Lite()(torch.rand(1, 3, 32, 32)).items()} == HEADS
