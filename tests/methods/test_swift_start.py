"""A network that begins alive."""

from copy import deepcopy

import pytest
import torch

from impasto.images.samples import sample_photo, synthetic_photo
from impasto.methods.swift.correction import look_and_paint
from impasto.methods.swift.files import network_of
from impasto.methods.swift.network import Swift
from impasto.methods.swift.start import begin
from impasto.weights.store import load_weights

BEFORE_A_RELU = (
    "encoder.at_half.0", "encoder.at_half.1", "encoder.at_quarter.0", "encoder.at_quarter.2",
    "encoder.at_eighth.0", "encoder.at_eighth.2", "encoder.at_eighth.4.first",
    *(f"decoder.blocks.{scale}.{i}.first" for scale in (0, 1) for i in range(2)),
    "decoder.to_full", "decoder.full",
)  # fmt: skip


def answers(network, contents, styles):
    """By layer: how large each channel's values are, and how many of them its ReLU let through."""
    found = {}

    def note(name, out):
        found[name] = (out.std((0, 2, 3)), (out > 0).float().mean((0, 2, 3)))

    for name in BEFORE_A_RELU:
        layer = network.get_submodule(name)
        layer.register_forward_hook(lambda _, __, out, name=name: note(name, out.detach()))
    painted = look_and_paint(network, contents, styles)
    assert torch.isfinite(painted).all()
    assert set(found) == set(BEFORE_A_RELU)
    return found


@pytest.fixture(scope="module")
def begun():
    torch.manual_seed(0)
    return begin(Swift())


@torch.no_grad()
def test_every_layer_of_a_new_network_is_alive(begun):
    photos = torch.cat([synthetic_photo((64, 64), seed=i).pixels for i in range(20, 26)])
    for layer, (size, let_through) in answers(deepcopy(begun), photos[:3], photos[3:]).items():
        assert 0.02 < float(size.median()) < 10, layer
        assert float((let_through < 0.002).float().mean()) < 0.35, layer
    for _, deviation in begun.style_of(photos):
        assert float(deviation.mean((0, 2, 3)).median()) > 0.02  # eps is 0.003 of it


@torch.no_grad()
def test_the_linear_layers_are_told_of_every_statistic_alike(begun):
    photos = torch.cat([synthetic_photo((64, 64), seed=i).pixels for i in range(20, 40)])
    code = begun.code(begun.style_of(photos))
    size = code.std(0)
    assert code.mean().abs() < 0.2
    assert 0.3 < float(size.quantile(0.1)) < float(size.quantile(0.9)) < 3


@torch.no_grad()
def test_a_style_says_nothing_to_a_new_network(begun):
    photos = torch.cat([synthetic_photo((64, 64), seed=i).pixels for i in range(2)])
    for part in begun.modulation(begun.style_of(photos), begun.style_of(photos.flip(0))):
        assert not part.any()


@torch.no_grad()
def test_the_bundled_network_works_at_all_scales():
    network = network_of(*load_weights("swift"), "swift")
    names = ("astronaut", "coffee", "chelsea")
    photos = torch.cat([part(sample_photo(name).pixels) for name in names])
    for layer, (_, let_through) in answers(network, photos, photos.roll(1, 0)).items():
        assert float((let_through < 0.002).float().mean()) < 0.35, layer


@torch.no_grad()
@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(
            "down_to_quarter",
            marks=pytest.mark.xfail(strict=True, reason="what an eighth says moves it by 0.004"),
        ),
        "down_to_half",
    ],
)
def test_what_the_bundled_networks_coarse_scales_say_is_seen(layer):
    network = network_of(*load_weights("swift"), "swift")
    photos = torch.cat([part(sample_photo(name).pixels) for name in ("coffee", "chelsea")])
    painted = look_and_paint(network, photos, photos.roll(1, 0))
    network.decoder.get_submodule(layer).register_forward_hook(lambda _, __, out: even(out))
    without = look_and_paint(network, photos, photos.roll(1, 0))
    assert float((without - painted).abs().mean()) > 0.01


def even(out):
    """Every channel's mean in the place of its values."""
    return out.mean((2, 3), keepdim=True).expand_as(out).contiguous()


def part(pixels):
    """A small copy, 192 pixels square."""
    return torch.nn.functional.interpolate(pixels, size=(192, 192), mode="area")
