"""Laws of the layers that swift is built of."""

import pytest
import torch
import torch.nn.functional as F

from impasto.features.statistics import channel_statistics
from impasto.methods.swift import layers
from impasto.methods.swift.layers import (
    AlignedConv,
    BorderlessConv,
    ModulatedConv,
    PatchConv,
    PReLU,
    add_plane,
    convolve,
    repeat_border,
    upsample,
)


def pictures(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def last(x: torch.Tensor) -> torch.Tensor:
    return x.clone(memory_format=torch.channels_last)


@pytest.fixture(params=["fused", "one by one"])
def _both_ways(request, monkeypatch):
    if request.param == "one by one":
        monkeypatch.setattr(layers, "_fused_types", tuple)


@pytest.mark.usefixtures("_both_ways")
@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("added", [True, False])
@pytest.mark.parametrize("slope", [None, 0.0, 0.2])
def test_what_is_fused_equals_one_step_after_another(slope, added, gradient):
    x, weight, bias = pictures(2, 3, 9, 12) - 0.5, pictures(4, 3, 3, 3, seed=2) - 0.5, pictures(4)
    onto = pictures(2, 4, 9, 12, seed=3) if added else None
    wanted = F.conv2d(x, weight, bias, padding=1)
    wanted = wanted if onto is None else wanted + onto
    wanted = wanted if slope is None else F.leaky_relu(wanted, slope)
    for order in (torch.clone, last):
        given = None if onto is None else order(onto)
        with torch.set_grad_enabled(gradient):
            found = convolve(order(x), weight, bias, padding=1, slope=slope, onto=given)
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("slope", [None, 0.0, 0.2])
def test_bfloat16_is_rounded_no_more_than_one_step_after_another(slope):
    x, weight, bias = last(pictures(1, 8, 9, 12)), pictures(8, 8, 3, 3, seed=2) - 0.5, pictures(8)
    onto = last(pictures(1, 8, 9, 12, seed=3))
    with torch.inference_mode():
        exact = convolve(x, weight, bias, padding=1, slope=slope, onto=onto.clone())
        narrow = (t.bfloat16() for t in (x, weight, bias))
        found = convolve(*narrow, padding=1, slope=slope, onto=onto.bfloat16())
    assert found.dtype == torch.bfloat16
    assert (found.float() - exact).abs().max() < 2e-2 * exact.abs().max()


def test_strides_and_windows_of_a_larger_tensor_are_fused_alike():
    whole, weight = last(pictures(2, 3, 20, 12)), pictures(4, 3, 4, 4, seed=2)
    x = whole[:, :, 4:16]
    wanted = F.conv2d(x, weight, None, stride=2, padding=1)
    with torch.inference_mode():
        found = convolve(x, weight, None, stride=2, padding=1)
    torch.testing.assert_close(found, wanted)


@pytest.mark.filterwarnings("ignore:TF32 acceleration")
@torch.inference_mode()
def test_nothing_is_fused_under_autocast_or_where_onednn_is_switched_off(monkeypatch):
    x, weight = pictures(1, 3, 9, 12), pictures(4, 3, 3, 3, seed=2)

    def refuse(*_: object) -> None:
        raise AssertionError("it was fused")

    monkeypatch.setattr(torch.ops.mkldnn, "_convolution_pointwise", refuse)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        convolve(x, weight, None, slope=0.2)
    with torch.backends.mkldnn.flags(enabled=False):
        convolve(x, weight, None, slope=0.2)
    with pytest.raises(AssertionError, match="fused"):
        convolve(x, weight, None, slope=0.2)


@pytest.mark.parametrize("size", [(3, 3), (3, 7), (4, 5), (9, 12)])
def test_the_lines_beside_the_outermost_are_repeated(size):
    x = pictures(2, 3, *size)
    wanted = F.pad(x[..., 1:-1, 1:-1], (1, 1, 1, 1), mode="replicate")
    torch.testing.assert_close(repeat_border(x.clone()), wanted)
    with torch.no_grad():
        torch.testing.assert_close(repeat_border(x.clone()), wanted)
        torch.testing.assert_close(repeat_border(last(x)), wanted)


@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("slope", [None, 0.2])
def test_a_convolution_without_border_is_one_inside_with_its_outermost_lines_repeated(
    slope, gradient
):
    torch.manual_seed(0)
    conv, x, onto = BorderlessConv(3, 5, slope), pictures(2, 3, 7, 9), pictures(2, 5, 7, 9)
    inside = F.conv2d(x, conv.weight, conv.bias) + onto[..., 1:-1, 1:-1]
    inside = inside if slope is None else F.leaky_relu(inside, slope)
    wanted = F.pad(inside, (1, 1, 1, 1), mode="replicate")
    with torch.set_grad_enabled(gradient):
        torch.testing.assert_close(conv(x, onto.clone()), wanted)


def test_prelu_equals_torchs_with_gradient_and_without():
    layer, plain = PReLU(3), torch.nn.PReLU(3)
    slopes = torch.tensor([-0.5, 0.0, 1.5])
    layer.weight.data.copy_(slopes), plain.weight.data.copy_(slopes)
    found, wanted = (pictures(2, 3, 7, 9).sub(0.5).requires_grad_() for _ in range(2))
    (layer(found) ** 2).sum().backward()
    (plain(wanted) ** 2).sum().backward()
    torch.testing.assert_close(found.grad, wanted.grad)
    torch.testing.assert_close(layer.weight.grad, plain.weight.grad)
    with torch.no_grad():
        expected = plain(wanted)
        torch.testing.assert_close(layer(found), expected)


@pytest.mark.parametrize("added", [True, False])
def test_a_style_folded_into_a_convolution_equals_scaling_its_output(added):
    torch.manual_seed(0)
    conv, x = ModulatedConv(3, 5, 0.2), pictures(2, 3, 7, 9)
    onto = pictures(2, 5, 7, 9, seed=2) if added else None
    scale, shift = torch.rand(1, 5, 1, 1), torch.rand(1, 5, 1, 1)
    plain = F.conv2d(x, conv.weight, conv.bias, padding=1) * scale + shift
    wanted = repeat_border(F.leaky_relu(plain if onto is None else plain + onto, 0.2))
    torch.testing.assert_close(conv(x, scale, shift, onto=onto), wanted)
    for_each = (v.expand(2, -1, -1, -1) for v in (scale, shift))
    torch.testing.assert_close(conv(x, *for_each, onto=onto), wanted)
    conv.folds = False
    torch.testing.assert_close(conv(x, scale, shift, onto=onto), wanted)


@pytest.mark.parametrize("added", [True, False])
def test_alignment_folded_into_a_convolution_equals_adain_before_it(added):
    torch.manual_seed(0)
    conv, x = AlignedConv(3, 5), pictures(1, 3, 7, 9)
    onto = pictures(1, 5, 7, 9, seed=2) if added else None
    style = (torch.rand(1, 3, 1, 1), torch.rand(1, 3, 1, 1))
    mean, std = channel_statistics(x)
    aligned = (x - mean) / std * style[1] + style[0]
    plain = F.conv2d(aligned, conv.weight, conv.bias)
    wanted = F.leaky_relu(plain if onto is None else plain + onto, 0.2)
    torch.testing.assert_close(conv(x, (mean, std), style, slope=0.2, onto=onto), wanted)
    grids = tuple(part.expand(-1, -1, 7, 9) for part in style)
    torch.testing.assert_close(conv(x, (mean, std), grids, slope=0.2, onto=onto), wanted)
    conv.folds = False
    torch.testing.assert_close(conv(x, (mean, std), style, slope=0.2, onto=onto), wanted)


@pytest.mark.parametrize(("kernel", "patch"), [(1, 2), (3, 2), (3, 3)])
def test_a_convolution_of_patches_is_one_of_unshuffled_pixels(kernel, patch):
    torch.manual_seed(0)
    conv = PatchConv(3, 5, kernel, patch=patch, slope=0.2)
    x = pictures(2, 3, 4 * patch, 6 * patch)
    inside = F.conv2d(F.pixel_unshuffle(x, patch), conv.weight, conv.bias)
    by_hand = F.pad(F.leaky_relu(inside, 0.2), (kernel // 2,) * 4, mode="replicate")
    torch.testing.assert_close(conv(x), by_hand)
    with torch.no_grad():
        torch.testing.assert_close(conv(x), by_hand)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_plane_is_added_by_each_channels_gain(batch, dtype):
    x, gain, plane = pictures(batch, 5, 7, 9), pictures(1, 5, 1, 1), pictures(1, 1, 7, 9)
    wanted = x + gain * plane
    tolerance = {"rtol": 2e-2, "atol": 2e-2} if dtype == torch.bfloat16 else {}
    for gradient in (True, False):
        with torch.set_grad_enabled(gradient):
            found = add_plane(last(x.to(dtype)), gain.to(dtype), plane.to(dtype))
        torch.testing.assert_close(found.float(), wanted, **tolerance)


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (4, 1), (7, 9)])
def test_pictures_are_doubled_as_torch_does_in_either_order_of_memory(size):
    x = pictures(2, 3, *size)
    wanted = upsample(x.requires_grad_())
    assert wanted.shape == (2, 3, 2 * size[0], 2 * size[1])
    with torch.no_grad():
        for found in (upsample(x), upsample(last(x))):
            torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
        assert upsample(last(x)).is_contiguous(memory_format=torch.channels_last)
        narrow = upsample(last(x.bfloat16()))
        torch.testing.assert_close(narrow.float(), wanted, rtol=1e-2, atol=4e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("added", [True, False])
@pytest.mark.parametrize("slope", [None, 0.0, 0.2])
@torch.inference_mode()
def test_what_is_no_number_stays_none_under_fused_activations(slope, added, dtype):
    """By it tiles learn how far the network looks."""
    x, weight = last(pictures(1, 16, 9, 12)).to(dtype), last(pictures(16, 16, 3, 3)).to(dtype)
    x[..., 4, 5] = float("nan")
    onto = last(pictures(1, 16, 9, 12)).to(dtype) if added else None
    found = convolve(x, weight, None, padding=1, slope=slope, onto=onto)
    assert found.isnan()[0, 0].sum() == 9
