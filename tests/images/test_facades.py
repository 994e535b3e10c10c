"""Facades that never stood: the same every time, plans in their colours, things in their places."""

import numpy as np
import pytest
import torch

from impasto.errors import InputError
from impasto.images.facades import LABELS, facade_pair

LEVELS = {name: tuple(round(255 * c) for c in color) for name, color in LABELS.items()}


def levels(picture):
    return (picture.pixels[0].permute(1, 2, 0) * 255).round().numpy().astype(int)


@pytest.mark.parametrize("size", [(16, 16), (64, 64), (48, 96), (300, 200)])
def test_both_pictures_have_the_size_and_the_range(size):
    labels, facade = facade_pair(size, seed=2)
    for picture in (labels, facade):
        assert picture.size == size
        assert picture.pixels.isfinite().all()
        assert 0 <= picture.pixels.min() <= picture.pixels.max() <= 1


def test_one_seed_is_one_house_on_every_run():
    first, again, other = (facade_pair((32, 32), seed=s) for s in (3, 3, 4))
    assert torch.equal(first.facade.pixels, again.facade.pixels)
    assert torch.equal(first.labels.pixels, again.labels.pixels)
    assert not torch.equal(first.labels.pixels, other.labels.pixels)


def test_a_plan_has_the_colours_of_its_table_and_no_others():
    known = set(LEVELS.values())
    seen = set()
    for seed in range(12):
        plan = levels(facade_pair((64, 64), seed=seed).labels)
        colors = {tuple(color) for color in plan.reshape(-1, 3).tolist()}
        assert colors <= known
        seen |= colors
    assert seen == known, "a dozen houses have all there is"


def test_things_look_alike_wherever_the_plan_says_the_same():
    """What a network can learn: mean colours by label differ, and agree between houses."""
    means: dict[str, list[np.ndarray]] = {name: [] for name in LABELS}
    for seed in range(10):
        plan, facade = map(levels, facade_pair((64, 64), seed=seed))
        for name, color in LEVELS.items():
            place = (plan == color).all(-1)
            if place.sum() > 20:
                means[name].append(facade[place].mean(0))
    between = [np.linalg.norm(np.ptp(found, axis=0)) for found in means.values() if len(found) > 1]
    centres = [np.mean(found, axis=0) for found in means.values()]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(centres) for b in centres[:i]]
    assert np.median(between) < 0.5 * np.median(apart)


def test_a_facade_has_texture_where_the_plan_is_flat():
    for seed in range(6):
        plan, facade = map(levels, facade_pair((128, 128), seed=seed))
        wall = next(n for n in ("brick", "stone", "plaster") if (plan == LEVELS[n]).all(-1).any())
        assert facade[(plan == LEVELS[wall]).all(-1)].std(0).max() > 8


def test_what_is_refused():
    with pytest.raises(InputError, match="height must be at least 16"):
        facade_pair((8, 32))
