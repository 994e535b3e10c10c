"""How far a run has come, and how long it will take: a bar on a terminal, lines in a file."""

import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from torch import Tensor

from impasto.cli.output import complain, progress_bar

SECONDS = 60.0
"""Between two lines where standard error is no terminal."""

NOTE = 20
"""Steps between two looks at the loss."""


class RunProgress(ProgressBar):
    """Steps done and to do, the loss, and the time left; on standard error.

    Args:
        title: Before the bar.
    """

    def __init__(self, title: str) -> None:
        super().__init__()
        self.title, self._enabled = title, True
        self._bar: Any = None
        self._note = ""
        self._began = self._told = 0.0
        self._first = 0

    def disable(self) -> None:
        """Say nothing: on all processes but the first."""
        self._enabled = False

    def enable(self) -> None:
        """Say something again."""
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count, from where a resumed run stands."""
        super().on_train_start(trainer, pl_module)
        self._first, self._began = trainer.global_step, time.monotonic()
        self._told = self._began
        if self._enabled and sys.stderr.isatty():
            total = trainer.max_steps if trainer.max_steps > 0 else None
            self._bar = progress_bar(self.title, total)
            self._update = self._bar.__enter__()
            self._update(self._first)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Move the bar, or write a line when a minute has passed."""
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        step, now = trainer.global_step, time.monotonic()
        if self._bar is not None:
            # Reading the loss waits for the device, so it is not done at every step.
            if step % NOTE == 0:
                self._note = f"loss {_loss(outputs):.4g}"
            self._update(step, note=self._note)
        elif self._enabled and now - self._told >= SECONDS:
            self._told = now
            seconds = (now - self._began) / max(1, step - self._first)
            left = _duration(seconds * (trainer.max_steps - step)) if trainer.max_steps > 0 else "?"
            complain(
                f"{self.title}: step {step} of {trainer.max_steps}, loss {_loss(outputs):.4g}, "
                f"{left} left"
            )

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def _loss(outputs: Any) -> float:
    loss = outputs["loss"] if isinstance(outputs, dict) else outputs
    return float(loss) if isinstance(loss, Tensor) else float("nan")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
