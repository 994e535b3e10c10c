"""How pictures for translation are cut: resized a little too large, a square out of that, mirrored.

Both papers: 286 pixels, and a crop of 256. Reading order: JitterConfig, draw_cut, Cut.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from impasto.checks import check_range
from impasto.errors import InputError


@dataclass(frozen=True, kw_only=True)
class JitterConfig:
    """How a picture becomes a training crop; both halves of a pair are cut alike."""

    load: int | None = 286
    """Side in pixels to which pictures are resized first; null cuts out of pictures as they are,
    which is how networks for large pictures are trained."""

    crop: int = 256
    """Side of the square that is cut out of that, in pixels."""

    flip: bool = True
    """Mirror half of the crops; off for scenes with a right and a left."""

    squeeze: bool = True
    """Make the whole picture square first, whatever its proportions (the papers' way); off, its
    short side becomes ``load`` and its proportions stay."""

    random: bool = True
    """Cut anywhere and mirror by chance; off, the middle is cut and never mirrored."""

    def __post_init__(self) -> None:
        check_range("crop", self.crop, at_least=8)
        if self.load is not None:
            check_range("load", self.load, at_least=self.crop)


@dataclass(frozen=True)
class Cut:
    """A window, in fractions of the picture, and whether it is mirrored."""

    left: float
    top: float
    right: float
    bottom: float
    flip: bool

    def __call__(self, image: Image.Image, side: int) -> Tensor:
        """The window at ``side`` pixels: (3, side, side), uint8."""
        width, height = image.size
        box = (self.left * width, self.top * height, self.right * width, self.bottom * height)
        patch = image.resize((side, side), Image.Resampling.BICUBIC, box=box)
        if self.flip:
            patch = patch.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return torch.from_numpy(np.array(patch)).permute(2, 0, 1)


def draw_cut(size: tuple[int, int], jitter: JitterConfig, random: np.random.Generator) -> Cut:
    """Where to cut a picture of ``size``, (width, height) as Pillow has it."""
    loaded = _loaded(size, jitter)
    room = [side - jitter.crop for side in loaded]
    left, top = (int(random.integers(r + 1)) if jitter.random else r // 2 for r in room)
    flip = jitter.random and jitter.flip and bool(random.random() < 0.5)
    wide, high = loaded
    return Cut(
        left / wide, top / high, (left + jitter.crop) / wide, (top + jitter.crop) / high, flip
    )


def _loaded(size: tuple[int, int], jitter: JitterConfig) -> tuple[int, int]:
    """(width, height) of the picture out of which is cut."""
    if jitter.load is not None and jitter.squeeze:
        return jitter.load, jitter.load
    short = min(size) if jitter.load is None else jitter.load
    factor = max(short, jitter.crop) / min(size)  # a picture smaller than the crop is enlarged
    wide, high = (max(jitter.crop, round(side * factor)) for side in size)
    return wide, high


def check_crop(jitter: JitterConfig, multiple: int, smallest: int) -> None:
    """Refuse crops that do not fit the networks.

    Args:
        jitter: How pictures are cut.
        multiple: What the side must divide by.
        smallest: Pixels that the discriminator needs.

    Raises:
        InputError: Another side; the nearest that fits is named.
    """
    if jitter.crop % multiple or jitter.crop < smallest:
        wanted = max(-(-smallest // multiple), max(1, jitter.crop // multiple)) * multiple
        raise InputError(
            f"crops must be multiples of {multiple} and at least {smallest} pixels for these "
            f"networks; got {jitter.crop}: give --data.jitter.crop {wanted}, or a smaller "
            "--model.network.depth or --model.discriminator.layers."
        )
