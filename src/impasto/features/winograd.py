"""Frozen 3x3 convolutions with a quarter of the multiplications.

Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, F(4x4, 3x3).
https://arxiv.org/abs/1509.09308

A tile of 4x4 outputs depends on 6x6 inputs. In a basis in which the convolution is a product
element by element it takes 36 multiplications per pair of channels instead of 144. The way into
the basis and back out are matrices of 36 columns for all tiles at once, here and in the gradient.
Filters are carried over once, which is worth it where they never change: in perceptual networks.

In float32 the result is as near to the exact one as 1e-5 of its largest value; a direct
convolution is as near as 1e-6.

Reading order: FrozenConv (when it is used), _Convolution (the gradient), _convolve (the tiles).
"""

from collections.abc import Callable
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

TILE = 4
"""Outputs per tile and axis."""

LEAST_CHANNELS = 64
"""Of input and of output; below, the ways in and out cost more than is saved."""

LEAST_PRODUCT = 64 * 128
"""Of the two; 64 by 64 is as fast the direct way (measured on one core: 128 by 128 channels 1.4
times faster, 256 by 256 and 512 by 512 twice, the gradient alike)."""

LEAST_TILES = 16
"""Per picture; below, reading the filters, which are four times larger, costs more."""

BLOCK = 1 << 15
"""Tiles times channels that are worked on at once: what fits the processor's cache."""

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


class FrozenConv(nn.Conv2d):
    """A 3x3 convolution of stride 1 that is faster where its weights do not learn.

    Parameters, results (see above) and gradients are those of nn.Conv2d; where the fast way does
    not apply (weights that learn, other types and devices, few channels, a graph being exported)
    it is nn.Conv2d. The gradient cannot be differentiated again.

    Args:
        in_channels, out_channels: Of the features.
        padding_mode: Of the one pixel around them, as of nn.Conv2d.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        padding_mode: Literal["zeros", "reflect", "replicate", "circular"] = "zeros",
    ) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, padding_mode=padding_mode)
        self._carried: dict[str, tuple[Tensor, int, Tensor]] = {}

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, out_channels, H, W)."""
        if not self._is_fast(x):
            return super().forward(x)
        padding = 1
        if self.padding_mode != "zeros":
            x, padding = F.pad(x, (1, 1, 1, 1), mode=self.padding_mode), 0
        if not (torch.is_grad_enabled() and x.requires_grad):
            return _convolve(x, self._filters(_carry), self.bias, padding)
        filters = self._filters(_carry), self._filters(_carry_back)
        return _Convolution.apply(x, *filters, self.bias, padding)  # type: ignore[no-any-return, no-untyped-call]

    def _is_fast(self, x: Tensor) -> bool:
        weight = self.weight
        return (
            x.dim() == 4
            and min(self.in_channels, self.out_channels) >= LEAST_CHANNELS
            and self.in_channels * self.out_channels >= LEAST_PRODUCT
            and x.shape[-2] * x.shape[-1] >= LEAST_TILES * TILE**2
            and x.device.type == weight.device.type == "cpu"
            and x.dtype == weight.dtype == torch.float32
            and not weight.requires_grad
            and not weight.is_inference()
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
            and not torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        )

    def _filters(self, carry: Callable[[Tensor], Tensor]) -> Tensor:
        """The filters in the basis; made anew when the weights were replaced or written to."""
        weight, known = self.weight, self._carried.get(carry.__name__)
        # The old weights are held until then, so that no others can lie at their address.
        if known and known[0].data_ptr() == weight.data_ptr() and known[1] == weight._version:
            return known[2]
        with torch.inference_mode(False), torch.no_grad():
            carried = carry(weight)
        self._carried[carry.__name__] = weight.detach(), weight._version, carried
        return carried


def _carry(weight: Tensor) -> Tensor:
    """Filters (out, in, 3, 3) in the basis: (36, in, out)."""
    basis = torch.tensor(_FILTER, dtype=torch.float64)
    carried = torch.einsum("ai,ocij,bj->abco", basis, weight.double(), basis)
    return carried.flatten(0, 1).float().contiguous()


def _carry_back(weight: Tensor) -> Tensor:
    """The filters by which the gradient goes back: turned by half a circle, in and out swapped."""
    return _carry(weight.flip(2, 3).transpose(0, 1))


class _Convolution(torch.autograd.Function):
    """A convolution with fixed filters and the gradient to its input."""

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
    batch, channels = x.shape[:2]
    height, width = (side + 2 * padding - 2 for side in x.shape[-2:])
    rows, columns = -(-height // TILE), -(-width // TILE)
    framed = _framed(x, (TILE * rows + 2, TILE * columns + 2), padding)
    size = (batch, filters.shape[2], height, width)
    out = torch.empty(size, memory_format=torch.channels_last)
    places = out.permute(0, 2, 3, 1)
    into = _kron(_INPUT)
    # Of equal blocks, so that the last is not a sliver.
    blocks = max(1, min(rows, rows * columns * max(filters.shape[1:]) // BLOCK))
    taken = -(-rows // blocks)
    taps = x.new_empty((36, taken * columns * channels))
    for image in range(batch):
        for top in range(0, rows, taken):
            count = min(taken, rows - top)
            seen = framed[image, TILE * top : TILE * (top + count) + 2]
            down, along, _ = seen.stride()
            shape = (6, 6, count, columns, channels)
            windows = seen.as_strided(
                shape, (down, along, TILE * down, TILE * along, 1), seen.storage_offset()
            )
            here = taps[:, : count * columns * channels]
            here.view(shape).copy_(windows)
            spread = torch.mm(into, here).view(36, count * columns, channels)
            product = torch.bmm(spread, filters)
            if bias is not None:
                product[_ALL_ONES] += bias
            _put(places[image], product, top, count)
    return out  # no view: what comes next may write in place


def _framed(x: Tensor, size: tuple[int, int], padding: int) -> Tensor:
    """(B, C, H, W) as (B, *size, C) with zeros around it, ``padding`` of them above and left."""
    batch, channels, height, width = x.shape
    framed = x.new_empty((batch, *size, channels))
    bottom, right = padding + height, padding + width
    for border in (
        framed[:, :padding], framed[:, bottom:], framed[:, :, :padding], framed[:, :, right:],
    ):  # fmt: skip
        border.zero_()
    framed[:, padding:bottom, padding:right] = x.permute(0, 2, 3, 1)
    return framed


def _put(out: Tensor, product: Tensor, top: int, count: int) -> None:
    """Out of the basis, into the rows of tiles from ``top`` on of one picture (H, W, D)."""
    width, channels = out.shape[1:]
    tiles = torch.mm(_kron(_OUTPUT), product.view(36, -1))
    columns = -(-width // TILE)
    tiles = tiles.view(TILE, TILE, count, columns, channels).permute(2, 0, 3, 1, 4)
    rows = out[TILE * top : TILE * (top + count)]
    if width % TILE == 0 and len(rows) == TILE * count:
        rows.view(count, TILE, columns, TILE, channels).copy_(tiles)
    else:
        whole = tiles.reshape(TILE * count, TILE * columns, channels)
        rows.copy_(whole[: len(rows), :width])


def _kron(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """The matrix for both axes of a tile at once."""
    one = torch.tensor(matrix, dtype=torch.float32)
    return torch.kron(one, one)
