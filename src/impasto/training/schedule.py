"""Adam, and its learning rate over the steps of a run."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from impasto.checks import check_range


def check_schedule(*, learning_rate: float, warm: int, decay_from: int, floor: float) -> None:
    """Refuse what cannot be a schedule, before a run is set up for it.

    Raises:
        InputError: A value outside its range.
    """
    check_range("learning_rate", learning_rate, above=0.0)
    check_range("warm", warm, at_least=0)
    check_range("decay_from", decay_from, at_least=0)
    check_range("floor", floor, at_least=0.0, at_most=1.0)


def adam_on_schedule(
    parameters: Iterable[nn.Parameter],
    *,
    learning_rate: float,
    warm: int,
    decay_from: int,
    steps: int,
    floor: float,
) -> dict[str, Any]:
    """Adam with ``warm_hold_decay``, as Lightning's configure_optimizers gives them.

    Args:
        parameters: What learns; those without a gradient are left out.
        learning_rate: At its height.
        warm, decay_from, steps, floor: See warm_hold_decay.
    """

    def factor(step: int) -> float:
        return warm_hold_decay(step, warm=warm, decay_from=decay_from, steps=steps, floor=floor)

    optimizer = torch.optim.Adam([p for p in parameters if p.requires_grad], learning_rate)
    schedule = LambdaLR(optimizer, factor)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def warm_hold_decay(step: int, *, warm: int, decay_from: int, steps: int, floor: float) -> float:
    """Factor of the learning rate: up linearly, hold, down linearly.

    Holding lets a run be prolonged or ended at will: only its last part is a decay.

    Args:
        step: Number of the update, from 0.
        warm: Updates of the rise.
        decay_from: First update of the fall.
        steps: Last update of the fall.
        floor: Factor at and after the end.
    """
    if step < warm:
        return (step + 1) / warm
    if step <= decay_from:
        return 1.0
    if step >= steps:
        return floor
    return floor + (1 - floor) * (steps - step) / (steps - decay_from)
