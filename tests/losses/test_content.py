"""The content loss: recomputed in NumPy, and its gradient."""

import numpy as np
import pytest
import torch

from impasto.losses.content import relative_content_loss


def features(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=generator)


def test_it_is_the_mean_square_in_units_of_the_targets_variance():
    found, target = 3 * features(1) + 1, 5 * features(2) - 2
    expected = [
        np.mean((one - wanted) ** 2) / np.var(wanted, ddof=1)
        for one, wanted in zip(found.numpy(), target.numpy(), strict=True)
    ]
    assert relative_content_loss(found, target).tolist() == pytest.approx(expected)


def test_equal_features_cost_nothing_and_the_mean_value_alone_about_1():
    target = features(1)
    assert relative_content_loss(target, target).tolist() == [0, 0]
    alone = target.mean(dim=(1, 2, 3), keepdim=True).expand_as(target)
    assert relative_content_loss(alone, target).tolist() == pytest.approx([1, 1], rel=0.02)


@pytest.mark.parametrize("factor", [1e-2, 1e3])
def test_the_scale_of_a_network_does_not_count(factor):
    found, target = features(1), features(2)
    one = relative_content_loss(found, target)
    torch.testing.assert_close(relative_content_loss(factor * found, factor * target), one)


def test_flat_targets_give_a_finite_loss():
    flat = torch.full((1, 3, 4, 4), 0.5)
    assert float(relative_content_loss(flat, flat)) == 0
    assert torch.isfinite(relative_content_loss(flat + 1, flat))


def test_gradient():
    target = features(2)
    found = features(1).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: relative_content_loss(x, target), found)


def test_half_precision_is_widened_before_it_is_squared():
    found, target = (features(seed).bfloat16() for seed in (1, 2))
    narrow = relative_content_loss(found, target)
    assert narrow.dtype == torch.float32
    torch.testing.assert_close(narrow, relative_content_loss(found.float(), target.float()))
