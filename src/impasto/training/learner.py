"""What all training has in common: terms by name, Adam on a schedule, a second look at the end."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from impasto.checks import check_range
from impasto.training.schedule import Schedule, adam_on_schedule, adopt_rate

Batch = dict[str, Tensor]
"""``content`` and perhaps ``style``, (B, 3, H, W) uint8; see ``training/data.py``."""


class Learner(LightningModule, ABC):
    """One method's training: what it minimises and what learns.

    Args:
        learning_rate: Of Adam at its height.
        schedule: What becomes of it.
    """

    needs_style = True
    """Whether a folder of paintings is needed."""

    def __init__(self, learning_rate: float, schedule: Schedule) -> None:
        super().__init__()
        check_range("learning_rate", learning_rate, above=0.0)
        self.learning_rate, self.schedule = learning_rate, schedule

    @staticmethod
    def preset_settings(preset: str) -> dict[str, Any]:
        """What a preset says where nothing else is given, by the name of the flag."""
        return {}

    @abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Weighted scalar terms by name; their sum is minimised."""

    @abstractmethod
    def learning(self) -> Iterable[nn.Parameter]:
        """What changes."""

    def parts(self) -> Mapping[float, Iterable[nn.Parameter]]:
        """The same, by the share of the learning rate at which it changes."""
        return {1.0: self.learning()}

    def valid_losses(self, batch: Batch) -> dict[str, Tensor]:
        """The same terms of held pictures."""
        return self.losses(batch)

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """One update's loss; its terms are logged under their own names."""
        losses = self.losses(batch)
        total = torch.stack(list(losses.values())).sum()
        self.log_dict({f"train/{k}": v.detach() for k, v in losses.items()})
        self.log("train/total", total.detach())
        return total

    def validation_step(self, batch: Batch, index: int) -> None:
        """The terms of held pictures, logged under the names of training's."""
        losses = self.valid_losses(batch)
        losses["total"] = torch.stack(list(losses.values())).sum()
        # Pictures, not batches, count alike; with several processes their mean is meant.
        count = len(batch["content"])
        named = {f"valid/{k}": v for k, v in losses.items()}
        self.log_dict(named, on_step=False, on_epoch=True, batch_size=count, sync_dist=True)

    def configure_optimizers(self) -> Any:
        """Adam with the schedule."""
        steps = float(self.trainer.estimated_stepping_batches)
        return adam_on_schedule(
            self.parts(),
            learning_rate=self.learning_rate,
            schedule=self.schedule,
            steps=steps if steps >= 0 else math.inf,
        )

    def on_train_start(self) -> None:
        """Take this run's learning rate, where a checkpoint has brought another."""
        for config in self.trainer.lr_scheduler_configs:
            if isinstance(config.scheduler, LambdaLR):
                adopt_rate(config.scheduler, self.learning_rate)
