"""Runs of the optimisation with everything around it."""

import pytest
import torch

from impasto.errors import InputError, ResourceError, WeightsError
from impasto.fetching.http import GiveUpError
from impasto.images.io import Picture, read_picture
from impasto.inference.layers import layers_of, study_layers
from impasto.inference.transfer import invert, texture, transfer

SHORT = {
    "size": 48,
    "min_size": 48,
    "first_steps": 4,
    "content_layers": ("relu2_1",),
    "style_layers": ("relu1_1", "relu2_1"),
}


@pytest.fixture
def short(tiny_vgg):
    return SHORT | {"network": tiny_vgg}


def finished(run):
    for _ in run:
        pass
    return run.picture


def test_a_run_ends_with_a_picture_of_the_size_asked_for(gallery, short):
    picture = finished(transfer("photo.jpg", "wave.jpg", **short))
    assert picture.size == (32, 48)
    assert torch.isfinite(picture.pixels).all()
    assert 0 <= float(picture.pixels.min()) <= float(picture.pixels.max()) <= 1


def test_transparency_and_depth_are_the_content_s(gallery, short):
    source = read_picture("photo.jpg")
    alpha = torch.linspace(0, 1, 96).expand(1, 1, 64, 96).contiguous()
    picture = finished(
        transfer(Picture(pixels=source.pixels, alpha=alpha, bits=16), "wave.jpg", **short)
    )
    assert picture.bits == 16
    assert picture.alpha.shape == (1, 1, 32, 48)
    assert float(picture.alpha[..., -1].mean()) > 0.9


def test_colors_can_be_kept(gallery, short):
    content = read_picture("photo.jpg").pixels
    plain, kept = (
        finished(transfer("photo.jpg", "wave.jpg", keep_color=mode, **short, style_weight=100.0))
        for mode in ("none", "histogram")
    )
    wanted = content.mean((2, 3))
    assert (kept.pixels.mean((2, 3)) - wanted).abs().max() < 0.02
    assert (plain.pixels.mean((2, 3)) - wanted).abs().max() > 0.005


def test_a_state_is_kept_and_gone_on_with(gallery, short, tmp_path):
    whole = finished(transfer("photo.jpg", "wave.jpg", **short)).pixels
    run = transfer("photo.jpg", "wave.jpg", **short)
    steps = iter(run)
    next(steps), next(steps)
    run.save_state(tmp_path / "half.resume")
    again = transfer("photo.jpg", "wave.jpg", **short)
    again.resume(tmp_path / "half.resume")
    assert [step.index for step in again] == [3, 4]
    torch.testing.assert_close(again.picture.pixels, whole, rtol=0, atol=1e-5)


def test_states_that_are_refused(gallery, short, tmp_path):
    run = transfer("photo.jpg", "wave.jpg", **short)
    with pytest.raises(InputError, match=r"nothing to resume at .*gone; begin without --resume"):
        run.resume(tmp_path / "gone")
    (tmp_path / "text").write_text("no state")
    with pytest.raises(InputError, match=r"text is no state that can be resumed"):
        run.resume(tmp_path / "text")
    next(iter(run))
    run.save_state(tmp_path / "one")
    other = transfer("photo.jpg", "wave.jpg", **short, tv_weight=1.0)
    with pytest.raises(InputError, match=r"saved after 1 steps of other settings"):
        other.resume(tmp_path / "one")


def test_a_texture_has_any_shape(gallery, short):
    rest = {k: v for k, v in short.items() if k not in ("size", "content_layers", "min_size")}
    assert finished(texture("wave.jpg", shape=(40, 60), min_size=60, **rest)).size == (40, 60)
    assert finished(texture("wave.jpg", size=36, min_size=36, **rest)).size == (36, 36)


def test_an_inversion_needs_no_style(gallery, tiny_vgg):
    picture = finished(
        invert("photo.jpg", layer="conv2_2", network=tiny_vgg, size=32, min_size=32, first_steps=3)
    )
    assert picture.size == (21, 32)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset": "crowsen"}, r"preset must be one of .* Did you mean crowson"),
        (
            {"styleweight": 3},
            r"setting must be one of .* Did you mean style_weight",
        ),
        (
            {"style_layers": ("relu9_9",)},
            r"layer must be one of conv1_1, .* got 'relu9_9'",
        ),
        ({"mask": ["sky.png", "ground.png"]}, r"one mask per style; got 2 for 1"),
        ({"style_layers": ("relu5_1",), "min_size": 8, "size": 16}, r"is too small for relu5_1"),
        ({"style_weight": 0.0, "content_weight": 0.0}, r"must not both be 0"),
    ],
)
def test_what_is_refused(gallery, short, changes, words):
    with pytest.raises(InputError, match=words):
        transfer("photo.jpg", "wave.jpg", **{**short, **changes})


def test_weights_that_are_not_at_hand(gallery, monkeypatch):
    def offline(*asked):
        raise GiveUpError("no network")

    # Elsewhere there is one, and half a gigabyte would come.
    monkeypatch.setattr("impasto.weights.fetch._fetch_from", offline)
    with pytest.raises(WeightsError, match=r"impasto models fetch vgg19.*--network lite"):
        transfer("photo.jpg", "wave.jpg", preset="gatys-paper")


def test_a_preset_of_another_network_is_refused(gallery, tiny_vgg):
    with pytest.raises(InputError, match=r"weights of ai-art are made for VGG-19 with torchvision"):
        transfer("photo.jpg", "wave.jpg", preset="ai-art", network=tiny_vgg)


def test_layers_are_studied_one_at_a_time(gallery, tiny_vgg):
    studies = layers_of(tiny_vgg, reconstructed=("conv1_2",), strokes=("conv2_2", "conv5_4"))
    assert studies == [
        ("reconstruction", "conv1_2"),
        ("strokes", "conv2_2"),
        ("strokes", "conv5_4"),
    ]
    found = list(study_layers("wave.jpg", network=tiny_vgg, studies=studies[:2], size=32, steps=2))
    assert [(s.study, s.layer) for s in found] == studies[:2]
    assert all(max(s.picture.size) == 32 for s in found)


def test_tiles_change_nothing_but_rounding(gallery, short):
    one, other = (finished(transfer("photo.jpg", "wave.jpg", **short, tile=t)) for t in (16, "off"))
    assert (one.pixels - other.pixels).abs().max() < 2e-3


def test_tiles_are_taken_where_memory_asks_for_them(gallery, short):
    def tile_for(**wishes):
        run = transfer("photo.jpg", "wave.jpg", **short, **wishes)
        return run.optimization.tile_of((2000, 3000))

    assert tile_for(max_memory="100G") is None
    few, more = tile_for(max_memory="1800M"), tile_for(max_memory="2000M")
    assert 64 <= few < more < 3000
    assert tile_for(tile="off", max_memory="1800M") is None
    assert tile_for(tile=640) == 640
    with pytest.raises(ResourceError, match="allow at least"):
        transfer("photo.jpg", "wave.jpg", **short | {"size": 3000}, max_memory="1G")


def test_what_must_be_looked_at_as_a_whole_says_so(gallery, short):
    with pytest.raises(InputError, match="wraps around"):
        texture("wave.jpg", **short, seamless=True, tile=32)
    with pytest.raises(InputError, match="histogram"):
        transfer("photo.jpg", "wave.jpg", **short, style_loss="histogram", tile=32)
    with pytest.raises(InputError, match="auto, off or a number"):
        transfer("photo.jpg", "wave.jpg", **short, tile="large")
