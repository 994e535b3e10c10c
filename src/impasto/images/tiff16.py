"""TIFF with 16 bits per channel, which Pillow reads as 8 (RGB), not at all (grey with alpha).

TIFF 6.0 (Adobe 1992) and its technical notes: sections 2 (structure), 14 (differencing
predictor), 15 (tiles), 18 (alpha).

The trick of the reader: an RGB picture of width W is, byte for byte, a grey picture of width 3 W.
So the file gets a second directory that says so, and Pillow with libtiff unpacks it (LZW,
Deflate, PackBits, strips, tiles, either byte order) without losing a bit. The predictor, which
would then add the wrong neighbours, is switched off and undone here.

The writer serves 8 bits too: it takes a quarter of the time that libtiff's takes.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import TiffImagePlugin

from impasto.images.raster import ORIENTATION, Raster

Deep = NDArray[np.uint16]

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER = 256, 257, 258, 259, 262, 266
_OFFSETS, _SAMPLES, _ROWS_PER_STRIP, _COUNTS, _PLANAR, _PREDICTOR = 273, 277, 278, 279, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _TILE_OFFSETS, _TILE_COUNTS, _EXTRA, _KIND = 322, 323, 324, 325, 338, 339
_ICC = 34675
_SHORTS = frozenset((_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _SAMPLES, _PLANAR, _PREDICTOR))
_WANTED = (
    *(_WIDTH, _HEIGHT, *_SHORTS, _OFFSETS, _ROWS_PER_STRIP, _COUNTS, _TILE_WIDTH, _TILE_HEIGHT),
    *(_TILE_OFFSETS, _TILE_COUNTS, _EXTRA, _KIND, ORIENTATION, _ICC),
)
_VALUE_CODES = {1: "B", 3: "H", 4: "I", 7: "B"}  # BYTE, SHORT, LONG, UNDEFINED
_NO_COMPRESSION, _DEFLATE = 1, 8
_PREDICTED = (5, 8, 32946, 50000)  # LZW, two Deflates, Zstandard: the codecs that know predictors
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class TiffHeader:
    """The first directory of a file."""

    order: str
    """"<" or ">", as in ``struct``."""
    tags: dict[int, tuple[int, ...]]
    """Values by tag, of the tags this module needs."""
    pages: int

    def first(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        return self.tags.get(tag, (default,))[0]

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.first(_HEIGHT), self.first(_WIDTH)


def tiff16_header(file: BinaryIO) -> TiffHeader | None:
    """The header, if the file is a TIFF of 16 bits that this module reads; else None.

    It reads grey and RGB, with and without alpha. CMYK, Lab, BigTIFF and floating point are
    left to Pillow.

    Args:
        file: Seekable; its position afterwards is undefined.

    Raises:
        ValueError: A TIFF that ends before its directory does.
    """
    file.seek(0)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(file.read(4))
    if order is None:
        return None
    try:
        (start,) = struct.unpack(f"{order}I", file.read(4))
        tags, following = _read_directory(file, order, start)
    except struct.error as error:
        raise ValueError("its directory is cut off") from error
    pages = 1 + _count_pages(file, order, following)
    header = TiffHeader(order=order, tags=tags, pages=pages)
    return header if _is_ours(header) else None


def _count_pages(file: BinaryIO, order: str, start: int) -> int:
    seen: set[int] = set()  # a chain of directories may bite its tail
    try:
        while start and start not in seen and len(seen) < 10_000:
            file.seek(start)
            (entries,) = struct.unpack(f"{order}H", file.read(2))
            file.seek(start + 2 + 12 * entries)
            (following,) = struct.unpack(f"{order}I", file.read(4))
            seen.add(start)
            start = following
    except struct.error:
        pass  # later pages are damaged; the first one is not
    return len(seen)


def _is_ours(header: TiffHeader) -> bool:
    samples, kind = header.first(_SAMPLES, 1), header.first(_PHOTOMETRIC, -1)
    return (
        set(header.tags.get(_BITS, ())) == {16}
        and set(header.tags.get(_KIND, (1,))) == {1}
        and (
            (kind in (_WHITE_IS_ZERO, _BLACK_IS_ZERO) and samples in (1, 2))
            or (kind == _RGB and samples in (3, 4))
        )
        and header.first(_PREDICTOR, 1) in (1, 2)
    )


def _read_directory(
    file: BinaryIO, order: str, start: int
) -> tuple[dict[int, tuple[int, ...]], int]:
    file.seek(start)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    entries = file.read(12 * count)
    (following,) = struct.unpack(f"{order}I", file.read(4))
    tags = {}
    for tag, code, number, inline in struct.iter_unpack(f"{order}HHI4s", entries):
        if tag not in _WANTED or code not in _VALUE_CODES or not number:
            continue
        layout = f"{order}{number}{_VALUE_CODES[code]}"
        length = struct.calcsize(layout)
        if length > 4:
            file.seek(struct.unpack(f"{order}I", inline)[0])
            inline = file.read(length)
        tags[tag] = struct.unpack(layout, inline[:length])
    return tags, following


def read_tiff16(file: BinaryIO, header: TiffHeader) -> Raster:
    """Read the first page.

    Args:
        file: The one that gave the header.
        header: From ``tiff16_header``; its size has been found bearable.

    Raises:
        OSError, ValueError, struct.error: Damaged or cut off.
    """
    file.seek(0)
    data = file.read()
    channels = header.first(_SAMPLES, 1)
    if header.first(_PLANAR, 1) == 2 and channels > 1:
        planes = [_read_plane(data, header, channels, index) for index in range(channels)]
        samples = np.concatenate(planes, axis=2)
    else:
        samples = _read_plane(data, header, 1, 0)
    if header.first(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        samples[..., 0] = 65535 - samples[..., 0]
    if channels in (2, 4):
        samples = _straight(samples, header.first(_EXTRA, 2))
    notes = (f"first of {header.pages} pages",) if header.pages > 1 else ()
    icc = header.tags.get(_ICC)
    return Raster(
        samples=samples,
        bits=16,
        format="TIFF",
        icc=bytes(icc) if icc else None,
        turn=header.first(ORIENTATION, 1),
        notes=notes,
    )


def _read_plane(data: bytes, header: TiffHeader, planes: int, index: int) -> Deep:
    """One plane of several, or all channels together when ``planes`` is 1, as (H, W, C)."""
    height, width = header.size
    channels = header.first(_SAMPLES, 1) if planes == 1 else 1
    tags: dict[int, tuple[int, ...]] = {
        _WIDTH: (width * channels,),
        _HEIGHT: (height,),
        _BITS: (16,),
        _COMPRESSION: (header.first(_COMPRESSION, 1),),
        _PHOTOMETRIC: (_BLACK_IS_ZERO,),
        _FILL_ORDER: (header.first(_FILL_ORDER, 1),),
        _SAMPLES: (1,),
        _PLANAR: (1,),
        _PREDICTOR: (1,),
    }
    for tag in (_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT):
        if tag in header.tags:
            tags[tag] = header.tags[tag]
    if _TILE_WIDTH in tags:
        tags[_TILE_WIDTH] = (tags[_TILE_WIDTH][0] * channels,)
    for tag in (_OFFSETS, _COUNTS, _TILE_OFFSETS, _TILE_COUNTS):
        if tag in header.tags:
            share = len(header.tags[tag]) // planes
            tags[tag] = header.tags[tag][index * share : (index + 1) * share]
    directory = _pack_directory(tags, header.order, len(data))
    patched = data[:4] + struct.pack(f"{header.order}I", len(data)) + data[8:] + directory
    with TiffImagePlugin.TiffImageFile(io.BytesIO(patched)) as image:
        flat = np.array(image).astype(np.uint16, copy=False)
    samples = flat.reshape(height, width, channels)
    if header.first(_PREDICTOR, 1) == 2 and header.first(_COMPRESSION, 1) in _PREDICTED:
        block = header.first(_TILE_WIDTH, width)
        for left in range(0, width, block):
            part = samples[:, left : left + block]
            np.cumsum(part, axis=1, dtype=np.uint16, out=part)
    return samples


def _straight(samples: Deep, extra: int) -> Deep:
    """What the alpha channel means (tag ExtraSamples): 0 nothing, 1 premultiplied, 2 straight."""
    if extra == 0:
        return samples[..., :-1]
    if extra == 1:
        alpha = samples[..., -1:].astype(np.float32)
        color = samples[..., :-1] * (65535 / np.maximum(alpha, 1))
        samples[..., :-1] = np.minimum(color + 0.5, 65535)
    return samples


def _pack_directory(tags: dict[int, tuple[int, ...]], order: str, start: int) -> bytes:
    """A directory that will stand at byte ``start``, with its longer values after it."""
    after = start + 2 + 12 * len(tags) + 4
    entries, values = b"", b""
    for tag in sorted(tags):
        code = 3 if tag in _SHORTS or tag in (_EXTRA, _KIND) else 4
        packed = struct.pack(f"{order}{len(tags[tag])}{_VALUE_CODES[code]}", *tags[tag])
        if len(packed) > 4:
            inline = struct.pack(f"{order}I", after + len(values))
            values += packed
        else:
            inline = packed.ljust(4, b"\0")
        entries += struct.pack(f"{order}HHI", tag, code, len(tags[tag])) + inline
    return struct.pack(f"{order}H", len(tags)) + entries + struct.pack(f"{order}I", 0) + values


def write_tiff(samples: Deep | NDArray[np.uint8]) -> bytes:
    """A TIFF of 8 or 16 bits per channel: Deflate with differences, strips of about a mebibyte.

    Args:
        samples: (H, W, C); 1 channel is grey, 2 grey and alpha, 3 RGB, 4 RGB and straight alpha.

    Raises:
        ValueError: The file would pass the 4 GiB that a TIFF can address.
    """
    height, width, channels = samples.shape
    rows = max(1, min(height, (1 << 20) // (width * channels * samples.itemsize)))
    differences: NDArray[Any] = samples.astype(samples.dtype.newbyteorder("<"))
    differences[:, 1:] -= samples[:, :-1]
    strips = [
        zlib.compress(np.ascontiguousarray(differences[top : top + rows]).data, 1)
        for top in range(0, height, rows)
    ]
    counts = tuple(len(strip) for strip in strips)
    if sum(counts) > (1 << 32) - (1 << 20):
        raise ValueError("a TIFF holds at most 4 GiB")
    offsets = tuple(int(o) for o in np.cumsum((8, *counts))[:-1])
    tags: dict[int, tuple[int, ...]] = {
        _WIDTH: (width,),
        _HEIGHT: (height,),
        _BITS: (8 * samples.itemsize,) * channels,
        _COMPRESSION: (_DEFLATE,),
        _PHOTOMETRIC: (_RGB if channels >= 3 else _BLACK_IS_ZERO,),
        _OFFSETS: offsets,
        _SAMPLES: (channels,),
        _ROWS_PER_STRIP: (rows,),
        _COUNTS: counts,
        _PLANAR: (1,),
        _PREDICTOR: (2,),
        _KIND: (1,) * channels,
    }
    if channels in (2, 4):
        tags[_EXTRA] = (2,)
    body = b"".join(strips)
    body += b"\0" * (len(body) % 2)  # a directory must begin at an even byte
    start = 8 + len(body)
    return b"II*\0" + struct.pack("<I", start) + body + _pack_directory(tags, "<", start)
