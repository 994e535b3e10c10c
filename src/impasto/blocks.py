"""Small parts that several networks are built of."""

from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.grain import as_noise, position_hash
from impasto.kinds import Norm

Module = TypeVar("Module", bound=nn.Module)


def channels_last(
    module: Module, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> Module:
    """The module with its weights in the memory order in which convolutions are fastest."""
    module.to(device=device, dtype=dtype)
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


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
