"""The gallery: only styles that fit, thumbnails painted by the network and renewed with it."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

import impasto
from impasto.errors import ImageError, InputError
from impasto.studio.desk import Desk
from impasto.studio.painters import SIDE, own_thumbnail, sample_photo


def test_the_painters_are_those_of_styles_list(desk):
    assert list(desk.painters.cards()) == ["great-wave", "starry-night"]
    assert desk.painters.caption("great-wave") == "Great-Wave, A. Painter, 1831"
    assert desk.painters.caption("some/my-own_wave.jpg") == "my own wave"


def test_styles_of_other_weights_and_damaged_ones_are_left_out(desk, gallery, monkeypatch):
    (gallery / "styles" / "broken.safetensors").write_bytes(b"\0" * 40)
    monkeypatch.setattr(desk.stylizer.painter, "digest", "0" * 12)
    assert desk.painters.cards() == {}
    assert "broken.safetensors" in desk.painters.damaged[0]


def test_a_thumbnail_is_painted_once_and_again_when_the_style_changes(desk, gallery):
    first = desk.painters.thumbnail("great-wave")
    with Image.open(first) as image:
        assert (image.format, image.size) == ("WEBP", (SIDE, SIDE))
    written = first.stat().st_mtime_ns
    assert desk.painters.thumbnail("great-wave") == first
    assert first.stat().st_mtime_ns == written
    folder = gallery / "styles"
    shutil.copy(folder / "starry-night.safetensors", folder / "great-wave.safetensors")
    assert desk.painters.thumbnail("great-wave") != first


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_a_cache_that_cannot_be_written_is_done_without(desk, monkeypatch, gallery):
    (gallery / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(gallery / "file"))
    assert desk.folder in desk.painters.thumbnail("great-wave").parents


def test_a_painter_of_one_style_needs_no_gallery(desk, monkeypatch):
    statistics = desk.stylizer.statistics_of("great-wave")[0]
    monkeypatch.setattr(type(desk.stylizer.painter), "own_style", statistics)
    assert desk.painters.cards() == {}


def test_a_dropped_painting_gets_a_square_thumbnail(gallery):
    with Image.open(own_thumbnail("monet.jpg", gallery / "small")) as image:
        assert image.size == (SIDE, SIDE)
    Path("words.jpg").write_text("not a picture")
    with pytest.raises(ImageError):
        own_thumbnail("words.jpg", gallery / "small")


def test_the_sample_is_ours_and_the_same_every_time():
    first = sample_photo()
    assert first.size == (720, 1080)
    assert (first.pixels == sample_photo().pixels).all()


def test_names_of_files_are_safe_whatever_was_uploaded(desk):
    place = desk.place("a/../we ird;$(name).jpg", "great-wave", ".png")
    assert place.name == "we-ird-name-great-wave.png"
    assert desk.folder in place.parents
    assert desk.place("x" * 300 + ".jpg", "y", ".png").name == "x" * 60 + "-y.png"
    assert desk.place("....jpg", "y", ".png").name == "picture-y.png"


def test_nothing_dropped_is_said(desk):
    from impasto.studio.desk import read_upload

    with pytest.raises(InputError, match="a painting is needed; drop one"):
        read_upload(None, what="a painting")


def test_a_desk_knows_its_models(tiny_painter, tmp_path):
    assert isinstance(tiny_painter, impasto.Stylizer)
    assert Desk(tiny_painter, folder=tmp_path, translators=["a"]).translators == ("a",)
