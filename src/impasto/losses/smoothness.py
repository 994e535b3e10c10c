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
    """How unevenly the gradient is spread over the phases of a period of pixels.

    Bilinear upsampling makes rough features twice as steep between cells as inside them, and
    sub-pixel convolutions give every phase filters of its own; both draw a lattice that
    statistics of features do not see. A period of 8 finds those of 2 and 4 as well.

    Args:
        images: (B, 3, H, W), both sides above ``period``.
        period: In pixels.

    Returns:
        A scalar: the variance of the phases' mean gradients in units of their square, summed
        over the two axes; 0 for an even spread.
    """
    loss = images.new_zeros(())
    for axis, other in ((-1, -2), (-2, -1)):
        gradient = images.diff(dim=axis).abs().mean(dim=(0, 1, other))  # one value per line
        whole = gradient[: len(gradient) // period * period]
        phases = whole.view(-1, period).mean(0)
        loss = loss + (phases / phases.mean().clamp_min(1e-6) - 1).square().mean()
    return loss


def out_of_range_loss(images: Tensor) -> Tensor:
    """Mean amount by which values leave [0, 1], which a picture file would cut off.

    Args:
        images: Any shape.

    Returns:
        A scalar: 0 where all values are inside.
    """
    return (images - images.clamp(0, 1)).abs().mean()
