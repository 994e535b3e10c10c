"""What training against discriminators has in common: two optimisers, one step of both.

Reading order: AdversarialTraining, frozen, CollapseWatch.
"""

import contextlib
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from impasto.blocks import to_signed
from impasto.checks import check_range
from impasto.errors import InputError
from impasto.training.data import to_pictures
from impasto.training.history import HistoryPool
from impasto.training.schedule import Schedule, adam_in_one_pass, adopt_rate
from impasto.weights.fitting import check_fit

_log = logging.getLogger(__name__)

GENERATORS, DISCRIMINATORS = 0, 1
"""Places of the optimisers."""


class AdversarialTraining(LightningModule, ABC):
    """Generators and discriminators that learn in turn.

    With several processes Lightning must be told that each of the two losses leaves half of the
    weights out: ``--trainer.strategy ddp_find_unused_parameters_true``.

    Args:
        learning_rate: Of both Adams, at its height.
        beta1: Of both Adams; beta2 is 0.999.
        hold: Part of the run at the full rate; over the rest it falls to 0 in a line.
        seed: Of dropout and history.
    """

    method: str

    def __init__(self, *, learning_rate: float, beta1: float, hold: float, seed: int) -> None:
        super().__init__()
        check_range("learning_rate", learning_rate, above=0.0)
        check_range("beta1", beta1, at_least=0.0, at_most=0.999)
        check_range("hold", hold, at_least=0.0, at_most=1.0)
        self.automatic_optimization = False
        self.learning_rate, self.beta1, self.hold, self.seed = learning_rate, beta1, hold, seed
        self.pools: dict[str, HistoryPool] = {}
        self.watch = CollapseWatch()

    @abstractmethod
    def generator_parameters(self) -> Iterable[nn.Parameter]:
        """What learns to fool."""

    @abstractmethod
    def discriminator_parameters(self) -> Iterable[nn.Parameter]:
        """What learns not to be fooled."""

    def configure_optimizers(self) -> Any:
        """Two Adams, of the generators and of the discriminators, on one schedule.

        Raises:
            InputError: The rate shall fall and there is no last step.
        """
        steps = float(self.trainer.estimated_stepping_batches)
        if self.hold < 1 and not 0 <= steps < math.inf:
            raise InputError(
                "a rate that falls must know the last step; give --trainer.max_steps, or "
                "--model.hold 1."
            )
        falls = round(self.hold * steps) if self.hold < 1 else None
        schedule = Schedule(decay_from=falls, floor=0.0)
        optimizers = [
            adam_in_one_pass(parameters, self.learning_rate, (self.beta1, 0.999))
            for parameters in (self.generator_parameters(), self.discriminator_parameters())
        ]
        schedulers = [
            {
                "scheduler": LambdaLR(one, lambda step: schedule.factor_at(step, steps)),
                "interval": "step",
            }
            for one in optimizers
        ]
        return optimizers, schedulers

    def on_train_start(self) -> None:
        """Take this run's learning rate, where a checkpoint has brought another."""
        for pool in self.pools.values():
            pool.shard = self.global_rank
        for config in self.trainer.lr_scheduler_configs:
            if isinstance(config.scheduler, LambdaLR):
                adopt_rate(config.scheduler, self.learning_rate)

    def pictures(self, batch: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
        """real_a and real_b of a batch: (B, 3, H, W) in [-1, 1], channels last."""
        return to_signed(to_pictures(batch["a"])), to_signed(to_pictures(batch["b"]))

    def learn(self, which: int, losses: Mapping[str, Tensor]) -> None:
        """One update of the generators or of the discriminators.

        Lightning counts every step of every optimiser; only the generators' are let be counted,
        so that a step is a step of the run, in ``max_steps`` as on the sheets.
        """
        optimizers = self.optimizers()
        assert isinstance(optimizers, list)
        optimizer = optimizers[which]
        optimizer.zero_grad()
        self.manual_backward(torch.stack(list(losses.values())).sum())
        if which == GENERATORS:
            optimizer.step()
        else:
            self.trainer.strategy.optimizer_step(optimizer.optimizer, lambda: None, model=self)

    def close_step(
        self, of_generators: Mapping[str, Tensor], of_discriminators: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Log the terms under their own names, let the rates fall, look for a collapse."""
        terms = dict(of_generators) | dict(of_discriminators)
        total = torch.stack(list(of_generators.values())).sum().detach()
        self.log_dict({f"train/{name}": value.detach() for name, value in terms.items()})
        self.log("train/total", total)
        schedulers = self.lr_schedulers()
        assert isinstance(schedulers, list)
        for scheduler in schedulers:
            assert isinstance(scheduler, LambdaLR)
            scheduler.step()
        found = {name: float(value.detach()) for name, value in of_discriminators.items()}
        if remark := self.watch.look(found, self.global_step):
            _log.warning("%s", remark)
        return {"loss": total}

    def noise(self, tag: int = 0) -> torch.Generator:
        """Random numbers of this step and process: a function of the seed and the step."""
        key = (self.seed, (1 << 49) + tag, self.global_rank, self.global_step)
        state = np.random.SeedSequence(key).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(state[0]) >> 1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the history beside weights and optimisers, of every process its own."""
        checkpoint["impasto_method"] = self.method
        checkpoint["history"] = {name: self._gathered(p) for name, p in self.pools.items()}

    def _gathered(self, pool: HistoryPool) -> list[dict[str, Any]]:
        state = pool.state_dict()
        if self.trainer.world_size == 1:
            return [state | {"held": state["held"].cpu()}]
        everyone = self.all_gather(state["held"].to(self.device))
        assert isinstance(everyone, Tensor)
        return [{"seen": state["seen"], "held": held.cpu()} for held in everyone]

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Check that it is a checkpoint of such a run, and go on with its history.

        Raises:
            InputError: It is of another method.
            WeightsError: Its networks have another shape; the message says where.
        """
        method = checkpoint.get("impasto_method", "another method")
        if method != self.method:
            raise InputError(
                f"the checkpoint is of {method}, not of {self.method}; give one of "
                f"{self.method}, or begin anew."
            )
        check_fit(self.state_dict(), checkpoint["state_dict"], "the checkpoint", self.method)
        for name, states in checkpoint["history"].items():
            state = states[self.global_rank % len(states)]
            self.pools[name].load_state_dict(state | {"held": state["held"].to(self.device)})


@contextlib.contextmanager
def frozen(*networks: nn.Module) -> Iterator[None]:
    """Inside, their weights get no gradients; what flows through them does."""
    parameters = [p for network in networks for p in network.parameters() if p.requires_grad]
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


class CollapseWatch:
    """Notices a discriminator that is never wrong, from which nothing can be learned.

    Args:
        limit: Loss of a discriminator below which it counts as certain; undecided ones have 0.25
            (least squares) or 0.69 (cross entropy).
        patience: Steps in a row after which it is said, and again after ten times as many.
    """

    def __init__(self, limit: float = 0.005, patience: int = 500) -> None:
        self.limit, self.patience = limit, patience
        self._since: dict[str, int] = {}
        self._told_at = patience

    def look(self, losses: Mapping[str, float], step: int) -> str:
        """A sentence when it is time for one, else nothing.

        Args:
            losses: Of the discriminators, by name: d_real, d_a_fake ...
            step: Of the run.
        """
        sides: dict[str, float] = {}
        for name, value in losses.items():
            if name.endswith(("_real", "_fake")):
                side = name.rpartition("_")[0]
                sides[side] = sides.get(side, 0.0) + value
        for side, value in sides.items():
            if not 0 <= value < self.limit:  # wgan-gp has no lower end
                self._since.pop(side, None)
                continue
            since = self._since.setdefault(side, step)
            if step - since + 1 >= self._told_at:
                self._told_at *= 10
                return (
                    f"the discriminator has been certain since step {since} (the loss {side} is "
                    f"below {self.limit}): the generator learns nothing from it. Look at the "
                    "sheets; if they do not improve, begin anew with a lower "
                    "--model.learning_rate, --model.objective.gan lsgan, --model.discriminator."
                    "layers 2, or more pictures."
                )
        return ""
