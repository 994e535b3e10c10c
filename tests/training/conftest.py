"""Small folders of pictures and a small judge, made anew for every session of tests."""

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.features.vgg import VGG, VGGPlan
from impasto.weights.files import write_tensors


def make_pictures(folder, count, seed):
    random = np.random.default_rng(seed)
    for i in range(count):
        height, width = random.integers(40, 70, 2)
        coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        path = folder / f"sub{i % 2}" / f"picture {i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC).save(
            path
        )
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return make_pictures(tmp_path_factory.mktemp("photos"), 6, 1)


@pytest.fixture(scope="session")
def paintings(tmp_path_factory):
    return make_pictures(tmp_path_factory.mktemp("paintings"), 5, 2)


@pytest.fixture(scope="session")
def judge_file(tmp_path_factory):
    """A random VGG of few channels in our own layout."""
    torch.manual_seed(0)
    plan = VGGPlan(depths=(2, 2, 4, 4, 4), widths=(4, 4, 6, 6, 6))
    network = VGG(plan, ("relu5_1",))
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    write_tensors(path, network.state_dict())
    return path


class Commands:
    """``impasto train`` with tiny networks on small pictures, in a folder of its own."""

    def __init__(self, photos, paintings, vgg, folder):
        self.folder = folder
        Image.effect_noise((48, 40), 80).convert("RGB").save(folder / "wave.png")
        crop = {"size": 32, "short_side": "null"}
        self.data = [
            f"--data.{kind}_crop.{name}={value}"
            for kind in ("content", "style")
            for name, value in crop.items()
        ]
        self.data += [f"--data.content={photos}", "--data.batch=2", "--data.workers=0"]
        style = [f"--data.style={paintings}"]
        encoder = ["--model.network.encoder=vgg19-normalized", f"--model.encoder_weights={vgg}"]
        self.methods = {
            "adain": [*style, *encoder],
            "reconstruction": encoder,
            "johnson": [
                f"--model.style={folder / 'wave.png'}", f"--model.judge={vgg}",
                '--model.network={"width": 4, "blocks": 1, "kernel": 3}',
                '--model.objective={"content_weight": 1, "style_weight": 5, "tv_weight": 0.1, '
                '"measured": true}',
                "--model.schedule.kind=cosine",
            ],
            "swift": [
                *style, f"--model.judge={vgg}", f"--model.second_judge={vgg}",
                "--model.second_layers=[relu1_1]", "--model.reconstruction=3",
                '--model.network={"widths": [4, 6, 8], "blocks": [1, 1, 1], "last_width": 4, '
                '"code_width": 8}',
                '--model.schedule={"kind": "hold-decay", "warm": 2, "decay_from": 6}',
            ],
        }  # fmt: skip
        self.trainer = [
            "--trainer.accelerator=cpu", "--trainer.log_every_n_steps=1", "--trainer.logger=null",
            "--trainer.enable_progress_bar=false", "--trainer.val_check_interval=4",
        ]  # fmt: skip

    def words(self, method, run, *more):
        """What is typed after ``impasto``."""
        flags = [*self.methods[method], *self.data, *self.trainer]
        return ["train", method, "--run", str(self.folder / run), *flags, *more]

    def __call__(self, method, run, *more):
        """Run it in this process; the run's folder."""
        from impasto.cli import main

        assert main(self.words(method, run, *more)) == 0
        return self.folder / run


@pytest.fixture
def commands(photos, paintings, tiny_vgg, tmp_path, monkeypatch):
    monkeypatch.setenv("IMPASTO_DEBUG", "1")
    return Commands(photos, paintings, tiny_vgg, tmp_path)
