"""What swift sees in a picture: three grids of features, without normalisation."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from impasto.blocks import PatchConv


class Residual(nn.Module):
    """x + conv(relu(conv(x))), plain.

    Args:
        channels: Of the features.
        leak: Of what is below 0, the part that the ReLU lets through.
    """

    def __init__(self, channels: int, leak: float = 0.0) -> None:
        super().__init__()
        self.leak = leak
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        return self.second(F.leaky_relu(self.first(x), self.leak, inplace=True)).add_(x)  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """A picture's features at half, quarter and eighth resolution, without normalisation.

    Args:
        widths: Channels of each.
        leak: Of the two coarse scales' ReLUs, see SwiftConfig.
    """

    def __init__(self, widths: Sequence[int], leak: float = 0.0) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.at_half = nn.Sequential(
            PatchConv(3, half, 3), nn.ReLU(inplace=True),
            nn.Conv2d(half, half, 3, padding=1), nn.ReLU(inplace=True),
        )  # fmt: skip
        self.at_quarter = nn.Sequential(
            PatchConv(half, quarter), nn.LeakyReLU(leak, inplace=True),
            nn.Conv2d(quarter, quarter, 3, padding=1), nn.LeakyReLU(leak, inplace=True),
        )  # fmt: skip
        self.at_eighth = nn.Sequential(
            PatchConv(quarter, eighth), nn.LeakyReLU(leak, inplace=True),
            nn.Conv2d(eighth, eighth, 3, padding=1), nn.LeakyReLU(leak, inplace=True),
            Residual(eighth, leak),
        )  # fmt: skip

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W), sides multiples of 8, to the grids of SCALES."""
        half = self.at_half(images)  # (B, C1, H/2, W/2)
        quarter = self.at_quarter(half)  # (B, C2, H/4, W/4)
        return half, quarter, self.at_eighth(quarter)  # (B, C3, H/8, W/8)
