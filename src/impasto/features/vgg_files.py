"""Reading VGG weights in the layouts in which the world keeps them.

Layouts, told apart by their keys:
    impasto       our own: ``input.weight``, ``steps.conv1_1.weight``, ...
    torchvision   ``features.0.weight``, ... (official vgg16/vgg19, with or without batch norm);
                  RGB, (x - mean) / std of ImageNet
    keras         ``block1_conv1/kernel`` (OIHW), ``/bias``: the authors' Caffe weights;
                  BGR, 0..255 minus (103.939, 116.779, 123.68)
    normalised    ``0.weight``, ``2.weight``, ...: the ``vgg_normalised`` of AdaIN
                  and WCT, whose first 1x1 convolution takes RGB in [0, 1]; reflection padding
                  (places 0, 2, 5, 9, 12, 16, 19, 22, 25, 29, ...)
    distilled     ``conv0.weight``, ``conv11.weight``, ...: the same by another naming (pruned VGGs)

Every loader is strict: a missing or misshapen tensor is an error with its name; tensors of
layers deeper than needed are left in the file.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from impasto.checks import check_choice
from impasto.errors import WeightsError
from impasto.features.vgg import PLANS, VGG, VGGPlan, layer_names
from impasto.kinds import Padding, Pooling
from impasto.weights.files import check_finite, read_tensors

Layout = Literal["impasto", "torchvision", "keras", "normalised", "distilled"]

PREPROCESSING: dict[Layout, str] = {
    "impasto": "lite",
    "torchvision": "torchvision",
    "keras": "caffe",
    "normalised": "normalised",
    "distilled": "normalised",
}
"""What loss weights are bound to, by layout."""

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)


def load_vgg(
    path: str | Path,
    plan: str = "vgg19",
    layers: Sequence[str] = ("relu4_1",),
    *,
    padding: Padding | None = None,
    pooling: Pooling = "max",
) -> VGG:
    """Load a frozen VGG with the weights of a file.

    Args:
        path: A ``.safetensors`` or ``.pth`` file in one of the layouts above.
        plan: Which network the file holds, a name in PLANS; widths are taken from the file.
        layers: Taps wanted; only their part of the file is used.
        padding: None takes the layout's own (reflect for normalised ones, zero for others).
        pooling: See VGG.

    Raises:
        WeightsError: The file is missing or damaged, its layout is unknown, it holds another
            network than ``plan``, it ends before the deepest layer, or it has a NaN.
        InputError: Unknown plan or layer.
    """
    check_choice("network", plan, PLANS)
    tensors = read_tensors(path)
    layout = recognise(tensors, path)
    if padding is None:
        padding = "reflect" if layout in ("normalised", "distilled") else "zero"
    shape = dataclasses.replace(PLANS[plan], widths=_widths(tensors, layout, PLANS[plan]))
    network = VGG(shape, layers, padding=padding, pooling=pooling)
    load_tensors(network, tensors, layout, path)
    return network


def layers_in_file(path: str | Path, plan: str = "vgg19") -> list[str]:
    """Taps that a file holds the weights for, in forward order; see ``load_vgg``.

    Raises:
        WeightsError: The file is missing or damaged, or its layout is unknown.
        InputError: Unknown plan.
    """
    check_choice("network", plan, PLANS)
    tensors = read_tensors(path)
    keys = _conv_keys(PLANS[plan], recognise(tensors, path))
    names = layer_names(PLANS[plan])
    missing = next((conv for conv, (weight, _) in keys.items() if weight not in tensors), None)
    return names[: names.index(missing)] if missing else names


def recognise(tensors: Mapping[str, Tensor], path: str | Path) -> Layout:
    """Tell which layout a file has.

    Raises:
        WeightsError: None of the known ones.
    """
    marks: dict[str, Layout] = {
        "steps.conv1_1.weight": "impasto",
        "features.0.weight": "torchvision",
        "block1_conv1/kernel": "keras",
        "conv11.weight": "distilled",
    }
    for key, layout in marks.items():
        if key in tensors:
            return layout
    if "0.weight" in tensors and tuple(tensors["0.weight"].shape[-2:]) == (1, 1):
        return "normalised"
    raise WeightsError(
        f"{path} is no VGG file of a known layout (torchvision, keras, vgg_normalised, distilled, "
        f"impasto); its first keys are {', '.join(list(tensors)[:3])}."
    )


def load_tensors(
    network: VGG, tensors: Mapping[str, Tensor], layout: Layout, path: str | Path
) -> None:
    """Copy the weights that ``network`` has from ``tensors``, strictly.

    Args:
        network: Filled in place.
        tensors: As read from the file.
        layout: What ``recognise`` says of them.
        path: Named in errors.

    Raises:
        WeightsError: A tensor is missing, has another shape or a NaN, or the file holds a
            network of another depth, or with batch norm where ``network`` has none.
    """
    _check_network(network, tensors, layout, path)
    target = network.state_dict()
    keys = _key_map(network, layout)
    for name, key in keys.items():
        if key not in tensors:
            raise WeightsError(
                f"{path} has no {key}, which {name} needs; choose layers that the file holds, or "
                "the network that it is."
            )
        if tensors[key].shape != target[name].shape:
            raise WeightsError(
                f"{path}: {key} is {tuple(tensors[key].shape)}, but {name} is "
                f"{tuple(target[name].shape)}."
            )
    check_finite({key: tensors[key] for key in keys.values()}, path)
    for name, key in keys.items():
        target[name].copy_(tensors[key])
    _set_input(network, layout)
    network.preprocessing = PREPROCESSING[layout]


def _check_network(
    network: VGG, tensors: Mapping[str, Tensor], layout: Layout, path: str | Path
) -> None:
    # Names and shapes alone would let these pass: a file with batch norm fits the plan without,
    # and a VGG-19 fits a VGG-16, each with steps left out.
    plan, last = network.plan, network.layers[-1]
    has_norm = any(key.endswith("running_mean") for key in tensors)
    if has_norm != plan.batch_norm:
        held = "has batch norm" if has_norm else "has no batch norm"
        remedy = "with" if has_norm else "without"
        raise WeightsError(f"{path} {held}; name the network {remedy} -bn (vgg19-bn, vgg19).")
    if layout not in ("impasto", "keras", "distilled"):
        return  # numbered places shift with depth, so a key would be missing or misshapen
    whole = int(last[4]) - (not last.startswith("pool"))
    for block, depth in enumerate(plan.depths[:whole], start=1):
        if _named_keys(f"conv{block}_{depth + 1}", layout)[0] in tensors:
            raise WeightsError(
                f"{path} has a conv{block}_{depth + 1}, which the network asked for has not; "
                "name the one it holds (vgg16, vgg19)."
            )


def _key_map(network: VGG, layout: Layout) -> dict[str, str]:
    """Our key -> the file's key, for every tensor that the file must supply."""
    if layout == "impasto":
        return {name: name for name in network.state_dict()}
    keys: dict[str, str] = {}
    if layout in ("normalised", "distilled"):
        first = "0" if layout == "normalised" else "conv0"
        keys |= {"input.weight": f"{first}.weight", "input.bias": f"{first}.bias"}
    for name, (weight, bias) in _conv_keys(network.plan, layout).items():
        if name not in network.steps:
            continue
        keys |= {f"steps.{name}.weight": weight, f"steps.{name}.bias": bias}
        norm = name.replace("conv", "norm")
        if norm in network.steps:
            place = int(weight.split(".")[1]) + 1
            for part in ("weight", "bias", "running_mean", "running_var"):
                keys[f"steps.{norm}.{part}"] = f"features.{place}.{part}"
    return keys


def _conv_keys(plan: VGGPlan, layout: Layout) -> dict[str, tuple[str, str]]:
    """Convolution -> the file's names of its weight and bias."""
    convs = [name for name in layer_names(plan) if name.startswith("conv")]
    if layout in ("impasto", "keras", "distilled"):
        return {name: _named_keys(name, layout) for name in convs}
    # The others number the places of a Sequential. In torchvision's a convolution takes 2 (its
    # ReLU) or 3 (batch norm) and a pool 1; vgg_normalised begins with its 1x1 convolution and a
    # padding layer, and each convolution takes 3 (ReLU and the next one's padding).
    first, stride = (2, 3) if layout == "normalised" else (0, 3 if plan.batch_norm else 2)
    prefix = "" if layout == "normalised" else "features."
    places = {name: first + stride * index + (int(name[4]) - 1) for index, name in enumerate(convs)}
    return {name: (f"{prefix}{n}.weight", f"{prefix}{n}.bias") for name, n in places.items()}


def _named_keys(conv: str, layout: Layout) -> tuple[str, str]:
    """Weight and bias of a convolution in the layouts that speak of blocks."""
    if layout == "keras":
        stem = f"block{conv[4]}_conv{conv[6:]}"
        return f"{stem}/kernel", f"{stem}/bias"
    stem = f"steps.{conv}" if layout == "impasto" else conv.replace("_", "")
    return f"{stem}.weight", f"{stem}.bias"


def _widths(tensors: Mapping[str, Tensor], layout: Layout, plan: VGGPlan) -> tuple[int, ...]:
    """Channels per block as the file has them; the plan's for blocks it lacks."""
    keys = _conv_keys(plan, layout)
    widths = list(plan.widths)
    for block in range(1, len(widths) + 1):
        found = tensors.get(keys[f"conv{block}_1"][0])
        if found is not None and found.ndim == 4 and found.numel():
            widths[block - 1] = found.shape[0]
    return tuple(widths)


@torch.no_grad()
def _set_input(network: VGG, layout: Layout) -> None:
    """Spell the layout's normalisation as the affine map ``input`` of RGB in [0, 1]."""
    weight, bias = network.input.weight, network.input.bias
    assert bias is not None
    if layout == "torchvision":
        deviation = torch.tensor(IMAGENET_STD)
        weight.copy_(torch.diag(1 / deviation).view(3, 3, 1, 1))
        bias.copy_(-torch.tensor(IMAGENET_MEAN) / deviation)
    elif layout == "keras":
        weight.copy_(255 * torch.eye(3).flip(0).view(3, 3, 1, 1))
        bias.copy_(-torch.tensor(CAFFE_MEAN_BGR))
