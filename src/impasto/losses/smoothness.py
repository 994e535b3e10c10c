"""Smoothness and range: priors on pixels that need no network."""

from torch import Tensor


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
