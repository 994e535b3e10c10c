"""lite: the small perceptual network that travels with the package.

A VGG-19 of a quarter of the channels, up to relu5_1, distilled from the exact VGG-19 (relu1_1 to
relu3_4) and, beyond, from a pruned VGG-19. Linear heads map its features to VGG's own channels;
style and content losses use the features themselves.

    Wang et al., "Collaborative Distillation for Ultra-Resolution Universal Style Transfer",
    CVPR 2020. https://arxiv.org/abs/2003.08436 (linear heads from small to large features)

Reading order: LITE_PLAN, Lite (what is trained), distillation_losses, load_lite (what is used).
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from impasto.features.vgg import VGG, VGGPlan
from impasto.features.vgg_files import load_tensors
from impasto.kinds import Padding, Pooling
from impasto.weights.files import read_tensors

LITE_PLAN = VGGPlan(depths=(2, 2, 4, 4, 1), widths=(16, 32, 64, 128, 128))
"""Shape of the network; every layer name of VGG-19 up to relu5_1 exists."""

HEADS: dict[str, int] = {
    "relu1_1": 64, "relu1_2": 64, "relu2_1": 128, "relu2_2": 128,
    "relu3_1": 256, "relu3_4": 256, "relu4_1": 512, "relu5_1": 512,
}  # fmt: skip
"""Layers that are distilled, with VGG-19's number of channels there."""


class Lite(nn.Module):
    """The trainable network with its heads."""

    def __init__(self) -> None:
        super().__init__()
        self.vgg = VGG(LITE_PLAN, tuple(HEADS), padding="reflect", trainable=True)
        self.vgg.input.requires_grad_(False)
        with torch.no_grad():  # pictures of mean 0 and deviation about 1
            self.vgg.input.weight.mul_(4)
            self.vgg.input.bias.fill_(-1.8)  # type: ignore[union-attr]
        for name, step in self.vgg.steps.items():
            assert name.startswith("conv")
            nn.init.kaiming_normal_(step.weight, nonlinearity="relu")  # type: ignore[arg-type]
            nn.init.zeros_(step.bias)  # type: ignore[arg-type]
        self.heads = nn.ModuleDict(
            {name: nn.Conv2d(self._width(name), width, 1) for name, width in HEADS.items()}
        )

    @staticmethod
    def _width(layer: str) -> int:
        return LITE_PLAN.widths[int(layer[4]) - 1]

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """What VGG-19 would answer: (B, C, h, w) by layer, C as in HEADS.

        Args:
            images: (B, 3, H, W) in [0, 1], at least 32 pixels a side.
        """
        return {name: self.heads[name](x) for name, x in self.vgg(images).items()}


class TargetScale(nn.Module):
    """Mean and deviation per channel of what the teachers say, measured before learning starts.

    The exact VGG's features reach thousands; a head that had to grow to that would take all the
    steps there are. Per channel, because else a few loud ones would be all that is learned;
    channels that hardly ever fire count by part of the layer's deviation.
    """

    def __init__(self) -> None:
        super().__init__()
        for name, width in HEADS.items():
            self.register_buffer(f"{name}_mean", torch.zeros(width))
            self.register_buffer(f"{name}_unit", torch.zeros(width))

    @property
    def measured(self) -> bool:
        """Whether ``measure`` has run."""
        return bool(self.get_buffer("relu1_1_unit").any())

    def measure(self, batches: Iterable[Mapping[str, Tensor]]) -> None:
        """Take mean and unit of every layer from the teachers' answers to some batches.

        Args:
            batches: Answers (B, C, h, w) by layer, looked at one batch after the other: those of
                all together would fill the memory.
        """
        known = {name: (0, torch.zeros(width), torch.zeros(width)) for name, width in HEADS.items()}
        for answers in batches:
            for name, (count, mean, squares) in known.items():
                values = answers[name].transpose(0, 1).flatten(1)  # (C, N)
                variance, own_mean = torch.var_mean(values, dim=1, correction=0)
                more, move = values.shape[1], own_mean - mean.to(own_mean)
                total = count + more
                # Chan et al. 1983: joining sums of squared distances from two means.
                joined = squares.to(values) + more * variance + move.square() * count * more / total
                known[name] = total, mean.to(own_mean) + move * more / total, joined
        for name, (count, mean, squares) in known.items():
            variance = squares / count
            self.get_buffer(f"{name}_mean").copy_(mean)
            unit = (variance + 0.1 * variance.mean()).sqrt()
            # A layer that always says the same counts in its own units.
            self.get_buffer(f"{name}_unit").copy_(torch.where(unit > 0, unit, 1.0))

    def normalize(self, name: str, target: Tensor) -> Tensor:
        """A layer's answer (B, C, h, w) in units of its channels."""
        mean, unit = (self.get_buffer(f"{name}_{part}")[:, None, None] for part in ("mean", "unit"))
        return (target - mean) / unit

    def fold_into(self, network: Lite) -> None:
        """Let the heads answer in the teachers' own units."""
        with torch.no_grad():
            for name, head in network.heads.items():
                mean, unit = (self.get_buffer(f"{name}_{part}") for part in ("mean", "unit"))
                head.weight.mul_(unit[:, None, None, None])  # type: ignore[operator]
                head.bias.mul_(unit).add_(mean)  # type: ignore[operator]


def distillation_losses(
    found: Mapping[str, Tensor], target: Mapping[str, Tensor], scale: TargetScale
) -> dict[str, Tensor]:
    """Per layer: mean squared error in units of the target's variance per channel.

    Args:
        found: What the heads say, (B, C, h, w) in units of the channels, by layer.
        target: What the teachers say, (B, C, h, w) in their own, without gradient.
        scale: Between the two.

    Returns:
        A scalar per layer: 0 for a perfect copy, about 1 for one that knows only the means.
    """
    return {
        name: (found[name] - scale.normalize(name, wanted)).square().mean()
        for name, wanted in target.items()
    }


def load_lite(
    path: str | Path,
    layers: Sequence[str],
    *,
    padding: Padding | None = None,
    pooling: Pooling = "max",
) -> VGG:
    """The frozen network with the taps asked for; the heads stay in the file.

    Args:
        path: Its ``.safetensors`` file.
        layers: Names such as "relu4_1"; the network ends at the deepest.
        padding: None is "reflect", with which it was learned.
        pooling: See VGG.

    Raises:
        WeightsError: The file is missing, damaged or not lite's, or has a NaN.
        InputError: A layer does not exist, or none is given.
    """
    network = VGG(LITE_PLAN, layers, padding=padding or "reflect", pooling=pooling)
    load_tensors(network, read_tensors(path), "impasto", path)
    return network
