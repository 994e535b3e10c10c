"""Pictures for other ways to train: a fixed set of pairs, triples with padding, content alone.

Reading order: Triple, ContentStylePairs, PairsStream, ContentOnlyStream, unpad.
"""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from impasto.checks import check_range
from impasto.errors import InputError
from impasto.training.data import (
    CropConfig,
    NumberedStream,
    PictureFolder,
    crop,
    too_many_broken,
)


class Triple(NamedTuple):
    """What a network for style transfer is trained on; batches of it are triples, too.

    All are uint8, (3, H, W), or (B, 3, H, W) in a batch; H = W = crop size + 2 * padding.
    """

    input: Tensor
    """What will be painted over: a copy of the content, from which learning starts sooner than
    from noise."""
    content: Tensor
    style: Tensor

    def __repr__(self) -> str:
        return f"Triple({', '.join(f'{n}: {_form(t)}' for n, t in self._asdict().items())})"


def _form(tensor: Tensor) -> str:
    kind = str(tensor.dtype).removeprefix("torch.")
    values = f" in {tensor.min().item():g} to {tensor.max().item():g}" if tensor.numel() else ""
    return f"{' x '.join(map(str, tensor.shape))} {kind}{values}"


class ContentStylePairs(Dataset[Triple]):
    """A fixed random set of (input, content, style): for debugging and for validation.

    Item i is the same at every call, in every process. Photographs are not repeated before all
    have been drawn. A file that cannot be read is replaced by another draw and listed in
    ``content.broken`` or ``style.broken``.

    Args:
        content, style: Folders.
        content_crop, style_crop: How crops are cut; random ones are drawn once for all.
        count: Pairs; None takes one per photograph.
        sample: Part of ``count`` that is used, above 0 and at most 1.
        padding: Pixels that are added on each side by reflection, so that what a network does
            wrong at the border can be cut off again; see ``unpad``. visual-neurons takes 40.
        seed: Another set.

    Raises:
        InputError: A value out of range, or crops of two sizes.
    """

    def __init__(
        self,
        content: PictureFolder,
        style: PictureFolder,
        *,
        content_crop: CropConfig,
        style_crop: CropConfig,
        count: int | None = None,
        sample: float = 1.0,
        padding: int = 0,
        seed: int = 0,
    ) -> None:
        wanted = len(content) if count is None else count
        check_range("count", wanted, at_least=1)
        check_range("sample", sample, above=0.0, at_most=1.0)
        check_range("padding", padding, at_least=0, at_most=content_crop.size - 1)
        if content_crop.size != style_crop.size:
            raise InputError(
                "crops of content and style must be of one size; got "
                f"{content_crop.size} and {style_crop.size} pixels."
            )
        self.content, self.style = content, style
        self.content_crop, self.style_crop = content_crop, style_crop
        self.padding, self.seed, self.sample = padding, seed, sample
        self.count = max(1, round(sample * wanted))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Triple:
        """The triple of that number, counted from 0.

        Raises:
            IndexError: Beyond the end.
            InputError: A hundred files in a row could not be read.
        """
        if not -self.count <= index < self.count:
            raise IndexError(f"there are {self.count} pairs; got number {index}")
        number = index % self.count
        random = np.random.default_rng((self.seed, 1 << 41, number))
        which = self._photograph(number)
        for _ in range(100):
            content = self.content.picture(which)
            style = self.style.picture(int(random.integers(len(self.style))))
            if content is not None and style is not None:
                cut = self._cut(content, self.content_crop, random)
                return Triple(cut.clone(), cut, self._cut(style, self.style_crop, random))
            if content is None:
                which = int(random.integers(len(self.content)))
        raise too_many_broken(self.content, self.style)

    def _photograph(self, number: int) -> int:
        """Which one item ``number`` begins with: a new shuffle each time all were drawn."""
        turn, place = divmod(number, len(self.content))
        order = np.random.default_rng((self.seed, 1 << 42, turn)).permutation(len(self.content))
        return int(order[place])

    def _cut(self, image: Image.Image, config: CropConfig, random: np.random.Generator) -> Tensor:
        return pad(crop(image, config, random), self.padding)

    def __repr__(self) -> str:
        side = self.content_crop.size + 2 * self.padding
        part = f" ({self.sample:.0%} of what there is)" if self.sample < 1 else ""
        broken = len(self.content.broken) + len(self.style.broken)
        return "\n".join(
            [
                f"ContentStylePairs: {self.count} items{part}, seed {self.seed}",
                f"  item: input, content, style, each 3 x {side} x {side} uint8, of which "
                f"{self.padding} pixels on each side are padding",
                f"  content: {len(self.content)} pictures in {self.content.folder}",
                f"  style: {len(self.style)} pictures in {self.style.folder}",
                f"  files that could not be read so far: {broken}",
            ]
        )


class PairsStream(NumberedStream):
    """The same few pairs over and over: for debugging, where losses must be able to fall far.

    Args:
        pairs: What is drawn, in this order.
        batch, start, shard, length: See ``NumberedStream``.

    Yields:
        ``content`` and ``style`` (B, 3, H, W) uint8 and ``key`` (B,), always -1.
    """

    def __init__(
        self,
        pairs: ContentStylePairs,
        *,
        batch: int = 4,
        start: int = 0,
        shard: tuple[int, int] = (0, 1),
        length: int | None = None,
    ) -> None:
        super().__init__(batch=batch, start=start, shard=shard, length=length)
        self.pairs = pairs

    def folders(self) -> tuple[PictureFolder, ...]:
        """Photographs and paintings."""
        return self.pairs.content, self.pairs.style

    def draw(self, number: int) -> dict[str, Tensor]:
        """The pair of that number, counted round and round."""
        return as_item(self.pairs[number % len(self.pairs)])


def as_item(triple: Triple) -> dict[str, Tensor]:
    """A triple as ``ContentStyleStream`` gives its items."""
    return {"content": triple.content, "style": triple.style, "key": torch.tensor(-1)}


class ContentOnlyStream(NumberedStream):
    """An endless draw of content alone: what reconstruction learns from.

    Args:
        content: A folder; for reconstruction paintings will do as well.
        content_crop: How crops are cut.
        batch, start, shard, length: See ``NumberedStream``.
        seed: Another sequence.

    Yields:
        ``content`` (B, 3, size, size), uint8.
    """

    def __init__(
        self,
        content: PictureFolder,
        *,
        content_crop: CropConfig,
        batch: int = 4,
        seed: int = 0,
        start: int = 0,
        shard: tuple[int, int] = (0, 1),
        length: int | None = None,
    ) -> None:
        super().__init__(batch=batch, start=start, shard=shard, length=length)
        self.content, self.content_crop, self.seed = content, content_crop, seed

    def folders(self) -> tuple[PictureFolder, ...]:
        """The only one."""
        return (self.content,)

    def draw(self, number: int) -> dict[str, Tensor]:
        """The crop of that number.

        Raises:
            InputError: A hundred files in a row could not be read.
        """
        random = np.random.default_rng((self.seed, 1 << 43, number))
        for _ in range(100):
            content = self.content.picture(int(random.integers(len(self.content))))
            if content is not None:
                return {"content": crop(content, self.content_crop, random)}
        raise too_many_broken(self.content)


def pad(picture: Tensor, padding: int) -> Tensor:
    """Mirror a border: (3, H, W) to (3, H + 2 * padding, W + 2 * padding), of any type.

    Raises:
        InputError: ``padding`` is negative, or not less than a side.
    """
    check_range("padding", padding, at_least=0, at_most=min(picture.shape[-2:]) - 1)
    # Not torch's padding by reflection, which has no whole numbers.
    around = ((0, 0), (padding, padding), (padding, padding))
    return torch.from_numpy(np.pad(picture.numpy(), around, mode="reflect"))


def unpad(pictures: Tensor, padding: int) -> Tensor:
    """Cut the border off again: (..., H, W) to (..., H - 2 * padding, W - 2 * padding).

    Raises:
        InputError: ``padding`` is negative, or nothing would be left.
    """
    height, width = pictures.shape[-2:]
    check_range("padding", padding, at_least=0, at_most=(min(height, width) - 1) // 2)
    return pictures[..., padding : height - padding, padding : width - padding]
