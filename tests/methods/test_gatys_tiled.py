"""An optimisation in tiles is that of the whole picture: losses, gradient and result."""

import pytest
import torch

from impasto.errors import InputError
from impasto.features.perceptual import load_perceptual
from impasto.images.samples import synthetic_photo
from impasto.losses.distances import ChannelMoments, style_distance
from impasto.methods.gatys.objective import Objective, needed_layers
from impasto.methods.gatys.optimize import Optimization
from impasto.methods.gatys.settings import TransferConfig
from impasto.methods.gatys.tiled import TiledObjective, reach_of, tiles_of

SIZE = (83, 122)
CONTENT = synthetic_photo(SIZE, seed=1).pixels
STYLES = [synthetic_photo(size, seed=seed).pixels for size, seed in (((70, 90), 2), ((50, 61), 3))]
IMAGE = CONTENT + 0.1 * torch.randn(CONTENT.shape, generator=torch.Generator().manual_seed(4))
LAYERS = {"content_layers": ("relu1_2", "relu2_2"), "style_layers": ("relu1_1", "relu2_1")}


def settings(**changes):
    return TransferConfig(**{"relative": True, **LAYERS, **changes})


def network_for(tiny_vgg, config, *, content=True, style=True):
    layers = needed_layers(config, content=content, style=style)
    return load_perceptual(tiny_vgg, layers, padding=config.padding, pooling=config.pooling)


def both(tiny_vgg, config, *, content=CONTENT, styles=(STYLES[0],), masks=None, tile=32):
    network = network_for(tiny_vgg, config, content=content is not None, style=bool(styles))
    parts = content, styles, [1 / max(1, len(styles))] * len(styles), masks
    return Objective(network, config, *parts), TiledObjective(network, config, *parts, tile=tile)


def answers(objective):
    image = IMAGE.clone().requires_grad_()
    losses = objective(image)
    torch.stack(list(losses.values())).sum().backward()
    return {name: float(loss.detach()) for name, loss in losses.items()}, image.grad


def assert_alike(pair):
    (whole, slope), (tiled, tiled_slope) = (answers(objective) for objective in pair)
    assert tiled == pytest.approx(whole, rel=1e-4)
    torch.testing.assert_close(tiled_slope, slope, rtol=1e-3, atol=1e-4 * float(slope.abs().max()))


@pytest.mark.parametrize("tile", [16, 50, 200])
@pytest.mark.parametrize("loss", ["gram", "moments", "wasserstein"])
def test_loss_and_gradient_are_those_of_the_whole(tiny_vgg, loss, tile):
    assert_alike(both(tiny_vgg, settings(style_loss=loss), tile=tile))


@pytest.mark.parametrize(
    "changes",
    [
        {"relative": False},
        {"content_sum": True, "relative": False},
        {"padding": "zero", "pooling": "avg"},
        {"padding": "reflect", "pooling": "l2"},
        {"style_loss": "gram", "gram_normalization": "none"},
        {"content_weight": 0.0},
        {"style_weight": 0.0},
        {"content_layers": ("pool2",), "style_layer_weights": (0.3, 0.7)},
    ],
)
def test_whatever_the_settings(tiny_vgg, changes):
    config = settings(**changes)
    content = CONTENT if config.content_weight else None
    styles = STYLES[:1] if config.style_weight else []
    assert_alike(both(tiny_vgg, config, content=content, styles=styles))


def test_two_styles_rule_where_their_masks_say(tiny_vgg):
    share = torch.linspace(0, 1, SIZE[1]).expand(1, 1, *SIZE)
    half, nowhere = (share - 0.5).clamp_min(0), torch.zeros_like(share)
    for masks in (None, [share, 1 - share], [half, 1 - share], [nowhere, share]):
        assert_alike(both(tiny_vgg, settings(), styles=STYLES, masks=masks))


def test_moments_say_what_features_say():
    features = torch.randn(1, 5, 9, 11, generator=torch.Generator().manual_seed(0)) + 0.5
    style = torch.randn(1, 5, 8, 8, generator=torch.Generator().manual_seed(1))
    flat = features.flatten(2)
    moments = ChannelMoments(
        mean=flat.mean(-1), covariance=torch.cov(flat[0], correction=0)[None], positions=99
    )
    for name in ("gram", "moments", "wasserstein"):
        distance = style_distance(name)
        target = distance.prepare(distance.describe(style))
        torch.testing.assert_close(distance.describe_moments(moments), distance.describe(features))
        found = distance.distance_of_moments(moments, target)
        torch.testing.assert_close(found, distance.distance(features, target, None))


def test_values_in_order_need_the_whole_picture(tiny_vgg):
    with pytest.raises(InputError, match="--tile off"):
        both(tiny_vgg, settings(style_loss="histogram"))


@pytest.mark.parametrize("size", [(83, 122), (16, 16), (40, 17), (3, 200)])
def test_every_position_belongs_to_one_tile(size):
    for layer in ("relu1_1", "relu3_1", "pool2"):
        seen = torch.zeros(size[0] >> 2, size[1] >> 2)
        if layer == "relu1_1":
            seen = torch.zeros(size)
        for tile in tiles_of(size, 20, 8, 4):
            seen[tile.whole(layer)] += 1
            whole, own = tile.whole(layer), tile.own(layer)
            assert all(
                a.stop - a.start == b.stop - b.start for a, b in zip(whole, own, strict=True)
            )
        assert (seen == 1).all()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_whole_run_ends_at_the_same_picture(tiny_vgg, optimizer):
    config = settings(
        optimizer=optimizer, levels=3 if optimizer == "adam" else 1, size=122, min_size=80,
        first_steps=4, steps=3, learning_rate=0.02 if optimizer == "adam" else 1.0,
    )  # fmt: skip
    network, asked = network_for(tiny_vgg, config), []

    def tile_of(size):
        asked.append(size)
        return 32 if max(size) > 100 else None

    def run(content=CONTENT, **tiles):
        optimization = Optimization(network, config, content=content, styles=STYLES[:1], **tiles)
        for _ in optimization:
            pass
        return optimization.result

    whole = run()
    difference = (run(tile_of=tile_of) - whole).abs()
    # Steps add up rounding, those of L-BFGS by as much as the processor's sums happen to differ.
    rounded = (run(CONTENT * (1 + 1e-6)) - whole).abs()
    assert difference.mean() < max(2e-4, 2 * float(rounded.mean()))
    assert difference.max() < max(0.02, 2 * float(rounded.max()))
    assert asked == [(59, 86), (83, 122)]


def test_the_reach_is_what_a_network_looks_at(tiny_vgg):
    config = settings(content_layers=("relu1_1",), style_layers=("relu1_1",))
    assert reach_of(network_for(tiny_vgg, config)) == 1  # one 3x3 convolution
    # Two at full size and two at half, of which a position is two pixels.
    assert reach_of(network_for(tiny_vgg, settings())) == 2 + 2 * 2
