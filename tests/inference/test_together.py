"""Pictures painted at once are the pictures painted one by one."""

import pytest
import torch

from impasto.errors import ShapeError
from impasto.features.perceptual import load_perceptual
from impasto.images.io import Picture, read_picture
from impasto.images.samples import synthetic_photo
from impasto.inference import together
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer
from impasto.inference.together import paint_together
from impasto.methods.adain.network import STYLE_LAYERS, AdaIN
from impasto.methods.adain.painter import AdaINPainter
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.painter import JohnsonPainter

ROUNDING = 1e-4
STYLES = [synthetic_photo((40, 48), seed=s).pixels.flip(1) for s in (2, 3)]


@pytest.fixture
def pictures() -> list[Picture]:
    return [read_picture(synthetic_photo((37, 51), seed=seed).pixels) for seed in (4, 5, 6)]


@pytest.fixture
def painters(tiny_painter, tiny_vgg) -> dict[str, Stylizer]:
    torch.manual_seed(0)
    adain = AdaIN(load_perceptual(tiny_vgg, STYLE_LAYERS, padding="reflect"))
    johnson = TransformerNet(JohnsonConfig(width=4, blocks=1, kernel=3))
    return {
        "swift": tiny_painter,
        "adain": Stylizer(AdaINPainter(adain), "adain"),
        "johnson": Stylizer(JohnsonPainter(johnson), "johnson"),
    }


def both(painter: Stylizer, pictures, styles, **settings) -> tuple[list[Picture], list[Picture]]:
    """Painted at once and one by one, and whether it was at once."""
    config = StylizeConfig(**settings)
    own = painter.painter.own_style is not None
    statistics = painter.statistics_of(None if own else styles)
    at_once = paint_together(painter, pictures, statistics, config=config)
    return at_once, [painter.stylize(p, statistics, config=config) for p in pictures]


def difference(pair) -> float:
    return max(float((a.pixels - b.pixels).abs().max()) for a, b in zip(*pair, strict=True))


@pytest.fixture
def batches(monkeypatch):
    """How many pictures each call of a painter's ``paint`` was given."""
    seen = []

    def watch(painter: Stylizer) -> list[int]:
        paint = painter.painter.paint

        def watched(content, *args, **named):
            seen.append(len(content))
            return paint(content, *args, **named)

        monkeypatch.setattr(painter.painter, "paint", watched)
        return seen

    return watch


@pytest.mark.parametrize("name", ["swift", "adain", "johnson"])
@pytest.mark.parametrize("settings", [{}, {"alpha": 0.4}, {"seed": 9, "keep_color": "coral"}])
def test_a_batch_equals_its_pictures_one_by_one(painters, pictures, batches, name, settings):
    seen = batches(painters[name])
    assert difference(both(painters[name], pictures, STYLES[:1], **settings)) < ROUNDING
    assert seen == [3, 1, 1, 1]


def test_the_pictures_of_a_batch_do_not_see_one_another(painters, pictures):
    painted, _ = both(painters["swift"], pictures, STYLES[:1])
    other, _ = both(painters["swift"], [pictures[0], *reversed(pictures)], STYLES[:1])
    assert float((painted[0].pixels - other[0].pixels).abs().max()) < ROUNDING
    assert float((painted[0].pixels - painted[1].pixels).abs().max()) > 0.1


@pytest.mark.parametrize("name", ["swift", "adain"])
def test_several_styles_mix_in_a_batch(painters, pictures, name):
    pair = both(painters[name], pictures, STYLES, style_weights=(2.0, 1.0))
    assert difference(pair) < ROUNDING


def test_transparency_and_depth_stay_with_their_picture(tiny_painter, pictures):
    alpha = torch.rand(1, 1, 37, 51)
    deep = Picture(pixels=pictures[1].pixels, alpha=alpha, bits=16)
    first, second = both(tiny_painter, [pictures[0], deep], STYLES[:1])[0]
    assert (first.alpha, first.bits) == (None, 8)
    assert torch.equal(second.alpha, alpha)
    assert second.bits == 16


@pytest.mark.parametrize(
    "settings", [{"alpha": 0.0}, {"tile": "24"}, {"max_memory": "1G"}], ids=str
)
def test_what_cannot_be_painted_at_once_is_painted_one_by_one(
    tiny_painter, pictures, batches, settings
):
    seen = batches(tiny_painter)
    at_once, alone = both(tiny_painter, pictures, STYLES[:1], **settings)
    assert all(torch.equal(a.pixels, b.pixels) for a, b in zip(at_once, alone, strict=True))
    assert set(seen) <= {1}


def test_masks_are_painted_one_by_one(tiny_painter, pictures, batches):
    seen = batches(tiny_painter)
    mask = [torch.ones(1, 37, 51)]
    statistics = tiny_painter.statistics_of(STYLES[:1])
    paint_together(tiny_painter, pictures, statistics, mask=mask, config=StylizeConfig())
    assert seen == [1, 1, 1]


def test_what_memory_does_not_hold_with_ease_is_painted_one_by_one(
    tiny_painter, pictures, batches, monkeypatch
):
    monkeypatch.setattr(together, "is_easy", lambda size, device: size[0] < 3 * 37)
    seen = batches(tiny_painter)
    both(tiny_painter, pictures[:2], STYLES[:1])
    assert seen == [2, 1, 1]
    both(tiny_painter, pictures, STYLES[:1])
    assert seen[3:] == [1] * 6


@pytest.mark.parametrize("name", ["swift", "adain"])
def test_regions_belong_to_one_picture(painters, name):
    painter = painters[name].painter
    styles = [painter.encode_style(STYLES[0])]
    content, regions = torch.rand(2, 3, 24, 24), torch.ones(1, 1, 24, 24)
    with pytest.raises(ShapeError, match=r"content must be \(1, 3, H, W\)"):
        painter.paint(content, styles, weights=[1.0], regions=regions)
