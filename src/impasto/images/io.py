"""One reader and one writer for every picture.

Reading order: Picture (what a picture is here), read_picture, write_picture. The formats stand in
``formats.py``; pixels are unpacked in ``decode.py`` and packed in ``encode.py``.
"""

import io
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from impasto.checks import check_range, check_shape
from impasto.errors import ImageError, InputError, OutputError, ShapeError
from impasto.images.decode import DAMAGE, decode_file, decode_image
from impasto.images.encode import encode, flatten_on_white, to_samples
from impasto.images.files import check_destination, open_to_read, write_whole
from impasto.images.formats import check_holds, check_pixels, choose_format
from impasto.images.raster import Raster, notes_joined, upright

DEFAULT_MAX_PIXELS = 500_000_000
"""Height times width: about 22,400 pixels square, which take 6 GB as float32."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A picture in memory, upright and in sRGB."""

    pixels: Tensor = field(repr=False)
    """(1, 3, H, W) float32 in [0, 1], sRGB, on the CPU when read."""
    alpha: Tensor | None = field(default=None, repr=False)
    """(1, 1, H, W) float32 in [0, 1], straight (not multiplied in); None when all is opaque."""
    bits: int = 8
    """8 or 16: what the source held per channel, and what will be written where a format can."""
    format: str | None = None
    """Pillow's name of the source's format; None for arrays and tensors."""
    note: str | None = None
    """What was done to it or left out, such as "first of 12 frames"."""

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    def save(
        self,
        path: "str | Path | BinaryIO",
        *,
        overwrite: bool = True,
        quality: int = 95,
        format: str | None = None,
    ) -> None:
        """Write it to a file; see ``write_picture``."""
        write_picture(self, path, format=format, quality=quality, overwrite=overwrite)

    def to_pil(self) -> Image.Image:
        """An RGB or RGBA image of 8 bits per channel."""
        whole = self.pixels if self.alpha is None else torch.cat([self.pixels, self.alpha], dim=1)
        return Image.fromarray(to_samples(whole, 8))

    def replace_pixels(self, pixels: Tensor) -> "Picture":
        """The same picture with other colours, its alpha kept.

        Args:
            pixels: (1, 3, H, W), of the same size if there is alpha.

        Raises:
            ShapeError: Another form.
        """
        check_shape(pixels, "1 3 H W", name="pixels")
        if self.alpha is not None and pixels.shape[-2:] != self.alpha.shape[-2:]:
            raise ShapeError(
                f"pixels must be {self.size[0]} high and {self.size[1]} wide like the alpha of "
                f"this picture, got {tuple(pixels.shape)}."
            )
        return replace(self, pixels=pixels)


Source: TypeAlias = "str | Path | bytes | BinaryIO | Image.Image | NDArray[Any] | Tensor | Picture"
"""What a picture is read from."""


def read_picture(source: Source, *, max_pixels: int | None = DEFAULT_MAX_PIXELS) -> Picture:
    """Read a picture, whatever holds it.

    The EXIF turn is applied, a colour profile is converted to sRGB (a broken one is ignored with
    a note), alpha is kept straight, grey and CMYK become RGB, of several frames the first is
    taken with a note. 16-bit PNG and TIFF keep their 16 bits.

    Args:
        source: A path; the bytes of a file; a binary file; a Pillow image; an array (H, W) or
            (H, W, 1 to 4), uint8, uint16 or floating point in [0, 1]; a tensor (C, H, W) or
            (1, C, H, W) in [0, 1] or uint8, C from 1 to 4 (2 and 4 end with alpha). A Picture is
            given back.
        max_pixels: Limit of height times width, judged before pixels are unpacked, so that a
            small file cannot fill the memory; None lifts it. The limit is for files.

    Raises:
        ImageTooLargeError: Beyond the limit.
        ImageError: Missing, unreadable, empty, not a picture, damaged or cut off.
        InputError: An array or tensor of another form or with values that are not numbers.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, Tensor):
        return _picture_of_tensor(source)
    if isinstance(source, np.ndarray):
        return _picture_of_array(source)
    if isinstance(source, Image.Image):
        check_pixels((source.height, source.width), max_pixels, "the image")
        try:
            return _picture_of_raster(decode_image(source))
        except DAMAGE as error:
            raise ImageError(f"the image is damaged or cut off ({error}).") from error
    if isinstance(source, (bytes, bytearray, memoryview)):
        raster = decode_file(io.BytesIO(source), name="the given data", max_pixels=max_pixels)
        return _picture_of_raster(raster)
    if isinstance(source, (str, Path)):
        if str(source).startswith(("http://", "https://")):
            raise ImageError(f"{source} is an address, not a file; download it first.")
        with open_to_read(Path(source)) as file:
            return _picture_of_raster(decode_file(file, name=str(source), max_pixels=max_pixels))
    if hasattr(source, "read"):
        name = str(getattr(source, "name", "the stream"))
        return _picture_of_raster(
            decode_file(_seekable(source, name), name=name, max_pixels=max_pixels)
        )
    raise InputError(
        f"a picture is read from a path, bytes, a file, an image, an array or a tensor; got "
        f"{type(source).__name__}."
    )


def _seekable(file: BinaryIO, name: str) -> BinaryIO:
    try:
        data = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"{name} cannot be read ({error}).") from error
    if not isinstance(data, bytes):
        raise InputError(f"{name} is open as text; open it with mode 'rb'.")
    return io.BytesIO(data)


def _picture_of_raster(raster: Raster) -> Picture:
    samples = np.ascontiguousarray(upright(raster.samples, raster.turn))
    levels = torch.from_numpy(samples).permute(2, 0, 1)[None]  # (1, C, H, W), channels last
    whole = levels.to(torch.float32)
    if samples.dtype != np.float32:
        whole.div_(255 if samples.dtype == np.uint8 else 65535)
    pixels, alpha = _split(whole)
    return Picture(
        pixels=pixels,
        alpha=alpha,
        bits=raster.bits,
        format=raster.format,
        note=notes_joined(raster.notes),
    )


def _split(whole: Tensor) -> tuple[Tensor, Tensor | None]:
    """(1, C, H, W) into three colours and alpha."""
    channels = whole.shape[1]
    alpha = whole[:, -1:].contiguous() if channels in (2, 4) else None
    colors = whole[:, :-1] if alpha is not None else whole
    if colors.shape[1] == 1:
        colors = colors.expand(-1, 3, -1, -1)
    return colors.contiguous(memory_format=torch.channels_last), alpha


def _picture_of_array(array: NDArray[Any]) -> Picture:
    shaped = array[..., None] if array.ndim == 2 else array
    if shaped.ndim != 3 or not 1 <= shaped.shape[2] <= 4 or 0 in shaped.shape:
        raise ShapeError(f"an array must be (H, W) or (H, W, 1 to 4), got {array.shape}.")
    if shaped.dtype == np.bool_:
        shaped = shaped.astype(np.uint8) * np.uint8(255)
    if shaped.dtype in (np.uint8, np.uint16):
        bits = 8 * shaped.dtype.itemsize
        native = shaped.astype(shaped.dtype.newbyteorder("="))  # a copy torch may write to
        return _picture_of_raster(Raster(samples=native, bits=bits, format=None))
    if not np.issubdtype(shaped.dtype, np.floating):
        raise InputError(
            f"an array must be uint8, uint16 or floating point in [0, 1]; got {shaped.dtype}."
        )
    floats = shaped.astype(np.float32)
    _check_unit(float(floats.min()), float(floats.max()), "an array")
    return _picture_of_raster(Raster(samples=floats, bits=8, format=None))


def _picture_of_tensor(tensor: Tensor) -> Picture:
    whole = tensor.detach()[None] if tensor.ndim == 3 else tensor.detach()
    if whole.ndim != 4 or whole.shape[0] != 1 or not 1 <= whole.shape[1] <= 4 or not whole.numel():
        raise ShapeError(
            f"a tensor must be (C, H, W) or (1, C, H, W) with C from 1 to 4, got "
            f"{tuple(tensor.shape)}."
        )
    if whole.dtype == torch.uint8:
        whole = whole.to(torch.float32) / 255
    elif not whole.is_floating_point():
        raise InputError(f"a tensor must be floating point or uint8; got {tensor.dtype}.")
    whole = whole.to("cpu", torch.float32)
    _check_unit(float(whole.min()), float(whole.max()), "a tensor")
    pixels, alpha = _split(whole)
    return Picture(pixels=pixels, alpha=alpha)


def _check_unit(least: float, most: float, name: str) -> None:
    # The slack admits what rounding in half precision leaves of 1.
    if not (least >= -0.01 and most <= 1.01):
        raise InputError(
            f"{name} of floating point must have values in [0, 1], got {least:.3g} to {most:.3g}; "
            "divide by 255 if those are levels."
        )


def write_picture(
    picture: "Picture | Tensor",
    destination: "str | Path | BinaryIO",
    *,
    format: str | None = None,
    quality: int = 95,
    bits: int | None = None,
    overwrite: bool = True,
) -> None:
    """Write a picture; a file appears whole or not at all.

    Values are rounded to the nearest level and clamped. Alpha is kept by PNG, TIFF, WebP and
    AVIF; for JPEG, BMP and GIF the picture is laid on white.

    Args:
        picture: A Picture, or a tensor (3, H, W) or (1, 3, H, W), nominally in [0, 1].
        destination: A path, whose missing folders are made, or a binary file.
        format: "png", "jpg", "webp", "tif", "avif", "bmp" or "gif"; None goes by the ending.
        quality: 1 to 100, for JPEG, WebP and AVIF; WebP at 100 is lossless.
        bits: 8 or 16 per channel; None takes the picture's own where the format can hold them.
        overwrite: Whether an existing file may be replaced.

    Raises:
        InputError: Unknown format, impossible ``bits``, or pixels that are not numbers.
        OutputError: The place cannot be written, or the format cannot hold a picture so large.
    """
    chosen = choose_format(format, destination)
    check_range("quality", quality, at_least=1, at_most=100)
    if isinstance(destination, (str, Path)):
        check_destination(Path(destination), overwrite=overwrite)
    pixels, alpha, own_bits = _parts(picture)
    check_holds(chosen, (pixels.shape[-2], pixels.shape[-1]), _name(destination))
    if bits not in (None, 8, 16) or (bits == 16 and not chosen.deep):
        raise InputError(
            f"bits must be 8, or 16 for .png and .tif; got {bits} for {chosen.suffixes[0]}."
        )
    if alpha is not None and not chosen.alpha:
        pixels, alpha = flatten_on_white(pixels, alpha), None
    whole = pixels if alpha is None else torch.cat([pixels, alpha], dim=1)
    depth = bits or (own_bits if chosen.deep else 8)
    samples = to_samples(whole, depth)
    data = encode(samples, chosen, quality=int(quality), name=_name(destination))
    if isinstance(destination, (str, Path)):
        write_whole(destination, data, overwrite=overwrite)
        return
    try:
        destination.write(data)
    except (OSError, ValueError) as error:
        raise OutputError(f"{_name(destination)} cannot be written ({error}).") from error


def _name(destination: object) -> str:
    if isinstance(destination, (str, Path)):
        return str(destination)
    return str(getattr(destination, "name", "the stream"))


def _parts(picture: "Picture | Tensor") -> tuple[Tensor, Tensor | None, int]:
    if isinstance(picture, Picture):
        pixels, alpha, bits = picture.pixels, picture.alpha, picture.bits
    else:
        pixels, alpha, bits = picture[None] if picture.ndim == 3 else picture, None, 8
    check_shape(pixels, "1 3 H W", name="pixels")
    if 0 in pixels.shape:
        raise ShapeError(
            f"pixels must have at least one row and column, got {tuple(pixels.shape)}."
        )
    # One pass without a temporary: a sum is finite only if every term is.
    if not math.isfinite(float(pixels.detach().sum(dtype=torch.float32))):
        raise InputError("the picture has values that are not numbers (NaN or infinite).")
    return pixels, alpha, bits
