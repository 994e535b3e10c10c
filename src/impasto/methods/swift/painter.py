"""Painting with swift: strength, several styles, soft regions."""

from collections.abc import Sequence
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
from impasto.methods.swift.correction import correct_style
from impasto.methods.swift.files import network_of
from impasto.methods.swift.film import Film, RegionFilm, apply_tint
from impasto.methods.swift.network import SCALES, Swift

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
        """The six vectors of a style picture.

        Args:
            pixels: (1, 3, H, W) in [0, 1], any size.

        Returns:
            Mean and deviation, (1, C, 1, 1) float32 on the painter's device, for half, quarter
            and eighth resolution.

        Raises:
            ShapeError: ``pixels`` is not (1, 3, H, W).
        """
        check_shape(pixels, "1 3 H W", name="style")
        size = (pixels.shape[-2], pixels.shape[-1])
        return self.network.statistics(self.network.encode(self._padded(pixels)), size)

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
            content: (1, 3, H, W) in [0, 1], any size.
            styles: As ``encode_style`` gives them.
            weights: One per style, summing to 1; ignored where ``regions`` are given.
            alpha: 0 gives the content back bit for bit; 1 is the style in full. Between, the
                statistics and the modulation are interpolated, and because the network gives a
                picture back only nearly, the content itself is mixed in with (1 - alpha)^4.
            regions: (S, 1, H, W), how much each style rules at each pixel, summing to 1.
            seed: Of the grain.

        Returns:
            (1, 3, H, W), float32, in [0, 1], on the painter's device.

        Raises:
            ShapeError: A tensor of the wrong form, or statistics of another network.
        """
        check_shape(content, "1 3 H W", name="content")
        height, width = content.shape[-2:]
        self._check_styles(styles)
        if regions is not None:
            check_shape(regions, f"{len(styles)} 1 {height} {width}", name="regions")
        content = content.to(self.device)
        if alpha == 0:
            return content.float().clamp(0, 1)
        here = content.to(self.dtype)
        styles = [correct_style(self.network, here, style) for style in styles]
        padded = self._padded(content)
        features = self.network.encode(padded)
        own = self.network.statistics(features, (height, width))
        if regions is None:
            mixed = self._mixed(styles, weights, own, alpha)
        else:
            mixed = self._mixed_by_region(styles, self._region_grids(regions, padded), own, alpha)
        style, film, tint = mixed
        m = self.network.config.margin
        noise = [
            n.to(padded)
            for n in self.network.noise((padded.shape[-2], padded.shape[-1]), seed, (-m, -m))
        ]
        painted = self.network.decode(padded, features, own, style, film, tint, noise)
        painted = painted[..., m : m + height, m : m + width].float()
        if alpha < 1:
            painted = painted.lerp(content.float(), (1 - alpha) ** 4)
        return painted.clamp_(0, 1)

    def _check_styles(self, styles: Sequence[Statistics]) -> None:
        wanted = tuple(self.network.config.widths)
        for style in styles:
            found = tuple(mean.shape[1] for mean, _ in style)
            if found != wanted:
                raise ShapeError(
                    f"a style's statistics must have {wanted} channels for this painter, got "
                    f"{found}; make them with its encode_style."
                )

    def _padded(self, pixels: Tensor) -> Tensor:
        """With the margin of reflection, sides multiples of 8, in the painter's type."""
        m = self.network.config.margin
        height, width = pixels.shape[-2:]
        right, bottom = m + -width % CELL, m + -height % CELL
        pixels = pixels.to(self.device, self.dtype)
        padded = pad_reflect(pixels, (m, right, m, bottom))
        return padded.contiguous(memory_format=torch.channels_last)

    def _mixed(
        self, styles: Sequence[Statistics], weights: Sequence[float], own: Statistics, alpha: float
    ) -> tuple[Statistics, Film, "Tint"]:
        """Statistics, scales and shifts, and colours of a weighted mean of styles."""
        shares = [alpha * w for w in weights]
        everyone = [*styles]
        if alpha < 1:
            shares, everyone = [*shares, 1 - alpha], [*everyone, own]
        parts = [self.network.modulation(style, own) for style in everyone]
        style = _weighted(everyone, shares)
        film = sum(share * values for share, (values, _) in zip(shares, parts, strict=True))
        tint = sum(share * tint for share, (_, tint) in zip(shares, parts, strict=True))
        return style, Film(film), Tint(tint, None)  # type: ignore[arg-type]

    def _mixed_by_region(
        self,
        styles: Sequence[Statistics],
        grids: dict[tuple[int, int], Tensor],
        own: Statistics,
        alpha: float,
    ) -> tuple[Statistics, Film, "Tint"]:
        """The same, each style weighed at each position by its region."""
        toned = [_weighted([style, own], [alpha, 1 - alpha]) for style in styles]
        by_scale = sorted(grids, reverse=True)[1:]  # the largest is the picture itself
        style = tuple(
            tuple(
                sum(t[scale][part] * grids[size][i : i + 1] for i, t in enumerate(toned))
                for part in (0, 1)
            )
            for scale, size in enumerate(by_scale)
        )
        parts = [self._mixed([s], [1.0], own, alpha)[1:] for s in styles]
        values = torch.cat([film.values for film, _ in parts])
        tints = torch.cat([tint.matrix for _, tint in parts])
        picture = grids[max(grids)]
        return style, RegionFilm(values, grids), Tint(tints, picture)  # type: ignore[return-value]

    def _region_grids(self, regions: Tensor, padded: Tensor) -> dict[tuple[int, int], Tensor]:
        """The regions on the picture's own grid and on that of each scale."""
        m = self.network.config.margin
        height, width = regions.shape[-2:]
        right, bottom = padded.shape[-1] - width - m, padded.shape[-2] - height - m
        whole = pad_reflect(regions.to(self.device, torch.float32), (m, right, m, bottom))
        grids = [whole, *(F.avg_pool2d(whole, scale) for scale in SCALES)]
        return {(grid.shape[-2], grid.shape[-1]): grid for grid in grids}


class Tint:
    """The styles' colour matrices (S, 3, 3), mixed by regions (S, 1, H, W) where there are any."""

    def __init__(self, matrix: Tensor, regions: Tensor | None) -> None:
        self.matrix, self.regions = matrix, regions

    def __call__(self, images: Tensor) -> Tensor:
        """(1, 3, H, W) to the same in the styles' colours."""
        if self.regions is None:
            return apply_tint(images, self.matrix)
        tinted = apply_tint(images.expand(len(self.matrix), -1, -1, -1), self.matrix)
        return (tinted * self.regions.to(images.dtype)).sum(0, keepdim=True)


def _weighted(styles: Sequence[Statistics], shares: Sequence[float]) -> Statistics:
    def mean(scale: int, part: int) -> Tensor:
        terms = [w * s[scale][part] for w, s in zip(shares, styles, strict=True)]
        return torch.stack(terms).sum(0)

    return tuple((mean(i, 0), mean(i, 1)) for i in range(len(styles[0])))
