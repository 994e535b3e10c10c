"""WinogradConv: the results and gradients of nn.Conv2d, by fewer multiplications."""

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from impasto.features import winograd, winograd_tiles
from impasto.features.vgg import VGG, VGGPlan
from impasto.features.winograd import WinogradConv

WIDE = 128


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Paddings of the calls that went the fast way."""
    calls: list[int] = []
    real = winograd._convolve

    def counting(x: Tensor, filters: Tensor, bias: Tensor | None, padding: int) -> Tensor:
        calls.append(padding)
        return real(x, filters, bias, padding)

    monkeypatch.setattr(winograd, "_convolve", counting)
    return calls


def exact_twin(conv: WinogradConv) -> nn.Conv2d:
    """The same convolution by torch, in float64."""
    twin = nn.Conv2d(
        conv.in_channels, conv.out_channels, 3, padding=1, padding_mode=conv.padding_mode
    ).double()
    twin.load_state_dict({name: value.double() for name, value in conv.state_dict().items()})
    return twin.requires_grad_(False)


def frozen(channels: int = 64, out: int = WIDE, **kwargs: str) -> WinogradConv:
    torch.manual_seed(0)
    return WinogradConv(channels, out, **kwargs).requires_grad_(False)


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("size", [(16, 16), (17, 23), (18, 45)])
def test_result_and_gradient_are_the_convolutions(
    padding_mode: str, size: tuple[int, int], counted: list[int]
) -> None:
    conv = frozen(padding_mode=padding_mode)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, 64, *size, generator=generator, requires_grad=True)
    result = conv(x)
    towards = torch.randn(result.shape, generator=generator)
    (gradient,) = torch.autograd.grad(result, x, towards)
    assert len(counted) == 1

    exact_x = x.detach().double().requires_grad_()
    exact = exact_twin(conv)(exact_x)
    (exact_gradient,) = torch.autograd.grad(exact, exact_x, towards.double())
    assert result.shape == exact.shape
    for found, wanted in ((result, exact), (gradient, exact_gradient)):
        assert (found - wanted).abs().max() <= 2e-5 * wanted.abs().max()


def test_many_blocks_are_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    conv, x = frozen(), torch.randn(1, 64, 50, 30)
    with torch.no_grad():
        at_once = conv(x)
        monkeypatch.setattr(winograd_tiles, "BLOCK", 2000)
        assert (conv(x) - at_once).abs().max() < 1e-5


def test_layout_of_the_input_does_not_matter() -> None:
    conv, x = frozen(), torch.randn(2, 64, 20, 24)
    with torch.no_grad():
        given = conv(x)
        assert torch.equal(conv(x.contiguous(memory_format=torch.channels_last)), given)
        assert torch.equal(conv(x.transpose(2, 3).contiguous().transpose(2, 3)), given)


def test_new_weights_are_noticed() -> None:
    conv, x = frozen(), torch.randn(1, 64, 16, 16)
    conv(x)
    conv.load_state_dict({name: 2 * value for name, value in conv.state_dict().items()})
    assert (conv(x) - exact_twin(conv)(x.double())).abs().max() < 1e-4
    conv.weight = nn.Parameter(conv.weight / 4, requires_grad=False)
    assert (conv(x) - exact_twin(conv)(x.double())).abs().max() < 1e-4


def test_filters_of_inference_mode_serve_gradients_later() -> None:
    conv, x = frozen(), torch.randn(1, 64, 16, 16)
    with torch.inference_mode():
        conv(x)
    x.requires_grad_()
    conv(x).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_others_go_the_direct_way(counted: list[int]) -> None:
    x = torch.randn(1, 64, 16, 16)
    WinogradConv(64, WIDE)(x)  # few tiles for filters that learn
    frozen(out=64)(x)  # few channels
    frozen()(x[..., :8, :8])  # few tiles
    frozen().double()(x.double())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        frozen()(x)
    assert not counted
    frozen()(x)
    assert counted


@pytest.mark.parametrize("padding_mode", ["zeros", "reflect"])
@pytest.mark.parametrize("out", [64, WIDE])
@pytest.mark.parametrize("shape", [(1, 64, 32, 32), (5, 64, 17, 14), (2, 64, 50, 21)])
def test_filters_learn_by_the_convolutions_gradient(
    shape: tuple[int, ...], out: int, padding_mode: str, counted: list[int]
) -> None:
    conv = frozen(out=out, padding_mode=padding_mode)
    exact = exact_twin(conv).requires_grad_()
    conv.requires_grad_()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator, requires_grad=True)
    exact_x = x.detach().double().requires_grad_()
    result, exact_result = conv(x), exact(exact_x)
    towards = torch.randn(result.shape, generator=generator)
    found = torch.autograd.grad(result, [x, *conv.parameters()], towards)
    wanted = torch.autograd.grad(exact_result, [exact_x, *exact.parameters()], towards.double())
    assert counted
    for one, other in zip((result, *found), (exact_result, *wanted), strict=True):
        assert one.shape == other.shape
        assert (one - other).abs().max() <= 2e-5 * other.abs().max()


def test_a_step_of_learning_is_seen_without_gradient() -> None:
    conv, x = WinogradConv(64, WIDE), torch.randn(4, 64, 16, 16)
    with torch.no_grad():
        before = conv(x)
    for kind in (partial(torch.optim.SGD, lr=0.1), partial(torch.optim.Adam, fused=True)):
        optimizer = kind(conv.parameters())
        conv(x).square().mean().backward()
        optimizer.step()
        exact = exact_twin(conv)(x.double())
        assert (conv(x) - exact).abs().max() < 1e-4
        with torch.no_grad():
            assert (conv(x) - exact).abs().max() < 1e-4
            assert (conv(x) - before).abs().max() > 1e-3


def test_a_bias_alone_may_learn() -> None:
    conv = frozen()
    assert conv.bias is not None
    conv.bias.requires_grad_()
    conv(torch.randn(4, 64, 16, 16)).sum().backward()
    assert conv.bias.grad is not None
    assert conv.bias.grad.allclose(torch.full((WIDE,), 4.0 * 16 * 16))


def test_what_follows_may_write_in_place() -> None:
    network = VGG(VGGPlan(depths=(1, 2), widths=(64, 128)), ("relu2_1", "relu2_2"))
    images = torch.rand(1, 3, 64, 64, requires_grad=True)
    sum(tap.sum() for tap in network(images).values()).backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()


def test_a_graph_holds_plain_convolutions() -> None:
    plan = VGGPlan(depths=(1, 2), widths=(64, 128))
    network = VGG(plan, ("relu2_2",))
    program = torch.export.export(network, (torch.rand(1, 3, 64, 64),))
    called = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
    assert any("conv2d" in name for name in called)
    assert not any("bmm" in name for name in called)


def test_filters_are_carried_over_once_a_step(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Tensor] = []
    real = winograd._carry
    monkeypatch.setattr(winograd, "_carry", lambda weight: calls.append(weight) or real(weight))
    conv, x = WinogradConv(64, WIDE), torch.randn(4, 64, 16, 16, requires_grad=True)
    for _ in range(2):
        (conv(x).sum() + conv(2 * x).sum()).backward()
    assert len(calls) == 1
    optimizer = torch.optim.Adam(conv.parameters(), fused=True)
    optimizer.step()
    conv(x).sum().backward()
    assert len(calls) == 2
