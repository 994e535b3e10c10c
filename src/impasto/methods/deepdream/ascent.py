"""DeepDream: change a picture until a network sees more of what it began to see in it.

    Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks", Google Research
    Blog, 2015, and their notebook, github.com/google/deepdream (octaves, jitter, guides)

Reading order: dream (octaves), ascend (one step), smooth and normalized (what is done to the
gradient); objective.py has what is raised.

Departures, each with its reason:
    size        octaves that are too small for the network are left out instead of ending in an
                error; the finest is the picture itself.
    detail      enlarged bicubically, where the notebook has linear zoom, whose kinks the next
                octave would see and raise.
    tiles       overlap, and move with each step; the authors' TensorFlow notebook rolls the picture
                by up to a tile instead.
    a flat gradient leaves the picture as it is, where a division by 0 would blacken it.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_shape
from impasto.errors import InputError
from impasto.images.resize import Size, pad_reflect, resize
from impasto.methods.base import Step
from impasto.methods.deepdream.objective import Features, Objective
from impasto.methods.deepdream.settings import DreamConfig, Normalize

_FIRST_SIGMA = 0.5


def dream(
    image: Tensor, network: Features, config: DreamConfig, *, guide: Tensor | None = None
) -> Iterator[Step]:
    """Dream, and yield every step; the last one's picture is the result.

    Args:
        image: (1, 3, H, W) in [0, 1], sRGB.
        network: A frozen network that answers with the layers of ``config``, on its device.
        config: See DreamConfig.
        guide: (1, 3, h, w) in [0, 1]: things from it are dreamt of.

    Yields:
        A Step: its picture has the size of its octave; its losses are the weighted strengths
        before the step, negated, for what rises is what an ascent minimises the negative of.

    Raises:
        ShapeError: ``image`` or ``guide`` has another form.
        InputError: The picture is too small for the network, which lacks a layer, or a channel.
        TrainingError: A strength is not finite.
    """
    for name, pixels in (("image", image), ("guide", guide)):
        if pixels is not None:
            check_shape(pixels, "1 3 H W", name=name)
    objective = Objective(network, config, guide)
    sizes = octave_sizes((image.shape[-2], image.shape[-1]), config, network.least_side)
    generator = torch.Generator().manual_seed(config.seed)
    detail: Tensor | None = None
    index = 0
    for size in sizes:
        base = current = resize(image, size)
        if detail is not None:
            current = (base + _enlarged(detail, size)).clamp(0, 1)
        for number in range(1, config.steps + 1):
            current, terms = ascend(
                current, objective, progress=number / config.steps, generator=generator
            )
            index += 1
            losses = {name: -value for name, value in terms.items()}
            yield Step(index, len(sizes) * config.steps, losses, current)
        detail = current - base
        if config.carry == "result":
            image, detail = current, None


def octave_sizes(size: Size, config: DreamConfig, least_side: int) -> list[Size]:
    """Sizes from coarse to the picture's own, those the network cannot look at left out.

    Raises:
        InputError: Even the picture itself is too small.
    """
    if min(size) < least_side:
        raise InputError(
            f"a picture of {size[0]}x{size[1]} pixels is too small for {config.layers[-1]}; use "
            f"at least {least_side}x{least_side} or a layer less deep."
        )
    sizes = [
        (round(size[0] / config.octave_scale**k), round(size[1] / config.octave_scale**k))
        for k in reversed(range(config.octaves))
    ]
    return [octave for octave in sizes if min(octave) >= least_side]


def ascend(
    image: Tensor, objective: Objective, *, progress: float, generator: torch.Generator
) -> tuple[Tensor, dict[str, float]]:
    """One step: roll, follow the gradient, roll back.

    Args:
        image: (1, 3, H, W) in [0, 1].
        objective: What is raised.
        progress: How far the octave is, from above 0 to 1: smoothing grows with it.
        generator: Draws the roll; where there is no jitter, tiles stay where they are as well.

    Returns:
        The picture after the step, in [0, 1], and the terms before it.
    """
    config = objective.config
    shift = [0, 0]
    if config.jitter:
        drawn = torch.randint(-config.jitter, config.jitter + 1, (2,), generator=generator)
        shift = drawn.tolist()
    rolled = image.roll(shift, (-2, -1))
    gradient, terms = objective.gradient(rolled, generator if config.jitter else None)
    if config.smoothing:
        sigma = _FIRST_SIGMA + config.smoothing * progress
        gradient = smooth(gradient, sigma, config.smoothing_radius)
    stepped = rolled + config.step_size * normalized(gradient, config.normalize)
    return stepped.clamp_(0, 1).roll([-s for s in shift], (-2, -1)), terms


def normalized(gradient: Tensor, by: Normalize) -> Tensor:
    """A gradient (1, 3, H, W) in units of its own size; one that is 0 stays 0."""
    if by == "mean":
        return gradient / gradient.abs().mean().clamp_min(1e-20)
    return (gradient - gradient.mean()) / gradient.std().clamp_min(1e-20)


def smooth(gradient: Tensor, sigma: float, radius: int) -> Tensor:
    """The mean of three Gaussian blurs: sigma / 2, sigma and 2 sigma.

    Steep Gaussians keep what is fine, flat ones let large forms through: a cheap stand-in for
    the Laplacian pyramid of the authors' later notebook.

    Args:
        gradient: (1, 3, H, W).
        sigma: In pixels.
        radius: Where the Gaussians are cut off, in pixels.
    """
    padded = pad_reflect(gradient, (radius,) * 4)
    blurred = []
    for factor in (0.5, 1.0, 2.0):
        kernel = gaussian(sigma * factor, radius).to(gradient).repeat(3, 1, 1, 1)  # (3, 1, 1, N)
        rows = F.conv2d(padded, kernel, groups=3)
        blurred.append(F.conv2d(rows, kernel.mT, groups=3))
    return torch.stack(blurred).mean(0)


def gaussian(sigma: float, radius: int) -> Tensor:
    """A Gaussian at -radius ... radius, summing to 1: (1, 1, 2 radius + 1)."""
    places = torch.arange(-radius, radius + 1, dtype=torch.float64)
    bell = torch.exp(-0.5 * (places / sigma).square())
    return (bell / bell.sum()).to(torch.float32).view(1, 1, -1)


def _enlarged(detail: Tensor, size: Size) -> Tensor:
    # Not resize: it would cut off what is below 0.
    return F.interpolate(detail, size=size, mode="bicubic", align_corners=False)
