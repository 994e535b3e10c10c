"""A training step of AdaIN as peers write it: the footing for our step's speed.

Written from the published description (Huang and Belongie 2017, sections 5 and 6.1, with means of
squares and a weight of 10, as naoto0804/pytorch-AdaIN has them): float32, contiguous memory,
torch's own layers. The encoder is run anew on the style, the content and the result, and answers
with all its taps each time; nothing is kept from one step to the next. Networks are those of
plain_adain.py. The losses are ours (variances are biased, where some peers' are not); only how
they are computed differs.
"""

import torch
import torch.nn.functional as F
from plain_adain import PlainAdaIN
from torch import Tensor, nn

TAPS = (2, 7, 12, 21)
"""Modules of the encoder after which relu1_1, relu2_1, relu3_1 and relu4_1 are read."""


class PlainAdaINTraining:
    """A frozen encoder, a decoder that learns, Adam.

    Args:
        learning_rate: Of Adam.
        style_weight: Of the style loss.
    """

    def __init__(self, learning_rate: float = 1e-4, style_weight: float = 10.0) -> None:
        networks = PlainAdaIN()
        self.encoder, self.decoder = networks.encoder, networks.decoder
        self.encoder.requires_grad_(False)
        for module in self.encoder:
            if isinstance(module, nn.MaxPool2d):
                # As ours; for sides that are multiples of 8 it makes no difference.
                module.ceil_mode = False
        self.style_weight = style_weight
        self.optimizer = torch.optim.Adam(self.decoder.parameters(), learning_rate)

    def take_weights_of(self, network: nn.Module) -> None:
        """Begin where ours begins: parameters are in the same order in both."""
        for name in ("encoder", "decoder"):
            mine = getattr(self, name).parameters()
            theirs = network.get_submodule(name).parameters()
            for own, given in zip(mine, theirs, strict=True):
                own.data.copy_(given.data)

    def to(self, device: torch.device) -> "PlainAdaINTraining":
        """Move the networks."""
        self.encoder.to(device)
        self.decoder.to(device)
        return self

    def step(self, content: Tensor, style: Tensor) -> dict[str, float]:
        """One update; the terms by our names.

        Args:
            content, style: (B, 3, H, W) in [0, 1].
        """
        of_style, of_content = self._encode(style), self._encode(content)
        mean, deviation = _statistics(of_content[-1])
        wanted_mean, wanted_deviation = _statistics(of_style[-1])
        target = (of_content[-1] - mean) / deviation * wanted_deviation + wanted_mean
        stylized = self.decoder(target)
        found = self._encode(stylized)
        style_loss = torch.zeros((), device=content.device)
        for own, wanted in zip(found, of_style, strict=True):
            pairs = zip(_statistics(own), _statistics(wanted), strict=True)
            style_loss = style_loss + sum(F.mse_loss(a, b) for a, b in pairs)
        losses = {
            "content": F.mse_loss(found[-1], target),
            "style": self.style_weight * style_loss,
        }
        self.optimizer.zero_grad()
        (losses["content"] + losses["style"]).backward()
        self.optimizer.step()
        return {name: float(value.detach()) for name, value in losses.items()}

    def _encode(self, images: Tensor) -> list[Tensor]:
        x, taps = images, []
        for place, module in enumerate(self.encoder):
            x = module(x)
            if place in TAPS:
                taps.append(x)
        return taps


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(features, dim=(2, 3), keepdim=True, correction=0)
    return mean, (variance + 1e-5).sqrt()
