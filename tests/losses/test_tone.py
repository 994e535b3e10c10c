"""The tone loss: recomputed window by window in NumPy, what it leaves free, and its gradient."""

import numpy as np
import pytest
import torch

from impasto.losses.tone import CELL, FLOOR, WINDOW, tone_loss


def pictures(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def scene(cells: int = 12) -> torch.Tensor:
    """Light that changes from cell to cell, without texture."""
    return pictures(1, 1, cells, cells, seed=3).repeat_interleave(CELL, 2).repeat_interleave(
        CELL, 3
    ).expand(-1, 3, -1, -1)  # fmt: skip


def test_it_is_what_a_line_through_each_window_leaves():
    images, content = pictures(2, 3, 56, 72, seed=1), pictures(2, 3, 56, 72, seed=2)
    tones = [
        x.double().numpy().mean(1).reshape(2, 7, CELL, 9, CELL).mean((2, 4))
        for x in (images, content)
    ]
    expected = []
    for painted, shown in zip(*tones, strict=True):
        left = []
        for y in range(7 - WINDOW + 1):
            for x in range(9 - WINDOW + 1):
                p, g = (t[y : y + WINDOW, x : x + WINDOW].ravel() for t in (painted, shown))
                shared = np.mean(p * g) - p.mean() * g.mean()
                left.append(p.var() - shared**2 / (g.var() + FLOOR))
        expected.append(np.mean(left) / (painted.var() + FLOOR))
    assert tone_loss(images, content).tolist() == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("change", ["none", "darker", "inverted"])
def test_the_photographs_own_light_is_free_however_it_is_told(change):
    content = scene()
    painted = {"none": content, "darker": content * 0.4 + 0.1, "inverted": 1 - content}[change]
    assert float(tone_loss(painted, content)) < 0.01


def test_patches_on_a_smooth_wall_cost_and_texture_finer_than_a_cell_does_not():
    wall = torch.full((1, 3, 96, 96), 0.6)
    fine = 0.2 * (torch.arange(96) % 2).expand(1, 3, 96, 96)
    assert float(tone_loss(scene(), wall)) > 0.5
    assert float(tone_loss(wall + fine, wall)) < 1e-4


def test_a_flat_painting_is_finite():
    flat = torch.full((1, 3, 40, 40), 0.5, requires_grad=True)
    loss = tone_loss(flat, torch.full((1, 3, 40, 40), 0.5)).sum()
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert flat.grad.isfinite().all()


def test_gradient():
    images = pictures(1, 3, 40, 48, dtype=torch.float64).requires_grad_()
    content = pictures(1, 3, 40, 48, seed=1, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: tone_loss(x, content), images, atol=1e-4)
