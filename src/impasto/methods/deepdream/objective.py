"""What a dream raises, and its gradient: of the whole picture, or tile by tile.

Reading order: Features (what a network must do), Objective.terms (what is raised),
Objective.gradient, windows (how a picture is cut).
"""

import itertools
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from impasto.checks import check_range
from impasto.errors import InputError
from impasto.images.resize import fit_within, resize
from impasto.losses.finite import check_finite
from impasto.methods.deepdream.settings import DreamConfig, Target

_MOST_GUIDE_PIXELS = 384 * 384
_MOST_GUIDE_POSITIONS = 4096
_MOST_MATCHES = 1 << 24
"""Entries of the table of dot products that is held at a time."""


class Features(Protocol):
    """A frozen network that answers by layer name."""

    layers: tuple[str, ...]

    @property
    def least_side(self) -> int:
        """The least height and width it can look at, in pixels."""
        ...

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        """Features (B, C, h, w) of pictures (B, 3, H, W) in [0, 1]."""
        ...


class Objective:
    """The strength of layers and channels in a picture.

    Args:
        network: Answers with at least the layers of ``config``.
        config: What is raised.
        guide: (1, 3, h, w) in [0, 1], a picture to dream of.

    Raises:
        InputError: The network lacks a layer, or a channel, or the guide is too small for it.
    """

    def __init__(self, network: Features, config: DreamConfig, guide: Tensor | None = None) -> None:
        self.network, self.config, self.targets = network, config, config.targets()
        missing = [name for name in config.layer_names() if name not in network.layers]
        if missing:
            raise InputError(
                f"the network does not answer with {' and '.join(missing)}, but with "
                f"{', '.join(network.layers)}; load it with the layers of the dream."
            )
        self.guide = None if guide is None else self._guide_features(guide)

    @torch.no_grad()
    def _guide_features(self, guide: Tensor) -> dict[str, Tensor]:
        """Target -> (N, C): what the guide shows at up to 4096 places."""
        height, width = guide.shape[-2:]
        taps = self.network(resize(guide, fit_within((height, width), _MOST_GUIDE_PIXELS)))
        found = {}
        for target in self.targets:
            rows = _selected(taps[target.layer], target)[0].flatten(1).mT  # (hw, C)
            found[target.name] = rows[:: -(-len(rows) // _MOST_GUIDE_POSITIONS)]
        return found

    def terms(self, image: Tensor, norms: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Weighted strengths of a picture (1, 3, H, W): their sum is to be raised.

        Args:
            image: The picture, or a tile of it.
            norms: For a tile whose strength is a norm: number of features over their norm, of
                the whole picture and by target, so that all tiles count by one measure.

        Returns:
            Scalars by target; with a guide, "NAME like guide" as well.
        """
        taps = self.network(image)
        share = self.config.guide_weight if self.guide is not None else 0.0
        terms: dict[str, Tensor] = {}
        for target in self.targets:
            features = _selected(taps[target.layer], target)
            if share < 1:
                slope = norms[target.name] if norms else None
                strength = self._strength(features, slope)
                terms[target.name] = target.weight * (1 - share) * strength
            if share > 0:
                assert self.guide is not None
                match = _best_match(features, self.guide[target.name])
                terms[f"{target.name} like guide"] = target.weight * share * match
        return terms

    def _strength(self, features: Tensor, slope: Tensor | None) -> Tensor:
        if self.config.objective == "mean":
            return features.mean()
        if self.config.objective == "squares":
            return features.square().mean()
        if slope is not None:
            squares = features.square().mean() * slope
            # d sqrt(S) = dS / (2 sqrt(S)); the value is that of the norm all the same.
            return squares / 2 + squares.detach() / 2
        norm: Tensor = torch.linalg.vector_norm(features)  # has a gradient at 0, unlike a root
        return norm

    def gradient(
        self, image: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, dict[str, float]]:
        """Direction in which a picture (1, 3, H, W) raises the objective, and the terms there.

        A picture longer than a tile is looked at in overlapping windows: each gives the gradient
        of its inner part, so that seams see what lies beyond them.

        Args:
            image: In [0, 1].
            generator: Shifts the windows, so that seams fall elsewhere each time; None leaves
                them in the middle.

        Raises:
            TrainingError: A term is not finite; it is named.
        """
        tile, overlap = self.config.tile, self.config.overlap
        rows, columns = (windows(side, tile, overlap, generator) for side in image.shape[-2:])
        pixels = image.shape[-2] * image.shape[-1]
        seen = sum(row.span * column.span for row in rows for column in columns)
        norms = self._norms(image, rows, columns, pixels / seen)
        gradient = torch.zeros_like(image)
        sums: dict[str, Tensor] = {}
        for row in rows:
            for column in columns:
                part = image[..., row.seen, column.seen].detach().requires_grad_()
                terms = self.terms(part, norms)
                check_finite(terms, "begin again with a smaller --step-size")
                # A mean over a window, taken as its part of the mean over the picture.
                area = row.span * column.span
                objective = torch.stack(list(terms.values())).sum() * (area / pixels)
                (slope,) = torch.autograd.grad(objective, part)
                gradient[..., row.kept, column.kept] = slope[..., row.inner, column.inner]
                for name, value in terms.items():
                    sums[name] = sums.get(name, 0) + value.detach() * (area / seen)
        return gradient, {name: float(value) for name, value in sums.items()}

    @torch.no_grad()
    def _norms(
        self, image: Tensor, rows: "list[Window]", columns: "list[Window]", overlap: float
    ) -> dict[str, Tensor] | None:
        """See ``terms``; None where one window sees the whole picture.

        Args:
            image: The picture.
            rows, columns: How it is cut.
            overlap: Its pixels over those of all windows.
        """
        if self.config.objective != "norm" or len(rows) * len(columns) == 1:
            return None
        squares: dict[str, Tensor] = {}
        count: dict[str, float] = {}
        for row in rows:
            for column in columns:
                taps = self.network(image[..., row.seen, column.seen])
                for target in self.targets:
                    features = _selected(taps[target.layer], target)
                    squares[target.name] = squares.get(target.name, 0) + features.square().sum()
                    count[target.name] = count.get(target.name, 0) + features.numel()
        return {
            name: count[name] * overlap / (value * overlap).clamp_min(1e-20).sqrt()
            for name, value in squares.items()
        }


def _selected(features: Tensor, target: Target) -> Tensor:
    if target.channel is None:
        return features
    check_range(f"the channel of {target.layer}", target.channel, at_most=features.shape[1] - 1)
    return features[:, target.channel, None]


def _best_match(features: Tensor, guide: Tensor) -> Tensor:
    """Mean product of each place's features with the guide's that fit it best.

    Args:
        features: (1, C, h, w).
        guide: (N, C).
    """
    places = features[0].flatten(1).mT  # (hw, C)
    chosen = []
    with torch.no_grad():
        for piece in torch.split(places, max(1, _MOST_MATCHES // len(guide))):
            chosen.append((piece @ guide.mT).argmax(1))
    return (places * guide[torch.cat(chosen)]).mean()


class Window(NamedTuple):
    """One stretch of a side: what is looked at, and the part whose gradient is taken."""

    start: int
    stop: int
    first: int
    """Of the part that is kept."""
    last: int
    """The kept part ends before this."""

    @property
    def span(self) -> int:
        """Length of what is looked at, in pixels."""
        return self.stop - self.start

    @property
    def seen(self) -> slice:
        """What is looked at, in the picture."""
        return slice(self.start, self.stop)

    @property
    def kept(self) -> slice:
        """What is taken from it, in the picture."""
        return slice(self.first, self.last)

    @property
    def inner(self) -> slice:
        """What is taken from it, in the window."""
        return slice(self.first - self.start, self.last - self.start)


def windows(
    length: int, tile: int, overlap: int, generator: torch.Generator | None = None
) -> list[Window]:
    """Cut a side into windows of one length whose kept parts cover it without overlap.

    Args:
        length: Of the side, in pixels.
        tile: Length of a window; a side no longer than that is one window.
        overlap: What a window sees beyond its kept part, except at the picture's border.
        generator: Shifts the windows as far as their number leaves room; None centres them.
    """
    if length <= tile:
        return [Window(0, length, 0, length)]
    stride = tile - 2 * overlap
    count = -(-(length - 2 * overlap) // stride)
    slack = count * stride + 2 * overlap - length
    offset = int(torch.randint(slack + 1, (), generator=generator)) if generator else slack // 2
    inner = [number * stride + overlap - offset for number in range(1, count)]
    found = []
    for first, last in itertools.pairwise([0, *inner, length]):
        start = min(max(first - overlap, 0), length - tile)
        found.append(Window(start, start + tile, first, last))
    return found
