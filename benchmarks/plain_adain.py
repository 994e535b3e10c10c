"""AdaIN as its paper has it and as peers run it: the footing on which swift's speed is told.

Huang and Belongie, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization",
ICCV 2017. https://arxiv.org/abs/1703.06868

Encoder: the normalised VGG-19 to relu4_1, beginning with its 1x1 convolution, reflection padding;
3,505,740 parameters. Decoder: its mirror, nearest upsampling; 3,505,219 parameters. Weights are
random (speed does not depend on them), scaled so that activations stay finite and non-trivial.
"""

import torch
from torch import Tensor, nn

ENCODER = "1x1:3 64 64 M 128 128 M 256 256 256 256 M 512"
DECODER = "256 U 256 256 256 128 U 128 64 U 64 3"


class PlainAdaIN(nn.Module):
    """Encode both pictures, align, decode."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _build(ENCODER, channels=3)
        self.decoder = _build(DECODER, channels=512)[:-1]  # its last convolution has no ReLU

    def style_of(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation (B, 512, 1, 1) of a style picture (B, 3, H, W)."""
        return _statistics(self.encoder(style))

    def transfer(self, content: Tensor, style: tuple[Tensor, Tensor]) -> Tensor:
        """(B, 3, H, W) in the manner of a style whose statistics are known."""
        features = self.encoder(content)  # (B, 512, H/8, W/8)
        mean, deviation = _statistics(features)
        aligned = (features - mean) / deviation * style[1] + style[0]
        return self.decoder(aligned)  # type: ignore[no-any-return]


def _statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(features, dim=(2, 3), keepdim=True)
    return mean, (variance + 1e-5).sqrt()


def _build(plan: str, channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for word in plan.split():
        if word == "M":
            layers.append(nn.MaxPool2d(2, ceil_mode=True))
        elif word == "U":
            layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        elif word.startswith("1x1:"):
            layers.append(nn.Conv2d(channels, channels := int(word[4:]), 1))
        else:
            convolution = nn.Conv2d(
                channels, channels := int(word), 3, padding=1, padding_mode="reflect"
            )
            nn.init.kaiming_normal_(convolution.weight)
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers)
