"""Adam and L-BFGS on pixels.

    Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015
    Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical
    Programming 45, 1989; line search: Nocedal and Wright, "Numerical Optimization", algorithm 3.5

torch has both; here stands what pixels ask of them: no early stop, no loss computed twice, and
moments that survive a change of size.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.losses.finite import check_finite
from impasto.methods.gatys.canvas import Canvas

REMEDY = "begin again with a lower --learning-rate or weight of it"

Loss = Callable[[Tensor], dict[str, Tensor]]
"""A picture's weighted terms."""


class PixelAdam:
    """Adam whose moments can be carried to another size.

    Args:
        canvas: What is optimised.
        loss: Of its picture.
        learning_rate: In units of pixels' range.
        betas: Memory of gradients and of squared gradients.
        floor: Part of the learning rate that is left at the end of a scale.
        clamp: To [0, 1] after each step.
    """

    def __init__(
        self,
        canvas: Canvas,
        loss: Loss,
        *,
        learning_rate: float,
        betas: tuple[float, float],
        floor: float,
        clamp: bool,
    ) -> None:
        self.canvas, self.loss, self.clamp = canvas, loss, clamp
        self.learning_rate, self.floor = learning_rate, floor
        self.adam = torch.optim.Adam(canvas.leaves, lr=learning_rate, betas=betas)

    def step(self, progress: float = 0.0) -> dict[str, float]:
        """One update; the terms before it.

        Args:
            progress: How much of the scale is done, from 0 to 1: the learning rate falls with it
                along half a cosine.
        """
        falling = self.floor + (1 - self.floor) * (1 + math.cos(math.pi * progress)) / 2
        self.adam.param_groups[0]["lr"] = self.learning_rate * falling
        self.adam.zero_grad()
        terms = self.loss(self.canvas.picture())
        check_finite(terms, REMEDY)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.adam.step()
        if self.clamp:
            self.canvas.clamp()
        return {name: float(value.detach()) for name, value in terms.items()}

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return dict(self.adam.state_dict())

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken of a canvas of the same size."""
        self.adam.load_state_dict(dict(state))

    def carry(self, previous: "PixelAdam") -> None:
        """Take the moments of another size along, resized.

        A squared gradient must stay at least 0, so it is interpolated without overshoot. Of a
        pyramid with another number of parts nothing is taken.
        """
        if len(previous.canvas.leaves) != len(self.canvas.leaves):
            return
        self.restore(previous.state())
        for leaf, moments in self.adam.state.items():
            size = leaf.shape[-2:]
            if moments["exp_avg"].shape[-2:] == size:
                continue
            moments["exp_avg"] = F.interpolate(
                moments["exp_avg"], size=size, mode="bicubic", align_corners=False
            )
            moments["exp_avg_sq"] = F.interpolate(
                moments["exp_avg_sq"], size=size, mode="bilinear", align_corners=False
            )


class PixelLBFGS:
    """L-BFGS with strong Wolfe conditions that goes on as long as it is asked.

    torch's stops when a change is small, and computes the loss at the start of each call again
    though the last one ended there; tolerances below 0 and a memory of what was computed mend it.

    Args:
        canvas: What is optimised, of one level.
        loss: Of its picture.
        learning_rate: First trial step of the line search, in units of the quasi-Newton step.
        history: Steps remembered.
    """

    def __init__(self, canvas: Canvas, loss: Loss, *, learning_rate: float, history: int) -> None:
        self.image, self.loss = canvas.leaves[0], loss
        self.evaluations = 0
        self._known: list[tuple[Tensor, dict[str, Tensor], Tensor]] = []
        self.lbfgs = torch.optim.LBFGS(
            [self.image],
            lr=learning_rate,
            max_iter=1,
            max_eval=64,
            history_size=history,
            tolerance_grad=0.0,
            tolerance_change=-1.0,
            line_search_fn="strong_wolfe",
        )

    def step(self, progress: float = 0.0) -> dict[str, float]:
        """One iteration, with as many evaluations as its line search needs; the terms after it.

        Args:
            progress: Of no account here: a line search finds its own length.
        """
        self.lbfgs.step(self._evaluate)  # type: ignore[no-untyped-call]
        terms = self._look_up() or self._compute()
        return {name: float(value) for name, value in terms[1].items()}

    def _evaluate(self) -> Tensor:
        _, terms, gradient = self._look_up() or self._compute()
        self.image.grad = gradient.clone()
        return torch.stack(list(terms.values())).sum()

    def _look_up(self) -> tuple[Tensor, dict[str, Tensor], Tensor] | None:
        here = self.image.detach()
        return next((known for known in self._known if torch.equal(known[0], here)), None)

    def _compute(self) -> tuple[Tensor, dict[str, Tensor], Tensor]:
        self.evaluations += 1
        with torch.enable_grad():
            terms = self.loss(self.image)
            check_finite(terms, REMEDY)
            total = torch.stack(list(terms.values())).sum()
            (gradient,) = torch.autograd.grad(total, self.image)
        found = {name: value.detach() for name, value in terms.items()}
        known = self.image.detach().clone(), found, gradient
        # A line search ends at one of its last trials, not always at the very last.
        self._known = [known, *self._known[:3]]
        return known

    def state(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return dict(self.lbfgs.state_dict())

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where ``state`` was taken; a history of another size is forgotten."""
        if state["state"] and state["state"][0]["d"].numel() == self.image.numel():
            self.lbfgs.load_state_dict(dict(state))
