"""L = L_GAN(G, D_Y) + L_GAN(F, D_X) + lambda L_cyc + L_identity (Zhu et al. 2017, eqs. 1 to 3).

With least squares for the cross entropy of eq. 1 (section 4), and the identity term of section
5.2. Pictures have one name each in code, log and sheets:

    real_a -> generator_ab -> fake_b -> generator_ba -> cycled_a       same_b = generator_ab(real_b)
    real_b -> generator_ba -> fake_a -> generator_ab -> cycled_b       same_a = generator_ba(real_a)

What a generator does to a picture and to the other domain's is computed in one pass over both,
where norms do not mix the pictures of a batch: four passes instead of six, to the same numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, get_args

import torch
from torch import Tensor

from impasto.checks import check_choice, check_range
from impasto.kinds import GANLoss
from impasto.losses.adversarial import fake_loss, fooling_loss, gradient_penalty, real_loss
from impasto.losses.finite import check_finite
from impasto.methods.cyclegan.network import CycleGAN

Network = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class CycleGANObjective:
    """What is minimised."""

    gan: GANLoss = "lsgan"
    """lsgan is the paper's (section 4)."""

    lambda_cycle: float = 10.0
    """Of the mean absolute difference between a picture and its way there and back."""

    lambda_identity: float = 0.5
    """Times lambda_cycle, of what a generator changes in pictures that are of its target already.
    Keeps colours (section 5.2); 0 leaves two of six passes out."""

    lambda_gp: float = 10.0
    """Of the gradient penalty; counts with wgan-gp alone."""

    def __post_init__(self) -> None:
        check_choice("GAN loss", self.gan, get_args(GANLoss))
        for name in ("lambda_cycle", "lambda_identity", "lambda_gp"):
            check_range(name, getattr(self, name), at_least=0.0)


class Translated(NamedTuple):
    """The pictures of one step, (B, 3, H, W) in [-1, 1] each."""

    fake_b: Tensor
    cycled_a: Tensor
    fake_a: Tensor
    cycled_b: Tensor
    same_b: Tensor | None
    """None without the identity term."""
    same_a: Tensor | None


def translate_both(
    nets: CycleGAN, real_a: Tensor, real_b: Tensor, *, identity: bool = True
) -> Translated:
    """Both ways there and back.

    Args:
        nets: Whose generators are used.
        real_a, real_b: (B, 3, H, W) in [-1, 1], of one shape, drawn independently.
        identity: Whether each generator also gets pictures of its own target.
    """
    fake_b, same_b = _there(nets, nets.generator_ab, real_a, real_b if identity else None)
    fake_a, same_a = _there(nets, nets.generator_ba, real_b, real_a if identity else None)
    return Translated(
        fake_b=fake_b,
        cycled_a=nets.generator_ba(fake_b),
        fake_a=fake_a,
        cycled_b=nets.generator_ab(fake_a),
        same_b=same_b,
        same_a=same_a,
    )


def _there(
    nets: CycleGAN, generator: Network, source: Tensor, target: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    if target is None:
        return generator(source), None
    if nets.config.norm == "batch":
        return generator(source), generator(target)
    made, same = generator(torch.cat([source, target])).chunk(2)
    return made, same


def generator_losses(
    nets: CycleGAN, real_a: Tensor, real_b: Tensor, objective: CycleGANObjective
) -> tuple[dict[str, Tensor], Translated]:
    """Eq. 3 seen from the generators.

    Args:
        nets: The four networks; the discriminators should be frozen.
        real_a, real_b: (B, 3, H, W) in [-1, 1], of one shape, drawn independently.
        objective: The weights.

    Returns:
        Scalars "gan_ab", "gan_ba", "cycle_a", "cycle_b" and, with a weight, "identity_a" and
        "identity_b", to be minimised in sum; and the pictures that were made.

    Raises:
        TrainingError: A term is not finite; the message names it.
    """
    made = translate_both(nets, real_a, real_b, identity=objective.lambda_identity > 0)
    losses = {
        "gan_ab": fooling_loss(nets.discriminator_b(made.fake_b), objective.gan),
        "gan_ba": fooling_loss(nets.discriminator_a(made.fake_a), objective.gan),
        "cycle_a": objective.lambda_cycle * _distance(made.cycled_a, real_a),
        "cycle_b": objective.lambda_cycle * _distance(made.cycled_b, real_b),
    }
    if made.same_a is not None and made.same_b is not None:
        weight = objective.lambda_cycle * objective.lambda_identity
        losses["identity_a"] = weight * _distance(made.same_a, real_a)
        losses["identity_b"] = weight * _distance(made.same_b, real_b)
    check_finite(losses)
    return losses, made


def _distance(found: Tensor, wanted: Tensor) -> Tensor:
    return (found.float() - wanted).abs().mean()


def discriminator_losses(
    nets: CycleGAN,
    real_a: Tensor,
    real_b: Tensor,
    fake_a: Tensor,
    fake_b: Tensor,
    objective: CycleGANObjective,
    *,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """Eq. 1, and its mirror image, seen from the discriminators; halved, as the authors have it.

    Args:
        nets: Whose discriminators learn.
        real_a, real_b: (B, 3, H, W) in [-1, 1].
        fake_a, fake_b: Made pictures of the same shape, from the history, without gradient.
        objective: Which loss.
        generator: Of the CPU, for the points of the gradient penalty.

    Returns:
        Scalars "d_a_real", "d_a_fake", "d_b_real", "d_b_fake" and, with wgan-gp, "d_a_penalty" and
        "d_b_penalty"; minimise their sum.

    Raises:
        TrainingError: A term is not finite; the message names it.
    """
    losses = {}
    sides = (
        ("a", nets.discriminator_a, real_a, fake_a),
        ("b", nets.discriminator_b, real_b, fake_b),
    )
    for side, discriminator, real, fake in sides:
        if nets.judges.norm == "batch":
            of_real, of_fake = discriminator(real), discriminator(fake)
        else:
            of_real, of_fake = discriminator(torch.cat([real, fake.to(real.dtype)])).chunk(2)
        losses[f"d_{side}_real"] = 0.5 * real_loss(of_real, objective.gan)
        losses[f"d_{side}_fake"] = 0.5 * fake_loss(of_fake, objective.gan)
        if objective.gan == "wgan-gp":
            penalty = gradient_penalty(discriminator, real, fake, generator=generator)
            losses[f"d_{side}_penalty"] = objective.lambda_gp * penalty
    check_finite(losses)
    return losses
