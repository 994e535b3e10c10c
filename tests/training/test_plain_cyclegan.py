"""The plain step of the benchmark and ours compute the same."""

import pytest
import torch
from plain_cyclegan import PlainCycleGAN

from impasto.blocks import channels_last
from impasto.discriminators import DiscriminatorConfig
from impasto.methods.cyclegan.network import CycleGAN, CycleGANConfig
from impasto.methods.cyclegan.objective import (
    CycleGANObjective,
    discriminator_losses,
    generator_losses,
)
from impasto.training.history import HistoryPool


def test_the_plain_networks_have_the_published_numbers_of_parameters():
    with torch.device("meta"):
        plain = PlainCycleGAN(blocks=6)
    counts = [sum(p.numel() for p in net.parameters()) for net in plain.networks().values()]
    assert counts == [7_837_699, 7_837_699, 2_764_737, 2_764_737]


def test_three_steps_have_equal_losses():
    torch.manual_seed(0)
    judge = DiscriminatorConfig(width=4, layers=1, norm="instance")
    nets = channels_last(CycleGAN(CycleGANConfig(width=4, blocks=2), judge))
    plain = PlainCycleGAN(4, 2, judge_width=4, judge_layers=1)
    plain.take_weights_of(nets)
    adams = [
        torch.optim.Adam([p for n, p in nets.named_parameters() if n.startswith(part)], 2e-4,
                         (0.5, 0.999))
        for part in ("generator", "discriminator")
    ]  # fmt: skip
    pools, objective = [HistoryPool(50), HistoryPool(50)], CycleGANObjective()
    for _ in range(3):
        real_a, real_b = (2 * torch.rand(1, 3, 24, 16) - 1 for _ in range(2))
        wanted = plain.step(real_a, real_b)
        losses, made = generator_losses(nets, real_a, real_b, objective)
        nets.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        adams[0].step()
        fakes = [
            p.query(f.detach()) for p, f in zip(pools, (made.fake_a, made.fake_b), strict=True)
        ]
        nets.zero_grad()
        judged = discriminator_losses(nets, real_a, real_b, *fakes, objective)
        torch.stack(list(judged.values())).sum().backward()
        adams[1].step()
        found = {name: float(value.detach()) for name, value in (losses | judged).items()}
        assert found == pytest.approx(wanted, abs=1e-5, rel=1e-5)
