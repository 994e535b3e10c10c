"""What swift sees in a picture: three grids of features, without normalisation.

No feature here comes from zeros beyond the border: they are an edge that the picture does not
have. Where a smooth wall met the border it was as strong as all that the wall has of its own, and
was painted as a line.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from impasto.methods.swift.layers import BorderlessConv, PatchConv, PReLU


class Residual(nn.Module):
    """x + conv(prelu(conv(x))).

    Args:
        channels: Of the features.
        leak: See SwiftConfig.
    """

    def __init__(self, channels: int, leak: float) -> None:
        super().__init__()
        self.first = BorderlessConv(channels, channels)
        self.prelu = PReLU(channels, leak)
        self.second = BorderlessConv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same; without gradient x is written over."""
        return self.second(self.prelu(self.first(x)), onto=x)  # type: ignore[no-any-return]


class Encoder(nn.Module):
    """A picture's features at half, quarter and eighth resolution, without normalisation.

    Args:
        widths: Channels of each.
        leak: See SwiftConfig.
    """

    def __init__(self, widths: Sequence[int], leak: float) -> None:
        super().__init__()
        half, quarter, eighth = widths
        self.at_half = nn.Sequential(
            PatchConv(3, half, 3, slope=0.0), BorderlessConv(half, half, 0.0)
        )
        self.at_quarter = nn.Sequential(
            PatchConv(half, quarter), PReLU(quarter, leak),
            BorderlessConv(quarter, quarter), PReLU(quarter, leak),
        )  # fmt: skip
        self.at_eighth = nn.Sequential(
            PatchConv(quarter, eighth), PReLU(eighth, leak),
            BorderlessConv(eighth, eighth), PReLU(eighth, leak),
            Residual(eighth, leak),
        )  # fmt: skip

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, 3, H, W), sides multiples of 8, to the grids of SCALES."""
        half = self.at_half(images)  # (B, C1, H/2, W/2)
        quarter = self.at_quarter(half)  # (B, C2, H/4, W/4)
        return half, quarter, self.at_eighth(quarter)  # (B, C3, H/8, W/8)
