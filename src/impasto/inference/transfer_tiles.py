"""Whether the network looks at a picture that is optimised as a whole or in tiles, and in which."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from impasto.checks import bytes_of
from impasto.errors import InputError, ResourceError
from impasto.features.vgg import VGG
from impasto.images.resize import Size
from impasto.inference.choose import TILES
from impasto.inference.memory import size_text
from impasto.inference.settings import TileConfig
from impasto.methods.gatys.settings import TransferConfig
from impasto.methods.gatys.tiled import reach_of
from impasto.runtime import free_memory

BESIDE = 300
"""Bytes per pixel that the picture, its parts, their moments and gradients take in any case
(measured: 220)."""

BACKWARD = 1.3
"""What the way back takes together with the features that wait for it, in units of these
(measured: 1.2)."""

GENEROUS = 16_384
"""Bytes per pixel, more than any network here takes while something is learned."""


def tile_chooser(
    network: VGG, config: TransferConfig, tiles: TileConfig
) -> Callable[[Size], int | None]:
    """How to look at each scale of an optimisation.

    Args:
        network: With the layers that count, where it will compute.
        config: Of the optimisation.
        tiles: What is allowed.

    Returns:
        From (height, width) to the side of tiles in pixels, or None for the whole. It raises
        ResourceError where less memory is allowed than the smallest tile needs.

    Raises:
        InputError: Tiles are asked for where the whole must be looked at.
    """
    only_whole = None
    if config.seamless:
        only_whole = "a picture that wraps around is looked at as a whole"
    elif config.style_loss == "histogram":
        only_whole = "the histogram's distance needs all values of the whole picture"
    if tiles.tile == "off" or (only_whole and tiles.tile == "auto"):
        return lambda size: None
    if only_whole:
        raise InputError(f"{only_whole}; leave --tile {tiles.tile} out.")
    if tiles.tile.isdecimal():
        side = int(tiles.tile)
        return lambda size: side if side < max(size) else None
    return _by_memory(network, tiles)


def _by_memory(network: VGG, tiles: TileConfig) -> Callable[[Size], int | None]:
    device = network.input.weight.device
    allowed = None if tiles.max_memory is None else bytes_of(tiles.max_memory, name="max_memory")

    @cache
    def asked() -> tuple[float, int]:
        return BACKWARD * _kept_per_pixel(network), 2 * reach_of(network)

    def tile_of(size: Size) -> int | None:
        if allowed is None and size[0] * size[1] * GENEROUS <= free_memory(device) / 2:
            return None
        per_pixel, around = asked()

        def needed(side: int) -> int:
            height, width = (min(n, side + around) for n in size)
            return int(BESIDE * size[0] * size[1] + per_pixel * height * width)

        budget = free_memory(device) * 0.7 if allowed is None else float(allowed)
        if needed(max(size)) <= budget:
            return None
        for side in TILES:
            if side < max(size) and needed(side) <= budget:
                return side
        if allowed is None:
            return TILES[-1]  # perhaps other programs give some back
        raise ResourceError(
            f"--max-memory {tiles.max_memory} is less than a picture of {size[1]}x{size[0]} needs "
            f"while it is optimised; allow at least {size_text(needed(TILES[-1]))}, or make it "
            "smaller by --size."
        )

    return tile_of


def _kept_per_pixel(network: VGG) -> float:
    """Bytes of features that wait for the way back, per pixel of a window."""
    side = 256
    kept: dict[int, int] = {}

    def see(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    window = torch.rand(1, 3, side, side, device=network.input.weight.device)
    with torch.enable_grad(), saved_tensors_hooks(see, lambda tensor: tensor):
        taps = network(window.requires_grad_())
    del taps  # until here nothing may be freed and counted at the same address twice
    return sum(kept.values()) / side**2
