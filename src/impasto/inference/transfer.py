"""An optimisation with everything around it: reading, networks, colours, transparency, resuming.

Reading order: Transfer (one run), transfer (what a run is made of), texture and invert (what they
change in the settings).
"""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from impasto.blocks import channels_last
from impasto.checks import check_choice
from impasto.errors import InputError
from impasto.features.perceptual import load_perceptual
from impasto.images.color import keep_color as keep_color_of
from impasto.images.files import write_whole
from impasto.images.io import Picture, read_picture
from impasto.images.masks import read_mask
from impasto.images.resize import resize
from impasto.inference.settings import TileConfig
from impasto.inference.transfer_tiles import tile_chooser
from impasto.kinds import KeepColor
from impasto.methods.base import Step
from impasto.methods.gatys.objective import needed_layers
from impasto.methods.gatys.optimize import Optimization
from impasto.methods.gatys.presets import PRESETS, check_fit, preset_config
from impasto.methods.gatys.settings import TransferConfig
from impasto.runtime import pick_device, pick_dtype
from impasto.weights.files import UNREADABLE


class Transfer:
    """One run: iterate over it for its steps, then take ``picture``.

    Args:
        optimization: What is iterated.
        content: Whose colours and transparency may be kept; None for a texture.
        keep_color: See ``images/color.py``.
    """

    def __init__(
        self, optimization: Optimization, content: Picture | None, keep_color: KeepColor = "none"
    ) -> None:
        self.optimization, self.content, self.keep_color = optimization, content, keep_color

    def __iter__(self) -> Iterator[Step]:
        """Yield one Step per update; may be left and gone on with.

        Raises:
            TrainingError: A term is not finite; the message names it.
        """
        return iter(self.optimization)

    @property
    def config(self) -> TransferConfig:
        """Its settings."""
        return self.optimization.config

    @property
    def picture(self) -> Picture:
        """The result so far, with the content's transparency and, if asked for, its colours."""
        pixels = self.optimization.result.cpu()
        if self.content is None:
            return Picture(pixels=pixels)
        size = pixels.shape[-2], pixels.shape[-1]
        pixels = keep_color_of(pixels, resize(self.content.pixels, size), self.keep_color)
        alpha = None if self.content.alpha is None else resize(self.content.alpha, size)
        return Picture(pixels=pixels, alpha=alpha, bits=self.content.bits)

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Write what ``resume`` needs to a file, whole or not at all.

        Raises:
            OutputError: It cannot be written.
        """
        held = io.BytesIO()
        torch.save(self.optimization.state() | {"settings": self._settings()}, held)
        write_whole(Path(path), held.getvalue())

    def resume(self, path: str | os.PathLike[str]) -> None:
        """Go on where ``save_state`` was called.

        Raises:
            InputError: There is no such file, it is no state, or one of other settings.
        """
        try:
            state = torch.load(Path(path), map_location="cpu", weights_only=True)
            settings, index = state["settings"], state["index"]
        except FileNotFoundError as error:
            raise InputError(
                f"there is nothing to resume at {path}; begin without --resume."
            ) from error
        except UNREADABLE as error:
            raise InputError(
                f"{path} is no state that can be resumed; begin without --resume."
            ) from error
        if settings != self._settings():
            raise InputError(
                f"{path} was saved after {index} steps of other settings; use those, or begin "
                "without --resume."
            )
        self.optimization.restore(state)

    def _settings(self) -> str:
        return json.dumps(asdict(self.config), sort_keys=True)


def transfer(
    content: Any = None,
    style: Any = (),
    *,
    preset: str = "recommended",
    network: str | os.PathLike[str] | None = None,
    mask: Any = None,
    start: Any = None,
    keep_color: KeepColor = "none",
    device: str = "auto",
    precision: str = "float32",
    shape: tuple[int, int] | None = None,
    tile: str | int = "auto",
    max_memory: str | None = None,
    **settings: Any,
) -> Transfer:
    """Prepare to paint by changing the pixels step by step; iterate over what comes back.

    Nothing is computed before. ``for step in transfer(...)`` shows every step with its losses and
    the picture so far; ``.picture`` is the result.

    Args:
        content: A path, bytes, PIL image, array, tensor or Picture; None for a texture.
        style: The same, or a list of several; none for an inversion.
        preset: Where settings come from that are not given; see ``methods/gatys/presets.py``.
        network: "lite", "vgg19", "vgg16" or the path of a VGG's file; None is the preset's.
        mask: One picture per style, of any size: white where that style counts.
        start: First picture, of any size; None begins as the setting ``init`` says.
        keep_color: Of the content.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: Of the network: "float32", "bfloat16", or "auto", which is bfloat16 where the
            processor is faster at it. L-BFGS searches along lines: rounding disturbs it.
        shape: (height, width) of a texture's result.
        tile, max_memory: See TileConfig; the result is the same but for rounding.
        **settings: Fields of TransferConfig.

    Raises:
        InputError: A setting that does not exist or fit, or a picture too small for the layers.
        ResourceError: ``max_memory`` is less than the largest scale needs in tiles.
        ImageError: A picture that cannot be read.
        WeightsError: The network is not at hand; the message says what to type.
    """
    config = _config(preset, settings)
    tiles = TileConfig(tile=str(tile), max_memory=max_memory)
    photo = None if content is None else read_picture(content)
    styles = [read_picture(one).pixels for one in _as_list(style)]
    layers = needed_layers(config, content=photo is not None, style=bool(styles))
    if not layers:
        raise InputError("there is nothing to paint from; give a content or a style with a weight.")
    padding = "circular" if config.seamless else config.padding
    name = network or PRESETS[preset].network
    vgg = load_perceptual(name, layers, padding=padding, pooling=config.pooling)
    check_fit(preset, sum(vgg.plan.depths), vgg.preprocessing, str(name))
    target = pick_device(device)
    vgg = channels_last(vgg, target)
    masks = [_mask(one, photo, shape) for one in _as_list(mask)] if mask is not None else None
    optimization = Optimization(
        vgg,
        config,
        content=None if photo is None else photo.pixels,
        styles=styles,
        size=shape,
        masks=masks,
        start=None if start is None else read_picture(start).pixels,
        precision=pick_dtype(precision, target),
        tile_of=(tile_of := tile_chooser(vgg, config, tiles)),
    )
    tile_of(optimization.scales[-1])  # what cannot be is said before any work
    vgg.check_size(optimization.scales[0])
    return Transfer(optimization, photo, keep_color)


def texture(
    style: Any, *, preset: str = "recommended", shape: tuple[int, int] | None = None, **rest: Any
) -> Transfer:
    """Prepare a texture: the style alone, from noise, in any shape; see ``transfer``.

    Args:
        style: One picture or several.
        preset: See ``transfer``.
        shape: (height, width) of the result; None is a square of the setting ``size``.
        **rest: As for ``transfer``.
    """
    if preset in PRESETS:
        rest = dict(PRESETS[preset].for_textures) | rest
    if shape is not None:
        rest["size"] = max(shape)
    side = rest.get("size", PRESETS[preset].config.size if preset in PRESETS else 512)
    rest.setdefault("init", "style-colors")
    return transfer(
        None, style, preset=preset, shape=shape or (side, side), **rest, content_weight=0.0
    )


def invert(content: Any, *, layer: str, preset: str = "recommended", **rest: Any) -> Transfer:
    """Prepare an inversion: what one layer still knows of a picture, from noise; see ``transfer``.

    Args:
        content: The picture.
        layer: Whose features are kept.
        preset: See ``transfer``.
        **rest: As for ``transfer``.
    """
    rest.setdefault("init", "noise")
    return transfer(content, preset=preset, **rest, content_layers=(layer,), style_weight=0.0)


def _config(preset: str, settings: dict[str, Any]) -> TransferConfig:
    check_choice("preset", preset, PRESETS)
    known = [field.name for field in fields(TransferConfig)]
    for name in settings:
        check_choice("setting", name, known)
    return preset_config(preset, **settings)


def _as_list(sources: Any) -> list[Any]:
    return list(sources) if isinstance(sources, (list, tuple)) else [sources]


def _mask(source: Any, photo: Picture | None, shape: tuple[int, int] | None) -> Tensor:
    size = photo.size if photo is not None else shape
    if size is None:
        raise InputError("a mask needs a content, or the shape of a texture.")
    return read_mask(source, size)
