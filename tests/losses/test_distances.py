"""The four style losses against formulas recomputed in NumPy, and their laws."""

import numpy as np
import pytest
import torch

from impasto.errors import InputError
from impasto.losses.distances import mean_target, style_distance

NAMES = ("gram", "moments", "wasserstein", "histogram")


def features(seed=0, size=(9, 11), channels=5, gain=1.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(channels, channels, generator=generator, dtype=dtype)
    plain = torch.randn(1, channels, *size, generator=generator, dtype=dtype)
    return gain * (torch.einsum("ij,bjhw->bihw", mix, plain) + 0.5)


def distance_between(name, found, style, weights=None, **settings):
    distance = style_distance(name, **settings)
    return distance.distance(found, distance.prepare(distance.describe(style)), weights)


def flat(x):
    return x.flatten(2)[0].numpy()


def root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(values.clip(0))) @ vectors.T


@pytest.mark.parametrize(
    ("normalization", "divisor", "factor"),
    [("positions", "n", 1), ("paper", "n", 0.25), ("elements", "cn", 1), ("none", "1", 1)],
)
def test_gram(normalization, divisor, factor):
    a, b = features(1), features(2)
    x, y = flat(a), flat(b)
    c, n = x.shape
    by = {"n": n, "cn": c * n, "1": 1}[divisor]
    wanted = factor * np.mean((x @ x.T / by - y @ y.T / by) ** 2)
    found = distance_between("gram", a, b, gram_normalization=normalization)
    assert float(found) == pytest.approx(wanted, rel=1e-6)


def test_moments():
    x, y = flat(features(1)), flat(features(2))
    wanted = np.mean((x.mean(1) - y.mean(1)) ** 2 + (x.std(1) - y.std(1)) ** 2)
    found = distance_between("moments", features(1), features(2))
    assert float(found) == pytest.approx(wanted, rel=1e-4)


def test_wasserstein():
    x, y = flat(features(1)), flat(features(2))
    s, t = np.cov(x, bias=True), np.cov(y, bias=True)
    between = root(root(t) @ s @ root(t))
    wanted = np.sum((x.mean(1) - y.mean(1)) ** 2) + np.trace(s + t - 2 * between)
    found = distance_between("wasserstein", features(1), features(2))
    assert float(found) == pytest.approx(wanted / len(x), rel=1e-3)


def test_histogram():
    x, y = flat(features(1, size=(16, 32))), flat(features(2, size=(16, 32)))
    wanted = np.mean((np.sort(x) - np.sort(y)) ** 2)
    found = distance_between("histogram", features(1, (16, 32)), features(2, (16, 32)))
    assert float(found) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_a_style_is_at_no_distance_from_itself_and_at_some_from_another(name):
    style = features(3)
    assert float(distance_between(name, style, style)) == pytest.approx(0, abs=2e-3)
    assert float(distance_between(name, features(4), style)) > 0.05


@pytest.mark.parametrize("name", NAMES)
def test_places_do_not_count(name):
    style, found = features(3), features(4)
    turned = found.flip(-1).transpose(-1, -2)
    torch.testing.assert_close(
        distance_between(name, turned, style), distance_between(name, found, style)
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_that_of_the_value(name):
    style, found = features(3, (4, 5), 3), features(4, (4, 5), 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: distance_between(name, x, style), (found,))


@pytest.mark.parametrize("name", NAMES)
def test_a_mask_of_ones_is_none_and_a_mask_of_a_half_is_that_half(name):
    style, found = features(3), features(4, size=(8, 12))
    ones = torch.ones(1, 1, 8, 12, dtype=torch.float64)
    torch.testing.assert_close(
        distance_between(name, found, style, ones), distance_between(name, found, style)
    )
    half = ones.clone()
    half[..., 6:] = 0
    torch.testing.assert_close(
        distance_between(name, found, style, half),
        distance_between(name, found[..., :6].contiguous(), style),
    )


def test_styles_are_averaged_by_raw_moments():
    """The mean of two halves of a picture is the picture."""
    whole = features(5, size=(6, 8))
    halves = whole[..., :4], whole[..., 4:]
    for name in ("gram", "moments", "wasserstein"):
        distance = style_distance(name)
        mean = mean_target([distance.describe(half) for half in halves], [0.5, 0.5])
        for part, wanted in zip(mean, distance.describe(whole), strict=True):
            torch.testing.assert_close(part, wanted)


@pytest.mark.parametrize("name", NAMES)
def test_flat_features_have_a_finite_gradient(name):
    found = torch.zeros(1, 4, 5, 5, requires_grad=True)
    value = distance_between(name, found, torch.full((1, 4, 5, 5), 0.3))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(found.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_the_unit_grows_with_the_style_as_the_distance_does(name):
    distance = style_distance(name)
    small, large = (distance.prepare(distance.describe(features(6, gain=g))) for g in (1, 10))
    ratio = float(distance.unit(large) / distance.unit(small))
    assert ratio == pytest.approx(10_000 if name == "gram" else 100, rel=0.01)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="style loss must be one of gram, moments"):
        style_distance("grams")
    with pytest.raises(InputError, match="Gram normalization must be one of"):
        style_distance("gram", "pixels")
