"""Painting with swift: strength, several styles, soft regions."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.blocks import channels_last
from impasto.checks import check_shape
from impasto.errors import ShapeError
from impasto.images.resize import pad_reflect
from impasto.methods.base import Statistics
from impasto.methods.swift.correction import correct_style, thumbnail_size
from impasto.methods.swift.files import network_of
from impasto.methods.swift.network import Swift
from impasto.methods.swift.shape import SCALES
from impasto.methods.swift.windows import SwiftPainting

CELL = SCALES[-1]


class SwiftPainter:
    """A trained swift on a device.

    Args:
        network: With its weights.
        device: Where it paints.
        dtype: What it computes in; statistics are float32 always.
        digest: Of the weights, see Painter.
    """

    def __init__(
        self,
        network: Swift,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        digest: str = "",
    ) -> None:
        self.device, self.dtype, self.digest = device or torch.device("cpu"), dtype, digest
        self.network = channels_last(network, self.device, dtype)
        self.network.requires_grad_(False).eval()

    @classmethod
    def of(
        cls,
        tensors: dict[str, Tensor],
        metadata: dict[str, str],
        origin: str | Path,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """A painter with the tensors and the metadata of a weight file.

        Raises:
            WeightsError: They are not swift's; the message names what differs.
        """
        network = network_of(tensors, metadata, origin)
        return cls(network, device=device, dtype=dtype, digest=metadata.get("digest", ""))

    own_style = None

    @torch.inference_mode()
    def encode_style(self, pixels: Tensor) -> Statistics:
        """What the network is told of a style picture.

        Args:
            pixels: (1, 3, H, W) in [0, 1], any size.

        Returns:
            Mean and deviation, (1, C, 1, 1) float32 on the painter's device, for half, quarter
            and eighth resolution and for each of lite's taps.

        Raises:
            ShapeError: ``pixels`` is not (1, 3, H, W).
        """
        check_shape(pixels, "1 3 H W", name="style")
        size = (pixels.shape[-2], pixels.shape[-1])
        return self.network.describe(self._padded(pixels), size)

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
            alpha: 0 gives the content back bit for bit; 1 is the style in full. Between, the
                statistics and the modulation are interpolated, and because the network gives a
                picture back only nearly, the content itself is mixed in with (1 - alpha)^4.
            regions: (S, 1, H, W), how much each style rules at each pixel, summing to 1.
            seed: Of the grain.

        Returns:
            (B, 3, H, W), float32, in [0, 1], on the painter's device.

        Raises:
            ShapeError: A tensor of the wrong form, or statistics of another network.
        """
        check_shape(content, "B 3 H W", name="content")
        height, width = content.shape[-2:]
        self._check_styles(styles)
        if regions is not None:
            check_shape(content, "1 3 H W", name="content")
            check_shape(regions, f"{len(styles)} 1 {height} {width}", name="regions")
        content = content.to(self.device)
        if alpha == 0:
            return content.float().clamp(0, 1)
        here = content.to(self.dtype)
        painting = self.begin(
            styles,
            weights=weights,
            size=(height, width),
            shrink=partial(F.adaptive_avg_pool2d, here),
            alpha=alpha,
            seed=seed,
        )
        padded = self._padded(content)
        if regions is not None:
            regions = pad_reflect(regions.to(self.device), self._sides(height, width))
        m = painting.margin
        features = list(painting.look(padded))
        painting.know(self.network.statistics(features, (height, width)))
        painted = painting.paint(padded, origin=(-m, -m), regions=regions, features=features)
        painted = painted[..., m : m + height, m : m + width]
        if alpha < 1:
            painted = painted.lerp(content.float(), painting.content_share)
        return painted.clamp_(0, 1)

    @torch.inference_mode()
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
    ) -> SwiftPainting:
        """Begin a picture that is painted window by window; see ``TiledPainter``.

        Raises:
            ShapeError: Statistics of another network.
        """
        self._check_styles(styles)
        small = shrink(thumbnail_size(size)).to(self.device, self.dtype)
        small = small.contiguous(memory_format=torch.channels_last)
        asked = [correct_style(self.network, small, style) for style in styles]
        return SwiftPainting(
            self.network,
            asked,
            styles,
            weights=weights,
            alpha=alpha,
            seed=seed,
            # The thumbnail stands for the content, which is never held as a whole.
            perceived=self.network.perceive(self._padded(small), small.shape[-2:])
            if alpha < 1
            else (),
        )

    def _check_styles(self, styles: Sequence[Statistics]) -> None:
        wanted = self.network.config.pair_widths
        for style in styles:
            found = tuple(mean.shape[1] for mean, _ in style)
            if found != wanted:
                raise ShapeError(
                    f"a style's statistics must have {wanted} channels for this painter, got "
                    f"{found}; make them with its encode_style."
                )

    def _sides(self, height: int, width: int) -> tuple[int, int, int, int]:
        """The margin of reflection (left, right, top, bottom), to sides that are multiples of 8."""
        m = self.network.config.margin
        return m, m + -width % CELL, m, m + -height % CELL

    def _padded(self, pixels: Tensor) -> Tensor:
        """With the margin of reflection, in the painter's type."""
        pixels = pixels.to(self.device, self.dtype)
        padded = pad_reflect(pixels, self._sides(pixels.shape[-2], pixels.shape[-1]))
        return padded.contiguous(memory_format=torch.channels_last)
