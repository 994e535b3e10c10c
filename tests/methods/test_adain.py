"""AdaIN against its paper's formulas and figures, its objective's choices, and how it paints."""

import numpy as np
import pytest
import torch

from impasto.blocks import convolve_repeated
from impasto.errors import InputError, ShapeError, TrainingError
from impasto.features.perceptual import load_perceptual
from impasto.features.statistics import channel_statistics
from impasto.features.vgg import PLANS
from impasto.images.samples import synthetic_photo
from impasto.methods.adain.network import (
    STYLE_LAYERS,
    AdaIN,
    AdaINConfig,
    Upsample,
    adain,
    mirrored_decoder,
)
from impasto.methods.adain.objective import AdaINObjective, adain_losses, reconstruction_losses
from impasto.methods.adain.painter import AdaINPainter
from impasto.methods.adain.presets import PRESETS

CONTENT = synthetic_photo((40, 56), seed=1).pixels
STYLE = synthetic_photo((48, 40), seed=2).pixels.flip(1)


@pytest.fixture
def network(tiny_vgg):
    torch.manual_seed(0)
    return AdaIN(load_perceptual(tiny_vgg, STYLE_LAYERS, padding="reflect"))


@pytest.fixture
def painter(network):
    return AdaINPainter(network)


def features(seed, size=(6, 7)):
    return torch.randn(2, 5, *size, generator=torch.Generator().manual_seed(seed)) * 3 + 1


# The paper


def test_equation_8():
    x, y = features(1), features(2, (4, 9))
    found = adain(x, channel_statistics(y))
    a, b = x.numpy(), y.numpy()
    axes = {"axis": (2, 3), "keepdims": True}
    wanted = b.std(**axes) * (a - a.mean(**axes)) / a.std(**axes) + b.mean(**axes)
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-3, atol=1e-4)


def test_what_is_aligned_has_the_style_s_statistics_and_is_itself_for_itself():
    x, y = features(1), features(2)
    for found, wanted in zip(
        channel_statistics(adain(x, channel_statistics(y))), channel_statistics(y), strict=True
    ):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(adain(x, channel_statistics(x)), x, rtol=1e-4, atol=1e-4)


def test_half_precision_is_aligned_in_single():
    assert adain(features(1).bfloat16(), channel_statistics(features(2))).dtype == torch.float32


def test_the_decoder_has_the_published_number_of_parameters():
    decoder = mirrored_decoder(PLANS["vgg19"])
    assert sum(p.numel() for p in decoder.parameters()) == 3_505_219
    without = mirrored_decoder(PLANS["vgg19"], last_bias=False)
    assert sum(p.numel() for p in without.parameters()) == 3_505_216


def test_the_decoder_mirrors_the_encoder():
    decoder = mirrored_decoder(PLANS["vgg19"])
    widths = [(m.in_channels, m.out_channels) for m in decoder if isinstance(m, torch.nn.Conv2d)]
    assert widths == [(512, 256), (256, 256), (256, 256), (256, 256), (256, 128), (128, 128),
                      (128, 64), (64, 64), (64, 3)]  # fmt: skip
    assert not any(getattr(m, "inplace", False) for m in decoder)
    assert mirrored_decoder(PLANS["vgg16"])(torch.rand(1, 512, 2, 3)).shape == (1, 3, 16, 24)


def test_the_encoder_stays_frozen_and_in_eval(network):
    network.train()
    assert not network.encoder.training
    assert not any(p.requires_grad for p in network.encoder.parameters())
    assert all(p.requires_grad for p in network.decoder.parameters())


# The objective


def numpy_distance(found, wanted, objective):
    squares = ((found - wanted).double().numpy() ** 2).reshape(len(found), -1)
    each = squares.sum(1) if objective.reduction == "sum" else squares.mean(1)
    return (np.sqrt(each) if objective.distance == "euclidean" else each).mean()


@pytest.mark.parametrize("target", ["adain", "content"])
@pytest.mark.parametrize("distance", ["squared", "euclidean"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_equations_12_and_13_with_each_choice(network, target, distance, reduction):
    objective = AdaINObjective(
        content_weight=2.0, style_weight=3.0, content_target=target, distance=distance,
        reduction=reduction, layer_weights=(1.0, 0.5, 2.0, 0.0),
    )  # fmt: skip
    content, style = (
        torch.cat([x[..., :40, :40], x[..., -40:, -40:].flip(-1)]) for x in (CONTENT, STYLE)
    )
    losses, stylized = adain_losses(network, content, style, objective)
    with torch.no_grad():
        c, s, o = (network.encode(x) for x in (content, style, stylized))
        t = adain(c["relu4_1"], channel_statistics(s["relu4_1"]))
        wanted = numpy_distance(o["relu4_1"], t if target == "adain" else c["relu4_1"], objective)
        style_loss = 0.0
        for name, weight in zip(STYLE_LAYERS, objective.layer_weights, strict=True):
            for a, b in zip(channel_statistics(o[name]), channel_statistics(s[name]), strict=True):
                style_loss += weight * numpy_distance(a, b, objective)
    assert float(losses["content"].detach()) == pytest.approx(2 * wanted, rel=1e-4)
    assert float(losses["style"].detach()) == pytest.approx(3 * style_loss, rel=1e-4)


def test_the_gradient_is_finite_where_nothing_differs(network):
    """The root's slope at 0 is infinite."""
    objective = AdaINObjective(distance="euclidean")
    for module in network.decoder:
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.zeros_(module.weight)
    flat = torch.zeros(1, 3, 16, 16)
    losses, _ = adain_losses(network, flat, flat, objective)
    torch.stack(list(losses.values())).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in network.decoder.parameters())


def test_a_few_steps_lower_both_losses(network):
    adam = torch.optim.Adam(network.decoder.parameters(), 1e-2)
    content, style = CONTENT[..., :40, :40], STYLE[..., :40, :40]
    totals = []
    for _ in range(30):
        losses, _ = adain_losses(network, content, style, AdaINObjective(style_weight=1.0))
        totals.append(float(sum(losses.values()).detach()))
        adam.zero_grad()
        sum(losses.values()).backward()
        adam.step()
    assert totals[-1] < 0.6 * totals[0]


def test_reconstruction_learns_to_give_pictures_back(network):
    adam = torch.optim.Adam(network.decoder.parameters(), 1e-2)
    values = []
    for _ in range(30):
        losses, _ = reconstruction_losses(network, CONTENT[..., :40, :40])
        values.append(float(losses["reconstruction"].detach()))
        adam.zero_grad()
        losses["reconstruction"].backward()
        adam.step()
    assert values[-1] < 0.6 * values[0]


def test_what_is_not_finite_is_named(network):
    network.decoder[0].weight.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="terms content and style are not finite"):
        adain_losses(network, CONTENT[..., :40, :40], STYLE[..., :40, :40], AdaINObjective())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"layer_weights": (1.0,)}, "there must be 4 layer weights"),
        ({"style_weight": -1.0}, "style weight must be at least 0"),
        ({"distance": "l3"}, "distance must be one of squared, euclidean"),
        ({"content_target": "style"}, "content target must be one of adain, content"),
    ],
)
def test_settings_that_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        AdaINObjective(**changes)
    with pytest.raises(InputError, match="encoder must be one of lite"):
        AdaINConfig(encoder="vgg")


def test_presets_say_where_they_come_from():
    assert {preset.network.encoder for preset in PRESETS.values()} == {
        "lite", "vgg19-normalized", "vgg19-bn"
    }  # fmt: skip
    assert all(preset.source for preset in PRESETS.values())


# Painting


@pytest.mark.parametrize("size", [(40, 56), (33, 47), (1, 90), (7, 5)])
def test_the_size_is_kept(painter, size):
    content = torch.rand(1, 3, *size)
    painted = painter.paint(content, [painter.encode_style(STYLE)], weights=[1.0])
    assert painted.shape == content.shape
    assert float(painted.min()) >= 0
    assert float(painted.max()) <= 1


def test_strength(painter):
    style = painter.encode_style(STYLE)
    assert torch.equal(painter.paint(CONTENT, [style], weights=[1.0], alpha=0), CONTENT)
    half, whole = (painter.paint(CONTENT, [style], weights=[1.0], alpha=a) for a in (0.5, 1.0))
    assert not torch.equal(half, whole)


def test_a_mix_of_one_style_with_itself_is_that_style(painter):
    style = painter.encode_style(STYLE)
    one = painter.paint(CONTENT, [style], weights=[1.0])
    two = painter.paint(CONTENT, [style, style], weights=[0.3, 0.7])
    torch.testing.assert_close(one, two, rtol=0, atol=1e-5)


def test_regions_rule_where_they_lie(painter):
    first, second = painter.encode_style(STYLE), painter.encode_style(STYLE.flip(1) * 0.5)
    content = synthetic_photo((48, 160)).pixels
    regions = torch.zeros(2, 1, 48, 160)
    regions[0, ..., :80], regions[1, ..., 80:] = 1, 1
    both = painter.paint(content, [first, second], weights=[0.5, 0.5], regions=regions)
    alone = painter.paint(content, [first], weights=[1.0])
    torch.testing.assert_close(both[..., :40], alone[..., :40], rtol=0, atol=1e-5)
    assert not torch.allclose(both[..., 120:], alone[..., 120:], atol=1e-3)


def test_statistics_of_another_network_are_refused(painter):
    foreign = ((torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1)),)
    with pytest.raises(ShapeError, match=r"must have 8 channels for this painter, got \[3\]"):
        painter.paint(CONTENT, [foreign], weights=[1.0])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (4, 3)])
def test_upsampling_in_one_with_its_convolution_is_the_same(height, width):
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(5, 4, 3, padding=1, padding_mode="reflect")
    x = torch.randn(2, 5, height, width, requires_grad=True)
    found, wanted = convolve_repeated(x, conv.weight, conv.bias), conv(Upsample()(x))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    sources = (x, conv.weight, conv.bias)
    for own, peer in zip(
        torch.autograd.grad(found.square().sum(), sources),
        torch.autograd.grad(wanted.square().sum(), sources),
        strict=True,
    ):
        torch.testing.assert_close(own, peer, rtol=1e-4, atol=1e-4)


def test_the_decoder_that_learns_is_the_decoder_that_paints(network):
    features = torch.rand(1, network.encoder.plan.widths[3], 3, 4)
    learning = network.decode(features)
    with torch.no_grad():
        painting = network.decode(features)
    assert learning.requires_grad
    assert not painting.requires_grad
    torch.testing.assert_close(learning.detach(), painting, rtol=1e-4, atol=1e-5)
