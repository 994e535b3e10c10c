"""A video that falls into its own dream: each frame is the last one enlarged, and dreamt on.

The feedback of the notebook of 2015 (see ascent.py).

Departure: before each dream a frame is given the first one's mean and deviation per colour. Else
contrast grows from frame to frame until all is black and white.
"""

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_range
from impasto.features.statistics import channel_statistics
from impasto.methods.deepdream.ascent import dream
from impasto.methods.deepdream.objective import Features
from impasto.methods.deepdream.settings import DreamConfig


def zoom_frames(
    image: Tensor,
    network: Features,
    config: DreamConfig,
    *,
    frames: int,
    later: DreamConfig | None = None,
    zoom: float = 1.04,
    turn: float = 0.0,
    guide: Tensor | None = None,
) -> Iterator[Tensor]:
    """Dream, enlarge, dream on.

    Args:
        image: (1, 3, H, W) in [0, 1].
        network: See ``dream``.
        config: Of the first frame.
        frames: How many, the dream of the picture itself being the first.
        later: Of the other frames: they begin with a dream and need fewer octaves and steps. None
            takes ``config``.
        zoom: How many times larger things are in the next frame.
        turn: Degrees by which the next frame is turned, counter-clockwise.
        guide: See ``dream``.

    Yields:
        (1, 3, H, W) in [0, 1].

    Raises:
        InputError: A number out of its range.
        ImpastoError: See ``dream``.
    """
    check_range("frames", frames, at_least=1)
    check_range("zoom", zoom, at_least=1.0, at_most=4.0)
    check_range("turn", turn, at_least=-180.0, at_most=180.0)
    settings, tone = config, None
    for _ in range(frames):
        if tone is not None:
            image, settings = _toned(enlarge(image, zoom, turn), *tone), later or config
        for step in dream(image, network, settings, guide=guide):
            last = step.image
        image, tone = last, tone or channel_statistics(last)
        yield image


def _toned(image: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    own_mean, own_deviation = channel_statistics(image)
    return ((image - own_mean) * (deviation / own_deviation) + mean).clamp(0, 1)


def enlarge(image: Tensor, zoom: float, turn: float = 0.0) -> Tensor:
    """A picture seen from nearer by, and turned; its middle stays where it is.

    Args:
        image: (1, 3, H, W) in [0, 1].
        zoom: Factor of enlargement.
        turn: Degrees, counter-clockwise; what comes in at the corners is mirrored.

    Returns:
        The same shape, in [0, 1].
    """
    height, width = image.shape[-2:]
    cosine, sine = math.cos(math.radians(turn)) / zoom, math.sin(math.radians(turn)) / zoom
    # grid_sample measures each axis by its own half, so a turn must know the proportion.
    matrix = torch.tensor(
        [[cosine, -sine * height / width, 0.0], [sine * width / height, cosine, 0.0]]
    )
    grid = F.affine_grid(matrix[None].to(image), list(image.shape), align_corners=False)
    sampled = F.grid_sample(
        image, grid, mode="bicubic", padding_mode="reflection", align_corners=False
    )
    return sampled.clamp(0, 1)
