"""Statistics of features: against NumPy, in float64, under autocast."""

import numpy as np
import pytest
import torch

from impasto.errors import ShapeError
from impasto.features.statistics import channel_statistics, covariance, gram_matrix


def test_gram_matrix_equals_numpy():
    features = torch.randn(2, 4, 5, 7, generator=torch.Generator().manual_seed(0))
    flat = features.numpy().reshape(2, 4, 35)
    expected = np.stack([f @ f.T / 35 for f in flat])
    np.testing.assert_allclose(gram_matrix(features).numpy(), expected, rtol=1e-5, atol=1e-6)


def test_gram_matrix_does_not_depend_on_image_size():
    features = torch.rand(1, 4, 8, 8)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(features.repeat(1, 1, 2, 3)))


def test_gram_matrix_is_symmetric_and_positive():
    gram = gram_matrix(torch.randn(1, 6, 2, 2))
    torch.testing.assert_close(gram, gram.mT)
    assert torch.linalg.eigvalsh(gram).min() > -1e-5


def test_channel_statistics_equal_numpy():
    features = torch.randn(2, 3, 6, 5) * 4 + 2
    mean, std = channel_statistics(features, eps=0.0)
    assert mean.shape == std.shape == (2, 3, 1, 1)
    np.testing.assert_allclose(mean[..., 0, 0], features.numpy().mean((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(std[..., 0, 0], features.numpy().std((2, 3)), rtol=1e-5)


def test_flat_channel_has_deviation_sqrt_eps_and_finite_gradient():
    features = torch.full((1, 2, 3, 3), 5.0, requires_grad=True)
    _, std = channel_statistics(features, eps=1e-4)
    torch.testing.assert_close(std, torch.full_like(std, 1e-2))
    std.sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_one_position_is_enough():
    mean, std = channel_statistics(torch.full((1, 2, 1, 1), 3.0))
    assert mean.flatten().tolist() == [3.0, 3.0]
    assert std.isfinite().all()


@pytest.mark.parametrize("size", [(1, 2), (3, 3), (40, 50), (700, 300)])
def test_statistics_in_bfloat16_are_those_of_the_same_values_in_float64(size):
    torch.manual_seed(0)
    features = (torch.randn(2, 5, *size) * 2 + 30).bfloat16()
    features = features.to(memory_format=torch.channels_last)
    whole = torch.nn.functional.pad(features, (1, 1, 1, 1))
    with torch.no_grad():
        for part in (features, whole[..., 1:-1, 1:-1]):
            mean, std = channel_statistics(part)
            assert mean.dtype == std.dtype == torch.float32
            variance, expected = torch.var_mean(
                features.double(), (2, 3), keepdim=True, correction=0
            )
            torch.testing.assert_close(mean.double(), expected, rtol=1e-5, atol=0)
            wanted = (variance + 1e-5).sqrt()
            torch.testing.assert_close(std.double(), wanted, rtol=2e-4, atol=1e-6)


def test_covariance_equals_numpy():
    features = torch.randn(2, 4, 5, 6, dtype=torch.float64) + 3
    mean, found = covariance(features)
    for b in range(2):
        flat = features[b].flatten(1).numpy()
        np.testing.assert_allclose(mean[b], flat.mean(1))
        np.testing.assert_allclose(found[b], np.cov(flat, bias=True))


@pytest.mark.parametrize("statistic", [channel_statistics, gram_matrix, covariance])
def test_gradients_in_float64(statistic):
    features = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(statistic, (features,))


@pytest.mark.parametrize("statistic", [channel_statistics, gram_matrix, covariance])
def test_half_precision_is_widened_also_under_autocast(statistic):
    features = 30 * torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    exact = statistic(features.bfloat16().float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = statistic(features.bfloat16())
    torch.testing.assert_close(found, exact)  # float32 in both, or assert_close objects


@pytest.mark.parametrize("statistic", [channel_statistics, gram_matrix, covariance])
def test_three_axes_are_refused_with_a_remedy(statistic):
    with pytest.raises(ShapeError, match=r"features must be \(B, C, H, W\).*x\[None\]"):
        statistic(torch.rand(3, 8, 8))


def test_statistics_and_their_gradient_do_not_depend_on_the_order_of_memory():
    generator = torch.Generator().manual_seed(0)
    plain = torch.rand(2, 5, 6, 7, dtype=torch.float64, generator=generator)
    last = plain.to(memory_format=torch.channels_last)
    for features in (plain, last):
        features.requires_grad_()
    for found, expected in zip(channel_statistics(last), channel_statistics(plain), strict=True):
        torch.testing.assert_close(found, expected)
    assert torch.autograd.gradcheck(channel_statistics, (last,))


def test_statistics_of_a_part_are_those_of_its_copy():
    whole = torch.rand(2, 9, 10, 5, generator=torch.Generator().manual_seed(0)).permute(0, 3, 1, 2)
    part = whole[..., 2:-1, 1:-3]
    assert not part.permute(0, 2, 3, 1).is_contiguous()
    for found, expected in zip(
        channel_statistics(part), channel_statistics(part.contiguous()), strict=True
    ):
        torch.testing.assert_close(found, expected)
