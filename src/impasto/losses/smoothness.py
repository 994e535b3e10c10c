"""Smoothness and range: priors on pixels that need no network."""

from torch import Tensor


def out_of_range_loss(images: Tensor) -> Tensor:
    """Mean amount by which values leave [0, 1], which a picture file would cut off.

    Args:
        images: Any shape.

    Returns:
        A scalar: 0 where all values are inside.
    """
    return (images - images.clamp(0, 1)).abs().mean()
