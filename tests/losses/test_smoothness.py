"""Priors on pixels: recomputed in NumPy, and their gradient."""

import numpy as np
import pytest
import torch

from impasto.errors import InputError
from impasto.losses.smoothness import lattice_loss, out_of_range_loss, total_variation


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
    even = torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    columns = even * torch.tensor([1.0, 1.0, 0.5, 0.5]).repeat(64)
    assert float(lattice_loss(even)) < 5e-3
    assert float(lattice_loss(columns)) > 10 * float(lattice_loss(even))


def test_hatching_in_any_direction_is_seen_and_a_slope_of_light_is_not():
    even = 0.1 * torch.rand(1, 3, 256, 256, generator=torch.Generator().manual_seed(0))
    down, right = torch.meshgrid(torch.arange(256.0), torch.arange(256.0), indexing="ij")
    for stripes in (down + right, down - right, 2 * down + right):
        hatched = even + 0.02 * (stripes % 4 < 2)
        assert float(lattice_loss(hatched)) > 5 * float(lattice_loss(even))
    assert float(lattice_loss(even + right / 64)) < 5e-3


def test_lattice_loss_is_the_unevenness_of_the_phases():
    pictures = torch.rand(2, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    expected = 0.0
    for axis in (-1, -2):
        gradient = np.diff(pictures.numpy(), axis=axis)
        lines = np.abs(gradient).mean((0, 1, 2 if axis == -1 else 3))
        phases = lines[: len(lines) // 8 * 8].reshape(-1, 8).mean(0)
        expected += ((phases / phases.mean() - 1) ** 2).mean()
        rows, columns = (side // 8 * 8 for side in gradient.shape[-2:])
        cells = [
            gradient[..., i : i + 8, j : j + 8]
            for i in range(0, rows, 8)
            for j in range(0, columns, 8)
        ]
        cell = np.mean(cells, axis=0)
        cell = cell - cell.mean((-2, -1), keepdims=True)
        expected += ((cell / phases.mean()) ** 2).mean()
    assert float(lattice_loss(pictures)) == pytest.approx(expected, rel=1e-4)


def numpy_variation(x, kind, wrap):
    """By its words: differences to the right and below, and for nine points the diagonals."""
    height, width = x.shape[-2:]
    total = 0.0
    steps = [(0, 1, 1.0), (1, 0, 1.0)]
    if kind == "nine-point":
        steps += [(1, 1, 0.5), (1, -1, 0.5)]
    for i in range(height):
        for j in range(width):
            for down, right, factor in steps:
                k, m = i + down, j + right
                if wrap:
                    k, m = k % height, m % width
                elif not (k < height and 0 <= m < width):
                    continue
                difference = x[..., k, m] - x[..., i, j]
                size = np.abs(difference) if kind == "l1" else difference**2
                total += factor * size.sum()
    return total / x.size


@pytest.mark.parametrize("wrap", [False, True])
@pytest.mark.parametrize("kind", ["l1", "l2", "nine-point"])
def test_total_variation_is_the_sum_over_neighbours(kind, wrap):
    images = torch.rand(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    wanted = numpy_variation(images.double().numpy(), kind, wrap)
    assert float(total_variation(images, kind, wrap=wrap)) == pytest.approx(wanted, rel=1e-5)


def test_total_variation_of_a_flat_picture_is_zero():
    assert float(total_variation(torch.full((1, 3, 4, 4), 0.3), "nine-point")) == 0


def test_total_variation_of_another_kind_is_refused():
    with pytest.raises(InputError, match="total variation must be one of l1, l2, nine-point"):
        total_variation(torch.zeros(1, 3, 4, 4), "l3")
