"""Inception-v3 and GoogLeNet by layer name, no deeper than needed: what DeepDream looks through.

The tables of both stand in ``features/inception_plans.py`` with their papers; how official and
other files are read, in ``features/inception_files.py``.

Names: ``mixed_6c`` (Inception-v3) or ``inception4c`` (GoogLeNet) is the output of a block, all
branches joined; ``mixed_6c.branch7x7_3`` is one convolution in it, after its ReLU.

Departures, each with its reason:
    batch norm  folded into the convolutions when weights are read: the networks never learn here,
                and a dream is a fifth faster without.
    input       RGB in [0, 1]; both networks were learned on [-1, 1], which stands inside. (What
                torchvision calls ``transform_input`` turns ImageNet's normalisation into that.)
    borders     average pools count zeros beyond the border for torchvision's files and do not
                for TensorFlow's, as each was learned.
"""

from collections.abc import Iterable, Mapping
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.checks import check_choice, check_shape, nearest
from impasto.errors import InputError
from impasto.features.inception_plans import PLANS, Branch, Conv, Fork, InceptionPlan, Pool


def layer_names(plan: InceptionPlan) -> list[str]:
    """List the blocks of a plan and, after each, its convolutions, in forward order."""
    inside: dict[str, list[str]] = {block: [] for block in plan.blocks}
    for name, _ in plan.convolutions():
        if "." in name:
            inside[name.partition(".")[0]].append(name)
    return [name for block, convs in inside.items() for name in (block, *convs)]


def check_layers(layers: Iterable[str], plan: InceptionPlan) -> tuple[str, ...]:
    """Sort the layers into forward order, each once; a single name may stand alone.

    Raises:
        InputError: No layer is given, or one does not exist. The sentence lists the blocks, or
            for a name inside a block that exists, its convolutions.
    """
    known = layer_names(plan)
    wanted = {layers} if isinstance(layers, str) else set(layers)
    blocks = ", ".join(plan.blocks)
    if not wanted:
        raise InputError(f"at least one layer is needed; choose from {blocks}.")
    for name in sorted(wanted - set(known)):
        block = name.partition(".")[0]
        inside = [other for other in known if other.startswith(f"{block}.")]
        if inside and "." in name:
            check_choice("layer", name, [block, *inside])
        near = nearest(name, plan.blocks)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        example = next(other for other in known if "." in other)
        raise InputError(
            f"layer must be one of {blocks}, or a convolution inside one such as {example}; got "
            f"{name!r}.{hint}"
        )
    return tuple(name for name in known if name in wanted)


class Inception(nn.Module):
    """A frozen Inception-v3 or GoogLeNet that answers by layer name.

    Always in eval mode and never trainable, also after ``.train()``.

    Args:
        plan: A name in PLANS, or a plan of one's own.
        layers: Taps that ``forward`` returns; the network ends at the deepest block.
        widths: Channels of convolutions that have others than the plan says.
        pad_average: Whether average pools count the zeros beyond the border.

    Raises:
        InputError: Unknown plan or layer.
    """

    def __init__(
        self,
        plan: str | InceptionPlan = "inception-v3",
        layers: Iterable[str] = ("mixed_6c",),
        *,
        widths: Mapping[str, int] | None = None,
        pad_average: bool = True,
    ) -> None:
        super().__init__()
        if isinstance(plan, str):
            check_choice("network", plan, PLANS)
            plan = PLANS[plan]
        self.plan, self.pad_average = plan, pad_average
        self.layers = check_layers(layers, plan)
        self.least_side = plan.least_side(self.layers[-1])
        end = list(plan.blocks).index(self.layers[-1].partition(".")[0]) + 1
        self.blocks = dict(list(plan.blocks.items())[:end])
        self.steps = nn.ModuleDict()
        channels = 3
        for block, branches in self.blocks.items():
            channels = self._build(block, branches, channels, widths or {})
        self.requires_grad_(False)
        self.eval()

    def _build(
        self, block: str, branches: tuple[Branch, ...], channels: int, widths: Mapping[str, int]
    ) -> int:
        """Add the convolutions of branches that all start from ``channels``; how many come out."""
        total = 0
        for branch in branches:
            width = channels
            for part in branch:
                if isinstance(part, Fork):
                    width = self._build(block, part.branches, width, widths)
                elif isinstance(part, Conv):
                    name = f"{block}.{part.name}" if part.name else block
                    out = widths.get(name, part.width)
                    self.steps[_key(name)] = nn.Conv2d(
                        width, out, part.kernel, stride=part.stride, padding=part.padding
                    )
                    width = out
            total += width
        return total

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features by layer name, in forward order, all after their ReLU.

        Args:
            images: (B, 3, H, W) in [0, 1], sRGB, both sides at least ``least_side``.

        Raises:
            ShapeError: ``images`` is not (B, 3, H, W).
            InputError: The picture is too small for the deepest layer.
        """
        check_shape(images, "B 3 H W", name="images")
        if min(images.shape[-2:]) < self.least_side:
            raise InputError(
                f"a picture of {images.shape[-2]}x{images.shape[-1]} pixels is too small for "
                f"{self.layers[-1]}; use at least {self.least_side}x{self.least_side} or a layer "
                "less deep."
            )
        taps: dict[str, Tensor] = {}
        x = images * 2 - 1
        for block, branches in self.blocks.items():
            x = self._joined(block, branches, x, taps)
            taps[block] = x
        return {name: taps[name] for name in self.layers}

    def _joined(
        self, block: str, branches: tuple[Branch, ...], x: Tensor, taps: dict[str, Tensor]
    ) -> Tensor:
        answers = [self._branch(block, branch, x, taps) for branch in branches]
        return answers[0] if len(answers) == 1 else torch.cat(answers, dim=1)

    def _branch(self, block: str, branch: Branch, x: Tensor, taps: dict[str, Tensor]) -> Tensor:
        for part in branch:
            if isinstance(part, Fork):
                x = self._joined(block, part.branches, x, taps)
            elif isinstance(part, Pool):
                x = self._pool(part, x)
            else:
                name = f"{block}.{part.name}" if part.name else block
                x = F.relu(self.steps[_key(name)](x), inplace=True)
                if name in self.layers:
                    taps[name] = x
        return x

    def _pool(self, part: Pool, x: Tensor) -> Tensor:
        if part.kind == "max":
            return F.max_pool2d(x, part.kernel, part.stride, part.padding, ceil_mode=part.ceil)
        return F.avg_pool2d(
            x, part.kernel, part.stride, part.padding, count_include_pad=self.pad_average
        )

    def train(self, mode: bool = True) -> Self:
        """Stay in eval mode, whatever is asked."""
        return super().train(False)


def _key(name: str) -> str:
    # A ModuleDict takes no dots.
    return name.replace(".", "/")
