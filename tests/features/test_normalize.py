"""The normalise tool: mean activation 1, the same function, and the published network."""

import logging
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import InputError
from impasto.features.normalize import is_dead, mean_activations, normalize_vgg, rescale_vgg
from impasto.features.vgg import VGG, VGGPlan
from impasto.features.vgg_files import load_vgg

LAYERS = ("relu1_1", "relu1_2", "pool1", "relu2_1", "relu2_2")


def network(*, batch_norm=False, layers=LAYERS, pooling="max"):
    torch.manual_seed(0)
    plan = VGGPlan(depths=(2, 2), widths=(6, 8), batch_norm=batch_norm)
    made = VGG(plan, layers, padding="reflect", pooling=pooling)
    for name, step in made.steps.items():
        # Mostly positive, so that every channel fires and none is dead by chance.
        torch.nn.init.uniform_(step.weight, *((0.5, 2.0) if "norm" in name else (-0.1, 0.2)))
        torch.nn.init.uniform_(step.bias, 0.0, 0.2)
    return made


def pictures():
    generator = torch.Generator().manual_seed(1)
    return [torch.rand(b, 3, 16 + b, 24, generator=generator) for b in (1, 2, 3)]


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("pooling", ["max", "avg"])
def test_every_filter_has_mean_activation_one(batch_norm, pooling):
    normal = normalize_vgg(network(batch_norm=batch_norm, pooling=pooling), iter(pictures()))
    for name, mean in mean_activations(normal, pictures()).items():
        torch.testing.assert_close(
            mean, torch.ones_like(mean), rtol=1e-4, atol=1e-4, msg=lambda m, n=name: f"{n}: {m}"
        )


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("pooling", ["max", "avg", "l2"])
def test_function_is_the_same_up_to_one_factor_per_channel(batch_norm, pooling):
    old = network(batch_norm=batch_norm, pooling=pooling)
    means = mean_activations(old, pictures())
    assert not any(is_dead(mean).any() for mean in means.values())
    new = normalize_vgg(old, pictures())
    other = torch.rand(1, 3, 20, 20)
    was, now = old(other), new(other)
    for name in ("relu1_1", "relu1_2", "relu2_1", "relu2_2"):
        scale = means[name].float().view(1, -1, 1, 1)
        torch.testing.assert_close(now[name] * scale, was[name], rtol=1e-4, atol=1e-5)


def test_network_that_ends_at_a_convolution_is_scaled_by_its_relu():
    normal = normalize_vgg(network(layers=("conv2_1",)), pictures())
    total = sum(normal(batch)["conv2_1"].relu().sum((0, 2, 3)) for batch in pictures())
    positions = sum(batch.shape[0] * (batch.shape[2] // 2) * 12 for batch in pictures())
    torch.testing.assert_close(total / positions, torch.ones(8), rtol=1e-4, atol=1e-4)


def test_means_weigh_every_position_alike_whatever_the_batches():
    whole = torch.rand(4, 3, 16, 16)
    at_once = mean_activations(network(), [whole])
    for name, mean in mean_activations(network(), whole.split(1)).items():
        torch.testing.assert_close(mean, at_once[name])


def test_the_old_network_is_left_alone():
    old = network()
    before = {k: v.clone() for k, v in old.state_dict().items()}
    new = normalize_vgg(old, pictures())
    assert all(torch.equal(v, before[k]) for k, v in old.state_dict().items())
    assert (new.layers, new.padding, new.pooling) == (old.layers, old.padding, old.pooling)
    assert not any(p.requires_grad for p in new.parameters())


def test_dead_channels_are_left_alone_and_counted(caplog):
    old = network()
    old.steps["conv1_2"].bias[:2] = -1e6
    means = mean_activations(old, pictures())
    assert is_dead(means["relu1_2"]).tolist() == [True, True, False, False, False, False]
    with caplog.at_level(logging.WARNING):
        new = normalize_vgg(old, pictures())
    assert "2 of relu1_2" in caplog.text
    assert new.steps["conv1_2"].bias[:2].tolist() == [-1e6, -1e6]
    assert all(p.isfinite().all() for p in new.parameters())


def test_no_picture_is_refused():
    with pytest.raises(InputError, match="at least one picture is needed"):
        normalize_vgg(network(), [])


def test_nan_in_a_picture_is_refused():
    with pytest.raises(InputError, match="activations of relu1_1 are not finite"):
        normalize_vgg(network(), [torch.full((1, 3, 16, 16), float("nan"))])


def test_means_without_a_layer_are_refused():
    with pytest.raises(InputError, match="means lacks relu1_2"):
        rescale_vgg(network(), {"relu1_1": torch.ones(6)})


ASSETS = Path(os.environ.get("IMPASTO_ASSETS", "/nonexistent"))


@pytest.mark.weights
@pytest.mark.skipif(not ASSETS.is_dir(), reason="IMPASTO_ASSETS names no folder")
def test_agrees_with_the_published_normalised_network():
    """The published scales were taken over other pictures: equal up to a scale near 1."""
    layers = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1")
    folder = ASSETS / "perceptual"
    exact = load_vgg(folder / "vgg19-relu3_4.safetensors", layers=layers, padding="reflect")
    published = load_vgg(folder / "vgg19-normalized-relu3_1.safetensors", layers=layers)
    files = sorted((ASSETS / "content").glob("*.jpg"))[::60]
    ours = normalize_vgg(exact, (read(path) for path in files))
    taps, expected, raw = (net(read(files[3])) for net in (ours, published, exact))
    for name in layers:
        a, b, c = (t[name][0].flatten(1).double() for t in (taps, expected, raw))  # (C, HW)
        live = a.amax(1) > 0
        a, b, c = a[live], b[live], c[live]
        scale = (a * b).sum(1) / (a * a).sum(1)
        error = (b - scale[:, None] * a).abs().amax(1) / b.amax(1)
        assert error.max() < 2e-5, name
        assert 0.8 < scale.median() < 1.25, name
        logs = [(x.sum(1) / c.sum(1)).log().numpy() for x in (a, b)]
        assert np.corrcoef(*logs)[0, 1] > 0.75, name


def read(path):
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).copy()
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
