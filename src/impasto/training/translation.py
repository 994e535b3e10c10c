"""Pictures for translation: pairs that belong together, or two heaps of them.

As everywhere in training, what is drawn is a function of the seed and a number alone. Within a pass
over a folder no picture comes twice.

How they are cut stands in ``jitter.py``. Reading order: PairFolder (what a pair is), PairedStream,
UnpairedStream.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from impasto.training.combine import SHOWN, named, partners, proportions_differ
from impasto.training.data import NumberedStream, PictureFolder, too_many_broken
from impasto.training.jitter import JitterConfig, draw_cut

_log = logging.getLogger(__name__)

_WHOLE = 1 << 30
"""A short side that no picture has: nothing is reduced."""


class PairFolder:
    """Pairs of pictures: both halves in one file, or two folders with the same names in them.

    Names are compared without their endings, folders inside included. A name that only one folder
    has is left out and listed in ``missing``; a pair whose halves differ in proportions, or a file
    that cannot be halved, is skipped and listed in ``broken``.

    Args:
        a: Folder of pictures with A at the left and B at the right, or of A alone.
        b: Folder of B; None for pictures that hold both.
        load: Pixels of the short side that are kept in memory; None keeps all.
        keep: Bytes that may be kept; beyond them pairs are decoded whenever they are drawn.

    Raises:
        InputError: No such folder, no picture in it, or no name that both folders have.
    """

    def __init__(
        self,
        a: str | Path,
        b: str | Path | None = None,
        *,
        load: int | None = 286,
        keep: int = 4_000_000_000,
    ) -> None:
        # Nothing is kept there: what is kept here is smaller.
        self.folders = [PictureFolder(f, short_side=_WHOLE, keep=0) for f in (a, b) if f]
        self.load, self.room = load, keep
        self.missing: tuple[str, ...] = ()
        self._halves: dict[int, tuple[Image.Image, Image.Image]] = {}
        self.numbers = [(i, i) for i in range(len(self.folders[0]))]
        if b is not None:
            self._match()

    def _match(self) -> None:
        first, second = self.folders
        found, self.missing = partners(
            *((folder.folder, folder.paths) for folder in (first, second))
        )
        places = [{path: i for i, path in enumerate(f.paths)} for f in (first, second)]
        self.numbers = [(places[0][x], places[1][y]) for x, y in found]
        if self.missing:
            _log.warning(
                "%d pictures have no partner of the same name and are left out: %s.",
                len(self.missing),
                named(self.missing, SHOWN),
            )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def broken(self) -> dict[Path, str]:
        """Files that cannot be used, and why."""
        return {path: why for folder in self.folders for path, why in folder.broken.items()}

    def pair(self, index: int) -> tuple[Image.Image, Image.Image] | None:
        """A and B, as 8-bit RGB of one size; None for a pair that cannot be used."""
        if index in self._halves:
            return self._halves[index]
        halves = self._read(index)
        if halves is not None and self.room > 0:
            self.room -= 6 * halves[0].width * halves[0].height
            self._halves[index] = halves
        return halves

    def _read(self, index: int) -> tuple[Image.Image, Image.Image] | None:
        first, second = self.numbers[index]
        whole = self.folders[0].picture(first)
        if whole is None:
            return None
        if len(self.folders) == 1:
            path = self.folders[0].paths[first]
            if whole.width % 2:
                self._give_up(path, f"cannot be halved, being {whole.width} pixels wide")
                return None
            middle = whole.width // 2
            picture_a = whole.crop((0, 0, middle, whole.height))
            picture_b = whole.crop((middle, 0, whole.width, whole.height))
        else:
            other = self.folders[1].picture(second)
            if other is None:
                return None
            if proportions_differ(whole.size, other.size):
                sizes = " and ".join(f"{w}x{h}" for w, h in (whole.size, other.size))
                reason = f"differs from its partner in proportions ({sizes})"
                self._give_up(self.folders[0].paths[first], reason)
                return None
            picture_a, picture_b = whole, other
        size = self._kept(picture_a.size)
        return self._fitted(picture_a, size), self._fitted(picture_b, size)

    def _give_up(self, path: Path, reason: str) -> None:
        if path not in self.folders[0].broken:
            self.folders[0].broken[path] = reason
            _log.warning("%s is skipped: it %s", path, reason)

    def _kept(self, size: tuple[int, int]) -> tuple[int, int]:
        factor = 1.0 if self.load is None else min(1.0, self.load / min(size))
        return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))

    def _fitted(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)


class PairedStream(NumberedStream):
    """An endless draw of pairs, each pass over the folder in a new order.

    Args:
        pairs: Where from.
        jitter: How they are cut.
        swap: Give B as ``a`` and A as ``b``: translation in the other direction.
        seed: Another sequence.
        batch, start, shard, length: See ``NumberedStream``.

    Yields:
        ``a`` and ``b``, (B, 3, crop, crop), uint8.
    """

    def __init__(
        self,
        pairs: PairFolder,
        jitter: JitterConfig,
        *,
        swap: bool = False,
        seed: int = 0,
        batch: int = 1,
        start: int = 0,
        shard: tuple[int, int] = (0, 1),
        length: int | None = None,
    ) -> None:
        super().__init__(batch=batch, start=start, shard=shard, length=length)
        self.pairs, self.jitter, self.swap, self.seed = pairs, jitter, swap, seed

    def folders(self) -> tuple[PictureFolder, ...]:
        """Of the pairs."""
        return tuple(self.pairs.folders)

    def draw(self, number: int) -> dict[str, Tensor]:
        """The pair of that number, the same at every call.

        Raises:
            InputError: A hundred pairs in a row could not be used.
        """
        random = np.random.default_rng((self.seed, 1 << 45, number))
        which = shuffled(number, len(self.pairs), (self.seed, 1 << 46))
        for _ in range(100):
            pair = self.pairs.pair(which)
            if pair is not None:
                cut = draw_cut(pair[0].size, self.jitter, random)
                halves = [cut(half, self.jitter.crop) for half in pair]
                picture_a, picture_b = reversed(halves) if self.swap else halves
                return {"a": picture_a, "b": picture_b}
            which = int(random.integers(len(self.pairs)))
        raise too_many_broken(*self.pairs.folders)


class UnpairedStream(NumberedStream):
    """An endless draw from two folders, independently of one another.

    Args:
        a, b: Folders.
        jitter: How pictures are cut.
        seed: Another sequence.
        batch, start, shard, length: See ``NumberedStream``.

    Yields:
        ``a`` and ``b``, (B, 3, crop, crop), uint8.
    """

    def __init__(
        self,
        a: PictureFolder,
        b: PictureFolder,
        jitter: JitterConfig,
        *,
        seed: int = 0,
        batch: int = 1,
        start: int = 0,
        shard: tuple[int, int] = (0, 1),
        length: int | None = None,
    ) -> None:
        super().__init__(batch=batch, start=start, shard=shard, length=length)
        self.a, self.b, self.jitter, self.seed = a, b, jitter, seed

    def folders(self) -> tuple[PictureFolder, ...]:
        """Both."""
        return self.a, self.b

    def draw(self, number: int) -> dict[str, Tensor]:
        """The two pictures of that number, the same at every call.

        Raises:
            InputError: A hundred files in a row could not be read.
        """
        return {name: self._one(folder, side, number) for side, (name, folder) in enumerate(
            (("a", self.a), ("b", self.b))
        )}  # fmt: skip

    def _one(self, folder: PictureFolder, side: int, number: int) -> Tensor:
        random = np.random.default_rng((self.seed, (1 << 47) + side, number))
        which = shuffled(number, len(folder), (self.seed, (1 << 48) + side))
        for _ in range(100):
            picture = folder.picture(which)
            if picture is not None:
                return draw_cut(picture.size, self.jitter, random)(picture, self.jitter.crop)
            which = int(random.integers(len(folder)))
        raise too_many_broken(folder)


def shuffled(number: int, count: int, key: Sequence[int]) -> int:
    """Which of ``count`` things draw ``number`` takes: each once a pass, in a new order each pass.

    Args:
        number: Of the draw, from 0.
        count: Of the things.
        key: Another order.
    """
    turn, place = divmod(number, count)
    return int(np.random.default_rng((*key, turn)).permutation(count)[place])


def heap(folder: str | Path, jitter: JitterConfig) -> PictureFolder:
    """A folder for one side of an unpaired draw; one that holds a single picture is warned of.

    Raises:
        InputError: No such folder, or no picture in it.
    """
    found = PictureFolder(folder, short_side=jitter.load or _WHOLE)
    check_heap(str(folder), len(found))
    return found


def check_heap(folder: str, pictures: int) -> None:
    """Warn of a heap from which nothing can be learned but one picture."""
    if pictures == 1:
        _log.warning(
            "%s holds one picture: the network will learn that picture by heart, not what "
            "such pictures have in common; give some hundred.",
            folder,
        )
