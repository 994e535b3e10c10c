"""The formats of pictures, listed once: what is read, what is written, and what each can hold."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from impasto.errors import ImageError, InputError, OutputError


@dataclass(frozen=True, kw_only=True)
class Format:
    """What a format can hold."""

    name: str
    """Pillow's name."""
    suffixes: tuple[str, ...]
    """With the dot, lower case; the first is the usual one."""
    alpha: bool = False
    """Whether transparency can be kept."""
    deep: bool = False
    """Whether 16 bits per channel can be kept."""
    longest_side: int = 2**31 - 1
    """Pixels."""


WRITABLE = (
    Format(name="PNG", suffixes=(".png",), alpha=True, deep=True),
    Format(name="JPEG", suffixes=(".jpg", ".jpeg", ".jpe", ".jfif"), longest_side=65_500),
    Format(name="WEBP", suffixes=(".webp",), alpha=True, longest_side=16_383),
    Format(name="TIFF", suffixes=(".tif", ".tiff"), alpha=True, deep=True),
    Format(name="AVIF", suffixes=(".avif",), alpha=True, longest_side=65_536),
    Format(name="BMP", suffixes=(".bmp",)),
    Format(name="GIF", suffixes=(".gif",), longest_side=65_535),
)

PYRAMID_SUFFIX = ".dzi"
"""Deep Zoom: a folder of tiles at every size, for viewers; written by libvips alone."""

# Pillow's name -> its module, in the order they are tried. Only formats that hold pictures of
# pixels and whose reader starts no other program (EPS would run Ghostscript).
READABLE = {
    "JPEG": "JpegImagePlugin",
    "PNG": "PngImagePlugin",
    "WEBP": "WebPImagePlugin",
    "TIFF": "TiffImagePlugin",
    "AVIF": "AvifImagePlugin",
    "BMP": "BmpImagePlugin",
    "GIF": "GifImagePlugin",
    "PPM": "PpmImagePlugin",
    "JPEG2000": "Jpeg2KImagePlugin",
    "QOI": "QoiImagePlugin",
    "ICO": "IcoImagePlugin",
}

_READ_ONLY_SUFFIXES = (".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".qoi", ".ico", ".apng")
_READ_SUFFIXES = frozenset(s for f in WRITABLE for s in f.suffixes) | set(_READ_ONLY_SUFFIXES)


def is_picture_path(path: str | Path) -> bool:
    """Whether the name ends like a picture that can be read; the file is not looked at."""
    return Path(path).suffix.lower() in _READ_SUFFIXES


def find_pictures(folder: str | Path, *, recursive: bool = True) -> list[Path]:
    """The pictures in a folder, sorted by name; hidden files and folders are passed over.

    Args:
        folder: Where to look.
        recursive: Whether folders inside it are searched too. Links to folders are not followed,
            so that a ring of links ends.

    Returns:
        Paths that begin with ``folder``; perhaps none.

    Raises:
        InputError: There is no such folder, it is a file, or it may not be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        if folder.exists():
            raise InputError(f"{folder} is a file, not a folder; give the folder it lies in.")
        raise InputError(f"there is no folder {folder}.")
    try:
        return sorted(_walk(folder, recursive))
    except OSError as error:
        raise InputError(
            f"the folder {error.filename} cannot be read: {error.strerror}."
        ) from error


def _walk(folder: Path, recursive: bool) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if recursive:
                    yield from _walk(folder / entry.name, recursive)
            elif is_picture_path(entry.name) and entry.is_file():
                yield folder / entry.name


def choose_format(name: str | None, destination: object) -> Format:
    """The format to write.

    Args:
        name: "png", ".png", "JPEG" ..., or None to go by the ending of the destination.
        destination: A path, or anything else when ``name`` is given.

    Raises:
        InputError: Neither says a format that can be written; the sentence lists them.
    """
    suffix = ""
    if name is not None:
        suffix = "." + name.lower().lstrip(".")
    elif isinstance(destination, (str, Path)):
        suffix = Path(destination).suffix.lower()
    for known in WRITABLE:
        if suffix in known.suffixes:
            _check_codec(known)
            return known
    endings = ", ".join(s for f in WRITABLE for s in f.suffixes[:2])
    if name is None and not isinstance(destination, (str, Path)):
        raise InputError(f"a stream has no name that tells its format; give one of {endings}.")
    what = f"format {name!r}" if name is not None else f"the ending of {destination}"
    raise InputError(f"{what} is none that can be written; use one of {endings}.")


def _check_codec(chosen: Format) -> None:
    from PIL import features

    codec = {"WEBP": "webp", "AVIF": "avif"}.get(chosen.name)
    if codec is not None and not features.check(codec):
        raise InputError(f"this Pillow was built without {chosen.name}; use .png or .jpg.")


def check_holds(chosen: Format, size: tuple[int, int], destination: object) -> None:
    """Raise unless the format can hold a picture of ``size``.

    Raises:
        OutputError: A side is longer than the format allows.
    """
    if max(size) > chosen.longest_side:
        raise OutputError(
            f"{destination} cannot be written: {chosen.name} holds at most {chosen.longest_side} "
            f"pixels on a side and the picture is {size[1]}x{size[0]}; use .png or .tif."
        )


def check_pixels(size: tuple[int, int], max_pixels: int | None, name: str) -> None:
    """Raise unless a picture of ``size`` (height, width) is within the limit and not empty.

    Raises:
        ImageTooLargeError: More than ``max_pixels``.
        ImageError: A side of no pixels.
    """
    from impasto.errors import ImageTooLargeError

    height, width = size
    if height < 1 or width < 1:
        raise ImageError(f"{name} has no pixels ({width}x{height}).")
    if max_pixels is not None and height * width > max_pixels:
        raise ImageTooLargeError(
            f"{name} has {width}x{height} = {height * width / 1e6:.1f} million pixels, more than "
            f"the limit of {max_pixels / 1e6:.1f} million; raise max_pixels if you trust it."
        )
