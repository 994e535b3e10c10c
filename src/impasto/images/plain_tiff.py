"""A BigTIFF of plain pixels whose header comes first, so that rows can be put where they belong.

Aldus and Adobe, "TIFF", revision 6.0, 1992; BigTIFF as libtiff writes it (8-byte offsets, version
43). libvips reads such a file strip by strip; a file of pixels without a header it maps, and what
is mapped and looked at counts as memory of the process.
"""

import struct
import sys

from impasto.images.resize import Size

_ROWS = 16
"""Of a strip."""

_SHORT, _LONG, _LONG8 = (3, "H"), (4, "I"), (16, "Q")


def plain_header(size: Size, *, bands: int, bits: int) -> bytes:
    """What stands before the pixels, row by row in the machine's own order of bytes.

    Args:
        size: (height, width).
        bands: 3, or 4 with straight alpha.
        bits: 8 or 16.
    """
    height, width = size
    row = width * bands * bits // 8
    heights = [min(_ROWS, height - top) for top in range(0, height, _ROWS)]
    extra = {338: (_SHORT, [2])} if bands == 4 else {}
    tags = {
        256: (_LONG, [width]),
        257: (_LONG, [height]),
        258: (_SHORT, [bits] * bands),
        259: (_SHORT, [1]),  # not compressed
        262: (_SHORT, [2]),  # RGB
        273: (_LONG8, [0] * len(heights)),
        277: (_SHORT, [bands]),
        278: (_LONG, [_ROWS]),
        279: (_LONG8, [rows * row for rows in heights]),
        284: (_SHORT, [1]),  # channels side by side
        **extra,
    }
    start = len(_packed(tags))
    tags[273] = (_LONG8, [start + top * row for top in range(0, height, _ROWS)])
    return _packed(tags)


def _packed(tags: dict[int, tuple[tuple[int, str], list[int]]]) -> bytes:
    order = "<" if sys.byteorder == "little" else ">"
    entries, after = b"", b""
    beyond = 16 + 8 + 20 * len(tags) + 8
    for tag, ((kind, code), values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{code}", *values)
        if len(packed) > 8:
            place = struct.pack(f"{order}Q", beyond + len(after))
            after += packed + b"\0" * (-len(packed) % 8)
        else:
            place = packed.ljust(8, b"\0")
        entries += struct.pack(f"{order}HHQ", tag, kind, len(values)) + place
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, 16)
    return head + struct.pack(f"{order}Q", len(tags)) + entries + bytes(8) + after
