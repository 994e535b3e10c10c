"""Priors on pixels: recomputed in NumPy, and their gradient."""

import numpy as np
import pytest
import torch

from impasto.losses.smoothness import out_of_range_loss


def images(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 4 * torch.rand(2, 3, 4, 5, dtype=torch.float64, generator=generator) - 1.5


def test_it_is_the_mean_amount_beyond_the_range():
    values = images().numpy()
    expected = np.mean(np.maximum(values - 1, 0) + np.maximum(-values, 0))
    assert float(out_of_range_loss(images())) == pytest.approx(expected)


def test_pictures_inside_the_range_cost_nothing():
    assert float(out_of_range_loss(torch.tensor([0.0, 0.5, 1.0]))) == 0


def test_what_is_above_costs_as_much_as_what_is_below():
    torch.testing.assert_close(out_of_range_loss(images()), out_of_range_loss(1 - images()))


def test_gradient():
    assert torch.autograd.gradcheck(out_of_range_loss, images().requires_grad_())
