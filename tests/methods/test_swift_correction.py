"""Laws of the look at a small painting."""

import json
from dataclasses import asdict

import pytest
import torch

from impasto.errors import WeightsError
from impasto.images.samples import synthetic_photo
from impasto.methods.swift.correction import (
    LIMIT,
    SIDE,
    correct_style,
    look_and_paint,
    thumbnail,
)
from impasto.methods.swift.files import network_of
from tests.methods.test_swift_network import tiny

PHOTO = synthetic_photo((64, 96), seed=1).pixels
STYLE = synthetic_photo((64, 64), seed=2).pixels.flip(1)


@pytest.fixture(scope="module")
def network():
    return tiny()


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


@pytest.mark.parametrize("side", [SIDE, 32])
def test_the_way_it_learns_is_the_way_it_paints(network, side):
    with torch.no_grad():
        style = network.style_of(STYLE)
        asked = correct_style(network, PHOTO, style, side=side)
        painted = network.transfer(PHOTO, asked, 3, style)
    learned = look_and_paint(network, PHOTO, STYLE, seed=3, side=side)
    torch.testing.assert_close(learned, painted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_decoder_hears_by_how_much_the_style_was_missed(network):
    style, own = network.style_of(STYLE), network.style_of(PHOTO)
    asked = correct_style(network, PHOTO, style)
    told, _ = network.modulation(asked, own, style)
    untold, _ = network.modulation(asked, own)
    assert (told - untold).abs().max() > 1e-3
    same, _ = network.modulation(asked, own, asked)
    assert torch.equal(same, untold)


def test_what_was_missed_is_learned_from_and_the_look_is_not():
    network = tiny()
    seen = []
    network.encoder.register_forward_hook(lambda *_: seen.append(torch.is_grad_enabled()))
    look_and_paint(network, PHOTO, STYLE).square().mean().backward()
    # The style, the thumbnail and its painting, the content.
    assert seen == [True, False, False, True]
    assert network.of_missed.weight.grad.abs().max() > 0


@pytest.mark.parametrize("change", ["missing", "misshapen"])
def test_weights_that_do_not_fit_are_refused(change):
    network = tiny()
    tensors = network.state_dict()
    del tensors["of_missed.weight"]
    if change == "misshapen":
        tensors["of_missed.weight"] = torch.zeros(1)
    metadata = {"config": json.dumps(asdict(network.config))}
    with pytest.raises(WeightsError, match="of_missed"):
        network_of(tensors, metadata, "other.safetensors")
