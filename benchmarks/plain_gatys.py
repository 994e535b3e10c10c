"""A plain loop of the kind that people clone: one scale, Adam, the whole network, no tricks.

float32, contiguous memory, every layer of the network computed in every step, losses of the
layers added up in Python, pixels clamped after each step. The loss is the same as ours; only how
it is minimised differs.
"""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor


def plain_steps(
    image: Tensor, loss: Callable[[Tensor], dict[str, Tensor]], *, steps: int, learning_rate: float
) -> Iterator[tuple[float, float]]:
    """(seconds since the start, loss) after each step.

    Args:
        image: (1, 3, H, W), where it begins.
        loss: Terms to be summed.
        steps: How many.
        learning_rate: Of Adam.
    """
    image = image.detach().clone().contiguous().requires_grad_()
    adam = torch.optim.Adam([image], lr=learning_rate)
    start = time.perf_counter()
    for _ in range(steps):
        adam.zero_grad()
        total = sum(loss(image).values(), torch.zeros(()))
        total.backward()  # type: ignore[no-untyped-call]
        adam.step()
        with torch.no_grad():
            image.clamp_(0, 1)
        yield time.perf_counter() - start, float(total.detach())
