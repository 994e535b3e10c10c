"""Laws of the look at a small painting."""

import pytest
import torch

from impasto.images.samples import synthetic_photo
from impasto.methods.swift.correction import LIMIT, SIDE, correct_style, thumbnail
from impasto.methods.swift.network import Swift, SwiftConfig

PHOTO = synthetic_photo((64, 96), seed=1).pixels
STYLE = synthetic_photo((64, 64), seed=2).pixels.flip(1)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return Swift(SwiftConfig(widths=(4, 6, 8), blocks=(1, 1, 1), last_width=4, code_width=8)).eval()


@pytest.mark.parametrize("size", [(1, 1), (17, 300), (2000, 9), (64, 96), (400, 700)])
def test_a_thumbnail_has_whole_cells_and_is_never_large(size):
    small = thumbnail(torch.rand(1, 3, *size))
    assert all(side % 8 == 0 and 16 <= side <= max(SIDE, 16) for side in small.shape[-2:])


def test_a_thumbnail_keeps_the_mean():
    small = thumbnail(PHOTO.repeat(1, 1, 4, 4))
    torch.testing.assert_close(small.mean((2, 3)), PHOTO.mean((2, 3)), rtol=0, atol=2e-3)


@torch.no_grad()
def test_without_strength_the_style_itself_is_asked_for(network):
    style = network.style_of(STYLE)
    assert correct_style(network, PHOTO, style, strength=0) is style


@torch.no_grad()
def test_what_is_missed_is_added(network):
    style = network.style_of(STYLE)
    found = network.style_of(network.transfer(thumbnail(PHOTO), style).clamp(0, 1))
    corrected = correct_style(network, PHOTO, style, strength=0.5)
    for (mean, std), (own_mean, own_std), (new_mean, new_std) in zip(
        style, found, corrected, strict=True
    ):
        torch.testing.assert_close(new_mean - mean, 0.5 * (mean - own_mean))
        wanted = (std / own_std).clamp(1 / LIMIT, LIMIT).sqrt()
        torch.testing.assert_close(new_std / std, wanted)


@torch.no_grad()
def test_a_style_that_is_reached_is_left_alone(network, monkeypatch):
    style = network.style_of(STYLE)
    monkeypatch.setattr(type(network), "style_of", lambda self, images: style)
    for pair, wanted in zip(correct_style(network, PHOTO, style), style, strict=True):
        for part, other in zip(pair, wanted, strict=True):
            torch.testing.assert_close(part, other)
