"""The laws of a dream, on networks small enough to know what they see."""

import dataclasses
import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from impasto.errors import InputError, ShapeError, TrainingError
from impasto.methods.deepdream.ascent import (
    ascend,
    dream,
    gaussian,
    normalized,
    octave_sizes,
    smooth,
)
from impasto.methods.deepdream.objective import Objective, windows
from impasto.methods.deepdream.presets import (
    NAMES,
    OURS,
    PUBLISHED,
    preset_config,
)
from impasto.methods.deepdream.settings import DreamConfig
from impasto.methods.deepdream.zoom import enlarge, zoom_frames


class Tiny(nn.Module):
    """Two random convolutions, "a" and "b", each after a ReLU."""

    layers = ("a", "b")
    least_side = 4

    def __init__(self, scale=1.0):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.first = torch.randn(6, 3, 3, 3, generator=generator) * scale / 3
        self.second = torch.randn(5, 6, 3, 3, generator=generator) / 6

    def forward(self, images):
        a = F.conv2d(images - 0.5, self.first, padding=1).relu()
        return {"a": a, "b": F.conv2d(a, self.second, padding=1).relu()}


BASE = DreamConfig(layers=("b",), octaves=2, octave_scale=1.5, steps=3, step_size=0.02, jitter=3)


def picture(height=37, width=50, seed=1):
    coarse = torch.rand(1, 3, 5, 6, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (height, width), mode="bilinear")


def last(image, config=BASE, network=None, **options):
    *_, step = dream(image, network or Tiny(), config, **options)
    return step.image


def with_settings(**changes):
    return dataclasses.replace(BASE, **changes)


@pytest.mark.parametrize("carry", ["detail", "result"])
@pytest.mark.parametrize("normalize", ["deviation", "mean"])
@pytest.mark.parametrize("objective", ["squares", "norm", "mean"])
def test_activation_goes_up(carry, normalize, objective):
    config = with_settings(carry=carry, normalize=normalize, objective=objective, steps=6)
    steps = list(dream(picture(), Tiny(), config))
    final = [step for step in steps if step.image.shape == picture().shape]
    strengths = [-sum(step.losses.values()) for step in final]
    assert strengths[-1] > strengths[0]
    network = Tiny()
    before, after = (network(x)["b"].square().mean() for x in (picture(), steps[-1].image))
    assert after > 1.2 * before


def test_steps_are_numbered_and_end_at_the_size_of_the_picture():
    steps = list(dream(picture(37, 51), Tiny(), BASE))
    assert [step.index for step in steps] == [1, 2, 3, 4, 5, 6]
    assert {step.steps for step in steps} == {6}
    assert [tuple(s.image.shape[-2:]) for s in steps] == [(25, 34)] * 3 + [(37, 51)] * 3
    for step in steps:
        assert not step.image.requires_grad
        assert 0 <= step.image.min() <= step.image.max() <= 1
        assert list(step.losses) == ["b"]


def test_same_seed_same_bytes_and_another_seed_another_picture():
    image = picture()
    kept = image.clone()
    assert torch.equal(last(image), last(image))
    assert not torch.equal(last(image), last(image, with_settings(seed=1)))
    assert torch.equal(image, kept)


def test_picture_stays_where_the_gradient_is_zero():
    image = picture()
    for normalize in ("deviation", "mean"):
        for objective in ("squares", "norm", "mean"):
            config = with_settings(
                octaves=1, normalize=normalize, objective=objective, smoothing=1.0, jitter=9
            )
            assert torch.equal(last(image, config, Tiny(scale=0.0)), image)


def test_jitter_is_undone():
    # A network that sees every pixel alike: where the picture was rolled to cannot matter.
    class Brightness(Tiny):
        def forward(self, images):
            return {"a": images.square(), "b": images.square()}

    image = picture()
    rolled = last(image, with_settings(jitter=9), Brightness())
    still = last(image, with_settings(jitter=0), Brightness())
    torch.testing.assert_close(rolled, still)


def test_step_has_the_length_that_was_asked_for():
    image = 0.25 + picture() / 2
    objective = Objective(Tiny(), with_settings(step_size=0.01, jitter=0))
    stepped, _ = ascend(image, objective, progress=1.0, generator=torch.Generator())
    torch.testing.assert_close((stepped - image).abs().mean(), torch.tensor(0.01))
    objective = Objective(Tiny(), with_settings(step_size=0.01, jitter=0, normalize="deviation"))
    stepped, _ = ascend(image, objective, progress=1.0, generator=torch.Generator())
    torch.testing.assert_close((stepped - image).std(), torch.tensor(0.01))


def test_gradient_by_deviation_has_mean_0_and_deviation_1():
    gradient = torch.rand(1, 3, 9, 9) * 1e-6
    scaled = normalized(gradient, "deviation")
    torch.testing.assert_close(scaled.mean(), torch.tensor(0.0), rtol=0, atol=1e-5)
    torch.testing.assert_close(scaled.std(), torch.tensor(1.0))


def test_gaussians_sum_to_1_and_have_their_deviation():
    for sigma in (0.25, 1.0, 2.0):
        kernel = gaussian(sigma, 12).flatten().double()
        assert float(kernel.sum()) == pytest.approx(1, abs=1e-6)
        places = torch.arange(-12, 13).double()
        if sigma >= 1:
            assert math.sqrt(float((kernel * places**2).sum())) == pytest.approx(sigma, rel=1e-3)


def test_smoothing_is_the_mean_of_three_gaussians():
    impulse = torch.zeros(1, 3, 25, 25)
    impulse[..., 12, 12] = 1
    found = smooth(impulse, 1.2, 6)
    places = torch.arange(-12, 13).double()
    expected = torch.zeros(25, 25, dtype=torch.float64)
    for sigma in (0.6, 1.2, 2.4):
        bell = torch.exp(-(places**2) / (2 * sigma**2)) * (places.abs() <= 6)
        expected += torch.outer(bell, bell) / bell.sum() ** 2 / 3
    torch.testing.assert_close(found[0, 1].double(), expected, rtol=1e-4, atol=1e-7)
    assert float(found.sum()) == pytest.approx(3, abs=1e-4)


def test_smoothing_takes_what_is_fine_out_of_a_step():
    rough, fine = with_settings(octaves=1), with_settings(octaves=1, smoothing=3.0)
    steps = [last(picture(), config) - picture() for config in (rough, fine)]
    assert steps[1].diff(dim=-1).abs().mean() < 0.75 * steps[0].diff(dim=-1).abs().mean()


@pytest.mark.parametrize("objective", ["squares", "norm", "mean"])
def test_tiles_give_the_gradient_of_the_whole(objective):
    image = picture(100, 170)
    config = with_settings(
        layers=("a", "b"), layer_weights=(1.0, 3.0), objective=objective, tile=2000, overlap=8
    )
    whole, terms = Objective(Tiny(), config).gradient(image)
    tiled, tiled_terms = Objective(Tiny(), dataclasses.replace(config, tile=64)).gradient(image)
    unit = float(whole.abs().mean())
    # A norm is summed over the tiles, whose overlaps count twice: nearly the same.
    tolerance = 0.2 if objective == "norm" else 1e-4
    torch.testing.assert_close(tiled / unit, whole / unit, rtol=tolerance, atol=tolerance)
    assert tiled_terms == pytest.approx(terms, rel=0.3)  # weighted by overlap


@pytest.mark.parametrize(
    ("length", "tile", "overlap", "count"),
    [(50, 64, 8, 1), (65, 64, 16, 2), (96, 64, 16, 2), (97, 64, 16, 3), (301, 64, 10, 7)],
)
def test_windows_cover_a_side_once_and_see_their_overlap(length, tile, overlap, count):
    generator = torch.Generator().manual_seed(0)
    for shift in (None, generator, generator, generator, generator):
        found = windows(length, tile, overlap, shift)
        kept = [place for w in found for place in range(length)[w.kept]]
        assert kept == list(range(length))
        for w in found:
            assert w.span == min(tile, length)
            assert 0 <= w.start <= max(0, w.first - overlap)
            assert min(length, w.last + overlap) <= w.stop <= length
            assert range(length)[w.seen][w.inner] == range(length)[w.kept]
        assert len(found) == count, "no window more than it takes"


def test_octaves_are_left_out_where_the_network_sees_nothing():
    config = with_settings(octaves=5, octave_scale=2.0)
    assert octave_sizes((40, 33), config, 1) == [(2, 2), (5, 4), (10, 8), (20, 16), (40, 33)]
    assert octave_sizes((40, 33), config, 8) == [(10, 8), (20, 16), (40, 33)]
    with pytest.raises(InputError, match=r"40x33 pixels is too small for b; use at least 64x64"):
        octave_sizes((40, 33), config, 64)


def test_detail_keeps_the_picture_and_result_blurs_it():
    # One octave up and no real step: what is left of the finest pixels?
    stripes = torch.zeros(1, 3, 24, 24)
    stripes[..., ::2] = 1
    kept = {
        carry: last(stripes, with_settings(carry=carry, step_size=1e-6, octave_scale=2.0))
        for carry in ("detail", "result")
    }
    assert kept["detail"].std() > 0.45
    assert kept["result"].std() < 0.2


def test_a_channel_alone_can_be_raised():
    network, image = Tiny(), picture()
    before = network(image)["a"].square().mean((0, 2, 3))
    for channel in (0, 3):
        config = with_settings(layers=(f"a:{channel}",), steps=5, octaves=1)
        after = network(last(image, config))["a"].square().mean((0, 2, 3))
        assert int((after - before).argmax()) == channel
    with pytest.raises(InputError, match="channel of a must be at most 5; got 6"):
        last(image, with_settings(layers=("a:6",)))


def test_weights_decide_between_layers():
    terms = Objective(Tiny(), with_settings(layers=("a", "b"), layer_weights=(2.0, 0.5)))
    taps = Tiny()(picture())
    found = terms.terms(picture())
    torch.testing.assert_close(found["a"], 2 * taps["a"].square().mean())
    torch.testing.assert_close(found["b"], taps["b"].square().mean() / 2)


def test_guide_is_the_best_match_by_dot_product():
    network, image, guide = Tiny(), picture(9, 11), picture(8, 7, seed=5)
    found = Objective(network, BASE, guide).terms(image)
    x, y = network(image)["b"][0].flatten(1), network(guide)["b"][0].flatten(1)
    best = (x.mT @ y).max(1).values
    torch.testing.assert_close(found["b like guide"], best.mean() / len(x))
    assert list(found) == ["b like guide"]


def test_guide_weight_shares_between_guide_and_activation():
    guide = picture(8, 7, seed=5)
    both = Objective(Tiny(), with_settings(guide_weight=0.25), guide).terms(picture())
    alone = Objective(Tiny(), BASE).terms(picture())
    guided = Objective(Tiny(), BASE, guide).terms(picture())
    torch.testing.assert_close(both["b"], 0.75 * alone["b"])
    torch.testing.assert_close(both["b like guide"], 0.25 * guided["b like guide"])
    none = Objective(Tiny(), with_settings(guide_weight=0.0), guide).terms(picture())
    torch.testing.assert_close(none["b"], alone["b"])


def test_another_guide_another_dream():
    dreams = [last(picture(), guide=picture(20, 20, seed=seed)) for seed in (5, 6)]
    assert (dreams[0] - dreams[1]).abs().mean() > 1e-3


def test_a_strength_that_is_no_number_stops_with_its_name():
    class Broken(Tiny):
        def forward(self, images):
            taps = super().forward(images)
            return {"a": taps["a"], "b": taps["b"] / 0}

    with pytest.raises(TrainingError, match=r"term b .*not finite"):
        last(picture(), with_settings(layers=("a", "b")), Broken())


def test_network_must_have_the_layers():
    with pytest.raises(InputError, match=r"does not answer with z, but with a, b"):
        last(picture(), with_settings(layers=("z",)))


def test_other_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"image must be \(1, 3, H, W\)"):
        next(dream(picture()[0], Tiny(), BASE))
    with pytest.raises(ShapeError, match=r"guide must be \(1, 3, H, W\)"):
        next(dream(picture(), Tiny(), BASE, guide=picture()[:, :1]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ()}, "at least one layer"),
        ({"layers": ("a", "a")}, "each thing once"),
        ({"layers": ("a:x",)}, r"a channel is a number from 0 after the layer, as in a:12"),
        ({"layer_weights": (1.0, 2.0)}, "one number per layer, 1; got 2"),
        ({"layer_weights": (0.0,)}, "must not all be 0"),
        ({"layer_weights": (-1.0,)}, r"each layer weight must be at least 0.0"),
        ({"layer_weights": (float("nan"),)}, r"each layer weight must be"),
        ({"octaves": 0}, "octaves must be at least 1"),
        ({"octave_scale": 1.0}, r"octave_scale must be above 1.0"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"step_size": 0.0}, r"step_size must be above 0.0"),
        ({"objective": "sum"}, "objective must be one of squares, norm, mean"),
        ({"carry": "all"}, "carry must be one of detail, result"),
        ({"normalize": "max"}, "normalize must be one of deviation, mean"),
        ({"guide_weight": 1.5}, "guide_weight must be at least"),
        ({"tile": 100, "overlap": 26}, "overlap must be at most a quarter of tile; got 26 of 100"),
    ],
)
def test_bad_settings_are_refused_with_a_sentence(changes, message):
    with pytest.raises(InputError, match=message):
        with_settings(**changes)


def test_presets_carry_their_authors_constants():
    gordic, notebook = PUBLISHED["gordicaleksa"].config, PUBLISHED["deepdream-2015"].config
    assert (gordic.layers, gordic.octaves, gordic.octave_scale) == (("relu4_3",), 4, 1.8)
    assert (gordic.carry, gordic.normalize, gordic.steps) == ("result", "deviation", 10)
    assert (notebook.octave_scale, notebook.carry, notebook.jitter) == (1.4, "detail", 32)
    assert notebook.step_size * 255 == pytest.approx(1.5)
    assert PUBLISHED["neural-dream"].config.octave_scale == pytest.approx(1 / 0.6)
    assert PUBLISHED["ai-art"].config.objective == "norm"
    assert all(preset.origin.endswith(".") for preset in PUBLISHED.values())


def test_a_preset_whose_layers_are_missing_names_those_that_fit():
    known = ["relu1_1", "relu4_3", "relu4_4"]
    assert preset_config("gordicaleksa", "vgg19", known) is PUBLISHED["gordicaleksa"].config
    message = (
        r"preset deepdream-2015 raises inception4c of googlenet, which vgg19 has not; use --preset "
        r"recommended or gordicaleksa or ai-art, or --network googlenet\."
    )
    with pytest.raises(InputError, match=message):
        preset_config("deepdream-2015", "vgg19", known)
    chosen = preset_config("deepdream-2015", "vgg19", known, layers=("relu1_1",))
    assert chosen.octave_scale == 1.4
    with pytest.raises(InputError, match=f"preset must be one of {', '.join(NAMES)}"):
        preset_config("gordic", "vgg19", known)


def test_the_defaults_are_those_recommended_for_lite():
    assert OURS["lite"].layers == DreamConfig().layers


def test_zoom_frames_dream_on_what_they_show():
    config, later = with_settings(octaves=2), with_settings(octaves=1, steps=1)
    image = picture()
    frames = list(zoom_frames(image, Tiny(), config, frames=3, later=later, zoom=1.2, turn=10.0))
    assert [frame.shape for frame in frames] == [image.shape] * 3
    torch.testing.assert_close(frames[0], last(image, config))
    assert (frames[2] - last(enlarge(frames[1], 1.2, 10.0), later)).abs().mean() < 0.03
    assert (frames[2] - frames[1]).abs().mean() > 0.05
    with pytest.raises(InputError, match="frames must be at least 1"):
        list(zoom_frames(image, Tiny(), config, frames=0))
    with pytest.raises(InputError, match="zoom must be at least"):
        list(zoom_frames(image, Tiny(), config, frames=2, zoom=0.5))


def test_zoom_frames_do_not_grow_in_contrast():
    config = with_settings(octaves=1, steps=4, step_size=0.03)
    frames = list(zoom_frames(picture(), Tiny(), config, frames=10, zoom=1.1))
    deviations = [float(frame.std()) for frame in frames]
    assert max(deviations) < 1.3 * deviations[0]  # 1.5 without the first frame's tone
    assert abs(deviations[-1] - deviations[-4]) < 0.01


def test_enlarging_moves_things_away_from_the_middle():
    image = torch.zeros(1, 3, 41, 61)
    image[..., 20, 40] = 1  # 10 to the right of the middle
    found = enlarge(image, 1.5)[0, 0]
    assert divmod(int(found.argmax()), 61) == (20, 45)
    turned = enlarge(image, 1.0, 90.0)[0, 0]
    assert divmod(int(turned.argmax()), 61) == (10, 30), "counter-clockwise: right goes up"
    torch.testing.assert_close(enlarge(picture(), 1.0), picture(), atol=1e-4, rtol=0)


def test_the_lines_in_the_tutorial_are_the_lines_of_the_source(root):
    page = (root / "docs" / "tutorials" / "deepdream.md").read_text()
    source = (root / "src" / "impasto" / "methods" / "deepdream" / "ascent.py").read_text()
    shown = re.findall(r"compares them with the source -->\n```python\n(.*?)```", page, re.S)
    assert len(shown) == 2
    for lines in shown:
        assert lines in source
