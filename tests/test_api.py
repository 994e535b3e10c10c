"""What a notebook uses: painters by name or file, styles that are made, listed and found."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import impasto
from impasto import api
from impasto.errors import ImageError, InputError, OutputError, WeightsError
from impasto.weights.files import read_metadata, read_tensors, write_tensors
from impasto.weights.registry import digest_of
from impasto.weights.styles import STROKE_SIZES, read_style

CPU = {"device": "cpu", "precision": "float32"}


@pytest.fixture
def home(tiny_weights, tiny_styles, tmp_path, monkeypatch) -> Path:
    """The tiny weights under the name swift, and folders for the user's and the bundled styles."""
    for name in ("weights", "bundled", "styles"):
        (tmp_path / name).mkdir()
    shutil.copy(tiny_weights, tmp_path / "weights" / "swift.safetensors")
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("IMPASTO_STYLES", str(tmp_path / "styles"))
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", tmp_path / "bundled")
    for path in tiny_styles.iterdir():
        shutil.copy(path, tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def levels(seed: int, *size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


CONTENT, STYLE = levels(1, 21, 30), levels(2, 24, 33)


# Painters


def test_a_painter_comes_by_name_path_or_pathlike(home):
    file = home / "weights" / "swift.safetensors"
    pictures = [
        api.load(model, **CPU).stylize(CONTENT, STYLE).pixels
        for model in ("swift", file, str(file))
    ]
    assert all(torch.equal(p, pictures[0]) for p in pictures)
    assert api.load(file, **CPU).painter.digest == digest_of(file)[:12]


def test_stylize_equals_the_painters(home):
    expected = api.load("swift", **CPU).stylize(CONTENT, STYLE, alpha=0.7, keep_color="coral")
    painted = impasto.stylize(CONTENT, STYLE, alpha=0.7, keep_color="coral", **CPU)
    assert torch.equal(painted.pixels, expected.pixels)
    config = impasto.StylizeConfig(alpha=0.7, keep_color="coral")
    again = impasto.stylize(CONTENT, STYLE, config=config, **CPU)
    assert torch.equal(painted.pixels, again.pixels)


def test_a_painter_is_loaded_once_and_anew_when_its_file_changes(home, monkeypatch):
    loads = []
    load = api._load

    def counted(*given):
        loads.append(given)
        return load(*given)

    monkeypatch.setattr(api, "_load", counted)
    first = impasto.stylize(CONTENT, STYLE, **CPU)
    impasto.stylize(CONTENT, STYLE, **CPU)
    assert len(loads) == 1
    file = home / "weights" / "swift.safetensors"
    tensors = {name: 0.5 * value for name, value in read_tensors(file).items()}
    write_tensors(file, tensors, read_metadata(file))
    os.utime(file, ns=(1, 1))
    other = impasto.stylize(CONTENT, STYLE, **CPU)
    assert len(loads) == 2
    assert not torch.equal(first.pixels, other.pixels)


def test_a_painting_is_saved(home):
    impasto.stylize(CONTENT, "great-wave", **CPU).save("out.png")
    assert impasto.read_picture("out.png").size == (21, 30)


@pytest.mark.parametrize("name", ["lite", "vgg19", "googlenet"])
def test_networks_that_do_not_paint_are_refused_before_they_are_fetched(home, name):
    with pytest.raises(
        InputError, match=rf"{name} is no painter \(its kind is .*use one of .*swift"
    ):
        api.load(name)


def test_models_that_do_not_exist(home):
    with pytest.raises(InputError, match=r"weights must be one of .*; got 'nowhere'"):
        api.load("nowhere")
    with pytest.raises(WeightsError, match=r"there is no weight file .*nowhere\.safetensors"):
        api.load("nowhere.safetensors")
    with pytest.raises(InputError, match="device must be one of"):
        api.load("swift", device="gpu")
    with pytest.raises(InputError, match="precision must be one of"):
        api.load("swift", precision="float16")


def test_weights_of_another_method_are_foreign(home):
    file = home / "weights" / "swift.safetensors"
    write_tensors("other.safetensors", read_tensors(file), {"method": "lite"})
    with pytest.raises(WeightsError, match="holds weights of lite, not of swift, adain or johnson"):
        api.load("other.safetensors")


def test_damaged_weights_are_named(home):
    file = home / "weights" / "swift.safetensors"
    tensors, metadata = read_tensors(file), read_metadata(file)
    name = sorted(tensors)[0]
    tensors[name].view(-1)[0] = float("nan")
    write_tensors("nan.safetensors", tensors, metadata)
    with pytest.raises(WeightsError, match=f"its tensor {name} has values that are not finite"):
        api.load("nan.safetensors")
    Path("cut.safetensors").write_bytes(file.read_bytes()[:-9])
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        api.load("cut.safetensors")


# Styles


def test_a_style_that_was_made_paints_like_its_picture(home):
    painter = api.load("swift", **CPU)
    path = impasto.make_style("my-own", STYLE, painter=painter)
    assert path == home / "styles" / "my-own.safetensors"
    assert path.stat().st_size < 4096
    for scale in STROKE_SIZES:
        of_file = painter.stylize(CONTENT, "my-own", style_scale=scale).pixels
        of_picture = painter.stylize(CONTENT, STYLE, style_scale=scale).pixels
        torch.testing.assert_close(of_file, of_picture, rtol=0, atol=5e-3)  # float16 in the file


def test_a_style_of_several_pictures_is_the_mean_of_their_statistics(home):
    painter = api.load("swift", **CPU)
    pictures = [levels(seed, 20, 28) for seed in range(3)]
    _, sizes = read_style(
        impasto.make_style("mean", pictures, painter=painter, path="m.safetensors")
    )
    for scale, found in sizes.items():
        each = [painter.encode_style(picture, style_scale=scale) for picture in pictures]
        for index, pair in enumerate(found):
            for part in (0, 1):
                mean = sum(e[index][part] for e in each) / 3
                torch.testing.assert_close(pair[part], mean, rtol=1e-3, atol=1e-4)


def test_a_card_says_what_it_was_told(home):
    painter = api.load("swift", **CPU)
    told = {"title": "Wave", "artist": "Hokusai", "year": "about 1831", "licence": "public domain"}
    card, _ = read_style(impasto.make_style("wave", STYLE, painter=painter, **told))
    assert (card.name, card.title, card.painter, card.year) == (
        "wave", "Wave", "Hokusai", "about 1831",
    )  # fmt: skip
    assert (card.licence, card.model) == ("public domain", "swift")
    assert card.digest == painter.painter.digest


def test_without_a_painter_the_default_makes_the_style(home):
    impasto.make_style("plain", STYLE)
    assert impasto.stylize(CONTENT, "plain").size == (21, 30)


def test_styles_lists_the_bundled_and_the_users(home):
    assert [card.name for card in impasto.styles()] == ["great-wave", "starry-night"]
    impasto.make_style("my-own", STYLE, painter=api.load("swift", **CPU))
    assert [c.name for c in impasto.styles()] == ["great-wave", "my-own", "starry-night"]


def test_the_users_style_goes_before_a_bundled_one_of_the_same_name(home):
    painter = api.load("swift", **CPU)
    bundled = painter.stylize(CONTENT, "great-wave")
    impasto.make_style("great-wave", STYLE, painter=painter, title="mine")
    mine = painter.stylize(CONTENT, "great-wave")
    assert not torch.equal(mine.pixels, bundled.pixels)
    assert [card.title for card in impasto.styles()] == ["mine", "Starry-Night"]


def test_a_damaged_style_ends_the_list_with_its_name(home):
    (home / "styles" / "bad.safetensors").write_bytes(b"no tensors")
    with pytest.raises(WeightsError, match=r"bad\.safetensors is no style file"):
        impasto.styles()


@pytest.mark.parametrize("name", ["My Style", "a/b", "", "-a", "../up"])
def test_impossible_names_write_nothing(home, name):
    with pytest.raises(InputError, match="lower-case letters, digits and hyphens; got"):
        impasto.make_style(name, STYLE, path="x.safetensors")
    assert not Path("x.safetensors").exists()


def test_a_style_that_cannot_be_made_writes_nothing(home):
    painter = api.load("swift", **CPU)
    with pytest.raises(InputError, match="at least one picture; got none"):
        impasto.make_style("a", [], painter=painter)
    with pytest.raises(InputError, match=r"ends with \.safetensors; got a\.txt"):
        impasto.make_style("a", STYLE, painter=painter, path="a.txt")
    with pytest.raises(ImageError, match=r"there is no file nowhere\.jpg"):
        impasto.make_style("a", [STYLE, "nowhere.jpg"], painter=painter)
    (home / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        impasto.make_style("a", STYLE, painter=painter, path="file/a.safetensors")
    assert not list((home / "styles").iterdir())
