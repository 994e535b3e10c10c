"""Data for Lightning: which folders, how cut, how many at once, what is held back."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from impasto.checks import check_range
from impasto.errors import InputError
from impasto.training.data import ContentStyleStream, CropConfig, NumberedStream, PictureFolder
from impasto.training.pairs import (
    ContentOnlyStream,
    ContentStylePairs,
    PairsStream,
    Triple,
    as_item,
)
from impasto.training.variety import Variety

SHORT_SIDE = 320
"""Pixels of the short side that are kept where no crop needs more."""

_log = logging.getLogger(__name__)


class ContentStyleData(LightningDataModule):
    """Content photographs and style paintings from two folders.

    Args:
        content: Folder of photographs.
        style: Folder of paintings; reconstruction and johnson need none.
        valid_content: Folder of photographs to validate with.
        valid_style: Folder of paintings to validate with.
        valid_part: Part of the pictures that is held back for it where no such folder is given; 0
            for no validation.
        valid_pairs: Pairs that are looked at in each validation, always the same.
        fixed: Learn from so many pairs over and over, for debugging; 0 draws for ever new ones.
        content_crop: How photographs are cut.
        style_crop: How paintings are cut.
        variety: How often, and in which ways, paintings are changed after that.
        photos: Part of the styles that are photographs of the content folder, changed alike.
        batch: Pairs per step.
        variants: Distinct crops per painting; 0 for a fresh one every time.
        workers: Processes that read pictures.
        short_side: Pictures are kept in memory with their short side at most this, in pixels; none
            for 320, or more where the crops need more.
        seed: Of the draw and of what is held back.

    Raises:
        InputError: A folder that is not there, empty, or too small to hold pictures back, crops of
            two sizes, or crops that need more pixels than are kept.
    """

    def __init__(
        self,
        content: str,
        style: str | None = None,
        valid_content: str | None = None,
        valid_style: str | None = None,
        valid_part: float = 0.0,
        valid_pairs: int = 8,
        fixed: int = 0,
        content_crop: CropConfig = CropConfig(),  # noqa: B008 (frozen)
        style_crop: CropConfig = CropConfig(),  # noqa: B008 (frozen)
        variety: Variety = Variety(),  # noqa: B008 (frozen)
        photos: float = 0.0,
        batch: int = 4,
        variants: int = 2,
        workers: int = 1,
        short_side: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if content_crop.size != style_crop.size:
            raise InputError(
                "crops of content and style must be of one size; got "
                f"{content_crop.size} and {style_crop.size} pixels."
            )
        check_range("valid_part", valid_part, at_least=0.0, at_most=0.9)
        check_range("valid_pairs", valid_pairs, at_least=1)
        check_range("fixed", fixed, at_least=0)
        check_range("workers", workers, at_least=0)
        self.side = kept_side(short_side, content_crop, style_crop)
        self.content_crop, self.style_crop = content_crop, style_crop
        self.variety, self.photos = variety, photos
        self.batch, self.variants, self.workers, self.seed = batch, variants, workers, seed
        self.valid_pairs, self.fixed = valid_pairs, fixed
        self.content, self.valid_content = self._folders(content, valid_content, valid_part)
        self.style: PictureFolder | None = None
        self.valid_style: PictureFolder | None = None
        if style:
            self.style, self.valid_style = self._folders(style, valid_style, valid_part)
        if valid_style and not style:
            raise InputError("--data.valid_style needs --data.style beside it.")

    def _folders(
        self, path: str, valid: str | None, part: float
    ) -> tuple[PictureFolder, PictureFolder | None]:
        folder = PictureFolder(path, short_side=self.side)
        if remark := folder.passed_over():
            _log.warning("%s", remark)
        if valid:
            return folder, PictureFolder(valid, short_side=self.side)
        return folder.split(part, self.seed) if part else (folder, None)

    @property
    def validates(self) -> bool:
        """Whether there are pictures to validate with."""
        return self.valid_content is not None

    def setup(self, stage: str) -> None:
        """Ask for paintings where the method cannot do without.

        Raises:
            InputError: There is no folder of paintings.
        """
        module = getattr(self.trainer, "lightning_module", None)
        if self.style is None and getattr(module, "needs_style", False):
            raise InputError("this method learns from paintings; give --data.style FOLDER.")

    def stream(self, start: int = 0, shard: tuple[int, int] = (0, 1)) -> NumberedStream:
        """The draw from batch number ``start`` on, or one process's share of it."""
        where: dict[str, Any] = {"batch": self.batch, "start": start, "shard": shard}
        if self.fixed:
            crops = (self.content_crop, self.style_crop)
            return PairsStream(self._pairs(self.content, self.style, crops, self.fixed), **where)
        if self.style is None:
            return ContentOnlyStream(
                self.content, content_crop=self.content_crop, seed=self.seed, **where
            )
        return ContentStyleStream(
            self.content,
            self.style,
            content_crop=self.content_crop,
            style_crop=self.style_crop,
            variety=self.variety,
            photos=self.photos,
            variants=self.variants,
            seed=self.seed,
            **where,
        )

    def _pairs(
        self,
        content: PictureFolder,
        style: PictureFolder | None,
        crops: tuple[CropConfig, CropConfig],
        count: int,
        seed: int | None = None,
    ) -> ContentStylePairs:
        return ContentStylePairs(
            content,
            style or content,  # which nobody asks for where there are no paintings
            content_crop=crops[0],
            style_crop=crops[1],
            count=count,
            seed=self.seed if seed is None else seed,
        )

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Batches from where the trainer stands, so a resumed run sees what it would have seen."""
        start, shard = 0, (0, 1)
        if self.trainer:
            start = self.trainer.global_step * self.trainer.accumulate_grad_batches
            shard = (self.trainer.global_rank, self.trainer.world_size)
        return DataLoader(
            self.stream(start, shard),
            batch_size=None,
            num_workers=self.workers,
            persistent_workers=False,
            generator=self._apart(),
        )

    def val_dataloader(self) -> DataLoader[Triple] | list[Any]:
        """The same pairs at every call, their middles; nothing where none are held back."""
        if self.valid_content is None:
            return []
        crops = (
            replace(self.content_crop, random=False),
            replace(self.style_crop, random=False),
        )
        style = self.valid_style or self.style
        pairs = self._pairs(self.valid_content, style, crops, self.valid_pairs)
        return DataLoader(
            pairs,
            batch_size=min(self.batch, len(pairs)),
            collate_fn=_batch_of if self.style else _content_of,
            generator=self._apart(),
        )

    def _apart(self) -> torch.Generator:
        # A loader draws a number when it begins, which must not come out of the training's.
        return torch.Generator().manual_seed(self.seed)

    def held(self, count: int, side: int) -> tuple[Tensor, Tensor | None]:
        """Pictures to show, the same in every run with the same folders and seed.

        Args:
            count: Pairs.
            side: Of the squares that are cut out of their middles, in pixels.

        Returns:
            Content, (count, 3, side, side) in [0, 1], and style; None without paintings. Of small
            folders there are fewer, so that none is shown twice.
        """
        crop = CropConfig(size=side, random=False)
        content, style = self.valid_content or self.content, self.valid_style or self.style
        count = min(count, max(len(content), len(style) if style else 0))
        # Another draw than the training's.
        pairs = self._pairs(content, style, (crop, crop), count, self.seed + 1)
        batch = _batch_of([pairs[i] for i in range(count)])
        return batch["content"] / 255, batch["style"] / 255 if style else None


def kept_side(asked: int | None, *crops: CropConfig) -> int:
    """Pixels of the short side that must be kept so that no crop is enlarged needlessly.

    Args:
        asked: By the user; none for what the crops need, 320 at least.
        *crops: What is cut.

    Raises:
        InputError: Fewer were asked for than the crops need.
    """
    needed = max(crop.short_side or crop.size for crop in crops)
    if asked is None:
        return max(SHORT_SIDE, needed)
    if asked < needed:
        raise InputError(
            f"crops are cut out of pictures whose short side has {needed} pixels, and "
            f"--data.short_side keeps {asked}; give --data.short_side {needed}, or leave it away."
        )
    return asked


def _batch_of(triples: Sequence[Triple]) -> dict[str, Tensor]:
    items = [as_item(triple) for triple in triples]
    return {name: torch.stack([item[name] for item in items]) for name in items[0]}


def _content_of(triples: Sequence[Triple]) -> dict[str, Tensor]:
    return {"content": _batch_of(triples)["content"]}
