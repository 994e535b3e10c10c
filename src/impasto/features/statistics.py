"""Descriptors of style: channel statistics, Gram matrix, covariance."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from impasto.checks import check_shape


def channel_statistics(features: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each channel over its positions.

    Args:
        features: (B, C, H, W), floating point.
        eps: Added to the variance (not to the deviation), so that a flat channel has
            deviation sqrt(eps) and a finite gradient.

    Returns:
        Two tensors (B, C, 1, 1) in float32 or wider; the variance is the biased one (1 / HW).

    Raises:
        ShapeError: ``features`` is not (B, C, H, W).
    """
    check_shape(features, "B C H W", name="features")
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    if features.stride(1) == 1 and features.shape[1] > 1:
        # torch.var_mean takes five times as long over this order of memory.
        mean, variance = _RowMoments.apply(features.permute(0, 2, 3, 1))  # type: ignore[no-untyped-call]
        mean, variance = mean.permute(0, 3, 1, 2), variance.permute(0, 3, 1, 2)  # (B, C, 1, 1)
    else:
        variance, mean = torch.var_mean(features, dim=(2, 3), keepdim=True, correction=0)
    return mean, (variance + eps).sqrt()


class _RowMoments(torch.autograd.Function):
    """Mean and variance over H, W of (B, H, W, C), channels side by side in memory.

    With a gradient of its own because autograd's, one pass over the features per operation, took
    a sixth of a training step.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> tuple[Tensor, Tensor]:
        mean = rows.mean((1, 2), keepdim=True)  # (B, 1, 1, C)
        ctx.save_for_backward(rows, mean)
        return mean, (rows - mean).square_().mean((1, 2), keepdim=True)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_mean: Tensor, of_variance: Tensor) -> Tensor:
        rows, mean = ctx.saved_tensors
        count = rows.shape[1] * rows.shape[2]
        slope = of_variance * (2 / count)
        return torch.addcmul(of_mean / count - slope * mean, rows, slope)


def gram_matrix(features: Tensor) -> Tensor:
    """Channel correlations averaged over positions: G[b,i,j] = mean_k F[b,i,k] F[b,j,k].

    Gatys, Ecker and Bethge 2016, section 2.2, divided here by the number of positions so that
    the style loss does not grow with the size of the picture.

    Args:
        features: (B, C, H, W), floating point.

    Returns:
        (B, C, C), symmetric, positive semi-definite, float32 or wider.

    Raises:
        ShapeError: ``features`` is not (B, C, H, W).
    """
    check_shape(features, "B C H W", name="features")
    flat = features.to(torch.promote_types(features.dtype, torch.float32)).flatten(2)  # (B, C, HW)
    return _mean_outer_product(flat)


def covariance(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the channels over positions.

    Args:
        features: (B, C, H, W), floating point.

    Returns:
        Mean (B, C) and biased covariance (B, C, C), float32 or wider.

    Raises:
        ShapeError: ``features`` is not (B, C, H, W).
    """
    check_shape(features, "B C H W", name="features")
    flat = features.to(torch.promote_types(features.dtype, torch.float32)).flatten(2)  # (B, C, HW)
    mean = flat.mean(-1)  # (B, C)
    centred = flat - mean[..., None]
    return mean, _mean_outer_product(centred)


def _mean_outer_product(flat: Tensor) -> Tensor:
    # Autocast would round these sums over all positions back to half precision.
    with torch.autocast(flat.device.type, enabled=False):
        return flat @ flat.mT / flat.shape[-1]
