"""Laws of the changes that make more kinds of style."""

from dataclasses import fields

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import InputError
from impasto.images.samples import synthetic_photo
from impasto.training.data import ContentStyleStream, CropConfig, PictureFolder, crop
from impasto.training.variety import CHANGES, Variety

PICTURE = synthetic_photo((64, 64)).to_pil().convert("RGB")


def changed(name, seed=0, image=PICTURE):
    return Variety(**{name: 1.0})(image, np.random.default_rng(seed))


def pixels(image):
    return np.asarray(image, dtype=float)


def test_every_chance_has_its_change():
    assert set(CHANGES) == {field.name for field in fields(Variety)}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_keeps_size_and_mode_and_depends_on_the_seed_alone(name):
    first, again = changed(name, 3), changed(name, 3)
    assert (first.size, first.mode) == (PICTURE.size, "RGB")
    assert np.array_equal(pixels(first), pixels(again))
    seen = {changed(name, seed).tobytes() for seed in range(8)}
    assert seen != {PICTURE.tobytes()}  # it does change something
    assert len(seen) > 1 or name == "invert" or name == "mirror"


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (17, 17)])
def test_small_and_flat_pictures_pass(name, size):
    assert changed(name, image=Image.new("RGB", size, (200, 30, 30))).size == size


def test_no_chance_changes_nothing():
    assert Variety()(PICTURE, np.random.default_rng(0)) is PICTURE


def test_a_chance_is_about_kept():
    random = np.random.default_rng(0)
    inverted = [Variety(invert=0.3)(PICTURE, random) is not PICTURE for _ in range(300)]
    assert 60 < sum(inverted) < 120


def test_inverted_twice_is_the_picture():
    assert changed("invert", image=changed("invert")).tobytes() == PICTURE.tobytes()


def test_a_poster_has_few_colours():
    assert len(np.unique(pixels(changed("flatten")).reshape(-1, 3), axis=0)) <= 8


def test_a_drawing_lies_between_one_ink_and_one_paper():
    values = pixels(changed("lines")).reshape(-1, 3)
    centred = values - values.mean(0)
    spread = np.linalg.svd(centred, compute_uv=False)
    assert spread[1] < 0.02 * spread[0]  # all colours on one line


def test_mirrored_halves_are_alike():
    values = pixels(changed("mirror"))
    assert np.array_equal(values, values[:, ::-1])
    assert np.array_equal(values, values[::-1])


def test_a_mosaic_is_made_of_stones():
    flat = (np.diff(pixels(changed("mosaic")), axis=1) == 0).all(-1).mean()
    assert flat > 0.5 > (np.diff(pixels(PICTURE), axis=1) == 0).all(-1).mean()


def test_a_chance_above_one_is_refused():
    with pytest.raises(InputError, match=r"chance of lines must be .* at most 1; got 2"):
        Variety(lines=2)


def test_a_crop_is_changed_after_it_is_cut():
    config = CropConfig(size=32, flip=False)
    plain, other = (
        crop(PICTURE, config, np.random.default_rng(0), variety)
        for variety in (None, Variety(invert=1.0))
    )
    assert torch.equal(other, 255 - plain)


def test_photographs_among_the_styles_have_numbers_of_their_own(photos, paintings):
    folders = PictureFolder(photos), PictureFolder(paintings)
    settings = {"content_crop": CropConfig(size=32), "style_crop": CropConfig(size=32)}
    stream = ContentStyleStream(*folders, photos=0.5, variants=2, **settings)
    draws = [stream.draw(number) for number in range(40)]
    limit = 2 * len(folders[1])
    assert {int(draw["key"]) >= limit for draw in draws} == {True, False}
    by_key = {}
    for draw in draws:
        assert torch.equal(by_key.setdefault(int(draw["key"]), draw["style"]), draw["style"])
