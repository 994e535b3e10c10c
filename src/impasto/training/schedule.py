"""Adam, and its learning rate over the steps of a run."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import nn
from torch.autograd.graph import increment_version
from torch.optim.lr_scheduler import LambdaLR

from impasto.checks import check_choice, check_range
from impasto.errors import InputError

Kind = Literal["hold-decay", "constant", "cosine", "inverse", "step"]


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """What becomes of the learning rate from the first step to the last."""

    kind: Kind = "hold-decay"
    """hold-decay: held until decay_from, then down linearly to floor at the last step.
    constant: held for ever (Johnson). cosine: down to floor in half a wave.
    inverse: divided by 1 + decay times the step (AdaIN). step: times factor every so many steps
    (source 2)."""

    warm: int = 0
    """Steps at the start in which the rate rises linearly, whatever the kind."""

    decay_from: int | None = None
    """First step of hold-decay's fall; none for no fall, so that a run can be prolonged at will."""

    floor: float = 0.02
    """Part of the rate that hold-decay and cosine leave at the end."""

    decay: float = 5e-5
    """Of inverse, per step."""

    every: int = 10_000
    """Of step: steps between two falls."""

    factor: float = 0.1
    """Of step: part of the rate that a fall leaves."""

    def __post_init__(self) -> None:
        check_choice("schedule kind", self.kind, get_args(Kind))
        check_range("warm", self.warm, at_least=0)
        check_range("decay_from", self.decay_from or 0, at_least=0)
        check_range("floor", self.floor, at_least=0.0, at_most=1.0)
        check_range("decay", self.decay, at_least=0.0)
        check_range("every", self.every, at_least=1)
        check_range("factor", self.factor, above=0.0, at_most=1.0)

    @property
    def needs_end(self) -> bool:
        """Whether the rate depends on how many steps there will be."""
        return self.kind == "cosine" or (self.kind == "hold-decay" and self.decay_from is not None)

    def factor_at(self, step: int, steps: float) -> float:
        """Factor of the learning rate.

        Args:
            step: Number of the update, from 0.
            steps: Updates of the whole run; only asked where ``needs_end``.
        """
        if step < self.warm:
            return (step + 1) / self.warm
        if self.kind == "inverse":
            return 1 / (1 + self.decay * step)
        if self.kind == "step":
            return self.factor ** (step // self.every)
        if self.kind == "constant" or not self.needs_end:
            return 1.0
        begin = self.warm if self.decay_from is None or self.kind == "cosine" else self.decay_from
        if step <= begin:
            return 1.0
        if step >= steps:
            return self.floor
        left = (steps - step) / (steps - begin)
        if self.kind == "cosine":
            left = (1 + math.cos(math.pi * (1 - left))) / 2
        return self.floor + (1 - self.floor) * left


def adam_in_one_pass(
    parameters: Iterable[nn.Parameter],
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
) -> torch.optim.Adam:
    """Adam; on a CPU in one pass over the weights, where the usual one takes a dozen.

    For large networks whose gradients are not clipped: in 16-bit training Lightning refuses to
    clip beside this form. On other devices it is torch's own choice.

    Args:
        parameters: What learns; those without a gradient are left out.
        learning_rate: At its height.
        betas: Of the running means of the gradient and of its square.
    """
    learning = [p for p in parameters if p.requires_grad]
    on_cpu = all(p.device.type == "cpu" for p in learning)
    optimizer = torch.optim.Adam(learning, learning_rate, betas, fused=True if on_cpu else None)
    # The one-pass form forgets to, and what was computed from a weight is kept by its version.
    optimizer.register_step_post_hook(lambda *_: increment_version(learning))
    return optimizer


def adam_on_schedule(
    parts: Mapping[float, Iterable[nn.Parameter]],
    *,
    learning_rate: float,
    schedule: Schedule,
    steps: float,
) -> dict[str, Any]:
    """Adam with a schedule, as Lightning's configure_optimizers gives them.

    Args:
        parts: What learns, by the share of the learning rate at which it does; parameters without
            a gradient are left out.
        learning_rate: At its height.
        schedule: What becomes of it.
        steps: Updates of the whole run, or infinity.

    Raises:
        InputError: The schedule needs an end and there is none.
    """
    if schedule.needs_end and not math.isfinite(steps):
        raise InputError(
            f"the schedule {schedule.kind} must know the last step; give --trainer.max_steps."
        )

    def factor(step: int) -> float:
        return schedule.factor_at(step, steps)

    groups: list[dict[str, Any]] = []
    for share, parameters in parts.items():
        learning = [p for p in parameters if p.requires_grad]
        groups.append({"params": learning, "lr": share * learning_rate, "share": share})
    optimizer = torch.optim.Adam(groups, learning_rate)
    scheduler = LambdaLR(optimizer, factor)
    return {
        "optimizer": optimizer,
        "lr_scheduler": {"scheduler": scheduler, "interval": "step"},
    }


def adopt_rate(scheduler: LambdaLR, learning_rate: float) -> None:
    """Set another learning rate at its height after a checkpoint has brought back the old one.

    With the old rate nothing changes, to the last bit.

    Args:
        scheduler: Of a resumed run.
        learning_rate: At its height.
    """
    groups = scheduler.optimizer.param_groups
    scheduler.base_lrs = [learning_rate * group.get("share", 1.0) for group in groups]
    for group, rate, factor in zip(groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True):
        group["initial_lr"] = rate
        group["lr"] = rate * factor(scheduler.last_epoch)
