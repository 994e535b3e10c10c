"""Rescaling a VGG's filters so that each is 1 on average: what AdaIN's encoder needs.

Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016,
section 2: the weights are scaled such that the mean activation of each convolutional filter over
images and positions is 1. The public ``vgg_normalised`` of AdaIN and WCT is such a network.

Why it changes nothing but the units: a positive factor per channel passes through ReLU and
pooling, and the next convolution can divide it out again. So one pass over the pictures with the
network as it is measures all layers at once.

Reading order: normalize_vgg (the two steps), mean_activations, rescale_vgg.
"""

import logging
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.features.vgg import VGG, layer_names

_LOGGER = logging.getLogger(__name__)

_DEAD = 1e-6
"""Part of a layer's average mean below which a channel counts as dead: scaling it up to 1 would
make a loud channel of rounding errors."""


def normalize_vgg(network: VGG, images: Iterable[Tensor]) -> VGG:
    """Copy a network with its filters rescaled to mean activation 1 over the pictures.

    Args:
        network: Any frozen VGG; it is left as it is.
        images: Pictures (B, 3, H, W) in [0, 1], of any sizes, read one batch at a time and once.

    Returns:
        A network with the same layers, padding and pooling, whose features are the old ones
        times one positive factor per channel. Channels that hardly fire keep their scale; a
        warning is logged with their number per layer.

    Raises:
        InputError: There are no pictures, or the activations are not finite.
    """
    means = mean_activations(network, images)
    dead = {name: count for name, mean in means.items() if (count := int(is_dead(mean).sum()))}
    if dead:
        _LOGGER.warning(
            "channels that hardly fire on these pictures keep their scale: %s",
            ", ".join(f"{count} of {name}" for name, count in dead.items()),
        )
    return rescale_vgg(network, means)


@torch.no_grad()
def mean_activations(network: VGG, images: Iterable[Tensor]) -> dict[str, Tensor]:
    """Measure the mean of every channel after every ReLU over all positions of all pictures.

    Args:
        network: Its layers up to the deepest are measured.
        images: Pictures (B, 3, H, W) in [0, 1], of any sizes; every position counts alike.

    Returns:
        (C,) in float64, on the CPU, by layer name (relu1_1, relu1_2, ...).

    Raises:
        InputError: There are no pictures, or the activations are not finite.
    """
    relus = [name.replace("conv", "relu") for name in network.steps if name.startswith("conv")]
    probe = VGG(network.plan, relus, padding=network.padding, pooling=network.pooling)
    probe = probe.to(network.input.weight)
    probe.load_state_dict(network.state_dict())
    sums: dict[str, Tensor] = {}
    positions = dict.fromkeys(relus, 0)
    for batch in images:
        for name, x in probe(batch.to(probe.input.weight)).items():
            total = x.sum((0, 2, 3), dtype=torch.float64).cpu()  # (C,)
            sums[name] = sums[name] + total if name in sums else total
            positions[name] += x.shape[0] * x.shape[2] * x.shape[3]
    if not sums:
        raise InputError("at least one picture is needed to normalise a network.")
    means = {name: sums[name] / positions[name] for name in relus}
    for name, mean in means.items():
        if not mean.isfinite().all():
            raise InputError(f"the activations of {name} are not finite; check the pictures.")
    return means


def is_dead(mean: Tensor) -> Tensor:
    """Tell which channels hardly fire: (C,) booleans for mean activations (C,) of one layer."""
    return mean <= _DEAD * mean.mean()


@torch.no_grad()
def rescale_vgg(network: VGG, means: Mapping[str, Tensor]) -> VGG:
    """Copy a network with every channel divided by its mean activation.

    Args:
        network: Left as it is.
        means: (C,) by layer name, for every ReLU of the network; dead channels are not divided.

    Returns:
        A network with the same layers, padding and pooling.

    Raises:
        InputError: ``means`` lacks a layer.
    """
    copy = VGG(network.plan, network.layers, padding=network.padding, pooling=network.pooling)
    copy = copy.to(network.input.weight)
    copy.load_state_dict(network.state_dict())
    before = torch.ones(3, dtype=torch.float64)  # what the channels that come in are divided by
    for name in layer_names(network.plan):
        if name not in copy.steps:
            continue
        relu = name.replace("conv", "relu")
        if relu not in means:
            raise InputError(f"means lacks {relu}, which the network has.")
        mean = means[relu].double().cpu()
        scale = torch.where(is_dead(mean), 1.0, mean)  # (C,)
        conv, norm = copy.steps[name], name.replace("conv", "norm")
        _scale_(conv.weight, before.view(1, -1, 1, 1))
        if norm in copy.steps:
            _scale_(copy.steps[norm].weight, 1 / scale)
            _scale_(copy.steps[norm].bias, 1 / scale)
        else:
            _scale_(conv.weight, 1 / scale.view(-1, 1, 1, 1))
            _scale_(conv.bias, 1 / scale)
        before = scale
    return copy


def _scale_(parameter: object, factor: Tensor) -> None:
    assert isinstance(parameter, Tensor)
    parameter.copy_(parameter.double() * factor.to(parameter.device))
