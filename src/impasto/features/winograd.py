"""3x3 convolutions with a quarter of the multiplications.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, F(4x4, 3x3).
https://arxiv.org/abs/1509.09308

A tile of 4x4 outputs depends on 6x6 inputs. In a basis in which the convolution is a product
element by element it takes 36 multiplications per pair of channels instead of 144. The way into
the basis and back out are matrices of 36 columns for all tiles at once, here and in the gradients.
Filters are carried over once for as long as they stay the same: for ever where they do not learn
(perceptual networks, painters that have learned), else for a step.

In float32 the result is as near to the exact one as 1e-5 of its largest value; a direct
convolution is as near as 1e-6.

Reading order: WinogradConv (when it is used), _Frozen and _Learning (the gradients), _convolve and
_filter_gradient (the products); pictures as tiles stand in ``winograd_tiles.py``.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from impasto.features.winograd_tiles import TILE, Tiles, put

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
        self._carried: dict[str, _Carried] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, out_channels, H, W)."""
        learns = torch.is_grad_enabled() and any(p.requires_grad for p in self.parameters())
        if not self._is_fast(x, learns):
            return super().forward(x)
        padding = 1
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, (1, 1, 1, 1), mode=self.padding_mode), 0
        if learns:
            # Networks that run several times in a step carry their filters over once.
            return _Learning.apply(  # type: ignore[no-any-return, no-untyped-call]
                x, self.weight, self.bias, padding, self._filters
            )
        if not (torch.is_grad_enabled() and x.requires_grad):
            return _convolve(x, self._filters(_carry), self.bias, padding)
        filters = self._filters(_carry), self._filters(_carry_back)
        return _Frozen.apply(x, *filters, self.bias, padding)  # type: ignore[no-any-return, no-untyped-call]

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

    def _filters(self, carry: Callable[[Tensor], Tensor]) -> Tensor:
        """The filters in the basis; made anew when the weights were replaced or written to."""
        known = self._carried.get(carry.__name__)
        if known and known.stands_for(self.weight):
            return known.filters
        with torch.inference_mode(False), torch.no_grad():
            known = _Carried.of(self.weight, carry)
        self._carried[carry.__name__] = known
        return known.filters


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
    def of(cls, weight: Tensor, carry: Callable[[Tensor], Tensor]) -> Self:
        """Carry ``weight`` (out, in, 3, 3) over."""
        plain = weight.detach()
        sample = plain[SAMPLED].clone() if weight.requires_grad else None
        return cls(filters=carry(weight), weight=plain, version=weight._version, sample=sample)

    def stands_for(self, weight: Tensor) -> bool:
        """Whether ``weight`` is what it was."""
        same = self.weight.data_ptr() == weight.data_ptr() and self.version == weight._version
        if not (same and weight.requires_grad):
            return same
        return self.sample is not None and torch.equal(self.sample, weight[SAMPLED])


class _Frozen(torch.autograd.Function):
    """A convolution with filters that were carried over before, and the gradient to its input."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, filters: Tensor, back: Tensor, bias: Tensor | None, padding: int
    ) -> Tensor:
        ctx.back, ctx.padding = back, padding
        return _convolve(x, filters, bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return _convolve(gradient, ctx.back, None, 2 - ctx.padding), None, None, None, None


class _Learning(torch.autograd.Function):
    """A convolution and the gradients to its input, filters and bias."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        padding: int,
        filters: Callable[[Callable[[Tensor], Tensor]], Tensor],
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.padding, ctx.filters = padding, filters
        return _convolve(x, filters(_carry), bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, _ = ctx.saved_tensors  # the second so that one written to meanwhile is noticed
        to_x = to_weight = to_bias = None
        if ctx.needs_input_grad[0]:
            to_x = _convolve(gradient, ctx.filters(_carry_back), None, 2 - ctx.padding)
        if ctx.needs_input_grad[1]:
            to_weight = _filter_gradient(x, gradient, ctx.padding)
        if ctx.needs_input_grad[2]:
            to_bias = gradient.sum((0, 2, 3))
        return to_x, to_weight, to_bias, None, None


def _carry(weight: Tensor) -> Tensor:
    """Filters (out, in, 3, 3) in the basis: (36, in, out)."""
    taps = weight.detach().permute(2, 3, 1, 0).reshape(9, -1)
    return torch.mm(_kron(_FILTER), taps).view(36, weight.shape[1], weight.shape[0])


def _carry_back(weight: Tensor) -> Tensor:
    """The filters by which the gradient goes back: turned by half a circle, in and out swapped."""
    return _carry(weight.flip(2, 3).transpose(0, 1))


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
    places, into, back = out.permute(0, 2, 3, 1), _kron(_INPUT), _kron(_OUTPUT)
    for block in seen.blocks(max(filters.shape[1:])):
        product = torch.bmm(seen.spread(block, into), filters)
        if bias is not None:
            product[_ALL_ONES] += bias
        put(places, block, torch.mm(back, product.view(36, -1)), seen.columns)
    return out  # no view: what comes next may write in place


def _filter_gradient(x: Tensor, gradient: Tensor, padding: int) -> Tensor:
    """The gradient to filters (D, C, 3, 3) of a convolution of ``x`` (B, C, H, W).

    Args:
        x: What was convolved.
        gradient: To the result, (B, D, H', W').
        padding: As it was.
    """
    size = (gradient.shape[-2], gradient.shape[-1])
    seen, wanted = Tiles.of(x, size, padding), Tiles.of(gradient, size, 0, side=TILE)
    into, back = _kron(_INPUT), _kron(_OUTPUT).t().contiguous()
    found = x.new_empty((36, x.shape[1], gradient.shape[1]))
    for number, block in enumerate(seen.blocks(max(x.shape[1], gradient.shape[1]))):
        spread = seen.spread(block, into).transpose(1, 2)
        # The first sum takes the place of what lay there, so that nothing is cleared for it.
        found.baddbmm_(spread, wanted.spread(block, back), beta=min(number, 1))
    taps = torch.mm(_kron(_FILTER).t(), found.view(36, -1))
    # In the memory order of the weights it is added to, where they are channels last.
    by_filter = taps.view(9 * x.shape[1], -1).t().contiguous()
    return by_filter.view(-1, 3, 3, x.shape[1]).permute(0, 3, 1, 2)


@functools.cache
def _kron(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """The matrix for both axes of a tile at once."""
    with torch.inference_mode(False):
        one = torch.tensor(matrix, dtype=torch.float64)
        return torch.kron(one, one).float()
