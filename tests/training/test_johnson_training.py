"""Training one network per style: it learns, resumes to the same bits, paints by its file."""

import json

import pytest
import torch
from PIL import Image

import impasto
from impasto.errors import InputError
from impasto.methods.johnson.network import JohnsonConfig
from impasto.methods.johnson.objective import JohnsonObjective
from impasto.training.data import CropConfig
from impasto.weights.files import read_metadata

pytest.importorskip("lightning", reason="training needs the extra train")
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from impasto.training.callbacks import PictureSheet, SaveWeights
from impasto.training.datamodule import ContentStyleData
from impasto.training.johnson import JohnsonTraining

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")
TINY = JohnsonConfig(width=4, blocks=1, kernel=3)
MEASURED = JohnsonObjective(content_weight=1, style_weight=5, tv_weight=0.1, measured=True)


class Totals(Callback):
    def __init__(self):
        self.values = []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.values.append(float(outputs["loss"]))


@pytest.fixture
def style(tmp_path):
    path = tmp_path / "wave.png"
    Image.effect_noise((48, 40), 80).convert("RGB").save(path)
    return path


def run(photos, paintings, judge, style, folder, *, steps, callbacks=(), resume=None, **settings):
    crop = CropConfig(size=32)
    data = ContentStyleData(
        str(photos), str(paintings), content_crop=crop, style_crop=crop, batch=2, workers=0
    )
    torch.manual_seed(0)
    settings = {"network": TINY, "objective": MEASURED, "learning_rate": 1e-2} | settings
    module = JohnsonTraining(str(style), judge=str(judge), **settings)
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, default_root_dir=folder,
        callbacks=list(callbacks), enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
    )  # fmt: skip
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return module


def test_the_loss_falls_and_begins_at_the_weights(photos, paintings, tiny_vgg, style, tmp_path):
    totals = Totals()
    run(photos, paintings, tiny_vgg, style, tmp_path, steps=60, callbacks=[totals])
    content = totals.values[0] / (1 + 5 + 0.1)
    assert content > 0
    assert sum(totals.values[-10:]) < 0.6 * sum(totals.values[:10])


def test_a_resumed_run_ends_with_the_same_bits_and_ratios(
    photos, paintings, tiny_vgg, style, tmp_path
):
    common = (photos, paintings, tiny_vgg, style)
    whole = run(*common, tmp_path / "whole", steps=8)
    keep = ModelCheckpoint(tmp_path / "cut", every_n_train_steps=5, save_top_k=-1)
    run(*common, tmp_path / "cut", steps=8, callbacks=[keep])
    (checkpoint,) = (tmp_path / "cut").glob("*step=5.ckpt")
    again = run(*common, tmp_path / "again", steps=8, resume=checkpoint)
    assert whole.measured.all()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_finished_run_paints_by_its_file(photos, paintings, tiny_vgg, style, tmp_path, norm):
    network = JohnsonConfig(width=4, blocks=1, kernel=3, norm=norm)
    run(photos, paintings, tiny_vgg, style, tmp_path, steps=4, callbacks=[SaveWeights()],
        network=network)  # fmt: skip
    path = tmp_path / "johnson.safetensors"
    assert read_metadata(path)["style"] == "wave"
    assert json.loads(read_metadata(path)["training"])["steps"] == 4
    painter = impasto.load(path)
    content = torch.rand(1, 3, 20, 30)
    assert painter.stylize(content).size == (20, 30)
    assert torch.equal(painter.stylize(content, alpha=0).pixels, content)
    with pytest.raises(InputError, match="paints wave alone"):
        painter.stylize(content, torch.rand(1, 3, 20, 20))


def test_padding_comes_off_again(photos, paintings, tiny_vgg, style, tmp_path):
    module = run(photos, paintings, tiny_vgg, style, tmp_path, steps=1, padding=8)
    seen = []
    module.network.register_forward_hook(lambda m, i, o: seen.append(i[0].shape))
    assert module.paint(module.network, torch.rand(1, 3, 32, 32)).shape == (1, 3, 32, 32)
    assert seen == [(1, 3, 48, 48)]


def test_sheets_show_the_run_s_own_style(photos, paintings, tiny_vgg, style, tmp_path):
    sheets = PictureSheet(every=2, rows=2, folder=str(tmp_path / "sheets"))
    run(photos, paintings, tiny_vgg, style, tmp_path, steps=2, callbacks=[sheets])
    assert impasto.read_picture(tmp_path / "sheets" / "step-000002.png").size == (512, 768)


def test_what_is_refused(tiny_vgg, style):
    with pytest.raises(InputError, match="preset must be one of johnson-paper"):
        JohnsonTraining(str(style), preset="johnson", judge=str(tiny_vgg))
    with pytest.raises(InputError, match="padding must be at least 0"):
        JohnsonTraining(str(style), judge=str(tiny_vgg), padding=-1)
