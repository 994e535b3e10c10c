"""Pictures larger than memory, by libvips: read by region, written from a plain file of pixels.

Reading order: GigaPicture (reading), Target (where and as what), write_giga (writing). That
file stands in ``strips.py``.

Pixels are upright sRGB like everywhere. What is written gets the profile and the resolution of
what was read: a painting of an Adobe RGB scan is Adobe RGB again.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.errors import ImageError, InputError, MissingExtraError, OutputError
from impasto.images.files import open_to_read
from impasto.images.formats import PYRAMID_SUFFIX, check_holds, choose_format
from impasto.images.profiles import parse_profile
from impasto.images.resize import Box, Size

_ICC = "icc-profile-data"
_BIG_TIFF = 3_500_000_000
"""Bytes of pixels from which a TIFF is written as BigTIFF; plain ones end at 4 GiB."""


def vips() -> Any:
    """The library, or the sentence that says how to install it.

    Raises:
        MissingExtraError: The extra ``giga`` is not installed.
    """
    try:
        import pyvips
    except (ImportError, OSError) as error:  # OSError: the binding without the library
        raise MissingExtraError.of("giga", "A picture larger than memory") from error
    return pyvips


class GigaPicture:
    """A picture file that is read by region.

    Args:
        path: Of any format that libvips reads.

    Raises:
        MissingExtraError: The extra ``giga`` is not installed.
        ImageError: Missing, unreadable, no picture, or neither 8 nor 16 bits.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        library = vips()
        open_to_read(self.path).close()
        self._state = self._stat()
        try:
            image = library.Image.new_from_file(
                str(path), access="random", fail_on="truncated", revalidate=True
            ).autorot()
            self._image = self._prepared(image)
        except library.Error as error:
            raise ImageError(f"{path} cannot be read ({_reason(error)}).") from error
        self._region = library.Region.new(self._image)

    def _prepared(self, image: Any) -> Any:
        """Upright sRGB, with alpha as the last band if there is any."""
        if image.format not in ("uchar", "ushort"):
            raise ImageError(
                f"{self.path} holds numbers of another kind than 8 or 16 bits ({image.format}); "
                "convert it to one of these first."
            )
        self.bits = 16 if image.format == "ushort" else 8
        self.resolution = (image.xres, image.yres)
        icc = image.get(_ICC) if _ICC in image.get_fields() else None
        alpha = image.extract_band(image.bands - 1) if image.hasalpha() else None
        colors = image.extract_band(0, n=image.bands - 1) if alpha is not None else image
        profile = parse_profile(icc) if icc is not None else None
        three = colors.bands == 3
        self.icc = icc if three and icc is not None else None
        if icc is not None and not (three and profile is not None and profile.is_srgb()):
            colors = colors.icc_transform(
                "srgb",
                embedded=True,
                intent="relative",
                black_point_compensation=True,
                depth=self.bits,
            )
        else:
            colors = colors.colourspace("rgb16" if self.bits == 16 else "srgb")
        self.icc_is_srgb = profile is not None and profile.is_srgb()
        self.has_alpha = alpha is not None
        return colors if alpha is None else colors.bandjoin(alpha)

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self._image.height, self._image.width

    def read(self, box: Box) -> Tensor:
        """The colours of a box (top, left, height, width): (1, 3, h, w) in [0, 1].

        Raises:
            ImageError: Damaged, cut off, or changed while it was being read.
        """
        return self.read_all(box)[:, :3]

    def read_all(self, box: Box) -> Tensor:
        """Colours and, if there is any, alpha: (1, 3 or 4, h, w) in [0, 1]."""
        top, left, height, width = box
        try:
            data = self._region.fetch(left, top, width, height)
        except vips().Error as error:
            self.check_unchanged()
            raise ImageError(f"{self.path} is damaged or cut off ({_reason(error)}).") from error
        kind = np.uint8 if self.bits == 8 else np.uint16
        levels = np.frombuffer(data, kind).reshape(height, width, -1)
        floats = np.empty(levels.shape, np.float32)
        np.divide(levels, np.float32(2**self.bits - 1), out=floats)
        return torch.from_numpy(floats).permute(2, 0, 1)[None]

    def check_unchanged(self) -> None:
        """Find out whether the file is still the one that was opened.

        Raises:
            ImageError: It is not.
        """
        if self._stat() != self._state:
            raise ImageError(
                f"{self.path} was changed while it was being read; begin again when nothing "
                "writes to it."
            )

    @property
    def identity(self) -> tuple[str, int, int]:
        """What tells this file from another, or from itself after a change."""
        return (os.path.realpath(self.path), *self._state)

    def _stat(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return (-1, -1)
        return found.st_size, found.st_mtime_ns


def _reason(error: Exception) -> str:
    """The first line of what libvips says, without a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else type(error).__name__


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a painting goes, and as what."""

    path: Path
    quality: int = 95
    """1 to 100, of JPEG, and of the tiles of a Deep Zoom pyramid."""
    pyramid: bool = False
    """Whether a TIFF holds itself at smaller sizes, too, in tiles: what viewers want."""

    @property
    def kind(self) -> str:
        """TIFF, PNG, JPEG or DZI.

        Raises:
            InputError: Another ending, or a pyramid of what cannot hold one.
        """
        if self.path.suffix.lower() == PYRAMID_SUFFIX:
            return "DZI"
        name = choose_format(None, self.path).name
        if name not in ("TIFF", "PNG", "JPEG"):
            raise InputError(
                f"a picture larger than memory is written as .tif, .png, .jpg or .dzi; got "
                f"{self.path}."
            )
        if self.pyramid and name != "TIFF":
            raise InputError(f"a pyramid is a .tif or a .dzi; got {self.path}.")
        return name

    def check(self, size: Size) -> None:
        """Find out before any work whether this can be.

        Raises:
            InputError: See ``kind``.
            OutputError: The format cannot hold a picture so large.
        """
        if self.kind != "DZI":
            check_holds(choose_format(None, self.path), size, self.path)


def write_giga(raw: Path, source: GigaPicture, target: Target, folder: Path) -> Path:
    """Make the file, or the pyramid, of finished pixels.

    Args:
        raw: A plain TIFF of the size, the bits and the bands of ``source``.
        source: Whose size, profile and resolution they have.
        target: What to make.
        folder: Where to make it; it gets its name elsewhere when it is whole.

    Returns:
        The file in ``folder``; beside a .dzi lies its folder of tiles.

    Raises:
        OutputError: It cannot be written.
    """
    library = vips()
    made = folder / target.path.name
    try:
        image = library.Image.tiffload(str(raw), access="sequential")
        image = image.copy(
            interpretation="srgb" if source.bits == 8 else "rgb16",
            xres=source.resolution[0],
            yres=source.resolution[1],
        )
        _save(_in_profile(image, source, folder), made, target)
    except library.Error as error:
        raise OutputError(f"{target.path} cannot be written ({_reason(error)}).") from error
    return made


def _in_profile(image: Any, source: GigaPicture, folder: Path) -> Any:
    """The painting in the colour space of the photograph."""
    if source.icc is None:
        return image
    if source.icc_is_srgb:
        tagged = image.copy()
        tagged.set_type(vips().GValue.blob_type, _ICC, source.icc)
        return tagged
    profile = folder / "profile.icc"
    profile.write_bytes(source.icc)
    alpha = image.extract_band(3) if source.has_alpha else None
    colors = image.extract_band(0, n=3).icc_transform(
        str(profile),
        input_profile="srgb",
        intent="relative",
        black_point_compensation=True,
        depth=source.bits,
    )
    return colors if alpha is None else colors.bandjoin(alpha)


def _save(image: Any, made: Path, target: Target) -> None:
    kind = target.kind
    if kind == "TIFF":
        size = image.width * image.height * image.bands * (2 if image.format == "ushort" else 1)
        options = {"tile": True, "pyramid": True, "tile_width": 256, "tile_height": 256}
        image.tiffsave(
            str(made),
            compression="deflate",
            predictor="horizontal",
            bigtiff=size * (4 / 3 if target.pyramid else 1) > _BIG_TIFF,
            **(options if target.pyramid else {}),
        )
        return
    if kind == "PNG":
        image.pngsave(str(made), compression=1, filter="sub")
        return
    if image.hasalpha():
        image = image.flatten(background=[2**16 - 1 if image.format == "ushort" else 255] * 3)
    if image.format == "ushort":
        image = image.cast("uchar", shift=True).copy(interpretation="srgb")
    if kind == "JPEG":
        sampling = "off" if target.quality >= 90 else "on"
        image.jpegsave(str(made), Q=target.quality, subsample_mode=sampling)
        return
    image.dzsave(str(made.with_suffix("")), suffix=f".jpg[Q={target.quality}]")
