"""Descriptors of style: channel statistics, Gram matrix, covariance."""

from collections.abc import Sequence
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
    together = features.stride(1) == 1 and features.shape[1] > 1
    if together and features.dtype == torch.bfloat16 and _is_plain(features):
        mean, variance = _moments_by_norm(features)
        return mean, (variance + eps).sqrt()
    features = features.to(torch.promote_types(features.dtype, torch.float32))
    if together:
        # torch.var_mean takes five times as long over this order of memory.
        mean, variance = _RowMoments.apply(features.permute(0, 2, 3, 1))  # type: ignore[no-untyped-call]
        mean, variance = mean.permute(0, 3, 1, 2), variance.permute(0, 3, 1, 2)  # (B, C, 1, 1)
    else:
        variance, mean = torch.var_mean(features, dim=(2, 3), keepdim=True, correction=0)
    return mean, (variance + eps).sqrt()


def _is_plain(features: Tensor) -> bool:
    return features.device.type == "cpu" and not torch.is_grad_enabled()


ROWS_AT_ONCE = 1 << 16
"""Positions whose moments batch norm sums up: of more, its sums in float32 lose digits."""


def _moments_by_norm(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (B, C, 1, 1) in float32 of features in bfloat16, channels together.

    What batch norm begins with widens while it reads: a third of the time of a wider copy's sums.
    """
    channels, width = features.shape[1], features.shape[3]
    unused = torch.zeros(channels), torch.ones(channels)  # they say that answers are float32
    found = []
    for one in torch.split(features, 1):
        counts, parts = [], []
        for rows in torch.split(one, max(1, ROWS_AT_ONCE // width), dim=2):
            whole = rows.contiguous(memory_format=torch.channels_last)
            counts.append(whole.shape[2])
            parts.append(torch.batch_norm_update_stats(whole, *unused, 0.0))
        found.append(parts[0] if len(parts) == 1 else _together(parts, counts))
    mean, variance = (
        found[0] if len(found) == 1 else (torch.stack(v) for v in zip(*found, strict=True))
    )
    shape = (len(found), channels, 1, 1)
    return mean.view(shape), variance.view(shape)


def _together(parts: Sequence[tuple[Tensor, Tensor]], counts: list[int]) -> tuple[Tensor, Tensor]:
    """Moments (C,) of a whole from those of its parts and their sizes."""
    means, variances = (torch.stack(values) for values in zip(*parts, strict=True))
    shares = torch.tensor(counts) / sum(counts)
    mean = shares @ means
    return mean, shares @ (variances + (means - mean).square())


class _RowMoments(torch.autograd.Function):
    """Mean and variance over H, W of (B, H, W, C), channels side by side in memory.

    With a gradient of its own because autograd's, one pass over the features per operation, took
    a sixth of a training step.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> tuple[Tensor, Tensor]:
        mean = _mean_of_rows(rows)
        ctx.save_for_backward(rows, mean)
        return mean, _mean_of_rows((rows - mean).square_())

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_mean: Tensor, of_variance: Tensor) -> Tensor:
        rows, mean = ctx.saved_tensors
        count = rows.shape[1] * rows.shape[2]
        slope = of_variance * (2 / count)
        return torch.addcmul(of_mean / count - slope * mean, rows, slope)


def _mean_of_rows(rows: Tensor) -> Tensor:
    """(B, H, W, C) to (B, 1, 1, C)."""
    if rows.is_contiguous():
        return rows.mean((1, 2), keepdim=True)
    # What is cut out of a larger picture takes three times as long by both sides at once.
    return rows.mean(1, keepdim=True).mean(2, keepdim=True)


def gram_matrix(features: Tensor, weights: Tensor | None = None) -> Tensor:
    """Channel correlations averaged over positions: G[b,i,j] = mean_k F[b,i,k] F[b,j,k].

    Gatys, Ecker and Bethge 2016, section 2.2, divided here by the number of positions so that
    the style loss does not grow with the size of the picture.

    Args:
        features: (B, C, H, W), floating point.
        weights: (1, 1, H, W), at least 0, how much each position counts: the guided Gram matrix
            of Gatys et al., "Controlling Perceptual Factors in Neural Style Transfer", CVPR 2017.
            None counts all alike.

    Returns:
        (B, C, C), symmetric, positive semi-definite, float32 or wider.

    Raises:
        ShapeError: ``features`` is not (B, C, H, W).
    """
    flat, shares = _flat(features, weights)
    return _mean_outer_product(flat, shares)


def covariance(features: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the channels over positions.

    Args:
        features: (B, C, H, W), floating point.
        weights: (1, 1, H, W), at least 0, how much each position counts; None counts all alike.

    Returns:
        Mean (B, C) and biased covariance (B, C, C), float32 or wider.

    Raises:
        ShapeError: ``features`` is not (B, C, H, W).
    """
    flat, shares = _flat(features, weights)
    mean = flat.mean(-1) if shares is None else (flat * shares).sum(-1)  # (B, C)
    return mean, _mean_outer_product(flat - mean[..., None], shares)


def _flat(features: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """(B, C, HW) in float32 or wider, and weights (1, 1, HW) that sum to 1."""
    check_shape(features, "B C H W", name="features")
    flat = features.to(torch.promote_types(features.dtype, torch.float32)).flatten(2)
    if weights is None:
        return flat, None
    shares = weights.to(flat).flatten(2)
    return flat, shares / shares.sum().clamp_min(1e-12)


def _mean_outer_product(flat: Tensor, shares: Tensor | None) -> Tensor:
    # Autocast would round these sums over all positions back to half precision.
    with torch.autocast(flat.device.type, enabled=False):
        if shares is None:
            return flat @ flat.mT / flat.shape[-1]
        return (flat * shares) @ flat.mT
