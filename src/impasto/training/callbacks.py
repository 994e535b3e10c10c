"""Watching a run and keeping its result: picture sheets, weights."""

from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from impasto.images.io import write_picture
from impasto.training.data import CropConfig
from impasto.training.datamodule import ContentStyleData
from impasto.weights.files import write_tensors


@runtime_checkable
class PaintsSheets(Protocol):
    """A module that can show what it has learned."""

    def stylize_sheet(self, content: Tensor, style: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] each, to the same."""
        ...


@runtime_checkable
class SavesWeights(Protocol):
    """A module whose result is a file of tensors."""

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors, metadata."""
        ...


class PictureSheet(Callback):
    """Rows of (content, style, stylized) of the same held pictures every few hundred steps.

    Args:
        every: Steps between sheets.
        rows: Pairs on a sheet.
        folder: Where ``step-000500.png`` goes; default: ``sheets`` in the run's folder.
    """

    def __init__(self, every: int = 500, rows: int = 6, folder: str | None = None) -> None:
        self.every, self.rows, self.folder = every, rows, folder
        self._held: tuple[Tensor, Tensor] | None = None

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: object, batch: object, index: int
    ) -> None:
        """Write a sheet when its step has come."""
        step = trainer.global_step
        if step % self.every or not trainer.is_global_zero:
            return
        content, style = self._pictures(trainer)
        assert isinstance(module, PaintsSheets)
        stylized = module.stylize_sheet(content, style).cpu()
        rows = [torch.cat(row, dim=-1) for row in zip(content, style, stylized, strict=True)]
        folder = Path(self.folder or Path(trainer.default_root_dir) / "sheets")
        write_picture(torch.cat(rows, dim=-2), folder / f"step-{step:06}.png")

    def _pictures(self, trainer: Trainer) -> tuple[Tensor, Tensor]:
        if self._held is None:
            data = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(data, ContentStyleData)
            stream = data.stream()
            stream.seed += 1  # another draw than the training's
            stream.content_crop = stream.style_crop = CropConfig(size=256, scale_min=1.0)
            pairs = [stream.draw(i) for i in range(self.rows)]
            self._held = tuple(  # type: ignore[assignment]
                torch.stack([pair[name] for pair in pairs]) / 255 for name in ("content", "style")
            )
        assert self._held is not None
        return self._held


class SaveWeights(Callback):
    """The network so far as a ``.safetensors`` file that ``impasto stylize --model`` takes.

    Args:
        folder: Where to; default: the run's folder.
        every: Steps between renewals; the last state is written at the end in any case.
    """

    def __init__(self, folder: str | None = None, every: int = 500) -> None:
        self.folder, self.every = folder, every

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: object, batch: object, index: int
    ) -> None:
        """Renew the file when its step has come."""
        if trainer.global_step % self.every == 0:
            self._write(trainer, module)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write the result."""
        self._write(trainer, module)

    def _write(self, trainer: Trainer, module: LightningModule) -> None:
        if trainer.is_global_zero:
            assert isinstance(module, SavesWeights)
            name, tensors, metadata = module.weights_to_save()
            write_tensors(Path(self.folder or trainer.default_root_dir) / name, tensors, metadata)
