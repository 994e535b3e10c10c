"""The networks that dream, by name or file."""

import os
from collections.abc import Sequence
from pathlib import Path

from impasto.checks import check_choice
from impasto.errors import WeightsError
from impasto.features import inception, vgg
from impasto.features.inception import Inception
from impasto.features.inception_files import load_inception, recognise
from impasto.features.inception_plans import PLANS
from impasto.features.lite import LITE_PLAN
from impasto.features.perceptual import load_perceptual
from impasto.features.vgg import VGG
from impasto.weights.files import read_metadata, read_tensors
from impasto.weights.registry import known_weights
from impasto.weights.store import find_weights

NAMES = ("lite", "vgg16", "vgg19", "googlenet", "inception-v3")
"""What one types; a file's path is taken as well."""


def family_of(name: str | os.PathLike[str]) -> str:
    """Which of NAMES a network is: the name itself, or what a file holds.

    Raises:
        InputError: An unknown name.
        WeightsError: The file is missing or no weights.
    """
    if str(name) in NAMES:
        return str(name)
    if isinstance(name, str) and (Path(name).suffix == "" and os.sep not in name):
        check_choice("network", name, NAMES)
    path = find_weights(name if isinstance(name, str) else Path(name))
    if found := recognise(read_tensors(path)):
        return found[0]
    is_tensors = path.suffix.lower() == ".safetensors"
    return "lite" if is_tensors and read_metadata(path).get("method") == "lite" else "vgg19"


def layers_of(family: str) -> list[str]:
    """All layers of one of NAMES, in forward order."""
    if family in PLANS:
        return inception.layer_names(PLANS[family])
    return vgg.layer_names(LITE_PLAN if family == "lite" else vgg.PLANS[family])


def load_dreamer(name: str | os.PathLike[str], layers: Sequence[str]) -> VGG | Inception:
    """A frozen network that answers by layer name.

    Args:
        name: One of NAMES ("lite" is bundled, the others are fetched once), or the path of a
            file of Inception-v3, GoogLeNet, VGG-19 or lite.
        layers: Taps wanted.

    Raises:
        WeightsError: The weights are missing, damaged or of another network; the sentence names
            the command that fetches them and the network that needs no fetching.
        InputError: A name or a layer does not exist.
    """
    family = family_of(name)
    # Said before a hundred megabytes are fetched in vain.
    if family in PLANS:
        inception.check_layers(layers, PLANS[family])
    else:
        vgg.check_layers(layers, LITE_PLAN if family == "lite" else vgg.PLANS[family])
    if family not in PLANS:
        return load_perceptual(name, layers)
    try:
        path = find_weights(name if isinstance(name, str) else Path(name))
    except WeightsError as error:
        entry = known_weights().get(str(name))
        if entry is None or not entry.urls:
            raise
        raise WeightsError(
            f"{str(error).removesuffix('.')}; or dream offline: --network lite."
        ) from error
    return load_inception(path, family, layers)
