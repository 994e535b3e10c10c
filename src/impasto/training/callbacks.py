"""Watching a run and keeping its result: picture sheets, weights, files that were skipped."""

import logging
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from impasto.checks import check_range
from impasto.images.io import write_picture
from impasto.images.resize import fit_short_side
from impasto.training.datamodule import ContentStyleData
from impasto.training.montage import SIDE, write_montage
from impasto.training.runs import SHEETS, SKIPPED
from impasto.weights.files import write_tensors

_log = logging.getLogger(__name__)


@runtime_checkable
class PaintsSheets(Protocol):
    """A module that can show what it has learned."""

    def stylize_sheet(self, content: Tensor, style: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] each, to the same."""
        ...


@runtime_checkable
class HasOwnStyle(Protocol):
    """A module that learns one style, which its sheets show."""

    def style_on_sheet(self, style: Tensor | None) -> Tensor:
        """(1, 3, H, W) in [0, 1]."""
        ...


@runtime_checkable
class SavesWeights(Protocol):
    """A module whose result is a file of tensors."""

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors, metadata."""
        ...


class PictureSheet(Callback):
    """Rows of (style, content, stylized) of the same held pictures, and a montage of all sheets.

    Args:
        every: Steps between sheets; the last state is shown in any case.
        rows: Pairs on a sheet.
        folder: Where ``step-000500.png`` goes; none for ``sheets`` in the run's folder. The
            montage, ``montage.png``, stands beside that folder.
    """

    def __init__(self, every: int = 500, rows: int = 6, folder: str | None = None) -> None:
        check_range("sheets.every", every, at_least=1)
        check_range("sheets.rows", rows, at_least=1)
        self.every, self.rows, self.folder = every, rows, folder
        self._held: tuple[Tensor, Tensor | None] | None = None

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
        if not trainer.is_global_zero or not isinstance(module, PaintsSheets):
            return
        if self._held is None:
            data = trainer.datamodule  # type: ignore[attr-defined]
            assert isinstance(data, ContentStyleData)
            self._held = data.held(self.rows, SIDE)
        content, style = self._held
        shown = style
        if isinstance(module, HasOwnStyle):
            shown = _square(module.style_on_sheet(style)).expand_as(content)
        elif getattr(module, "reconstructs", False):
            shown = None
        training = module.training
        module.eval()
        stylized = module.stylize_sheet(content, content if style is None else style)
        module.train(training)
        columns = [content, stylized.float().cpu()]
        if shown is not None:
            columns.insert(0, shown)
        rows = [torch.cat(row, dim=-1) for row in zip(*columns, strict=True)]
        folder = Path(self.folder or Path(trainer.default_root_dir) / SHEETS)
        write_picture(torch.cat(rows, dim=-2), folder / f"step-{trainer.global_step:06}.png")
        write_montage(folder)


def _square(picture: Tensor) -> Tensor:
    """The middle of (1, 3, H, W), SIDE pixels square."""
    reduced = fit_short_side(picture, SIDE)
    top, left = (reduced.shape[-2] - SIDE) // 2, (reduced.shape[-1] - SIDE) // 2
    return reduced[..., top : top + SIDE, left : left + SIDE]


class SaveWeights(Callback):
    """The network so far as a ``.safetensors`` file that ``impasto stylize --model`` takes.

    Args:
        folder: Where to; none for the run's folder.
        every: Steps between renewals; the last state is written at the end in any case.
    """

    def __init__(self, folder: str | None = None, every: int = 500) -> None:
        check_range("weights.every", every, at_least=1)
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


class SkippedFiles(Callback):
    """Names and counts the files that could not be read, in ``skipped.txt`` of the run's folder."""

    def __init__(self) -> None:
        self.skipped: dict[str, str] = {}

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run shall still know of."""
        return {"skipped": dict(self.skipped)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Know of it."""
        self.skipped = dict(state_dict["skipped"])

    def on_train_batch_start(
        self, trainer: Trainer, module: LightningModule, batch: dict[str, Any], index: int
    ) -> None:
        """Take in what the loaders found."""
        found = batch.get("skipped")
        if found and trainer.is_global_zero:
            self.skipped |= found
            lines = [f"{path}\t{reason}\n" for path, reason in sorted(self.skipped.items())]
            path = Path(trainer.default_root_dir) / SKIPPED
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(lines), encoding="utf-8")

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Say how many there were."""
        if self.skipped:
            _log.warning(
                "%d files could not be read and were skipped; they stand, each with its reason, "
                "in %s.",
                len(self.skipped),
                Path(trainer.default_root_dir) / SKIPPED,
            )
