"""A look at a small painting first, to ask for more of what it missed.

The network knows how a style is usually reached, not how far it comes with this content: flat
pictures take too little of a strong style, rough ones too much. So a thumbnail is painted, looked
at like a style, and the style's vectors are moved by part of what is missing; the decoder is told
by how much. One step of a closed loop; it costs a sixth of a picture of half a million pixels
and less of larger ones.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.methods.swift.network import Swift
from impasto.methods.swift.shape import SCALES, Style

SIDE = 144
"""Long side of the thumbnail in pixels."""

STRENGTH = 0.4
"""Part of what is missed that is added; more of it takes the style little nearer and more of the
content away (figures in docs/swift.md)."""

LIMIT = 2.0
"""A deviation is at most so many times more or less asked for."""


def thumbnail_size(size: Sequence[int], side: int = SIDE) -> tuple[int, int]:
    """(height, width) of the thumbnail of a picture: multiples of 8, at most ``side``."""
    cell = SCALES[-1]
    factor = min(1.0, side / max(size))
    height, width = (max(2 * cell, round(n * factor / cell) * cell) for n in size)
    return height, width


def thumbnail(content: Tensor, side: int = SIDE) -> Tensor:
    """The mean of each of its cells: (B, 3, h, w), of ``thumbnail_size``."""
    small = F.adaptive_avg_pool2d(content, thumbnail_size(content.shape[-2:], side))
    return small.contiguous(memory_format=torch.channels_last)


def correct_style(
    network: Swift,
    content: Tensor,
    style: Style,
    *,
    strength: float = STRENGTH,
    side: int = SIDE,
) -> Style:
    """The style to ask for so that this content comes nearer to the style wanted.

    Args:
        network: Which will paint.
        content: (B, 3, H, W) in [0, 1], any size, of the network's type and on its device.
        style: What is wanted.
        strength: 0 asks for the style itself.
        side: Long side of the thumbnail in pixels.

    Returns:
        Vectors for ``network``, of the form of ``style``.
    """
    if not strength:
        return style
    painted = network.transfer(thumbnail(content, side), style).clamp_(0, 1)
    corrected = []
    for (mean, deviation), (found_mean, found) in zip(
        style, network.style_of(painted), strict=True
    ):
        ratio = (deviation / found).clamp(1 / LIMIT, LIMIT) ** strength
        corrected.append((mean + strength * (mean - found_mean), deviation * ratio))
    return tuple(corrected)


def look_and_paint(
    network: Swift, content: Tensor, style: Tensor, *, seed: int = 0, side: int = SIDE
) -> Tensor:
    """Paint as a painter does, looking first, so that gradients flow through the second pass.

    Args:
        network: Which paints, and may be learning.
        content, style: (B, 3, H, W) in [0, 1]; sides are multiples of 8.
        seed: Of the grain.
        side: Long side of the thumbnail in pixels.

    Returns:
        (B, 3, H, W), not clamped.
    """
    wanted = network.style_of(style)
    with torch.no_grad():
        asked = correct_style(network, content, wanted, side=side)
    moved = tuple(
        (mean + (new_mean - mean).detach(), deviation * (new / deviation).detach())
        for (mean, deviation), (new_mean, new) in zip(wanted, asked, strict=True)
    )
    return network.transfer(content, moved, seed, wanted)
