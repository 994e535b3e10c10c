"""A painter with everything around it: reading, styles, masks, colours, transparency.

Reading order: Stylizer.stylize (the order of things), Stylizer.encode_style (what a style may be).
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.errors import InputError, WeightsError
from impasto.images.color import keep_color
from impasto.images.io import Picture, read_picture
from impasto.images.masks import read_mask
from impasto.images.resize import resize
from impasto.inference.settings import StylizeConfig
from impasto.methods.base import Painter, Statistics
from impasto.weights.styles import at_stroke_size, cached_style, find_style, style_paths

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

    def stylize(
        self,
        content: Any,
        style: StyleSource | Sequence[StyleSource],
        *,
        mask: Any | Sequence[Any] | None = None,
        config: StylizeConfig | None = None,
        **settings: Any,
    ) -> Picture:
        """Paint one picture.

        Args:
            content: A path, bytes, PIL image, array, tensor or Picture, of any size.
            style: One style or several: see StyleSource.
            mask: One per style, of any size: white where that style paints, black where not;
                soft edges are honoured, and what no mask covers stays the photograph.
            config: Settings as one object,
            **settings: or by name; these win. See StylizeConfig.

        Returns:
            The painting, with the height, width, transparency and bit depth of the content.

        Raises:
            InputError: A setting, style or mask that does not fit.
            ImageError: A picture that cannot be read.
        """
        config = make_config(config, settings)
        picture = read_picture(content)
        statistics = self.statistics_of(style, style_scale=config.style_scale)
        weights = normalized_weights(config.style_weights, len(statistics))
        if config.alpha == 0:
            return picture
        regions, cover = self._regions(mask, len(statistics), picture)
        painted = self.painter.paint(
            picture.pixels,
            statistics,
            weights=weights,
            alpha=config.alpha,
            regions=regions,
            seed=config.seed,
        ).cpu()
        if config.keep_color != "none":
            painted = keep_color(painted, picture.pixels, config.keep_color)
        if cover is not None:
            painted = picture.pixels.lerp(painted, cover)
        return picture.replace_pixels(painted)

    def statistics_of(
        self, style: StyleSource | Sequence[StyleSource], *, style_scale: float = 1.0
    ) -> list[Statistics]:
        """The statistics of one style or several.

        Raises:
            InputError: No style, or one that does not exist.
        """
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
                statistics, which are given back.
            style_scale: See StylizeConfig.

        Raises:
            InputError: Neither a preset nor a file is called so.
            WeightsError: A style file of other weights.
        """
        if _is_statistics(style):
            return style  # type: ignore[no-any-return]
        path = _style_file(style)
        if path is not None:
            return self._read_style(path, style_scale)
        if isinstance(style, str) and not Path(style).exists():
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
        """The mean of the statistics of several style pictures (1, 3, H, W)."""
        found = [self.encode_picture(pixels, style_scale) for pixels in pictures]
        return tuple(
            (
                torch.stack([f[i][0] for f in found]).mean(0),
                torch.stack([f[i][1] for f in found]).mean(0),
            )
            for i in range(len(found[0]))
        )

    def _read_style(self, path: Path, style_scale: float) -> Statistics:
        card, sizes = cached_style(path, path.stat().st_mtime)
        if card.digest and self.painter.digest and card.digest != self.painter.digest:
            raise WeightsError(
                f"the style {card.name} was made for other weights of {card.model}; make it again "
                f"from its picture: impasto styles make {card.name} PICTURE."
            )
        statistics = at_stroke_size(sizes, style_scale)
        return tuple((m.to(self.painter.device), d.to(self.painter.device)) for m, d in statistics)

    def _regions(
        self, mask: Any | Sequence[Any] | None, styles: int, picture: Picture
    ) -> tuple[Tensor | None, Tensor | None]:
        """Who rules where (S, 1, H, W), summing to 1, and where anybody paints (1, 1, H, W)."""
        masks = masks_of(mask, styles)
        if not masks:
            return None, None
        stack = torch.cat([read_mask(m, picture.size) for m in masks])
        total = stack.sum(0, keepdim=True)
        # Where no style rules the cover is 0; the shares must still be numbers.
        shares = torch.where(total > 1e-6, stack / total.clamp_min(1e-6), 1 / styles)
        return shares, total.clamp(0, 1)


def make_config(config: StylizeConfig | None, settings: dict[str, Any]) -> StylizeConfig:
    """One StylizeConfig of an object and single settings, which win.

    Raises:
        InputError: A setting of another name; the names are listed.
    """
    known = [field.name for field in dataclasses.fields(StylizeConfig)]
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise InputError(f"{unknown[0]!r} is no setting; there are {', '.join(known)}.")
    if isinstance(settings.get("style_weights"), list):
        settings = settings | {"style_weights": tuple(settings["style_weights"])}
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
        InputError: Another number of weights than of styles, or all of them 0.
    """
    if weights is None:
        return [1 / styles] * styles
    if len(weights) != styles:
        raise InputError(
            f"there must be one style weight per style; got {len(weights)} weights "
            f"and {styles} style{'s' if styles != 1 else ''}."
        )
    total = sum(weights)
    if not total > 0:
        raise InputError("style weights must not all be 0; give at least one above 0.")
    return [weight / total for weight in weights]


def _is_statistics(style: object) -> bool:
    return isinstance(style, tuple) and bool(style) and isinstance(style[0], tuple)


def _style_file(style: object) -> Path | None:
    """The style file that a name or path means, if it means one."""
    if not isinstance(style, (str, os.PathLike)):
        return None
    path = Path(style)
    if path.suffix == ".safetensors" and path.is_file():
        return path
    return style_paths().get(str(style))


def _refuse_unknown(style: str) -> None:
    if Path(style).suffix:
        read_picture(style)  # says what is wrong with the path
    try:
        find_style(style)
    except InputError as error:
        raise InputError(f"{error} A picture's path is a style, too.") from error
