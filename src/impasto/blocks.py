"""Small parts that several networks are built of."""

from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.grain import as_noise, position_hash
from impasto.kinds import Norm

Module = TypeVar("Module", bound=nn.Module)

Border = Literal["zeros", "repeat"]
"""What the border of a convolution's result comes from: zeros beyond the grid, which look like an
edge in a smooth picture, or the lines beside it, see ``convolve_inside``."""


def convolve_inside(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int = 1, beyond: int = 1
) -> Tensor:
    """Convolve where the kernel lies inside, and repeat the outermost lines of what comes out.

    Args:
        x: (B, C, H, W).
        weight: (O, C, k, k).
        bias: (O,) or None.
        stride: In both directions; divides H and W.
        beyond: How many lines are repeated on every side: so many strides the kernel reaches
            beyond the cell that it answers for. H and W are more than 2 * ``beyond`` strides.

    Returns:
        (B, O, H / stride, W / stride).
    """
    if torch.is_grad_enabled():
        inside = F.conv2d(x, weight, bias, stride)
        return F.pad(inside, (beyond,) * 4, mode="replicate")
    # The same without a copy: what zeros did to the border is written over.
    result = F.conv2d(x, weight, bias, stride, padding=beyond * stride)
    assert min(result.shape[-2:]) > 2 * beyond, "the kernel lies nowhere inside"
    for side in (2, 3):
        last = result.shape[side] - beyond
        first_line, last_line = result.narrow(side, beyond, 1), result.narrow(side, last - 1, 1)
        result.narrow(side, 0, beyond).copy_(first_line)
        result.narrow(side, last, beyond).copy_(last_line)
    return result


def channels_last(
    module: Module, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> Module:
    """The module with its weights in the memory order in which convolutions are fastest."""
    module.to(device=device, dtype=dtype)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


class PatchConv(nn.Conv2d):
    """PixelUnshuffle and a convolution in one step, so that no pixel is moved in between.

    Args:
        in_channels, out_channels: Of the features before the pixels of a patch become channels,
            and after the convolution.
        kernel_size: In patches; odd. Of more than one see ``convolve_inside``.
        patch: Pixels of a patch's side.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int = 1, *, patch: int = 2
    ) -> None:
        super().__init__(in_channels * patch**2, out_channels, kernel_size)
        self.patch = patch

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), sides multiples of ``patch``, to (B, O, H / patch, W / patch)."""
        p, kernel = self.patch, self.kernel_size[0]
        weight = self.weight.view(self.out_channels, -1, p, p, kernel, kernel)
        weight = weight.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)
        weight = weight.contiguous(memory_format=torch.channels_last)
        if kernel == 1:
            return F.conv2d(x, weight, self.bias, stride=p)
        return convolve_inside(x, weight, self.bias, stride=p, beyond=kernel // 2)


class BorderlessConv(nn.Conv2d):
    """A 3x3 convolution whose result has no border of its own, see ``convolve_inside``."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W), sides of at least 3, to (B, O, H, W)."""
        return convolve_inside(x, self.weight, self.bias)


class ModulatedConv(nn.Conv2d):
    """A 3x3 convolution whose output channels are scaled and shifted by a style (FiLM).

    One style for the whole batch is folded into weight and bias: no pass over the features.
    """

    def __init__(self, in_channels: int, out_channels: int, *, border: Border = "zeros") -> None:
        super().__init__(in_channels, out_channels, 3, padding=int(border == "zeros"))
        self.border = border

    def forward(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # type: ignore[override]
        """conv(x) * scale + shift.

        Args:
            x: (B, C, H, W).
            scale, shift: (1 or B, out_channels, 1, 1), or with a grid (..., H, W).
        """
        assert self.bias is not None
        if scale.shape[0] == 1 and scale.shape[-1] == 1 == scale.shape[-2]:
            factor = scale.view(-1, 1, 1, 1)
            bias = self.bias * scale.flatten() + shift.flatten()
            return self.convolve(x, self.weight * factor, bias)
        return torch.addcmul(shift, self.convolve(x, self.weight, self.bias), scale)

    def convolve(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """With this layer's border."""
        if self.border == "repeat":
            return convolve_inside(x, weight, bias)
        return F.conv2d(x, weight, bias, padding=self.padding)


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


class AlignedConv(nn.Conv2d):
    """AdaIN followed by a 1x1 convolution; for one style the alignment is folded into it."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 1)

    def forward(  # type: ignore[override]
        self, x: Tensor, content: tuple[Tensor, Tensor], style: tuple[Tensor, Tensor]
    ) -> Tensor:
        """conv((x - content mean) / content std * style std + style mean).

        Args:
            x: (B, C, H, W).
            content: Mean and deviation of x's picture, (B, C, 1, 1) each.
            style: Mean and deviation wanted, (B, C, 1, 1) each or spread over a grid.
        """
        scale = style[1] / content[1]
        shift = style[0] - content[0] * scale
        scale, shift = scale.to(x.dtype), shift.to(x.dtype)
        if scale.shape[0] == 1 and scale.shape[-1] == 1 == scale.shape[-2]:
            assert self.bias is not None
            bias = self.bias + self.weight.flatten(1) @ shift.flatten()
            return F.conv2d(x, self.weight * scale, bias)
        return super().forward(torch.addcmul(shift, x, scale))


def upsample(x: Tensor) -> Tensor:
    """Twice the size, bilinear: sub-pixel convolutions paint a lattice into flat areas."""
    plain = x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_grad_enabled()
    if plain and x.is_contiguous(memory_format=torch.channels_last):
        rows = _doubled(_doubled(x.permute(0, 2, 3, 1), 2), 1)
        return rows.permute(0, 3, 1, 2)
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def _doubled(x: Tensor, side: int) -> Tensor:
    """Twice as long along one side: half the time of torch's, which walks pixel by pixel.

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


_PHASES = (((1.0, 0.0, 0.0), (0.0, 1.0, 1.0)), ((1.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
"""Phase -> which of a kernel's three lines fall on the first and which on the second neighbour."""


def convolve_repeated(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Repeat every pixel twice, pad by reflection and convolve, with 4 ninths of the products.

    Of the nine pixels under a 3x3 kernel only four differ. So each of the four phases of the
    result is a 2x2 convolution of ``x`` itself, by kernels whose lines have been summed.

    Args:
        x: (B, C, H, W), each side at least 1.
        weight: (O, C, 3, 3).
        bias: (O,) or None.

    Returns:
        (B, O, 2H, 2W), as of the three steps one after the other, but for rounding.
    """
    height, width = x.shape[-2:]
    # Autocast would round the sums of lines before they are used.
    with torch.autocast(x.device.type, enabled=False):
        lines = weight.new_tensor(_PHASES)  # (phase, neighbour, line)
        kernels = torch.einsum("apk,ockl,bql->abocpq", lines, weight, lines)
    # Reflection of what has been repeated is repetition of the border.
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    rows = []
    for down in (0, 1):
        row = [
            F.conv2d(
                padded[..., down : down + height + 1, right : right + width + 1],
                kernels[down, right].contiguous(memory_format=torch.channels_last),
                bias,
            ).permute(0, 2, 3, 1)
            for right in (0, 1)
        ]
        rows.append(torch.stack(row, dim=3))  # (B, H, W, 2, O)
    whole = torch.stack(rows, dim=2)  # (B, H, 2, W, 2, O)
    return whole.reshape(len(x), 2 * height, 2 * width, -1).permute(0, 3, 1, 2)


def position_noise(
    size: tuple[int, int], *, seed: int = 0, origin: tuple[int, int] = (0, 0)
) -> Tensor:
    """White noise of mean 0 and deviation 1 that is a function of absolute position and seed.

    An integer hash of (y, x, seed), so that any window of an unbounded plane can be drawn alone
    and equals the same window of a larger one, on every device.

    Args:
        size: (height, width) of the window in cells.
        seed: Another plane.
        origin: (y, x) of the window's first cell; may be negative.

    Returns:
        (1, 1, height, width), float32, uniform in [-sqrt(3), sqrt(3)].
    """
    y = torch.arange(origin[0], origin[0] + size[0], dtype=torch.int64)[:, None]
    x = torch.arange(origin[1], origin[1] + size[1], dtype=torch.int64)[None, :]
    noise: Tensor = as_noise(position_hash(y, x, seed).to(torch.float32))
    return noise[None, None]


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm that leaves channels-last tensors as they are.

    torch's own copies them into the other memory order, and every convolution after it copies
    them back. Batch norm of one picture after another is the same and does not; group norm with a
    group per channel rounds four times as much there, and its gradient takes four times as long.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same, each picture and channel of mean 0 and deviation 1."""
        if x.device.type != "cpu":
            return super().forward(x)
        if x[0, 0].numel() == 1:  # batch norm refuses a single value
            return F.group_norm(x, self.num_features, self.weight, self.bias, self.eps)
        one_by_one = [
            F.batch_norm(one, None, None, self.weight, self.bias, training=True, eps=self.eps)
            for one in torch.split(x, 1)
        ]
        return one_by_one[0] if len(one_by_one) == 1 else torch.cat(one_by_one)


def normalization(kind: Norm, channels: int) -> nn.Module:
    """What the translating networks normalise by: "batch" with gains, "instance" without."""
    return nn.BatchNorm2d(channels) if kind == "batch" else InstanceNorm(channels)


def use_picture_statistics(network: nn.Module) -> None:
    """Let batch norms go by the picture at hand: for one picture that is instance norm."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                norm = InstanceNorm(child.num_features, eps=child.eps, affine=True)
                norm.weight, norm.bias = child.weight, child.bias
                setattr(module, name, norm)


def init_normal(
    network: Module, deviation: float = 0.02, generator: torch.Generator | None = None
) -> Module:
    """Draw weights as Radford et al. (DCGAN, 2016) did, and pix2pix and CycleGAN after them.

    Args:
        network: Its convolutions get N(0, deviation), its norms' gains N(1, deviation), biases 0.
        deviation: In weights.
        generator: Of the CPU; None takes torch's own.
    """
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.BatchNorm2d)):
            mean = 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0
            nn.init.normal_(module.weight, mean, deviation, generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network


def to_signed(pixels: Tensor) -> Tensor:
    """[0, 1] to [-1, 1], the range of a tanh."""
    return pixels * 2 - 1


def from_signed(pixels: Tensor) -> Tensor:
    """[-1, 1] to [0, 1], clamped."""
    return (pixels.float() + 1).div_(2).clamp_(0, 1)
