"""Laws of the optimisation of pixels: scales, objective, optimisers, stopping and going on."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch

from impasto.errors import InputError, TrainingError
from impasto.features.perceptual import load_perceptual
from impasto.features.statistics import gram_matrix
from impasto.images.samples import synthetic_photo
from impasto.methods.gatys import optimize
from impasto.methods.gatys.canvas import Canvas
from impasto.methods.gatys.objective import Objective, needed_layers
from impasto.methods.gatys.optimize import Optimization, scales
from impasto.methods.gatys.optimizers import PixelAdam, PixelLBFGS
from impasto.methods.gatys.presets import PRESETS, check_fit, preset_config
from impasto.methods.gatys.settings import CHOICES, TransferConfig
from impasto.methods.gatys.wrap import step_across, typical_cut

CONTENT = synthetic_photo((48, 64), seed=1).pixels
STYLE = synthetic_photo((40, 40), seed=2).pixels.flip(1)
SMALL = {
    "size": 64,
    "min_size": 32,
    "first_steps": 6,
    "steps": 4,
    "content_layers": ("relu2_2",),
    "style_layers": ("relu1_1", "relu2_1"),
}


@pytest.fixture(scope="module")
def network(tiny_vgg):
    def load(config, *, content=True, style=True):
        padding = "circular" if config.seamless else config.padding
        layers = needed_layers(config, content=content, style=style)
        return load_perceptual(tiny_vgg, layers, padding=padding, pooling=config.pooling)

    return load


def settings(**changes):
    return TransferConfig(**{**SMALL, "relative": True, **changes})


def start(network, **changes):
    config = settings(**changes)
    return Optimization(network(config), config, content=CONTENT, styles=[STYLE])


def total(step):
    return sum(step.losses.values())


# Scales


def test_scales_grow_by_the_root_of_two_and_end_at_the_size():
    found = scales((48, 64), TransferConfig(size=512, min_size=128))
    assert found[-1] == (384, 512)
    assert found[0] == (96, 128)
    for (_, smaller), (_, larger) in itertools.pairwise(found):
        assert larger / smaller == pytest.approx(math.sqrt(2), rel=0.02)


def test_one_scale_is_enough_and_thin_pictures_keep_a_pixel():
    assert scales((30, 20), TransferConfig(size=90, min_size=90)) == [(90, 60)]
    assert scales((1, 4000), TransferConfig(size=64, min_size=32))[-1] == (1, 64)


def test_sides_of_a_seamless_picture_are_whole_cells():
    for size in scales((50, 70), TransferConfig(size=100, min_size=40), grid=8):
        assert size[0] % 8 == size[1] % 8 == 0


# Steps


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_steps_are_counted_and_the_loss_falls_at_every_scale(network, optimizer):
    rate = 1.0 if optimizer == "lbfgs" else 0.02
    run = start(network, optimizer=optimizer, learning_rate=rate, first_steps=12, steps=12)
    steps = list(run)
    assert [s.index for s in steps] == list(range(1, run.total + 1))
    assert {s.steps for s in steps} == {run.total}
    for first in range(0, run.total, 12):
        assert total(steps[first + 11]) < total(steps[first])
    assert steps[-1].image.shape == (1, 3, 48, 64)
    assert float(steps[-1].image.min()) >= 0
    assert float(steps[-1].image.max()) <= 1
    assert not steps[-1].image.requires_grad


def test_the_same_seed_gives_the_same_picture_and_another_another(network):
    first, again, other = (
        list(start(network, init="noise", seed=seed))[-1].image for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimizer": "lbfgs", "learning_rate": 0.5},
        {"optimizer": "adam", "learning_rate": 0.02},
        {"optimizer": "adam", "learning_rate": 0.02, "levels": 4, "floor": 0.1},
    ],
    ids=["lbfgs", "adam", "pyramid"],
)
@pytest.mark.parametrize("stop", [3, 6, 8])
def test_a_resumed_run_gives_the_same_picture(network, settings, stop):
    whole = list(start(network, averaging=0.5, **settings))[-1].image
    begun = start(network, averaging=0.5, **settings)
    for step in begun:
        if step.index == stop:
            break
    state = begun.state()
    resumed = start(network, averaging=0.5, **settings)
    resumed.restore(state)
    steps = list(resumed)
    assert steps[0].index == stop + 1
    torch.testing.assert_close(steps[-1].image, whole, rtol=0, atol=1e-5)


def test_a_state_of_another_size_is_refused(network):
    begun = start(network)
    next(iter(begun))
    with pytest.raises(InputError, match="of another picture or other settings"):
        start(network, size=80).restore(begun.state())


def test_averaging_is_the_mean_of_the_pictures_of_the_last_scale(network):
    run = start(network, averaging=0.5, optimizer="adam", learning_rate=0.02)
    images = []
    for step in run:
        if step.index > run.total - SMALL["steps"]:
            images.append(run.image.detach().clone())
    weights = [0.5 ** (len(images) - i) for i in range(len(images))]
    wanted = sum(w * image for w, image in zip(weights, images, strict=True)) / sum(weights)
    torch.testing.assert_close(run.result, wanted.clamp(0, 1))


def test_a_loss_that_is_not_a_number_stops_the_run_and_is_named(network):
    config = settings()
    poisoned = network(config)
    poisoned.input.bias.fill_(float("nan"))
    run = Optimization(poisoned, config, content=CONTENT, styles=[STYLE])
    with pytest.raises(TrainingError, match="content"):
        next(iter(run))


@pytest.mark.parametrize("init", ["content", "noise", "grey", "style-colors"])
def test_first_pictures(network, init):
    run = start(network, init=init)
    next(iter(run))
    first = run._first_picture()
    if init == "style-colors":
        colors = {tuple(c) for c in STYLE.flatten(2)[0].T.tolist()}
        assert {tuple(c) for c in first.flatten(2)[0].T.tolist()} <= colors
    elif init == "grey":
        assert (first == 0.5).all()
    elif init == "noise":
        assert float(first.std()) == pytest.approx(0.2, abs=0.03)
    else:
        assert first is CONTENT


def test_a_picture_of_ones_own_comes_first(network):
    config = settings(content_weight=0, style_weight=1e-30, tv_weight=0, first_steps=1, steps=1)
    own = torch.full((1, 3, 10, 10), 0.25)
    run = Optimization(network(config), config, content=CONTENT, styles=[STYLE], start=own)
    torch.testing.assert_close(list(run)[-1].image, torch.full((1, 3, 48, 64), 0.25))


# The objective


def test_terms_without_weight_are_not_computed(network):
    config = settings(content_weight=0, tv_weight=0, clamp=False)
    objective = Objective(network(config), config, CONTENT, [STYLE], [1.0])
    assert set(objective(CONTENT)) == {"style"}
    assert needed_layers(config, content=True, style=True) == ("relu1_1", "relu2_1")


def test_a_picture_is_at_no_distance_from_itself(network):
    config = settings(tv_weight=0)
    losses = Objective(network(config), config, STYLE, [STYLE], [1.0])(STYLE)
    assert all(float(value) == pytest.approx(0, abs=1e-3) for value in losses.values())


def test_the_content_loss_is_the_mean_or_the_sum_of_squares(network):
    for sums in (False, True):
        config = settings(content_weight=3.0, relative=False, content_sum=sums)
        vgg = network(config)
        found = Objective(vgg, config, CONTENT, [STYLE], [1.0])(CONTENT.flip(-1))["content"]
        a, b = (vgg(x)["relu2_2"].double().numpy() for x in (CONTENT, CONTENT.flip(-1)))
        squares = (a - b) ** 2
        assert float(found) == pytest.approx(3 * (squares.sum() if sums else squares.mean()), 1e-4)


def test_relative_losses_do_not_know_the_network_s_scale(network):
    config = settings(style_loss="gram")
    plain, loud = network(config), network(config)
    for step in loud.steps.values():
        step.bias.mul_(3)
    loud.steps["conv1_1"].weight.mul_(3)
    for name in ("conv1_2", "conv2_1", "conv2_2"):
        loud.steps[name].bias.copy_(plain.steps[name].bias * 3)
    values = [
        Objective(vgg, config, CONTENT, [STYLE], [1.0])(CONTENT.flip(-1)) for vgg in (plain, loud)
    ]
    for name in ("content", "style"):
        torch.testing.assert_close(values[0][name], values[1][name], rtol=1e-3, atol=1e-5)


def test_half_precision_is_of_the_network_alone(network):
    config = settings()
    whole, half = (
        Objective(network(config), config, CONTENT, [STYLE], [1.0], precision=precision)
        for precision in (torch.float32, torch.bfloat16)
    )
    for name, value in half(CONTENT.flip(-1)).items():
        wanted = whole(CONTENT.flip(-1))[name]
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, wanted, rtol=0.1, atol=0.01)
        assert not torch.equal(value, wanted) or name in ("tv", "range")


def test_masks_rule_their_regions(network):
    """Where a style's mask is black its loss has no gradient (but for what layers see around)."""
    config = settings(content_weight=0, tv_weight=0, clamp=False, style_layers=("relu1_1",))
    mask = torch.zeros(1, 1, 48, 64)
    mask[..., :32] = 1
    objective = Objective(network(config), config, None, [STYLE], [1.0], [mask])
    image = CONTENT.clone().requires_grad_()
    objective(image)["style"].backward()
    assert float(image.grad[..., 34:].abs().max()) == 0
    assert float(image.grad[..., :30].abs().max()) > 0


def test_two_styles_by_weight_are_between_them(network):
    grams = []
    for weights in ((1, 0), (0.5, 0.5), (0, 1)):
        config = settings(style_loss="gram", style_weights=weights)
        run = Optimization(network(config), config, content=CONTENT, styles=[STYLE, STYLE.flip(1)])
        objective = run._objective((48, 64))
        grams.append(objective.style_targets[0][2]["relu1_1"][0])
    torch.testing.assert_close(grams[1], (grams[0] + grams[2]) / 2)


# Texture and inversion


def test_a_texture_of_one_layer_has_the_target_s_gram_matrix(network):
    config = settings(
        content_weight=0, tv_weight=0, style_loss="gram", style_layers=("relu2_1",), init="noise",
        first_steps=60, steps=60, size=48, min_size=48, style_weight=1e3,
    )  # fmt: skip
    vgg = network(config, content=False)
    run = Optimization(vgg, config, styles=[STYLE], size=(48, 48))
    result = list(run)[-1].image
    style = torch.nn.functional.interpolate(STYLE, size=(48, 48), mode="bicubic", antialias=True)
    found, wanted = (gram_matrix(vgg(x.clamp(0, 1))["relu2_1"]) for x in (result, style))
    assert float((found - wanted).norm() / wanted.norm()) < 0.02


def test_a_seamless_texture_has_no_seam(network):
    config = settings(
        content_weight=0, init="style-colors", seamless=True, first_steps=40, steps=40
    )
    run = Optimization(network(config, content=False), config, styles=[STYLE], size=(64, 64))
    image = list(run)[-1].image
    for axis in (-1, -2):
        across, *inside = step_across(image, axis).tolist()
        assert across == pytest.approx(sum(inside) / len(inside), rel=0.1)


def test_where_a_seamless_texture_meets_itself_is_a_place_like_others(network, monkeypatch):
    """Without the choice of the cut, over many tiles: single lines vary by themselves."""
    monkeypatch.setattr(optimize, "typical_cut", lambda image: (0, 0))
    ratios = {True: [], False: []}
    for wrap, found in ratios.items():
        for seed in range(12):
            config = settings(content_weight=0, init="style-colors", seamless=wrap, seed=seed,
                              first_steps=12, min_size=48, size=48)  # fmt: skip
            run = Optimization(network(config, content=False), config, styles=[STYLE])
            image = list(run)[-1].image
            for axis in (-1, -2):
                steps = step_across(image, axis)
                found.append(float(steps[0] / steps[1:].mean()))
    means = {wrap: sum(found) / len(found) for wrap, found in ratios.items()}
    assert means[True] == pytest.approx(1, abs=0.1)
    assert means[False] > 1.3


def test_a_cut_changes_no_pixel(network):
    image = torch.rand((1, 3, 12, 20), generator=torch.Generator().manual_seed(0))
    rows, columns = typical_cut(image)
    rolled = image.roll((rows, columns), (-2, -1))
    assert torch.equal(rolled.roll((-rows, -columns), (-2, -1)), image)
    assert step_across(rolled, -1)[0] == step_across(image, -1)[-columns]
    assert step_across(rolled, -2)[0] == step_across(image, -2)[-rows]


def test_a_shallow_layer_knows_the_picture(network):
    config = settings(content_layers=("relu1_1",), style_weight=0, tv_weight=0, init="grey",
                      size=48, min_size=48, first_steps=80)  # fmt: skip
    picture = STYLE
    run = Optimization(network(config, style=False), config, content=picture)
    found = list(run)[-1].image
    wanted = torch.nn.functional.interpolate(picture, size=(48, 48), mode="bicubic", antialias=True)
    assert float((found - wanted.clamp(0, 1)).abs().mean()) < 0.06


# Optimisers


def quadratic(image):
    target = torch.linspace(0, 1, image.numel()).view_as(image)
    scale = torch.linspace(1, 30, image.numel()).view_as(image)
    return {"distance": (scale * (image - target).square()).sum()}


def test_lbfgs_never_stops_and_finds_the_minimum():
    image = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    lbfgs = PixelLBFGS(Canvas(image), quadratic, learning_rate=1.0, history=10)
    losses = [lbfgs.step()["distance"] for _ in range(60)]
    assert losses[-1] < 1e-8 < losses[3]
    assert all(math.isfinite(loss) for loss in losses)


def test_lbfgs_computes_nothing_twice():
    image = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    seen = []

    def loss(x):
        seen.append(x.detach().clone())
        return quadratic(x)

    lbfgs = PixelLBFGS(Canvas(image), loss, learning_rate=1.0, history=10)
    for _ in range(8):
        lbfgs.step()
    assert len(seen) == lbfgs.evaluations
    assert len({tuple(x.flatten().tolist()) for x in seen}) == len(seen)


def test_adam_keeps_pixels_in_range():
    image = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    canvas = Canvas(image)
    adam = PixelAdam(
        canvas,
        lambda x: {"dark": x.sum()},
        learning_rate=0.3,
        betas=(0.9, 0.99),
        floor=1.0,
        clamp=True,
    )
    for _ in range(5):
        adam.step()
    assert float(canvas.picture().detach().min()) == 0


def test_the_learning_rate_falls_along_half_a_cosine():
    canvas = Canvas(torch.full((1, 3, 4, 4), 0.5))
    adam = PixelAdam(
        canvas,
        lambda x: {"dark": x.sum()},
        learning_rate=0.2,
        betas=(0.9, 0.99),
        floor=0.5,
        clamp=True,
    )
    found = []
    for progress in (0.0, 0.5, 1.0):
        adam.step(progress)
        found.append(adam.adam.param_groups[0]["lr"])
    assert found == pytest.approx([0.2, 0.15, 0.1])


# The canvas


@pytest.mark.parametrize("size", [(48, 64), (37, 51), (1, 9)])
def test_a_pyramid_begins_as_the_picture_and_is_the_sum_of_its_parts(size):
    image = torch.rand((1, 3, *size), generator=torch.Generator().manual_seed(0))
    canvas = Canvas(image, levels=4)
    assert torch.equal(canvas.picture().detach(), image)
    with torch.no_grad():
        canvas.leaves[-1].fill_(0.25)
        canvas.leaves[0].fill_(0.5)
    torch.testing.assert_close(canvas.picture().detach(), image + 0.75)


def test_scales_of_a_pyramid_may_have_different_numbers_of_parts(network):
    config = settings(content_weight=0, init="style-colors", seamless=True, optimizer="adam",
                      levels=7, size=48, min_size=32)  # fmt: skip
    run = Optimization(network(config, content=False), config, styles=[STYLE], size=(48, 48))
    parts = {len(run._canvas.leaves) for _ in run}
    assert len(parts) == 2


def test_a_pyramid_that_wraps_around_knows_no_border():
    canvas = Canvas(torch.zeros(1, 3, 32, 48), levels=4, wrap=True)
    assert [tuple(leaf.shape[-2:]) for leaf in canvas.leaves] == [
        (32, 48),
        (16, 24),
        (8, 12),
        (4, 6),
    ]
    with torch.no_grad():
        for leaf in canvas.leaves:
            leaf.copy_(torch.rand(leaf.shape, generator=torch.Generator().manual_seed(0)))
    whole = canvas.picture().detach()
    with torch.no_grad():  # every part by one cell of the coarsest
        for level, leaf in enumerate(canvas.leaves):
            leaf.copy_(leaf.roll((8 >> level, 8 >> level), (-2, -1)))
    torch.testing.assert_close(canvas.picture().detach(), whole.roll((8, 8), (-2, -1)))


# Settings and presets


def test_every_choice_has_its_field():
    names = {field.name for field in dataclasses.fields(TransferConfig)}
    assert set(CHOICES) <= names


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"content_weight": 0, "style_weight": 0}, "must not both be 0"),
        ({"style_weight": -1}, "style weight must be at least 0"),
        ({"style_layer_weights": (1,)}, "one style layer weight per style layer; got 1 for"),
        ({"style_layer_weights": (0, 0)}, "must not all be 0"),
        ({"content_layer_weights": (-1,)}, "each content layer weight must be at least 0"),
        ({"style_loss": "grams"}, "style loss must be one of gram"),
        ({"init": "black"}, "init must be one of content, noise"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"tv_weight": float("nan")}, "tv weight must be"),
    ],
)
def test_settings_that_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        settings(**changes)


@pytest.mark.parametrize(
    ("parts", "changes", "words"),
    [
        ({"content": None, "styles": []}, {}, "nothing to paint from"),
        ({"masks": []}, {}, "one mask per style; got 0 for 1"),
        ({"content": None, "size": (8, 8)}, {}, "init content needs a content"),
        ({"styles": []}, {"init": "style-colors"}, "init style-colors needs a style"),
        ({}, {"style_weights": (1, 2)}, "one style weight per style; got 2 for 1 style"),
        ({}, {"style_weights": (0,)}, "style weights must not all be 0"),
    ],
)
def test_parts_that_are_refused(network, parts, changes, words):
    config = settings(**changes)
    with pytest.raises(InputError, match=words):
        Optimization(network(config), config, **{"content": CONTENT, "styles": [STYLE], **parts})


def test_layer_weights_fall_with_depth_and_sum_to_one():
    weights = TransferConfig(layer_decay=0.25).layer_weights("style")
    shares = [256 / 341, 64 / 341, 16 / 341, 4 / 341, 1 / 341]
    assert list(weights.values()) == pytest.approx(shares)
    given = TransferConfig(style_layers=("relu1_1", "relu2_1"), style_layer_weights=(3, 5))
    assert given.layer_weights("style") == {"relu1_1": 3, "relu2_1": 5}


def test_a_preset_refuses_what_its_weights_are_not_made_for():
    check_fit("gatys-paper", 16, "caffe", "file")
    check_fit("recommended", 13, "lite", "lite")
    words = r"VGG-19 with caffe's .* use --preset recommended or ai-art or crowson"
    with pytest.raises(InputError, match=words):
        check_fit("gatys-paper", 16, "torchvision", "vgg19")


def test_changes_to_a_preset():
    assert preset_config("crowson", size=700).min_size == 128
    assert preset_config("gatys-authors", size=700).min_size == 700
    assert preset_config("neural-style", style_layers=("relu1_1",)).style_layer_weights == ()
    with pytest.raises(InputError, match="preset must be one of recommended, gatys-paper"):
        preset_config("gatys")


FITTING = [name for name, preset in PRESETS.items() if preset.made_for in (None, (16, "caffe"))]


@pytest.mark.parametrize("name", FITTING)
def test_a_preset_s_first_loss_is_what_its_paper_says(tiny_vgg, name):
    """Each term recomputed from the paper's formula on the network's features, in NumPy."""
    config = preset_config(name, size=64, first_steps=1, min_size=64)
    layers = needed_layers(config, content=True, style=True)
    vgg = load_perceptual(tiny_vgg, layers, padding=config.padding, pooling=config.pooling)
    losses = Objective(vgg, config, CONTENT, [STYLE], [1.0])(CONTENT.flip(-1))
    f, p, s = (
        {k: v[0].flatten(1).double().numpy() for k, v in vgg(x).items()}
        for x in (CONTENT.flip(-1), CONTENT, STYLE)
    )
    if name == "gatys-paper":  # eqs. 1, 4, 5 with G = F F^T, alpha 1, beta 1e3, w 1 / 5
        content = 0.5 * ((f["relu4_2"] - p["relu4_2"]) ** 2).sum()
        style = 0.0
        for layer in config.style_layers:
            n, m, m_s = *f[layer].shape, s[layer].shape[1]
            g, a = f[layer] @ f[layer].T, s[layer] @ s[layer].T * (m / m_s)
            style += ((g - a) ** 2).sum() / (4 * n**2 * m**2) / 5
        assert float(losses["style"]) == pytest.approx(1e3 * style, rel=1e-4)
        assert float(losses["content"]) == pytest.approx(content, rel=1e-4)
        assert set(losses) == {"content", "style"}
    elif name == "neural-style":
        x = CONTENT.flip(-1).double().numpy() * 255
        squares = (np.diff(x, axis=-1) ** 2).sum() + (np.diff(x, axis=-2) ** 2).sum()
        assert float(losses["tv"]) == pytest.approx(1e-3 / 2 * squares, rel=1e-4)
        style = sum(
            np.mean((f[k] @ f[k].T / f[k].size - s[k] @ s[k].T / s[k].size) ** 2)
            for k in config.style_layers
        )
        assert float(losses["style"]) == pytest.approx(100 * style, rel=1e-4)
    elif name == "gatys-authors":
        style = 0.0
        for k, c in zip(config.style_layers, (64, 128, 256, 512, 512), strict=True):
            g, a = (x[k] @ x[k].T / x[k].shape[1] for x in (f, s))
            style += 1e3 / c**2 * np.mean((g - a) ** 2)
        assert float(losses["style"]) == pytest.approx(style, rel=1e-4)
        assert float(losses["content"]) == pytest.approx(
            np.mean((f["relu4_2"] - p["relu4_2"]) ** 2), rel=1e-4
        )
    else:
        assert set(losses) == {"content", "style", "tv", "range"}
