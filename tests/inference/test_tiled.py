"""A picture painted in tiles is the picture painted whole."""

import numpy as np
import pytest
import torch

import impasto
from impasto.errors import InputError, ResourceError
from impasto.features.norms import NetworkWindows
from impasto.features.perceptual import load_perceptual
from impasto.images.regions import InMemory
from impasto.images.samples import synthetic_photo
from impasto.inference import stylize
from impasto.inference.choose import choose_tiling
from impasto.inference.memory import Allocations, Appetite
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer
from impasto.inference.tiled import Tiling
from impasto.methods.adain.network import STYLE_LAYERS, AdaIN
from impasto.methods.adain.painter import AdaINPainter
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.painter import JohnsonPainter

ROUNDING = 1e-4
STYLES = [synthetic_photo((40, 48), seed=s).pixels.flip(1) for s in (2, 3)]


def photo(*size: int) -> torch.Tensor:
    return synthetic_photo(size, seed=1).pixels


@pytest.fixture(scope="module")
def adain(tiny_vgg) -> Stylizer:
    torch.manual_seed(0)
    network = AdaIN(load_perceptual(tiny_vgg, STYLE_LAYERS, padding="reflect"))
    return Stylizer(AdaINPainter(network), "adain")


@pytest.fixture(scope="module")
def johnson() -> Stylizer:
    torch.manual_seed(0)
    network = TransformerNet(JohnsonConfig(width=4, blocks=1, kernel=3))
    with torch.no_grad():  # norms that do something, and colours that are not clamped away
        for module in network.modules():
            if isinstance(module, torch.nn.InstanceNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
        network.up[-1].weight.mul_(0.1)
        network.up[-1].bias.fill_(0.5)
    return Stylizer(JohnsonPainter(network), "johnson")


@pytest.fixture
def painters(tiny_painter, adain, johnson) -> dict[str, Stylizer]:
    return {"swift": tiny_painter, "adain": adain, "johnson": johnson}


def both(painter: Stylizer, content, style, tile: int, **settings) -> tuple:
    """Painted whole and in tiles."""
    if painter.painter.own_style is not None:
        style = None
    whole = painter.stylize(content, style, tile="off", **settings)
    return whole, painter.stylize(content, style, tile=tile, **settings)


def difference(pair: tuple) -> float:
    return float((pair[0].pixels - pair[1].pixels).abs().max())


# Equal


@pytest.mark.parametrize("name", ["swift", "adain", "johnson"])
@pytest.mark.parametrize(("size", "tile"), [((70, 93), 32), ((41, 150), 24), ((64, 64), 40)])
def test_tiles_equal_the_whole(painters, name, size, tile):
    pair = both(painters[name], photo(*size), STYLES[0], tile)
    assert float(pair[0].pixels.std()) > 0.01, "a flat painting would show nothing"
    assert difference(pair) < ROUNDING


@pytest.mark.parametrize("name", ["swift", "adain", "johnson"])
@pytest.mark.parametrize("settings", [{"alpha": 0.5}, {"seed": 9}, {"keep_color": "luma"}])
def test_tiles_equal_the_whole_with_settings(painters, name, settings):
    assert difference(both(painters[name], photo(50, 67), STYLES[0], 32, **settings)) < ROUNDING


@pytest.mark.parametrize("name", ["swift", "adain"])
@pytest.mark.parametrize("alpha", [1.0, 0.4])
def test_tiles_equal_the_whole_with_masks(painters, name, alpha):
    levels = np.random.default_rng(0).integers(0, 256, (2, 6, 9), dtype=np.uint8)
    masks = [levels[0], levels[1]]
    settings = {"mask": masks, "style_weights": [2, 1], "alpha": alpha}
    assert difference(both(painters[name], photo(53, 80), STYLES, 32, **settings)) < ROUNDING


def test_tiles_keep_transparency_and_depth(tiny_painter):
    levels = np.random.default_rng(0).integers(0, 65536, (40, 70, 4), dtype=np.uint16)
    whole, tiled = both(tiny_painter, levels, STYLES[0], 24)
    assert torch.equal(whole.alpha, tiled.alpha)
    assert tiled.bits == 16
    assert difference((whole, tiled)) < ROUNDING


def test_bfloat16_tiles_are_near_the_whole(tiny_weights):
    painter = impasto.load(tiny_weights, device="cpu", precision="bfloat16")
    assert difference(both(painter, photo(70, 93), STYLES[0], 32)) < 0.05


def test_no_seam_is_stronger_than_what_lies_beside_it(tiny_painter):
    painted = tiny_painter.stylize(photo(96, 96), STYLES[0], tile=32).pixels
    steps = (painted[..., 1:] - painted[..., :-1]).abs().mean((0, 1, 2))
    margin = tiny_painter.painter.network.config.margin
    seams = [32 * n - margin - 1 for n in (1, 2, 3)]
    assert all(0 <= seam < 95 for seam in seams)
    cells = [step for step in range(7, 95, 8) if step not in seams]
    at_seams, at_cells = steps[seams].mean(), steps[cells].mean()
    assert 0.5 < float(at_seams / at_cells) < 2


def test_one_tile_larger_than_the_picture_is_the_whole(tiny_painter):
    whole, tiled = both(tiny_painter, photo(40, 48), STYLES[0], 4096)
    assert torch.equal(whole.pixels, tiled.pixels)


# Statistics of a thumbnail


def test_thumbnail_statistics_are_the_wholes_for_small_pictures(johnson):
    whole, tiled = both(johnson, photo(60, 90), None, 32, tile_statistics="thumbnail")
    assert difference((whole, tiled)) < ROUNDING


def test_thumbnail_statistics_are_near_the_wholes_for_large_ones(johnson, monkeypatch):
    monkeypatch.setattr("impasto.features.norms.THUMBNAIL", 48)
    whole, tiled = both(johnson, photo(90, 120), None, 48, tile_statistics="thumbnail")
    assert difference((whole, tiled)) > ROUNDING
    assert float((whole.pixels - tiled.pixels).abs().mean()) < 0.1


def test_thumbnail_statistics_make_one_pass(johnson):
    passes = {}
    for choice in ("exact", "thumbnail"):
        config = StylizeConfig(tile="32", tile_statistics=choice)
        tiles = johnson.in_tiles(InMemory(photo(60, 90)), [()], config=config)
        passes[choice] = len(tiles.tiling.reaches)
    assert passes == {"exact": 8, "thumbnail": 1}  # seven norms


def test_a_network_that_looks_at_everything_is_painted_whole_or_refused():
    class Global(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.one = torch.nn.Parameter(torch.ones(()))

        def forward(self, x):
            return x * self.one - x.mean((2, 3), keepdim=True)

    class GlobalPainter(JohnsonPainter):
        def begin(self, styles, **wishes):
            return NetworkWindows(Global(), cell=4, margin=0)

    painter = Stylizer(GlobalPainter(TransformerNet(JohnsonConfig(width=2, blocks=1))), "global")
    with pytest.raises(InputError, match="looks at the whole picture at once"):
        painter.stylize(photo(60, 90), tile=32)
    painted = painter.stylize(photo(60, 90), tile="auto")
    assert painted.size == (60, 90)


# Memory


def test_memory_does_not_grow_with_the_picture(tiny_painter):
    peaks = []
    for height, width in ((352, 96), (1376, 96)):  # 384 and 1408 with the margin: whole tiles
        source = InMemory(torch.rand(1, 3, height, width))
        config = StylizeConfig(tile="128")
        styles = tiny_painter.statistics_of(STYLES[0])
        tiles = tiny_painter.in_tiles(source, styles, config=config)
        with Allocations() as seen:
            tiles.survey()
            for _ in tiles.pieces():
                pass
        peaks.append(seen.peak)
    assert peaks[1] < 1.1 * peaks[0]


def test_the_estimate_is_what_painting_takes(tiny_painter):
    source = InMemory(torch.rand(1, 3, 300, 400))
    styles = tiny_painter.statistics_of(STYLES[0])
    tiles = tiny_painter.in_tiles(source, styles, config=StylizeConfig(tile="128"))
    tiles.survey()
    with Allocations() as seen:
        for _ in tiles.pieces():
            pass
    estimate = tiles.tiling.memory_of(128, source.size)
    assert seen.peak / 2 < estimate < 4 * seen.peak


def test_the_estimate_holds_for_a_window_of_many_strips(tiny_painter):
    source = InMemory(torch.rand(1, 3, 300, 400))
    styles = tiny_painter.statistics_of(STYLES[0])
    tiles = tiny_painter.in_tiles(source, styles, config=StylizeConfig(tile="128"))
    tiles.survey()
    with torch.inference_mode(), Allocations() as seen:
        tiles.painting.paint(torch.rand(1, 3, 1096, 1936), origin=(0, 0))
    assert seen.peak < tiles.tiling.appetite(1096, 1936) < 1.6 * seen.peak


def test_auto_paints_in_tiles_where_little_memory_is_allowed(tiny_painter):
    content = photo(260, 300)
    config = StylizeConfig(max_memory="100K")
    styles = tiny_painter.statistics_of(STYLES[0])
    with pytest.raises(ResourceError) as refused:
        tiny_painter.in_tiles(InMemory(content), styles, config=config)
    least = str(refused.value).split("at least ")[1].rstrip(".")
    tiles = tiny_painter.in_tiles(InMemory(content), styles, config=StylizeConfig(max_memory=least))
    assert tiles is not None
    assert tiles.tiling.tile == 64
    whole = tiny_painter.stylize(content, STYLES[0], tile="off")
    assert difference((whole, tiny_painter.stylize(content, STYLES[0], max_memory=least))) < 1e-4
    plenty = StylizeConfig(max_memory="4G")
    assert tiny_painter.in_tiles(InMemory(content), styles, config=plenty) is None


def test_a_painter_is_asked_once_for_many_pictures(tiny_weights, monkeypatch):
    painter = impasto.load(tiny_weights, device="cpu", precision="float32")
    asked = []
    rehearse = stylize.rehearse
    monkeypatch.setattr(stylize, "rehearse", lambda *a, **k: asked.append(1) or rehearse(*a, **k))
    for size in ((50, 60), (60, 50)):
        painter.stylize(photo(*size), STYLES[0], tile=32)
    assert len(asked) == 1
    painter.stylize(photo(50, 60), STYLES[0], tile=32, mask=np.ones((4, 4), np.uint8))
    assert len(asked) == 2, "with regions it takes more"


def test_auto_looks_at_the_memory_that_is_free(tiny_painter, monkeypatch):
    styles = tiny_painter.statistics_of(STYLES[0])
    source = InMemory(torch.zeros(1, 3, 1025, 1025))
    assert tiny_painter.in_tiles(source, styles, config=StylizeConfig()) is None
    monkeypatch.setattr("impasto.inference.choose.free_memory", lambda device: 30 << 20)
    tiles = tiny_painter.in_tiles(source, styles, config=StylizeConfig())
    assert tiles is not None
    assert 64 < tiles.tiling.tile < 1024


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tile": "large"}, "tile must be auto, off or a number of pixels; got 'large'"),
        ({"tile": 0}, "tile must be auto, off or a number of pixels; got '0'"),
        ({"max_memory": "much"}, "max_memory must be an amount of memory such as 800M or 2G"),
        ({"max_memory": "0"}, "max_memory must be an amount"),
        ({"tile_statistics": "none"}, "tile_statistics must be one of exact, thumbnail"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        StylizeConfig(**settings)


def test_off_and_too_little_memory_contradict_each_other(tiny_painter):
    with pytest.raises(ResourceError, match=r"needs about .* leave --tile off out"):
        tiny_painter.stylize(photo(60, 90), STYLES[0], tile="off", max_memory="100K")
    with pytest.raises(ResourceError, match="a tile of 80 pixels needs about"):
        tiny_painter.stylize(photo(90, 90), STYLES[0], tile=80, max_memory="100K")


@pytest.mark.parametrize(
    ("per_pixel", "allowed", "side"),
    [
        (85.0, None, 1792),  # smaller ones repeat more than a third of their pixels
        (85.0, "2g", 4096),  # what is allowed is used
        (2000.0, None, 384),  # none that repeats so little fits: the largest that does
    ],
)
def test_auto_takes_no_more_memory_than_saves_work(monkeypatch, per_pixel, allowed, side):
    monkeypatch.setattr("impasto.inference.choose.free_memory", lambda device: 8 << 30)
    appetite = Appetite(per_pixel=per_pixel, per_column=0)
    tiling = Tiling(reaches=(32, 128), appetite=appetite, tile=0, cell=8)
    chosen = choose_tiling(
        (10_000, 40_000), lambda: tiling, tile="auto", max_memory=allowed, streamed=True
    )
    assert chosen is not None
    assert chosen.tile == side
