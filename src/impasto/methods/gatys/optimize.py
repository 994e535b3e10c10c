"""The picture itself is learned: transfer, texture and inversion, coarse to fine.

    Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks", CVPR 2016.
    Gatys, Ecker and Bethge, "Texture Synthesis Using Convolutional Neural Networks", NIPS 2015.
    https://arxiv.org/abs/1505.07376 (style alone)
    Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting Them", CVPR 2015.
    https://arxiv.org/abs/1412.0035 (content alone)

Reading order: scales, Optimization (prepare a scale, step, carry it to the next).

Departures from the papers, each with its reason:
    scales       sizes grow by sqrt 2 and each begins with the last one's result: large shapes are
                 found where steps are cheap, and the style's scale fits the picture's.
    averaging    the mean of the last pictures may be the result: it is calmer than any of them.
    padding      the border pixels are repeated; zeros would draw a frame.
    one network  with the targets of all sizes computed once, each at its own scale.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from impasto.checks import check_shape
from impasto.errors import InputError
from impasto.features.vgg import VGG, pools_of
from impasto.images.resize import resize
from impasto.methods.base import Step
from impasto.methods.gatys.canvas import Canvas
from impasto.methods.gatys.objective import Objective
from impasto.methods.gatys.optimizers import PixelAdam, PixelLBFGS
from impasto.methods.gatys.settings import TransferConfig
from impasto.methods.gatys.tiled import TiledObjective
from impasto.methods.gatys.wrap import resize_wrapped, typical_cut


def scales(size: tuple[int, int], config: TransferConfig, grid: int = 1) -> list[tuple[int, int]]:
    """Sizes from coarse to fine, each sqrt 2 times the one before.

    Args:
        size: (height, width) whose proportions count; the last scale's long side is
            ``config.size``.
        config: Gives ``size`` and ``min_size``.
        grid: Sides are multiples of this (for pictures that wrap around).

    Returns:
        (height, width) per scale, at least one.
    """
    longest = max(size)
    sides = [float(config.size)]
    while (smaller := sides[-1] / math.sqrt(2)) >= 0.999 * config.min_size:  # of rounding
        sides.append(smaller)
    found = [
        tuple(max(grid, round(side * length / longest / grid) * grid) for length in size)
        for side in reversed(sides)
    ]
    return list(dict.fromkeys(found))  # type: ignore[arg-type]


class Optimization:
    """An optimisation that can be stopped, saved and gone on with; iterate over it for its steps.

    Args:
        network: With the layers that count (see ``needed_layers``) and the padding and pooling
            of ``config``.
        config: What, how and from where.
        content: (1, 3, H, W) in [0, 1]; None for a texture.
        styles: (1, 3, h, w) each, any size; none for an inversion.
        size: (height, width) of the result's proportions; None takes the content's.
        masks: (1, 1, H, W) in [0, 1], one per style.
        start: (1, 3, H, W) in [0, 1], any size: the first picture; None begins as ``config.init``
            says.
        precision: Of the network.
        tile_of: From a scale's (height, width) to the side of the tiles in which the network looks
            at it, in pixels; None looks at the whole.

    Raises:
        InputError: Neither content nor style, weights or masks that do not fit the styles, or an
            init that needs what is not there.
    """

    def __init__(
        self,
        network: VGG,
        config: TransferConfig,
        *,
        content: Tensor | None = None,
        styles: Sequence[Tensor] = (),
        size: tuple[int, int] | None = None,
        masks: Sequence[Tensor] | None = None,
        start: Tensor | None = None,
        precision: torch.dtype = torch.float32,
        tile_of: Callable[[tuple[int, int]], int | None] = lambda _: None,
    ) -> None:
        self.network, self.config, self.precision = network, config, precision
        self.tile_of = tile_of
        for picture in (content, start, *styles):
            if picture is not None:
                check_shape(picture, "1 3 H W", name="picture")
        self.content, self.styles, self.masks, self.start = content, list(styles), masks, start
        self.shares = _shares(config, len(self.styles))
        _check_parts(config, content, self.styles, masks, start)
        if size is None:
            shape = (content if content is not None else self.styles[0]).shape
            size = shape[-2], shape[-1]
        grid = 2 ** pools_of(network.layers[-1]) if config.seamless else 1
        self.scales = scales(size, config, grid)
        self.total = config.first_steps + config.steps * (len(self.scales) - 1)
        self.index, self._scale = 0, -1
        self._canvas = Canvas(torch.empty(1, 3, 0, 0))
        self._average, self._weight = torch.empty(0), 0.0
        self._optimizer: PixelAdam | PixelLBFGS | None = None

    def __iter__(self) -> Iterator[Step]:
        """Yield one Step per update; goes on where it was left.

        Raises:
            TrainingError: A term is not finite; the message names it.
        """
        while self.index < self.total:
            scale = self._scale_of(self.index)
            if scale != self._scale:
                self._enter(scale, self._first_picture() if scale == 0 else self.result)
            assert self._optimizer is not None
            losses = self._optimizer.step(self._progress)
            self.index += 1
            self._remember()
            if self.index == self.total and self.config.seamless:
                self._cut()
            yield Step(self.index, self.total, losses, self.result)

    @property
    def result(self) -> Tensor:
        """The picture so far, (1, 3, H, W) in [0, 1]: the average, or the last one."""
        if self.config.averaging and self._weight:
            return (self._average / self._weight).clamp(0, 1)
        return self.image.clamp(0, 1)

    @property
    def image(self) -> Tensor:
        """The last picture, (1, 3, H, W), which may stand a little outside [0, 1]."""
        return self._canvas.picture().detach()

    def state(self) -> dict[str, Any]:
        """All that a resumed run needs, tensors and numbers."""
        return {
            "index": self.index,
            "canvas": self._canvas.state(),
            "average": self._average,
            "weight": self._weight,
            "optimizer": self._optimizer.state() if self._optimizer else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken, with the same pictures and settings.

        Raises:
            InputError: It is of a picture of another size.
        """
        index = int(state["index"])
        scale = self._scale_of(max(0, index - 1))
        if index and tuple(state["canvas"][0].shape[-2:]) != self.scales[scale]:
            raise InputError(
                "the saved state is of another picture or other settings; use those it was begun "
                "with, or begin anew without --resume."
            )
        self.index = index
        if index:
            self._enter(scale, state["canvas"][0])
            self._canvas.restore(state["canvas"])
            self._average, self._weight = state["average"].to(self._device), state["weight"]
            assert self._optimizer is not None
            self._optimizer.restore(state["optimizer"])

    def _scale_of(self, index: int) -> int:
        return (
            0
            if index < self.config.first_steps
            else 1 + ((index - self.config.first_steps) // self.config.steps)
        )

    @property
    def _progress(self) -> float:
        """How much of the scale is done, 0 at its first step and 1 at its last."""
        config, done = self.config, self.index - self.config.first_steps
        if done < 0:
            return self.index / max(1, config.first_steps - 1)
        return done % config.steps / max(1, config.steps - 1)

    @property
    def _device(self) -> torch.device:
        return self.network.input.weight.device

    def _enter(self, scale: int, picture: Tensor) -> None:
        """Begin a scale with a picture of any size."""
        size, previous = self.scales[scale], self._optimizer
        image = self._resized(picture.to(self._device), size)
        self._canvas = Canvas(
            image.clamp(0, 1).contiguous(), levels=self.config.levels, wrap=self.config.seamless
        )
        self._average, self._weight = torch.zeros_like(image), 0.0
        objective = self._objective(size)
        if self.config.optimizer == "adam":
            self._optimizer = PixelAdam(
                self._canvas,
                objective,
                learning_rate=self.config.learning_rate,
                betas=(self.config.beta1, self.config.beta2),
                floor=self.config.floor,
                clamp=self.config.clamp,
            )
            if isinstance(previous, PixelAdam) and scale == self._scale + 1:
                self._optimizer.carry(previous)
        else:
            self._optimizer = PixelLBFGS(
                self._canvas,
                objective,
                learning_rate=self.config.learning_rate,
                history=self.config.history,
            )
        self._scale = scale

    def _objective(self, size: tuple[int, int]) -> Objective:
        content = None
        if self.content is not None and self.config.content_weight:
            content = resize(self.content, size).to(self._device)
        styles = [self.style_at(style, size) for style in self.styles]
        masks = [resize(m, size).to(self._device) for m in self.masks] if self.masks else None
        used = styles if self.config.style_weight else []
        parts = content, used, self.shares, masks, self.precision
        if (tile := self.tile_of(size)) is not None:
            return TiledObjective(self.network, self.config, *parts, tile=tile)
        return Objective(self.network, self.config, *parts)

    def style_at(self, style: Tensor, size: tuple[int, int]) -> Tensor:
        """A style for a picture of that size: of the same long side, so that strokes fit."""
        factor = max(size) * self.config.style_scale / max(style.shape[-2:])
        height, width = (max(1, round(side * factor)) for side in style.shape[-2:])
        return resize(style, (height, width)).to(self._device)

    def _remember(self) -> None:
        """Exponential average of the pictures at this scale, without a bias to its beginning."""
        if decay := self.config.averaging:
            self._average.lerp_(self.image, 1 - decay)
            self._weight = self._weight * decay + (1 - decay)

    def _cut(self) -> None:
        """Lay the edges of a tile where they are as calm as its inside; places do not matter."""
        if self.content is None and self.masks is None:
            shifts = typical_cut(self.result)
            self._canvas.roll(shifts)
            self._average = self._average.roll(shifts, (-2, -1))

    def _resized(self, image: Tensor, size: tuple[int, int]) -> Tensor:
        if tuple(image.shape[-2:]) == size:
            return image.detach().clone()
        return (resize_wrapped if self.config.seamless else resize)(image.detach(), size)

    def _first_picture(self) -> Tensor:
        size = self.scales[0]
        if self.start is not None:
            return self.start
        if self.config.init == "content":
            assert self.content is not None
            return self.content
        if self.config.init == "grey":
            return torch.full((1, 3, *size), 0.5)
        generator = torch.Generator().manual_seed(self.config.seed)
        noise = torch.randn((1, 3, *size), generator=generator)
        if self.config.init == "noise":
            return (0.5 + 0.2 * noise).clamp(0, 1)
        colors = torch.cat([s.flatten(2) for s in self.styles], dim=-1)  # (1, 3, N)
        # Pixels drawn from the styles: their very colours, at no place.
        drawn = torch.randint(colors.shape[-1], (size[0] * size[1],), generator=generator)
        return colors[..., drawn.to(colors.device)].view(1, 3, *size)


def _shares(config: TransferConfig, styles: int) -> list[float]:
    given = config.style_weights
    if given and len(given) != styles:
        raise InputError(
            f"there must be one style weight per style; got {len(given)} for {styles} "
            f"style{'s' * (styles != 1)}."
        )
    weights = given or (1.0,) * styles
    if styles and not sum(weights):
        raise InputError("style weights must not all be 0; give at least one above 0.")
    return [weight / sum(weights) for weight in weights]


def _check_parts(
    config: TransferConfig,
    content: Tensor | None,
    styles: Sequence[Tensor],
    masks: Sequence[Tensor] | None,
    start: Tensor | None,
) -> None:
    if not (content is not None and config.content_weight) and not (styles and config.style_weight):
        raise InputError("there is nothing to paint from; give a content or a style with a weight.")
    if masks is not None and len(masks) != len(styles):
        raise InputError(f"there must be one mask per style; got {len(masks)} for {len(styles)}.")
    missing = {"content": content is None, "style-colors": not styles}.get(config.init, False)
    if start is None and missing:
        raise InputError(
            f"init {config.init} needs a {config.init.split('-')[0]}, and there is none; use noise."
        )
