"""How a new swift begins to learn: with every layer alive.

The features must stand well above the eps of their statistics, every ReLU must let something
through, and signals must pass through all scales of the decoder. With torch's default weights a
picture's features at an eighth of its resolution begin at a thousandth of its own size; a network
that began so learned with its finest scale alone, while the ReLUs of the others died one by one
(seen in ours: after 30,000 steps 94 of the 96 channels of a layer never answered).
"""

from typing import Any

import torch
from torch import Tensor, nn

from impasto.features.perceptual import load_perceptual
from impasto.images.samples import synthetic_photo
from impasto.methods.swift.network import Swift

SIZE = 0.5
"""Deviation of every channel of a layer; a picture's is about 0.25."""

BRANCH = 0.15
"""The same of what a residual block adds, so that a chain of blocks does not grow."""

LEAST_CODE_SIZE = 0.02
"""Of the deviation of a statistic from picture to picture: what hardly differs says nothing."""

PHOTOS = 12
"""Generated pictures of 64x64 that it is measured on, each painted in the manner of the next."""


@torch.no_grad()
def begin(network: Swift) -> Swift:
    """Draw weights for all convolutions but the last two, and bring each to size on pictures.

    Layer by layer, as in Mishkin and Matas, "All you need is a good init", ICLR 2016,
    https://arxiv.org/abs/1511.06422; beside the deviation the mean is brought to 0 as well, since
    a ReLU behind a channel whose mean is far below that is dead.

    Args:
        network: A new one, on the CPU; torch's global generator is drawn from.

    Returns:
        The same.
    """
    photos = torch.cat([synthetic_photo((64, 64), seed=seed).pixels for seed in range(PHOTOS)])
    for name, layer in _in_order(network, photos):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
        deviation, mean = _answer(network, photos, layer)
        factor = (BRANCH if name.endswith(".second") else SIZE) / deviation.clamp_min(1e-6)
        layer.weight.mul_(factor.view(-1, 1, 1, 1))
        layer.bias.sub_(mean * factor)
    if network.perceptual is not None:
        lite = load_perceptual("lite", network.config.taps)
        network.perceptual.load_state_dict(lite.state_dict())
    deviation, mean = torch.std_mean(network.code(network.style_of(photos)), dim=0)
    network.code_mean.copy_(mean)
    network.code_size.copy_(deviation.clamp_min(LEAST_CODE_SIZE))
    return network


def _in_order(network: Swift, photos: Tensor) -> list[tuple[str, nn.Conv2d]]:
    """The convolutions but the last two, as they are used."""
    names = {m: n for n, m in network.named_modules() if _learns(n, m)}
    used: dict[nn.Conv2d, None] = {}
    hooks = [m.register_forward_hook(lambda m, _, __: used.setdefault(m)) for m in names]
    network(photos, photos.roll(1, 0))
    for hook in hooks:
        hook.remove()
    return [(names[m], m) for m in used][:-2]


def _learns(name: str, module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d) and not name.startswith("perceptual.")


def _answer(network: Swift, photos: Tensor, layer: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Deviation and mean by channel while each photo is painted in the manner of the next.

    Of the convolution's own answer: without its ReLU, and without what that is added to.
    """
    seen: list[tuple[Tensor, Tensor]] = []

    def note(module: Any, given: tuple[Any, ...]) -> None:
        slope, module.slope = getattr(module, "slope", None), None
        seen.append(torch.std_mean(module.forward(*given), dim=(0, 2, 3)))
        module.slope = slope

    hook = layer.register_forward_pre_hook(note)
    network(photos, photos.roll(1, 0))
    hook.remove()
    return seen[-1]
