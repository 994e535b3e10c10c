"""Whole or in tiles, and of which size: decided before anything is painted."""

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from impasto.checks import bytes_of
from impasto.errors import InputError, ResourceError
from impasto.images.resize import Size
from impasto.inference.memory import size_text
from impasto.runtime import free_memory

if TYPE_CHECKING:
    from collections.abc import Callable

    from impasto.inference.tiled import Tiling

SMALL = 1 << 20
"""Pixels up to which a picture is painted whole without asking how much memory that takes."""

GENEROUS = 1024
"""Bytes per pixel, more than any painter here takes: where that is free, nothing need be asked."""

TILES = (4096, 3072, 2560, 2048, 1792, 1536, 1024, 768, 512, 384, 256, 128, 64)
"""Sides in pixels that auto chooses from; larger ones repeat less work at their edges."""

COMFORT = 1 << 30
"""Bytes for a tile that auto does not go beyond: more makes nothing faster."""

REPEATED = 1 / 3
"""Part of a tile's pixels that is painted for its neighbours' sake at most; larger tiles would take
memory and make little faster."""


def choose_tiling(
    size: Size,
    rehearse: "Callable[[], Tiling]",
    *,
    tile: str,
    max_memory: str | None,
    device: torch.device | None = None,
    streamed: bool = False,
) -> "Tiling | None":
    """How to paint a picture.

    Args:
        size: (height, width) of the picture.
        rehearse: Finds out what the painter needs; called only if that is wanted.
        tile: "auto", "off", or a number of pixels.
        max_memory: See StylizeConfig.
        device: Whose memory counts.
        streamed: Whether the picture is not in memory as a whole, so that tiles are a must.

    Returns:
        None for whole.

    Raises:
        ResourceError: Less memory is allowed than the smallest tile, or the whole, needs.
        InputError: Tiles are wanted of a network that looks at the whole picture at once.
    """
    allowed = None if max_memory is None else bytes_of(max_memory, name="max_memory")
    if tile.isdecimal():
        return _of_size(int(tile), size, rehearse, allowed, streamed)
    if not streamed and allowed is None and (tile == "off" or is_easy(size, device)):
        return None
    try:
        tiling = rehearse()
    except InputError:
        if streamed or allowed is not None:
            raise
        return None  # it looks at everything at once: whole is the only way
    whole = tiling.appetite(*size)
    if not streamed and whole <= (free_memory(device) * 0.7 if allowed is None else allowed):
        return None
    if tile == "off":
        raise ResourceError(
            f"the whole picture of {size[1]}x{size[0]} needs about {size_text(whole)} and "
            f"{max_memory or 'less'} is allowed; leave --tile off out, or allow "
            f"--max-memory {size_text(whole)}."
        )
    budget = min(free_memory(device) / 2, COMFORT) if allowed is None else allowed
    fitting = [side for side in TILES if tiling.memory_of(side, size) <= budget]
    if fitting:
        enough = [s for s in fitting if _repeated(s, tiling) <= REPEATED and allowed is None]
        return replace(tiling, tile=min(enough, default=fitting[0]))
    if allowed is None:
        return replace(tiling, tile=TILES[-1])  # perhaps other programs give some back
    least = size_text(tiling.memory_of(TILES[-1], size))
    raise ResourceError(
        f"--max-memory {max_memory} is less than the smallest tile of this painter needs; allow "
        f"at least {least}."
    )


def _repeated(side: int, tiling: "Tiling") -> float:
    """How much more than its own pixels a tile with its surroundings has."""
    return (1 + 2 * max(tiling.reaches) / side) ** 2 - 1


def is_easy(size: Size, device: torch.device | None) -> bool:
    """Whether a picture of that size fits into free memory as a whole, beyond any doubt."""
    pixels = size[0] * size[1]
    return pixels <= SMALL or pixels * GENEROUS <= free_memory(device) / 2


def _of_size(
    tile: int,
    size: Size,
    rehearse: "Callable[[], Tiling]",
    allowed: int | None,
    streamed: bool,
) -> "Tiling | None":
    if tile >= max(size) and allowed is None and not streamed:
        return None  # one tile is the whole picture
    tiling = rehearse()
    tiling = replace(tiling, tile=max(tiling.cell, tile // tiling.cell * tiling.cell))
    needed = tiling.memory_of(tiling.tile, size)
    if allowed is not None and needed > allowed:
        least = tiling.memory_of(TILES[-1], size)
        raise ResourceError(
            f"a tile of {tile} pixels needs about {size_text(needed)} and {size_text(allowed)} is "
            f"allowed; allow --max-memory {size_text(needed)}, or choose a smaller --tile (one of "
            f"{TILES[-1]} needs {size_text(least)})."
        )
    return tiling
