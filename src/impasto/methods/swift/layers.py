"""What swift is built of: convolutions that take what comes after them along.

Without gradient an activation, or the sum with what a convolution is added to, is computed while
its result is still in the processor's registers (``convolve``), and what zeros beyond the border
did to the outermost lines is written over (``repeat_border``).
"""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.methods.swift.shape import Pair


def convolve(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int = 1,
    padding: int = 0,
    slope: float | None = None,
    onto: Tensor | None = None,
) -> Tensor:
    """leaky_relu(conv(x) + onto).

    Args:
        x: (B, C, H, W).
        weight: (O, C, k, k).
        bias: (O,) or None.
        stride, padding: In both directions; zeros are padded.
        slope: Of the leaky ReLU below 0; 0 for a plain one, None for none.
        onto: Of the result's shape, what is added; without gradient it is written over.

    Returns:
        (B, O, h, w).
    """
    if _fuses(x, weight):
        geometry = [padding] * 2, [stride] * 2, [1, 1], 1
        if onto is None:
            # With a slope of 0 it would lose values that are no numbers, by which tiles learn how
            # far a network looks.
            after = ("none", []) if slope is None else ("leaky_relu", [slope or NEARLY_0])
            return torch.ops.mkldnn._convolution_pointwise(x, weight, bias, *geometry, *after, "")  # type: ignore[no-any-return]
        add = torch.ops.mkldnn._convolution_pointwise_.binary
        add(onto, x, weight, bias, *geometry, "add", 1.0, None, [], None)
        result = onto
    else:
        result = F.conv2d(x, weight, bias, stride, padding)
        result = result if onto is None else result.add_(onto)
    if slope is None:
        return result
    return F.leaky_relu(result, slope, inplace=True) if slope else F.relu(result, inplace=True)


NEARLY_0 = 1e-20
"""A slope that nobody sees and that no value is too small for."""


def _fuses(x: Tensor, weight: Tensor) -> bool:
    """Whether oneDNN's fused operators, by which torch's compiler computes, serve here."""
    if torch.is_grad_enabled() or torch.compiler.is_compiling() or x.device.type != "cpu":
        return False
    if x.dtype != weight.dtype or torch.is_autocast_enabled("cpu"):
        return False
    return bool(torch.backends.mkldnn.enabled) and x.dtype in _fused_types()


@functools.cache
def _fused_types() -> tuple[torch.dtype, ...]:
    known = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not (known and hasattr(torch.ops.mkldnn, "_convolution_pointwise")):
        return ()
    narrow = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return (torch.float32, torch.bfloat16) if narrow else (torch.float32,)


def convolve_inside(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    stride: int = 1,
    slope: float | None = None,
    onto: Tensor | None = None,
) -> Tensor:
    """``convolve`` where the kernel lies inside; the outermost lines of the answer are repeated.

    Args:
        x, weight, bias, slope, onto: See ``convolve``; the kernel reaches ``stride`` beyond the
            cells that it answers for.
        stride: Divides H and W, which are at least 3 strides.

    Returns:
        (B, O, H / stride, W / stride).
    """
    if torch.is_grad_enabled():
        inner = None if onto is None else onto[..., 1:-1, 1:-1]
        inside = convolve(x, weight, bias, stride=stride, slope=slope, onto=inner)
        return F.pad(inside, (1, 1, 1, 1), mode="replicate")
    # The same without a copy: what zeros did to the border is written over.
    return repeat_border(
        convolve(x, weight, bias, stride=stride, padding=stride, slope=slope, onto=onto)
    )


def repeat_border(x: Tensor) -> Tensor:
    """Write the lines beside the outermost ones over these, on all four sides.

    Args:
        x: (B, C, H, W), sides of at least 3; without gradient it is written over.

    Returns:
        The same shape.
    """
    if torch.is_grad_enabled():
        return F.pad(x[..., 1:-1, 1:-1], (1, 1, 1, 1), mode="replicate")
    height, width = x.shape[-2:]
    assert min(height, width) > 2, "nothing lies inside"
    # First and last line at once: every (height - 1)th, from every (height - 3)rd inside.
    x[..., :: height - 1, :] = x[..., 1 : height - 1 : max(1, height - 3), :]
    x[..., :: width - 1] = x[..., 1 : width - 1 : max(1, width - 3)]
    return x


class PatchConv(nn.Conv2d):
    """PixelUnshuffle, a convolution and a leaky ReLU in one step: no pixel is moved in between.

    Args:
        in_channels, out_channels: Of the features before the pixels of a patch become channels,
            and after the convolution.
        kernel_size: In patches: 1, or 3 with the border repeated.
        patch: Pixels of a patch's side.
        slope: See ``convolve``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        *,
        patch: int = 2,
        slope: float | None = None,
    ) -> None:
        super().__init__(in_channels * patch**2, out_channels, kernel_size)
        self.patch, self.slope = patch, slope

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), sides multiples of ``patch``, to (B, O, H / patch, W / patch)."""
        p, kernel = self.patch, self.kernel_size[0]
        weight = self.weight.view(self.out_channels, -1, p, p, kernel, kernel)
        weight = weight.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)
        weight = weight.contiguous(memory_format=torch.channels_last)
        how = convolve if kernel == 1 else convolve_inside
        return how(x, weight, self.bias, stride=p, slope=self.slope)


class ActiveConv(nn.Conv2d):
    """A 3x3 convolution with zeros beyond the border, and a ReLU."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, O, H, W)."""
        return convolve(x, self.weight, self.bias, padding=1, slope=0.0)


class BorderlessConv(nn.Conv2d):
    """A 3x3 convolution and a leaky ReLU whose result has no border of its own.

    Args:
        in_channels, out_channels: Of the features.
        slope: See ``convolve``.
    """

    def __init__(self, in_channels: int, out_channels: int, slope: float | None = None) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.slope = slope

    def forward(self, x: Tensor, onto: Tensor | None = None) -> Tensor:
        """(B, C, H, W), sides of at least 3, to (B, O, H, W); ``onto`` as in ``convolve``."""
        return convolve_inside(x, self.weight, self.bias, slope=self.slope, onto=onto)


CACHED = 262_144
"""Values that are worked on at a time where that is faster: 1 MB of float32."""


class PReLU(nn.PReLU):
    """torch's, one slope per channel, faster on a CPU: without gradient it writes into ``x``."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        steeper = self.weight.view(-1, 1, 1) - 1
        if torch.is_grad_enabled():
            return torch.addcmul(x, x.clamp(max=0), steeper)
        # A few rows at a time: what is below 0 then stays in the processor's cache.
        for rows in torch.split(x, max(1, CACHED // max(1, x[:, :, 0].numel())), dim=2):
            rows.add_(rows.clamp(max=0).mul_(steeper))
        return x


class ModulatedConv(nn.Conv2d):
    """A 3x3 convolution whose output channels are scaled and shifted by a style (FiLM).

    One style for the whole batch is folded into weight and bias: no pass over the features. The
    result has no border of its own.

    Args:
        in_channels, out_channels: Of the features.
        slope: See ``convolve``.
    """

    folds = True
    """False: never, so that the weights stay constants."""

    def __init__(self, in_channels: int, out_channels: int, slope: float | None = None) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1)
        self.slope = slope

    def forward(  # type: ignore[override]
        self, x: Tensor, scale: Tensor, shift: Tensor, onto: Tensor | None = None
    ) -> Tensor:
        """leaky_relu(conv(x) * scale + shift + onto).

        Args:
            x: (B, C, H, W).
            scale, shift: (1 or B, out_channels, 1, 1), or with a grid (..., H, W).
            onto: See ``convolve``.
        """
        assert self.bias is not None
        alike = scale.shape[-1] == 1 == scale.shape[-2]
        if alike and self.folds and scale.shape[0] == 1:
            weight = self.weight * scale.view(-1, 1, 1, 1)
            bias = self.bias * scale.flatten() + shift.flatten()
            return convolve_inside(x, weight, bias, slope=self.slope, onto=onto)
        inside = alike and torch.is_grad_enabled()
        result = convolve(x, self.weight, self.bias, padding=0 if inside else 1) * scale + shift
        if onto is not None:
            result = result + (onto[..., 1:-1, 1:-1] if inside else onto)
        result = result if self.slope is None else F.leaky_relu(result, self.slope)
        return F.pad(result, (1, 1, 1, 1), mode="replicate") if inside else repeat_border(result)


class AlignedConv(nn.Conv2d):
    """AdaIN followed by a 1x1 convolution; for one style the alignment is folded into it."""

    folds = True
    """See ModulatedConv."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1)

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        content: Pair,
        style: Pair,
        *,
        slope: float | None = None,
        onto: Tensor | None = None,
    ) -> Tensor:
        """leaky_relu(conv((x - content mean) / content std * style std + style mean) + onto).

        Args:
            x: (B, C, H, W).
            content: Mean and deviation of x's picture, (B, C, 1, 1) each.
            style: Mean and deviation wanted, (B, C, 1, 1) each or spread over a grid.
            slope, onto: See ``convolve``.
        """
        assert self.bias is not None
        scale = style[1] / content[1]
        shift = style[0] - content[0] * scale
        scale, shift = scale.to(x.dtype), shift.to(x.dtype)
        if self.folds and scale.shape[0] == 1 and scale.shape[-1] == 1 == scale.shape[-2]:
            bias = self.bias + self.weight.flatten(1) @ shift.flatten()
            return convolve(x, self.weight * scale, bias, slope=slope, onto=onto)
        aligned = x * scale + shift
        return convolve(aligned, self.weight, self.bias, slope=slope, onto=onto)


def add_plane(x: Tensor, gain: Tensor, plane: Tensor) -> Tensor:
    """A plane added to every channel by that channel's gain, in place.

    Args:
        x: (B, C, H, W).
        gain: (1, C, 1, 1).
        plane: (1, 1, H, W).

    Returns:
        ``x``.
    """
    alone = x.shape[0] == 1 and x.is_contiguous(memory_format=torch.channels_last)
    if alone and x.dtype == torch.bfloat16 and not torch.is_grad_enabled():
        # As a product of matrices: torch's addcmul takes seven times as long in this type.
        rows = x.permute(0, 2, 3, 1).view(-1, x.shape[1])
        rows.addmm_(plane.reshape(-1, 1), gain.view(1, -1))
        return x
    return x.addcmul_(gain, plane)


def upsample(x: Tensor) -> Tensor:
    """Twice the size, bilinear: sub-pixel convolutions paint a lattice into flat areas."""
    plain = x.device.type == "cpu" and not torch.is_grad_enabled()
    if plain and x.is_contiguous(memory_format=torch.channels_last):
        rows = _doubled(_doubled(x.permute(0, 2, 3, 1), 2), 1)
        return rows.permute(0, 3, 1, 2)
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _doubled(x: Tensor, side: int) -> Tensor:
    """Twice as long along one side: half the time of torch's, which walks pixel by pixel.

    In bfloat16, of which torch takes three times as long, both sides are rounded.

    Args:
        x: (B, H, W, C), contiguous.
        side: 1 for the height, 2 for the width.
    """
    length = x.shape[side]
    result = x.new_empty((*x.shape[: side + 1], 2, *x.shape[side + 1 :]))
    before, after = result.unbind(side + 1)
    first, rest = x.narrow(side, 0, length - 1), x.narrow(side, 1, length - 1)
    torch.lerp(rest, first, 0.25, out=before.narrow(side, 1, length - 1))
    torch.lerp(first, rest, 0.25, out=after.narrow(side, 0, length - 1))
    before.narrow(side, 0, 1).copy_(x.narrow(side, 0, 1))
    after.narrow(side, length - 1, 1).copy_(x.narrow(side, length - 1, 1))
    return result.flatten(side, side + 1)
