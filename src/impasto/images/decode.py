"""From an open file or a Pillow image to samples, each kind of pixel by the way that keeps most."""

import importlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from impasto.errors import ImageError, ImageTooLargeError, ResourceError
from impasto.images.files import describe_foreign
from impasto.images.formats import READABLE, check_pixels
from impasto.images.png16 import png16_size, read_png16
from impasto.images.profiles import deep_to_srgb, image_to_srgb, parse_profile
from impasto.images.raster import ORIENTATION, Raster
from impasto.images.tiff16 import read_tiff16, tiff16_header

# What the readers of Pillow and of this package raise on damaged files.
DAMAGE = (
    *(OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError),
    *(struct.error, zlib.error, OverflowError),
)

_Read = TypeVar("_Read")


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a file says of its picture before any pixel is unpacked."""

    size: tuple[int, int]
    """(height, width), upright as far as the head of the file says how it is turned."""
    format: str
    """Pillow's name."""


def read_header(file: BinaryIO, *, name: str, max_pixels: int | None) -> Header:
    """Look at the head of an open file; the arguments and errors are those of ``decode_file``."""
    return _explained(file, name, lambda head: _header(file, head, name, max_pixels))


def decode_file(file: BinaryIO, *, name: str, max_pixels: int | None) -> Raster:
    """Read the first picture of an open file.

    Args:
        file: Seekable, at its beginning.
        name: How messages call it.
        max_pixels: Limit of height times width, judged before anything is unpacked.

    Raises:
        ImageTooLargeError: Beyond the limit.
        ImageError: Empty, not a picture, damaged or cut off.
        ResourceError: It does not fit in memory.
    """
    return _explained(file, name, lambda head: _decode(file, head, name, max_pixels))


def _explained(file: BinaryIO, name: str, read: Callable[[bytes], _Read]) -> _Read:
    """What ``read`` makes of a file, given its first bytes; one sentence on whatever fails."""
    head = file.read(512)
    if not head:
        raise ImageError(f"{name} is empty (0 bytes); it was perhaps never saved or downloaded.")
    try:
        return read(head)
    except Image.DecompressionBombError as error:
        raise ImageTooLargeError(f"{name} is too large for Pillow ({error}).") from error
    except MemoryError as error:
        raise ResourceError(f"{name} does not fit in memory; make it smaller first.") from error
    except ImageError:
        raise
    except DAMAGE as error:
        reason = str(error).strip().rstrip(".") or type(error).__name__
        raise ImageError(f"{name} is damaged or cut off ({reason}).") from error


def _header(file: BinaryIO, head: bytes, name: str, max_pixels: int | None) -> Header:
    tiff = tiff16_header(file)
    if tiff is not None:
        size, turn, kind = tiff.size, tiff.first(ORIENTATION, 1), "TIFF"
    elif (deep := png16_size(head)) is not None:
        size, turn, kind = deep, 1, "PNG"
    else:
        with _open_image(file, head, name) as image:
            size, kind = (image.height, image.width), image.format or ""
            # PNG's own getexif would unpack the pixels, to see what stands behind them.
            turn = int(Image.Image.getexif(image).get(ORIENTATION, 1) or 1)
    check_pixels(size, max_pixels, name)
    return Header(size=size[::-1] if 5 <= turn <= 8 else size, format=kind)


def _decode(file: BinaryIO, head: bytes, name: str, max_pixels: int | None) -> Raster:
    size = png16_size(head)
    if size is not None:
        check_pixels(size, max_pixels, name)
        return _deep_in_srgb(read_png16(file))
    header = tiff16_header(file)
    if header is not None:
        check_pixels(header.size, max_pixels, name)
        return _deep_in_srgb(read_tiff16(file, header))
    image = _open_image(file, head, name)
    with image:
        check_pixels((image.height, image.width), max_pixels, name)
        raster = decode_image(image)
        return replace(raster, notes=(*_frames(image), *raster.notes))


def _open_image(file: BinaryIO, head: bytes, name: str) -> ImageFile.ImageFile:
    """Pillow's reader for the file, its pixels not yet unpacked.

    ``Image.open`` would refuse every picture beyond a limit that only a global variable can
    change, and would ask readers that start other programs; so its readers are called directly.
    """
    fault: Exception | None = None
    for key, module in READABLE.items():
        try:
            importlib.import_module(f"PIL.{module}")
        except ImportError:
            continue
        factory, accepts = Image.OPEN[key]
        answer = accepts(head[:16]) if accepts is not None else False
        if isinstance(answer, str):  # the reader knows the format but lacks its codec
            raise ImageError(f"{name} cannot be read: {answer}.")
        if not answer:
            continue
        file.seek(0)
        try:
            return factory(file, "")
        except (SyntaxError, IndexError, TypeError, KeyError, struct.error) as error:
            fault = error
    # AVIF's reader also tries HEIF, its elder relation, and fails.
    if fault is not None and head[4:12] != b"ftypmif1":
        reason = str(fault).strip().rstrip(".") or type(fault).__name__
        raise ImageError(f"{name} is damaged or cut off ({reason}).") from fault
    raise ImageError(f"{name} {describe_foreign(head)}.")


def _frames(image: Image.Image) -> tuple[str, ...]:
    # A telephone's MPO holds a preview or a depth map beside the photo; that is no news.
    if image.format == "MPO":
        return ()
    try:
        count = int(getattr(image, "n_frames", 1))
    except DAMAGE:
        return ()  # a later frame is damaged; the first one is not
    return (f"first of {count} {'pages' if image.format == 'TIFF' else 'frames'}",) * (count > 1)


def decode_image(image: Image.Image) -> Raster:
    """The samples of a Pillow image, in sRGB, still to be turned upright.

    Args:
        image: Any mode; loaded if it is not yet.

    Raises:
        OSError and others of ``DAMAGE``: The file behind it is damaged.
    """
    truncated = _loses_bits(image)
    image.load()
    icc = image.info.get("icc_profile")
    turn = int(image.getexif().get(ORIENTATION, 1) or 1)
    if image.mode.startswith("I;16") or image.mode == "I":
        values, notes = _clipped(np.asarray(image), 65535)
        deep = values.astype(np.uint16)[..., None]
        raster = Raster(samples=deep, bits=16, format=image.format, icc=icc, turn=turn)
        return replace(_deep_in_srgb(raster), notes=notes)
    if image.mode == "F":
        floats, notes = _clipped(np.nan_to_num(np.asarray(image)), 1)
        floats = floats.astype(np.float32)[..., None]
        return Raster(samples=floats, bits=16, format=image.format, turn=turn, notes=notes)
    plain, notes = _plain_mode(image), ("16 bits read as 8",) * truncated
    if icc is not None:
        plain, note = image_to_srgb(plain, icc)
        notes = (*notes, note) if note else notes
    if plain.mode == "LAB":
        plain = _lab_to_rgb(plain)
    elif plain.mode == "CMYK":
        plain = plain.convert("RGB")
    samples = np.array(plain)  # a copy: torch wants memory that it may write to
    samples = samples[..., None] if samples.ndim == 2 else samples
    return Raster(samples=samples, bits=8, format=image.format, turn=turn, notes=notes)


def _loses_bits(image: Image.Image) -> bool:
    tiles = getattr(image, "tile", ())
    return not image.mode.startswith(("I", "F")) and any(";16" in str(tile) for tile in tiles)


def _clipped(values: NDArray[Any], most: int) -> tuple[NDArray[Any], tuple[str, ...]]:
    if values.size and (values.min() < 0 or values.max() > most):
        return values.clip(0, most), (f"values outside 0 to {most} clipped",)
    return values, ()


def _plain_mode(image: Image.Image) -> Image.Image:
    """The picture as L, LA, RGB, RGBA, CMYK or LAB; palettes and colour keys resolved."""
    if image.mode in ("La", "RGBa"):
        return image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode == "PA" or (image.has_transparency_data and image.mode not in ("LA", "RGBA")):
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("L", "LA", "RGB", "RGBA", "CMYK", "LAB"):
        return image
    return image.convert("RGB")


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None
    return converted


def _deep_in_srgb(raster: Raster) -> Raster:
    """Apply the profile of a 16-bit raster, by 16-bit arithmetic where that is possible."""
    if raster.icc is None:
        return raster
    profile = parse_profile(raster.icc)
    if profile is not None and profile.is_srgb():
        return replace(raster, icc=None)
    converted = deep_to_srgb(raster.samples, profile) if profile is not None else None
    if converted is not None:
        return replace(raster, samples=converted, icc=None)
    eight = (raster.samples // 257).astype(np.uint8)
    plain, note = image_to_srgb(
        Image.fromarray(eight.squeeze(2) if eight.shape[2] == 1 else eight), raster.icc
    )
    if note is not None:
        return replace(raster, icc=None, notes=(*raster.notes, note))
    note = "colour profile of tables: converted through 8 bits"
    return replace(raster, samples=np.array(plain), icc=None, notes=(*raster.notes, note))
