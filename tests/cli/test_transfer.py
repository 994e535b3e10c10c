"""impasto transfer, texture, invert and layers."""

import json
from pathlib import Path

import pytest
from PIL import Image

from impasto.cli import transfer as module


def size_of(path):
    with Image.open(path) as image:
        return image.size


@pytest.fixture
def short(tiny_vgg):
    return ["--network", str(tiny_vgg), "--size", "48", "--min-size", "48", "--first-steps", "4",
            "--style-layers", "relu1_1", "relu2_1"]  # fmt: skip


def test_a_photograph_is_transferred(run, short):
    words = ["--style", "wave.jpg", *short, "--content-layers", "relu2_1", "-o", "out.png"]
    assert run("transfer", "photo.jpg", *words) == (0, "out.png\n", "")
    assert size_of("out.png") == (48, 32)
    assert "exists" in run("transfer", "photo.jpg", *words).err
    assert run("transfer", "photo.jpg", *words, "--overwrite").code == 0


def test_names_without_output(run, short):
    answer = run("transfer", "photo.jpg", "--style", "wave.jpg", "klee.jpg", *short)
    assert answer.out == "photo-wave-klee.png\n"
    short = [w for w in short if w not in ("--style-layers", "relu1_1", "relu2_1")]
    assert run("invert", "photo.jpg", "--layer", "relu2_2", *short).out == "photo-relu2_2.png\n"


def test_a_texture_of_a_shape(run, short):
    short = [w for w in short if w not in ("--size", "48", "--min-size")]
    answer = run("texture", "wave.jpg", *short, "--min-size", "48", "--shape", "32", "56")
    assert answer.out == "wave-texture.png\n"
    assert size_of("wave-texture.png") == (56, 32)
    bad = run("texture", "wave.jpg", *short, "--shape", "32")
    assert "--shape needs a height and a width" in bad.err


def test_frames_preview_and_json(run, short):
    words = [
        "--style",
        "wave.jpg",
        *short,
        "-o",
        "a.png",
        "--save-every",
        "2",
        "--preview",
        "p.png",
    ]
    answer = run("transfer", "photo.jpg", *words, "--json")
    document = json.loads(answer.out)
    assert document["steps"] == 4
    assert document["size"] == [32, 48]
    assert set(document["losses"]) == {"content", "style", "tv", "range"}
    assert sorted(p.name for p in Path().glob("a*.png")) == [
        "a-000002.png",
        "a-000004.png",
        "a.png",
    ]
    assert Path("p.png").exists()
    assert not Path("a.png.resume").exists()  # nothing is left to go on with


def test_control_c_keeps_the_picture_and_resume_goes_on(run, short, monkeypatch):
    words = ["photo.jpg", "--style", "wave.jpg", *short, "-o", "a.png"]
    assert run("transfer", *words[:-1], "whole.png").code == 0

    def stop(self, step):
        if step.index == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module._Watch, "__call__", stop)
        answer = run("transfer", *words)
    assert answer.code == 130
    assert answer.out == "a.png\n"
    assert "stopped after 2 of 4 steps; --resume goes on" in answer.err
    half = Path("a.png").read_bytes()
    assert run("transfer", *words, "--resume").code == 0
    assert Path("a.png").read_bytes() == Path("whole.png").read_bytes() != half
    answer = run("transfer", *words, "--resume")
    assert "there is nothing to resume at a.png.resume" in answer.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--preset", "monet"], "preset must be one of recommended, gatys-paper"),
        (["--style-weight", "-1"], "style weight must be at least 0"),
        (["--style-layers", "relu7_1"], "layer must be one of conv1_1"),
        (["-o", "photo.jpg"], "photo.jpg is read, too"),
        (["-o", "out.txt"], "out.txt"),
        (["--preview", "photo.jpg/p.png"], "photo.jpg"),
        (["--save-every", "-1"], "--save-every must be at least 0"),
        (["--init", "black"], "--init must be one of content, noise"),
        (["--mask", "sky.png", "ground.png"], "one mask per style"),
    ],
)
def test_what_is_refused(run, short, words, complaint):
    answer = run("transfer", "photo.jpg", "--style", "wave.jpg", *short, *words)
    assert answer.code in (2, 5)
    assert complaint in answer.err
    assert answer.err.count("\n") == 1


def test_layers_make_two_sheets(run, tiny_vgg, monkeypatch):
    monkeypatch.setattr("impasto.inference.layers.RECONSTRUCTED", ("conv1_2",))
    monkeypatch.setattr("impasto.inference.layers.STROKES", ("conv2_2", "conv3_1"))
    words = ["--network", str(tiny_vgg), "--size", "32", "--steps", "2", "-o", "sheets"]
    Path("sheets").mkdir()
    answer = run("layers", "wave.jpg", *words)
    assert answer.out.split() == ["sheets/wave-reconstructions.png", "sheets/wave-strokes.png"]
    assert size_of("sheets/wave-strokes.png")[0] > 700
