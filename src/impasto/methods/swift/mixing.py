"""Several styles in one picture: by weights everywhere, or by soft regions."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.methods.base import Statistics
from impasto.methods.swift.film import Film, RegionFilm, apply_tint
from impasto.methods.swift.network import Swift
from impasto.methods.swift.shape import SCALES


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


def mix(
    network: Swift,
    styles: Sequence[Statistics],
    wanted: Sequence[Statistics],
    weights: Sequence[float],
    own: Statistics,
    alpha: float,
) -> tuple[Statistics, Film, Tint]:
    """Statistics, scales and shifts, and colours of a weighted mean of styles.

    Args:
        network: Which will paint.
        styles: At least one: what to ask for.
        wanted: In whose place each of them is asked for, see ``correction.py``.
        weights: One per style, summing to 1.
        own: The content's statistics; where alpha is below 1, also those of the taps.
        alpha: How much of the styles; the rest is the content's own.
    """
    shares = [alpha * w for w in weights]
    everyone, meant = [*styles], [*wanted]
    if alpha < 1:
        shares, everyone, meant = [*shares, 1 - alpha], [*everyone, own], [*meant, own]
    parts = [network.modulation(a, own, w) for a, w in zip(everyone, meant, strict=True)]
    style = _weighted(everyone, shares)
    film = sum(share * values for share, (values, _) in zip(shares, parts, strict=True))
    tint = sum(share * tint for share, (_, tint) in zip(shares, parts, strict=True))
    return style, Film(film), Tint(tint, None)  # type: ignore[arg-type]


def mix_by_region(
    network: Swift,
    styles: Sequence[Statistics],
    wanted: Sequence[Statistics],
    regions: Tensor,
    own: Statistics,
    alpha: float,
) -> tuple[Statistics, Film, Tint]:
    """The same, each style weighed at each position by its region.

    Args:
        network, styles, wanted, own, alpha: See ``mix``.
        regions: (S, 1, H, W) over the padded picture, float32, summing to 1.
    """
    by_scale = [F.avg_pool2d(regions, scale) for scale in SCALES]
    scales = len(SCALES)
    toned = [_weighted([s[:scales], own[:scales]], [alpha, 1 - alpha]) for s in styles]
    style = tuple(
        tuple(sum(t[scale][part] * grid[i : i + 1] for i, t in enumerate(toned)) for part in (0, 1))
        for scale, grid in enumerate(by_scale)
    )
    pairs = zip(styles, wanted, strict=True)
    parts = [mix(network, [asked], [style], [1.0], own, alpha)[1:] for asked, style in pairs]
    values = torch.cat([film.values for film, _ in parts])
    tints = torch.cat([tint.matrix for _, tint in parts])
    grids = {(grid.shape[-2], grid.shape[-1]): grid for grid in (regions, *by_scale)}
    return style, RegionFilm(values, grids), Tint(tints, regions)  # type: ignore[return-value]


def _weighted(styles: Sequence[Statistics], shares: Sequence[float]) -> Statistics:
    def mean(scale: int, part: int) -> Tensor:
        terms = [w * s[scale][part] for w, s in zip(shares, styles, strict=True)]
        return torch.stack(terms).sum(0)

    return tuple((mean(i, 0), mean(i, 1)) for i in range(len(styles[0])))
