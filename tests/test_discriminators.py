"""Discriminators against the papers: sizes, windows, counts, first weights."""

import pytest
import torch
from torch import nn

from impasto.blocks import InstanceNorm, init_normal, normalization, use_picture_statistics
from impasto.discriminators import (
    DiscriminatorConfig,
    PatchGAN,
    PixelGAN,
    discriminator_of,
    smallest_side,
)
from impasto.errors import InputError


def count(network):
    return sum(p.numel() for p in network.parameters())


def test_the_published_numbers_of_parameters():
    assert count(PatchGAN(6)) == 2_768_705  # pix2pix, batch norm, pairs
    assert count(PatchGAN(3, norm="instance")) == 2_764_737  # CycleGAN


@pytest.mark.parametrize(("layers", "window"), [(1, 16), (2, 34), (3, 70), (4, 142)])
def test_the_window_found_by_gradient(layers, window):
    """How much of a picture one score depends on: with three layers the paper's 70 pixels."""
    network = PatchGAN(1, width=2, layers=layers, norm="instance")
    for module in network.modules():  # a norm would let every pixel count
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.Identity())
    picture = torch.rand(1, 1, window + 64, window + 64, requires_grad=True)
    scores = network(picture)
    scores[..., scores.shape[-2] // 2, scores.shape[-1] // 2].sum().backward()
    rows = picture.grad[0, 0].abs().sum(1).nonzero()
    columns = picture.grad[0, 0].abs().sum(0).nonzero()
    assert int(rows.max() - rows.min()) + 1 == window
    assert int(columns.max() - columns.min()) + 1 == window


def test_the_map_of_a_256_pixel_picture_has_30_by_30_scores():
    assert PatchGAN(3, width=2)(torch.rand(1, 3, 256, 256)).shape == (1, 1, 30, 30)


def test_a_pixel_is_judged_alone():
    network = PixelGAN(3, width=4, norm="batch").eval()
    picture = torch.rand(1, 3, 9, 7, requires_grad=True)
    scores = network(picture)
    assert scores.shape == (1, 1, 9, 7)
    scores[0, 0, 4, 3].backward()
    assert picture.grad.abs().sum((0, 1)).nonzero().tolist() == [[4, 3]]


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_smallest_side_gets_a_score_and_one_pixel_less_none(layers):
    config = DiscriminatorConfig(width=2, layers=layers, norm="instance")
    network, side = discriminator_of(config, 3), smallest_side(config)
    assert network(torch.rand(1, 3, side, side)).shape[-1] >= 1
    with pytest.raises((RuntimeError, ValueError)):
        network(torch.rand(1, 3, side // 2, side // 2))


def test_first_weights_have_the_papers_deviation():
    network = discriminator_of(DiscriminatorConfig(width=16), 6)
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    drawn = torch.cat([c.weight.detach().flatten() for c in convs])
    assert float(drawn.mean()) == pytest.approx(0, abs=1e-3)
    assert float(drawn.std()) == pytest.approx(0.02, rel=0.02)
    gains = torch.cat([n.weight.detach() for n in norms])
    assert float(gains.mean()) == pytest.approx(1, abs=0.01)
    assert float(gains.std()) == pytest.approx(0.02, rel=0.3)
    assert all(not b.any() for c in (*convs, *norms) if (b := c.bias) is not None)
    twice = [init_normal(nn.Conv2d(3, 4, 3), generator=torch.Generator().manual_seed(3))
             for _ in range(2)]  # fmt: skip
    assert torch.equal(twice[0].weight, twice[1].weight)


@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_is_torch_s_and_keeps_the_memory_order(affine):
    ours, theirs = InstanceNorm(6, affine=affine), nn.InstanceNorm2d(6, affine=affine)
    if affine:
        for norm in (ours, theirs):
            norm.weight.data = torch.linspace(0.5, 2, 6)
            norm.bias.data = torch.linspace(-1, 1, 6)
    x = torch.randn(2, 6, 7, 5).to(memory_format=torch.channels_last)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
        assert ours(x).is_contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    towards, gradients = torch.randn(2, 6, 7, 5), []
    for norm in (ours, theirs):
        learned = [x, *norm.parameters()]
        gradients.append(torch.autograd.grad(norm(x), learned, towards))
    assert ours(x).is_contiguous(memory_format=torch.channels_last)
    for found, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_batch_norm_by_the_picture_is_batch_norm_of_a_batch_of_one():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), normalization("batch", 4))
    init_normal(network)
    x = torch.randn(1, 3, 8, 8)
    wanted = network.train()(x).detach()
    use_picture_statistics(network)
    torch.testing.assert_close(network.eval()(x), wanted, rtol=1e-4, atol=1e-5)
    pair = torch.cat([x, 3 * torch.randn(1, 3, 8, 8)])
    torch.testing.assert_close(network(pair)[:1], wanted, rtol=1e-4, atol=1e-5)


def test_what_is_refused():
    with pytest.raises(InputError, match="kind must be one of patch, pixel"):
        DiscriminatorConfig(kind="image")
    with pytest.raises(InputError, match="layers must be at least 1 and at most 6"):
        DiscriminatorConfig(layers=0)
