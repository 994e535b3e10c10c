"""Generators from the tensors and the metadata of a weight file, and into them.

Reading order: tensors_of, generators_of (our files), generator_of_authors (files of the authors'
PyTorch program, which hold one generator each, its layers numbered through).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from impasto.errors import InputError, WeightsError
from impasto.kinds import Direction
from impasto.methods.cyclegan.network import CycleGANConfig, ResNetGenerator
from impasto.weights.fitting import load_strictly

AUTHORS_FIRST = "model.1.weight"
"""A tensor by which a file of the authors' program is known."""

PREFIXES: dict[Direction, str] = {"a2b": "generator_ab.", "b2a": "generator_ba."}

Generators = dict[Direction, ResNetGenerator]


def tensors_of(
    generators: Generators, averages: Mapping[Direction, Mapping[str, Tensor]] | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What a file holds of the generators: tensors (parameters in float16) and metadata.

    Args:
        generators: By direction.
        averages: Parameters that stand for the networks', by direction and name.
    """
    tensors: dict[str, Tensor] = {}
    for direction, network in generators.items():
        average = dict((averages or {}).get(direction, {}))
        parameters = dict(network.named_parameters()) | average
        held = {name: value.detach() for name, value in network.state_dict().items()}
        held |= {name: value.detach().half() for name, value in parameters.items()}
        tensors |= {PREFIXES[direction] + name: value for name, value in held.items()}
    config = next(iter(generators.values())).config
    return tensors, {"method": "cyclegan", "config": json.dumps(asdict(config))}


def generators_of(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], origin: str | Path
) -> Generators:
    """The generators, in float32, of a file that ``impasto train cyclegan`` wrote.

    Raises:
        WeightsError: It is of another method or shape; the message says which.
    """
    try:
        config = CycleGANConfig(**json.loads(metadata["config"]))
    except (KeyError, TypeError, ValueError, InputError) as error:
        reason = str(error).rstrip(".")
        raise WeightsError(f"{origin} has no configuration of cyclegan ({reason}).") from error
    known = tuple(PREFIXES.values())
    foreign = [name for name in tensors if not name.startswith(known)]
    if foreign or not tensors:
        named = foreign[0] if foreign else "nothing"
        raise WeightsError(f"{origin} does not fit cyclegan: it holds {named}.")
    generators: Generators = {}
    for direction, prefix in PREFIXES.items():
        held = {n.removeprefix(prefix): v for n, v in tensors.items() if n.startswith(prefix)}
        if held:
            generators[direction] = ResNetGenerator(config)
            load_strictly(generators[direction], held, origin, f"cyclegan of width {config.width}")
    return generators


def generator_of_authors(tensors: Mapping[str, Tensor], origin: str | Path) -> Generators:
    """The generator of a ``.pth`` file of junyanz/pytorch-CycleGAN-and-pix2pix.

    Width, blocks and norm are read off the tensors. The file says nothing of a direction: it is
    called a2b here.

    Raises:
        WeightsError: A tensor is missing, foreign or of another shape; the message names it.
    """
    held = {name.removeprefix("module."): value for name, value in tensors.items()}
    blocks = len({name.split(".")[1] for name in held if ".conv_block." in name})
    try:
        width = held[AUTHORS_FIRST].shape[0]
        norm = "batch" if "model.2.weight" in held else "instance"
        config = CycleGANConfig(
            width=width, blocks=blocks, norm="batch" if norm == "batch" else "instance"
        )
    except (KeyError, IndexError, InputError) as error:
        raise WeightsError(
            f"{origin} is no ResNet generator of the authors' program ({error})."
        ) from error
    network = ResNetGenerator(config)
    ours = {theirs: name for name, theirs in authors_names(network).items()}
    renamed = {
        ours.get(name, name): value
        for name, value in held.items()
        # Of an instance norm older versions kept averages that they never used.
        if not (config.norm == "instance" and ".running_" in name)
    }
    load_strictly(network, renamed, origin, f"cyclegan of width {width}")
    return {"a2b": network}


def authors_names(network: ResNetGenerator) -> dict[str, str]:
    """What the authors' program calls each tensor, by our names.

    Theirs count padding, norms and ReLUs through: the convolutions on the way down are 1, 4 and
    7, blocks begin at 10, those on the way up are the first, fourth and eighth after the blocks.
    """
    after = 10 + network.config.blocks
    names = {}
    for name in network.state_dict():
        parts = name.split(".")
        way, number, tensor = parts[0], int(parts[1]), parts[-1]
        if way == "blocks":
            # A padding stands before each convolution of theirs: 0 and 4.
            place = int(parts[3]) + (1 if int(parts[3]) < 3 else 2)
            names[name] = f"model.{10 + number}.conv_block.{place}.{tensor}"
        elif way == "down":
            names[name] = f"model.{1 + 3 * number + int(parts[2])}.{tensor}"
        elif number == 2:  # the last convolution, behind a padding
            names[name] = f"model.{after + 7}.{tensor}"
        else:
            names[name] = f"model.{after + 3 * number + int(parts[2])}.{tensor}"
    return names
