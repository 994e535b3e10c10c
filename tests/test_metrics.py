"""The figures by which painters are compared."""

import numpy as np
import pytest
import torch

from impasto.errors import ShapeError
from impasto.features.vgg import VGG, VGGPlan
from impasto.metrics import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    border_artifact,
    clipped_part,
    content_distance,
    grid_artifact,
    grid_modulation,
    seam_artifact,
    style_distance,
    transfer_figures,
)

EXACT = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(scope="module")
def network() -> VGG:
    torch.manual_seed(0)
    plan = VGGPlan(depths=(1, 1, 1, 1, 1), widths=(4, 6, 8, 8, 8))
    return VGG(plan, STYLE_LAYERS, padding="reflect")


@pytest.fixture
def pictures() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    content, stylized = torch.rand(2, 2, 3, 48, 48, generator=generator)
    return content, torch.rand(2, 3, 40, 56, generator=generator), stylized


def test_a_picture_is_at_distance_zero_from_itself(network, pictures):
    content, style, _ = pictures
    assert content_distance(network, content, content).abs().max() == 0
    assert style_distance(network, style, style).abs().max() == 0
    for artifact in (grid_artifact, seam_artifact, border_artifact, clipped_part):
        assert artifact(content, content).abs().max() == 0


def test_content_distance_is_the_squared_difference_over_the_variance(network, pictures):
    content, _, stylized = pictures
    found = content_distance(network, content, stylized)
    for index in range(2):
        one = slice(index, index + 1)
        target = network(content[one])[CONTENT_LAYER].numpy().astype(np.float64)
        other = network(stylized[one])[CONTENT_LAYER].numpy().astype(np.float64)
        expected = ((other - target) ** 2).mean() / target.var(ddof=1)
        assert found[index].item() == pytest.approx(expected, rel=1e-4)


def test_style_distance_adds_means_and_deviations_in_units_of_the_style(network, pictures):
    _, style, stylized = pictures
    expected = np.zeros(2)
    wanted, given = network(style), network(stylized)
    for layer in STYLE_LAYERS:
        w, g = (t[layer].flatten(2).numpy().astype(np.float64) for t in (wanted, given))
        w_std, g_std = (np.sqrt(x.var(-1) + 1e-5) for x in (w, g))
        squares = (g.mean(-1) - w.mean(-1)) ** 2 + (g_std - w_std) ** 2
        expected += squares.mean(-1) / (w_std**2).mean(-1)
    np.testing.assert_allclose(style_distance(network, style, stylized), expected, rtol=1e-4)


def test_style_distance_sums_over_the_layers_asked_for(network, pictures):
    _, style, stylized = pictures
    parts = [style_distance(network, style, stylized, layers=(one,)) for one in STYLE_LAYERS]
    whole = style_distance(network, style, stylized)
    torch.testing.assert_close(torch.stack(parts).sum(0), whole, **EXACT)


def test_values_beyond_the_range_count_as_clamped(network, pictures):
    content, style, stylized = pictures
    wild = stylized * 3 - 1
    for distance, target in ((content_distance, content), (style_distance, style)):
        torch.testing.assert_close(
            distance(network, target, wild), distance(network, target, wild.clamp(0, 1)), **EXACT
        )


@pytest.mark.parametrize("period", [2, 4, 8])
@pytest.mark.parametrize("axis", [-1, -2])
def test_a_lattice_of_each_period_and_axis_is_seen(period, axis):
    generator = torch.Generator().manual_seed(2)
    smooth = 0.5 + 0.01 * torch.rand(1, 3, 64, 64, generator=generator)
    steps = torch.arange(64) // period % 2 * 0.05
    lattice = smooth + (steps if axis == -1 else steps[:, None])
    assert grid_modulation(smooth).item() < 0.3
    assert grid_artifact(lattice, smooth).item() > 0.5


def test_grid_modulation_is_the_spread_of_phase_means():
    picture = torch.rand(1, 3, 21, 30, generator=torch.Generator().manual_seed(3))
    x = picture[0].numpy().astype(np.float64)
    worst = 0.0
    for axis, other in ((1, 2), (2, 1)):
        profile = np.abs(np.diff(x, axis=axis)).mean(axis=(0, other))
        for period in (2, 4, 8):
            phases = [
                profile[p : len(profile) // period * period : period].mean() for p in range(period)
            ]
            worst = max(worst, (max(phases) - min(phases)) / (np.mean(phases) + 1e-6))
    assert grid_modulation(picture).item() == pytest.approx(worst, rel=1e-4)


def test_the_contents_own_lattice_is_not_held_against_the_painter():
    fence = (torch.arange(32) % 4 == 0).float().expand(1, 3, 32, 32)
    assert grid_modulation(fence).item() > 0.5
    assert grid_artifact(0.8 * fence, fence).item() < 0.01


def test_figures_of_one_picture_come_together(network, pictures):
    content, style, stylized = (images[:1] for images in pictures)
    figures = transfer_figures(network, content, style, stylized)
    assert figures.content == pytest.approx(content_distance(network, content, stylized).item())
    assert figures.style == pytest.approx(style_distance(network, style, stylized).item())
    assert figures.grid == pytest.approx(grid_artifact(stylized, content).item())


def test_pictures_of_two_sizes_are_refused_by_name(network):
    with pytest.raises(ShapeError, match="stylized must have the content's shape"):
        content_distance(network, torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 40))
    with pytest.raises(ShapeError, match="stylized must be"):
        grid_artifact(torch.rand(3, 32, 32), torch.rand(1, 3, 32, 32))


def test_a_picture_too_small_for_a_lattice_is_refused():
    with pytest.raises(ShapeError, match="at least 9 pixels a side"):
        grid_modulation(torch.rand(1, 3, 8, 20))


@pytest.mark.parametrize("axis", [-1, -2])
def test_a_seam_is_seen_wherever_it_runs_and_texture_is_not_one(axis):
    generator = torch.Generator().manual_seed(4)
    content, painted = 0.4 + 0.1 * torch.rand(2, 1, 3, 48, 48, generator=generator)
    half = (torch.arange(48) >= 29).float() * 0.2
    seamed = painted + (half if axis == -1 else half[:, None])
    assert seam_artifact(painted, content).item() < 0.3
    assert seam_artifact(seamed, content).item() > 2


def test_a_horizon_in_the_content_is_no_seam():
    generator = torch.Generator().manual_seed(5)
    half = (torch.arange(48) >= 20).float()[:, None] * 0.4
    content, painted = half + 0.05 * torch.rand(2, 1, 3, 48, 48, generator=generator)
    assert seam_artifact(painted, content).item() < 1
    assert seam_artifact(painted, torch.rand(1, 3, 48, 48, generator=generator)).item() > 5


@pytest.mark.parametrize("side", [0, 1, 2, 3])
def test_a_frame_on_any_side_is_seen(side):
    content = torch.rand(1, 3, 48, 40, generator=torch.Generator().manual_seed(6))
    framed = content.clone()
    bands = [framed[..., :8], framed[..., -8:], framed[..., :8, :], framed[..., -8:, :]]
    bands[side].mul_(0.3)
    assert border_artifact(framed, content).item() > 0.5
    assert border_artifact(1 - content, content).item() < 1e-3


def test_the_clipped_part_is_what_the_ends_of_the_range_gained():
    content = torch.full((2, 3, 32, 32), 0.5)
    content[:, :, 0] = 1.0
    painted = content.clone()
    painted[0, :, 1:5] = 1.4
    painted[0, :, 5] = 0.0
    assert clipped_part(painted, content).tolist() == pytest.approx([5 / 32, 0])
    assert clipped_part(content, painted).tolist() == [0, 0]


@pytest.mark.parametrize(("artifact", "least"), [(seam_artifact, 18), (border_artifact, 32)])
def test_a_picture_too_small_for_an_artifact_is_refused(artifact, least):
    small = torch.rand(1, 3, least - 1, 64)
    with pytest.raises(ShapeError, match=f"at least {least} pixels a side"):
        artifact(small, small)
    enough = torch.rand(1, 3, least, 64)
    assert artifact(enough, enough).item() == 0
