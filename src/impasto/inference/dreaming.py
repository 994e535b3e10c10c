"""Dreams of pictures: a network, settings, a photograph in, a picture or frames out.

Reading order: prepare (network and preset become a Dreamer), Dreamer.
"""

import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from impasto.blocks import channels_last
from impasto.checks import check_choice, check_range
from impasto.features.dreamers import family_of, layers_of, load_dreamer
from impasto.images.io import Picture, Source, read_picture
from impasto.images.resize import fit_long_side, resize
from impasto.methods.base import Step
from impasto.methods.deepdream.ascent import dream
from impasto.methods.deepdream.objective import Features
from impasto.methods.deepdream.presets import RECOMMENDED, preset_config
from impasto.methods.deepdream.settings import DreamConfig
from impasto.methods.deepdream.zoom import zoom_frames
from impasto.runtime import pick_device

LONG_SIDE = 1024
"""Pixels of the longer side to which larger pictures are reduced unless a size is given."""


def prepare(
    network: str | os.PathLike[str] = "lite",
    *,
    preset: str = RECOMMENDED,
    device: str = "auto",
    **settings: Any,
) -> "Dreamer":
    """A network, loaded as deep as the dream needs it.

    Args:
        network: "lite" (bundled), "vgg16", "vgg19", "googlenet", "inception-v3" (fetched once),
            or the path of a file of one of these.
        preset: Where settings come from that are not given; see methods/deepdream/presets.py.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        settings: Fields of DreamConfig.

    Raises:
        InputError: A network, preset, layer or setting that does not exist or does not fit.
        WeightsError: The weights are missing, damaged or of another network.
    """
    fields = [field.name for field in dataclasses.fields(DreamConfig)]
    for name in settings:
        check_choice("a setting", name, fields)
    for name in ("layers", "layer_weights"):
        if name in settings:
            one = isinstance(settings[name], (str, float, int))
            settings[name] = (settings[name],) if one else tuple(settings[name])
    target = pick_device(device)
    family = family_of(network)
    config = preset_config(preset, family, layers_of(family), settings.get("layers"))
    if "layers" in settings and "layer_weights" not in settings:
        settings["layer_weights"] = ()  # the preset's belong to its own layers
    config = dataclasses.replace(config, **settings)
    loaded = load_dreamer(network, config.layer_names())
    return Dreamer(channels_last(loaded, target), config, target)


@dataclass(frozen=True)
class Dreamer:
    """A network that is ready to dream."""

    network: Features
    config: DreamConfig
    device: torch.device

    def dream(
        self,
        picture: "Source",
        *,
        guide: "Source | None" = None,
        size: int | None = None,
        on_step: Callable[[Step], None] | None = None,
    ) -> Picture:
        """Dream of one picture.

        Args:
            picture: A path, bytes, image, array, tensor or Picture.
            guide: A second picture, things of which are dreamt into the first.
            size: Pixels of the longer side of the result. None keeps the picture's own, but
                reduces one of more than 1024, with a note.
            on_step: Called with every step, for progress.

        Returns:
            A picture with the alpha of the given one.

        Raises:
            ImageError: A picture cannot be read.
            InputError, TrainingError: See ``methods.deepdream.ascent.dream``.
        """
        fitted = fit(read_picture(picture), size)
        for step in dream(
            self._pixels(fitted), self.network, self.config, guide=self._guide(guide)
        ):
            last = step.image
            if on_step is not None:
                on_step(step)
        return fitted.replace_pixels(last.cpu())

    def frames(
        self,
        picture: "Source",
        count: int,
        *,
        guide: "Source | None" = None,
        size: int | None = None,
        zoom: float = 1.04,
        turn: float = 0.0,
    ) -> Iterator[Tensor]:
        """Fall into the dream, frame by frame; alpha is left out.

        Frames after the first begin with a dream already: they take the two finest octaves and a
        third of the steps.

        Args:
            picture: See ``dream``.
            count: How many frames.
            guide, size: See ``dream``.
            zoom: How many times larger things are in the next frame.
            turn: Degrees by which it is turned, counter-clockwise.

        Yields:
            (1, 3, H, W) in [0, 1], on the CPU.

        Raises:
            ImpastoError: See ``dream``, and a number out of its range.
        """
        fitted = fit(read_picture(picture), size)
        config = self.config
        later = dataclasses.replace(
            config, octaves=min(2, config.octaves), steps=max(1, config.steps // 3)
        )
        for frame in zoom_frames(
            self._pixels(fitted),
            self.network,
            config,
            frames=count,
            later=later,
            zoom=zoom,
            turn=turn,
            guide=self._guide(guide),
        ):
            yield frame.cpu()

    def _pixels(self, picture: Picture) -> Tensor:
        return picture.pixels.to(self.device)

    def _guide(self, guide: "Source | None") -> Tensor | None:
        return None if guide is None else self._pixels(read_picture(guide))


def fit(picture: Picture, size: int | None) -> Picture:
    """The picture at the size at which it is dreamt of; see ``Dreamer.dream``.

    Raises:
        InputError: ``size`` is below 1.
    """
    longer = max(picture.size)
    if size is not None:
        check_range("size", size, at_least=1, at_most=100_000)
    long = size if size is not None else min(longer, LONG_SIDE)
    if long == longer:
        return picture
    pixels = fit_long_side(picture.pixels, long)
    height, width = pixels.shape[-2:]
    alpha = None if picture.alpha is None else resize(picture.alpha, (height, width))
    note = picture.note
    if size is None:
        reduced = f"reduced to {height}x{width}; --size {longer} keeps all its pixels"
        note = f"{note}; {reduced}" if note else reduced
    return dataclasses.replace(picture, pixels=pixels, alpha=alpha, note=note)
