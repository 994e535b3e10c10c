"""The result run beside torch: no export is done before both paint the same."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from impasto.errors import ExportError

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays], NDArray[Any]]
"""From named inputs to the picture."""

LIMIT = 1e-3
"""Largest difference of a value in [0, 1] between a float32 result and torch."""

SIZES = ((64, 96), (61, 45), (200, 136))
"""(height, width) of the pictures that are compared: a multiple of every cell, odd, another."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How far a result is from torch at one size; pixels are in [0, 1]."""

    size: tuple[int, int]
    largest: float
    mean: float

    def __str__(self) -> str:
        height, width = self.size
        return f"{width}x{height}: {self.largest:.1e} at most, {self.mean:.1e} on average"


def compare(run: Run, reference: Run, samples: Sequence[Arrays]) -> list[Difference]:
    """Run both on every sample.

    Raises:
        ExportError: The result has another shape, or values that are not numbers.
    """
    found = []
    for sample in samples:
        got, wanted = run(sample), reference(sample)
        if got.shape != wanted.shape:
            raise ExportError(
                f"the exported graph gives {got.shape} where torch gives {wanted.shape}; nothing "
                "was written."
            )
        apart = np.abs(got.astype(np.float32) - wanted.astype(np.float32))
        if not np.isfinite(apart).all():
            raise ExportError(
                "the exported graph gives values that are not numbers; nothing was written."
            )
        height, width = wanted.shape[-2:]
        found.append(
            Difference(size=(height, width), largest=float(apart.max()), mean=float(apart.mean()))
        )
    return found


def check(differences: Sequence[Difference], runtime: str, limit: float = LIMIT) -> None:
    """Refuse a result that paints otherwise than torch.

    Raises:
        ExportError: A value differs by more than the limit; the message says by how much.
    """
    worst = max(differences, key=lambda d: d.largest)
    if worst.largest > limit:
        raise ExportError(
            f"{runtime} paints otherwise than torch ({worst}; {limit:g} is allowed); nothing was "
            "written. Please report it with the versions that impasto doctor shows."
        )


def samples_of(
    names: Sequence[str],
    *,
    widths: Sequence[int] = (),
    fixed: tuple[int, int] | None = None,
    seed: int = 0,
) -> list[dict[str, NDArray[Any]]]:
    """Inputs to compare on: smooth random pictures, three sizes (one, where it is fixed).

    Args:
        names: Of the inputs.
        widths: Channels per pair of a style's statistics.
        fixed: (height, width) that alone is taken.
        seed: Of the pictures.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = [fixed] * 2 if fixed else SIZES
    channels = sum(widths)
    samples = []
    for index, size in enumerate(sizes):
        everything = {
            "content": picture(size, generator),
            "style": picture((72, 56), generator),
            "style_mean": torch.rand((1, channels), generator=generator) * 0.4,
            "style_variance": torch.rand((1, channels), generator=generator) * 0.3 + 0.01,
            "alpha": torch.tensor([(1.0, 0.6, 0.3)[index]]),
        }
        samples.append({name: everything[name].numpy() for name in names})
    return samples


def picture(size: tuple[int, int], generator: torch.Generator) -> torch.Tensor:
    """(1, 3, H, W) in [0, 1] with coarse and fine detail, as photographs have."""
    coarse = torch.rand((1, 3, 6, 8), generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")
    return (smooth * 0.8 + torch.rand((1, 3, *size), generator=generator) * 0.2).contiguous()


def as_records(differences: Sequence[Difference]) -> list[dict[str, Any]]:
    """For JSON."""
    return [asdict(difference) for difference in differences]
