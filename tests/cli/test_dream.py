"""impasto dream, in-process, with lite on pictures of a few dozen pixels."""

import io
import json
import sys
from pathlib import Path

import numpy
import pytest
import torch
from inception_by_the_book import torchvision_file
from PIL import Image

QUICK = ("--steps", "2", "--octaves", "2", "--jitter", "4")


def pixels(path):
    return numpy.asarray(Image.open(path).convert("RGB"))


def test_a_dream_has_the_size_of_its_photograph_and_is_another_picture(run):
    answer = run("dream", "photo.jpg", *QUICK, "-o", "dream.png")
    assert answer == (0, "dream.png\n", "")
    before, after = pixels("photo.jpg"), pixels("dream.png")
    assert before.shape == after.shape == (64, 96, 3)
    assert 2 < numpy.abs(before.astype(float) - after).mean() < 60


def test_same_command_same_bytes_and_the_seed_counts(run):
    for name, seed in (("a.png", "3"), ("b.png", "3"), ("c.png", "4")):
        assert run("dream", "photo.jpg", *QUICK, "--seed", seed, "-o", name).code == 0
    first, again, other = (Path(name).read_bytes() for name in ("a.png", "b.png", "c.png"))
    assert first == again != other


def test_without_an_output_it_comes_next_to_its_photograph(run):
    assert run("dream", "holiday/beach.jpg", *QUICK).out == "holiday/beach-dream.png\n"
    assert Path("holiday/beach-dream.png").exists()


def test_settings_come_from_the_preset_unless_they_are_typed(run):
    words = ["dream", "photo.jpg", "--preset", "gordicaleksa", "--json", "--octaves", "1"]
    document = json.loads(run(*words, "-o", "a.png").out)
    assert (document["steps"], document["layers"]) == (10, ["relu4_3"])
    document = json.loads(run(*words, "--steps", "1", "--layers", "relu2_1:3", "-o", "b.png").out)
    assert (document["steps"], document["layers"]) == (1, ["relu2_1:3"])


def test_json_says_what_was_done(run):
    words = ["dream", "photo.jpg", *QUICK, "--size", "48", "--json", "-o", "d.png"]
    answer = run(*words)
    document = json.loads(answer.out)
    assert document.pop("seconds") > 0
    strength = document.pop("strength")
    assert strength["last"] > strength["first"] > 0
    assert document == {
        "content": "photo.jpg",
        "output": "d.png",
        "height": 32,
        "width": 48,
        "steps": 2,  # 21x32 is too small for relu5_1
        "network": "lite",
        "preset": "recommended",
        "layers": ["relu4_3", "relu5_1"],
        "seed": 0,
    }


def test_a_large_picture_is_reduced_with_a_note(run, monkeypatch):
    monkeypatch.setattr("impasto.inference.dreaming.LONG_SIDE", 48)
    answer = run("dream", "photo.jpg", *QUICK, "-o", "d.png")
    assert answer.err == "impasto: photo.jpg: reduced to 32x48; --size 96 keeps all its pixels.\n"
    assert pixels("d.png").shape == (32, 48, 3)
    assert run("dream", "photo.jpg", *QUICK, "--size", "96", "-o", "e.png").err == ""
    assert pixels("e.png").shape == (64, 96, 3)


def test_a_guide_changes_the_dream_and_is_not_overwritten(run, refused):
    run("dream", "photo.jpg", *QUICK, "-o", "alone.png")
    assert run("dream", "photo.jpg", *QUICK, "--guide", "klee.jpg", "-o", "like.png").code == 0
    assert (pixels("alone.png") != pixels("like.png")).any()
    words = ["dream", "photo.jpg", "--guide", "klee.jpg", "--overwrite", "-o", "klee.jpg"]
    assert "klee.jpg is read by this command and would be lost" in refused(*words, code=2)


def test_transparency_stays(run):
    image = Image.open("photo.jpg").convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image.save("soft.png")
    assert run("dream", "soft.png", *QUICK, "--size", "48", "-o", "dream.png").code == 0
    found = Image.open("dream.png")
    assert (found.mode, found.size) == ("RGBA", (48, 32))
    assert found.getchannel("A").getextrema()[1] > 200 > 50 > found.getchannel("A").getextrema()[0]


def test_streams(run, monkeypatch):
    class Stream:
        def __init__(self, data=b""):
            self.buffer = io.BytesIO(data)

        def isatty(self):
            return False

        def write(self, text):
            raise AssertionError(f"{text!r} on standard output")

        def flush(self):
            pass

    source, target = Stream(Path("photo.jpg").read_bytes()), Stream()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", source)
        patch.setattr(sys, "stdout", target)
        from impasto.cli import main

        code = main(["dream", "-", *QUICK])
    assert code == 0
    assert Image.open(io.BytesIO(target.buffer.getvalue())).size == (96, 64)


def test_an_existing_file_is_kept(run, refused):
    Path("dream.png").write_bytes(b"mine")
    assert "dream.png exists already" in refused("dream", "photo.jpg", "-o", "dream.png", code=5)
    assert Path("dream.png").read_bytes() == b"mine"
    assert run("dream", "photo.jpg", *QUICK, "--overwrite", "-o", "dream.png").code == 0


def test_a_folder_of_frames_falls_into_the_dream(run, refused):
    words = ["dream", "photo.jpg", *QUICK, "--frames", "3", "-o", "falling"]
    answer = run(*words, "--zoom", "1.2", "--turn", "5")
    assert answer == (0, "falling\n", "")
    names = sorted(path.name for path in Path("falling").iterdir())
    assert names == ["frame-0001.png", "frame-0002.png", "frame-0003.png"]
    first, second = (pixels(f"falling/{name}") for name in names[:2])
    assert first.shape == second.shape == (64, 96, 3)
    run("dream", "photo.jpg", *QUICK, "-o", "still.png")
    assert (first == pixels("still.png")).all(), "the first frame is the dream itself"
    assert "has frames already" in refused(*words, code=5)


def test_an_animation_has_its_frames(run):
    words = ["dream", "photo.jpg", *QUICK, "--frames", "3", "--rate", "10", "--json"]
    document = json.loads(run(*words, "-o", "falling.gif").out)
    assert document["frames"] == 3
    with Image.open("falling.gif") as image:
        assert (image.n_frames, image.size, image.info["duration"]) == (3, (96, 64), 100)


def test_inception_dreams_from_a_file(run, home):
    torch.save(torchvision_file("inception-v3"), home / "inception.pth")
    words = ["dream", "photo.jpg", "--network", "./inception.pth", "--json", *QUICK]
    answer = run(*words, "-o", "dream.png")
    assert json.loads(answer.out)["layers"] == ["mixed_6b", "mixed_6d"]


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--preset", "gordic"], 2, "preset must be one of recommended, deepdream-2015"),
        (["--preset", "neural-dream"], 2, "which lite has not; use --preset recommended or gord"),
        (["--layers", "relu7_1"], 2, "layer must be one of conv1_1, relu1_1"),
        (["--layers", "relu1_1:99"], 2, "channel of relu1_1 must be at most 15; got 99"),
        (["--layer-weights", "0", "0"], 2, "layer_weights must not all be 0"),
        (["--layer-weights", "1", "-1"], 2, "each layer weight must be at least 0.0"),
        (["--octaves", "0"], 2, "octaves must be at least 1"),
        (["--steps", "many"], 2, "--steps must be a whole number; got 'many'"),
        (["--network", "resnet"], 2, "network must be one of lite, vgg16"),
        (["--network", "none.pth"], 3, "there is no weight file none.pth"),
        (["--size", "20"], 2, "13x20 pixels is too small for relu5_1; use at least 32x32"),
        (["--guide", "none.jpg"], 2, "there is no file none.jpg"),
        (["--zoom", "2"], 2, "add --frames N"),
        (["--frames", "0", "-o", "x"], 2, "frames must be at least 1"),
        (["--frames", "2"], 2, "a video needs a place"),
        (["--frames", "2", "-o", "x.avi"], 2, "a file .mp4 or .gif, or to a folder; got x.avi"),
        (["--frames", "2", "-o", "klee.jpg"], 2, "a file .mp4 or .gif, or to a folder"),
        (["-o", "-", "--json"], 2, "the painting or --json"),
    ],
)
def test_one_sentence_for_what_is_wrong(refused, words, code, sentence):
    assert sentence in refused("dream", "photo.jpg", *words, code=code)


def test_a_folder_is_refused(refused):
    assert "holiday is a folder; dreams are of one picture" in refused("dream", "holiday", code=2)


def test_a_video_without_its_extra_is_refused_before_any_work(refused, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    words = ["dream", "photo.jpg", "--frames", "2", "-o", "x.mp4"]
    assert 'python -m pip install "impasto[video]"' in refused(*words, code=7)
