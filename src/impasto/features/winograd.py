"""3x3 convolutions with a quarter of the multiplications.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, F(4x4, 3x3).
https://arxiv.org/abs/1509.09308

A tile of 4x4 outputs depends on 6x6 inputs. In a basis in which the convolution is a product
element by element it takes 36 multiplications per pair of channels instead of 144. The way into
the basis and back out is a matrix for each axis of all tiles at once, here and in the gradients.
Filters are carried over once for as long as they stay the same: for ever where they do not learn
(perceptual networks, painters that have learned), else for a step.

In float32 the result is as near to the exact one as 1e-5 of its largest value; a direct
convolution is as near as 1e-6.

Reading order: WinogradConv (when it is used), _convolve (there), _gradients (back); pictures as
tiles stand in ``winograd_tiles.py``.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from impasto.features.winograd_tiles import TILE, Block, Summed, Tiles, on_both_axes, put

LEAST_CHANNELS = 64
"""Of input and of output; below, the ways in and out cost more than is saved."""

LEAST_PRODUCT = 64 * 128
"""Of the two; 64 by 64 is as fast the direct way (measured on one core: 128 by 128 channels 1.4
times faster, 256 by 256 and 512 by 512 twice, the gradient alike)."""

LEAST_PRODUCT_TO_LEARN = 64 * 64
"""The same where weights learn: their gradient is where the direct way is slowest."""

LEAST_TILES = 16
"""Of a batch; below, reading the filters, which are four times larger, costs more."""

LEAST_TO_LEARN = 64
"""The same where filters are carried over, and their gradient back, at every step."""

SAMPLED = slice(None, None, 7), slice(None, None, 7)
"""Of a weight, what is compared to notice that it was written to."""

# Points 0, 1, -1, 2, -2 and infinity; the paper's section 4.3 gives the three for F(4x4, 3x3).
_INPUT = (
    (4, 0, -5, 0, 1, 0), (0, -4, -4, 1, 1, 0), (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0), (0, 2, -1, -2, 1, 0), (0, 4, 0, -5, 0, 1),
)  # fmt: skip
_FILTER = (
    (1 / 4, 0, 0), (-1 / 6, -1 / 6, -1 / 6), (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6), (1 / 24, -1 / 12, 1 / 6), (0, 0, 1),
)  # fmt: skip
_OUTPUT = ((1, 1, 1, 1, 1, 0), (0, 1, -1, 2, -2, 0), (0, 1, 1, 4, 4, 0), (0, 1, -1, 8, -8, 1))

_ALL_ONES = 7
"""The element of the basis that is 1 at each output of a tile: where a bias is added."""


class WinogradConv(nn.Conv2d):
    """A 3x3 convolution of stride 1, faster on a CPU.

    Parameters, results (see above) and gradients are those of nn.Conv2d; where the fast way does
    not apply (other types and devices, few channels or tiles, a graph being exported) it is
    nn.Conv2d. Gradients cannot be differentiated again.

    Args:
        in_channels, out_channels: Of the features.
        padding_mode: Of the one pixel around them, as of nn.Conv2d.
        bias: Whether there is one.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
        bias: bool = True,
    ) -> None:
        super().__init__(
            in_channels, out_channels, 3, padding=1, padding_mode=padding_mode, bias=bias
        )
        self._carried: _Carried | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, out_channels, H, W)."""
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())
        if not self._is_fast(x, learns):
            return super().forward(x)
        padding = 1
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, (1, 1, 1, 1), mode=self.padding_mode), 0
        if learns or (torch.is_grad_enabled() and x.requires_grad):
            return _Convolution.apply(  # type: ignore[no-any-return, no-untyped-call]
                x, self.weight, self.bias, padding, self._filters()
            )
        return _convolve(x, self._filters(), self.bias, padding)

    def _is_fast(self, x: Tensor, learns: bool) -> bool:
        weight, least = self.weight, LEAST_TO_LEARN if learns else LEAST_TILES
        product = LEAST_PRODUCT_TO_LEARN if learns else LEAST_PRODUCT
        return (
            not torch.compiler.is_compiling()  # first: a graph for any size cannot ask for it
            and x.dim() == 4
            and min(self.in_channels, self.out_channels) >= LEAST_CHANNELS
            and self.in_channels * self.out_channels >= product
            and x.shape[0] * x.shape[-2] * x.shape[-1] >= least * TILE**2
            and min(x.shape[-2:]) >= TILE
            and x.device.type == weight.device.type == "cpu"
            and x.dtype == weight.dtype == torch.float32
            and not weight.is_inference()
            and not torch.is_autocast_enabled("cpu")
            and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        )

    def _filters(self) -> Tensor:
        """The filters in the basis; made anew when the weights were replaced or written to."""
        if self._carried is None or not self._carried.stands_for(self.weight):
            with torch.inference_mode(False), torch.no_grad():
                self._carried = _Carried.of(self.weight)
        return self._carried.filters


@dataclass(frozen=True, kw_only=True)
class _Carried:
    """Filters in the basis, and the weights that they were made of."""

    filters: Tensor
    weight: Tensor
    """Held, so that no others can lie at their address."""
    version: int
    sample: Tensor | None
    """Some of weights that learn: torch's one-pass optimisers write to all without counting a
    version."""

    @classmethod
    def of(cls, weight: Tensor) -> Self:
        """Carry ``weight`` (out, in, 3, 3) over."""
        plain = weight.detach()
        sample = plain[SAMPLED].clone() if weight.requires_grad else None
        return cls(filters=_carry(weight), weight=plain, version=weight._version, sample=sample)

    def stands_for(self, weight: Tensor) -> bool:
        """Whether ``weight`` is what it was."""
        same = self.weight.data_ptr() == weight.data_ptr() and self.version == weight._version
        if not (same and weight.requires_grad):
            return same
        return self.sample is not None and torch.equal(self.sample, weight[SAMPLED])


class _Convolution(torch.autograd.Function):
    """A convolution and the gradients to its input, filters and bias, as far as they are wanted."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: int, filters: Tensor
    ) -> Tensor:
        # The weight so that one written to meanwhile is noticed.
        ctx.save_for_backward(weight, x if weight.requires_grad else None)
        ctx.size, ctx.padding, ctx.filters = x.shape[-2:], padding, filters
        return _convolve(x, filters, bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        _, x = ctx.saved_tensors
        wants_x, wants_weight, wants_bias, *_ = ctx.needs_input_grad
        to_x = to_weight = None
        if wants_x or wants_weight:
            to_x, to_weight = _gradients(
                gradient,
                ctx.size,
                ctx.padding,
                ctx.filters,
                x=x if wants_weight else None,
                to_input=wants_x,
            )
        to_bias = gradient.sum((0, 2, 3)) if wants_bias else None
        return to_x, to_weight, to_bias, None, None


def _carry(weight: Tensor) -> Tensor:
    """Filters (out, in, 3, 3) in the basis: (36, in, out)."""
    taps = weight.detach().permute(2, 3, 1, 0).reshape(9, -1)
    return on_both_axes(_matrix(_FILTER), taps).view(36, weight.shape[1], weight.shape[0])


def _convolve(x: Tensor, filters: Tensor, bias: Tensor | None, padding: int) -> Tensor:
    """Convolve with filters in the basis.

    Args:
        x: (B, C, H, W).
        filters: (36, C, D).
        bias: (D,).
        padding: Zeros around ``x``, 0 to 2.

    Returns:
        (B, D, H + 2 padding - 2, W + 2 padding - 2), channels last.
    """
    seen = Tiles.of(x, (x.shape[-2] + 2 * padding - 2, x.shape[-1] + 2 * padding - 2), padding)
    size = (x.shape[0], filters.shape[2], *seen.size)
    out = torch.empty(size, dtype=x.dtype, memory_format=torch.channels_last)
    places, into, back = out.permute(0, 2, 3, 1), _matrix(_INPUT), _matrix(_OUTPUT)
    for block in seen.blocks(max(filters.shape[1:])):
        product = torch.bmm(seen.spread(block, into), filters)
        if bias is not None:
            product[_ALL_ONES] += bias
        put(places, block, on_both_axes(back, product.view(36, -1)), seen.columns)
    return out  # no view: what comes next may write in place


def _gradients(
    gradient: Tensor,
    size: Sequence[int],
    padding: int,
    filters: Tensor,
    *,
    x: Tensor | None,
    to_input: bool,
) -> tuple[Tensor | None, Tensor | None]:
    """The way of ``_convolve`` backwards, each matrix transposed.

    Args:
        gradient: To the result, (B, D, H', W').
        size: (height, width) of what was convolved.
        padding: As it was.
        filters: (36, C, D).
        x: What was convolved, (B, C, H, W); None where the gradient to the filters is not wanted.
        to_input: Whether that to the input is.

    Returns:
        The gradients to the input (B, C, H, W), and to filters (D, C, 3, 3).
    """
    made = (gradient.shape[-2], gradient.shape[-1])
    wanted = Tiles.of(gradient, made, 0, side=TILE)
    spreading, back = _matrix(_OUTPUT, turned=True), _matrix(_INPUT, turned=True)
    to_x = Summed.of(wanted, filters.shape[1]) if to_input else None
    to_filters = None if x is None else _FilterGradient(x, made, padding, gradient.shape[1])
    for block in wanted.blocks(max(filters.shape[1:])):
        spread = wanted.spread(block, spreading)
        if to_x is not None:
            product = torch.bmm(spread, filters.transpose(1, 2)).view(36, -1)
            to_x.add(block, on_both_axes(back, product))
        if to_filters is not None:
            to_filters.add(block, spread)
    return (
        None if to_x is None else to_x.inside(size, padding),
        None if to_filters is None else to_filters.whole(),
    )


class _FilterGradient:
    """The gradient to filters, summed over blocks of tiles.

    Args:
        x: What was convolved, (B, C, H, W).
        made: (height, width) of the result.
        padding: As it was.
        channels: Of the result.
    """

    def __init__(self, x: Tensor, made: tuple[int, int], padding: int, channels: int) -> None:
        self._seen = Tiles.of(x, made, padding)
        self._sum = x.new_empty((36, x.shape[1], channels))
        self._begun = False

    def add(self, block: Block, gradient: Tensor) -> None:
        """Add what a block of the result's gradient, (36, tiles, D), has to say."""
        spread = self._seen.spread(block, _matrix(_INPUT)).transpose(1, 2)
        # The first sum takes the place of what lay there, so that nothing is cleared for it.
        self._sum.baddbmm_(spread, gradient, beta=int(self._begun))
        self._begun = True

    def whole(self) -> Tensor:
        """(D, C, 3, 3)."""
        channels = self._sum.shape[1]
        taps = on_both_axes(_matrix(_FILTER, turned=True), self._sum.view(36, -1))
        # In the memory order of the weights it is added to, where they are channels last.
        by_filter = taps.view(9 * channels, -1).t().contiguous()
        return by_filter.view(-1, 3, 3, channels).permute(0, 3, 1, 2)


@functools.cache
def _matrix(rows: tuple[tuple[float, ...], ...], *, turned: bool = False) -> Tensor:
    """As a tensor; ``turned`` is transposed."""
    with torch.inference_mode(False):
        matrix = torch.tensor(rows, dtype=torch.float32)
        return matrix.t().contiguous() if turned else matrix
