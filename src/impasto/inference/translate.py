"""Pictures of one kind to pictures of another: a model, a picture in, a picture out.

Reading order: prepare (a model becomes a Translator), Translator.translate (the order of things).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, get_args, runtime_checkable

import torch
from torch import Tensor

from impasto.checks import check_choice
from impasto.errors import InputError, ResourceError, WeightsError
from impasto.images.io import Picture, Source, read_picture
from impasto.images.raster import notes_joined
from impasto.images.regions import InMemory, shrink
from impasto.images.resize import Size
from impasto.inference.choose import choose_tiling
from impasto.inference.tiled import TiledPainting, rehearse
from impasto.inference.translate_settings import TranslateConfig
from impasto.kinds import Direction, Noise
from impasto.methods.base import Painting
from impasto.methods.cyclegan import files as cyclegan_files
from impasto.methods.cyclegan.painter import CycleGANPainter
from impasto.methods.pix2pix import files as pix2pix_files
from impasto.methods.pix2pix.painter import Pix2PixPainter
from impasto.runtime import free_memory, pick_device, pick_dtype
from impasto.weights.hub import fetch_from_hub, is_hub_id
from impasto.weights.registry import digest_of
from impasto.weights.store import load_weights

METHODS = ("pix2pix", "cyclegan")


class TranslatingPainter(Protocol):
    """A trained network that turns pictures of one kind into another."""

    device: torch.device
    directions: tuple[Direction, ...]
    noise: bool
    note: str | None

    @property
    def bytes_per_pixel(self) -> int:
        """Memory that a pixel takes at most, in bytes."""
        ...

    def translate(
        self, content: Tensor, *, direction: Direction | None = None, seed: int = 0
    ) -> Tensor:
        """(1, 3, H, W) in [0, 1] to the same."""
        ...


@runtime_checkable
class TilingPainter(TranslatingPainter, Protocol):
    """One that can translate window by window."""

    def begin(
        self,
        direction: Direction | None,
        *,
        size: Size,
        shrink: Callable[[Size], Tensor],
        exact: bool = True,
    ) -> Painting:
        """Begin a picture; see ``TiledPainter`` in ``methods/base.py``."""
        ...


@dataclass(frozen=True)
class Translator:
    """A model that is ready to translate."""

    painter: TranslatingPainter
    name: str
    """How it is called in messages."""

    def translate(self, picture: Source, config: TranslateConfig | None = None) -> Picture:
        """Translate one picture.

        Args:
            picture: A path, bytes, image, array, tensor or Picture, of any size.
            config: Direction, strength and seed.

        Returns:
            A picture with the height, width, transparency and bit depth of the given one.

        Raises:
            ImageError: A picture that cannot be read.
            InputError: A direction that the model has not learned.
            ResourceError: It would not fit in memory.
        """
        config = config or TranslateConfig()
        content = read_picture(picture)
        self.check_direction(config.direction)
        if config.strength == 0:
            return content
        made = self._paint(content.pixels, config)
        if config.strength < 1:
            made = content.pixels.lerp(made, config.strength)
        note = notes_joined(tuple(n for n in (content.note, self.painter.note) if n))
        return Picture(pixels=made, alpha=content.alpha, bits=content.bits, note=note)

    def check_direction(self, direction: Direction | None) -> None:
        """Refuse a direction that the model has not learned, before any work.

        Raises:
            InputError: It is another than those of the model.
        """
        known = self.painter.directions
        if direction is not None and direction not in known:
            raise InputError(
                f"{self.name} translates one way, {known[0]}; got {direction}: leave --direction "
                "out, or give a model of the other way."
            )

    def _paint(self, pixels: Tensor, config: TranslateConfig) -> Tensor:
        painter = self.painter
        if not isinstance(painter, TilingPainter):
            if config.tile.isdecimal() or config.max_memory is not None:
                raise InputError(
                    f"{self.name} looks at whole pictures; leave --tile and --max-memory out."
                )
            return self._whole(pixels, config)

        def begin(size: Size, shrink: Callable[[Size], Tensor]) -> Painting:
            exact = config.tile_statistics == "exact"
            return painter.begin(config.direction, size=size, shrink=shrink, exact=exact)

        source = InMemory(pixels)
        tiling = choose_tiling(
            source.size,
            partial(rehearse, begin, styles=1, by_region=False),
            tile=config.tile,
            max_memory=config.max_memory,
            device=painter.device,
        )
        if tiling is None:
            return self._whole(pixels, config)
        tiles = TiledPainting(begin(source.size, partial(shrink, source)), source, tiling)
        if config.tile_statistics == "exact":
            tiles.survey()
        return tiles.whole()

    def _whole(self, pixels: Tensor, config: TranslateConfig) -> Tensor:
        height, width = pixels.shape[-2:]
        needed = height * width * self.painter.bytes_per_pixel
        there = free_memory(self.painter.device)
        if needed > there:
            raise ResourceError(
                f"a picture of {width}x{height} takes about {needed / 1e9:.1f} GB to translate, "
                f"and {there / 1e9:.1f} GB are free; make it smaller, or close other programs."
            )
        made = self.painter.translate(pixels, direction=config.direction, seed=config.seed)
        return made.cpu()


def prepare(
    model: str | os.PathLike[str],
    *,
    noise: Noise | None = None,
    device: str = "auto",
    precision: str = "auto",
) -> Translator:
    """A model, loaded.

    Args:
        model: The folder of a run, a ``.safetensors`` file that ``impasto train`` wrote, a
            ``.pth`` generator of the authors' PyTorch program, or an id of the Hugging Face hub
            (OWNER/NAME).
        noise: "on" translates as the network learned: dropout, and batch norm by the picture's
            own statistics; "off" lets nothing be random. None is "on" where there is noise to be
            had, as in the paper.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: "float32", "bfloat16", or "auto".

    Raises:
        InputError: Noise for a network that has none, or a device that is not there.
        WeightsError: Missing, damaged or foreign weights.
    """
    if noise is not None:
        check_choice("noise", noise, get_args(Noise))
    path = model_file(model)
    target = pick_device(device)
    dtype, wanted = pick_dtype(precision, target), None if noise is None else noise == "on"
    tensors, metadata = load_weights(path)
    common: dict[str, Any] = {
        "noise": wanted, "device": target, "dtype": dtype, "digest": digest_of(path)[:12]
    }  # fmt: skip
    painter: TranslatingPainter
    if _method(tensors, metadata, path) == "pix2pix":
        learned = (
            pix2pix_files.learned_of(tensors, metadata, path)
            if metadata
            else pix2pix_files.learned_of_authors(tensors, path)
        )
        painter = Pix2PixPainter(learned, **common)
    else:
        generators = (
            cyclegan_files.generators_of(tensors, metadata, path)
            if metadata
            else cyclegan_files.generator_of_authors(tensors, path)
        )
        painter = CycleGANPainter(generators, **common)
    return Translator(painter, str(model))


def _method(tensors: dict[str, Tensor], metadata: dict[str, str], path: Path) -> str:
    if metadata:
        method = metadata.get("method", "another method")
        if method not in METHODS:
            raise WeightsError(
                f"{path} holds weights of {method}, not of pix2pix or cyclegan; painters of styles "
                "belong to impasto stylize."
            )
        return method
    names = {name.removeprefix("module.") for name in tensors}
    for method, files in (("pix2pix", pix2pix_files), ("cyclegan", cyclegan_files)):
        if files.AUTHORS_FIRST in names:
            return method
    raise WeightsError(
        f"{path} is neither a file of impasto train nor a generator of "
        "pytorch-CycleGAN-and-pix2pix; give a run, a .safetensors file, or latest_net_G.pth."
    )


def model_file(model: str | os.PathLike[str]) -> Path:
    """The file that a run's folder, a file's name or a hub id means.

    Raises:
        WeightsError: There is none, or it is a checkpoint or a discriminator.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        found = [path / f"{method}.safetensors" for method in METHODS]
        for file in found:
            if file.is_file():
                return file
        raise WeightsError(
            f"{path} holds neither {found[0].name} nor {found[1].name}; give the folder of a run "
            "of impasto train pix2pix or cyclegan."
        )
    if path.suffix.lower() == ".ckpt":
        raise WeightsError(
            f"{path} is a checkpoint, to go on learning from; give the .safetensors file of the "
            "same run."
        )
    if not path.exists() and is_hub_id(str(model)):
        return fetch_from_hub(str(model), [f"{method}.safetensors" for method in METHODS])
    return path
