"""VGG-16 and VGG-19, with and without batch norm, by layer name and no deeper than needed.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
ICLR 2015. https://arxiv.org/abs/1409.1556

Reading order: VGGPlan (the published tables), layer_names, VGG (the network).
How official and other files are read stands in ``features/vgg_files.py``.

Names: ``conv4_1`` is the convolution's output, ``relu4_1`` the same after batch norm (if any)
and ReLU; ``pool4`` closes block 4.

Departures, each with its reason:
    input       every published normalisation (ImageNet's, Caffe's BGR means, the 1x1 convolution
                of the normalised VGG) is one affine map of RGB in [0, 1], so it lives inside as a
                frozen 1x1 convolution and callers never normalise.
    padding     "reflect" on request; zero padding draws frames around stylized pictures. With
                "circular" a picture whose sides are multiples of the grid wraps around.
    pooling     "avg" and "l2" on request (Gatys 2016, sec. 2; l2 keeps the energy), rescaled.
    odd sizes   pools round down, as the published networks do; some ports of AdaIN round up.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Self, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.checks import check_choice, check_shape
from impasto.errors import InputError
from impasto.features.winograd import WinogradConv
from impasto.kinds import Padding, Pooling

_POOL_RESCALE: dict[str, float] = {"max": 1.0, "avg": 2.0, "l2": 0.78}
"""Factors that keep mean activations near those of max pooling on photographs."""


@dataclass(frozen=True, kw_only=True)
class VGGPlan:
    """The shape of one member of the family."""

    depths: tuple[int, ...]
    """Convolutions per block."""

    widths: tuple[int, ...] = (64, 128, 256, 512, 512)
    """Channels per block."""

    batch_norm: bool = False
    """Whether a batch norm stands between each convolution and its ReLU."""

    def __post_init__(self) -> None:
        if len(self.widths) < len(self.depths) or min(self.depths + self.widths, default=0) < 1:
            raise InputError(
                f"a VGG plan needs a depth and a width of at least 1 per block; got depths "
                f"{self.depths} and widths {self.widths}."
            )


PLANS: dict[str, VGGPlan] = {
    "vgg16": VGGPlan(depths=(2, 2, 3, 3, 3)),
    "vgg19": VGGPlan(depths=(2, 2, 4, 4, 4)),
    "vgg16-bn": VGGPlan(depths=(2, 2, 3, 3, 3), batch_norm=True),
    "vgg19-bn": VGGPlan(depths=(2, 2, 4, 4, 4), batch_norm=True),
}


def layer_names(plan: VGGPlan) -> list[str]:
    """List all taps of a plan in forward order: conv1_1, relu1_1, ..., pool1, conv2_1, ..."""
    names = []
    for block, depth in enumerate(plan.depths, start=1):
        for index in range(1, depth + 1):
            names += [f"conv{block}_{index}", f"relu{block}_{index}"]
        names.append(f"pool{block}")
    return names


def check_layers(layers: Iterable[str], plan: VGGPlan) -> tuple[str, ...]:
    """Sort the layers into forward order, each once; a single name may stand alone.

    Raises:
        InputError: No layer is given, or one does not exist; the valid names are listed.
    """
    known = layer_names(plan)
    wanted = {layers} if isinstance(layers, str) else set(layers)
    if not wanted:
        raise InputError(f"at least one layer is needed; choose from {', '.join(known)}.")
    for name in sorted(wanted):
        check_choice("layer", name, known)
    return tuple(name for name in known if name in wanted)


def pools_of(layer: str) -> int:
    """How often the picture has been halved at a tap: 3 at relu4_1, 4 at pool4."""
    return int(layer[4]) - (not layer.startswith("pool"))


class VGG(nn.Module):
    """A frozen VGG that answers by layer name.

    Always in eval mode and never trainable, also after ``.train()``: it is what we know about
    pictures, not what is learned. (A trainable one is made by ``trainable=True``: the small
    perceptual network is learned that way.)

    Args:
        plan: A name in PLANS, or a plan of one's own.
        layers: Taps that ``forward`` returns; the network ends at the deepest.
        padding: At the borders of every 3x3 convolution.
        pooling: Between blocks.
        trainable: Leave parameters open to gradients and follow ``.train()``.

    Attributes:
        preprocessing: Which normalisation the loaded weights were learned with, "torchvision",
            "caffe", "normalised" or "lite": loss weights hold for one alone. None before loading.

    Raises:
        InputError: Unknown plan, layer, padding or pooling.
    """

    def __init__(
        self,
        plan: str | VGGPlan = "vgg19",
        layers: Sequence[str] = ("relu4_1",),
        *,
        padding: Padding = "zero",
        pooling: Pooling = "max",
        trainable: bool = False,
    ) -> None:
        super().__init__()
        if isinstance(plan, str):
            check_choice("network", plan, PLANS)
            plan = PLANS[plan]
        check_choice("padding", padding, get_args(Padding))
        check_choice("pooling", pooling, get_args(Pooling))
        self.plan, self.padding, self.pooling, self.trainable = plan, padding, pooling, trainable
        self.layers = check_layers(layers, plan)
        self.preprocessing: str | None = None
        self.input = nn.Conv2d(3, 3, 1)
        with torch.no_grad():
            self.input.weight.copy_(torch.eye(3).view(3, 3, 1, 1))
            self.input.bias.zero_()  # type: ignore[union-attr]
        self.steps = self._build(layer_names(plan))
        if not trainable:
            self.requires_grad_(False)
            self.eval()

    def _build(self, names: list[str]) -> nn.ModuleDict:
        end = names.index(self.layers[-1]) + 1
        mode: Literal["zeros", "reflect", "replicate", "circular"]
        mode = "zeros" if self.padding == "zero" else self.padding
        steps = nn.ModuleDict()
        channels = 3
        for name in names[:end]:
            if not name.startswith("conv"):
                continue
            width = self.plan.widths[int(name[4]) - 1]
            steps[name] = WinogradConv(channels, width, padding_mode=mode)
            if self.plan.batch_norm:
                steps[name.replace("conv", "norm")] = nn.BatchNorm2d(width)
            channels = width
        return steps

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features by layer name, in forward order.

        Args:
            images: (B, 3, H, W) in [0, 1], sRGB; each pool needs at least 2 pixels a side.

        Raises:
            ShapeError: ``images`` is not (B, 3, H, W).
            InputError: The picture is too small for the deepest layer.
        """
        check_shape(images, "B 3 H W", name="images")
        self.check_size((images.shape[-2], images.shape[-1]))
        taps: dict[str, Tensor] = {}
        x = self.input(images)
        for name in layer_names(self.plan):
            x = self._step(name, x)
            if name in self.layers:
                taps[name] = x
            if name == self.layers[-1]:
                break
        return taps

    def _step(self, name: str, x: Tensor) -> Tensor:
        if name.startswith("conv"):
            return self.steps[name](x)  # type: ignore[no-any-return]
        if name.startswith("pool"):
            return self._pool(x)
        norm = name.replace("relu", "norm")
        if norm in self.steps:
            return F.relu(self.steps[norm](x), inplace=True)
        # In place saves a layer's memory, but would turn a wanted conv4_1 into relu4_1.
        return F.relu(x, inplace=name.replace("relu", "conv") not in self.layers)

    def _pool(self, x: Tensor) -> Tensor:
        if self.pooling == "max":
            return F.max_pool2d(x, 2)
        if self.pooling == "avg":
            return F.avg_pool2d(x, 2) * _POOL_RESCALE["avg"]
        return (F.avg_pool2d(x.square(), 2) * 4 + 1e-12).sqrt() * _POOL_RESCALE["l2"]

    @property
    def least_side(self) -> int:
        """The least height and width of a picture for the deepest layer, in pixels."""
        deepest = self.layers[-1]
        # A convolution that reflects its border needs a neighbour to copy from.
        return 1 << (int(deepest[4]) if self.padding == "reflect" else pools_of(deepest))

    def check_size(self, size: tuple[int, int]) -> None:
        """Refuse a picture too small for the deepest layer.

        Args:
            size: (height, width).

        Raises:
            InputError: It is too small; the message gives the least size.
        """
        least = self.least_side
        if min(size) < least:
            raise InputError(
                f"a picture of {size[0]}x{size[1]} pixels is too small for {self.layers[-1]}; use "
                f"at least {least}x{least} or a layer less deep."
            )

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode unless the network was made trainable."""
        return super().train(mode and self.trainable)
