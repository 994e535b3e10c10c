"""Laws of swift's network."""

import weakref

import pytest
import torch

from impasto.blocks import position_noise
from impasto.methods.swift import decoder
from impasto.methods.swift.film import Film, RegionFilm, apply_tint
from impasto.methods.swift.network import FILM_GAIN, Swift
from impasto.methods.swift.shape import SCALES, SwiftConfig
from impasto.methods.swift.start import begin

TINY = SwiftConfig(widths=(4, 6, 8), blocks=(1, 1, 1), last_width=4, code_width=32)


def tiny(seed: int = 0) -> Swift:
    torch.manual_seed(seed)
    network = Swift(TINY)
    # Zero at first: nothing to be seen.
    torch.nn.init.normal_(network.to_film[-1].weight, std=0.3 / FILM_GAIN)
    for layer in (network.of_content, network.of_missed):
        torch.nn.init.normal_(layer.weight, std=0.3)
    return network


def pictures(*shape: int, seed: int = 1) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_noise_is_a_function_of_position_alone():
    whole = position_noise((40, 50), seed=3, origin=(-8, -8))
    window = position_noise((7, 9), seed=3, origin=(5, 11))
    torch.testing.assert_close(window, whole[..., 13:20, 19:28], rtol=0, atol=0)


def test_noise_is_white():
    noise = position_noise((512, 512), seed=5)[0, 0]
    assert abs(float(noise.mean())) < 0.01
    assert abs(float(noise.std()) - 1) < 0.01
    centred = noise - noise.mean()
    for dy, dx in ((0, 1), (1, 0), (1, 1), (2, 0), (8, 8), (0, 64)):
        shifted = centred.roll((dy, dx), (0, 1))
        assert abs(float((centred * shifted).mean())) < 0.01
    assert not torch.equal(noise, position_noise((512, 512), seed=6)[0, 0])


def test_a_new_network_paints_its_own_style_without_modulation():
    network = Swift(TINY)
    style = network.style_of(pictures(1, 3, 32, 32))
    values, tint = network.modulation(style, style)
    assert not values.any()
    assert not tint.any()


@pytest.mark.parametrize("size", [(32, 32), (40, 64)])
def test_a_batch_of_two_equals_two_singles(size):
    network = tiny()
    content, style = pictures(2, 3, *size), pictures(2, 3, 48, 32, seed=2)
    both = network(content, style, seed=4)
    assert both.shape == content.shape
    for i in range(2):
        one = network(content[i : i + 1], style[i : i + 1], seed=4)
        torch.testing.assert_close(both[i : i + 1], one, rtol=1e-4, atol=1e-5)


def test_statistics_are_those_of_the_picture_without_its_margin():
    network = tiny()
    picture = pictures(1, 3, 32, 40)
    m = TINY.margin
    features = network.encode(torch.nn.functional.pad(picture, (m, m, m, m), mode="reflect"))
    found = network.style_of(picture)[: len(SCALES)]
    for x, scale, (mean, _) in zip(features, SCALES, found, strict=True):
        inside = x[..., m // scale : -(m // scale), m // scale : -(m // scale)]
        torch.testing.assert_close(mean, inside.mean((2, 3), keepdim=True))


def test_a_window_painted_with_the_whole_pictures_statistics_equals_the_whole():
    """What exact tiles stand on: past the statistics the network looks only so far."""
    network, halo = tiny(), 96
    picture, style = pictures(1, 3, 320, 320), network.style_of(pictures(1, 3, 32, 32))
    own = network.style_of(picture)
    values, tint = network.modulation(style, own)

    def paint(y: int, x: int, height: int, width: int) -> torch.Tensor:
        part = picture[..., y : y + height, x : x + width]
        noise = network.noise((height, width), 0, (y, x))
        return network.decode(
            part,
            list(network.encode(part)),
            own,
            style,
            Film(values),
            lambda p: apply_tint(p, tint),
            noise,
        )

    whole = paint(0, 0, 320, 320)
    window = paint(128 - halo, 120 - halo, 64 + 2 * halo, 72 + 2 * halo)
    inner = window[..., halo : halo + 64, halo : halo + 72]
    torch.testing.assert_close(inner, whole[..., 128:192, 120:192], rtol=1e-4, atol=1e-5)


def test_colour_matrices_apply_to_each_picture_its_own():
    matrices, images = torch.rand(2, 3, 3), pictures(2, 3, 4, 5)
    tinted = apply_tint(images, matrices)
    for i in range(2):
        torch.testing.assert_close(tinted[i], torch.einsum("ij,jhw->ihw", matrices[i], images[i]))


def test_the_bundled_shape_fits_three_megabytes_of_half_precision():
    count = sum(p.numel() for p in Swift().parameters())
    assert 1.3e6 < count < 1.48e6  # 3 MB, less what the file says of them


@pytest.mark.parametrize("gradient", [True, False])
@pytest.mark.parametrize("config", [TINY, SwiftConfig()])
def test_the_border_of_a_picture_of_one_colour_is_like_its_middle(config, gradient):
    torch.manual_seed(0)
    network = begin(Swift(config)).requires_grad_(False)
    torch.nn.init.normal_(network.to_film[-1].weight, std=0.01 / FILM_GAIN)
    for gain in network.decoder.noise_gain:
        gain.zero_()
    content = torch.tensor([0.75, 0.7, 0.65]).view(1, 3, 1, 1).expand(1, 3, 72, 96)
    with torch.set_grad_enabled(gradient):
        painted = network(content, pictures(1, 3, 64, 64)).detach()
    middle = painted[..., 32:40, 48:56].mean(dim=(2, 3), keepdim=True)
    assert (painted - middle).abs().max() < 1e-4
    assert (middle - content[..., :1, :1]).abs().max() > 0.01, "nothing was painted"


@pytest.fixture
def _low_strips(monkeypatch):
    monkeypatch.setattr(decoder, "STRIP", 64 * 36)  # 64 rows of pictures of 40 columns


def test_strips_are_even_and_neither_too_high_nor_too_low():
    rows = decoder.rows_of_strip
    assert rows(420) == decoder.HIGHEST  # 512x808 with its margin: two strips
    assert rows(1936) == 66  # 3840x2160
    assert rows(100_000) == decoder.LOWEST


@pytest.mark.usefixtures("_low_strips")
@pytest.mark.parametrize("height", [16, 64, 72, 200, 264, 392])
def test_pixels_painted_in_strips_equal_those_painted_at_once(height):
    network = tiny()
    content, style = pictures(1, 3, height, 40), network.style_of(pictures(1, 3, 32, 32))
    at_once = network.transfer(content, style)
    with torch.inference_mode():
        in_strips = network.transfer(content, style)
    torch.testing.assert_close(in_strips, at_once, rtol=1e-5, atol=1e-6)


@torch.inference_mode()
def test_coarse_features_are_freed_before_the_pixels_are_painted(monkeypatch):
    network = tiny()
    colors, alive = network.decoder.colors, []
    coarse: list[weakref.ref[torch.Tensor]] = []
    encode = network.encode

    def encoded(images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        features = encode(images)
        coarse.extend(weakref.ref(x) for x in features[1:])
        return features

    def painted(x: torch.Tensor) -> torch.Tensor:
        alive.extend(found() is not None for found in coarse)
        return colors(x)

    monkeypatch.setattr(network, "encode", encoded)
    monkeypatch.setattr(network.decoder, "colors", painted)
    style = network.style_of(pictures(1, 3, 32, 32))
    coarse.clear()
    network.transfer(pictures(1, 3, 64, 64), style)
    assert alive == [False, False]


@pytest.mark.usefixtures("_low_strips")
def test_strips_know_which_style_rules_where():
    network = Swift(SwiftConfig(widths=(4, 6, 8), blocks=(2, 1, 1), last_width=4, code_width=8))
    content = pictures(1, 3, 320, 40)
    features = network.encode(content)
    own = network.statistics(features, content.shape[-2:])
    share = torch.linspace(0, 1, 320).view(1, 1, 320, 1).expand(1, 1, 320, 40)
    grids = [torch.nn.functional.avg_pool2d(share, scale) for scale in (1, *SCALES)]
    style = tuple(
        tuple(v * (0.5 + grid) for v in pair) for pair, grid in zip(own, grids[1:], strict=True)
    )
    values = 0.3 * torch.randn(2, network.decoder.film_length, 1, 1)
    regions = {(g.shape[-2], g.shape[-1]): torch.cat([g, 1 - g]) for g in grids}
    noise = network.noise((320, 40), seed=0)

    def paint():
        return network.decoder(list(features), own, style, RegionFilm(values, regions), noise)

    at_once = paint()
    with torch.no_grad():
        torch.testing.assert_close(paint(), at_once, rtol=1e-5, atol=1e-5)
