"""Facades of houses that never stood, and the plans they are drawn from: pairs to learn from.

A plan says with flat colours where wall, windows, doors, balconies, roof and sky are; the rendered
facade has bricks, glass, wood, railings, light and shadow in the same places. Both are arithmetic
with a seed, so that anyone can train a translation without fetching anything.

Reading order: LABELS, facade_pair, _Plan (where things are), _Render (how they look).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.checks import check_range
from impasto.images.io import Picture
from impasto.images.resize import Size

Pixels = NDArray[np.float32]
Color = tuple[float, float, float]

LABELS: dict[str, Color] = {
    "sky": (0.10, 0.20, 0.60),
    "roof": (0.55, 0.10, 0.10),
    "brick": (0.85, 0.45, 0.10),
    "plaster": (0.95, 0.90, 0.20),
    "stone": (0.55, 0.55, 0.55),
    "cornice": (0.20, 0.85, 0.85),
    "window": (0.10, 0.45, 0.95),
    "balcony": (0.60, 0.15, 0.75),
    "door": (0.15, 0.60, 0.20),
    "ground": (0.25, 0.25, 0.25),
}
"""What each colour of a plan stands for; three kinds of wall, so that a plan says what to paint."""

_FINE = 256
"""Pixels of the short side at which small pictures are drawn before they are reduced."""


class FacadePair(NamedTuple):
    """A plan and its facade, of one size."""

    labels: Picture
    facade: Picture


class _Box(NamedTuple):
    """A rectangle in fractions of the picture; y grows downwards."""

    top: float
    left: float
    bottom: float
    right: float

    def inside(self, top: float, left: float, bottom: float, right: float) -> "_Box":
        """A part of it, in fractions of its own."""
        height, width = self.bottom - self.top, self.right - self.left
        return _Box(
            self.top + top * height,
            self.left + left * width,
            self.top + bottom * height,
            self.left + right * width,
        )


def facade_pair(size: Size = (128, 128), *, seed: int = 0) -> FacadePair:
    """Draw one plan and its facade.

    The house is drawn in fractions of the picture, so one seed gives one house at every size. The
    same seed gives the same pictures on every run.

    Args:
        size: (height, width), each side at least 16.
        seed: Of the house: storeys, windows, material, ornament, grain.

    Returns:
        Two pictures in [0, 1] without alpha.

    Raises:
        InputError: A side below 16.
    """
    for name, side in zip(("height", "width"), size, strict=True):
        check_range(name, side, at_least=16)
    plan = _Plan.draw(np.random.default_rng(seed))
    factor = max(1, round(_FINE / min(size)))
    fine = size[0] * factor, size[1] * factor
    labels = np.zeros((*fine, 3), np.float32)
    for name, box in plan.parts():
        labels[_window(box, fine)] = LABELS[name]
    rendered = _Render(plan, fine, np.random.default_rng((seed, 1))).paint()
    reduced = rendered.reshape(size[0], factor, size[1], factor, 3).mean((1, 3))
    # Of a plan every pixel keeps one of its colours: no mixtures at the edges.
    return FacadePair(
        _picture(labels[factor // 2 :: factor, factor // 2 :: factor]), _picture(reduced)
    )


def _picture(pixels: Pixels) -> Picture:
    # Levels of 8 bits, so that a pair is the same in memory as in a file.
    levels = np.rint(pixels.clip(0, 1) * 255).astype(np.float32) / 255
    return Picture(pixels=torch.from_numpy(levels).permute(2, 0, 1)[None].contiguous())


def _window(box: _Box, size: Size) -> tuple[slice, slice]:
    height, width = size
    rows = slice(round(box.top * height), max(round(box.bottom * height), 1))
    return rows, slice(round(box.left * width), max(round(box.right * width), 1))


@dataclass(frozen=True)
class _Plan:
    """Where everything is."""

    material: str
    house: _Box
    roof: _Box
    windows: tuple[_Box, ...]
    balconies: tuple[_Box, ...]
    cornices: tuple[_Box, ...]
    door: _Box

    @staticmethod
    def draw(random: np.random.Generator) -> "_Plan":
        """A house from random numbers."""
        storeys, columns = int(random.integers(2, 5)), int(random.integers(2, 6))
        left, top = random.uniform(0.02, 0.12), random.uniform(0.16, 0.28)
        house = _Box(top, left, 0.93, 1 - random.uniform(0.02, 0.12))
        roof = _Box(top - random.uniform(0.06, 0.12), left - 0.02, top, house.right + 0.02)
        high, wide = random.uniform(0.5, 0.68), random.uniform(0.42, 0.62)
        entrance = int(random.integers(columns))
        windows, balconies, cornices = [], [], [house.inside(0, -0.01, 0.03, 1.01)]
        for storey in range(storeys):
            floor = house.inside(
                0.04 + 0.96 * storey / storeys, 0, 0.04 + 0.96 * (storey + 1) / storeys, 1
            )
            with_balconies = storey < storeys - 1 and random.random() < 0.4
            if storey == storeys - 1:
                cornices.append(floor.inside(-0.04, 0, 0.04, 1))
            for column in range(columns):
                bay = floor.inside(0, column / columns, 1, (column + 1) / columns)
                if storey == storeys - 1 and column == entrance:
                    door = bay.inside(0.22, 0.5 - wide / 2, 1, 0.5 + wide / 2)
                    continue
                low = 0.16 + high
                windows.append(bay.inside(0.16, 0.5 - wide / 2, low, 0.5 + wide / 2))
                if with_balconies:
                    rail = bay.inside(low - 0.2, 0.42 - wide / 2, low + 0.1, 0.58 + wide / 2)
                    balconies.append(rail)
        material = ("brick", "plaster", "stone")[int(random.integers(3))]
        return _Plan(material, house, roof, tuple(windows), tuple(balconies), tuple(cornices), door)

    def parts(self) -> list[tuple[str, _Box]]:
        """All parts with their names, later ones in front."""
        whole = _Box(0, 0, 1, 1)
        return [
            ("sky", whole),
            ("ground", _Box(0.93, 0, 1, 1)),
            (self.material, self.house),
            ("roof", self.roof),
            *(("cornice", box) for box in self.cornices),
            *(("window", box) for box in self.windows),
            ("door", self.door),
            *(("balcony", box) for box in self.balconies),
        ]


class _Render:
    """Paints a plan; light comes from the upper left."""

    def __init__(self, plan: _Plan, size: Size, random: np.random.Generator) -> None:
        self.plan, self.size, self.random = plan, size, random
        self.canvas = np.zeros((*size, 3), np.float32)

    def paint(self) -> Pixels:
        """(H, W, 3), nominally in [0, 1]."""
        painters = {
            "sky": self._sky, "ground": self._ground, "roof": self._roof, "brick": self._brick,
            "plaster": self._plaster, "stone": self._stone, "cornice": self._cornice,
            "window": self._glass, "door": self._wood, "balcony": self._railing,
        }  # fmt: skip
        for name, box in self.plan.parts():
            painters[name](box)
        across = np.linspace(1.06, 0.92, self.size[1], dtype=np.float32)[None, :, None]
        grain = self.random.normal(0, 0.012, (*self.size, 1)).astype(np.float32)
        return self.canvas * across + grain

    def _fill(self, box: _Box, color: Color | Pixels) -> None:
        self.canvas[_window(box, self.size)] = color

    def _shade(self, box: _Box, factor: float) -> None:
        self.canvas[_window(box, self.size)] *= factor

    def _grid(self, box: _Box) -> tuple[Pixels, Pixels]:
        """Down and across of each pixel of a box, in fractions of the picture's height."""
        rows, columns = _window(box, self.size)
        height = self.size[0]
        y = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None] / height
        x = np.arange(columns.start, columns.stop, dtype=np.float32)[None, :] / height
        return np.broadcast_arrays(y, x)  # type: ignore[return-value]

    def _courses(
        self, box: _Box, high: float, wide: float, color: Color, joint: Color, spread: float
    ) -> None:
        """A wall of blocks in rows that are shifted by half a block."""
        y, x = self._grid(box)
        row = np.floor(y / high).astype(int)
        along = x / wide + 0.5 * (row % 2)
        column = np.floor(along).astype(int)
        tones = self.random.normal(1, spread, (row.max() + 1, column.max() + 1))
        stone = np.array(color, np.float32) * tones[row, column][..., None].astype(np.float32)
        edge = (y / high - row < 0.14) | (along - column < 0.14 * high / wide)
        self._fill(box, np.where(edge[..., None], np.array(joint, np.float32), stone))

    def _sky(self, box: _Box) -> None:
        y, _ = self._grid(box)
        top, low = np.array((0.35, 0.58, 0.92)), np.array((0.82, 0.90, 0.97))
        self._fill(box, (top + (low - top) * (y[..., None] / 0.5).clip(0, 1)).astype(np.float32))

    def _ground(self, box: _Box) -> None:
        self._courses(box, 0.035, 0.06, (0.50, 0.48, 0.46), (0.36, 0.35, 0.34), 0.05)

    def _roof(self, box: _Box) -> None:
        self._courses(box, 0.022, 0.03, (0.36, 0.22, 0.20), (0.20, 0.12, 0.11), 0.10)

    def _brick(self, box: _Box) -> None:
        self._courses(box, 0.024, 0.055, (0.66, 0.30, 0.22), (0.80, 0.74, 0.68), 0.09)

    def _stone(self, box: _Box) -> None:
        self._courses(box, 0.06, 0.11, (0.68, 0.66, 0.60), (0.48, 0.46, 0.42), 0.05)

    def _plaster(self, box: _Box) -> None:
        y, x = self._grid(box)
        stains = 0.03 * np.sin(23 * x + 3 * np.sin(9 * y)) + 0.02 * np.sin(41 * y + 2)
        self._fill(box, np.array((0.90, 0.80, 0.56), np.float32) * (1 + stains)[..., None])

    def _cornice(self, box: _Box) -> None:
        self._fill(box, (0.93, 0.91, 0.86))
        self._fill(box.inside(0.6, 0, 1, 1), (0.70, 0.68, 0.64))
        self._shade(box.inside(1, 0, 1.7, 1), 0.68)

    def _glass(self, box: _Box) -> None:
        self._shade(box.inside(0, 1, 1.06, 1.12), 0.75)
        self._fill(box, (0.95, 0.94, 0.90))  # the frame
        self._fill(box.inside(0.96, -0.1, 1.06, 1.1), (0.84, 0.82, 0.78))  # the sill
        panes = [(0.06, 0.35), (0.40, 0.92)]
        for top, bottom in panes:
            for left, right in ((0.10, 0.46), (0.54, 0.90)):
                pane = box.inside(top, left, bottom, right)
                y, x = self._grid(pane)
                shine = (0.5 + 0.5 * np.sin(30 * (x + y)))[..., None]
                dark, light = np.array((0.10, 0.14, 0.20)), np.array((0.38, 0.50, 0.62))
                self._fill(pane, (dark + (light - dark) * shine * 0.7).astype(np.float32))
                self._shade(pane.inside(0, 0, 0.2, 1), 0.6)

    def _wood(self, box: _Box) -> None:
        self._fill(box.inside(-0.06, -0.12, 1, 1.12), (0.88, 0.85, 0.78))
        y, x = self._grid(box)
        planks = 1 + 0.12 * np.sin(160 * x) + 0.04 * np.sin(60 * y + 20 * x)
        self._fill(box, np.array((0.36, 0.20, 0.10), np.float32) * planks[..., None])
        for top, bottom in ((0.08, 0.42), (0.50, 0.92)):
            for left, right in ((0.10, 0.45), (0.55, 0.90)):
                self._shade(box.inside(top, left, bottom, right), 0.72)
        self._fill(box.inside(0.50, 0.47, 0.55, 0.53), (0.90, 0.75, 0.30))
        self._shade(box.inside(0, 0, 0.05, 1), 0.5)

    def _railing(self, box: _Box) -> None:
        self._shade(box.inside(1, 0.03, 1.5, 1.05), 0.66)
        _, x = self._grid(box)
        bars = (np.mod(x / 0.016, 1) < 0.4)[..., None]
        behind = self.canvas[_window(box, self.size)]
        self._fill(box, np.where(bars, np.float32(0.08), behind * np.float32(0.85)))
        self._fill(box.inside(0, -0.02, 0.12, 1.02), (0.14, 0.14, 0.16))
        self._fill(box.inside(0.78, -0.03, 1, 1.03), (0.78, 0.76, 0.72))
