"""What a discriminator wants of real and made pictures, and what a generator wants of it.

Each kind is three functions of the discriminator's scores s, averaged over patches and pictures:

    kind      real                fake                fooled              source
    vanilla   log(1 + exp(-s))    log(1 + exp(s))     log(1 + exp(-s))    Goodfellow et al. 2014
    lsgan     (s - 1)^2           s^2                 (s - 1)^2           Mao et al. 2017
    hinge     max(0, 1 - s)       max(0, 1 + s)       -s                  Lim and Ye 2017
    wgan-gp   -s                  s                   -s                  Gulrajani et al. 2017

vanilla is the cross entropy with the sigmoid inside, in the form that does not saturate. wgan-gp
needs ``gradient_penalty`` besides. Scores may be of any shape; means are taken in float32.
"""

from collections.abc import Callable
from typing import get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_choice, check_shape
from impasto.kinds import GANLoss


def real_loss(scores: Tensor, kind: GANLoss = "lsgan") -> Tensor:
    """How far a discriminator is from calling real pictures real.

    Args:
        scores: Of real pictures, any shape.
        kind: See the table above.

    Returns:
        A scalar.

    Raises:
        InputError: There is no such kind.
    """
    scores = _checked(scores, kind)
    if kind == "vanilla":
        return F.softplus(-scores).mean()
    if kind == "lsgan":
        return (scores - 1).square().mean()
    return F.relu(1 - scores).mean() if kind == "hinge" else -scores.mean()


def fake_loss(scores: Tensor, kind: GANLoss = "lsgan") -> Tensor:
    """How far a discriminator is from calling made pictures made; see ``real_loss``."""
    scores = _checked(scores, kind)
    if kind == "vanilla":
        return F.softplus(scores).mean()
    if kind == "lsgan":
        return scores.square().mean()
    return F.relu(1 + scores).mean() if kind == "hinge" else scores.mean()


def fooling_loss(scores: Tensor, kind: GANLoss = "lsgan") -> Tensor:
    """How far a generator is from having its pictures called real; see ``real_loss``.

    Args:
        scores: Of pictures it made, any shape.
        kind: See the table above.
    """
    return -_checked(scores, kind).mean() if kind == "hinge" else real_loss(scores, kind)


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor],
    real: Tensor,
    fake: Tensor,
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    """How far the discriminator's slope is from 1 between real and made pictures.

    Gulrajani et al., "Improved Training of Wasserstein GANs", NeurIPS 2017, eq. 3, without its
    weight: the mean over pictures of (|dD/dx| - 1)^2 at points x drawn evenly between a real
    picture and a made one. Of a map of scores the slope of their sum is taken. Computed in
    float32 whatever the precision around it.

    Args:
        discriminator: Pictures to scores.
        real, fake: (B, C, H, W) each, of one shape.
        generator: Of the CPU, for the points; None takes torch's own.

    Returns:
        A scalar that depends on the discriminator's weights.

    Raises:
        ShapeError: ``real`` and ``fake`` differ in shape.
    """
    batch, channels, height, width = real.shape
    check_shape(fake, f"{batch} {channels} {height} {width}", name="fake")
    with torch.autocast(real.device.type, enabled=False):
        share = torch.rand(batch, 1, 1, 1, generator=generator).to(real.device)
        points = fake.detach().float().lerp(real.detach().float(), share).requires_grad_()
        scores = discriminator(points).sum()
        (slope,) = torch.autograd.grad(scores, points, create_graph=True)
        penalty: Tensor = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return penalty


def _checked(scores: Tensor, kind: GANLoss) -> Tensor:
    check_choice("GAN loss", kind, get_args(GANLoss))
    return scores.float()
