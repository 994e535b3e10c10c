"""Sample pictures need no network and are the same on every run."""

import importlib.util

import pytest
import torch

from impasto.errors import InputError, MissingExtraError
from impasto.images.resize import resize
from impasto.images.samples import sample_photo, synthetic_photo


@pytest.mark.parametrize(
    ("name", "size"),
    [("astronaut", (512, 512)), ("coffee", (400, 600)), ("chelsea", (300, 451))],
)
def test_the_photographs_lie_inside_scikit_images_package(name, size, monkeypatch):
    pytest.importorskip("skimage", reason="scikit-image is in the extra demo")

    def refuse(*_args, **_options):
        raise AssertionError("a sample was fetched")

    monkeypatch.setattr("socket.socket.connect", refuse)
    picture = sample_photo(name)
    assert picture.size == size
    assert 0.05 < picture.pixels.std() < 0.5


def test_without_scikit_image_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(MissingExtraError, match=r"A sample photograph needs .*impasto\[demo\]"):
        sample_photo("coffee")


def test_an_unknown_sample_names_its_like():
    with pytest.raises(InputError, match=r"Did you mean coffee\?"):
        sample_photo("cofee")  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 3), (48, 64), (65, 31)])
def test_a_synthetic_photo_has_any_size_and_is_in_range(size):
    picture = synthetic_photo(size, seed=1)
    assert picture.size == size
    assert 0 <= picture.pixels.min() <= picture.pixels.max() <= 1


def test_the_same_seed_gives_the_same_photo_and_another_another():
    first, again, other = (synthetic_photo((40, 60), seed=s).pixels for s in (1, 1, 2))
    assert torch.equal(first, again)
    assert (first - other).abs().mean() > 0.02


def test_a_synthetic_photo_is_one_scene_at_every_size():
    small = synthetic_photo((64, 96), seed=4).pixels
    large = resize(synthetic_photo((256, 384), seed=4).pixels, (64, 96))
    assert (small - large).abs().mean() < 0.03


def test_a_synthetic_photo_has_sky_above_and_many_colours():
    pixels = synthetic_photo((90, 120), seed=0).pixels[0]
    assert pixels[:, :30].mean() > pixels[:, -9:].mean()
    assert pixels.std(dim=(1, 2)).min() > 0.1
    with pytest.raises(InputError, match="height must be at least 1"):
        synthetic_photo((0, 5))
