"""Priors on pixels: recomputed in NumPy, and their gradient."""

import numpy as np
import pytest
import torch

from impasto.losses.smoothness import lattice_loss, out_of_range_loss


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


def test_a_lattice_is_seen_and_an_even_grain_is_not():
    even = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    columns = even * torch.tensor([1.0, 1.0, 0.5, 0.5]).repeat(32)
    assert float(lattice_loss(even)) < 1e-3
    assert float(lattice_loss(columns)) > 10 * float(lattice_loss(even))


def test_lattice_loss_is_the_variance_of_the_phases():
    pictures = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    expected = 0.0
    for gradient in (
        np.abs(np.diff(pictures.numpy(), axis=-1)).mean((0, 1, 2)),
        np.abs(np.diff(pictures.numpy(), axis=-2)).mean((0, 1, 3)),
    ):
        phases = gradient[: len(gradient) // 8 * 8].reshape(-1, 8).mean(0)
        expected += ((phases / phases.mean() - 1) ** 2).mean()
    assert float(lattice_loss(pictures)) == pytest.approx(expected, rel=1e-4)
