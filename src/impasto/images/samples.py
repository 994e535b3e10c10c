"""Pictures to try things on: photographs from scikit-image's package, and a landscape of our own.

Nothing is fetched: the three photographs travel inside scikit-image (public domain or CC0), and
``synthetic_photo`` is arithmetic with a seed.
"""

import importlib.util
from pathlib import Path
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_choice, check_range
from impasto.errors import MissingExtraError
from impasto.images.io import Picture, read_picture
from impasto.images.resize import Size

SampleName = Literal["astronaut", "coffee", "chelsea"]
"""The photographs: Eileen Collins (NASA), a cup (R. Michel), a cat (S. van der Walt)."""

Color = tuple[float, float, float]


def sample_photo(name: SampleName) -> Picture:
    """Read a photograph that comes with scikit-image.

    Args:
        name: "astronaut" is 512x512, "coffee" 400x600, "chelsea" 300x451 (height x width).

    Raises:
        InputError: Unknown name.
        MissingExtraError: scikit-image is not installed.
    """
    check_choice("sample", name, get_args(SampleName))
    # Looked up without importing: scikit-image takes a second to import and is not needed.
    package = importlib.util.find_spec("skimage")
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    paths = [Path(folder) / "data" / f"{name}.png" for folder in folders]
    for path in paths:
        if path.is_file():
            return read_picture(path)
    raise MissingExtraError.of("demo", "A sample photograph")


def synthetic_photo(size: Size, *, seed: int = 0) -> Picture:
    """Make up a photograph of a lake among hills under an evening sky.

    The scene is drawn in fractions of the picture, so one seed gives one scene at every size.
    The same seed gives the same picture on every run.

    Args:
        size: (height, width), each side at least 1.
        seed: Of clouds, hills, hour and grain.

    Returns:
        A picture in [0, 1] without alpha.
    """
    for name, side in zip(("height", "width"), size, strict=True):
        check_range(name, side, at_least=1)
    return Picture(pixels=_Scene(size, seed).paint()[None].clamp_(0, 1))


def landscape(size: Size = (720, 1080)) -> Picture:
    """The photograph that our pages offer for a first try: evening light, two ridges, still water.

    Args:
        size: (height, width), each side at least 1.
    """
    return synthetic_photo(size, seed=5)


class _Scene:
    """One landscape; every part draws from one generator, in the order of ``paint``."""

    def __init__(self, size: Size, seed: int) -> None:
        self.height, self.width = size
        self.generator = torch.Generator().manual_seed(seed)
        self.down = ((torch.arange(self.height) + 0.5) / self.height)[:, None]  # (H, 1)
        self.across = ((torch.arange(self.width) + 0.5) / self.width)[None]  # (1, W)
        self.aspect = self.width / self.height
        self.warmth = self._draw(0.0, 1.0)  # the hour: 0 is noon, 1 is sunset
        self.horizon = self._draw(0.52, 0.62)
        self.sun = (self._draw(0.2, 0.8), self.horizon - self._draw(0.12, 0.3))

    def _draw(self, least: float, most: float) -> float:
        return least + (most - least) * float(torch.rand((), generator=self.generator))

    def _blend(self, noon: Color, sunset: Color) -> Tensor:
        mixed = [n + (s - n) * self.warmth for n, s in zip(noon, sunset, strict=True)]
        return torch.tensor(mixed).view(3, 1, 1)

    def _noise(self, size: Size, rows: int, columns: int, octaves: int) -> Tensor:
        """1/f noise of mean 0 and deviation about 1, stretched to ``size``.

        It starts with ``rows`` x ``columns`` random values; each octave doubles the grid and adds
        finer ones of 0.55 times the weight. Only the last step has as many values as pixels.
        """
        total = torch.zeros(1, 1, rows, columns)
        weight, power = 1.0, 0.0
        for octave in range(octaves):
            if octave:
                # A ridge is a line: doubling its one row would only average it away later.
                factor = (1.0 if rows == 1 else 2.0, 2.0)
                total = F.interpolate(total, scale_factor=factor, mode="bicubic")
            total += weight * torch.randn(total.shape, generator=self.generator)
            weight, power = weight * 0.55, power + weight**2
        smooth = F.interpolate(total / power**0.5, size, mode="bicubic", antialias=True)
        return smooth[0, 0]

    def _rows(self, least: float, most: float) -> slice:
        """The rows that a part between two fractions of the height may touch; at least one."""
        start = min(max(int(least * self.height), 0), self.height - 1)
        return slice(start, max(start + 1, min(self.height, round(most * self.height) + 1)))

    def paint(self) -> Tensor:
        picture = torch.empty(3, self.height, self.width)
        self._sky(picture)
        haze = self._blend((0.80, 0.88, 0.97), (0.98, 0.76, 0.60))
        for layer in range(4):
            top = self.horizon - 0.20 + 0.05 * layer
            self._hill(picture, haze, top=top, nearness=layer / 3)
        self._lake(picture)
        self._shore(picture)
        grain = torch.randn(1, self.height, self.width, generator=self.generator)
        return picture.add_(grain, alpha=0.01)

    def _sky(self, picture: Tensor) -> None:
        rows = self._rows(0, self.horizon)
        down = self.down[rows]
        size = (down.shape[0], self.width)
        zenith = self._blend((0.20, 0.42, 0.78), (0.20, 0.24, 0.48))
        low = self._blend((0.78, 0.88, 0.97), (0.99, 0.66, 0.42))
        height = (down / self.horizon).clamp(0, 1) ** 1.3  # (h, 1)
        sky = (zenith + (low - zenith) * height).repeat(1, 1, self.width)  # (3, h, W)
        distance = torch.hypot((self.across - self.sun[0]) * self.aspect, down - self.sun[1])
        glow = torch.exp(-distance * 5.0) * 0.55 + torch.sigmoid((0.035 - distance) * 350)
        sky += self._blend((1.0, 0.97, 0.85), (1.0, 0.80, 0.50)) * glow
        # Clouds are soft: a quarter of the resolution is enough, and 16 times quicker.
        coarse = (max(1, size[0] // 4), max(1, size[1] // 4))
        cloud = self._noise(coarse, 4, 4, 7)
        cover = torch.sigmoid((cloud - 0.45) * 3.2) * 0.85
        shade = torch.sigmoid((cloud - 1.2) * 2)
        soft = F.interpolate(torch.stack([cover, shade])[None], size, mode="bilinear")[0]
        lit = self._blend((1.0, 1.0, 1.0), (1.0, 0.80, 0.68))
        dark = self._blend((0.66, 0.70, 0.78), (0.52, 0.40, 0.50))
        sky += soft[0] * (1 - 0.55 * height) * (lit + (dark - lit) * soft[1] - sky)
        picture[:, rows] = sky

    def _hill(self, picture: Tensor, haze: Tensor, *, top: float, nearness: float) -> None:
        ridge = self._noise((1, self.width), 1, 4 + round(3 * nearness), 8)  # (1, W)
        edge = top - ridge * (0.045 - 0.012 * nearness)
        rows = self._rows(float(edge.min()), self.horizon)
        down = self.down[rows]
        relief = self._noise((down.shape[0], self.width), 6, 24 + round(48 * nearness), 5)
        body = self._blend((0.16, 0.34, 0.20), (0.24, 0.20, 0.26))
        color = haze + (body - haze) * (0.25 + 0.65 * nearness)
        depth = (down - edge).clamp(0, 0.3)
        brightness = 1 + relief * (0.04 + 0.12 * nearness) - depth * 0.9 * nearness
        _cover(picture[:, rows], color * brightness, (down - edge) * self.height)

    def _lake(self, picture: Tensor) -> None:
        rows = self._rows(self.horizon, 1.0)
        below = (self.down[rows] - self.horizon).clamp_min(0)  # (h, 1)
        # Waves seen at a slant: long across, short down.
        waves = self._noise((below.shape[0], self.width), 36, 10, 4)
        swing = waves * (0.004 + 0.05 * below)
        mirrored = (self.horizon - below * 0.95 + swing).clamp(0, self.horizon) * self.height
        source = mirrored.long().clamp(0, max(0, rows.start - 1))  # (h, W)
        reflection = picture.gather(1, source[None].expand(3, -1, -1))
        water = self._blend((0.10, 0.26, 0.38), (0.16, 0.16, 0.28))
        clear = (0.85 - 0.9 * below).clamp(0.35, 1)
        lake = picture[:, rows]
        torch.lerp(water, reflection.mul_(0.92), clear, out=lake)
        glint = torch.exp(
            -(((self.across - self.sun[0]) * self.aspect / (0.03 + 0.25 * below)) ** 2)
        )
        sparkle = torch.sigmoid((waves - 0.9) * 4) * glint * 0.7
        lake += self._blend((1.0, 0.98, 0.9), (1.0, 0.78, 0.5)) * sparkle

    def _shore(self, picture: Tensor) -> None:
        """A dark bank of grass in front, which gives the picture something near."""
        rise = self._noise((1, self.width), 1, 3, 5)
        blades = self._noise((1, self.width), 1, 220, 3)
        edge = 0.90 - 0.03 * rise - 0.008 * blades.abs()
        rows = self._rows(float(edge.min()), 1.0)
        size = (self.height - rows.start, self.width)
        grass = self._noise(size, 12, 260, 3)
        flowers = torch.sigmoid((self._noise(size, 18, 180, 1) - 2.2) * 14)
        color = self._blend((0.22, 0.34, 0.10), (0.20, 0.17, 0.12))
        bloom = self._blend((0.95, 0.86, 0.35), (0.86, 0.45, 0.36))
        ground = torch.lerp(color * (1 + 0.35 * grass), bloom.expand(3, *size), flowers)
        _cover(picture[:, rows], ground, (self.down[rows] - edge) * self.height)


def _cover(picture: Tensor, paint: Tensor, depth: Tensor) -> None:
    """Lay ``paint`` on where ``depth`` (pixels below an edge) is positive, half a pixel soft."""
    picture += (depth + 0.5).clamp(0, 1) * (paint - picture)
