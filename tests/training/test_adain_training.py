"""Training AdaIN: it learns, resumes to the same bits, starts from a reconstruction, paints."""

import json

import pytest
import torch

import impasto
from impasto.errors import InputError, WeightsError
from impasto.methods.adain.network import AdaINConfig
from impasto.methods.adain.objective import AdaINObjective
from impasto.training.data import CropConfig
from impasto.weights.files import read_metadata, read_tensors, write_tensors

pytest.importorskip("lightning", reason="training needs the extra train")
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from impasto.training.adain import AdaINTraining, ReconstructionTraining
from impasto.training.callbacks import PictureSheet, SaveWeights
from impasto.training.datamodule import ContentStyleData

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")
NETWORK = AdaINConfig(encoder="vgg19-normalized")


def run(photos, paintings, encoder, folder, *, steps, kind=AdaINTraining, callbacks=(),
        resume=None, **settings):  # fmt: skip
    crop = CropConfig(size=32)
    data = ContentStyleData(
        str(photos), str(paintings), content_crop=crop, style_crop=crop, batch=2, workers=0
    )
    torch.manual_seed(0)
    module = kind(
        network=NETWORK, objective=AdaINObjective(style_weight=1.0), encoder_weights=str(encoder),
        **{"learning_rate": 1e-2} | settings,
    )  # fmt: skip
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, default_root_dir=folder,
        callbacks=list(callbacks), enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        gradient_clip_val=10.0,
    )  # fmt: skip
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return module


class Totals(SaveWeights):
    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.values.append(float(outputs["loss"]))


@pytest.mark.parametrize("kind", [AdaINTraining, ReconstructionTraining])
def test_the_loss_falls(photos, paintings, tiny_vgg, tmp_path, kind):
    totals = Totals()
    run(photos, paintings, tiny_vgg, tmp_path, steps=60, kind=kind, callbacks=[totals])
    assert sum(totals.values[-10:]) < 0.7 * sum(totals.values[:10])


def test_a_resumed_run_ends_with_the_same_bits(photos, paintings, tiny_vgg, tmp_path):
    whole = run(photos, paintings, tiny_vgg, tmp_path / "whole", steps=8)
    keep = ModelCheckpoint(tmp_path / "cut", every_n_train_steps=5, save_top_k=-1)
    run(photos, paintings, tiny_vgg, tmp_path / "cut", steps=8, callbacks=[keep])
    (checkpoint,) = (tmp_path / "cut").glob("*step=5.ckpt")
    again = run(photos, paintings, tiny_vgg, tmp_path / "again", steps=8, resume=checkpoint)
    assert any(name.startswith("decoder.") for name in whole.state_dict())
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_the_encoder_is_no_part_of_a_checkpoint_and_does_not_move(
    photos, paintings, tiny_vgg, tmp_path
):
    module = run(photos, paintings, tiny_vgg, tmp_path, steps=3)
    assert not any("steps.conv" in name for name in module.state_dict())
    held = read_tensors(tiny_vgg)["block1_conv1/kernel"]
    torch.testing.assert_close(module.network.encoder.steps["conv1_1"].weight, held)


def test_a_finished_run_paints_by_its_file(photos, paintings, tiny_vgg, tmp_path):
    run(photos, paintings, tiny_vgg, tmp_path, steps=4, callbacks=[SaveWeights()])
    path = tmp_path / "adain.safetensors"
    assert json.loads(read_metadata(path)["training"])["steps"] == 4
    painter = impasto.load(path)
    content, style = torch.rand(1, 3, 20, 30), torch.rand(1, 3, 24, 24)
    painted = painter.stylize(content, style, alpha=0.7, keep_color="luma")
    assert painted.size == (20, 30)


def test_adain_starts_from_a_reconstruction(photos, paintings, tiny_vgg, tmp_path):
    run(photos, paintings, tiny_vgg, tmp_path, steps=3, kind=ReconstructionTraining,
        callbacks=[SaveWeights()])  # fmt: skip
    path = tmp_path / "adain.safetensors"
    module = AdaINTraining(network=NETWORK, encoder_weights=str(tiny_vgg), start=str(path))
    held = read_tensors(path)["decoder.0.weight"].float()
    torch.testing.assert_close(module.decoder[0].weight.detach(), held)


def test_sheets_show_what_is_learned(photos, paintings, tiny_vgg, tmp_path):
    sheets = PictureSheet(every=2, rows=2, folder=str(tmp_path / "sheets"))
    run(photos, paintings, tiny_vgg, tmp_path, steps=2, callbacks=[sheets])
    assert impasto.read_picture(tmp_path / "sheets" / "step-000002.png").size == (512, 768)


def test_the_learning_rate_falls_as_the_authors_let_it(tiny_vgg):
    paper, oak = (
        AdaINTraining(preset, network=NETWORK, encoder_weights=str(tiny_vgg)).schedule
        for preset in ("adain-paper", "adain-oak")
    )
    assert [paper.factor_at(n, 9e9) for n in (0, 20_000)] == pytest.approx([1.0, 0.5])
    assert [oak.factor_at(n, 9e9) for n in (0, 9374, 9375)] == pytest.approx([1.0, 1.0, 0.1])


def test_a_preset_brings_its_data_and_its_length():
    settings = AdaINTraining.preset_settings("adain-paper")
    assert settings["data.content_crop"] == {"size": 256, "short_side": 512}
    assert (settings["data.batch"], settings["trainer.max_steps"]) == (8, 160_000)
    assert settings["model.schedule"]["kind"] == "inverse"


def test_what_is_refused(tiny_vgg, tmp_path):
    with pytest.raises(InputError, match="preset must be one of adain-paper"):
        AdaINTraining("adain")
    with pytest.raises(InputError, match=r"give its file .* --model.encoder_weights, or use lite"):
        AdaINTraining("adain-naoto")
    write_tensors(tmp_path / "w.safetensors", {"x": torch.zeros(1)}, {"method": "adain"})
    with pytest.raises(WeightsError, match="has no configuration of AdaIN"):
        impasto.load(tmp_path / "w.safetensors")
