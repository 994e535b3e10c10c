"""Content: how far the features moved."""

from torch import Tensor


def relative_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of features in units of the target's variance.

    The unit makes weights of content and style comparable between networks of different scale.

    Args:
        features: (B, C, H, W).
        target: The same shape, without gradient; one variance is taken over all its values.

    Returns:
        A scalar: 0 for equal features, about 1 where everything is the target's mean value.
    """
    return (features - target).square().mean() / target.var().clamp_min(1e-8)
