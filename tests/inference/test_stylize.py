"""Laws of one painted picture: what comes back, what may be a style, what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import impasto
from impasto.errors import ImageError, InputError, ShapeError, WeightsError
from impasto.images.color import rgb_to_yiq
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import STYLE_SIDE, Stylizer
from impasto.weights.files import read_metadata, read_tensors, write_tensors

SIZE = (21, 30)


def levels(*shape: int, seed: int = 0, dtype: type = np.uint8) -> np.ndarray:
    top = np.iinfo(dtype).max
    return np.random.default_rng(seed).integers(0, top, shape, dtype=dtype, endpoint=True)


def tensor(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(3, *size, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def styles(tiny_styles, tmp_path, monkeypatch) -> Path:
    """The user's folder of styles, with great-wave and starry-night; nothing is bundled."""
    folder = tmp_path / "styles"
    shutil.copytree(tiny_styles, folder)
    monkeypatch.setenv("IMPASTO_STYLES", str(folder))
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", tmp_path / "bundled")
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def content() -> torch.Tensor:
    return tensor(*SIZE, seed=1)


@pytest.fixture
def style() -> torch.Tensor:
    return tensor(24, 33, seed=2)


def same(a: impasto.Picture, b: impasto.Picture) -> bool:
    return torch.equal(a.pixels, b.pixels)


# What comes back


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (21, 30), (32, 24)])
def test_a_painting_has_the_contents_size(tiny_painter, style, size):
    painted = tiny_painter.stylize(tensor(*size), style)
    assert painted.size == size
    assert painted.alpha is None
    assert torch.isfinite(painted.pixels).all()
    assert 0 <= float(painted.pixels.min()) <= float(painted.pixels.max()) <= 1


@pytest.mark.parametrize(
    ("source", "bits", "has_alpha"),
    [
        (levels(*SIZE, 4), 8, True),
        (levels(*SIZE, 2), 8, True),
        (levels(*SIZE), 8, False),
        (levels(*SIZE, 3, dtype=np.uint16), 16, False),
        (levels(*SIZE, 4, dtype=np.uint16), 16, True),
    ],
    ids=["rgba", "grey and alpha", "grey", "16 bits", "16 bits and alpha"],
)
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_transparency_and_depth_are_the_contents(
    tiny_painter, style, source, bits, has_alpha, alpha
):
    before = impasto.read_picture(source)
    after = tiny_painter.stylize(source, style, alpha=alpha)
    assert after.size == SIZE
    assert after.bits == before.bits == bits
    assert (after.alpha is not None) == has_alpha
    if has_alpha:
        assert torch.equal(after.alpha, before.alpha)
    assert torch.equal(after.pixels, before.pixels) == (alpha == 0)


def test_alpha_zero_gives_the_very_pixels_whatever_else_is_set(tiny_painter, content, style):
    others = {"keep_color": "histogram", "seed": 7, "style_scale": 2.0}
    painted = tiny_painter.stylize(
        content, style, alpha=0, mask=np.zeros((5, 5), np.uint8), **others
    )
    assert torch.equal(painted.pixels, content[None])


def test_the_content_is_not_changed(tiny_painter, content, style):
    before = content.clone()
    tiny_painter.stylize(content, style, keep_color="luma", mask=levels(4, 4))
    assert torch.equal(content, before)


def test_a_seed_gives_the_same_bytes_and_another_seed_others(tiny_painter, content, style):
    first, again, other = (tiny_painter.stylize(content, style, seed=s) for s in (3, 3, 2**32 - 1))
    assert same(first, again)
    assert not same(first, other)


def test_luma_keeps_the_contents_chroma(tiny_painter, content, style):
    before = impasto.read_picture(content).pixels
    after = tiny_painter.stylize(content, style, keep_color="luma").pixels
    plain = tiny_painter.stylize(content, style).pixels
    inside = ((after > 0) & (after < 1)).all(1)  # a clamped color is off by what was cut
    assert float(inside.float().mean()) > 0.2
    found, chroma, light = (rgb_to_yiq(p) for p in (after, before, plain))
    for axis in (1, 2):
        torch.testing.assert_close(found[:, axis][inside], chroma[:, axis][inside])
    torch.testing.assert_close(found[:, 0][inside], light[:, 0][inside], rtol=1e-4, atol=1e-5)


def test_coral_and_histogram_keep_the_contents_colors_as_a_whole(tiny_painter, content, style):
    before = impasto.read_picture(content).pixels
    for mode in ("coral", "histogram"):
        after = tiny_painter.stylize(content, style, keep_color=mode).pixels
        torch.testing.assert_close(after.mean((2, 3)), before.mean((2, 3)), rtol=0.1, atol=0.02)


# Masks


def test_outside_its_mask_a_style_leaves_the_photograph(tiny_painter, content, style):
    mask = np.zeros(SIZE, np.uint8)
    mask[:, 15:] = 255
    painted = tiny_painter.stylize(content, style, mask=mask)
    assert torch.equal(painted.pixels[..., :15], content[None, ..., :15])
    whole = tiny_painter.stylize(content, style)
    torch.testing.assert_close(painted.pixels[..., 15:], whole.pixels[..., 15:])


def test_a_grey_mask_is_a_mix(tiny_painter, content, style):
    painted = tiny_painter.stylize(content, style, mask=np.full(SIZE, 51, np.uint8)).pixels
    whole = tiny_painter.stylize(content, style).pixels
    torch.testing.assert_close(painted, content[None].lerp(whole, 0.2))


def test_each_mask_has_its_style(tiny_painter, style):
    content, other = tensor(16, 160), tensor(30, 30, seed=5) * 0.3
    left = np.zeros((16, 160), np.uint8)
    left[:, :80] = 255
    painted = tiny_painter.stylize(content, [style, other], mask=[left, 255 - left]).pixels
    for part, one in ((slice(0, 24), style), (slice(136, 160), other)):
        alone = tiny_painter.stylize(content, one).pixels
        torch.testing.assert_close(painted[..., part], alone[..., part], rtol=1e-3, atol=1e-3)


def test_what_no_mask_covers_stays_the_photograph(tiny_painter, content, style):
    left, right = (np.zeros(SIZE, np.uint8) for _ in range(2))
    left[:, :8], right[:, 24:] = 255, 255
    painted = tiny_painter.stylize(content, [style, style], mask=[left, right]).pixels
    assert torch.equal(painted[..., 8:24], content[None, ..., 8:24])
    assert not torch.equal(painted[..., :8], content[None, ..., :8])


def test_where_masks_overlap_the_weights_decide(tiny_painter, content, style):
    white, other = np.full(SIZE, 255, np.uint8), tensor(30, 30, seed=5) * 0.3
    painted = tiny_painter.stylize(
        content, [style, other], mask=[white, white], style_weights=[0, 3]
    )
    alone = tiny_painter.stylize(content, other)
    torch.testing.assert_close(painted.pixels, alone.pixels, rtol=1e-3, atol=1e-4)


def test_a_style_of_weight_0_paints_nothing_under_its_mask(tiny_painter, content, style):
    left = np.zeros(SIZE, np.uint8)
    left[:, :10] = 255
    painted = tiny_painter.stylize(
        content, [style, style], mask=[left, 255 - left], style_weights=[0, 1]
    )
    assert torch.equal(painted.pixels[..., :10], content[None, ..., :10])


def test_a_mask_of_another_size_is_resized(tiny_painter, content, style):
    small = np.zeros((7, 10), np.uint8)
    small[:, 5:] = 255
    painted = tiny_painter.stylize(content, style, mask=small).pixels
    assert painted.shape[-2:] == SIZE
    assert torch.equal(painted[..., :10], content[None, ..., :10])
    assert not torch.equal(painted[..., 20:], content[None, ..., 20:])


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_there_is_one_mask_per_style(tiny_painter, content, style, alpha):
    mask = levels(*SIZE)
    with pytest.raises(InputError, match=r"one mask per style; got 1 mask and 2 styles\."):
        tiny_painter.stylize(content, [style, style], mask=mask, alpha=alpha)
    with pytest.raises(InputError, match=r"got 2 masks and 1 style\."):
        tiny_painter.stylize(content, style, mask=[mask, mask], alpha=alpha)


# What a style may be


def test_every_form_of_one_style_paints_the_same(tiny_painter, content, styles):
    wave = levels(24, 33, 3, seed=2)
    Image.fromarray(wave).save("wave.png")
    statistics = tiny_painter.encode_style(wave)
    forms = [
        "wave.png", Path("wave.png"), Path("wave.png").read_bytes(), Image.fromarray(wave),
        torch.from_numpy(wave).permute(2, 0, 1), impasto.read_picture(wave), statistics,
        [wave], (wave,), [statistics],
    ]  # fmt: skip
    expected = tiny_painter.stylize(content, wave)
    for form in forms:
        assert same(tiny_painter.stylize(content, form), expected), type(form)


def test_a_preset_is_its_file_in_every_form(tiny_painter, content, styles):
    file = styles / "great-wave.safetensors"
    expected = tiny_painter.stylize(content, "great-wave")
    for form in (file, str(file), ["great-wave"], tiny_painter.encode_style("great-wave")):
        assert same(tiny_painter.stylize(content, form), expected)
    assert not same(tiny_painter.stylize(content, "starry-night"), expected)


def test_kinds_of_styles_mix(tiny_painter, content, style, styles):
    several = ["great-wave", style, tiny_painter.encode_style("starry-night")]
    painted = tiny_painter.stylize(content, several, style_weights=[0, 0, 1])
    alone = tiny_painter.stylize(content, "starry-night")
    torch.testing.assert_close(painted.pixels, alone.pixels, rtol=1e-4, atol=1e-5)


def test_a_tuple_of_statistics_is_several_styles(tiny_painter, content, styles):
    both = tuple(tiny_painter.encode_style(name) for name in ("great-wave", "starry-night"))
    expected = tiny_painter.stylize(content, ["great-wave", "starry-night"])
    assert same(tiny_painter.stylize(content, both), expected)


def test_equal_styles_mixed_are_the_style(tiny_painter, content, style):
    mixed = tiny_painter.stylize(content, [style, style], style_weights=[3, 1])
    alone = tiny_painter.stylize(content, style)
    torch.testing.assert_close(mixed.pixels, alone.pixels, rtol=1e-4, atol=1e-5)


def test_weights_count_by_their_shares(tiny_painter, content, style, styles):
    pair = [style, "great-wave"]
    first = tiny_painter.stylize(content, pair, style_weights=[1, 3])
    again = tiny_painter.stylize(content, pair, style_weights=(2.0, 6.0))
    assert same(first, again)
    equal = tiny_painter.stylize(content, pair)
    assert same(equal, tiny_painter.stylize(content, pair, style_weights=np.array([5, 5])))
    assert not same(first, equal)


def test_a_name_goes_before_a_file_called_the_same(tiny_painter, content, style, styles):
    preset = tiny_painter.stylize(content, "great-wave")
    Image.fromarray(levels(24, 33, 3, seed=9)).save("great-wave", format="PNG")
    assert same(tiny_painter.stylize(content, "great-wave"), preset)
    of_file = tiny_painter.stylize(content, "./great-wave")
    assert not same(of_file, preset)
    assert same(tiny_painter.stylize(content, Path("great-wave")), of_file)


def test_a_style_larger_than_its_side_is_reduced(tiny_painter):
    seen = []

    class Watcher:
        def encode_style(self, pixels):
            seen.append(tuple(pixels.shape[-2:]))
            return ()

    stylizer = Stylizer(Watcher(), "watcher")
    for size, scale in (((40, 30), 1.0), ((40, 30), 2.0), ((2 * STYLE_SIDE, 3 * STYLE_SIDE), 0.5)):
        stylizer.encode_picture(torch.rand(1, 3, *size), scale)
    assert seen == [(40, 30), (80, 60), (STYLE_SIDE // 2, STYLE_SIDE * 3 // 4)]


def test_the_scale_of_strokes_changes_pictures_and_presets(tiny_painter, content, style, styles):
    for source in (style, "great-wave"):
        small, plain, middle, large = (
            tiny_painter.stylize(content, source, style_scale=s) for s in (0.5, 1.0, 1.4, 2.0)
        )
        pictures = [small, plain, middle, large]
        assert not any(same(a, b) for i, a in enumerate(pictures) for b in pictures[:i])


@pytest.mark.parametrize("scale", [0.4, 2.5])
def test_presets_hold_only_some_sizes(tiny_painter, content, style, styles, scale):
    sentence = rf"between 0.5 and 2; got {scale}. Give the style's picture itself"
    with pytest.raises(InputError, match=sentence):
        tiny_painter.stylize(content, "great-wave", style_scale=scale)
    assert tiny_painter.stylize(content, style, style_scale=scale).size == SIZE


# What is refused


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1, 2, 3], r"one style weight per style; got 3 weights and 2 styles\."),
        ([1], r"got 1 weight and 2 styles\."),
        ([], r"got 0 weights and 2 styles\."),
        ([0, 0], r"must not all be 0; give at least one above 0\."),
        ([float("inf"), 1], r"style weights must be finite numbers; got inf\."),
        ([2, -1], r"each style weight must be at least 0.0; got -1\."),
        ([float("nan"), 1], r"each style weight must be at least 0.0; got nan\."),
    ],
)
def test_weights_that_are_no_shares(tiny_painter, content, style, weights, sentence):
    with pytest.raises(InputError, match=sentence):
        tiny_painter.stylize(content, [style, style], style_weights=weights)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("alpha", 1.5, r"alpha must be at least 0.0 and at most 1.0; got 1.5\."),
        ("alpha", float("nan"), "got nan"),
        ("style_scale", 0, r"style_scale must be at least 0.1 and at most 10.0; got 0\."),
        ("keep_color", "lumma", r"got 'lumma'. Did you mean luma\?"),
        ("seed", -1, "seed must be at least 0"),
        ("seed", 2**32, "at most 4294967295"),
        ("alhpa", 1, r"'alhpa' is no setting; there are alpha, style_weights, style_scale"),
    ],
)
def test_settings_outside_their_range(tiny_painter, content, style, name, value, sentence):
    with pytest.raises(InputError, match=sentence):
        tiny_painter.stylize(content, style, **{name: value})


def test_single_settings_win_over_the_object(tiny_painter, content, style):
    config = StylizeConfig(alpha=0.5, keep_color="coral")
    both = tiny_painter.stylize(content, style, config=config, alpha=0.8)
    apart = tiny_painter.stylize(content, style, alpha=0.8, keep_color="coral")
    assert same(both, apart)
    assert config.alpha == 0.5


def test_an_unknown_name_gets_the_nearest(tiny_painter, content, styles):
    with pytest.raises(InputError) as caught:
        tiny_painter.stylize(content, "grate-wave")
    assert str(caught.value) == (
        "style must be one of great-wave, starry-night; got 'grate-wave'. Did you mean great-wave? "
        "A picture's path is a style, too."
    )


@pytest.mark.parametrize("name", ["", "n" * 5000, "no\0name"])
def test_a_name_that_no_file_can_have(tiny_painter, content, styles, name):
    with pytest.raises(InputError, match="style must be one of great-wave, starry-night"):
        tiny_painter.stylize(content, name)


def test_without_any_style_one_is_told_to_make_one(tiny_painter, content, monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_STYLES", str(tmp_path / "none"))
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", tmp_path / "none")
    with pytest.raises(InputError, match="make one: impasto styles make monet PICTURE"):
        tiny_painter.stylize(content, "monet")
    with pytest.raises(InputError, match="at least one style is needed"):
        tiny_painter.stylize(content, [])


def test_files_that_are_no_style(tiny_painter, content, styles):
    Path("text.jpg").write_text("no picture")
    with pytest.raises(ImageError, match=r"there is no file nowhere\.jpg"):
        tiny_painter.stylize(content, "nowhere.jpg")
    with pytest.raises(ImageError, match=r"text\.jpg is text"):
        tiny_painter.stylize(content, "text.jpg")
    with pytest.raises(WeightsError, match=r"there is no style file nowhere\.safetensors; make"):
        tiny_painter.stylize(content, "nowhere.safetensors")
    with pytest.raises(InputError, match="at least one style is needed"):
        tiny_painter.stylize(content, None)


def test_a_style_of_other_weights_is_to_be_made_again(tiny_painter, content, styles):
    path = styles / "great-wave.safetensors"
    write_tensors(path, read_tensors(path), read_metadata(path) | {"digest": "123456789abc"})
    sentence = "great-wave was made for other weights of swift.*impasto styles make great-wave PIC"
    with pytest.raises(WeightsError, match=sentence):
        tiny_painter.stylize(content, "great-wave")


def test_a_damaged_style_is_named(tiny_painter, content, styles):
    path = styles / "great-wave.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(WeightsError, match=r"great-wave\.safetensors is not a whole safetensors"):
        tiny_painter.stylize(content, "great-wave")


def test_statistics_of_another_network(tiny_painter, content):
    foreign = tuple((torch.zeros(1, c, 1, 1), torch.ones(1, c, 1, 1)) for c in (2, 3, 4))
    with pytest.raises(ShapeError, match=r"must have \(4, 6, 8, 16, 32, 64, 64\) channels"):
        tiny_painter.stylize(content, foreign)


def test_the_mean_of_several_styles_is_the_mean_of_their_statistics(tiny_painter):
    pictures = [tensor(20, 28, seed=s)[None] for s in range(3)]
    found = tiny_painter.average_style(pictures, 1.5)
    each = [tiny_painter.encode_picture(p, 1.5) for p in pictures]
    for scale, pair in enumerate(found):
        for part in (0, 1):
            expected = sum(e[scale][part] for e in each) / 3
            torch.testing.assert_close(pair[part], expected)
