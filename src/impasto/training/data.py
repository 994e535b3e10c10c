"""Pictures for training: folders, crops, and draws of content with style.

A draw is a pure function of the seed and its number, so a stream can start anywhere: that is
what makes resuming exact and workers different without any state to save.
"""

import copy
import itertools
import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from impasto.checks import check_range
from impasto.errors import ImageError, InputError
from impasto.images.decode import DAMAGE
from impasto.images.formats import READABLE
from impasto.images.io import read_picture
from impasto.training.scan import SUFFIXES
from impasto.training.variety import Variety

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CropConfig:
    """How a picture becomes a training crop."""

    size: int = 256
    """Side of the square crop in pixels."""

    scale_min: float = 0.6
    """Smallest side of the window that is cut out, as a fraction of the picture's short side."""

    scale_max: float = 1.0
    """Largest side of the window, as the same fraction."""

    flip: bool = True
    """Mirror half of the crops."""

    short_side: int | None = None
    """Reduce the picture so that its short side has so many pixels and cut the crop out of that
    (AdaIN: 512, and crops of 256); replaces scale_min and scale_max."""

    random: bool = True
    """Cut anywhere and mirror by chance; off, the centre is cut and never mirrored."""

    squeeze: bool = False
    """Take the whole picture and make it square, whatever its proportions."""

    def __post_init__(self) -> None:
        check_range("size", self.size, at_least=16)
        if self.short_side is not None:
            check_range("short_side", self.short_side, at_least=self.size)
        check_range("scale_min", self.scale_min, above=0.0, at_most=self.scale_max)
        check_range("scale_max", self.scale_max, above=0.0, at_most=1.0)


class PictureFolder:
    """All pictures below a folder, upright and in sRGB, their short side reduced.

    Kept in memory as bytes (a picture of 288x400 takes 0.35 MB), so that each is decoded once.
    Files that cannot be read are skipped and listed in ``broken``.

    Args:
        folder: Searched with all its subfolders.
        short_side: Pictures with a longer short side are reduced to this many pixels.
        keep: Bytes that may be kept; beyond them pictures are decoded whenever they are drawn.

    Raises:
        InputError: No such folder, or no picture in it.
    """

    def __init__(
        self, folder: str | Path, *, short_side: int = 320, keep: int = 4_000_000_000
    ) -> None:
        check_range("short_side", short_side, at_least=1)
        self.folder, self.short_side, self.room = Path(folder), short_side, keep
        if not self.folder.is_dir():
            raise InputError(f"there is no folder {self.folder}; give one that holds pictures.")
        self.paths = sorted(p for p in self.folder.rglob("*") if p.suffix.lower() in SUFFIXES)
        if not self.paths:
            raise InputError(f"{self.folder} holds no pictures ({', '.join(sorted(SUFFIXES))}).")
        self.broken: dict[Path, str] = {}
        self._pixels: dict[int, Image.Image] = {}

    def __len__(self) -> int:
        return len(self.paths)

    def split(self, part: float, seed: int) -> tuple["PictureFolder", "PictureFolder"]:
        """Two folders of the same pictures: to learn from, and a part to be held back.

        Args:
            part: Of the pictures, above 0 and below 1; one is held back at least.
            seed: Another choice.

        Raises:
            InputError: Nothing would be left to learn from.
        """
        check_range("part", part, above=0.0, at_most=1.0)
        count = max(1, round(part * len(self)))
        if count >= len(self):
            raise InputError(
                f"{self.folder} holds {len(self)} pictures, of which {count} would be held back to "
                "validate with; give more, or other ones with --data.valid_content and "
                "--data.valid_style."
            )
        order = np.random.default_rng((seed, 1 << 44)).permutation(len(self))
        return self._only(order[count:]), self._only(order[:count])

    def _only(self, which: NDArray[np.int64]) -> "PictureFolder":
        part = copy.copy(self)
        part.paths = [self.paths[i] for i in sorted(which)]
        part.broken, part._pixels = {}, {}
        return part

    def passed_over(self) -> str:
        """What below the folder is no picture by its name or holds none; empty if all is well."""
        files = [p for p in self.folder.rglob("*") if p.is_file()]
        others = [p for p in files if p.suffix.lower() not in SUFFIXES]
        bare = [p for p in self.folder.rglob("*") if p.is_dir() and not any(p.iterdir())]
        named = [*others[:3], *bare[:3]]
        if not named:
            return ""
        return (
            f"{self.folder}: passed over {len(others)} files that are no pictures by their name "
            f"and {len(bare)} empty folders ({', '.join(str(p) for p in named)}"
            f"{', ...' if len(others) + len(bare) > len(named) else ''})."
        )

    def picture(self, index: int) -> Image.Image | None:
        """The picture as 8-bit RGB, or None for a file that cannot be read."""
        path = self.paths[index]
        if path in self.broken:
            return None
        if index in self._pixels:
            return self._pixels[index]
        try:
            image = self._read(path)
        except (*DAMAGE, ImageError, Image.DecompressionBombError) as error:
            self.broken[path] = str(error)
            # The list of a worker process stays there; the log reaches the terminal.
            _log.warning("%s is skipped: %s", path, error)
            return None
        if self.room > 0:
            self.room -= 3 * image.width * image.height
            self._pixels[index] = image
        return image

    def _read(self, path: Path) -> Image.Image:
        with warnings.catch_warnings():
            # Of large pictures, not yet of the impossible ones; a JPEG is unpacked reduced.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path, formats=tuple(READABLE)) as image:  # none that runs programs
                image.draft("RGB", (2 * self.short_side, 2 * self.short_side))
                rgb = read_picture(image).to_pil().convert("RGB")
        factor = self.short_side / min(rgb.size)
        if factor < 1:
            size = (max(1, round(rgb.width * factor)), max(1, round(rgb.height * factor)))
            rgb = rgb.resize(size, Image.Resampling.LANCZOS)
        return rgb


def crop(
    image: Image.Image,
    config: CropConfig,
    random: np.random.Generator,
    variety: Variety | None = None,
) -> Tensor:
    """A square window, resized and then changed by ``variety``: (3, size, size), uint8."""
    box, flip = _window(image, config, random)
    patch = image.resize((config.size, config.size), Image.Resampling.BICUBIC, box=box)
    if flip:
        patch = patch.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if variety:
        patch = variety(patch, random)
    return torch.from_numpy(np.array(patch)).permute(2, 0, 1)


def _window(
    image: Image.Image, config: CropConfig, random: np.random.Generator
) -> tuple[tuple[int, int, int, int], bool]:
    """(left, top, right, bottom) in pixels of the picture, and whether to mirror it."""
    if config.squeeze:
        return (0, 0, *image.size), config.random and config.flip and random.random() < 0.5
    scale = config.scale_max
    if config.short_side is not None:
        scale = config.size / config.short_side
    elif config.random:
        scale = random.uniform(config.scale_min, config.scale_max)
    side = max(1, round(scale * min(image.size)))
    left, top = (image.width - side) // 2, (image.height - side) // 2
    if config.random:
        left = int(random.integers(image.width - side + 1))
        top = int(random.integers(image.height - side + 1))
    flip = config.random and config.flip and random.random() < 0.5
    return (left, top, left + side, top + side), flip


class NumberedStream(IterableDataset[dict[str, Any]], ABC):
    """Batches by number: each is a function of the seed and its number alone.

    Batch number n is the same whatever the number of workers: each worker makes every k-th. Of
    several processes that train together each draws its own batches.

    Args:
        batch: Items per batch.
        start: Number of the first batch (where a resumed run goes on).
        shard: (which, of how many) processes that train together.
        length: Batches until the end, the workers' shares together; None never ends.

    Yields:
        Items stacked, by name. After a file that could not be read the batch has ``skipped``, too:
        the reason by path, once for each file.
    """

    def __init__(
        self, *, batch: int, start: int, shard: tuple[int, int], length: int | None
    ) -> None:
        check_range("batch", batch, at_least=1)
        check_range("length", 1 if length is None else length, at_least=0)
        self.batch, self.start, self.shard, self.length = batch, start, shard, length

    @abstractmethod
    def draw(self, number: int) -> dict[str, Tensor]:
        """The item of that number, the same at every call."""

    @abstractmethod
    def folders(self) -> tuple[PictureFolder, ...]:
        """Where pictures are drawn from."""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        told: set[Path] = set()
        worker = get_worker_info()
        first, stride = (worker.id, worker.num_workers) if worker else (0, 1)
        rank, world = self.shard
        for step in itertools.count(self.start + first, stride):
            if self.length is not None and step >= self.start + self.length:
                return
            number = step * world + rank
            items = [self.draw(number * self.batch + i) for i in range(self.batch)]
            batch: dict[str, Any] = {n: torch.stack([item[n] for item in items]) for n in items[0]}
            broken = {p: why for folder in self.folders() for p, why in folder.broken.items()}
            if news := broken.keys() - told:
                told |= news
                batch["skipped"] = {str(path): broken[path] for path in sorted(news)}
            yield batch


class ContentStyleStream(NumberedStream):
    """An endless draw of batches of (content, style) from the product of two folders.

    Args:
        content, style: Folders.
        content_crop, style_crop: How crops are cut.
        variety: How styles are changed after they are cut.
        photos: Part of the styles that are drawn from the content folder, changed alike.
        batch: Pairs per batch.
        variants: Distinct crops per style picture, so that what a judge thinks of one can be
            remembered; 0 draws a fresh crop every time.
        seed: Another sequence.
        start, shard, length: See ``NumberedStream``.

    Yields:
        ``content`` and ``style`` (B, 3, size, size) uint8 and ``key`` (B,), the numbers of the
        style crops (-1 where crops are fresh).
    """

    def __init__(
        self,
        content: PictureFolder,
        style: PictureFolder,
        *,
        content_crop: CropConfig,
        style_crop: CropConfig,
        variety: Variety | None = None,
        photos: float = 0.0,
        batch: int = 4,
        variants: int = 2,
        seed: int = 0,
        start: int = 0,
        shard: tuple[int, int] = (0, 1),
        length: int | None = None,
    ) -> None:
        super().__init__(batch=batch, start=start, shard=shard, length=length)
        check_range("variants", variants, at_least=0)
        check_range("photos", photos, at_least=0.0, at_most=1.0)
        self.variety, self.photos = variety, photos
        self.content, self.style = content, style
        self.content_crop, self.style_crop = content_crop, style_crop
        self.variants, self.seed = variants, seed

    def folders(self) -> tuple[PictureFolder, ...]:
        """Photographs and paintings."""
        return self.content, self.style

    def draw(self, number: int) -> dict[str, Tensor]:
        """The pair of that number, the same at every call.

        Raises:
            InputError: A hundred files in a row could not be read.
        """
        random = np.random.default_rng((self.seed, number))
        for _ in range(100):
            content = self.content.picture(int(random.integers(len(self.content))))
            # Numbers beyond the paintings' are photographs.
            photo = self.photos > 0 and random.random() < self.photos
            source, offset = (self.content, len(self.style)) if photo else (self.style, 0)
            index = int(random.integers(len(source)))
            style = source.picture(index)
            if content is None or style is None:
                continue
            key, style_random = -1, random
            if self.variants:
                key = (offset + index) * self.variants + int(random.integers(self.variants))
                style_random = np.random.default_rng((self.seed, 1 << 40, key))
            return {
                "content": crop(content, self.content_crop, random),
                "style": crop(style, self.style_crop, style_random, self.variety),
                "key": torch.tensor(key),
            }
        raise too_many_broken(self.content, self.style)


def too_many_broken(*folders: PictureFolder) -> InputError:
    """The one sentence for folders whose files cannot be read."""
    names = " and ".join(str(folder.folder) for folder in folders)
    return InputError(
        f"a hundred files in a row could not be read in {names}; replace the damaged ones, which "
        "impasto data scan names."
    )


def to_pictures(batch: Tensor) -> Tensor:
    """uint8 (B, 3, H, W) to float32 in [0, 1], channels last."""
    return batch.to(torch.float32).div_(255).contiguous(memory_format=torch.channels_last)
