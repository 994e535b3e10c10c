"""Content: how far the features moved."""

import torch
from torch import Tensor


def relative_content_loss(features: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of features in units of the target's variance, picture by picture.

    The unit makes weights of content and style comparable between networks of different scale.

    Args:
        features: (B, C, H, W).
        target: The same shape, without gradient; each picture has its own variance.

    Returns:
        (B,), float32 or wider: 0 for equal features, about 1 where everything is the target's
        mean value.
    """
    features, target = (
        x.to(torch.promote_types(x.dtype, torch.float32)) for x in (features, target)
    )
    squares = (features - target).square().mean(dim=(1, 2, 3))
    return squares / target.var(dim=(1, 2, 3)).clamp_min(1e-8)
