"""The networks that judge pictures, by name or file."""

import os
from collections.abc import Sequence
from pathlib import Path

from impasto.errors import InputError
from impasto.features.lite import LITE_PLAN, load_lite
from impasto.features.vgg import PLANS, VGG, layer_names
from impasto.features.vgg_files import layers_in_file, load_vgg
from impasto.kinds import Padding, Pooling
from impasto.weights.files import read_metadata
from impasto.weights.registry import known_weights
from impasto.weights.store import find_weights


def load_perceptual(
    name: str | os.PathLike[str],
    layers: Sequence[str],
    *,
    padding: Padding | None = None,
    pooling: Pooling = "max",
) -> VGG:
    """A frozen perceptual network.

    Args:
        name: "lite" (bundled), "vgg19", "vgg16" and their "-bn" forms (fetched once), or the
            path of lite's file or of a VGG-19 in any layout that ``features/vgg_files.py`` knows.
        layers: Taps wanted.
        padding: At the borders; None is that with which the weights were learned.
        pooling: Between blocks; see VGG.

    Raises:
        WeightsError: The weights are missing, damaged or of another network.
        InputError: A layer or a name does not exist, or the name is of another kind of network.
    """
    path, plan = _find(name)
    if plan == "lite":
        return load_lite(path, layers, padding=padding, pooling=pooling)
    return load_vgg(path, plan, tuple(layers), padding=padding, pooling=pooling)


def layers_held(name: str | os.PathLike[str]) -> list[str]:
    """Taps that a network's file has the weights for, in forward order.

    Raises:
        WeightsError, InputError: See ``load_perceptual``.
    """
    path, plan = _find(name)
    return layer_names(LITE_PLAN) if plan == "lite" else layers_in_file(path, plan)


def _find(name: str | os.PathLike[str]) -> tuple[Path, str]:
    """Its file, and "lite" or the name of a VGG's plan."""
    entry = known_weights().get(str(name))
    if entry and entry.kind != "perceptual":
        raise InputError(
            f"{name} judges no pictures (its kind is {entry.kind}); use lite, vgg19 or a file."
        )
    path = find_weights(name if isinstance(name, str) else Path(name))
    is_tensors = path.suffix.lower() == ".safetensors"
    if is_tensors and read_metadata(path).get("method") == "lite":
        return path, "lite"
    return path, str(name) if str(name) in PLANS else "vgg19"
