"""The objective of a picture too large for its features: the same loss and gradient, in tiles.

A perceptual network takes a kilobyte and more per pixel while something is learned, a picture 12
bytes. Every style loss here but the histogram's is a function of each layer's mean and covariance,
and these are sums over positions. So each step looks twice: at every tile, to sum the moments of
the whole; then again, with what the loss says to the moments handed on to the features of each
tile and from there to its pixels. Tiles have as much around them as the network looks, so nothing
is estimated: loss and gradient are those of the whole picture but for rounding.

Reading order: TiledObjective (the two looks), Tile (where its features lie).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.features.moments import Comoments
from impasto.features.reach import reach
from impasto.features.vgg import VGG, pools_of
from impasto.losses.distances import ChannelMoments, Target
from impasto.methods.gatys.objective import Objective, on_grid
from impasto.methods.gatys.settings import TransferConfig

Size = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A part of a picture and what is looked at for it, in pixels; edges stand on the grid."""

    core: tuple[slice, slice]
    window: tuple[slice, slice]
    size: Size
    """Of the picture."""

    def whole(self, layer: str) -> tuple[slice, slice]:
        """The core's positions among the whole picture's at a layer."""
        halved = pools_of(layer)
        # What is left over at the end, less than a position, was never seen.
        rows, columns = (slice(part.start >> halved, part.stop >> halved) for part in self.core)
        return rows, columns

    def own(self, layer: str) -> tuple[slice, slice]:
        """The core's positions among the window's."""
        rows, columns = (
            slice(part.start - (around.start >> pools_of(layer)),
                  part.stop - (around.start >> pools_of(layer)))
            for part, around in zip(self.whole(layer), self.window, strict=True)
        )  # fmt: skip
        return rows, columns


def tiles_of(size: Size, tile: int, far: int, cell: int) -> Iterator[Tile]:
    """Tiles that cover a picture, row by row.

    Args:
        size: (height, width).
        tile: Their sides at most; rounded down to the grid.
        far: Pixels around them, a multiple of ``cell``.
        cell: Pixels per position of the coarsest layer.
    """
    step = max(cell, tile // cell * cell)
    parts = [
        [
            (slice(a, min(side, a + step)), slice(max(0, a - far), min(side, a + step + far)))
            for a in range(0, side, step)
        ]
        for side in size
    ]
    for row, around_row in parts[0]:
        for column, around_column in parts[1]:
            yield Tile(core=(row, column), window=(around_row, around_column), size=size)


def reach_of(network: VGG) -> int:
    """How many pixels around a tile its features depend on."""
    cell = 1 << pools_of(network.layers[-1])
    answer = lambda probe: list(network(probe).values())  # noqa: E731
    with torch.no_grad():
        return reach(answer, cell, like=network.input.weight)


class TiledObjective(Objective):
    """See Objective; a network without padding that wraps around, and no histograms.

    Args:
        network, config, *parts: See Objective.
        tile: Side of the tiles, without their surroundings, in pixels.

    Raises:
        InputError: The style loss needs all values at once.
    """

    def __init__(self, network: VGG, config: TransferConfig, *parts: Any, tile: int) -> None:
        self.cell = 1 << pools_of(network.layers[-1])
        self.tile, self.far = tile, reach_of(network)
        self._grids: dict[tuple[int, str], Tensor] = {}
        super().__init__(network, config, *parts)

    def _tiles(self, image: Tensor) -> Iterator[Tile]:
        size = (image.shape[-2], image.shape[-1])
        return tiles_of(size, self.tile, self.far, self.cell)

    def _remember(self, content: Tensor) -> None:
        """The features of each tile, and the variance of all of them."""
        self._contents: list[dict[str, Tensor]] = []
        sums = {name: torch.zeros(3, dtype=torch.float64) for name in self.content_weights}
        for tile in self._tiles(content):
            taps = self._look(content[(..., *tile.window)])
            kept = {name: taps[name][(..., *tile.own(name))].clone() for name in sums}
            self._contents.append(kept)
            for name, features in kept.items():
                here = features.float().cpu()
                total, squares = (v.sum(dtype=torch.float64) for v in (here, here.square()))
                sums[name] += torch.stack([total.new_tensor(here.numel()), total, squares])
        self._counts = {name: float(count) for name, (count, _, _) in sums.items()}
        self._variances = {
            name: float((squares - total**2 / count) / (count - 1).clamp_min(1))
            for name, (count, total, squares) in sums.items()
        }

    def _describe(self, style: Tensor) -> dict[str, Target]:
        seen = self._survey(style, masked=False)[0]
        return {name: self.distance.describe_moments(m) for name, (m, _) in seen.items()}

    def _seen(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted terms; the gradient of their sum comes along with the first."""
        pixels = image.detach()
        losses: dict[str, Tensor] = {}
        asked: list[dict[str, _Asked]] = []
        if self.style_weights:
            losses["style"], asked = self._ask(pixels)
        content, gradient = self._hand_on(pixels, asked)
        if self.content_weights:
            losses["content"] = pixels.new_tensor(content)
        first = next(iter(losses))
        losses[first] = _Known.apply(image, losses[first], gradient)  # type: ignore[no-untyped-call]
        return losses

    def _survey(
        self, image: Tensor, *, masked: bool
    ) -> list[dict[str, tuple[ChannelMoments, float]]]:
        """Per mask and layer the moments of the whole picture, and how much its positions count.

        Args:
            image: The picture, or a style.
            masked: Whether masks say what counts; else all does, as if there were one mask.
        """
        found = [
            {name: Comoments() for name in self.style_weights}
            for _ in (self.masks if masked else [None])
        ]
        positions = dict.fromkeys(self.style_weights, 0)
        with torch.no_grad():
            for tile in self._tiles(image):
                taps = self._look(image[(..., *tile.window)])
                for name in self.style_weights:
                    core = taps[name][(..., *tile.own(name))].float()
                    positions[name] += core.shape[-2] * core.shape[-1]
                    for number, seen in enumerate(found):
                        counts = self._counting(number, name, tile) if masked else None
                        seen[name].add(core, counts)
        return [
            {name: (_moments(one, positions[name], image.device), one.count)
             for name, one in seen.items()}
            for seen in found
        ]  # fmt: skip

    def _counting(self, number: int, name: str, tile: Tile) -> Tensor | None:
        """How much each position of a tile's core counts for a mask; None: all alike."""
        mask = self.masks[number]
        if mask is None:
            return None
        if (number, name) not in self._grids:
            grid = mask.new_empty((1, 1, *(side >> pools_of(name) for side in tile.size)))
            self._grids[number, name] = on_grid(mask, grid)
        return self._grids[number, name][(..., *tile.whole(name))]

    def _ask(self, pixels: Tensor) -> tuple[Tensor, list[dict[str, "_Asked"]]]:
        """The style term, and per mask what it asks of the features of each layer."""
        surveyed = self._survey(pixels, masked=True)
        terms, leaves = [], []
        with torch.enable_grad():
            for seen, (share, _, targets) in zip(surveyed, self.style_targets, strict=True):
                for name, weight in self.style_weights.items():
                    here, target = seen[name][0], targets[name]
                    leaves += [here.mean.requires_grad_(), here.covariance.requires_grad_()]
                    term = self.distance.distance_of_moments(here, target)
                    if self.config.relative:
                        term = term / self.distance.unit(target).clamp_min(1e-8)
                    terms.append(self.config.style_weight * share * weight * term)
            loss = torch.stack(terms).sum()
            slopes = iter(torch.autograd.grad(loss, leaves))
        asked = [
            {name: _Asked(moments.mean.detach(), next(slopes), _both_ways(next(slopes)), count)
             for name, (moments, count) in seen.items()}
            for seen in surveyed
        ]  # fmt: skip
        return loss.detach(), asked

    def _hand_on(
        self, pixels: Tensor, asked: Sequence[Mapping[str, "_Asked"]]
    ) -> tuple[float, Tensor]:
        """The content term, and the gradient of both terms to the pixels."""
        content, gradient = 0.0, torch.zeros_like(pixels)
        for number, tile in enumerate(self._tiles(pixels)):
            with torch.enable_grad():
                window = pixels[(..., *tile.window)].clone().requires_grad_()
                taps = self._look(window)
            with torch.no_grad():
                slopes = {name: torch.zeros_like(tap) for name, tap in taps.items()}
                for which, one in enumerate(asked):
                    for name, wish in one.items():
                        own = (..., *tile.own(name))
                        counts = self._counting(which, name, tile)
                        slopes[name][own] += wish(taps[name][own].float(), counts)
                for name in self.content_weights:
                    term, slope = self._content_slope(name, number, taps[name], tile)
                    content += term
                    slopes[name][(..., *tile.own(name))] += slope
            names = list(taps)
            (part,) = torch.autograd.grad(
                [taps[n] for n in names], window, [slopes[n] for n in names]
            )
            gradient[(..., *tile.window)] += part
        return content, gradient

    def _content_slope(
        self, name: str, number: int, tap: Tensor, tile: Tile
    ) -> tuple[float, Tensor]:
        """A tile's part of the content term, and its gradient to the features."""
        difference = tap[(..., *tile.own(name))].float() - self._contents[number][name].float()
        factor = self.config.content_weight * self.content_weights[name]
        if not self.config.content_sum:
            factor /= self._counts[name]
            if self.config.relative:
                factor /= max(1e-8, self._variances[name])
        return factor * float(difference.square().sum()), 2 * factor * difference


def _moments(seen: Comoments, positions: int, device: torch.device) -> ChannelMoments:
    mean, covariance = (part.to(device) for part in seen.result())
    return ChannelMoments(mean=mean, covariance=covariance, positions=positions)


def _both_ways(slope: Tensor) -> Tensor:
    """Along a product x y^T, of which x and y are the same."""
    return slope + slope.mT


@dataclass(frozen=True)
class _Asked:
    """What a loss says to a layer's moments: its slopes along mean and covariance."""

    mean: Tensor
    of_mean: Tensor
    of_products: Tensor
    count: float

    def __call__(self, features: Tensor, counts: Tensor | None) -> Tensor:
        """The slope along some of the features (1, C, h, w)."""
        flat = features.flatten(2)  # (1, C, n)
        slope = self.of_mean[..., None] + self.of_products @ (flat - self.mean[..., None])
        share = 1.0 if counts is None else counts.flatten(2)
        return (slope * share / max(self.count, 1e-12)).view_as(features)


class _Known(torch.autograd.Function):
    """A loss whose gradient has been computed along with it."""

    @staticmethod
    def forward(ctx: Any, image: Tensor, loss: Tensor, gradient: Tensor) -> Tensor:
        ctx.save_for_backward(gradient)
        return loss.clone()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream, None, None
