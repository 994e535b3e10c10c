"""Training swift: it learns, resumes to the same bits, stops with the name of what broke."""

import json
from dataclasses import asdict

import pytest
import torch

from impasto.errors import InputError, TrainingError
from impasto.methods.swift.network import Swift
from impasto.methods.swift.objective import SwiftWeights
from impasto.methods.swift.painter import SwiftPainter
from impasto.methods.swift.shape import SwiftConfig
from impasto.methods.swift.start import begin
from impasto.training.data import CropConfig
from impasto.weights.files import read_metadata, read_tensors, write_tensors

pytest.importorskip("lightning", reason="training needs the extra train")
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from impasto.training.callbacks import PictureSheet, SaveWeights
from impasto.training.datamodule import ContentStyleData
from impasto.training.ema import AverageWeights
from impasto.training.schedule import Schedule
from impasto.training.swift import SwiftTraining

TINY = SwiftConfig(widths=(4, 6, 8), blocks=(1, 1, 1), last_width=4, code_width=8)
pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")


class Totals(Callback):
    def __init__(self):
        self.values = []

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        self.values.append(float(outputs["loss"]))


def run(photos, paintings, judge, folder, *, steps, callbacks=(), resume=None, **settings):
    crop = CropConfig(size=32)
    data = ContentStyleData(
        str(photos), str(paintings), content_crop=crop, style_crop=crop, batch=2, workers=0
    )
    torch.manual_seed(0)
    schedule = Schedule(warm=2, decay_from=6)
    settings = {"schedule": schedule, "reconstruction": 3, "learning_rate": 2e-3} | settings
    module = SwiftTraining(
        TINY, judge=str(judge), second_judge=str(judge), second_layers=("relu1_1",), **settings
    )
    trainer = Trainer(
        max_steps=steps, accelerator="cpu", logger=False, default_root_dir=folder,
        callbacks=list(callbacks), enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        gradient_clip_val=10.0,
    )  # fmt: skip
    trainer.fit(module, datamodule=data, ckpt_path=resume)
    return module


def test_the_loss_falls(photos, paintings, judge_file, tmp_path):
    totals = Totals()
    run(
        photos, paintings, judge_file, tmp_path, steps=60, callbacks=[totals],
        reconstruction=0, schedule=Schedule(warm=2), learning_rate=1e-2,
    )  # fmt: skip
    plain = [v for i, v in enumerate(totals.values) if i % 2]  # no second opinion, no identity
    assert sum(plain[-8:]) < 0.8 * sum(plain[:8])  # of distances damped to their root


def test_a_resumed_run_ends_with_the_same_bits(photos, paintings, judge_file, tmp_path):
    whole = run(photos, paintings, judge_file, tmp_path / "whole", steps=8)
    keep = ModelCheckpoint(tmp_path / "cut", every_n_train_steps=5, save_top_k=-1)
    run(photos, paintings, judge_file, tmp_path / "cut", steps=8, callbacks=[keep])
    (checkpoint,) = (tmp_path / "cut").glob("*step=5.ckpt")
    again = run(photos, paintings, judge_file, tmp_path / "again", steps=8, resume=checkpoint)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


def test_a_finished_run_paints(photos, paintings, judge_file, tmp_path):
    run(photos, paintings, judge_file, tmp_path, steps=4, callbacks=[SaveWeights()])
    path = tmp_path / "swift.safetensors"
    painter = SwiftPainter.of(read_tensors(path), read_metadata(path), path)
    assert json.loads(read_metadata(path)["training"])["steps"] == 4
    style = painter.encode_style(torch.rand(1, 3, 20, 20))
    assert painter.paint(torch.rand(1, 3, 20, 30), [style], weights=[1.0]).shape == (1, 3, 20, 30)


def test_sheets_show_the_same_pictures_every_time(photos, paintings, judge_file, tmp_path):
    sheets = PictureSheet(every=2, rows=2, folder=str(tmp_path / "sheets"))
    run(photos, paintings, judge_file, tmp_path, steps=4, callbacks=[sheets])
    from PIL import Image

    first, second = (
        torch.frombuffer(bytearray(Image.open(path).tobytes()), dtype=torch.uint8).view(512, 768, 3)
        for path in sorted((tmp_path / "sheets").glob("*.png"))
    )
    assert torch.equal(first[:, :512], second[:, :512])
    assert not torch.equal(first[:, 512:], second[:, 512:])


def test_a_run_stops_with_the_name_of_the_term_that_broke(photos, paintings, judge_file, tmp_path):
    class Spoil(Callback):
        def on_train_start(self, trainer, module):
            torch.nn.init.constant_(module.network.decoder.paint.bias, float("nan"))

    with pytest.raises(TrainingError, match=r"the loss term identity is not finite; resume from"):
        run(photos, paintings, judge_file, tmp_path, steps=2, callbacks=[Spoil()])


def test_weights_of_terms_are_not_negative():
    with pytest.raises(InputError, match=r"weight of style must be at least 0.0; got -1.0"):
        SwiftWeights(style=-1.0)


def test_an_average_of_constant_weights_is_that_constant_and_follows_changes():
    network = torch.nn.Linear(2, 2)
    average = AverageWeights(network, 0.9)
    average.update(network, 100)
    torch.testing.assert_close(average.state()["weight"], network.weight.detach())
    before = network.weight.detach().clone()
    torch.nn.init.zeros_(network.weight)
    average.update(network, 100)
    torch.testing.assert_close(average.state()["weight"], 0.9 * before)


def test_a_run_can_start_from_weights_that_are_there(tiny_weights, judge_file):
    module = SwiftTraining(start=str(tiny_weights), judge=str(judge_file), reconstruction=0)
    for name, value in read_tensors(tiny_weights).items():
        torch.testing.assert_close(module.network.state_dict()[name], value.float())
        torch.testing.assert_close(module.average.state()[name], value.float())


def test_a_part_without_a_rate_stays_and_one_with_a_small_rate_moves_less(
    photos, paintings, judge_file, tmp_path
):
    torch.manual_seed(0)
    begun = begin(Swift(TINY))
    start = tmp_path / "start.safetensors"
    write_tensors(start, begun.state_dict(), {"config": json.dumps(asdict(TINY))})
    moved = {}
    for rate in (1.0, 0.1):
        learned = run(
            photos, paintings, judge_file, tmp_path / f"{rate}", steps=5, start=str(start),
            reconstruction=0, encoder_rate=0.0, decoder_rate=rate,
        ).network  # fmt: skip
        changes = {
            name: (value - begun.state_dict()[name]).abs().max().item()
            for name, value in learned.state_dict().items()
        }
        assert not any(v for k, v in changes.items() if k.startswith(("encoder.", "perceptual.")))
        moved[rate] = changes
    assert 0 < moved[0.1]["decoder.paint.weight"] < 0.2 * moved[1.0]["decoder.paint.weight"]
    last = "to_film.2.weight"
    assert moved[0.1][last] == pytest.approx(moved[1.0][last], rel=0.3)
