"""Data for Lightning: pairs for pix2pix, two heaps for CycleGAN."""

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Any, get_args

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from impasto.checks import check_choice, check_range
from impasto.kinds import Direction
from impasto.training.data import NumberedStream
from impasto.training.jitter import JitterConfig
from impasto.training.translation import PairedStream, PairFolder, UnpairedStream, heap


class TranslationData(LightningDataModule, ABC):
    """What both have in common: a stream of ``a`` and ``b`` that begins anywhere.

    Args:
        jitter: How pictures are cut.
        batch: Of either domain, per step.
        workers: Processes that read pictures.
        seed: Of the draw.
    """

    direction: Direction = "a2b"

    def __init__(self, *, jitter: JitterConfig, batch: int, workers: int, seed: int) -> None:
        super().__init__()
        check_range("batch", batch, at_least=1)
        check_range("workers", workers, at_least=0)
        self.jitter, self.batch, self.workers, self.seed = jitter, batch, workers, seed

    @property
    def valid_content(self) -> Any:
        """What there is to validate with; None for nothing."""
        return None

    @abstractmethod
    def stream(self, start: int = 0, shard: tuple[int, int] = (0, 1)) -> NumberedStream:
        """The draw from batch number ``start`` on, or one process's share of it."""

    @abstractmethod
    def held_stream(self, jitter: JitterConfig) -> NumberedStream:
        """A draw to look at: of the held pictures where there are such folders."""

    def train_dataloader(self) -> DataLoader[dict[str, Any]]:
        """Batches from where the trainer stands, so a resumed run sees what it would have seen."""
        start, shard = 0, (0, 1)
        if self.trainer:
            start = self.trainer.global_step
            shard = (self.trainer.global_rank, self.trainer.world_size)
        return DataLoader(
            self.stream(start, shard),
            batch_size=None,
            num_workers=self.workers,
            persistent_workers=False,
            # A loader draws a number when it begins, which must not come out of the training's.
            generator=torch.Generator().manual_seed(self.seed),
        )

    def held(self, count: int) -> tuple[Tensor, Tensor]:
        """Pictures to show, the same in every run with the same folders and seed.

        Args:
            count: Of either domain.

        Returns:
            a and b, (count, 3, crop, crop) in [0, 1] each; the middles of pictures.
        """
        items = self.held_items(count)
        a, b = (torch.stack([item[name] for item in items]) / 255 for name in ("a", "b"))
        return a, b

    def held_items(self, count: int) -> list[dict[str, Tensor]]:
        """The same as a stream gives them: ``a`` and ``b``, (3, crop, crop), uint8."""
        load = None if self.jitter.load is None else self.jitter.crop
        stream = self.held_stream(replace(self.jitter, load=load, random=False))
        return [stream.draw(number) for number in range(count)]


class PairedData(TranslationData):
    """Pairs: both halves in one file, or two folders with the same names in them.

    Args:
        a: Folder of pictures with A at the left and B at the right; or of A alone.
        b: Folder of B, its pictures called as A's are; none for pictures that hold both.
        direction: a2b learns to make B of A, b2a the other way (facades: b2a makes photographs of
            labels).
        valid_a: Folder like ``a`` with pairs that are not learned from: shown and measured instead
            of those that are.
        valid_b: Folder like ``b``, for these.
        jitter: How pairs are cut, both halves alike.
        batch: Pairs per step; both papers take 1.
        workers: Processes that read pictures.
        seed: Of the draw.

    Raises:
        InputError: A folder that is not there or empty, or no names in common.
    """

    def __init__(
        self,
        a: str,
        b: str | None = None,
        direction: Direction = "a2b",
        valid_a: str | None = None,
        valid_b: str | None = None,
        jitter: JitterConfig = JitterConfig(),  # noqa: B008 (frozen)
        batch: int = 1,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(jitter=jitter, batch=batch, workers=workers, seed=seed)
        check_choice("direction", direction, get_args(Direction))
        self.direction: Direction = direction
        self.pairs = PairFolder(a, b, load=jitter.load)
        self.valid_pairs = PairFolder(valid_a, valid_b, load=jitter.load) if valid_a else None

    @property
    def valid_content(self) -> PairFolder | None:
        """Pairs that are measured by; None for none."""
        return self.valid_pairs

    def stream(self, start: int = 0, shard: tuple[int, int] = (0, 1)) -> PairedStream:
        """The draw from batch number ``start`` on, or one process's share of it."""
        return PairedStream(
            self.pairs,
            self.jitter,
            swap=self.direction == "b2a",
            seed=self.seed,
            batch=self.batch,
            start=start,
            shard=shard,
        )

    def held_stream(self, jitter: JitterConfig) -> PairedStream:
        """A draw to look at: of the held pairs where there are any."""
        pairs = self.valid_pairs or self.pairs
        return PairedStream(pairs, jitter, swap=self.direction == "b2a", seed=self.seed + 1)

    def val_dataloader(self) -> DataLoader[dict[str, Tensor]] | list[Any]:
        """The held pairs, eight at most, one by one; nothing where there are none."""
        if self.valid_pairs is None:
            return []
        items: Any = self.held_items(min(8, len(self.valid_pairs)))
        generator = torch.Generator().manual_seed(self.seed)
        return DataLoader(items, batch_size=1, generator=generator)


class UnpairedData(TranslationData):
    """Two heaps of pictures that have nothing to do with one another but their kinds.

    Args:
        a: Folder of one kind.
        b: Folder of the other.
        valid_a: Folder of pictures like A that are not learned from, to be shown instead.
        valid_b: The same for B.
        jitter: How pictures are cut.
        batch: Of either kind, per step; the paper takes 1.
        workers: Processes that read pictures.
        seed: Of the draw.

    Raises:
        InputError: A folder that is not there or empty.
    """

    def __init__(
        self,
        a: str,
        b: str,
        valid_a: str | None = None,
        valid_b: str | None = None,
        jitter: JitterConfig = JitterConfig(),  # noqa: B008 (frozen)
        batch: int = 1,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(jitter=jitter, batch=batch, workers=workers, seed=seed)
        self.a, self.b = (heap(folder, jitter) for folder in (a, b))
        self.valid_a = heap(valid_a, jitter) if valid_a else self.a
        self.valid_b = heap(valid_b, jitter) if valid_b else self.b

    def stream(self, start: int = 0, shard: tuple[int, int] = (0, 1)) -> UnpairedStream:
        """The draw from batch number ``start`` on, or one process's share of it."""
        return UnpairedStream(
            self.a, self.b, self.jitter, seed=self.seed, batch=self.batch, start=start, shard=shard
        )

    def held_stream(self, jitter: JitterConfig) -> UnpairedStream:
        """A draw to look at: of the held pictures where there are any."""
        return UnpairedStream(self.valid_a, self.valid_b, jitter, seed=self.seed + 1)
