"""Reading weights of Inception-v3 and GoogLeNet in the layouts in which the world keeps them.

Layouts, told apart by their keys:
    torchvision   ``Conv2d_1a_3x3.conv.weight``, ``.bn.running_mean``, ... (inception_v3) and
                  ``conv1.conv.weight``, ... (googlenet), the official files, with batch norm
    tensorflow    ``conv.weight``, ``mixed_4_tower_1_conv_2.bias``, ...: Inception-v3 of
                  TensorFlow's release of 2015, batch norm folded, OIHW; its ``mixed`` is
                  torchvision's ``mixed_5b`` and its ``mixed_8``, the last read, ``mixed_7a``

Every loader is strict: a missing or misshapen tensor is an error with its name. Tensors deeper
than needed, the classifiers among them, are left in the file.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from impasto.checks import check_choice
from impasto.errors import WeightsError
from impasto.features.inception import Inception, check_layers
from impasto.features.inception_plans import PLANS, Conv, InceptionPlan
from impasto.weights.files import check_finite, read_tensors

Layout = Literal["torchvision", "tensorflow"]

_EPS = 1e-3
"""Added to the variance by the batch norms of both networks."""

_NORM_PARTS = ["weight", "bias", "running_mean", "running_var"]
_TENSORFLOW_STEM = ("conv_1a", "conv_2a", "conv_2b", "conv_3b", "conv_4a")
_TENSORFLOW_END = "mixed_7a"


def recognise(tensors: Mapping[str, Tensor]) -> tuple[str, Layout] | None:
    """Name of the plan and layout of a file; None when it is neither network."""
    if "Conv2d_1a_3x3.conv.weight" in tensors:
        return "inception-v3", "torchvision"
    if "inception3a.branch1.conv.weight" in tensors:
        return "googlenet", "torchvision"
    if "mixed_tower_conv.weight" in tensors:
        return "inception-v3", "tensorflow"
    return None


def load_inception(
    path: str | Path, plan: str | None = None, layers: Iterable[str] = ("mixed_6c",)
) -> Inception:
    """Load a frozen network with the weights of a file.

    Args:
        path: A ``.pth`` or ``.safetensors`` file in one of the layouts above.
        plan: Which network the file must hold, a name in PLANS; None takes what it holds.
        layers: Taps wanted; only their part of the file is used. Widths are the file's.

    Raises:
        WeightsError: The file is missing or damaged, its layout is unknown, it holds another
            network than ``plan``, it ends before the deepest layer, or it has a NaN.
        InputError: Unknown plan or layer.
    """
    if plan is not None:
        check_choice("network", plan, PLANS)
    tensors = read_tensors(path)
    found = recognise(tensors)
    if found is None:
        raise WeightsError(
            f"{path} is no Inception-v3 or GoogLeNet of a known layout (torchvision, tensorflow); "
            f"its first keys are {', '.join(list(tensors)[:3])}."
        )
    held, layout = found
    if plan not in (None, held):
        raise WeightsError(f"{path} holds {held}, not {plan}; name the network that it holds.")
    checked = check_layers(layers, PLANS[held])
    if layout == "tensorflow" and checked[-1].partition(".")[0] > _TENSORFLOW_END:
        # Beyond, the release has other pools than the official file.
        raise WeightsError(
            f"{path} is TensorFlow's release, which is read up to {_TENSORFLOW_END}; choose layers "
            f"up to there instead of {checked[-1]}, or use the official inception-v3."
        )
    wanted = _convolutions(PLANS[held], checked)
    keys = {name: _key_of(name, PLANS[held], layout) for name in wanted}
    folded = {name: _folded(tensors, keys[name], layout, name, path) for name in wanted}
    widths = {name: len(bias) for name, (_, bias) in folded.items()}
    network = Inception(PLANS[held], layers, widths=widths, pad_average=layout == "torchvision")
    _copy(network, folded, keys, path)
    return network


def _convolutions(plan: InceptionPlan, layers: tuple[str, ...]) -> dict[str, Conv]:
    """Those that a network up to the deepest layer has."""
    blocks = list(plan.blocks)
    end = blocks.index(layers[-1].partition(".")[0])
    return {
        name: conv
        for name, conv in plan.convolutions()
        if blocks.index(name.partition(".")[0]) <= end
    }


def _key_of(name: str, plan: InceptionPlan, layout: Layout) -> str:
    """What the file calls a convolution, without ``.weight``."""
    block, _, inside = name.partition(".")
    if layout == "torchvision":
        official = plan.official.get(block, block)
        return f"{official}.{inside}" if inside else official
    if not inside:
        place = _TENSORFLOW_STEM.index(block)
        return f"conv_{place}" if place else "conv"
    mixed = [b for b in plan.blocks if b.startswith("mixed")].index(block)
    stem = f"mixed_{mixed}" if mixed else "mixed"
    return f"{stem}_{_tensorflow_places(plan, block)[inside]}"


def _tensorflow_places(plan: InceptionPlan, block: str) -> dict[str, str]:
    """Convolution inside a block -> "conv", "tower_conv", "tower_1_conv_2".

    TensorFlow counts: a lone convolution on the block's input is its ``conv``; the other
    branches are towers, and convolutions are counted in each.
    """
    places: dict[str, str] = {}
    towers = 0
    for branch in plan.blocks[block]:
        convs = [part for part in branch if isinstance(part, Conv)]
        if len(convs) == len(branch) == 1:
            places[convs[0].name] = "conv"
            continue
        tower = f"tower_{towers}" if towers else "tower"
        for index, conv in enumerate(convs):
            places[conv.name] = f"{tower}_conv_{index}" if index else f"{tower}_conv"
        towers += bool(convs)
    return places


def _folded(
    tensors: Mapping[str, Tensor], key: str, layout: Layout, name: str, path: str | Path
) -> tuple[Tensor, Tensor]:
    """Weight and bias of a convolution, its batch norm folded in: float32."""
    of_conv, of_norm = ("", "") if layout == "tensorflow" else (".conv", ".bn")
    weight = _tensor(tensors, f"{key}{of_conv}.weight", name, path)
    parts = (
        ["bias"] if layout == "tensorflow" else ["weight", "bias", "running_mean", "running_var"]
    )
    vectors = {part: _tensor(tensors, f"{key}{of_norm}.{part}", name, path) for part in parts}
    for part, vector in vectors.items():
        if weight.ndim != 4 or vector.shape != weight.shape[:1]:
            raise WeightsError(
                f"{path}: {key}{of_conv}.weight is {tuple(weight.shape)} and does not fit "
                f"{key}{of_norm}.{part}, which is {tuple(vector.shape)}."
            )
    if layout == "tensorflow":
        return weight.float(), vectors["bias"].float()
    # In float64: a channel of small variance is multiplied by hundreds.
    wide = {part: vector.double() for part, vector in vectors.items()}
    scale = wide["weight"] / (wide["running_var"] + _EPS).sqrt()  # (out,)
    shift = wide["bias"] - wide["running_mean"] * scale
    return (weight.double() * scale.view(-1, 1, 1, 1)).float(), shift.float()


def _tensor(tensors: Mapping[str, Tensor], key: str, name: str, path: str | Path) -> Tensor:
    if key not in tensors:
        raise WeightsError(
            f"{path} has no {key}, which {name} needs; choose layers that the file holds."
        )
    check_finite({key: tensors[key]}, path)
    return tensors[key]


@torch.no_grad()
def _copy(
    network: Inception,
    folded: Mapping[str, tuple[Tensor, Tensor]],
    keys: Mapping[str, str],
    path: str | Path,
) -> None:
    for name, (weight, bias) in folded.items():
        step = network.steps[name.replace(".", "/")]
        for part, tensor in (("weight", weight), ("bias", bias)):
            target = step.get_parameter(part)
            if target.shape != tensor.shape:
                raise WeightsError(
                    f"{path}: {part} of {keys[name]} is {tuple(tensor.shape)}, but {name} needs "
                    f"{tuple(target.shape)}."
                )
            target.copy_(tensor)
