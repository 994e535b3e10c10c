"""Checkpoints that a kill cannot break, and all that a run needs to go on to the same bits.

Reading order: WholeCheckpoints (how one is written and read), Checkpoints (when, and what is in
it beside weights, optimiser and schedule). The position in the data needs no keeping: a draw is a
function of the seed and the step.
"""

import contextlib
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.plugins.io import CheckpointIO
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from impasto.checks import check_range
from impasto.errors import TrainingError, WeightsError
from impasto.images.files import write_whole
from impasto.training.runs import CHECKPOINTS, last_checkpoint
from impasto.weights.files import UNREADABLE


class WholeCheckpoints(CheckpointIO):
    """Files that appear whole or not at all; of theirs nothing but tensors and numbers is loaded.

    Lightning's own writer makes a temporary file in another folder, and moving it from there is a
    copy where that folder is on another disk: a kill in between leaves half a checkpoint.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write one.

        Raises:
            OutputError: The place cannot be written; an older file of that name is kept.
        """
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        write_whole(path, buffer.getvalue())

    def load_checkpoint(
        self, path: str | Path, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read one, on the CPU.

        Raises:
            WeightsError: Missing, damaged, or with more in it than tensors and numbers.
        """
        try:
            checkpoint = torch.load(path, map_location=map_location or "cpu", weights_only=True)
        except UNREADABLE as error:
            first = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise WeightsError(
                f"{path} is no whole checkpoint ({first}); give an older one with --ckpt_path, or "
                "begin anew in another folder with --run."
            ) from error
        if not isinstance(checkpoint, dict) or "state_dict" not in checkpoint:
            raise WeightsError(f"{path} is no checkpoint of a training; give one with --ckpt_path.")
        return checkpoint

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete one."""
        Path(path).unlink(missing_ok=True)


class Checkpoints(Checkpoint):
    """The state of a run every few hundred steps: ``checkpoints/last.ckpt`` in its folder.

    Weights that are no numbers are not kept: the run ends, and the checkpoint before them stays.

    Args:
        every: Steps between renewals; the last state is kept in any case.
        keep_every: Steps between checkpoints that stay, ``step-010000.ckpt``; 0 keeps the last
            alone.
    """

    def __init__(self, every: int = 250, keep_every: int = 0) -> None:
        super().__init__()
        check_range("checkpoints.every", every, at_least=1)
        check_range("checkpoints.keep_every", keep_every, at_least=0)
        self.every, self.keep_every = every, keep_every
        self._restored: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        """Where the random generators of the process stand."""
        return random_state()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep it until the first step, before which loaders and networks may draw."""
        self._restored = state_dict

    def on_fit_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Clear away what a kill in the midst of writing has left."""
        if trainer.is_global_zero:
            for rest in (Path(trainer.default_root_dir) / CHECKPOINTS).glob(".*.part"):
                with contextlib.suppress(OSError):
                    rest.unlink()

    def on_train_batch_start(
        self, trainer: Trainer, module: LightningModule, batch: Any, index: int
    ) -> None:
        """Go on with the random numbers where the checkpoint's run stood."""
        if self._restored is not None:
            restore_random_state(self._restored)
            self._restored = None

    def on_train_batch_end(
        self, trainer: Trainer, module: LightningModule, outputs: Any, batch: Any, index: int
    ) -> None:
        """Renew the checkpoint when its step has come."""
        step = trainer.global_step
        if self.keep_every and step % self.keep_every == 0:
            self._keep(trainer, module, f"step-{step:06}.ckpt")
        if step % self.every == 0:
            self._keep(trainer, module)

    def on_train_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Keep the last state, from which a run can be prolonged."""
        self._keep(trainer, module)

    def _keep(self, trainer: Trainer, module: LightningModule, name: str | None = None) -> None:
        check_weights(module, trainer.global_step)
        last = last_checkpoint(Path(trainer.default_root_dir))
        # weights_only would leave out what resuming needs.
        trainer.save_checkpoint(last.with_name(name) if name else last, weights_only=False)
        # What is drawn between two steps, as by validation, a resumed run would not draw again.
        self._restored = random_state()
        for logger in trainer.loggers:
            logger.save()  # what a kill must not take, either


def check_weights(module: LightningModule, step: int) -> None:
    """Refuse to keep weights that are no numbers.

    Raises:
        TrainingError: A parameter is NaN or infinite; the message names it.
    """
    for name, parameter in module.named_parameters():
        if not torch.isfinite(parameter).all():
            raise TrainingError(
                f"after step {step} the weights {name} are not finite; go on from the last "
                "checkpoint with --resume and a lower --model.learning_rate."
            )


def random_state() -> dict[str, Any]:
    """Where the process's random generators stand, as tensors and numbers."""
    name, keys, *rest = np.random.get_state(legacy=True)
    version, words, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [str(name), torch.from_numpy(np.asarray(keys).astype(np.int64)), *rest],
        "python": [version, list(words), gauss],
    }


def restore_random_state(state: dict[str, Any]) -> None:
    """Let the process's random generators go on from there.

    Args:
        state: What ``random_state`` gave.
    """
    torch.set_rng_state(state["torch"].cpu())
    if len(state["cuda"]) == torch.cuda.device_count() > 0:
        torch.cuda.set_rng_state_all([one.cpu() for one in state["cuda"]])
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.cpu().numpy().astype(np.uint32), *rest))
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
