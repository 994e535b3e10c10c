"""Sheets of a translating run: what is real, made, taken there and back, and left as it was."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from impasto.checks import check_range
from impasto.images.io import write_picture
from impasto.training.runs import SHEETS
from impasto.training.translation_data import TranslationData


@runtime_checkable
class TranslatesSheets(Protocol):
    """A module that can show what it has learned."""

    def translation_sheet(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        """Columns by name."""
        ...


class TranslationSheet(Callback):
    """Rows of real, made, cycled and unchanged pictures, always of the same held ones.

    The columns are, for pix2pix, real_a, fake_b and real_b; for CycleGAN real_a, fake_b,
    cycled_a, same_a and the same of B.

    Args:
        every: Steps between sheets; the last state is shown in any case.
        rows: Pictures of either domain on a sheet.
        folder: Where ``step-000500.png`` goes; none for ``sheets`` in the run's folder.
    """

    def __init__(self, every: int = 500, rows: int = 6, folder: str | None = None) -> None:
        check_range("sheets.every", every, at_least=1)
        check_range("sheets.rows", rows, at_least=1)
        self.every, self.rows, self.folder = every, rows, folder
        self._held: tuple[Tensor, Tensor] | None = None

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: object, batch: object, index: int
    ) -> None:
        """Write a sheet when its step has come."""
        if trainer.global_step % self.every == 0:
            self._write(trainer, module)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Show what was learned in the end."""
        if trainer.global_step % self.every:
            self._write(trainer, module)

    def _write(self, trainer: Trainer, module: LightningModule) -> None:
        data = trainer.datamodule  # type: ignore[attr-defined]
        if not (trainer.is_global_zero and isinstance(module, TranslatesSheets)):
            return
        if self._held is None:
            assert isinstance(data, TranslationData)
            self._held = data.held(self.rows)
        columns = module.translation_sheet(*self._held).values()
        rows = [torch.cat(row, dim=-1) for row in zip(*columns, strict=True)]
        folder = Path(self.folder or Path(trainer.default_root_dir) / SHEETS)
        write_picture(torch.cat(rows, dim=-2), folder / f"step-{trainer.global_step:06}.png")
