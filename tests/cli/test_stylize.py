"""impasto stylize: what goes where, and what is said about it."""

import hashlib
import io
import json
import os
import stat
import sys
import types
from pathlib import Path

import numpy
import pytest
from PIL import Image

import impasto
from impasto.cli import main


def size_of(path: Path | str) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size


def test_one_picture_to_a_file(run):
    answer = run("stylize", "photo.jpg", "--style", "great-wave", "-o", "out.png")
    assert answer == (0, "out.png\n", "")
    assert size_of("out.png") == (96, 64)


def test_flags_with_underscores_and_equals(run):
    words = ["--style", "great-wave", "--keep_color=luma", "--style_scale", "2", "--alpha=0.5"]
    assert run("stylize", "photo.jpg", *words, "-o", "a.png").code == 0
    dashed = [word.replace("_", "-") if word.startswith("--") else word for word in words]
    assert run("stylize", "photo.jpg", *dashed, "-o", "b.png").code == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_without_output_it_comes_next_to_the_photograph(run):
    answer = run("stylize", "holiday/beach.jpg", "--style", "great-wave", "starry-night")
    assert answer.out == "holiday/beach-great-wave-starry-night.png\n"
    assert size_of("holiday/beach-great-wave-starry-night.png") == (72, 48)


def test_a_picture_is_a_style_too(run):
    answer = run("stylize", "photo.jpg", "-s", "monet.jpg", "--format", "jpg")
    assert answer.out == "photo-monet.jpg\n"


def test_a_folder_keeps_its_structure(run):
    answer = run("stylize", "holiday", "--style", "great-wave", "-o", "painted")
    assert answer.code == 0
    assert answer.out.split() == ["painted/beach.png", "painted/evening/pier.png"]
    assert size_of("painted/evening/pier.png") == (72, 48)


def test_files_go_into_a_folder_and_two_folders_keep_their_names(run):
    answer = run("stylize", "photo.jpg", "klee.jpg", "-s", "great-wave", "-o", "painted")
    assert answer.out.split() == ["painted/photo.png", "painted/klee.png"]
    words = ["holiday/evening", "holiday", "-s", "great-wave", "-o", "both", "--dry-run"]
    assert run("stylize", *words).out.split() == [
        "both/evening/pier.png",
        "both/holiday/beach.png",
        "both/holiday/evening/pier.png",
    ]


def test_a_second_run_into_a_folder_inside_does_not_paint_the_paintings(run):
    words = ["stylize", "holiday", "-s", "great-wave", "-o", "holiday/painted"]
    assert len(run(*words).out.split()) == 2
    assert len(run(*words, "--overwrite").out.split()) == 2


def test_photographs_that_differ_in_their_ending_alone(run, home):
    Image.new("RGB", (8, 8)).save(home / "photo.png")
    answer = run("stylize", "photo.jpg", "photo.png", "-s", "great-wave", "-o", "painted")
    assert answer.out.split() == ["painted/photo-jpg.png", "painted/photo-png.png"]


def test_a_bad_file_does_not_stop_the_others(run, home):
    (home / "holiday" / "broken.jpg").write_text("no picture")
    answer = run("stylize", "holiday", "--style", "great-wave", "-o", "painted")
    assert answer.code == 2
    assert answer.out.split() == ["painted/beach.png", "painted/evening/pier.png"]
    first, last = answer.err.splitlines()
    assert first == "impasto: holiday/broken.jpg is text, not a picture."
    assert last == "impasto: 2 painted, 1 not."
    assert sorted(p.name for p in (home / "painted").rglob("*")) == [
        "beach.png",
        "evening",
        "pier.png",
    ]


def test_existing_paintings_in_a_folder_are_named_and_kept(run, home):
    (home / "painted").mkdir()
    (home / "painted" / "beach.png").write_bytes(b"mine")
    answer = run("stylize", "holiday", "--style", "great-wave", "-o", "painted")
    assert answer.code == 5
    assert answer.out.split() == ["painted/evening/pier.png"]
    assert "painted/beach.png exists already" in answer.err
    assert (home / "painted" / "beach.png").read_bytes() == b"mine"


def test_resume_paints_what_is_missing_and_says_how_much_was_there(run, home):
    words = ["stylize", "holiday", "--style", "great-wave", "-o", "painted"]
    words += ["--manifest", "painted.jsonl"]
    assert run(*words).code == 0
    (home / "painted" / "beach.png").unlink()
    kept = (home / "painted" / "evening" / "pier.png").stat().st_mtime_ns
    assert run(*words, "--resume", "--dry-run").out == "painted/beach.png\n"
    answer = run(*words, "--resume", "--batch", "2", "--threads", "2")
    assert answer == (0, "painted/beach.png\n", "impasto: 1 painted, 0 not, 1 there already.\n")
    assert (home / "painted" / "evening" / "pier.png").stat().st_mtime_ns == kept
    lines = [json.loads(line) for line in (home / "painted.jsonl").read_text().splitlines()]
    assert [line["output"] for line in lines] == [
        "painted/beach.png",
        "painted/evening/pier.png",
        "painted/beach.png",
    ]
    other = [*words[:3], "starry-night", *words[4:], "--resume"]
    answer = run(*other)
    assert answer.code == 5
    assert "painted/beach.png exists already and is of another style" in answer.err


def test_resume_of_one_picture_that_is_there(run):
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "out.png"]
    assert run(*words).code == 0
    answer = run(*words, "--resume")
    assert answer == (0, "", "impasto: 0 painted, 0 not, 1 there already.\n")


def test_flags_of_a_cluster_without_one(refused):
    words = ["stylize", "holiday", "-s", "great-wave", "-o", "painted", "--workers", "2"]
    text = refused(*words, code=2)
    assert text.endswith("are for --engine ray; add it, or leave them out.")


def test_a_cluster_without_the_extra(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    words = ["stylize", "holiday", "-s", "great-wave", "-o", "painted", "--engine", "ray"]
    assert 'pip install "impasto[ray]"' in refused(*words, code=7)


def test_addresses_without_the_extra(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    words = ["stylize", "s3://bucket/photos", "-s", "great-wave", "-o", "painted"]
    text = refused(*words, code=7)
    assert text.startswith("An address such as s3:// needs packages that are not installed; type:")


def test_json_is_one_document(run, home):
    (home / "holiday" / "broken.jpg").write_text("no picture")
    answer = run("stylize", "holiday", "-s", "great-wave", "-o", "painted", "--seed", "3", "--json")
    document = json.loads(answer.out)
    assert document["seconds"] > 0
    good, bad, _ = document["pictures"]
    assert good.pop("seconds") > 0
    assert good.pop("sha256") == hashlib.sha256(Path("painted/beach.png").read_bytes()).hexdigest()
    assert good == {
        "content": "holiday/beach.jpg",
        "output": "painted/beach.png",
        "height": 48,
        "width": 72,
        "note": None,
        "kept": False,
        "worker": None,
        "error": None,
        "styles": ["great-wave"],
        "seed": 3,
    }
    assert bad["error"]["kind"] == "ImageError"
    assert "is text" in bad["error"]["message"]


def test_a_dry_run_writes_nothing(run, home):
    answer = run("stylize", "holiday", "-s", "great-wave", "-o", "painted", "--dry-run", "--json")
    document = json.loads(answer.out)
    assert [p["output"] for p in document["pictures"]] == [
        "painted/beach.png",
        "painted/evening/pier.png",
    ]
    assert document["dry_run"] is True
    assert not (home / "painted").exists()


def test_alpha_zero_gives_the_photograph_back(run):
    assert run("stylize", "scan.tif", "-s", "great-wave", "--alpha", "0", "-o", "o.tif").code == 0
    before, after = impasto.read_picture("scan.tif"), impasto.read_picture("o.tif")
    assert after.bits == 16
    assert (before.pixels == after.pixels).all()


def test_masks_of_another_size_are_resized(run):
    words = ["--style", "great-wave", "starry-night", "--mask", "sky.png", "ground.png"]
    answer = run("stylize", "photo.jpg", *words, "-o", "masked.png")
    assert answer == (0, "masked.png\n", "")
    assert size_of("masked.png") == (96, 64)


def test_where_a_mask_is_black_the_photograph_stays(run, home):
    Image.new("L", (10, 10)).save("black.png")
    words = ["--style", "great-wave", "--mask", "black.png", "-o", "kept.png"]
    assert run("stylize", "photo.jpg", *words).code == 0
    with Image.open("photo.jpg") as before, Image.open("kept.png") as after:
        difference = numpy.asarray(before).astype(int) - numpy.asarray(after)
    assert abs(difference).max() == 0


def test_the_first_frame_of_an_animation_is_painted_and_said(run):
    frames = [Image.new("RGB", (20, 16), (i * 60, 90, 200)) for i in range(4)]
    frames[0].save("moving.gif", save_all=True, append_images=frames[1:])
    answer = run("stylize", "moving.gif", "-s", "great-wave", "-o", "out.png")
    assert answer == (0, "out.png\n", "impasto: moving.gif: first of 4 frames.\n")


def piped(monkeypatch, *words: str) -> Image.Image:
    """What a command writes to standard output when it is given photo.jpg on standard input."""
    target, source = io.BytesIO(), io.BytesIO(Path("photo.jpg").read_bytes())
    out = types.SimpleNamespace(buffer=target, isatty=lambda: False, flush=lambda: None)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", types.SimpleNamespace(buffer=source))
        patch.setattr(sys, "stdout", out)
        assert main(["stylize", *words, "--style", "great-wave"]) == 0
    return Image.open(io.BytesIO(target.getvalue()))


def test_standard_input_to_standard_output(home, monkeypatch):
    image = piped(monkeypatch, "-")
    assert (image.format, image.size) == ("PNG", (96, 64))


def test_a_file_to_standard_output_in_another_format(home, monkeypatch):
    image = piped(monkeypatch, "photo.jpg", "-o", "-", "--format", "jpg")
    assert (image.format, image.size) == ("JPEG", (96, 64))


def test_standard_input_to_a_file(home, monkeypatch):
    words = ["stylize", "-", "--style", "great-wave", "-o", "out.png"]
    source = io.BytesIO(Path("photo.jpg").read_bytes())
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=source))
    assert main(words) == 0
    assert size_of("out.png") == (96, 64)


# What is refused: one sentence each, nothing written.


def test_an_unknown_style_names_the_nearest(refused, home):
    text = refused("stylize", "photo.jpg", "--style", "grate-wave", "-o", "out.png", code=2)
    assert "Did you mean great-wave?" in text
    assert "'grate-wave'" in text
    assert not (home / "out.png").exists()


@pytest.mark.parametrize("alpha", ["1.5", "-0.1"])
def test_alpha_outside_its_range(refused, alpha):
    text = refused("stylize", "photo.jpg", "-s", "great-wave", "--alpha", alpha, code=2)
    assert text == f"alpha must be at least 0.0 and at most 1.0; got {float(alpha)}."


@pytest.mark.parametrize("alpha", ["much", "0,5", "nan", "inf"])
def test_alpha_that_is_no_number(refused, alpha):
    text = refused("stylize", "photo.jpg", "-s", "great-wave", "--alpha", alpha, code=2)
    assert text == f"--alpha must be a number; got '{alpha}'."


def test_a_choice_that_does_not_exist(refused):
    text = refused("stylize", "photo.jpg", "-s", "great-wave", "--keep-color", "lumma", code=2)
    assert text == (
        "--keep-color must be one of none, luma, coral, histogram; got 'lumma'. Did you mean luma?"
    )


def test_style_weights_that_do_not_match_the_styles(refused, home):
    words = ["--style", "great-wave", "--style-weights", "1", "2", "-o", "out.png"]
    text = refused("stylize", "photo.jpg", *words, code=2)
    assert text == "there must be one style weight per style; got 2 weights and 1 style."
    words = ["--style", "great-wave", "starry-night", "--style-weights", "1", "x"]
    text = refused("stylize", "photo.jpg", *words, code=2)
    assert text == "--style-weights must be a number; got 'x'."
    words = ["--style", "great-wave", "starry-night", "--style-weights", "1", "-1"]
    assert "at least 0" in refused("stylize", "photo.jpg", *words, code=2)
    words = ["--style", "great-wave", "starry-night", "--style-weights", "0", "0"]
    assert "must not all be 0" in refused("stylize", "photo.jpg", *words, code=2)
    assert not (home / "out.png").exists()


def test_masks_that_do_not_match_the_styles(refused):
    words = ["--style", "great-wave", "--mask", "sky.png", "ground.png", "-o", "out.png"]
    text = refused("stylize", "photo.jpg", *words, code=2)
    assert text == "there must be one mask per style; got 2 masks and 1 style."


@pytest.mark.parametrize("scale", ["0", "50"])
def test_style_scale_outside_its_range(refused, scale):
    words = ["stylize", "photo.jpg", "-s", "great-wave", "--style-scale", scale]
    assert "style_scale must be" in refused(*words, code=2)


def test_an_existing_output_is_kept_unless_allowed(refused, run, home):
    (home / "out.png").write_bytes(b"mine")
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "out.png"]
    text = refused(*words, code=5)
    assert text == "out.png exists already; choose another name or allow --overwrite."
    assert (home / "out.png").read_bytes() == b"mine"
    assert run(*words, "--overwrite").code == 0
    assert size_of("out.png") == (96, 64)


@pytest.mark.parametrize("victim", ["photo.jpg", "klee.jpg", "sky.png"])
def test_photograph_style_and_mask_are_never_overwritten(refused, home, victim):
    before = (home / victim).read_bytes()
    (home / "link.png").symlink_to(victim)
    words = ["stylize", "photo.jpg", "-s", "klee.jpg", "--mask", "sky.png", "--overwrite"]
    for output in (victim, f"./holiday/../{victim}", "link.png"):
        assert "read by this command" in refused(*words, "-o", output, code=2)
    assert (home / victim).read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["nowhere.jpg"], 2, "there is no file nowhere.jpg."),
        (["photo.jgp"], 2, "there is no file photo.jgp. Did you mean photo.jpg?"),
        (["photo.jpg", "-o", "out.xyz"], 2, "is none that can be written; use one of"),
        (["photo.jpg", "-o", "photo.jpg/out.png"], 5, "photo.jpg is a file"),
        (["photo.jpg", "-o", "out.png", "--format", "jpg"], 2, "contradict each other"),
        (["photo.jpg", "klee.jpg", "-o", "out.png"], 2, "several pictures need a folder"),
        (["photo.jpg", "klee.jpg", "-o", "-"], 2, "only one picture fits"),
        (["holiday"], 2, "the paintings of a folder need a place: add -o great-wave/."),
        (["holiday", "-o", "holiday"], 2, "holiday is the folder of the photographs"),
        (["holiday", "photo.jpg", "-o", "notes"], 5, "notes is a file"),
        ([".weights", "-o", "painted"], 2, "there is no picture in .weights."),
        (["-", "photo.jpg", "-o", "painted"], 2, "standard input is one picture"),
        (["photo.jpg", "-o", "-", "--json"], 2, "standard output can take"),
        (["photo.jpg", "--model", "swfit"], 2, "got 'swfit'"),
        (["photo.jpg", "--model", "no.safetensors"], 3, "there is no weight file no.safetensors"),
        (["photo.jpg", "--device", "gpu"], 2, "device must be one of"),
        (["photo.jpg", "--style", "empty.jpg"], 2, "empty.jpg is empty"),
    ],
)
def test_wishes_that_cannot_be_met(refused, home, words, code, sentence):
    (home / "notes").write_text("notes")
    (home / "empty.jpg").write_bytes(b"")
    before = sorted(home.rglob("*"))
    style = [] if "--style" in words else ["--style", "great-wave"]
    assert sentence in refused("stylize", *words, *style, code=code)
    assert sorted(home.rglob("*")) == before


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write")
def test_an_output_in_a_folder_that_may_not_be_written(refused, home):
    (home / "holiday").chmod(stat.S_IRUSR | stat.S_IXUSR)
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "holiday/out.png"]
    assert "permission is missing" in refused(*words, code=5)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk(refused):
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "/dev/full", "--format", "png"]
    assert "/dev/full cannot be written" in refused(*words, "--overwrite", code=5)


def test_flags_that_are_mistyped(refused):
    text = refused("stylize", "photo.jpg", code=2)
    assert text == (
        "impasto stylize needs --style: impasto stylize photo.jpg --style great-wave -o out.png."
    )
    text = refused("stylize", "photo.jpg", "--style", "x", "--alhpa", "0.5", code=2)
    assert text == "impasto stylize has no flag --alhpa; did you mean --alpha?"
    text = refused("stylize", "--style", "great-wave", "photo.jpg", code=2)
    assert text.startswith("impasto stylize needs PATH, before all flags: impasto stylize photo")
    text = refused("stylize", "photo.jpg", "--style", "x", "--alpha", code=2)
    assert text == "--alpha needs a value after it; see: impasto stylize --help."
    text = refused("stylize", "photo.jpg", "--style", "x", "--seed", "1.5", code=2)
    assert text == "--seed must be a whole number; got '1.5'."


def test_damaged_weights(refused, home):
    path = home / "damaged.safetensors"
    path.write_bytes((home / ".weights" / "swift.safetensors").read_bytes()[:-40])
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "out.png", "--model", path]
    assert "is not a whole safetensors file" in refused(*words, code=3)
    assert not (home / "out.png").exists()


def test_weights_that_are_not_the_published_ones(refused, home, monkeypatch):
    from impasto.weights import registry

    bundled = home / "bundled"
    bundled.mkdir()
    (home / ".weights" / "swift.safetensors").rename(bundled / "swift.safetensors")
    entry = registry.WeightsEntry(
        name="swift",
        kind="painter",
        file="swift.safetensors",
        sha256="0" * 64,
        size=1,
        licence="Apache-2.0",
        card="Paints.",
    )
    monkeypatch.setattr(registry, "BUNDLED", bundled)
    monkeypatch.setattr("impasto.weights.store.known_weights", lambda: {"swift": entry})
    monkeypatch.setattr("impasto.weights.store.weights_entry", lambda name: entry)
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "out.png"]
    assert "is damaged (its SHA-256 differs)" in refused(*words, code=3)


def test_weights_with_nan(refused, home):
    from impasto.weights.files import read_metadata, read_tensors, write_tensors

    good, bad = home / ".weights" / "swift.safetensors", home / "nan.safetensors"
    tensors = read_tensors(good)
    name = sorted(tensors)[0]
    tensors[name].view(-1)[0] = float("nan")
    write_tensors(bad, tensors, read_metadata(good))
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "out.png", "--model", bad]
    assert f"its tensor {name} has values that are not finite" in refused(*words, code=3)
    assert not (home / "out.png").exists()


def test_a_style_of_other_weights(refused, home):
    from impasto.weights.files import read_metadata, read_tensors, write_tensors

    path = home / ".styles" / "great-wave.safetensors"
    write_tensors(path, read_tensors(path), read_metadata(path) | {"digest": "123456789abc"})
    text = refused("stylize", "photo.jpg", "-s", "great-wave", "-o", "out.png", code=3)
    assert "made for other weights" in text
    assert "impasto styles make great-wave PICTURE" in text


# Any size


def test_tiles_paint_the_same_picture(run):
    run("stylize", "photo.jpg", "-s", "great-wave", "-o", "whole.png", "--tile", "off")
    answer = run("stylize", "photo.jpg", "-s", "great-wave", "-o", "tiled.png", "--tile", "32")
    assert answer == (0, "tiled.png\n", "")
    whole, tiled = (numpy.asarray(Image.open(f"{n}.png")).astype(int) for n in ("whole", "tiled"))
    assert numpy.abs(whole - tiled).max() <= 1


def test_too_little_memory_says_what_is_enough(refused):
    words = ["stylize", "photo.jpg", "-s", "great-wave", "--max-memory", "10K", "-o", "a.png"]
    said = refused(*words, code=4)
    assert "--max-memory 10K is less than the smallest tile of this painter needs" in said
    assert said.endswith("M.")


def test_a_pyramid_for_viewers(run):
    pytest.importorskip("pyvips", reason="the extra giga is not installed")
    answer = run("stylize", "photo.jpg", "-s", "great-wave", "-o", "zoom.dzi")
    assert answer == (0, "zoom.dzi\n", "")
    assert Path("zoom_files").is_dir()
    assert run("stylize", "photo.jpg", "-s", "great-wave", "-o", "a.tif", "--pyramid").code == 0


def test_a_pyramid_without_the_extra_says_what_to_install(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvips", None)
    said = refused("stylize", "photo.jpg", "-s", "great-wave", "-o", "zoom.dzi", code=7)
    assert 'python -m pip install "impasto[giga]"' in said


def test_a_picture_that_memory_cannot_hold_says_what_to_install(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvips", None)
    monkeypatch.setattr("impasto.images.io.read_picture.__kwdefaults__", {"max_pixels": 100})
    said = refused("stylize", "photo.jpg", "-s", "great-wave", "-o", "a.png", code=2)
    assert "more than the limit" in said
    assert 'python -m pip install "impasto[giga]"' in said
