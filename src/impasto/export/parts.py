"""What exported graphs are built of: plain operations that every runtime has and computes alike.

Sizes may be symbols here: nothing is decided by a height, a width or a batch.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from impasto.blocks import Module
from impasto.methods.swift.layers import AlignedConv, ModulatedConv

EPS = 1e-5
"""Added to variances, as ``channel_statistics`` does."""

MOST_CELLS = 1 << 17
"""Of the sides of a picture: far beyond what fits in memory."""


def reflected(pixels: Tensor, before: int, rows: Any, columns: Any) -> Tensor:
    """A picture continued by reflection to a given size, however small it is.

    The same as ``pad_reflect``, bit for bit, but as one graph for all sizes.

    Args:
        pixels: (B, C, H, W).
        before: Pixels above and to the left.
        rows, columns: Height and width of the result; numbers or symbols.
    """
    height, width = pixels.shape[-2:]
    pixels = pixels.index_select(2, _places(height, before, rows, pixels.device))
    return pixels.index_select(3, _places(width, before, columns, pixels.device))


def _places(length: Any, before: int, count: Any, device: torch.device) -> Tensor:
    """Which pixel stands at each place from ``-before`` on."""
    period: Any = torch.sym_max(2 * (length - 1), 1)  # type: ignore[no-untyped-call]  # a side of one pixel is repeated
    places = torch.arange(count, device=device) - before
    places = places.abs()  # reflection is even, and a remainder of negatives differs by runtime
    places = places - places.div(period, rounding_mode="floor") * period
    return torch.minimum(places, period - places)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (B, C, 1, 1) over the positions of (B, C, H, W), in float32.

    Rows first and then their means: no sum is longer than a side, so that half precision holds it.
    """
    x = x.float()
    mean = x.mean(3, keepdim=True).mean(2, keepdim=True)
    return mean, (x - mean).square().mean(3, keepdim=True).mean(2, keepdim=True)


def statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation, as ``channel_statistics`` gives them."""
    mean, variance = moments(x)
    return mean, (variance + EPS).sqrt()


def cell_means(pixels: Tensor, rows: Any, columns: Any) -> Tensor:
    """The picture at a smaller size, each pixel the mean of its part: ``adaptive_avg_pool2d``.

    As two products with matrices of shares, because runtimes know pooling to a fixed size alone.

    Args:
        pixels: (B, C, H, W).
        rows, columns: Of the result; numbers or symbols.
    """
    height, width = pixels.shape[-2:]
    down = _shares(height, rows, pixels)  # (rows, H)
    across = _shares(width, columns, pixels)  # (columns, W)
    smaller: Tensor = down @ (pixels @ across.t())
    return smaller


def _shares(length: Any, parts: Any, like: Tensor) -> Tensor:
    part = torch.arange(parts, device=like.device)[:, None]
    place = torch.arange(length, device=like.device)[None, :]
    first = (part * length).div(parts, rounding_mode="floor")
    end = ((part + 1) * length + parts - 1).div(parts, rounding_mode="floor")
    inside = ((place >= first) & (place < end)).float()
    shares: Tensor = inside / (end - first)
    return shares.to(like.dtype)


def cells_of(length: Any, cell: int, *, least: int = 1) -> Any:
    """How many cells cover a side.

    A symbol comes back as a new one: what is computed from it stays a short expression, where
    the whole history of a size would keep the tracer busy for minutes.
    """
    if isinstance(length, int):
        return max(-(-length // cell), least)
    covered = torch.full((), length).add(cell - 1).div(cell, rounding_mode="floor")
    return _renamed(covered, least)


def thumbnail_cells(height: Any, width: Any, side: int, cell: int, *, least: int) -> Any:
    """Cells per side of ``thumbnail_size``, halves rounded to even.

    Args:
        height, width: Of the picture; numbers or symbols.
        side: The longest of the thumbnail, in pixels.
        cell: Pixels.
        least: Cells.
    """
    if isinstance(height, int) and isinstance(width, int):
        most = max(height, width)
        least_side = min(most, side)
        return tuple(max(round(n * least_side / (most * cell)), least) for n in (height, width))
    sides = [torch.full((), n, dtype=torch.float32) for n in (height, width)]
    longest = torch.maximum(*sides)
    within = longest.clamp(max=side)
    return tuple(
        _renamed((n * within / (longest * cell)).round().to(torch.int64), least) for n in sides
    )


def _renamed(count: Tensor, least: int) -> Any:
    symbol: Any = count.clamp(min=least).item()
    torch._check(symbol >= least)  # type: ignore[no-untyped-call]
    torch._check(symbol <= MOST_CELLS)  # type: ignore[no-untyped-call]
    return symbol


def part_of(x: Tensor, start: int, rows: Any, columns: Any) -> Tensor:
    """The box of (rows, columns) whose corner is (start, start); numbers or symbols."""
    if isinstance(rows, int) and isinstance(columns, int):
        return x[..., start : start + rows, start : start + columns]
    for axis, count in ((2, rows), (3, columns)):
        # Without these promises the tracer does not cut by a symbol.
        torch._check(count >= 0)  # type: ignore[no-untyped-call]
        torch._check(start + count <= x.shape[axis])  # type: ignore[no-untyped-call]
        x = x.narrow(axis, start, count)
    return x


class SpelledNorm(nn.Module):
    """Instance norm as mean and variance: runtimes differ in what they make of its operator."""

    def __init__(self, norm: nn.InstanceNorm2d) -> None:
        super().__init__()
        self.eps, self.weight, self.bias = norm.eps, norm.weight, norm.bias

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        mean, variance = moments(x)
        normalized = (x.float() - mean) / (variance + self.eps).sqrt()
        if self.weight is not None:
            weight, bias = (v.float().view(1, -1, 1, 1) for v in (self.weight, self.bias))
            normalized = normalized * weight + bias
        return normalized.to(x.dtype)


def with_spelled_norms(network: Module) -> Module:
    """A copy whose instance norms are spelled out; batch norms stay as they are."""
    network = copy.deepcopy(network)
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.InstanceNorm2d) and not child.track_running_stats:
                setattr(module, name, SpelledNorm(child))
    return network


def unfolded(network: Module) -> Module:
    """A copy in which no convolution's weights depend on the picture: runtimes want constants."""
    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, (ModulatedConv, AlignedConv)):
            module.folds = False
    return network


def tinted(images: Tensor, tint: Tensor) -> Tensor:
    """``apply_tint`` as sums of products: (B, 3, H, W), (1 or B, 3, 3)."""
    columns = [tint[:, :, i, None, None].to(images.dtype) for i in range(3)]
    return sum((images[:, i : i + 1] * columns[i] for i in range(1, 3)), images[:, :1] * columns[0])
