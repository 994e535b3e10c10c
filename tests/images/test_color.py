"""Colours are matched exactly, and only colours."""

import numpy as np
import pytest
import torch

from impasto.errors import InputError, ShapeError
from impasto.images.color import (
    keep_color,
    lab_to_rgb,
    luma,
    match_coral,
    match_histogram,
    match_style_color,
    rgb_to_lab,
    rgb_to_yiq,
    yiq_to_rgb,
)

SIZES = [(1, 1), (1, 7), (7, 1), (2, 3), (12, 17)]


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_luma_of_white_is_one_and_green_is_brightest():
    assert luma(torch.ones(1, 3, 1, 1)).item() == pytest.approx(1)
    red, green, blue = luma(torch.eye(3).view(3, 3, 1, 1)).flatten().tolist()
    assert (red, green, blue) == pytest.approx((0.299, 0.587, 0.114))


def test_yiq_goes_there_and_back_and_grey_has_no_chroma():
    pixels = noise(2, 3, 4, 5)
    torch.testing.assert_close(yiq_to_rgb(rgb_to_yiq(pixels)), pixels, rtol=0, atol=1e-5)
    assert rgb_to_yiq(torch.full((1, 3, 1, 1), 0.7))[0, 1:].abs().max() < 1e-5


def test_lab_is_scikit_images_and_goes_there_and_back():
    skcolor = pytest.importorskip("skimage.color", reason="scikit-image is in the extra demo")
    pixels = noise(1, 3, 9, 8)
    expected = skcolor.rgb2lab(pixels[0].permute(1, 2, 0).double().numpy())
    lab = rgb_to_lab(pixels)
    found = lab[0].permute(1, 2, 0).numpy()
    assert np.abs(found - expected).max() < 0.02
    torch.testing.assert_close(lab_to_rgb(lab), pixels, rtol=0, atol=1e-4)


def test_lab_of_black_and_white_is_colourless():
    lab = rgb_to_lab(torch.stack([torch.zeros(3, 1, 1), torch.ones(3, 1, 1)]))
    torch.testing.assert_close(
        lab.flatten(1), torch.tensor([[0.0, 0, 0], [100, 0, 0]]), rtol=0, atol=1e-3
    )


def test_coral_gives_mean_and_covariance_of_the_reference():
    # Narrow around the middle, so that nothing is clamped.
    pixels = 0.4 + 0.1 * noise(2, 3, 40, 30)
    mix = torch.tensor([[1.0, 0.5, 0], [0, 0.7, 0.3], [0.2, 0, 0.9]])
    reference = 0.35 + 0.12 * torch.einsum("ij,bjhw->bihw", mix, noise(2, 3, 21, 37, seed=1))
    matched = match_coral(pixels, reference)
    for index in range(2):
        found, wanted = matched[index].flatten(1), reference[index].flatten(1)
        torch.testing.assert_close(found.mean(1), wanted.mean(1), rtol=0, atol=1e-3)
        torch.testing.assert_close(found.cov(), wanted.cov(), rtol=0.1, atol=5e-5)


@pytest.mark.parametrize("match", [match_coral, match_histogram])
@pytest.mark.parametrize("size", SIZES)
def test_a_picture_matched_to_itself_stays(match, size):
    pixels = (noise(1, 3, *size) * 255).round() / 255
    torch.testing.assert_close(match(pixels, pixels), pixels, rtol=0, atol=2e-5)


@pytest.mark.parametrize("match", [match_coral, match_histogram])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("other", SIZES)
def test_any_size_matches_any_size(match, size, other):
    matched = match(noise(1, 3, *size), noise(1, 3, *other, seed=1))
    assert matched.shape == (1, 3, *size)
    assert 0 <= matched.min() <= matched.max() <= 1


@pytest.mark.parametrize("match", [match_coral, match_histogram])
def test_flat_pictures_take_the_middle_and_stay_flat(match):
    flat = torch.full((1, 3, 8, 8), 0.2)
    reference = 0.3 + 0.4 * noise(1, 3, 30, 30)
    matched = match(flat, reference)
    assert matched.std(dim=(2, 3)).max() < 1e-5
    assert (matched.mean() - 0.5).abs() < 0.05
    assert (match(reference, flat) - 0.2).abs().max() < 0.02


def test_coral_of_a_nearly_grey_picture_is_finite():
    grey = noise(1, 1, 20, 20).expand(-1, 3, -1, -1)
    assert match_coral(grey, noise(1, 3, 5, 5, seed=1)).isfinite().all()


def test_histograms_are_exact_for_levels_of_their_own():
    generator = torch.Generator().manual_seed(0)
    pixels, reference = (
        torch.stack([torch.randperm(4096, generator=generator) for _ in range(3)]) * 16 / 65535
        for _ in range(2)
    )
    reference = reference**1.5
    matched = match_histogram(pixels.view(1, 3, 64, 64), reference.view(1, 3, 32, 128))
    torch.testing.assert_close(
        matched.flatten(2).sort().values[0], reference.sort().values, rtol=0, atol=2e-5
    )


def test_histogram_keeps_the_order_of_levels_and_equal_levels_equal():
    pixels = (noise(1, 3, 30, 30) * 8).round() / 8
    matched = match_histogram(pixels, noise(1, 3, 50, 50, seed=1) ** 2)
    for channel in range(3):
        order = pixels[0, channel].flatten().argsort()
        assert (matched[0, channel].flatten()[order].diff() >= 0).all()
        assert len(matched[0, channel].unique()) == len(pixels[0, channel].unique())


def test_keep_luma_takes_brightness_from_one_and_colour_from_the_other():
    content, stylized = 0.4 + 0.2 * noise(1, 3, 8, 8), 0.4 + 0.2 * noise(1, 3, 8, 8, seed=1)
    kept = keep_color(stylized, content, "luma")
    torch.testing.assert_close(luma(kept), luma(stylized))
    chroma = rgb_to_yiq(kept)[:, 1:]
    torch.testing.assert_close(chroma, rgb_to_yiq(content)[:, 1:], rtol=0, atol=1e-5)


def test_keep_color_names_its_modes():
    stylized, content = noise(1, 3, 6, 6), noise(1, 3, 4, 9, seed=1)
    assert keep_color(stylized, content, "none") is stylized
    assert torch.equal(keep_color(stylized, content, "coral"), match_coral(stylized, content))
    by_histogram = keep_color(stylized, content, "histogram")
    assert torch.equal(by_histogram, match_histogram(stylized, content))
    with pytest.raises(InputError, match=r"keep_color must be one of none, luma, coral, histogram"):
        keep_color(stylized, content, "luna")  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"pictures of one size, got .* resize one, or use coral"):
        keep_color(stylized, content, "luma")


def test_a_style_matched_by_luma_is_grey_with_the_contents_brightness():
    style, content = 0.4 + 0.3 * noise(1, 3, 30, 30), 0.3 + 0.2 * noise(1, 3, 20, 25, seed=1)
    matched = match_style_color(style, content, "luma")
    assert torch.equal(matched[:, 0], matched[:, 2])
    assert (matched.mean() - luma(content).mean()).abs() < 1e-3
    assert (luma(matched).std() - luma(content).std()).abs() < 5e-3
    assert torch.equal(match_style_color(style, content, "coral"), match_coral(style, content))
    assert match_style_color(style, content, "none") is style


def test_one_reference_serves_a_batch_and_two_do_not_serve_three():
    pixels, reference = noise(3, 3, 4, 4), noise(1, 3, 5, 5, seed=1)
    for match in (match_coral, match_histogram):
        together = match(pixels, reference)
        torch.testing.assert_close(together[1:2], match(pixels[1:2], reference))
        with pytest.raises(ShapeError, match="reference must hold 1 or 3 pictures, got 2"):
            match(pixels, noise(2, 3, 4, 4))
    with pytest.raises(ShapeError, match=r"pixels must be \(B, 3, H, W\)"):
        match_coral(pixels[0], reference)
