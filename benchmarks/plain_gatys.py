"""A plain loop of the kind that people clone: one scale, Adam, the whole network, no tricks.

float32, contiguous memory, every layer of the network computed in every step by nn.Conv2d, losses
of the layers added up in Python, pixels clamped after each step. The loss is the same as ours;
only how it is minimised differs.
"""

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from impasto.features.winograd import WinogradConv


def with_plain_convolutions(network: nn.Module) -> nn.Module:
    """The network with torch's convolutions in the place of ours; changed in place."""
    for name, conv in list(network.named_modules()):
        if isinstance(conv, WinogradConv):
            plain = nn.Conv2d(
                conv.in_channels, conv.out_channels, 3, padding=1, padding_mode=conv.padding_mode
            )
            plain.weight, plain.bias = conv.weight, conv.bias
            network.set_submodule(name, plain)
    return network


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
