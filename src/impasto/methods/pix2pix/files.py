"""A translator from the tensors and the metadata of a weight file, and into them.

Reading order: Learned, tensors_of, learned_of (our files), learned_of_authors (files of the
authors' PyTorch program, whose networks are nested level in level).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from torch import Tensor

from impasto.checks import check_choice
from impasto.errors import InputError, WeightsError
from impasto.kinds import Direction
from impasto.methods.pix2pix.network import Pix2PixConfig, UNet
from impasto.weights.fitting import load_strictly

AUTHORS_FIRST = "model.model.0.weight"
"""A tensor by which a file of the authors' program is known."""


@dataclass(frozen=True)
class Learned:
    """A generator and what its file says of it."""

    network: UNet
    direction: Direction = "a2b"
    """Which way of its pairs it learned."""

    batch: int = 1
    """Pictures per step: with one, batch norm has learned to be instance norm."""


def tensors_of(
    learned: Learned, average: Mapping[str, Tensor] | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What a file holds of a generator: tensors (parameters in float16) and metadata.

    Args:
        learned: The generator.
        average: Parameters that stand for the network's, by name.
    """
    parameters = dict(learned.network.named_parameters()) | dict(average or {})
    tensors = {name: value.detach() for name, value in learned.network.state_dict().items()}
    tensors |= {name: value.detach().half() for name, value in parameters.items()}
    metadata = {
        "method": "pix2pix",
        "config": json.dumps(asdict(learned.network.config)),
        "direction": learned.direction,
        "batch": str(learned.batch),
    }
    return {f"generator.{name}": value for name, value in tensors.items()}, metadata


def learned_of(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], origin: str | Path
) -> Learned:
    """The generator, in float32, of a file that ``impasto train pix2pix`` wrote.

    Raises:
        WeightsError: It is of another method or shape; the message says which.
    """
    try:
        network = UNet(Pix2PixConfig(**json.loads(metadata["config"])))
        direction, batch = metadata.get("direction", "a2b"), int(metadata.get("batch", "1"))
        check_choice("direction", direction, get_args(Direction))
    except (KeyError, TypeError, ValueError, InputError) as error:
        reason = str(error).rstrip(".")
        raise WeightsError(f"{origin} has no configuration of pix2pix ({reason}).") from error
    held = {name.removeprefix("generator."): value for name, value in tensors.items()}
    load_strictly(network, held, origin, f"pix2pix of width {network.config.width}")
    return Learned(network, "b2a" if direction == "b2a" else "a2b", batch)


def learned_of_authors(tensors: Mapping[str, Tensor], origin: str | Path) -> Learned:
    """The generator of a ``.pth`` file of junyanz/pytorch-CycleGAN-and-pix2pix.

    Width, depth and norm are read off the tensors. Their files say nothing of a direction, nor
    of batches; the program's default is one picture.

    Raises:
        WeightsError: A tensor is missing, foreign or of another shape; the message names it.
    """
    held = {name.removeprefix("module."): value for name, value in tensors.items()}
    depth = 1
    while any(name.startswith(_prefix(depth)) for name in held):
        depth += 1
    try:
        config = Pix2PixConfig(
            width=held[AUTHORS_FIRST].shape[0],
            depth=depth,
            norm="instance" if "model.model.0.bias" in held else "batch",
        )
    except (KeyError, IndexError, InputError) as error:
        raise WeightsError(f"{origin} is no U-Net of the authors' program ({error}).") from error
    network = UNet(config)
    ours = {theirs: name for name, theirs in authors_names(network).items()}
    foreign_statistics = config.norm == "instance"
    renamed = {
        ours.get(name, name): value
        for name, value in held.items()
        # Of an instance norm older versions kept averages that they never used.
        if not (foreign_statistics and ".running_" in name)
    }
    load_strictly(network, renamed, origin, f"pix2pix of width {config.width}")
    return Learned(network)


def authors_names(network: UNet) -> dict[str, str]:
    """What the authors' program calls each tensor, by our names."""
    deepest = network.config.depth - 1
    names = {}
    for name in network.state_dict():
        way, number, part, tensor = name.split(".")
        level = int(number)
        # Within a level stand, in this order: ReLU, conv, norm, the next level, ReLU, conv, norm;
        # the first has no ReLU and no norms, the innermost no norm on its way down and no next.
        if level == 0:
            place = 0 if way == "downs" else 3
        elif way == "downs":
            place = {"conv": 1, "norm": 2}[part]
        else:
            place = {"conv": 3 if level == deepest else 5, "norm": 4 if level == deepest else 6}[
                part
            ]
        names[name] = f"{_prefix(level)}{place}.{tensor}"
    return names


def _prefix(level: int) -> str:
    """Where a level's parts begin: the first holds the next as its part 1, others as part 3."""
    return "model.model." + "".join("1.model." if i == 0 else "3.model." for i in range(level))
