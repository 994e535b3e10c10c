"""CycleGAN against the paper and the authors' program: counts, layers, losses, files, sizes."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from impasto.discriminators import DiscriminatorConfig
from impasto.errors import InputError, TrainingError, WeightsError
from impasto.methods.cyclegan.files import (
    authors_names,
    generator_of_authors,
    generators_of,
    tensors_of,
)
from impasto.methods.cyclegan.network import CycleGAN, CycleGANConfig, ResNetGenerator
from impasto.methods.cyclegan.objective import (
    CycleGANObjective,
    discriminator_losses,
    generator_losses,
    translate_both,
)
from impasto.methods.cyclegan.painter import CycleGANPainter
from impasto.methods.cyclegan.presets import PRESETS

TINY = CycleGANConfig(width=4, blocks=1)
JUDGE = DiscriminatorConfig(width=4, layers=1, norm="instance")


def count(network):
    return sum(p.numel() for p in network.parameters())


def tiny(**changes):
    torch.manual_seed(0)
    return ResNetGenerator(CycleGANConfig(**({"width": 4, "blocks": 1} | changes)))


@pytest.fixture(scope="module")
def nets():
    torch.manual_seed(1)
    whole = CycleGAN(TINY, JUDGE)
    for parameter in whole.parameters():  # first weights paint nothing but grey
        parameter.data.mul_(8)
    return whole


@pytest.fixture(scope="module")
def reals():
    generator = torch.Generator().manual_seed(2)
    return [2 * torch.rand(2, 3, 16, 16, generator=generator) - 1 for _ in range(2)]


# The networks


@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_the_published_numbers_of_parameters(upsampling):
    with torch.device("meta"):
        nine = ResNetGenerator(CycleGANConfig(upsampling=upsampling))
        six = ResNetGenerator(CycleGANConfig(blocks=6, upsampling=upsampling))
    assert (count(nine), count(six)) == (11_378_179, 7_837_699)


def test_the_layers_of_the_appendix():
    """c7s1-64, d128, d256, R256 x 6, u128, u64, c7s1-3."""
    with torch.device("meta"):
        network = ResNetGenerator(CycleGANConfig(blocks=6))
    convs = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    shape = [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in convs]
    assert shape == [
        (64, 7, 1), (128, 3, 2), (256, 3, 2), *[(256, 3, 1)] * 12, (128, 3, 2), (64, 3, 2),
        (3, 7, 1),
    ]  # fmt: skip
    reflected = [c.kernel_size[0] for c in convs if c.padding_mode == "reflect"]
    assert reflected == [7, *[3] * 12, 7]


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("upsampling", ["transposed", "resize"])
def test_the_size_is_kept_and_the_range_is_a_tanh_s(norm, upsampling):
    made = tiny(norm=norm, upsampling=upsampling)(torch.rand(2, 3, 16, 24))
    assert made.shape == (2, 3, 16, 24)
    assert made.abs().max() <= 1


def test_resizing_leaves_no_checkerboard_where_transposed_convolutions_do():
    """The untrained network on a flat picture: how much values differ by their place in a cell."""

    def unevenness(upsampling):
        network = tiny(upsampling=upsampling, width=8)
        with torch.no_grad():
            made = network.up(torch.ones(1, 32, 16, 16))[..., 16:-16, 16:-16]
        phases = torch.stack([made[..., i::4, j::4].mean() for i in range(4) for j in range(4)])
        return float(phases.std())

    assert unevenness("resize") < 1e-6
    assert unevenness("transposed") > 1e-4


def test_pictures_of_a_batch_do_not_know_one_another():
    network, pair = tiny(), torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(network(pair)[:1], network(pair[:1]), rtol=1e-4, atol=1e-5)


# The objective


def mean_abs(x, y):
    return np.mean(np.abs(x.double().numpy() - y.double().numpy()))


def test_equations_1_to_3_and_the_identity_term(nets, reals):
    a, b = reals
    objective = CycleGANObjective(lambda_cycle=10.0, lambda_identity=0.5)
    with torch.no_grad():
        losses, made = generator_losses(nets, a, b, objective)
        fake_b, fake_a = nets.generator_ab(a), nets.generator_ba(b)
        wanted = {
            "gan_ab": np.mean((nets.discriminator_b(fake_b).double().numpy() - 1) ** 2),
            "gan_ba": np.mean((nets.discriminator_a(fake_a).double().numpy() - 1) ** 2),
            "cycle_a": 10 * mean_abs(nets.generator_ba(fake_b), a),
            "cycle_b": 10 * mean_abs(nets.generator_ab(fake_a), b),
            "identity_a": 5 * mean_abs(nets.generator_ba(a), a),
            "identity_b": 5 * mean_abs(nets.generator_ab(b), b),
        }
    assert {k: float(v) for k, v in losses.items()} == pytest.approx(wanted, rel=1e-4)
    torch.testing.assert_close(made.fake_b, fake_b, rtol=1e-4, atol=1e-5)


def test_the_discriminators_equation(nets, reals):
    a, b = reals
    fake_a, fake_b = b.flip(-1), a.flip(-1)
    with torch.no_grad():
        losses = discriminator_losses(nets, a, b, fake_a, fake_b, CycleGANObjective())
        wanted = {}
        for side, judge, real, fake in (
            ("a", nets.discriminator_a, a, fake_a), ("b", nets.discriminator_b, b, fake_b)
        ):  # fmt: skip
            wanted[f"d_{side}_real"] = np.mean((judge(real).double().numpy() - 1) ** 2) / 2
            wanted[f"d_{side}_fake"] = np.mean(judge(fake).double().numpy() ** 2) / 2
    assert {k: float(v) for k, v in losses.items()} == pytest.approx(wanted, rel=1e-4)


def test_no_pass_is_done_twice(nets, reals):
    passes = []
    hooks = [
        net.register_forward_hook(lambda m, i, o, name=name: passes.append((name, len(i[0]))))
        for name, net in nets.named_children()
    ]
    a, b = reals
    made = generator_losses(nets, a, b, CycleGANObjective())[1]
    discriminator_losses(nets, a, b, made.fake_a.detach(), made.fake_b.detach(),
                         CycleGANObjective())  # fmt: skip
    for hook in hooks:
        hook.remove()
    assert sorted(passes) == [
        ("discriminator_a", 2), ("discriminator_a", 4), ("discriminator_b", 2),
        ("discriminator_b", 4), ("generator_ab", 2), ("generator_ab", 4), ("generator_ba", 2),
        ("generator_ba", 4),
    ]  # fmt: skip


def test_without_the_identity_term_its_passes_are_left_out(nets, reals):
    losses, made = generator_losses(nets, *reals, CycleGANObjective(lambda_identity=0))
    assert list(losses) == ["gan_ab", "gan_ba", "cycle_a", "cycle_b"]
    assert made.same_a is made.same_b is None


def test_with_batch_norm_the_two_pictures_are_not_mixed(reals):
    nets = CycleGAN(CycleGANConfig(width=4, blocks=1, norm="batch"), JUDGE)
    a, b = reals
    with torch.no_grad():
        made = translate_both(nets, a, b)
        torch.testing.assert_close(made.fake_b, nets.generator_ab(a), rtol=1e-5, atol=1e-6)


def test_a_penalty_for_each_discriminator(nets, reals):
    objective = CycleGANObjective(gan="wgan-gp")
    losses = discriminator_losses(nets, *reals, *reals[::-1], objective)
    assert {"d_a_penalty", "d_b_penalty"} <= set(losses)


def test_a_term_that_is_no_number_is_named(nets, reals):
    with pytest.raises(TrainingError, match="cycle_a"):
        generator_losses(nets, reals[0] * float("nan"), reals[1], CycleGANObjective())


def test_presets_carry_the_sources_constants():
    for preset in PRESETS.values():
        assert (preset.learning_rate, preset.beta1, preset.batch) == (2e-4, 0.5, 1)
        assert (preset.pool, preset.hold, preset.epochs) == (50, 0.5, 200)
        assert (preset.objective.gan, preset.objective.lambda_cycle) == ("lsgan", 10.0)
        assert preset.discriminator.norm == preset.network.norm == "instance"
    small, large = PRESETS["cyclegan-paper-128"], PRESETS["cyclegan-torch"]
    assert (small.network.blocks, small.load, small.crop) == (6, 143, 128)
    assert (large.network.blocks, large.load, large.crop) == (9, 286, 256)
    assert large.objective.lambda_identity == 0.5


def test_what_is_refused():
    with pytest.raises(InputError, match="upsampling must be one of transposed, resize"):
        CycleGANConfig(upsampling="nearest")
    with pytest.raises(InputError, match="lambda_cycle must be at least 0"):
        CycleGANObjective(lambda_cycle=-1)


# Files


def test_a_file_gives_both_generators_back():
    generators = {"a2b": tiny(), "b2a": tiny(blocks=1)}
    tensors, metadata = tensors_of(generators)
    found = generators_of(tensors, metadata, "x")
    assert set(found) == {"a2b", "b2a"}
    x = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(found["b2a"](x), generators["b2a"](x), rtol=0, atol=0.01)


def test_files_of_other_networks_are_refused():
    tensors, metadata = tensors_of({"a2b": tiny(), "b2a": tiny()})
    wider = metadata | {"config": json.dumps({"width": 8, "blocks": 1})}
    with pytest.raises(WeightsError, match="does not fit cyclegan of width 8: its down"):
        generators_of(tensors, wider, "x")
    with pytest.raises(WeightsError, match="no configuration of cyclegan"):
        generators_of(tensors, {}, "x")
    with pytest.raises(WeightsError, match=r"it holds generator\.downs"):
        generators_of({"generator.downs.0.conv.weight": torch.zeros(1)}, metadata, "x")


def numbered(width, blocks, norm):
    """The network of the authors' program, written from its description: one long sequence."""
    bias = norm == "instance"

    def normed(channels):
        return nn.BatchNorm2d(channels) if norm == "batch" else nn.InstanceNorm2d(channels)

    class Block(nn.Module):
        def __init__(self, channels):
            super().__init__()
            parts = []
            for last in (False, True):
                parts += [
                    nn.ReflectionPad2d(1),
                    nn.Conv2d(channels, channels, 3, bias=bias),
                    normed(channels),
                    *([] if last else [nn.ReLU()]),
                ]
            self.conv_block = nn.Sequential(*parts)

        def forward(self, x):
            return x + self.conv_block(x)

    w = width
    parts = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7, bias=bias), normed(w), nn.ReLU()]
    for channels in (w, 2 * w):
        parts += [
            nn.Conv2d(channels, 2 * channels, 3, 2, 1, bias=bias),
            normed(2 * channels),
            nn.ReLU(),
        ]
    parts += [Block(4 * w) for _ in range(blocks)]
    for channels in (4 * w, 2 * w):
        parts += [
            nn.ConvTranspose2d(channels, channels // 2, 3, 2, 1, 1, bias=bias),
            normed(channels // 2),
            nn.ReLU(),
        ]
    whole = nn.Module()
    whole.model = nn.Sequential(*parts, nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh())
    return whole  # fmt: skip


@pytest.mark.parametrize(("blocks", "norm"), [(6, "instance"), (9, "instance"), (2, "batch")])
def test_files_of_the_authors_program_are_read_and_paint_the_same(blocks, norm):
    torch.manual_seed(3)
    theirs = numbered(4, blocks, norm)
    held = dict(theirs.state_dict())
    if norm == "instance":  # older versions kept averages that they never used
        held["model.2.running_mean"] = torch.zeros(4)
        held["model.2.running_var"] = torch.ones(4)
        held["model.2.num_batches_tracked"] = torch.tensor(3)
    found = generator_of_authors(held, "latest_net_G_A.pth")["a2b"]
    assert found.config == CycleGANConfig(width=4, blocks=blocks, norm=norm)
    x = 2 * torch.rand(1, 3, 16, 20) - 1
    torch.testing.assert_close(found(x), theirs.model(x), rtol=1e-4, atol=1e-5)


def test_a_wrong_file_of_the_authors_names_the_tensor():
    held = dict(numbered(4, 2, "instance").state_dict())
    held["model.11.conv_block.5.weight"] = torch.zeros(3, 3)
    with pytest.raises(WeightsError, match=r"its blocks\.1\.body\.3\.weight is \(3, 3\)"):
        generator_of_authors(held, "x.pth")
    with pytest.raises(WeightsError, match="is no ResNet generator of the authors' program"):
        generator_of_authors({"conv.weight": torch.zeros(2)}, "x.pth")


def test_every_tensor_of_the_published_network_has_a_name_of_its_own():
    with torch.device("meta"):
        names = authors_names(ResNetGenerator())
    assert len(set(names.values())) == len(names)
    assert names["up.2.bias"] == "model.26.bias"
    assert names["blocks.8.body.3.weight"] == "model.18.conv_block.5.weight"


# Painting


@pytest.mark.parametrize("size", [(16, 16), (33, 47), (1, 90), (7, 5), (1, 1)])
def test_any_size_is_kept(size):
    made = CycleGANPainter({"a2b": tiny()}).translate(torch.rand(1, 3, *size))
    assert made.shape == (1, 3, *size)
    assert 0 <= float(made.min()) <= float(made.max()) <= 1


def test_each_direction_has_its_generator():
    torch.manual_seed(4)
    generators = {"a2b": ResNetGenerator(TINY), "b2a": ResNetGenerator(TINY)}
    painter, x = CycleGANPainter(generators), torch.rand(1, 3, 16, 16)
    with torch.no_grad():
        wanted = (generators["b2a"](2 * x - 1) + 1) / 2
    torch.testing.assert_close(painter.translate(x, direction="b2a"), wanted, rtol=1e-4, atol=1e-5)
    assert not torch.equal(painter.translate(x), painter.translate(x, direction="b2a"))


def test_a_direction_that_is_not_there_and_noise_are_refused():
    painter = CycleGANPainter({"a2b": tiny()})
    with pytest.raises(InputError, match="this file translates one way, a2b; got b2a"):
        painter.translate(torch.rand(1, 3, 8, 8), direction="b2a")
    with pytest.raises(InputError, match="this network has no noise"):
        CycleGANPainter({"a2b": tiny()}, noise=True)
