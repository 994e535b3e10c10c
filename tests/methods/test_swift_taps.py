"""What lite's taps add to a style."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from impasto.errors import InputError
from impasto.features.perceptual import load_perceptual
from impasto.images.samples import synthetic_photo
from impasto.methods.swift.correction import look_and_paint
from impasto.methods.swift.files import network_of
from impasto.methods.swift.network import CODE_LIMIT, Swift
from impasto.methods.swift.painter import SwiftPainter
from impasto.methods.swift.shape import SCALES, SwiftConfig
from impasto.methods.swift.start import begin
from tests.methods.test_swift_network import TINY, tiny

PHOTO = synthetic_photo((64, 96), seed=1).pixels
STYLE = synthetic_photo((72, 64), seed=2).pixels.flip(1)


def test_a_style_has_a_pair_for_each_scale_and_each_tap():
    network = tiny()
    assert network.config.pair_widths == (4, 6, 8, 16, 32, 64, 64)
    found = network.style_of(STYLE)
    assert [mean.shape[1] for mean, _ in found] == list(network.config.pair_widths)
    assert all(deviation.shape == mean.shape for mean, deviation in found)


def test_taps_are_seen_over_the_picture_without_its_margin():
    network = tiny()
    m = TINY.margin
    padded = torch.nn.functional.pad(STYLE, (m, m, m, m), mode="reflect")
    seen = network.perceptual(padded)["relu3_1"][..., m // 4 : -(m // 4), m // 4 : -(m // 4)]
    mean, _ = network.style_of(STYLE)[5]
    torch.testing.assert_close(mean, seen.mean((2, 3), keepdim=True))


def test_a_new_network_sees_what_lite_sees_and_never_unlearns_it():
    torch.manual_seed(0)
    network = begin(Swift(replace(TINY, taps=("relu2_1", "relu1_1"))))
    assert network.config.taps == ("relu1_1", "relu2_1")  # in forward order
    lite = load_perceptual("lite", network.config.taps)(STYLE)
    for name, seen in network.train().perceptual(STYLE).items():
        torch.testing.assert_close(seen, lite[name])
    torch.nn.init.normal_(network.to_film[-1].weight)
    look_and_paint(network, PHOTO, STYLE[..., :64, :]).square().mean().backward()
    assert network.to_film[0].weight.grad[:, -96:].abs().max() > 0  # the taps are learned from
    assert all(p.grad is None for p in network.perceptual.parameters())
    assert not network.perceptual.training


@torch.no_grad()
def test_two_styles_that_only_the_taps_tell_apart_are_painted_differently():
    network = tiny()
    style = network.style_of(STYLE)
    other = tuple(
        (mean + 0.5 * (i >= len(SCALES)), deviation) for i, (mean, deviation) in enumerate(style)
    )
    painted, differently = network.transfer(PHOTO, style), network.transfer(PHOTO, other)
    assert (painted - differently).abs().max() > 1e-3


@torch.no_grad()
def test_a_network_may_do_without_taps():
    torch.manual_seed(0)
    older = Swift(replace(TINY, taps=()))
    settings = json.dumps(asdict(older.config))
    network = network_of(older.state_dict(), {"config": settings}, "older.safetensors")
    assert network.perceptual is None
    assert len(network.style_of(STYLE)) == len(SCALES)
    torch.testing.assert_close(network(PHOTO, PHOTO), older(PHOTO, PHOTO))


@torch.no_grad()
def test_half_a_style_takes_the_contents_taps_from_its_thumbnail():
    painter = SwiftPainter(tiny())
    styles = [painter.encode_style(STYLE), painter.encode_style(STYLE.flip(2))]
    regions = torch.rand(1, 1, 64, 96)
    for given in ({}, {"regions": torch.cat([regions, 1 - regions])}):
        painted = [
            painter.paint(PHOTO, styles, weights=[0.5, 0.5], alpha=alpha, **given)
            for alpha in (0.999, 1.0)
        ]
        torch.testing.assert_close(painted[0], painted[1], rtol=0, atol=0.02)


def test_a_tap_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="relu9_1"):
        SwiftConfig(taps=("relu9_1",))


@torch.no_grad()
def test_a_statistic_far_beyond_all_others_says_no_more_than_the_limit():
    network = tiny()
    style = network.style_of(STYLE)
    told = [
        network.code(tuple((mean + shift, deviation) for mean, deviation in style))
        for shift in (10.0, 100.0)
    ]
    assert torch.equal(*(code[:, : 2 * sum(TINY.widths)].amax(1) for code in told))
    assert max(float(code.abs().max()) for code in told) == CODE_LIMIT
    older = Swift(replace(TINY, taps=()))
    far = tuple((mean + 100.0, deviation) for mean, deviation in older.style_of(STYLE))
    assert float(older.code(far).max()) > 99
