"""The style loss: recomputed in NumPy, and its gradient."""

import numpy as np
import pytest
import torch

from impasto.losses.style import relative_statistics_loss, statistics_of


def taps(seed: int, *, batch: int = 2, scale: float = 1.0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = {"relu1_1": (batch, 3, 6, 5), "relu2_1": (batch, 4, 3, 4)}
    return {
        name: scale * torch.randn(shape, dtype=torch.float64, generator=generator)
        for name, shape in shapes.items()
    }


def loss_of(found: dict[str, torch.Tensor], target: dict[str, torch.Tensor]) -> torch.Tensor:
    return relative_statistics_loss(statistics_of(found), statistics_of(target))


def test_statistics_are_mean_and_biased_deviation():
    for name, (mean, deviation) in statistics_of(taps(1)).items():
        values = taps(1)[name].numpy()
        np.testing.assert_allclose(mean, values.mean((2, 3), keepdims=True))
        expected = np.sqrt(values.var((2, 3), keepdims=True) + 1e-5)
        np.testing.assert_allclose(deviation, expected)


def test_it_is_the_formula():
    found, target = taps(1, scale=2.0), taps(2)
    expected = np.zeros(2)
    for name in found:
        a, b = found[name].numpy(), target[name].numpy()
        mean_a, mean_b = a.mean((2, 3)), b.mean((2, 3))  # (B, C)
        std_a, std_b = (np.sqrt(x.var((2, 3)) + 1e-5) for x in (a, b))
        squares = (mean_a - mean_b) ** 2 + (std_a - std_b) ** 2
        expected += squares.mean(1) / (std_b**2).mean(1)
    np.testing.assert_allclose(loss_of(found, target), expected)


def test_there_is_one_value_per_picture_and_pictures_do_not_mix():
    found, target = taps(1), taps(2)
    both = loss_of(found, target)
    assert both.shape == (2,)
    for i in range(2):
        one = loss_of(*({n: x[i : i + 1] for n, x in t.items()} for t in (found, target)))
        torch.testing.assert_close(both[i : i + 1], one)


def test_equal_statistics_cost_nothing_wherever_the_features_stand():
    found = taps(1)
    turned = {name: x.flip(2, 3) for name, x in found.items()}
    torch.testing.assert_close(loss_of(turned, found), torch.zeros(2, dtype=torch.float64))


def test_no_layer_drowns_the_others():
    found, target = taps(1), taps(2)
    plain = loss_of(found, target)
    loud = [dict(t, relu2_1=1e3 * t["relu2_1"]) for t in (found, target)]
    torch.testing.assert_close(loss_of(*loud), plain, rtol=1e-3, atol=0)


def test_layers_that_only_the_target_has_are_passed_over():
    found, target = taps(1), taps(2)
    first = {"relu1_1": found["relu1_1"]}
    expected = loss_of(first, {"relu1_1": target["relu1_1"]})
    torch.testing.assert_close(loss_of(first, target), expected)


def test_flat_styles_give_a_finite_loss():
    flat = {name: torch.zeros_like(x) for name, x in taps(1).items()}
    assert torch.isfinite(loss_of(taps(1), flat)).all()


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_gradient(order):
    found, target = taps(1), statistics_of(taps(2))
    values = [x.contiguous(memory_format=order).requires_grad_() for x in found.values()]

    def loss(*features):
        named = dict(zip(found, features, strict=True))
        return relative_statistics_loss(statistics_of(named), target)

    assert torch.autograd.gradcheck(loss, values)
