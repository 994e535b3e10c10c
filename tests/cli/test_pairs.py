"""impasto data combine | facades."""

import json
import shutil

import pytest
from PIL import Image


@pytest.fixture
def folders(home):
    shutil.rmtree(home / "labels")
    shutil.rmtree(home / "photos")
    for side, color, ending in (("labels", "red", "gif"), ("photos", "blue", "jpg")):
        for name in ("one", "deep/two"):
            path = home / side / f"{name}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (12, 8), color).save(path)
    return home


def test_two_folders_become_one(run, folders):
    answer = run("data", "combine", "labels", "photos", "-o", "pairs")
    assert answer == (0, "pairs\n", "")
    with Image.open(folders / "pairs" / "deep" / "two.png") as whole:
        assert whole.size == (24, 8)
        assert whole.mode == "RGB"
        assert whole.getpixel((2, 2)) == (255, 0, 0)
        assert whole.getpixel((20, 2))[2] > 250


def test_what_is_left_out_is_named_and_the_rest_is_there(run, folders):
    (folders / "labels" / "deep" / "two.gif").unlink()
    Image.new("RGB", (12, 8)).save(folders / "labels" / "tall.png")
    Image.new("RGB", (12, 20)).save(folders / "photos" / "tall.png")
    Image.new("RGB", (24, 16), "red").save(folders / "photos" / "one.jpg")  # twice the size
    answer = run("data", "combine", "labels", "photos", "-o", "pairs")
    assert answer.code == 8
    lines = answer.err.splitlines()
    assert lines[0] == "impasto: photos/deep/two.jpg has no partner."
    assert "labels/tall.png and photos/tall.png differ in proportions (12x8 and 12x20)" in lines[1]
    assert lines[2] == "impasto: 1 pairs written, 2 pictures left out."
    assert [p.name for p in (folders / "pairs").rglob("*.*")] == ["one.png"]


def test_as_json_and_a_second_time(run, folders):
    (folders / "labels" / "one.gif").write_text("no picture")
    answer = run("data", "combine", "labels", "photos", "-o", "pairs", "--json")
    document = json.loads(answer.out)
    assert (answer.code, document["written"], document["missing"]) == (8, 1, [])
    assert list(document["faults"]) == ["labels/one.gif"]
    again = run("data", "combine", "labels", "photos", "-o", "pairs")
    assert again.code == 5
    assert "--overwrite" in again.err
    assert run("data", "combine", "labels", "photos", "-o", "pairs", "--overwrite").code == 8


def test_folders_that_do_not_fit(refused, folders):
    text = refused("data", "combine", "labels", "holiday", "-o", "pairs", code=2)
    assert "no picture of labels has the name of one of holiday" in text
    assert refused("data", "combine", "nothing", "photos", "-o", "x", code=2).startswith(
        "there is no folder nothing"
    )


def test_a_set_of_facades(run, home):
    words = ["data", "facades", "-o", "toy", "--pairs", "3", "--test", "2", "--size", "32"]
    assert run(*words) == (0, "toy\n", "")
    names = sorted(str(p.relative_to(home / "toy")) for p in (home / "toy").rglob("*.png"))
    assert names == [f"test/{n:04}.png" for n in range(2)] + [f"train/{n:04}.png" for n in range(3)]
    with Image.open(home / "toy" / "train" / "0000.png") as whole:
        assert whole.size == (64, 32)
    assert run(*words).code == 5
    other = [*words[:3], "other", *words[4:], "--seed", "1"]
    assert run(*other).code == 0
    same = (home / "toy/train/0000.png").read_bytes() == (
        home / "other/train/0000.png"
    ).read_bytes()
    assert not same


def test_facades_for_cyclegan_are_of_different_houses(run, home):
    words = ["--pairs", "2", "--test", "1", "--size", "32", "--unpaired"]
    assert run("data", "facades", "-o", "heaps", *words).code == 0
    assert {p.name for p in (home / "heaps").iterdir()} == {"trainA", "trainB", "testA", "testB"}


def test_what_is_refused(refused):
    assert "size must be at least 16" in refused(
        "data", "facades", "-o", "t", "--size", "8", code=2
    )
