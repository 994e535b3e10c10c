"""A running average of weights, which paints better than the last update."""

import torch
from torch import nn


class AverageWeights(nn.Module):
    """Exponential moving average of a network's parameters.

    The decay grows with the number of updates, so that early ones are forgotten soon.

    Args:
        network: Whose parameters are followed.
        decay: Part of the old average kept at each update in the long run.
    """

    def __init__(self, network: nn.Module, decay: float = 0.999) -> None:
        super().__init__()
        self.decay = decay
        for name, parameter in network.named_parameters():
            self.register_buffer(self._key(name), parameter.detach().clone())

    @staticmethod
    def _key(name: str) -> str:
        return name.replace(".", "|")  # buffers may not have dots in their names

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the parameters after update number ``step``."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in network.named_parameters():
            self.get_buffer(self._key(name)).lerp_(parameter.detach(), 1 - decay)

    def state(self) -> dict[str, torch.Tensor]:
        """The averaged parameters by the network's own names."""
        return {name.replace("|", "."): value for name, value in self.named_buffers()}
