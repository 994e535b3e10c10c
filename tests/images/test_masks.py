"""Masks share every pixel out completely."""

import numpy as np
import pytest
import torch

from impasto.errors import ImageError, InputError, ShapeError
from impasto.images.io import write_picture
from impasto.images.masks import feather, normalize_masks, read_mask


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_white_is_inside_and_black_outside(tmp_path):
    pixels = torch.zeros(3, 4, 6)
    pixels[:, :, 3:] = 1
    write_picture(pixels, tmp_path / "m.png")
    mask = read_mask(tmp_path / "m.png", (4, 6))
    assert mask.shape == (1, 1, 4, 6)
    torch.testing.assert_close(mask[0, 0], pixels[0])


def test_transparent_pixels_are_outside():
    cutout = np.full((2, 2, 4), 255, np.uint8)
    cutout[0, :, 3] = 0
    torch.testing.assert_close(read_mask(cutout, (2, 2))[0, 0, :, 0], torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (50, 31)])
def test_a_mask_of_another_size_is_resized_softly(size):
    mask = read_mask(np.eye(4, dtype=np.uint8) * 255, size)
    assert mask.shape == (1, 1, *size)
    assert 0 <= mask.min() <= mask.max() <= 1


def test_a_missing_mask_is_an_image_error(tmp_path):
    with pytest.raises(ImageError, match="there is no file"):
        read_mask(tmp_path / "m.png", (4, 4))


def test_masks_that_meet_stay_and_get_no_background():
    left = noise(1, 1, 5, 6)
    shared = normalize_masks([left, 1 - left])
    torch.testing.assert_close(shared, torch.cat([left, 1 - left]))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_masks_sum_to_one_everywhere(count):
    shared = normalize_masks([noise(1, 1, 6, 7, seed=seed) for seed in range(count)])
    assert shared.shape[0] in (count, count + 1)
    assert (shared >= 0).all()
    torch.testing.assert_close(shared.sum(dim=0), torch.ones(1, 6, 7))


def test_what_is_uncovered_goes_to_a_last_background_mask():
    mask = torch.zeros(1, 1, 2, 2)
    mask[..., 0, 0], mask[..., 0, 1] = 1, 0.25
    shared = normalize_masks([mask])
    assert shared.shape == (2, 1, 2, 2)
    torch.testing.assert_close(shared[1, 0], torch.tensor([[0, 0.75], [1, 1]]))


def test_overlap_is_divided():
    shared = normalize_masks([torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2)])
    assert torch.equal(shared, torch.full((2, 1, 2, 2), 0.5))


def test_the_noise_of_eight_bits_makes_no_background():
    half = torch.full((1, 1, 3, 3), 127 / 255)
    assert normalize_masks([half, half]).shape[0] == 2


def test_masks_of_the_wrong_form_are_refused():
    with pytest.raises(InputError, match="at least one mask"):
        normalize_masks([])
    with pytest.raises(ShapeError, match="mask 2 must be"):
        normalize_masks([torch.ones(1, 1, 2, 2), torch.ones(2, 2)])
    with pytest.raises(ShapeError, match=r"mask 2 is 3x2 .* mask 1 2x2; read them with one size"):
        normalize_masks([torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 2)])


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 3), (20, 30)])
def test_feather_keeps_size_range_and_flat_masks(size):
    for radius in (0, 0.5, 3, 40):
        soft = feather(noise(1, 1, *size).round(), radius)
        assert soft.shape == (1, 1, *size)
        assert 0 <= soft.min() <= soft.max() <= 1
        flat = torch.full((1, 1, *size), 0.3)
        torch.testing.assert_close(feather(flat, radius), flat, rtol=0, atol=1e-5)


def test_feather_softens_an_edge_over_its_radius():
    mask = torch.zeros(1, 1, 4, 60)
    mask[..., 30:] = 1
    soft = feather(mask, 8)[0, 0, 2]
    assert soft[20] < 0.02
    assert soft[39] > 0.98
    assert (soft.diff() >= -1e-6).all()
    assert abs(float(soft[29] + soft[30]) - 1) < 1e-4
    with pytest.raises(InputError, match="radius must be at least 0"):
        feather(mask, -1)
