"""impasto video: what goes where, and what is said about it."""

import json
import shlex
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("av", reason="the extra video is not installed")
import clips

from impasto.cli import verbs


@pytest.fixture
def clip(home) -> Path:
    return clips.make_clip(home / "clip.mp4", clips.pictures(5))


def test_a_clip_to_a_file(run, clip):
    answer = run("video", "clip.mp4", "--style", "great-wave", "-o", "out.mp4")
    assert answer == (0, "out.mp4\n", "")
    assert len(clips.times_of(Path("out.mp4"))) == 5


@pytest.mark.parametrize("example", verbs.examples_of(verbs.function_of("video")))
def test_the_examples_do_what_they_say(run, clip, example):
    words = shlex.split(example)[1:]
    assert run(*words).code == 0
    assert Path(words[-1]).exists()


def test_without_output_it_comes_next_to_the_clip(run, clip):
    assert run("video", "clip.mp4", "-s", "great-wave").out == "clip-painted.mp4\n"


def test_json_says_what_was_done(run, clip):
    words = ["-s", "great-wave@0", "starry-night@0.2s", "--steady", "0", "--json", "-o", "a.gif"]
    answer = run("video", "clip.mp4", *words)
    found = json.loads(answer.out)
    assert (found["frames"], found["height"], found["width"]) == (5, 48, 64)
    assert found["notes"] == ["the sound is left out: a.gif cannot have any"]
    assert "the sound is left out" in answer.err


def test_a_folder_has_a_rate(run, clip):
    assert run("video", "clip.mp4", "-s", "great-wave", "-o", "frames").out == "frames\n"
    words = ["frames", "-s", "starry-night", "--rate", "5", "-o", "b.mp4"]
    assert run("video", *words).code == 0
    assert clips.times_of(Path("b.mp4"))[-1] == pytest.approx(0.8)


def test_a_preview_is_a_picture(run, clip):
    answer = run("video", "clip.mp4", "-s", "great-wave", "--preview", "sheet.png")
    assert answer == (0, "sheet.png\n", "")
    with Image.open("sheet.png") as image:
        assert image.width > 64
    assert not Path("clip-painted.mp4").exists()


def test_a_clip_that_breaks_off_says_so_and_is_kept(run, home):
    whole = clips.make_clip(home / "whole.mkv", clips.pictures(60), sound=None).read_bytes()
    (home / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    answer = run("video", "cut.mkv", "-s", "great-wave", "-o", "out.mp4")
    assert answer.code == 2
    assert answer.out == "out.mp4\n"
    assert "frames before are painted" in answer.err
    assert Path("out.mp4").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["clip.mp4", "-o", "a.mp4"], 2, "impasto video needs --style"),
        (["-s", "great-wave"], 2, "needs a CLIP, or --camera"),
        (["none.mp4", "-s", "great-wave"], 2, "there is no file none.mp4"),
        (["clip.mp4", "-s", "great-wave", "-o", "a.txt"], 2, "a painted clip goes to"),
        (["clip.mp4", "-s", "great-wave", "-o", "clip.mp4", "--overwrite"], 2, "would be lost"),
        (["clip.mp4", "-s", "great-wave", "-o", "photo.jpg"], 2, "a painted clip goes to"),
        (["clip.mp4", "-s", "great-wave", "--start", "9", "-o", "a.mp4"], 2, "no frame of"),
        (["clip.mp4", "-s", "a@1", "b", "-o", "a.mp4"], 2, "either all styles have a time"),
        (["clip.mp4", "-s", "great-wave", "--rate", "5", "-o", "a.mp4"], 2, "a rate is of a"),
        (["clip.mp4", "-s", "great-wave", "--camera"], 2, "leave CLIP, -o and --preview out"),
    ],
)
def test_wishes_that_cannot_be(refused, clip, words, code, message):
    assert message in refused("video", *words, code=code)


def test_an_existing_painting_is_kept(refused, clip):
    Path("a.mp4").write_bytes(b"mine")
    assert "exists already" in refused(
        "video", "clip.mp4", "-s", "great-wave", "-o", "a.mp4", code=5
    )
    assert Path("a.mp4").read_bytes() == b"mine"


def test_no_screen_and_no_camera_are_sentences(refused, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    said = refused("video", "--camera", "-s", "great-wave", code=2)
    assert "no screen" in said or "no tkinter" in said
    monkeypatch.setattr("impasto.cli.camera.check_screen", lambda: None)
    monkeypatch.setitem(
        __import__("impasto.cli.camera", fromlist=["_DEVICES"])._DEVICES,
        "linux",
        ("v4l2", "no-such-camera"),
    )
    said = refused("video", "--camera", "-s", "great-wave", code=2)
    assert "there is no camera at no-such-camera" in said
    said = refused("video", "--camera", "-s", "a@0", "b@3", code=2)
    assert "styles with times cannot be shown" in said
