"""Laws of painting with swift: strength, several styles, regions, any size."""

import itertools
import json
from dataclasses import asdict

import pytest
import torch

from impasto.errors import ShapeError, WeightsError
from impasto.methods.swift.painter import SwiftPainter
from tests.methods.test_swift_network import TINY, pictures, tiny


@pytest.fixture(scope="module")
def painter() -> SwiftPainter:
    return SwiftPainter(tiny())


@pytest.fixture(scope="module")
def styles(painter):
    bright, dark = pictures(1, 3, 40, 33, seed=5), 0.3 * pictures(1, 3, 9, 7, seed=6)
    return [
        painter.encode_style(p)
        for p in (bright, torch.nn.functional.interpolate(dark, size=(40, 33)))
    ]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 3), (16, 16), (33, 57), (64, 40)])
def test_any_size_comes_back_finite_and_in_range(painter, styles, size):
    content = pictures(1, 3, *size)
    painted = painter.paint(content, styles[:1], weights=[1.0])
    assert painted.shape == content.shape
    assert painted.dtype == torch.float32
    assert torch.isfinite(painted).all()
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_survive(painter, styles, value):
    painted = painter.paint(torch.full((1, 3, 24, 24), value), styles[:1], weights=[1.0])
    assert torch.isfinite(painted).all()


def test_alpha_zero_gives_the_content_back_bit_for_bit(painter, styles):
    content = pictures(1, 3, 31, 45)
    assert torch.equal(painter.paint(content, styles[:1], weights=[1.0], alpha=0.0), content)


def test_alpha_goes_smoothly_from_content_to_style(painter, styles):
    content = pictures(1, 3, 32, 32)
    steps = [painter.paint(content, styles[:1], weights=[1.0], alpha=a / 20) for a in range(21)]
    moves = [float((a - b).abs().mean()) for a, b in itertools.pairwise(steps)]
    whole = float((steps[0] - steps[-1]).abs().mean())
    assert whole > 0.02
    assert max(moves) < 0.5 * whole


def test_a_seed_gives_the_same_bytes_and_another_seed_others(painter, styles):
    content = pictures(1, 3, 32, 32)
    first, again, other = (
        painter.paint(content, styles[:1], weights=[1.0], seed=s) for s in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_a_mix_with_all_weight_on_one_style_is_that_style(painter, styles):
    content = pictures(1, 3, 32, 40)
    alone = painter.paint(content, styles[:1], weights=[1.0])
    mixed = painter.paint(content, styles, weights=[1.0, 0.0])
    torch.testing.assert_close(mixed, alone, rtol=1e-4, atol=1e-5)
    half = painter.paint(content, styles, weights=[0.5, 0.5])
    assert float((half - alone).abs().mean()) > 1e-3


@pytest.mark.parametrize("alpha", [0.4, 1.0])
def test_a_region_that_covers_all_is_the_style_alone(painter, styles, alpha):
    content = pictures(1, 3, 29, 43)
    regions = torch.cat([torch.zeros(1, 1, 29, 43), torch.ones(1, 1, 29, 43)])
    painted = painter.paint(content, styles, weights=[1, 1], regions=regions, alpha=alpha)
    alone = painter.paint(content, styles[1:], weights=[1.0], alpha=alpha)
    torch.testing.assert_close(painted, alone, rtol=1e-3, atol=1e-4)


def test_each_side_of_a_picture_can_have_its_own_style(painter, styles):
    content = pictures(1, 3, 64, 256)
    left = torch.zeros(1, 1, 64, 256)
    left[..., :128] = 1
    painted = painter.paint(content, styles, weights=[1, 1], regions=torch.cat([left, 1 - left]))
    for side, style in ((slice(0, 32), styles[0]), (slice(224, 256), styles[1])):
        alone = painter.paint(content, [style], weights=[1.0])
        torch.testing.assert_close(painted[..., side], alone[..., side], rtol=1e-3, atol=1e-3)


def test_bfloat16_agrees_with_float32(styles):
    content = pictures(1, 3, 32, 32)
    wide = SwiftPainter(tiny()).paint(content, styles[:1], weights=[1.0])
    narrow = SwiftPainter(tiny(), dtype=torch.bfloat16).paint(content, styles[:1], weights=[1.0])
    assert float((wide - narrow).abs().mean()) < 0.01


def test_a_bare_picture_and_several_of_one_style_are_refused(painter, styles):
    with pytest.raises(ShapeError, match=r"content must be \(B, 3, H, W\), got \(3, 8, 8\)"):
        painter.paint(torch.rand(3, 8, 8), styles[:1], weights=[1.0])
    with pytest.raises(ShapeError, match="style must be"):
        painter.encode_style(torch.rand(2, 3, 8, 8))


def test_a_painter_is_the_same_from_its_file(styles):
    network = tiny()
    metadata = {"config": json.dumps(asdict(TINY))}
    painter = SwiftPainter.of(network.state_dict(), metadata, "file")
    content = pictures(1, 3, 32, 32)
    torch.testing.assert_close(
        painter.paint(content, styles[:1], weights=[1.0]),
        SwiftPainter(network).paint(content, styles[:1], weights=[1.0]),
    )


def test_foreign_weights_are_refused_by_the_name_that_differs():
    metadata = {"config": json.dumps(asdict(TINY))}
    state = tiny().state_dict()
    with pytest.raises(WeightsError, match=r"decoder.paint.bias is missing"):
        SwiftPainter.of(
            {k: v for k, v in state.items() if k != "decoder.paint.bias"}, metadata, "f"
        )
    with pytest.raises(WeightsError, match="unknown"):
        SwiftPainter.of(state | {"surplus": torch.zeros(1)}, metadata, "f")
    with pytest.raises(WeightsError, match="no configuration of swift"):
        SwiftPainter.of(state, {"config": '{"height": 3}'}, "f")


@pytest.mark.parametrize(
    "config",
    [
        "[]",
        "{",
        '{"blocks": -1}',
        '{"widths": [4, 6]}',
        '{"widths": "abc"}',
        '{"margin": 4}',
        '{"margin": 0}',
    ],
)
def test_a_configuration_that_cannot_be_is_the_files_fault(config):
    with pytest.raises(WeightsError, match="f has no configuration of swift") as caught:
        SwiftPainter.of({}, {"config": config}, "f")
    assert str(caught.value).endswith(").")


def test_statistics_of_another_network_are_refused(painter, styles):
    foreign = tuple((torch.zeros(1, c, 1, 1), torch.ones(1, c, 1, 1)) for c in (16, 48, 96))
    sentence = r"must have \(4, 6, 8, 16, 32, 64, 64\) channels for .*, got \(16, 48, 96\)"
    with pytest.raises(ShapeError, match=sentence):
        painter.paint(torch.rand(1, 3, 8, 8), [styles[0], foreign], weights=[0.5, 0.5])


def test_regions_must_be_one_per_style_and_of_the_contents_size(painter, styles):
    content = pictures(1, 3, 16, 16)
    for regions in (torch.ones(1, 1, 16, 16), torch.ones(2, 1, 16, 17), torch.ones(2, 16, 16)):
        with pytest.raises(ShapeError, match=r"regions must be \(2, 1, 16, 16\)"):
            painter.paint(content, styles, weights=[0.5, 0.5], regions=regions)
