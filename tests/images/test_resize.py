"""Sizes are (height, width), and what is padded comes back."""

import pytest
import torch
import torch.nn.functional as F

from impasto.errors import InputError, ShapeError
from impasto.images.resize import (
    center_crop,
    crop_back,
    fit_long_side,
    fit_short_side,
    fit_within,
    pad_reflect,
    pad_to_multiple,
    random_crop,
    resize,
)

SIZES = [(1, 1), (1, 7), (7, 1), (2, 3), (12, 17)]


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("target", SIZES)
@pytest.mark.parametrize("antialias", [True, False])
def test_resize_gives_the_size_and_stays_in_range(size, target, antialias):
    resized = resize(noise(2, 3, *size).round(), target, antialias=antialias)
    assert resized.shape == (2, 3, *target)
    assert 0 <= resized.min() <= resized.max() <= 1


def test_resize_to_the_same_size_is_the_same_picture():
    pixels = noise(1, 3, 4, 5)
    assert resize(pixels, (4, 5)) is pixels


def test_resize_keeps_flat_pictures_flat_and_types():
    flat = torch.full((1, 3, 9, 11), 0.25, dtype=torch.bfloat16)
    resized = resize(flat, (30, 4))
    assert resized.dtype == torch.bfloat16
    torch.testing.assert_close(resized.float(), torch.full((1, 3, 30, 4), 0.25))


def test_antialias_averages_what_is_left_out():
    stripes = (torch.arange(64) % 2).float().view(1, 1, 1, 64).expand(1, 3, 64, 64)
    smooth = resize(stripes, (16, 16))
    assert (smooth[..., 2:-2] - 0.5).abs().max() < 0.02


def test_resize_refuses_an_empty_size():
    with pytest.raises(InputError, match="width must be at least 1; got 0"):
        resize(noise(1, 3, 4, 4), (4, 0))


def test_sides_are_fitted_in_proportion():
    pixels = noise(1, 3, 10, 20)
    assert fit_short_side(pixels, 5).shape[-2:] == (5, 10)
    assert fit_long_side(pixels, 30).shape[-2:] == (15, 30)
    assert fit_long_side(noise(1, 3, 1, 100), 10).shape[-2:] == (1, 10)
    with pytest.raises(InputError, match="short must be at least 1"):
        fit_short_side(pixels, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 1000), (1000, 1), (30, 47), (2, 5000), (4000, 3000)])
@pytest.mark.parametrize("limit", [1, 10, 1000, 10**7, 10**9])
def test_fit_within_obeys_the_limit_and_uses_it(size, limit):
    height, width = fit_within(size, limit)
    assert height >= 1
    assert width >= 1
    assert height * width <= limit or (height, width) == (1, 1)
    assert (height, width) == size or height * width <= size[0] * size[1]
    if size[0] * size[1] <= limit:
        assert (height, width) == size


def test_center_crop_takes_the_middle():
    pixels = torch.arange(30.0).view(1, 1, 5, 6)
    assert center_crop(pixels, (1, 2)).flatten().tolist() == [14, 15]
    assert torch.equal(center_crop(pixels, (5, 6)), pixels)


def test_random_crop_is_repeatable_and_reaches_the_corners():
    pixels = torch.arange(12.0).view(1, 1, 3, 4)
    generator = torch.Generator().manual_seed(0)
    seen = {random_crop(pixels, (2, 2), generator).flatten()[0].item() for _ in range(100)}
    assert seen == {0, 1, 2, 4, 5, 6}
    first, second = (
        random_crop(pixels, (1, 1), torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert torch.equal(first, second)


def test_a_crop_larger_than_the_picture_says_what_to_do():
    for crop in (center_crop, random_crop):
        with pytest.raises(ShapeError, match=r"crop of 5x2 .* picture of 4x4; .* fit_short_side"):
            crop(noise(1, 3, 4, 4), (5, 2))


@pytest.mark.parametrize("padding", [(1, 2, 3, 0), (0, 0, 5, 5), (6, 6, 6, 6)])
def test_padding_is_torchs_reflection_where_that_is_defined(padding):
    pixels = noise(2, 3, 7, 9)
    expected = F.pad(pixels, padding, mode="reflect")
    assert torch.equal(pad_reflect(pixels, padding), expected)


def test_index_reflection_is_torchs_reflection_too():
    pixels = noise(1, 2, 5, 6)
    # Twelve columns need the repeated way; its inner part is what torch gives for four.
    wide = pad_reflect(pixels, (12, 12, 3, 3))
    assert torch.equal(wide[..., 8:-8], F.pad(pixels, (4, 4, 3, 3), mode="reflect"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (1, 0, 0, 1), (5, 3, 2, 9), (40, 40, 40, 40)])
def test_padding_works_for_every_size_and_keeps_the_picture(size, padding):
    pixels = noise(1, 3, *size)
    left, right, top, bottom = padding
    padded = pad_reflect(pixels, padding)
    assert padded.shape == (1, 3, size[0] + top + bottom, size[1] + left + right)
    assert torch.equal(crop_back(padded, (top, left, *size)), pixels)


def test_reflection_repeats_with_its_period_and_one_pixel_is_repeated():
    row = torch.arange(3.0).view(1, 1, 1, 3)
    padded = pad_reflect(row, (5, 4, 1, 1))
    whole = [abs((place + 2) % 4 - 2) for place in range(-5, 7)]
    assert padded[0, 0].tolist() == [whole] * 3


def test_negative_padding_is_refused():
    with pytest.raises(InputError, match="top padding must be at least 0; got -1"):
        pad_reflect(noise(1, 3, 4, 4), (0, 0, -1, 0))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("multiple", [1, 8, 32])
@pytest.mark.parametrize("margin", [0, 5])
def test_padding_to_a_multiple_comes_back(size, multiple, margin):
    pixels = noise(1, 3, *size)
    padded, box = pad_to_multiple(pixels, multiple, margin)
    assert padded.shape[-2] % multiple == 0
    assert padded.shape[-1] % multiple == 0
    assert padded.shape[-2] < size[0] + 2 * margin + multiple
    assert torch.equal(crop_back(padded, box), pixels)
