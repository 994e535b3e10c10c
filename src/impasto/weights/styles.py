"""Styles as files: the few vectors that a painter needs, about 4 kB each.

A style file holds, for each of a few sizes of the style's strokes, means and deviations of the
features that a painter asks for, in float16, and in its metadata name, painter, title, year and
the digest of the weights by which it was made: with other weights the vectors mean nothing.
"""

import functools
import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from impasto.errors import InputError
from impasto.weights.cards import StyleCard, find_style, style_paths, user_styles_folder
from impasto.weights.files import write_tensors
from impasto.weights.vectors import read_vectors

__all__ = [
    "STROKE_SIZES",
    "Statistics",
    "StyleCard",
    "at_stroke_size",
    "cached_style",
    "find_style",
    "read_style",
    "style_paths",
    "user_styles_folder",
    "write_style",
]

STROKE_SIZES = (0.5, 1.0, 2.0)
"""Sizes of the strokes that a file holds; between them statistics are interpolated."""

Statistics = tuple[tuple[Tensor, Tensor], ...]
"""Mean and deviation, each (1, C, 1, 1), per kind of features that the painter asks for."""


def write_style(path: str | Path, card: StyleCard, sizes: dict[float, Statistics]) -> None:
    """Write a style file, whole or not at all.

    Args:
        path: ``NAME.safetensors``.
        card: Goes into the metadata.
        sizes: Statistics by stroke size, all of the same widths.

    Raises:
        OutputError: The place cannot be written.
    """
    tensors = {}
    for size, statistics in sizes.items():
        flat = [v.flatten() for pair in statistics for v in pair]
        tensors[f"{size:g}"] = torch.cat(flat).to(torch.float16)
    first = next(iter(sizes.values()))
    widths = [pair[0].numel() for pair in first]
    metadata = {key: value for key, value in asdict(card).items() if value}
    write_tensors(path, tensors, metadata | {"widths": json.dumps(widths)})


def read_style(path: str | Path) -> tuple[StyleCard, dict[float, Statistics]]:
    """The card and the statistics of a style file.

    Raises:
        WeightsError: It is missing, damaged, or no style.
    """
    card, widths, vectors = read_vectors(path)
    lengths = [w for width in widths for w in (width, width)]
    sizes = {}
    for size, flat in vectors.items():
        parts = torch.from_numpy(flat).view(1, -1, 1, 1).split_with_sizes(lengths, dim=1)
        sizes[size] = tuple(zip(parts[::2], parts[1::2], strict=True))
    return card, sizes


def at_stroke_size(sizes: dict[float, Statistics], scale: float) -> Statistics:
    """Statistics for strokes of ``scale`` times their size, between those that a file holds.

    Between two sizes they are interpolated over the logarithm of the scale.

    Args:
        sizes: As ``read_style`` gives them.
        scale: 1 is the style's own size.

    Raises:
        InputError: ``scale`` is beyond them.
    """
    known = sorted(sizes)
    if not known[0] <= scale <= known[-1]:
        raise InputError(
            f"style scale of a preset must be between {known[0]:g} and {known[-1]:g}; "
            f"got {scale:g}. Give the style's picture itself for other sizes."
        )
    upper = next(size for size in known if size >= scale)
    if upper == scale:
        return sizes[upper]
    lower = max(size for size in known if size < scale)
    share = math.log(scale / lower) / math.log(upper / lower)
    return tuple(
        (a[0].lerp(b[0], share), a[1].lerp(b[1], share))
        for a, b in zip(sizes[lower], sizes[upper], strict=True)
    )


@functools.lru_cache(maxsize=64)
def cached_style(path: Path, modified: float) -> tuple[StyleCard, dict[float, Statistics]]:
    """``read_style``, remembered until the file changes.

    Args:
        path: The style file.
        modified: Its time of modification; another one reads it anew.
    """
    return read_style(path)
