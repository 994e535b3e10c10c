"""Colour profiles (ICC) to sRGB: littlecms for 8 bits, our own arithmetic for 16.

ICC.1:2022, sections 7.2 (header), 10.6 (curves), 10.18 (parametric curves), annex F.3 (matrix
profiles). Pillow's littlecms converts 8 bits only, which would throw away what 16-bit pictures
are for; nearly all of those carry a matrix profile (Adobe RGB, ProPhoto, Display P3), which is
three curves and nine numbers.
"""

import io
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float32]

# Linear sRGB to the profile connection space, XYZ under D50 (IEC 61966-2-1, Bradford-adapted).
_SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
_LEVELS = 65536


@dataclass(frozen=True, kw_only=True, eq=False)
class MatrixProfile:
    """A profile made of curves and, for RGB, a matrix."""

    curves: tuple[Floats, ...]
    """Linear light in [0, 1] at 65536 even levels; one for grey, three for RGB."""
    matrix: NDArray[np.float64] | None
    """(3, 3), linear light to XYZ under D50; None for grey."""

    def is_srgb(self) -> bool:
        """Whether it describes sRGB so closely that converting would change no 8-bit level."""
        if self.matrix is None or np.abs(self.matrix - _SRGB_TO_XYZ).max() > 2e-3:
            return False
        usual = _srgb_decode(np.linspace(0, 1, _LEVELS, dtype=np.float32))
        return all(float(np.abs(curve - usual).max()) < 1e-3 for curve in self.curves)


def parse_profile(icc: bytes) -> MatrixProfile | None:
    """Read a matrix or grey profile; None for one that is built of tables, or broken."""
    try:
        space = icc[16:20]
        if icc[36:40] != b"acsp" or icc[20:24] != b"XYZ " or space not in (b"RGB ", b"GRAY"):
            return None
        (count,) = struct.unpack(">I", icc[128:132])
        tags = {}
        for index in range(min(count, 100)):
            name, start, length = struct.unpack_from(">4sII", icc, 132 + 12 * index)
            tags[name] = icc[start : start + length]
        if space == b"GRAY":
            return MatrixProfile(curves=(_curve(tags[b"kTRC"]),), matrix=None)
        columns = [_fixed(tags[name], 8, 3) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
        curves = tuple(_curve(tags[name]) for name in (b"rTRC", b"gTRC", b"bTRC"))
        return MatrixProfile(curves=curves, matrix=np.array(columns).T)
    except (struct.error, KeyError, ValueError):
        return None


def _fixed(data: bytes, start: int, count: int) -> list[float]:
    return [value / 65536 for value in struct.unpack_from(f">{count}i", data, start)]


def _curve(data: bytes) -> Floats:
    x = np.linspace(0, 1, _LEVELS)
    if data[:4] == b"curv":
        (count,) = struct.unpack_from(">I", data, 8)
        if count == 0:
            return x.astype(np.float32)
        points = np.array(struct.unpack_from(f">{count}H", data, 12))
        if count == 1:
            power: Floats = np.power(x, points[0] / 256).astype(np.float32)
            return power
        table: Floats = np.interp(x, np.linspace(0, 1, count), points / 65535).astype(np.float32)
        return table
    if data[:4] != b"para":
        raise ValueError("not a curve")
    (kind,) = struct.unpack_from(">H", data, 8)
    if kind > 4:
        raise ValueError("not a kind of curve")
    g, *rest = _fixed(data, 12, (1, 3, 4, 5, 7)[kind])
    a, b, c, d, e, f = 1.0, 0.0, 0.0, -np.inf, 0.0, 0.0
    if kind == 1:
        a, b = rest
        d = -b / a
    elif kind == 2:
        a, b, e = rest
        d, f = -b / a, e
    elif kind == 3:
        a, b, c, d = rest
    elif kind == 4:
        a, b, c, d, e, f = rest
    curved = np.maximum(a * x + b, 0) ** g + e
    return np.where(x >= d, curved, c * x + f).clip(0, 1).astype(np.float32)


def _srgb_decode(x: Floats) -> Floats:
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _srgb_encode(x: Floats) -> Floats:
    x = x.clip(0, 1)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055).astype(np.float32)


def deep_to_srgb(samples: NDArray[np.uint16], profile: MatrixProfile) -> Floats | None:
    """Convert 16-bit samples; alpha goes along unchanged.

    Args:
        samples: (H, W, C), C as in ``Raster``.
        profile: Of the same kind, grey or RGB.

    Returns:
        (H, W, C) in [0, 1], clipped to what sRGB can show; None if the profile is of another kind.
    """
    channels = samples.shape[2]
    colors = channels - (channels in (2, 4))
    if colors != len(profile.curves):
        return None
    result = np.empty(samples.shape, np.float32)
    for index, curve in enumerate(profile.curves):
        result[..., index] = curve[samples[..., index]]
    if profile.matrix is not None:
        to_srgb = (np.linalg.inv(_SRGB_TO_XYZ) @ profile.matrix).astype(np.float32)
        result[..., :3] = result[..., :3] @ to_srgb.T
    result[..., :colors] = _srgb_encode(result[..., :colors])
    result[..., colors:] = samples[..., colors:] / np.float32(65535)
    return result


def image_to_srgb(image: Image.Image, icc: bytes) -> tuple[Image.Image, str | None]:
    """Convert an 8-bit picture; relative colorimetric with black point compensation.

    Args:
        image: Mode L, LA, RGB, RGBA, CMYK or LAB.
        icc: Its profile.

    Returns:
        An RGB or RGBA picture and None; or the picture as it was and a note why.
    """
    own = parse_profile(icc)
    if own is not None and own.is_srgb() and image.mode in ("RGB", "RGBA"):
        return image, None
    try:
        from PIL import ImageCms
    except ImportError:
        return image, "colour profile ignored: this Pillow was built without littlecms"
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    plain = image.convert(image.mode[:-1]) if alpha is not None else image
    try:
        converted = ImageCms.profileToProfile(
            plain,
            ImageCms.ImageCmsProfile(io.BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image, "colour profile ignored: it is broken or belongs to another kind of picture"
    assert converted is not None
    if alpha is not None:
        converted.putalpha(alpha)
    return converted, None
