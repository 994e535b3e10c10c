"""How far a network looks: found by asking it, so that no architecture has to be described.

A band of a picture is made not-a-number. Convolutions, pools, interpolation and activations hand
that on to whatever depends on it, whatever their weights are; where the answers are numbers again,
the band is out of sight.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from impasto.errors import InputError

FARTHEST = 4096
"""Pixels of the longest probe; what looks farther cannot be painted in tiles."""

_SHORTEST = 256
"""Pixels of the first probe; what a dilated kernel skips is seen only where it lands."""

_NARROW = (4, 16)
"""Cells and pixels that the probe's short side has at least: for the reflection inside networks."""


def reach(
    answer: Callable[[Tensor], Sequence[Tensor]],
    cell: int,
    *,
    like: Tensor | None = None,
    expected: int = 0,
) -> int:
    """How many pixels beyond its own place a cell is felt, on any side.

    Args:
        answer: From a picture (1, 3, H, W), sides multiples of ``cell``, to grids (1, C, h, w)
            whose positions stand for H / h pixels each.
        cell: Pixels per position of the coarsest grid inside the network.
        like: Gives the device and the type of the probes; None is float32 on the CPU.
        expected: Pixels that the first probe must allow for; saves probes that are too short.

    Returns:
        A multiple of ``cell``.

    Raises:
        InputError: It is felt everywhere: the network looks at the whole picture at once.
    """
    cells = max(8, _SHORTEST // cell, 2 * (expected // cell + 2))
    return max(_reach_along(axis, answer, cell, like, cells) for axis in (-2, -1))


def _reach_along(
    axis: int,
    answer: Callable[[Tensor], Sequence[Tensor]],
    cell: int,
    like: Tensor | None,
    cells: int,
) -> int:
    while cells * cell <= max(FARTHEST, 8 * cell):
        narrow = max(_NARROW[0], -(-_NARROW[1] // cell)) * cell
        sides = [narrow, narrow]
        sides[axis] = cells * cell
        generator = torch.Generator().manual_seed(0)
        probe = torch.rand((1, 3, *sides), generator=generator)
        start = cells // 2 * cell
        probe.narrow(axis, start, cell).fill_(float("nan"))
        grids = answer(probe if like is None else probe.to(like))
        found = [_spread(grid, axis, start, cell, cells * cell) for grid in grids]
        if (known := [far for far in found if far is not None]) and len(known) == len(found):
            return -(-max(known) // cell) * cell
        cells *= 2
    raise InputError(
        f"this network still sees a place from {FARTHEST // 2} pixels away: it looks at the whole "
        "picture at once and cannot paint in tiles; use --tile off."
    )


def _spread(grid: Tensor, axis: int, start: int, cell: int, side: int) -> int | None:
    """Pixels beyond the band at which answers stop being numbers; None when they never end."""
    others = [dim for dim in range(grid.ndim) if dim != grid.ndim + axis]
    touched = grid.isnan().any(dim=others[0], keepdim=True)
    for dim in others[1:]:
        touched = touched.any(dim=dim, keepdim=True)
    places = touched.flatten().nonzero().flatten()
    if not len(places):
        return 0
    first, last = int(places[0]), int(places[-1])
    if first == 0 or last == grid.shape[axis] - 1:
        return None
    scale = side // grid.shape[axis]
    return max(start - first * scale, (last + 1) * scale - start - cell, 0)
