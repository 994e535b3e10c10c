"""More kinds of style than a folder holds: what is painted can be redrawn before it is learned.

Old paintings are mostly soft, brown and of middling contrast; people bring line art, mosaics,
posters, fractals and black backgrounds. A network sees of a style only statistics, so what lies
outside those it has met it paints as what lies inside. Every change here is a pure function of
the picture and a random generator.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps

from impasto.checks import check_range


@dataclass(frozen=True, kw_only=True)
class Variety:
    """How often a painting is changed, each way by its own chance; 0 for all changes nothing."""

    turn: float = 0.0
    """A quarter turn or a reflection, so that no direction of strokes is the usual one."""

    contrast: float = 0.0
    """Contrast times 0.7 to 2.5."""

    saturation: float = 0.0
    """Distance from grey times 0 to 2.5."""

    hue: float = 0.0
    """Red, green and blue change places."""

    invert: float = 0.0
    """Light and dark change places."""

    sharpen: float = 0.0
    """Strokes and outlines stand out."""

    mirror: float = 0.0
    """The picture at half size, four times, mirrored: finer strokes and a repeated pattern."""

    flatten: float = 0.0
    """Three to eight flat colours, as in a poster."""

    lines: float = 0.0
    """A drawing of its edges in one ink on one paper."""

    mosaic: float = 0.0
    """Stones of one colour each, between joints."""

    def __post_init__(self) -> None:
        for field in fields(self):
            check_range(f"chance of {field.name}", getattr(self, field.name), at_least=0, at_most=1)

    def __call__(self, image: Image.Image, random: np.random.Generator) -> Image.Image:
        """The picture, changed or not; 8-bit RGB of the same size if it is square."""
        for name, change in CHANGES.items():
            if random.random() < getattr(self, name):
                image = change(image, random)
        return image


def _turn(image: Image.Image, random: np.random.Generator) -> Image.Image:
    return image.transpose(Image.Transpose(int(random.integers(7))))


def _mirror(image: Image.Image, random: np.random.Generator) -> Image.Image:
    width, height = image.size
    quarter = image.resize((-(-width // 2), -(-height // 2)), Image.Resampling.LANCZOS)
    sheet = Image.new("RGB", (2 * quarter.width, 2 * quarter.height))
    upper = (quarter, ImageOps.mirror(quarter))
    for column, part in enumerate(upper):
        sheet.paste(part, (column * quarter.width, 0))
        sheet.paste(ImageOps.flip(part), (column * quarter.width, quarter.height))
    return sheet.crop((0, 0, width, height))


def _flatten(image: Image.Image, random: np.random.Generator) -> Image.Image:
    calm = image.filter(ImageFilter.ModeFilter(5))
    return calm.quantize(int(random.integers(3, 9)), dither=Image.Dither.NONE).convert("RGB")


def _lines(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """A difference of Gaussians, cut off: ink where the picture is darker than around."""
    grey, width = image.convert("L"), random.uniform(0.7, 1.6)
    fine, coarse = (
        np.asarray(grey.filter(ImageFilter.GaussianBlur(width * k)), dtype=np.float32)
        for k in (1.0, 2.0)
    )
    ink = np.clip((coarse - fine) / random.uniform(3, 10), 0, 1)[..., None]
    colours = random.uniform(0, 60, 3), 255 - random.uniform(0, 50, 3) * random.integers(2)
    pen, paper = colours if random.random() < 0.7 else colours[::-1]
    return Image.fromarray((paper + (pen - paper) * ink).astype(np.uint8))


def _mosaic(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Cells around the points of a shaken lattice, each of its point's colour."""
    width, height = image.size
    pitch = random.uniform(6, 20)
    rows, columns = (int(side / pitch) + 3 for side in (height, width))
    shake = random.uniform(0.1, 0.9) * random.uniform(-0.5, 0.5, (2, rows, columns))
    where = (np.mgrid[:rows, :columns] - 0.5 + shake) * pitch  # (2, rows, columns), y and x
    y, x = np.mgrid[:height, :width].astype(np.float32)
    row, column = ((v / pitch + 1).astype(int) for v in (y, x))
    nearest = np.full((2, height, width), np.inf)  # squared distance to first and second point
    owner = np.zeros((height, width), dtype=int)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            r, c = np.clip(row + down, 0, rows - 1), np.clip(column + right, 0, columns - 1)
            distance = np.square(where[0, r, c] - y) + np.square(where[1, r, c] - x)
            owner = np.where(distance < nearest[0], r * columns + c, owner)
            nearest = np.sort(np.stack([*nearest, distance]), axis=0)[:2]
    at = np.round(where).astype(int).reshape(2, -1)
    pixels = np.asarray(image)
    stones = pixels[np.clip(at[0], 0, height - 1), np.clip(at[1], 0, width - 1)][owner]
    joint = (np.sqrt(nearest[1]) - np.sqrt(nearest[0]) < random.uniform(0.5, 3))[..., None]
    return Image.fromarray(np.where(joint, random.choice([10, 90, 240]), stones).astype(np.uint8))


def _contrast(image: Image.Image, random: np.random.Generator) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(random.uniform(0.7, 2.5))


def _saturation(image: Image.Image, random: np.random.Generator) -> Image.Image:
    return ImageEnhance.Color(image).enhance(max(0.0, random.uniform(-0.5, 2.5)))


def _hue(image: Image.Image, random: np.random.Generator) -> Image.Image:
    channels = image.split()
    return Image.merge("RGB", [channels[i] for i in random.permutation(3)])


def _invert(image: Image.Image, random: np.random.Generator) -> Image.Image:
    return ImageChops.invert(image)


def _sharpen(image: Image.Image, random: np.random.Generator) -> Image.Image:
    percent = int(random.uniform(50, 250))
    return image.filter(ImageFilter.UnsharpMask(random.uniform(0.8, 3), percent, 0))


CHANGES: dict[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "turn": _turn,
    "mirror": _mirror,
    "flatten": _flatten,
    "lines": _lines,
    "mosaic": _mosaic,
    "hue": _hue,
    "invert": _invert,
    "saturation": _saturation,
    "contrast": _contrast,
    "sharpen": _sharpen,
}
"""In the order in which they are made: shapes, then colours, then edges."""
