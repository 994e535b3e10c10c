"""How good a stylized picture is: content kept, style taken, lattice left behind.

All figures are means over positions and channels in units of the target's own, so that they can
be compared between pictures; 0 is best. ``content`` and ``style`` pull against each other: the
content itself has content 0 and a style of about 5, so read them as a pair.

Reading order: content_distance, style_distance (what a perceptual network sees),
grid_modulation, grid_artifact, seam_artifact, border_artifact, clipped_part (what it does not),
TransferFigures (those by which painters are trained).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from impasto.checks import check_shape
from impasto.errors import ShapeError
from impasto.features.vgg import VGG
from impasto.losses.content import relative_content_loss
from impasto.losses.style import relative_statistics_loss, statistics_of

CONTENT_LAYER = "relu4_1"
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
GRID_PERIODS = (2, 4, 8)
"""Pixels per cell of a network's feature grids: where strides and upsampling leave traces."""
SEAM_REACH = 8
"""Lines on either side with which one that may be a seam is compared."""
BORDER_BAND = 8
"""Pixels: how far a frame that padding leaves reaches in, about."""


@dataclass(frozen=True, kw_only=True)
class TransferFigures:
    """What is measured of one stylized picture; lower is better."""

    content: float
    """Squared difference at relu4_1 in units of the content's variance: 0 to about 2."""

    style: float
    """Squared difference of means and deviations in units of the style's, summed over layers."""

    grid: float
    """Periodic modulation of the gradient beyond the content's own: 0 to about 1."""


@torch.inference_mode()
def transfer_figures(
    network: VGG, content: Tensor, style: Tensor, stylized: Tensor
) -> TransferFigures:
    """All figures of one picture.

    Args:
        network: Answers at CONTENT_LAYER and STYLE_LAYERS.
        content: (1, 3, H, W) in [0, 1].
        style: (1, 3, h, w) in [0, 1].
        stylized: (1, 3, H, W); clamped to [0, 1].

    Raises:
        ShapeError: A picture has another form.
    """
    return TransferFigures(
        content=float(content_distance(network, content, stylized)),
        style=float(style_distance(network, style, stylized)),
        grid=float(grid_artifact(stylized, content)),
    )


def content_distance(
    network: VGG, content: Tensor, stylized: Tensor, *, layer: str = CONTENT_LAYER
) -> Tensor:
    """Mean squared difference of features over the variance of the content's.

    Args:
        network: Answers at ``layer``.
        content, stylized: (B, 3, H, W) in [0, 1]; values beyond are clamped.
        layer: Where to compare.

    Returns:
        (B,): 0 for the content itself, about 1 where only the mean of the features is left.

    Raises:
        ShapeError: A picture is not (B, 3, H, W), or the two differ.
    """
    _check_same(content, stylized)
    target = network(content.clamp(0, 1))[layer]
    found = network(stylized.clamp(0, 1))[layer]
    return relative_content_loss(found, target)


def style_distance(
    network: VGG, style: Tensor, stylized: Tensor, *, layers: tuple[str, ...] | None = None
) -> Tensor:
    """Squared differences of channel means and deviations, per layer over the style's own.

    Args:
        network: Answers at ``layers``.
        style: (B, 3, h, w) in [0, 1]; the size is free.
        stylized: (B, 3, H, W) in [0, 1]; values beyond are clamped.
        layers: Summed over; None takes all of the network's.

    Returns:
        (B,): 0 where every mean and deviation is the style's.

    Raises:
        ShapeError: A picture is not (B, 3, H, W).
    """
    check_shape(style, "B 3 H W", name="style")
    check_shape(stylized, "B 3 H W", name="stylized")
    found, target = (network(images.clamp(0, 1)) for images in (stylized, style))
    names = layers or tuple(found)
    return relative_statistics_loss(
        statistics_of({name: found[name] for name in names}),
        statistics_of({name: target[name] for name in names}),
    )


def grid_artifact(stylized: Tensor, content: Tensor) -> Tensor:
    """How much stronger a lattice runs through the picture than through its content.

    Args:
        stylized, content: (B, 3, H, W) in [0, 1], sides at least 9 pixels.

    Returns:
        (B,), never negative.

    Raises:
        ShapeError: A picture is not (B, 3, H, W), or the two differ.
    """
    _check_same(content, stylized)
    return (grid_modulation(stylized) - grid_modulation(content)).clamp_min(0)


def grid_modulation(images: Tensor) -> Tensor:
    """Strongest periodic modulation of the gradient magnitude, over both axes.

    The mean absolute difference of neighbours is taken per column (and per row) and folded at
    the periods GRID_PERIODS; a picture without a lattice has about the same mean at each phase.

    Args:
        images: (B, 3, H, W), sides at least 9 pixels.

    Returns:
        (B,): largest phase mean less the smallest, over the mean of all phases.

    Raises:
        ShapeError: Not (B, 3, H, W), or smaller.
    """
    check_shape(images, "B 3 H W", name="images")
    if min(images.shape[-2:]) <= max(GRID_PERIODS):
        raise ShapeError(
            f"images must be at least {max(GRID_PERIODS) + 1} pixels a side to look for a lattice, "
            f"got {images.shape[-2]}x{images.shape[-1]}."
        )
    rows = images.diff(dim=-2).abs().mean(dim=(1, 3))  # (B, H - 1)
    columns = images.diff(dim=-1).abs().mean(dim=(1, 2))  # (B, W - 1)
    found = [_modulation(profile, period) for profile in (rows, columns) for period in GRID_PERIODS]
    return torch.stack(found).amax(0)


def seam_artifact(stylized: Tensor, content: Tensor) -> Tensor:
    """How much more a single straight line across the picture stands out than in its content.

    Where two tiles meet that do not fit, all neighbours along one line differ. The mean absolute
    difference across each line is put in units of that of its SEAM_REACH neighbours on either
    side; the figure is the largest of the picture less the largest of the content.

    Args:
        stylized, content: (B, 3, H, W) in [0, 1], sides at least 2 SEAM_REACH + 2 pixels.

    Returns:
        (B,), never negative; a seam of the size of the picture's own contrast has 1 or more.

    Raises:
        ShapeError: A picture is not (B, 3, H, W), the two differ, or they are smaller.
    """
    _check_same(content, stylized)
    _check_side(stylized, 2 * SEAM_REACH + 2, "a seam")
    return (_strongest_line(stylized) - _strongest_line(content)).clamp_min(0)


def border_artifact(stylized: Tensor, content: Tensor) -> Tensor:
    """How much more a band along a border differs in colour from the next one than in the content.

    Networks that pad with zeros draw frames. Of each of the four sides the mean colour of the
    outermost BORDER_BAND pixels is compared with that of as many next to them.

    Args:
        stylized, content: (B, 3, H, W) in [0, 1], sides at least 4 BORDER_BAND pixels.

    Returns:
        (B,), of the worst side, in units of the picture's deviation, never negative.

    Raises:
        ShapeError: A picture is not (B, 3, H, W), the two differ, or they are smaller.
    """
    _check_same(content, stylized)
    _check_side(stylized, 4 * BORDER_BAND, "a border")
    steps = [_border_steps(images) for images in (stylized, content)]  # (B, 4) each
    return (steps[0] - steps[1]).clamp_min(0).amax(-1)


def clipped_part(stylized: Tensor, content: Tensor) -> Tensor:
    """How many more values lie at 0 or 1 than in the content: what was painted beyond the range.

    Args:
        stylized, content: (B, 3, H, W); values beyond [0, 1] count as well.

    Returns:
        (B,), a fraction of all values, never negative.

    Raises:
        ShapeError: A picture is not (B, 3, H, W), or the two differ.
    """
    _check_same(content, stylized)
    half = 0.5 / 255  # a file of 8 bits rounds so much to the ends
    parts = [((x <= half) | (x >= 1 - half)).float().mean((1, 2, 3)) for x in (stylized, content)]
    return (parts[0] - parts[1]).clamp_min(0)


def _strongest_line(images: Tensor) -> Tensor:
    found = []
    for axis, others in ((-2, (1, 3)), (-1, (1, 2))):
        profile = images.diff(dim=axis).abs().mean(dim=others)  # (B, lines)
        windows = profile.unfold(-1, 2 * SEAM_REACH + 1, 1)  # (B, lines, neighbours and itself)
        itself = windows[..., SEAM_REACH]
        around = (windows.sum(-1) - itself) / (2 * SEAM_REACH)
        found.append((itself / (around + 1e-3)).amax(-1))
    return torch.stack(found).amax(0)


def _border_steps(images: Tensor) -> Tensor:
    steps = []
    for turned in (images, images.flip(-1), images.mT, images.mT.flip(-1)):
        outer, inner = (turned[..., i * BORDER_BAND : (i + 1) * BORDER_BAND] for i in (0, 1))
        steps.append((outer.mean((2, 3)) - inner.mean((2, 3))).abs().mean(1))  # (B,)
    deviation = images.std(dim=(1, 2, 3), correction=0) + 1e-3
    return torch.stack(steps, dim=-1) / deviation[:, None]


def _check_side(images: Tensor, least: int, what: str) -> None:
    if min(images.shape[-2:]) < least:
        raise ShapeError(
            f"images must be at least {least} pixels a side to look for {what}, got "
            f"{images.shape[-2]}x{images.shape[-1]}."
        )


def _modulation(profile: Tensor, period: int) -> Tensor:
    whole = profile.shape[-1] // period * period
    phases = profile[:, :whole].reshape(len(profile), -1, period).mean(1)  # (B, period)
    spread: Tensor = phases.amax(-1) - phases.amin(-1)
    return spread / (phases.mean(-1) + 1e-6)


def _check_same(content: Tensor, stylized: Tensor) -> None:
    check_shape(content, "B 3 H W", name="content")
    check_shape(stylized, "B 3 H W", name="stylized")
    if content.shape != stylized.shape:
        raise ShapeError(
            f"stylized must have the content's shape {tuple(content.shape)}, "
            f"got {tuple(stylized.shape)}."
        )
