"""What networks that fool and are fooled minimise, against NumPy."""

import numpy as np
import pytest
import torch

from impasto.errors import InputError, ShapeError
from impasto.losses.adversarial import fake_loss, fooling_loss, gradient_penalty, real_loss

SCORES = 3 * torch.randn(2, 1, 5, 4, generator=torch.Generator().manual_seed(0))
S = SCORES.double().numpy()


def cross_entropy(probability, target):
    return -np.mean(target * np.log(probability) + (1 - target) * np.log(1 - probability))


SIGMOID = 1 / (1 + np.exp(-S))
TABLE = {
    "vanilla": (
        cross_entropy(SIGMOID, 1.0), cross_entropy(SIGMOID, 0.0), cross_entropy(SIGMOID, 1.0)
    ),
    "lsgan": (np.mean((S - 1) ** 2), np.mean(S**2), np.mean((S - 1) ** 2)),
    "hinge": (np.mean(np.maximum(0, 1 - S)), np.mean(np.maximum(0, 1 + S)), -np.mean(S)),
    "wgan-gp": (-np.mean(S), np.mean(S), -np.mean(S)),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLE)
def test_each_loss_is_its_formula(kind):
    found = [float(loss(SCORES, kind)) for loss in (real_loss, fake_loss, fooling_loss)]
    assert found == pytest.approx(TABLE[kind], rel=1e-5)


@pytest.mark.parametrize("kind", TABLE)
def test_each_loss_has_the_slope_of_its_differences(kind):
    scores = SCORES[:1, :, :2].double().requires_grad_()
    for loss in (real_loss, fake_loss, fooling_loss):
        # Means are taken in float32, so steps must be larger than those of a float64 check.
        (slope,) = torch.autograd.grad(loss(scores, kind), scores)
        step = torch.zeros_like(scores)
        step[0, 0, 1, 2] = 1e-2
        with torch.no_grad():
            rise = float(loss(scores + step, kind) - loss(scores - step, kind)) / 2e-2
        assert float(slope[0, 0, 1, 2]) == pytest.approx(rise, abs=2e-4)


@pytest.mark.parametrize("kind", ["vanilla", "lsgan", "hinge"])
def test_certain_discriminators_lose_nothing_and_are_not_numbers_beyond_range(kind):
    certain = torch.full((1, 1, 2, 2), 1.0 if kind == "lsgan" else 200.0)
    low = torch.zeros_like(certain) if kind == "lsgan" else -certain
    assert float(real_loss(certain, kind) + fake_loss(low, kind)) == 0
    assert torch.isfinite(fooling_loss(-certain, kind))


def test_half_precision_is_summed_in_float32():
    scores = torch.full((1, 1, 300, 300), 30.0, dtype=torch.float16)
    assert float(fake_loss(scores, "lsgan")) == pytest.approx(900)
    assert fake_loss(scores, "lsgan").dtype == torch.float32


def test_the_penalty_of_a_linear_discriminator_is_known():
    """D(x) = w x has the slope w everywhere, so the penalty is (|w| - 1)^2."""
    weights = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(1))
    real, fake = torch.rand(2, 3, 6, 5), torch.rand(2, 3, 6, 5)
    found = gradient_penalty(lambda x: (x * weights).sum((1, 2, 3)), real, fake).detach()
    wanted = (np.linalg.norm(weights.double().numpy()) - 1) ** 2
    assert float(found) == pytest.approx(wanted, rel=1e-5)


def test_the_penalty_is_taken_between_the_pictures_and_by_the_generator():
    seen = []

    def discriminator(x):
        seen.append(x.detach())
        return x.square().sum((1, 2, 3))

    real, fake = torch.ones(4, 3, 4, 4), torch.zeros(4, 3, 4, 4)
    for _ in range(2):
        generator = torch.Generator().manual_seed(5)
        penalty = gradient_penalty(discriminator, real, fake, generator=generator)
    assert torch.equal(seen[0], seen[1])
    shares = seen[0][:, 0, 0, 0]
    assert torch.equal(seen[0], shares.view(-1, 1, 1, 1).expand_as(real))
    assert len(set(shares.tolist())) == 4
    slopes = 2 * shares.numpy() * 48**0.5
    assert float(penalty.detach()) == pytest.approx(np.mean((slopes - 1) ** 2), rel=1e-5)


def test_the_penalty_teaches_the_discriminator_alone():
    conv = torch.nn.Conv2d(3, 1, 3)
    fake = torch.rand(1, 3, 5, 5, requires_grad=True)
    gradient_penalty(conv, torch.rand(1, 3, 5, 5), fake).backward()
    assert conv.weight.grad is not None
    assert conv.weight.grad.abs().sum() > 0
    assert fake.grad is None


def test_what_is_refused():
    with pytest.raises(InputError, match="GAN loss must be one of vanilla, lsgan, hinge, wgan-gp"):
        real_loss(SCORES, "bce")
    with pytest.raises(ShapeError, match="fake must be"):
        gradient_penalty(torch.nn.Identity(), torch.rand(1, 3, 4, 4), torch.rand(1, 3, 4, 5))
