"""PNG with 16 bits per channel, which Pillow reads as 8 and cannot write.

PNG specification, third edition (W3C 2025), chapters 7 to 11: https://www.w3.org/TR/png-3/

Reading order: read_png16 (chunks, then passes), _unfilter (the only slow part, done along
diagonals), write_png16.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from impasto.images.raster import ORIENTATION, Raster

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 4: 2, 6: 4}  # colour type -> samples per pixel
# Adam7: first row, first column, step down, step right of each of the seven passes.
_PASSES = (
    (0, 0, 8, 8),
    (0, 4, 8, 8),
    (4, 0, 8, 4),
    (0, 2, 4, 4),
    (2, 0, 4, 2),
    (0, 1, 2, 2),
    (1, 0, 2, 1),
)
_LONGEST = 1 << 30  # bytes of one part of pixels
_LARGEST_METADATA = 16 << 20  # bytes; a profile that unpacks to more is an attack

Bytes = NDArray[np.uint8]
Deep = NDArray[np.uint16]


def png16_size(head: bytes) -> tuple[int, int] | None:
    """(height, width) if these first 32 bytes begin a PNG of 16 bits per channel, else None."""
    if len(head) < 26 or head[:8] != SIGNATURE or head[12:16] != b"IHDR":
        return None
    width, height, depth, kind = struct.unpack(">IIBB", head[16:26])
    return (height, width) if depth == 16 and kind in _CHANNELS else None


def read_png16(file: BinaryIO) -> Raster:
    """Read a PNG of 16 bits per channel.

    Args:
        file: At its beginning; ``png16_size`` has found it to be such a PNG and its size bearable.

    Raises:
        ValueError, struct.error, zlib.error: Damaged or cut off.
    """
    file.seek(len(SIGNATURE))
    found: dict[bytes, bytes] = {}
    packed = []
    for kind, data in _chunks(file):
        if kind == b"IDAT":
            packed.append(data)
        else:
            found.setdefault(kind, data)
    width, height, _, color, _, _, interlaced = struct.unpack(">IIBBBBB", found[b"IHDR"])
    channels = _CHANNELS[color]
    samples = _unpack(b"".join(packed), (height, width), channels, bool(interlaced))
    if color in (0, 2) and len(found.get(b"tRNS", b"")) == 2 * channels:
        samples = _with_key(samples, np.frombuffer(found[b"tRNS"], ">u2"))
    notes = []
    if len(found.get(b"acTL", b"")) == 8:
        frames = struct.unpack(">II", found[b"acTL"])[0]
        notes += [f"first of {frames} frames"] if frames > 1 else []
    return Raster(
        samples=samples,
        bits=16,
        format="PNG",
        icc=_profile(found.get(b"iCCP")),
        turn=_turn(found.get(b"eXIf")),
        notes=tuple(notes),
    )


def _chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    while True:
        length, kind = struct.unpack(">I4s", file.read(8))
        data = file.read(length)
        (checksum,) = struct.unpack(">I", file.read(4))
        if checksum != zlib.crc32(data, zlib.crc32(kind)):
            raise ValueError(f"the checksum of its {kind.decode('latin-1')} part is wrong")
        if kind == b"IEND":
            return
        yield kind, data


def _profile(data: bytes | None) -> bytes | None:
    if not data:
        return None
    try:
        packed = data[data.index(b"\0") + 2 :]
        return zlib.decompressobj().decompress(packed, _LARGEST_METADATA)
    except (ValueError, zlib.error):
        return b""  # an empty profile is a broken one: ignored later, with a note


def _turn(data: bytes | None) -> int:
    if not data:
        return 1
    exif = Image.Exif()
    try:
        exif.load(data)
    except (SyntaxError, struct.error):
        return 1
    return int(exif.get(ORIENTATION, 1))


def _with_key(samples: Deep, key: NDArray[Any]) -> Deep:
    opaque = (samples != key).any(axis=2, keepdims=True)
    return np.concatenate([samples, opaque.astype(np.uint16) * np.uint16(65535)], axis=2)


def _unpack(packed: bytes, size: tuple[int, int], channels: int, interlaced: bool) -> Deep:
    height, width = size
    grids = _PASSES if interlaced else ((0, 0, 1, 1),)
    lengths = []
    for top, left, down, right in grids:
        rows, columns = -(-(height - top) // down), -(-(width - left) // right)
        lengths.append((rows, columns) if rows > 0 and columns > 0 else (0, 0))
    stride = 2 * channels
    total = sum(rows * (1 + columns * stride) for rows, columns in lengths)
    raw = np.frombuffer(zlib.decompressobj().decompress(packed, total), np.uint8)
    if raw.size < total:
        raise ValueError(f"{total - raw.size} of {total} bytes of pixels are missing")
    samples = np.empty((height, width, channels), np.uint16)
    start = 0
    for (top, left, down, right), (rows, columns) in zip(grids, lengths, strict=True):
        if rows:
            end = start + rows * (1 + columns * stride)
            lines = raw[start:end].reshape(rows, 1 + columns * stride)
            plain = _unfilter(lines[:, 0], lines[:, 1:].reshape(rows, columns, stride))
            samples[top::down, left::right] = plain.view(">u2")
            start = end
    return samples


def _unfilter(kinds: Bytes, lines: Bytes) -> Bytes:
    """Undo the line filters (chapter 9). lines: (rows, columns, bytes per pixel)."""
    if kinds.max() > 4:
        raise ValueError(f"there is no line filter {kinds.max()}")
    if kinds.max() > 2:
        return _unfilter_diagonally(kinds, lines)
    plain = lines.copy()
    sub = kinds == 1
    plain[sub] = np.cumsum(lines[sub], axis=1, dtype=np.uint8)
    for row in np.flatnonzero(kinds[1:] == 2) + 1:
        plain[row] += plain[row - 1]
    return plain


def _unfilter_diagonally(kinds: Bytes, lines: Bytes) -> Bytes:
    """The same where Average (3) and Paeth (4) occur, whose bytes wait for their left neighbour.

    All bytes on one diagonal (row + column = step) depend on the two diagonals before it only,
    so a picture takes rows + columns vector operations instead of one per pixel.
    """
    rows, columns, depth = lines.shape
    plain = np.empty_like(lines)
    flat_in, flat_out = lines.reshape(rows, -1), plain.reshape(rows, -1)
    # Row 0 of each diagonal is the row of zeros above the picture; columns left of the picture
    # are zeros because no step has written them yet.
    latest, before, now = (np.zeros((rows + 1, depth), np.int16) for _ in range(3))
    kind = kinds[:, None]
    from_left = ((kind == 1) * 1).astype(np.int16)
    from_above = ((kind == 2) * 1).astype(np.int16)
    is_average, is_paeth = kind == 3, kind == 4
    for step in range(rows + columns - 1):
        first, last = max(0, step - columns + 1), min(rows, step + 1)
        here = slice(first, last)
        left, above, corner = latest[first + 1 : last + 1], latest[here], before[here]
        guess = from_left[here] * left + from_above[here] * above
        np.copyto(guess, (left + above) >> 1, where=is_average[here])
        np.copyto(guess, _paeth(left, above, corner), where=is_paeth[here])
        value = now[first + 1 : last + 1]
        np.add(_diagonal(flat_in, step, here, depth), guess, out=value)
        value &= 255
        _diagonal(flat_out, step, here, depth)[...] = value
        before, latest, now = latest, now, before
    return plain


def _diagonal(flat: Bytes, step: int, rows: slice, depth: int) -> Bytes:
    """A view of the pixels (row, step - row), as (rows, bytes per pixel)."""
    start = flat[rows.start :, (step - rows.start) * depth :]
    return np.lib.stride_tricks.as_strided(
        start,
        (rows.stop - rows.start, depth),
        (flat.strides[0] - depth * flat.strides[1], flat.strides[1]),
    )


def _paeth(left: NDArray[np.int16], above: NDArray[np.int16], corner: NDArray[np.int16]) -> Any:
    along, down = above - corner, left - corner
    to_left, to_above, to_corner = np.abs(along), np.abs(down), np.abs(along + down)
    second = np.where(to_above <= to_corner, above, corner)
    return np.where((to_left <= to_above) & (to_left <= to_corner), left, second)


def write_png16(samples: Deep) -> bytes:
    """A PNG of 16 bits per channel, tagged as sRGB.

    Args:
        samples: (H, W, C); 1 channel is grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    """
    height, width, channels = samples.shape
    color = {count: kind for kind, count in _CHANNELS.items()}[channels]
    lines = samples.astype(">u2").view(np.uint8).reshape(height, width, 2 * channels)
    sub, up = lines.copy(), lines.copy()
    sub[:, 1:] -= lines[:, :-1]
    up[1:] -= lines[:-1]
    # The usual rule of thumb (chapter 12.7): the filter whose bytes, taken as signed, are smallest.
    costs = [
        np.abs(rows.view(np.int8).reshape(height, -1).astype(np.int16)).sum(1) for rows in (sub, up)
    ]
    use_up = costs[1] < costs[0]
    filtered = np.empty((height, 1 + width * 2 * channels), np.uint8)
    filtered[:, 0] = np.where(use_up, 2, 1)
    filtered[:, 1:] = np.where(use_up[:, None], up.reshape(height, -1), sub.reshape(height, -1))
    # Run lengths and Huffman codes only: the low bytes of 16-bit pictures are noise, in which
    # a search for repetitions costs seconds and finds none.
    packer = zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)
    packed = packer.compress(filtered.data) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    # A part holds less than 2 GiB; a large picture takes several.
    pixels = [(b"IDAT", packed[at : at + _LONGEST]) for at in range(0, len(packed), _LONGEST)]
    parts = ((b"IHDR", header), (b"sRGB", b"\0"), *pixels, (b"IEND", b""))
    return SIGNATURE + b"".join(
        struct.pack(">I4s", len(data), kind)
        + data
        + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))
        for kind, data in parts
    )
