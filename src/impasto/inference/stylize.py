"""A painter with everything around it: reading, styles, masks, colours, transparency.

Reading order: Stylizer.stylize (the order of things), Stylizer.encode_style (what a style may be).
"""

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError, WeightsError
from impasto.images.color import keep_color
from impasto.images.io import Picture, read_picture
from impasto.images.regions import InMemory, Regions, shrink
from impasto.images.resize import Size, resize
from impasto.inference.choose import choose_tiling
from impasto.inference.regions import SoftMasks
from impasto.inference.settings import StylizeConfig
from impasto.inference.tiled import OnTile, TiledPainting, Tiling, rehearse
from impasto.methods.base import Painter, Painting, Statistics, TiledPainter
from impasto.weights.cards import find_style, style_file
from impasto.weights.styles import at_stroke_size, cached_style

STYLE_SIDE = 512
"""Short side in pixels to which larger style pictures are reduced: strokes of scale 1."""

StyleSource = Any
"""A preset's name, a style file, a picture (path, PIL, array, tensor, Picture), or statistics."""


class Stylizer:
    """Paints pictures in the styles it is given.

    Args:
        painter: The network.
        name: How it is called in messages.
    """

    def __init__(self, painter: Painter, name: str) -> None:
        self.painter, self.name = painter, name
        self._rehearsed: dict[tuple[object, ...], Tiling] = {}

    def stylize(
        self,
        content: Any,
        style: StyleSource | Sequence[StyleSource] | None = None,
        *,
        mask: Any | Sequence[Any] | None = None,
        config: StylizeConfig | None = None,
        on_tile: OnTile | None = None,
        **settings: Any,
    ) -> Picture:
        """Paint one picture.

        Args:
            content: A path, bytes, PIL image, array, tensor or Picture, of any size.
            style: One style or a list of several, each as for ``encode_style``; None for a
                painter that has learned one alone.
            mask: One per style, of any size: white where that style paints, black where not;
                soft edges are honoured, and what no mask covers stays the photograph. Where
                masks overlap, styles mix by the masks' values times ``style_weights``.
            on_tile: Told of every tile, where the picture is painted in tiles.
            config: Settings as one object,
            **settings: or by name; these win. See StylizeConfig.

        Returns:
            The painting, with the height, width, transparency and bit depth of the content; for
            alpha 0 the content itself.

        Raises:
            InputError: A setting, style or mask that does not fit.
            ImageError: A picture that cannot be read.
            WeightsError: A style file that is damaged, or of other weights.
        """
        config = make_config(config, settings)
        picture = read_picture(content)
        statistics = self.statistics_of(style, style_scale=config.style_scale)
        weights = normalized_weights(config.style_weights, len(statistics))
        masks = masks_of(mask, len(statistics))
        if config.alpha == 0:
            return picture
        soft = SoftMasks(masks, weights, picture.size) if masks else None
        source = InMemory(picture.pixels)
        tiles = self.in_tiles(source, statistics, config=config, masks=soft)
        if tiles is None:
            painted = self.painter.paint(
                picture.pixels,
                statistics,
                weights=weights,
                alpha=config.alpha,
                regions=None if soft is None else soft.read((0, 0, *picture.size)),
                seed=config.seed,
            ).cpu()
        else:
            tiles.survey(on_tile)
            painted = tiles.whole(on_tile)
        painted = keep_color(painted, picture.pixels, config.keep_color)
        if soft is not None:
            painted = picture.pixels.lerp(painted, soft.cover((0, 0, *picture.size)))
        return picture.replace_pixels(painted)

    def in_tiles(
        self,
        source: Regions,
        statistics: Sequence[Statistics],
        *,
        config: StylizeConfig,
        masks: "SoftMasks | None" = None,
        streamed: bool = False,
    ) -> TiledPainting | None:
        """A picture about to be painted in tiles, or None where it is to be painted whole.

        Args:
            source: The picture by region.
            statistics: Of the styles.
            config: Whose ``tile`` and ``max_memory`` decide.
            masks: Of the styles.
            streamed: Whether whole is not possible.

        Raises:
            ResourceError: Less memory is allowed than the smallest tile needs.
            InputError: Tiles are wanted of a painter that cannot paint in tiles.
        """
        painter = self.painter
        if not isinstance(painter, TiledPainter):
            if streamed or config.tile.isdecimal():
                raise InputError(f"{self.name} cannot paint in tiles; leave --tile out.")
            return None
        weights = normalized_weights(config.style_weights, len(statistics))

        def begin(size: Size, small: Callable[[Size], Tensor]) -> Painting:
            return painter.begin(
                statistics,
                weights=weights,
                size=size,
                shrink=small,
                alpha=config.alpha,
                seed=config.seed,
                exact=config.tile_statistics == "exact",
            )

        def rehearsed() -> Tiling:
            """What the painter needs does not depend on the picture: asked once for many."""
            by_region, exact = masks is not None, config.tile_statistics
            key = (len(statistics), by_region, exact, config.alpha < 1)
            if key not in self._rehearsed:
                found = rehearse(begin, styles=len(statistics), by_region=by_region)
                self._rehearsed[key] = found
            return self._rehearsed[key]

        tiling = choose_tiling(
            source.size,
            rehearsed,
            tile=config.tile,
            max_memory=config.max_memory,
            device=painter.device,
            streamed=streamed,
        )
        if tiling is None:
            return None
        painting = begin(source.size, partial(shrink, source))
        return TiledPainting(painting, source, tiling, masks)

    def statistics_of(
        self, style: StyleSource | Sequence[StyleSource] | None, *, style_scale: float = 1.0
    ) -> list[Statistics]:
        """The statistics of one style or several.

        Args:
            style: One style or a list of several, each as for ``encode_style``.
            style_scale: See StylizeConfig.

        Raises:
            InputError: No style, or one that does not exist.
            ImageError, WeightsError: See ``encode_style``.
        """
        own = self.painter.own_style
        if own is not None and (style is None or style == [] or style == [own]):
            return [own]
        if style is None:
            style = []
        several = isinstance(style, (list, tuple)) and not _is_statistics(style)
        sources = list(style) if several else [style]
        if not sources:
            raise InputError(
                "at least one style is needed: a preset's name (impasto styles list) or a picture."
            )
        return [self.encode_style(source, style_scale=style_scale) for source in sources]

    def encode_style(self, style: StyleSource, *, style_scale: float = 1.0) -> Statistics:
        """What the painter needs of one style; keep it to paint many pictures.

        Args:
            style: A preset's name, a style file (.safetensors), a picture of any kind, or
                statistics, which are given back. A name goes before a file that is called the
                same; ``./name`` or a Path is the file.
            style_scale: See StylizeConfig.

        Raises:
            InputError: Neither a preset nor a file is called so; the nearest names are given.
            ImageError: A picture that cannot be read.
            WeightsError: A style file that is missing or damaged, or of other weights.
        """
        if _is_statistics(style):
            return style  # type: ignore[no-any-return]
        path = style_file(style)
        if path is not None:
            return self._read_style(path, style_scale)
        if isinstance(style, str) and not os.path.exists(style):  # no error of over-long names
            _refuse_unknown(style)
        return self.encode_picture(read_picture(style).pixels, style_scale)

    def encode_picture(self, pixels: Tensor, style_scale: float = 1.0) -> Statistics:
        """Statistics of a style picture (1, 3, H, W) in [0, 1].

        Pictures with a short side above STYLE_SIDE are reduced to it first; then all are scaled
        by ``style_scale``, whose effect is larger strokes.
        """
        height, width = pixels.shape[-2:]
        factor = style_scale * min(1.0, STYLE_SIDE / min(height, width))
        if factor != 1:
            size = (max(1, round(height * factor)), max(1, round(width * factor)))
            pixels = resize(pixels, size)
        return self.painter.encode_style(pixels)

    def average_style(self, pictures: Sequence[Tensor], style_scale: float = 1.0) -> Statistics:
        """The mean of the statistics of one or several style pictures (1, 3, H, W) in [0, 1]."""
        found = [self.encode_picture(pixels, style_scale) for pixels in pictures]
        return tuple(
            (
                torch.stack([f[i][0] for f in found]).mean(0),
                torch.stack([f[i][1] for f in found]).mean(0),
            )
            for i in range(len(found[0]))
        )

    def _read_style(self, path: Path, style_scale: float) -> Statistics:
        if not path.is_file():
            raise WeightsError(
                f"there is no style file {path}; make one with: impasto styles make NAME PICTURE."
            )
        card, sizes = cached_style(path, path.stat().st_mtime)
        if card.digest and self.painter.digest and card.digest != self.painter.digest:
            raise WeightsError(
                f"the style {card.name} was made for other weights of {card.model}; make it again "
                f"from its picture: impasto styles make {card.name} PICTURE."
            )
        statistics = at_stroke_size(sizes, style_scale)
        return tuple((m.to(self.painter.device), d.to(self.painter.device)) for m, d in statistics)


def make_config(config: StylizeConfig | None, settings: dict[str, Any]) -> StylizeConfig:
    """One StylizeConfig of an object and single settings, which win.

    Raises:
        InputError: A setting of another name; the names are listed.
    """
    known = [field.name for field in dataclasses.fields(StylizeConfig)]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no setting; there are {', '.join(known)}.")
    return dataclasses.replace(config or StylizeConfig(), **settings)


def masks_of(mask: Any | Sequence[Any] | None, styles: int) -> list[Any]:
    """One mask per style, or none at all.

    Raises:
        InputError: Another number of masks than of styles.
    """
    if mask is None:
        return []
    masks: list[Any] = list(mask) if isinstance(mask, (list, tuple)) else [mask]
    if len(masks) != styles:
        raise InputError(
            f"there must be one mask per style; got {len(masks)} mask{'s' * (len(masks) != 1)} "
            f"and {styles} style{'s' * (styles != 1)}."
        )
    return masks


def normalized_weights(weights: Sequence[float] | None, styles: int) -> list[float]:
    """Shares of the styles that sum to 1.

    Raises:
        InputError: Another number of weights than of styles, or all 0, or one infinite.
    """
    if weights is None:
        return [1 / styles] * styles
    if len(weights) != styles:
        raise InputError(
            f"there must be one style weight per style; got {len(weights)} "
            f"weight{'s' * (len(weights) != 1)} and {styles} style{'s' * (styles != 1)}."
        )
    total = sum(weights)
    if not total < math.inf:
        raise InputError(f"style weights must be finite numbers; got {max(weights)}.")
    if not total > 0:
        raise InputError("style weights must not all be 0; give at least one above 0.")
    return [weight / total for weight in weights]


def _is_statistics(style: object) -> bool:
    # A tuple of pairs; a tuple of several styles' statistics goes one level deeper.
    pair = style[0] if isinstance(style, tuple) and style else None
    return isinstance(pair, tuple) and bool(pair) and isinstance(pair[0], Tensor)


def _refuse_unknown(style: str) -> None:
    if Path(style).suffix:
        read_picture(style)  # says what is wrong with the path
    try:
        find_style(style)
    except InputError as error:
        raise InputError(f"{error} A picture's path is a style, too.") from error
