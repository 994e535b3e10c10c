"""Smoothness and range: priors on pixels that need no network."""

from typing import get_args

from torch import Tensor

from impasto.checks import check_choice
from impasto.kinds import TotalVariation


def total_variation(images: Tensor, kind: TotalVariation = "l2", *, wrap: bool = False) -> Tensor:
    """How much neighbouring pixels differ, averaged over pixels and channels.

    Rudin, Osher and Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D
    60, 1992, in the discrete forms in use.

    Args:
        images: (B, 3, H, W) in [0, 1].
        kind: "l1": absolute differences to the right and below; "l2": their squares;
            "nine-point": squares of the differences to all eight neighbours, the diagonal ones
            counted half, so that no direction is cheap.
        wrap: The last column's neighbour is the first, the last row's the first row.

    Returns:
        A scalar; 0 for a flat picture.

    Raises:
        InputError: There is no such kind.
    """
    check_choice("total variation", kind, get_args(TotalVariation))
    straight, diagonal = ((0, 1), (1, 0)), ((1, 1), (1, -1))
    loss = images.new_zeros(())
    for shift in straight if kind != "nine-point" else straight + diagonal:
        moved = _moved(images, shift) if wrap else None
        difference = images - moved if moved is not None else _difference(images, shift)
        size = difference.abs() if kind == "l1" else difference.square()
        factor = 0.5 if shift in diagonal else 1.0
        loss = loss + factor * size.sum() / images.numel()
    return loss


def _moved(images: Tensor, shift: tuple[int, int]) -> Tensor:
    return images.roll(shift, dims=(-2, -1))


def _difference(images: Tensor, shift: tuple[int, int]) -> Tensor:
    """Each pixel minus its neighbour at (down, right); pixels without one are left out."""
    down, right = shift
    height, width = images.shape[-2:]
    here = images[..., : height - down, max(0, -right) : width - max(0, right)]
    there = images[..., down:, max(0, right) : width - max(0, -right)]
    return there - here


def lattice_loss(images: Tensor, period: int = 8) -> Tensor:
    """How much of a pattern that repeats every few pixels a picture shows.

    Bilinear upsampling makes rough features twice as steep between cells as inside them, and
    sub-pixel convolutions give every phase filters of its own; both draw a lattice that
    statistics of features do not see. And where its input is flat, a network of strided layers
    can only repeat one cell: stripes or hatching in any direction. A period of 8 finds those of 2
    and 4 as well.

    Args:
        images: (B, 3, H, W), both sides above ``period``.
        period: In pixels.

    Returns:
        A scalar, summed over the two axes: the variance of the phases' mean gradients, without
        sign, over lines, and the variance of those with sign within the mean cell of a picture;
        both in units of the square of the mean gradient. The first is 0 for an even spread, the
        second for a picture in which nothing repeats.
    """
    loss = images.new_zeros(())
    for axis, other in ((-1, -2), (-2, -1)):
        gradient = images.diff(dim=axis)
        steep = gradient.abs().mean(dim=(0, 1, other))  # one value per line
        whole = steep[: len(steep) // period * period]
        phases = whole.view(-1, period).mean(0)
        unit = phases.mean().clamp_min(1e-6)
        loss = loss + (phases / unit - 1).square().mean()
        cell = _mean_cell(gradient, period)
        slope = cell.mean(dim=(-2, -1), keepdim=True)  # of the light over the whole picture
        loss = loss + ((cell - slope) / unit).square().mean()
    return loss


def _mean_cell(values: Tensor, period: int) -> Tensor:
    """(B, C, period, period): the mean of all whole cells."""
    batch, channels = values.shape[:2]
    rows, columns = (side // period for side in values.shape[-2:])
    whole = values[..., : rows * period, : columns * period]
    return whole.reshape(batch, channels, rows, period, columns, period).mean(dim=(2, 4))


def out_of_range_loss(images: Tensor) -> Tensor:
    """Mean amount by which values leave [0, 1], which a picture file would cut off.

    Args:
        images: Any shape.

    Returns:
        A scalar: 0 where all values are inside.
    """
    return (images - images.clamp(0, 1)).abs().mean()
