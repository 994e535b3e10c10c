"""G* = arg min_G max_D L_cGAN(G, D) + lambda L_L1(G) (Isola et al. 2017, eqs. 1, 3 and 4).

The discriminator sees pairs: the input beside the real or the made output. Both networks' terms
carry the names they have in the log. The discriminator's count half, which slows it down relative
to the generator (section 3.3).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor

from impasto.checks import check_choice, check_range
from impasto.kinds import GANLoss
from impasto.losses.adversarial import fake_loss, fooling_loss, gradient_penalty, real_loss
from impasto.losses.finite import check_finite


@dataclass(frozen=True, kw_only=True)
class Pix2PixObjective:
    """What is minimised."""

    gan: GANLoss = "vanilla"
    """vanilla is the paper's; lsgan that of source 4. hinge and wgan-gp are not in either."""

    lambda_l1: float = 100.0
    """Of the mean absolute difference to the real output."""

    lambda_gp: float = 10.0
    """Of the gradient penalty; counts with wgan-gp alone."""

    def __post_init__(self) -> None:
        check_choice("GAN loss", self.gan, get_args(GANLoss))
        check_range("lambda_l1", self.lambda_l1, at_least=0.0)
        check_range("lambda_gp", self.lambda_gp, at_least=0.0)


def pair_of(picture_a: Tensor, picture_b: Tensor) -> Tensor:
    """What the discriminator sees: (B, 6, H, W)."""
    return torch.cat([picture_a, picture_b.to(picture_a.dtype)], dim=1)


def discriminator_losses(
    discriminator: Callable[[Tensor], Tensor],
    real_pair: Tensor,
    fake_pair: Tensor,
    objective: Pix2PixObjective,
    *,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Eq. 1 seen from the discriminator, halved.

    Args:
        discriminator: Pairs to scores.
        real_pair, fake_pair: As ``pair_of`` gives them; the made one without gradient.
        objective: Which loss.
        generator: Of the CPU, for the points of the gradient penalty.

    Returns:
        Scalars "d_real", "d_fake" and, with wgan-gp, "d_penalty"; minimise their sum.

    Raises:
        TrainingError: A term is not finite; the message names it.
    """
    losses = {
        "d_real": 0.5 * real_loss(discriminator(real_pair), objective.gan),
        "d_fake": 0.5 * fake_loss(discriminator(fake_pair), objective.gan),
    }
    if objective.gan == "wgan-gp":
        penalty = gradient_penalty(discriminator, real_pair, fake_pair, generator=generator)
        losses["d_penalty"] = objective.lambda_gp * penalty
    check_finite(losses)
    return losses


def generator_losses(
    discriminator: Callable[[Tensor], Tensor],
    real_a: Tensor,
    real_b: Tensor,
    fake_b: Tensor,
    objective: Pix2PixObjective,
) -> dict[str, Tensor]:
    """Eq. 4 seen from the generator.

    Args:
        discriminator: Pairs to scores; its weights should be frozen.
        real_a: Inputs, (B, 3, H, W) in [-1, 1].
        real_b, fake_b: Real and made outputs, the same.
        objective: The weights.

    Returns:
        Scalars "gan" and "l1"; minimise their sum.

    Raises:
        TrainingError: A term is not finite; the message names it.
    """
    losses = {
        "gan": fooling_loss(discriminator(pair_of(real_a, fake_b)), objective.gan),
        "l1": objective.lambda_l1 * (real_b - fake_b.float()).abs().mean(),
    }
    check_finite(losses)
    return losses
