"""pix2pix against the paper and the authors' program: counts, layers, losses, files, noise."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from impasto.discriminators import PatchGAN
from impasto.errors import InputError, TrainingError, WeightsError
from impasto.methods.pix2pix.files import (
    Learned,
    authors_names,
    learned_of,
    learned_of_authors,
    tensors_of,
)
from impasto.methods.pix2pix.network import Pix2PixConfig, UNet, drop
from impasto.methods.pix2pix.objective import (
    Pix2PixObjective,
    discriminator_losses,
    generator_losses,
    pair_of,
)
from impasto.methods.pix2pix.painter import Pix2PixPainter
from impasto.methods.pix2pix.presets import PRESETS

TINY = Pix2PixConfig(width=4, depth=6)


def count(network):
    return sum(p.numel() for p in network.parameters())


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def tiny(**changes):
    torch.manual_seed(0)
    return UNet(Pix2PixConfig(**({"width": 4, "depth": 6} | changes)))


# The network


def test_the_published_numbers_of_parameters():
    assert count(UNet()) == 54_413_955
    assert count(UNet(Pix2PixConfig(depth=7))) == 41_828_995


def test_the_layers_of_the_appendix():
    """C64-C128-C256-C512-C512-C512-C512-C512 and back; dropout in three 512-wide levels."""
    with torch.device("meta"):
        network = UNet()
    assert [d.conv.out_channels for d in network.downs] == [64, 128, 256, 512, 512, 512, 512, 512]
    ups = [u.conv for u in reversed(network.ups)]
    assert [u.in_channels for u in ups] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]
    assert [u.out_channels for u in ups] == [512, 512, 512, 512, 256, 128, 64, 3]
    assert [u.dropout for u in reversed(network.ups)] == [0, 0.5, 0.5, 0.5, 0, 0, 0, 0]
    normed = [isinstance(d.norm, nn.BatchNorm2d) for d in network.downs]
    assert normed == [False, *[True] * 6, False]
    assert [isinstance(u.norm, nn.BatchNorm2d) for u in network.ups] == [False, *[True] * 7]


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("size", [(64, 64), (64, 128)])
def test_the_size_is_kept_and_the_range_is_a_tanh_s(norm, size):
    made = tiny(norm=norm)(torch.rand(2, 3, *size))
    assert made.shape == (2, 3, *size)
    assert made.abs().max() <= 1


def test_every_level_is_handed_across():
    """Without what comes from below, detail still passes: the gradient at one pixel is local."""
    network = tiny(norm="instance")
    for up in list(network.ups)[1:]:
        nn.init.zeros_(up.conv.weight)
    a = torch.rand(1, 3, 64, 64, requires_grad=True)
    network(a)[0, 0, 30, 30].backward()
    touched = a.grad.abs().sum((0, 1)).nonzero()
    assert len(touched) > 0
    assert (touched - 30).abs().max() < 4


def test_noise_is_a_function_of_its_seed_and_nothing_else_is_random():
    network, a = tiny(), torch.rand(1, 3, 64, 64)
    once, again, other = (network(a, seeded(s)) for s in (1, 1, 2))
    assert torch.equal(once, again)
    assert not torch.equal(once, other)
    assert torch.equal(network(a), network(a))


def test_dropout_keeps_the_mean():
    kept = drop(torch.ones(200, 200), 0.5, seeded())
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert float(kept.mean()) == pytest.approx(1, abs=0.02)


# The objective


@pytest.fixture(scope="module")
def step():
    torch.manual_seed(1)
    a, b, fake = (2 * torch.rand(2, 3, 32, 32) - 1 for _ in range(3))
    return a, b, fake, PatchGAN(6, width=4, layers=2, norm="instance")


@pytest.mark.parametrize("gan", ["vanilla", "lsgan"])
def test_equations_1_3_and_4(step, gan):
    a, b, fake, judge = step
    objective = Pix2PixObjective(gan=gan)
    with torch.no_grad():
        of_real, of_fake = (judge(torch.cat([a, x], 1)).double().numpy() for x in (b, fake))
        of_d = discriminator_losses(judge, pair_of(a, b), pair_of(a, fake), objective)
        of_g = generator_losses(judge, a, b, fake, objective)
    if gan == "vanilla":
        real, made, fooled = (
            np.log(1 + np.exp(-of_real)), np.log(1 + np.exp(of_fake)), np.log(1 + np.exp(-of_fake))
        )  # fmt: skip
    else:
        real, made, fooled = (of_real - 1) ** 2, of_fake**2, (of_fake - 1) ** 2
    l1 = np.mean(np.abs(b.double().numpy() - fake.double().numpy()))
    assert {k: float(v) for k, v in of_d.items()} == pytest.approx(
        {"d_real": real.mean() / 2, "d_fake": made.mean() / 2}, rel=1e-5
    )
    assert {k: float(v) for k, v in of_g.items()} == pytest.approx(
        {"gan": fooled.mean(), "l1": 100 * l1}, rel=1e-5
    )


def test_the_penalty_is_a_term_of_its_own(step):
    a, b, fake, judge = step
    objective = Pix2PixObjective(gan="wgan-gp", lambda_gp=7.0)
    losses = discriminator_losses(
        judge, pair_of(a, b), pair_of(a, fake), objective, generator=seeded()
    )
    assert list(losses) == ["d_real", "d_fake", "d_penalty"]
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is not None for p in judge.parameters())
    judge.zero_grad()


def test_a_term_that_is_no_number_is_named(step):
    a, b, fake, _ = step
    with pytest.raises(TrainingError, match="term l1 is not finite"):
        generator_losses(lambda x: x.new_zeros(1), a, b, fake * float("nan"), Pix2PixObjective())


def test_presets_carry_the_sources_constants():
    paper, torch_, source = (PRESETS[n] for n in ("pix2pix-paper", "pix2pix-torch", "ai-art"))
    for preset in PRESETS.values():
        assert (preset.learning_rate, preset.beta1, preset.batch) == (2e-4, 0.5, 1)
        assert (preset.load, preset.crop, preset.objective.lambda_l1) == (286, 256, 100.0)
        assert (preset.network.norm, preset.network.dropout) == ("batch", 0.5)
    assert (paper.hold, torch_.hold) == (1.0, 0.5)
    assert (paper.objective.gan, torch_.objective.gan, source.objective.gan) == (
        "vanilla", "vanilla", "lsgan"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"depth": 1}, "depth must be at least 2"),
        ({"norm": "layer"}, "norm must be one of batch, instance"),
        ({"dropout": 1.0}, "dropout must be at least 0.0 and at most 0.95"),
    ],
)
def test_what_is_refused(wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        Pix2PixConfig(**wrong)
    with pytest.raises(InputError, match="lambda_l1 must be at least 0"):
        Pix2PixObjective(lambda_l1=-1)


# Files


def test_a_file_gives_the_generator_back():
    learned = Learned(tiny(), "b2a", 4)
    tensors, metadata = tensors_of(learned)
    found = learned_of(tensors, metadata, "x.safetensors")
    assert (found.direction, found.batch, found.network.config) == ("b2a", 4, TINY)
    a = torch.rand(1, 3, 64, 64)
    torch.testing.assert_close(found.network(a), learned.network(a), rtol=0, atol=0.01)


def test_an_average_stands_for_the_parameters():
    learned = Learned(tiny())
    average = {n: torch.zeros_like(p) for n, p in learned.network.named_parameters()}
    tensors, _ = tensors_of(learned, average)
    assert not tensors["generator.downs.0.conv.weight"].any()
    assert tensors["generator.downs.1.norm.running_var"].dtype == torch.float32


def test_files_of_other_networks_are_refused():
    tensors, metadata = tensors_of(Learned(tiny()))
    wider = metadata | {"config": json.dumps({"width": 8, "depth": 6})}
    with pytest.raises(WeightsError, match=r"does not fit pix2pix of width 8: its downs\.0\.conv"):
        learned_of(tensors, wider, "x")
    deeper = metadata | {"config": json.dumps({"width": 4, "depth": 7})}
    with pytest.raises(WeightsError, match=r"its ups\.5\.conv\.weight .* differ in width or depth"):
        learned_of(tensors, deeper, "x")
    del tensors["generator.ups.0.conv.bias"]
    with pytest.raises(WeightsError, match=r"it lacks ups\.0\.conv\.bias"):
        learned_of(tensors, metadata, "x")
    with pytest.raises(WeightsError, match="no configuration of pix2pix"):
        learned_of(tensors, {}, "x")


def nested(depth, width, norm):
    """The network of the authors' program, written from its description: level in level."""
    bias, widths = norm == "instance", [width * min(2**i, 8) for i in range(depth)]

    def normed(channels):
        return nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels)

    class Level(nn.Module):
        def __init__(self, number):
            super().__init__()
            self.outermost = number == 0
            inside = widths[number]
            outside = widths[number - 1] if number else 3
            conv = nn.Conv2d(outside, inside, 4, 2, 1, bias=bias)
            if number == depth - 1:
                parts = [
                    nn.LeakyReLU(0.2),
                    conv,
                    nn.ReLU(),
                    nn.ConvTranspose2d(inside, outside, 4, 2, 1, bias=bias),
                    normed(outside),
                ]
            elif number == 0:
                parts = [
                    conv,
                    Level(1),
                    nn.ReLU(),
                    nn.ConvTranspose2d(2 * inside, 3, 4, 2, 1),
                    nn.Tanh(),
                ]
            else:
                parts = [
                    nn.LeakyReLU(0.2),
                    conv,
                    normed(inside),
                    Level(number + 1),
                    nn.ReLU(),
                    nn.ConvTranspose2d(2 * inside, outside, 4, 2, 1, bias=bias),
                    normed(outside),
                ]
            self.model = nn.Sequential(*parts)

        def forward(self, x):
            return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)

    whole = nn.Module()
    whole.model = Level(0)
    return whole  # fmt: skip


@pytest.mark.parametrize(("depth", "norm"), [(6, "batch"), (5, "instance"), (7, "batch")])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_files_of_the_authors_program_are_read_and_paint_the_same(depth, norm, prefix):
    torch.manual_seed(2)
    theirs = nested(depth, 4, norm)
    held = {prefix + name: value for name, value in theirs.state_dict().items()}
    held = {n: v for n, v in held.items() if not n.endswith("num_batches_tracked")}
    learned = learned_of_authors(held, "latest_net_G.pth")
    assert learned.network.config == Pix2PixConfig(width=4, depth=depth, norm=norm)
    a = 2 * torch.rand(1, 3, 2**depth, 2 ** (depth + 1)) - 1
    torch.testing.assert_close(learned.network(a), theirs.model(a), rtol=1e-4, atol=1e-5)


def test_a_wrong_file_of_the_authors_names_the_tensor():
    held = dict(nested(5, 4, "batch").state_dict())
    held["model.model.9.weight"] = torch.zeros(2)
    with pytest.raises(WeightsError, match=r"has, besides, model\.model\.9\.weight"):
        learned_of_authors(held, "x.pth")
    with pytest.raises(WeightsError, match="is no U-Net of the authors' program"):
        learned_of_authors({"conv.weight": torch.zeros(2)}, "x.pth")


def test_every_tensor_of_the_published_network_has_a_name_of_its_own():
    with torch.device("meta"):
        names = authors_names(UNet())
    assert len(set(names.values())) == len(names)
    assert names["downs.7.conv.weight"] == "model.model." + "1.model." + "3.model." * 6 + "1.weight"
    assert names["ups.0.conv.bias"] == "model.model.3.bias"


# Painting


@pytest.mark.parametrize("size", [(64, 64), (33, 47), (1, 90), (7, 5)])
def test_any_size_is_kept(size):
    made = Pix2PixPainter(Learned(tiny())).translate(torch.rand(1, 3, *size))
    assert made.shape == (1, 3, *size)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1


def test_with_noise_the_picture_s_own_statistics_and_dropout_are_on():
    """What the paper does: the network as it was while it learned."""
    network, a = tiny(), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        wanted = network.train()(2 * a - 1, seeded(5))
    painter = Pix2PixPainter(Learned(network))
    assert painter.noise
    made = painter.translate(a, seed=5)
    torch.testing.assert_close(made, (wanted + 1) / 2, rtol=1e-4, atol=1e-4)
    assert not torch.equal(made, painter.translate(a, seed=6))


def test_without_noise_nothing_is_random_and_large_batches_go_by_their_averages():
    a = torch.rand(1, 3, 64, 64)
    network = tiny()
    for _ in range(3):
        network.train()(torch.rand(2, 3, 64, 64))
    with torch.no_grad():
        wanted = network.eval()(2 * a - 1)
    painter = Pix2PixPainter(Learned(network, batch=4), noise=False)
    assert painter.note is None
    made = painter.translate(a, seed=1)
    torch.testing.assert_close(made, (wanted + 1) / 2, rtol=1e-4, atol=1e-4)
    assert torch.equal(made, painter.translate(a, seed=2))


def test_batches_of_one_have_no_averages_and_the_note_says_so():
    a, network = torch.rand(1, 3, 64, 64), tiny()
    for norm in (m for m in network.modules() if isinstance(m, nn.BatchNorm2d)):
        norm.running_var.fill_(100.0)  # would paint grey
    with torch.no_grad():
        wanted = network.train()(2 * a - 1)
    painter = Pix2PixPainter(Learned(network, batch=1), noise=False)
    assert "batch norm by the picture's own statistics" in painter.note
    torch.testing.assert_close(painter.translate(a), (wanted + 1) / 2, rtol=1e-4, atol=1e-4)


def test_the_other_direction_is_refused():
    painter = Pix2PixPainter(Learned(tiny(), "b2a"))
    with pytest.raises(InputError, match="translates one way, b2a; got a2b: leave the direction"):
        painter.translate(torch.rand(1, 3, 64, 64), direction="a2b")


def test_a_network_without_noise_says_so():
    quiet = Learned(tiny(norm="instance", dropout=0.0))
    assert not Pix2PixPainter(quiet).noise
    with pytest.raises(InputError, match="this network has no noise"):
        Pix2PixPainter(quiet, noise=True)
