"""Painting with AdaIN: strength, several styles, soft regions."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from impasto.blocks import channels_last
from impasto.checks import check_shape
from impasto.errors import ShapeError
from impasto.features.statistics import channel_statistics
from impasto.images.resize import pad_reflect
from impasto.methods.adain.network import EPS, STYLE_LAYERS, AdaIN
from impasto.methods.adain.windows import CELL, MARGIN, AdaINPainting
from impasto.methods.base import Statistics


class AdaINPainter:
    """A trained AdaIN on a device.

    Args:
        network: With its weights.
        device: Where it paints.
        dtype: What it computes in; statistics are float32 always.
        digest: Of the weights, see Painter.
    """

    def __init__(
        self,
        network: AdaIN,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        digest: str = "",
    ) -> None:
        self.device, self.dtype, self.digest = device or torch.device("cpu"), dtype, digest
        self.network = channels_last(network, self.device, dtype)
        self.network.requires_grad_(False).eval()

    own_style = None

    @torch.inference_mode()
    def encode_style(self, pixels: Tensor) -> Statistics:
        """Mean and deviation of a style picture at the deepest layer.

        Args:
            pixels: (1, 3, H, W) in [0, 1], at least 16 pixels a side.

        Returns:
            One pair (1, C, 1, 1), float32, on the painter's device.

        Raises:
            ShapeError: ``pixels`` is not (1, 3, H, W).
            InputError: The picture is too small for the encoder.
        """
        check_shape(pixels, "1 3 H W", name="style")
        features = self.network.encode(self._here(pixels))[STYLE_LAYERS[-1]]
        return (channel_statistics(features, EPS),)

    @torch.inference_mode()
    def paint(
        self,
        content: Tensor,
        styles: Sequence[Statistics],
        *,
        weights: Sequence[float],
        alpha: float = 1.0,
        regions: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Paint a picture in one style or a mix of several.

        Args:
            content: (B, 3, H, W) in [0, 1], any size; with ``regions`` one picture.
            styles: As ``encode_style`` gives them.
            weights: One per style, summing to 1; ignored where ``regions`` are given.
            alpha: 0 gives the content back bit for bit, 1 is the style in full; between, features
                are interpolated (section 6.2), and because the decoder gives a picture back only
                nearly, the content itself is mixed in with (1 - alpha)^4.
            regions: (S, 1, H, W), how much each style rules at each pixel, summing to 1.
            seed: Not used: nothing is random here.

        Returns:
            (B, 3, H, W), float32, in [0, 1], on the painter's device.

        Raises:
            ShapeError: A tensor of the wrong form, or statistics of another network.
        """
        check_shape(content, "B 3 H W", name="content")
        self._check_styles(styles)
        height, width = content.shape[-2:]
        content = content.to(self.device)
        if alpha == 0:
            return content.float().clamp(0, 1)
        sides = (MARGIN, MARGIN + -width % CELL, MARGIN, MARGIN + -height % CELL)
        if regions is not None:
            check_shape(content, "1 3 H W", name="content")
            check_shape(regions, f"{len(styles)} 1 {height} {width}", name="regions")
            regions = pad_reflect(regions.to(self.device).float(), sides)
        painting = AdaINPainting(self.network, styles, weights=weights, alpha=alpha)
        padded = pad_reflect(content, sides)
        features = list(painting.look(padded))
        painting.own = channel_statistics(features[0], EPS)
        painted = painting.paint(
            padded, origin=(-MARGIN, -MARGIN), regions=regions, features=features
        )
        painted = painted[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width]
        if alpha < 1:
            painted = painted.lerp(content.float(), painting.content_share)
        return painted.clamp_(0, 1)

    def begin(
        self,
        styles: Sequence[Statistics],
        *,
        weights: Sequence[float],
        size: tuple[int, int],
        shrink: Callable[[tuple[int, int]], Tensor],
        alpha: float = 1.0,
        seed: int = 0,
        exact: bool = True,
    ) -> AdaINPainting:
        """Begin a picture that is painted window by window; see ``TiledPainter``.

        Raises:
            ShapeError: Statistics of another network.
        """
        self._check_styles(styles)
        return AdaINPainting(self.network, styles, weights=weights, alpha=alpha)

    def _here(self, pixels: Tensor) -> Tensor:
        pixels = pixels.to(self.device, self.dtype)
        return pixels.contiguous(memory_format=torch.channels_last)

    def _check_styles(self, styles: Sequence[Statistics]) -> None:
        wanted = self.network.encoder.plan.widths[3]
        for style in styles:
            if len(style) != 1 or style[0][0].shape[1] != wanted:
                found = [mean.shape[1] for mean, _ in style]
                raise ShapeError(
                    f"a style's statistics must have {wanted} channels for this painter, got "
                    f"{found}; make them with its encode_style."
                )
