"""Pieces of what tiles are made of: moments, reach, norms that are told what they would find."""

import numpy as np
import pytest
import torch
from torch import nn

from impasto.errors import InputError, ShapeError
from impasto.features.moments import Moments
from impasto.features.norms import NetworkWindows, OpenNorms
from impasto.features.reach import reach

GENERATOR = torch.Generator().manual_seed(0)


def test_moments_of_pieces_are_those_of_the_whole():
    whole = torch.randn(1, 5, 37, 23, generator=GENERATOR) * 3 + 100
    moments = Moments()
    for rows in whole.split(7, dim=2):
        for piece in rows.split(6, dim=3):
            moments.add(piece)
    moments.add(whole[..., :0])
    mean, variance = moments.result()
    values = whole.double().numpy()
    np.testing.assert_allclose(mean.numpy(), values.mean((2, 3), keepdims=True), rtol=1e-7)
    np.testing.assert_allclose(variance.numpy(), values.var((2, 3), keepdims=True), rtol=1e-6)


def test_moments_far_from_zero_lose_nothing():
    moments = Moments()
    for index in range(50):
        moments.add(torch.full((1, 1, 10, 10), 1e6 + index))
    mean, variance = (float(part) for part in moments.result())
    assert mean == pytest.approx(1e6 + 24.5)
    assert variance == pytest.approx((50**2 - 1) / 12, rel=1e-6)


def test_moments_of_nothing_are_refused():
    with pytest.raises(InputError, match="at least one position"):
        Moments().result()
    with pytest.raises(ShapeError):
        Moments().add(torch.zeros(2, 3, 4, 4))


@pytest.mark.parametrize(
    ("layers", "cell", "pixels"),
    [
        ([nn.Conv2d(3, 2, 1)], 1, 0),
        ([nn.Conv2d(3, 2, 3, padding=1)], 1, 1),
        ([nn.Conv2d(3, 2, 9, padding=4, padding_mode="reflect")], 1, 4),
        ([nn.Conv2d(3, 2, 5, padding=2), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1)], 1, 3),
        ([nn.Conv2d(3, 2, (1, 7), padding=(0, 3))], 1, 3),
        ([nn.MaxPool2d(2), nn.Conv2d(3, 2, 3, padding=1)], 2, 2),
        ([nn.Conv2d(3, 2, 3, stride=2, padding=1), nn.Upsample(scale_factor=2)], 2, 2),
        ([nn.Conv2d(3, 2, 3, padding=20, dilation=20)], 1, 20),
        ([nn.Conv2d(3, 2, 2, 2), nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1)], 2, 2),
    ],
)
def test_reach_is_what_the_kernels_say(layers, cell, pixels):
    network = nn.Sequential(*layers).requires_grad_(False)
    assert reach(lambda x: [network(x)], cell) == pixels


def test_reach_does_not_depend_on_the_weights():
    conv = nn.Conv2d(3, 2, 7, padding=3).requires_grad_(False)
    conv.weight.zero_()
    assert reach(lambda x: [conv(x)], 1) == 3


def test_reach_of_a_network_that_looks_everywhere_is_refused():
    with pytest.raises(InputError, match="looks at the whole picture at once"):
        reach(lambda x: [x - x.mean()], 64)


def network() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.InstanceNorm2d(4, affine=True), nn.ReLU(),
        nn.Conv2d(4, 4, 3, padding=1), nn.InstanceNorm2d(4), nn.Conv2d(4, 3, 3, padding=1),
    ).requires_grad_(False)  # fmt: skip


def test_told_norms_give_what_the_norms_give():
    own = network()
    picture = torch.rand(1, 3, 20, 30, generator=GENERATOR)
    norms = OpenNorms(own)
    asked = 0
    while (features := norms.look(picture)) is not None:
        moments = Moments()
        moments.add(features)
        norms.learn(*moments.result())
        asked += 1
    assert asked == 2
    torch.testing.assert_close(norms(picture), own(picture), rtol=1e-4, atol=1e-5)
    measured = OpenNorms(own)
    measured.learn_from(picture)
    torch.testing.assert_close(measured(picture), own(picture), rtol=1e-4, atol=1e-5)


def test_the_given_network_keeps_its_norms_and_its_weights():
    own = network()
    norms = OpenNorms(own)
    assert isinstance(own[1], nn.InstanceNorm2d)
    assert norms.network[0].weight is own[0].weight


def test_translation_enters_and_leaves_its_own_range():
    windows = NetworkWindows(
        nn.Conv2d(3, 3, 1).requires_grad_(False),
        cell=1,
        margin=0,
        enter=lambda pixels: pixels * 2 - 1,
        leave=lambda answer: (answer + 1) / 2,
    )
    torch.nn.init.dirac_(windows.norms.network.weight)
    windows.norms.network.bias.zero_()
    picture = torch.rand(1, 3, 5, 6, generator=GENERATOR)
    torch.testing.assert_close(windows.paint(picture, origin=(0, 0)), picture)
    assert windows.look(picture) == ()
