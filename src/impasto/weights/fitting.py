"""Whether tensors are those of a network, and how they are told that they are not."""

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from impasto.errors import WeightsError

_LEFT_OUT = ("num_batches_tracked",)
"""Counts that older files lack and nothing depends on."""


def load_strictly(
    network: nn.Module, held: Mapping[str, Tensor], origin: str | Path, what: str
) -> None:
    """Give a network the tensors of a file, all of them and no others.

    Args:
        network: Whose tensors are replaced.
        held: Tensors by the network's own names, of any floating type.
        origin: The file, for the message.
        what: The network, for the message.

    Raises:
        WeightsError: A tensor is missing, foreign or of another shape; the message names it.
    """
    wanted = network.state_dict()
    held = {name: held[name] for name in held if not name.endswith(_LEFT_OUT)}
    optional = [name for name in wanted if name.endswith(_LEFT_OUT)]
    check_fit({n: v for n, v in wanted.items() if n not in optional}, held, origin, what)
    values = {n: held[n].to(v.dtype) for n, v in wanted.items() if n in held}
    network.load_state_dict(values | {name: wanted[name] for name in optional})


def check_fit(
    wanted: Mapping[str, Tensor], held: Mapping[str, Tensor], origin: str | Path, what: str
) -> None:
    """Raise unless two sets of tensors have the same names and shapes.

    Args:
        wanted: Of the network.
        held: Of the file.
        origin: The file, for the message.
        what: The network, for the message.

    Raises:
        WeightsError: A tensor is missing, foreign or of another shape; the message names it.
    """
    for name, value in wanted.items():
        if name in held and held[name].shape != value.shape:
            raise WeightsError(
                f"{origin} does not fit {what}: its {name} is {tuple(held[name].shape)}, and "
                f"{tuple(value.shape)} is needed; the two differ in width or depth."
            )
    for names, fault in (
        (sorted(set(wanted) - set(held)), "lacks"),
        (sorted(set(held) - set(wanted)), "has, besides,"),
    ):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise WeightsError(f"{origin} does not fit {what}: it {fault} {names[0]}{more}.")
