"""Graphs paint what their painters paint, at any size, before anything is converted."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from impasto.errors import InputError
from impasto.export import onnx, parts
from impasto.export.graphs import NetworkGraph
from impasto.export.settings import ExportConfig
from impasto.export.table import GRAPHS, plan_of, run_of
from impasto.export.verify import compare, samples_of
from impasto.features.perceptual import load_perceptual
from impasto.features.statistics import channel_statistics
from impasto.features.winograd import WinogradConv
from impasto.images.resize import pad_reflect
from impasto.methods.adain.network import STYLE_LAYERS, AdaIN
from impasto.methods.adain.painter import AdaINPainter
from impasto.methods.cyclegan.network import CycleGANConfig, ResNetGenerator
from impasto.methods.cyclegan.painter import CycleGANPainter
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.painter import JohnsonPainter
from impasto.methods.pix2pix.files import Learned
from impasto.methods.pix2pix.network import Pix2PixConfig, UNet
from impasto.methods.pix2pix.painter import Pix2PixPainter


@pytest.fixture(scope="module")
def painters(tiny_painter, tiny_vgg):
    torch.manual_seed(0)
    encoder = load_perceptual(tiny_vgg, STYLE_LAYERS, padding="reflect")
    return {
        "swift": tiny_painter.painter,
        "adain": AdaINPainter(AdaIN(encoder)),
        "johnson": JohnsonPainter(TransformerNet(JohnsonConfig(width=4, blocks=1, kernel=3))),
        "pix2pix": Pix2PixPainter(Learned(UNet(Pix2PixConfig(width=4, depth=3))), noise=False),
        "cyclegan": CycleGANPainter({"a2b": ResNetGenerator(CycleGANConfig(width=4, blocks=1))}),
    }


METHODS = ("swift", "adain", "johnson", "pix2pix", "cyclegan")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("form", ["picture", "statistics"])
def test_a_graph_paints_what_its_painter_paints(painters, method, form):
    plan = plan_of(painters[method], ExportConfig(to="onnx", style_input=form), None)
    samples = samples_of(plan.names, widths=plan.widths)
    found = compare(run_of(plan.module), plan.reference, samples)
    assert max(difference.largest for difference in found) < 1e-4
    assert not plan.left_out


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(5, 3), (8, 200)])
def test_a_graph_takes_tiny_and_odd_sizes(painters, method, size):
    plan = plan_of(painters[method], ExportConfig(to="onnx"), None)
    samples = samples_of(plan.names, widths=plan.widths, fixed=size)
    found = compare(run_of(plan.module), plan.reference, samples)
    assert max(difference.largest for difference in found) < 1e-4


@pytest.mark.parametrize("method", METHODS)
def test_a_single_pixel_is_painted(painters, method):
    # Not compared: to a norm a flat picture is rounding alone, which it makes 300 times larger.
    plan = plan_of(painters[method], ExportConfig(to="onnx"), None)
    (sample, _) = samples_of(plan.names, widths=plan.widths, fixed=(1, 1))
    answer = torch.from_numpy(run_of(plan.module)(sample))
    assert answer.shape == (1, 3, 1, 1)
    assert torch.isfinite(answer).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_of_two_is_two_single_pictures(painters, method):
    plan = plan_of(painters[method], ExportConfig(to="onnx"), None)
    first, second = samples_of(plan.names, widths=plan.widths, fixed=(24, 40))
    second["alpha"] = first["alpha"] = torch.tensor([0.7]).numpy()
    given = {n: torch.from_numpy(first[n]) for n in plan.names}
    both = {
        n: v if v.ndim == 1 else torch.cat([v, torch.from_numpy(second[n])])
        for n, v in given.items()
    }
    with torch.no_grad():
        together = plan.module(*both.values())
    for index, sample in enumerate((first, second)):
        alone = run_of(plan.module)({n: sample[n] for n in plan.names})
        torch.testing.assert_close(
            together[index], torch.from_numpy(alone[0]), atol=1e-5, rtol=1e-5
        )


@pytest.mark.parametrize("method", ["swift", "adain"])
def test_a_style_put_inside_leaves_one_input(painters, method):
    painter = painters[method]
    style = painter.encode_style(torch.rand(1, 3, 40, 48))
    plan = plan_of(painter, ExportConfig(to="onnx", style="x", alpha=0.8), style)
    assert plan.names == ("content",)
    found = compare(run_of(plan.module), plan.reference, samples_of(plan.names))
    assert max(difference.largest for difference in found) < 1e-4


def test_grain_is_left_out_only_where_it_must_be_and_that_is_said(painters):
    swift, style = painters["swift"], painters["swift"].encode_style(torch.rand(1, 3, 40, 48))
    assert plan_of(swift, ExportConfig(to="openvino"), None).left_out == ("the grain",)
    fixed = plan_of(swift, ExportConfig(to="openvino", size=(48, 64)), None)
    assert not fixed.left_out
    samples = samples_of(fixed.names, fixed=(48, 64))
    assert compare(run_of(fixed.module), fixed.reference, samples)[0].largest < 1e-4
    assert plan_of(swift, ExportConfig(to="oak"), style).left_out == ("the look first",)


def test_an_unknown_painter_is_refused_with_the_known_ones():
    with pytest.raises(InputError, match=r"no graph of object; there are swift, adain"):
        plan_of(object(), ExportConfig(to="onnx"), None)


def test_a_style_for_a_network_of_one_is_refused(painters):
    style = painters["swift"].encode_style(torch.rand(1, 3, 40, 48))
    with pytest.raises(InputError, match="leave --style out"):
        plan_of(painters["johnson"], ExportConfig(to="onnx"), style)


def test_a_camera_needs_its_style_inside(painters):
    with pytest.raises(InputError, match="give the style with --style"):
        plan_of(painters["swift"], ExportConfig(to="oak"), None)


def test_every_painter_of_a_method_has_a_graph(painters):
    assert {type(painter) for painter in painters.values()} == set(GRAPHS)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (9, 30)])
def test_reflection_is_that_of_the_painters(size):
    pixels = torch.rand(2, 3, *size)
    height, width = size
    wanted = pad_reflect(pixels, (8, 13, 8, 5))
    assert torch.equal(parts.reflected(pixels, 8, height + 13, width + 21), wanted)


@pytest.mark.parametrize(("size", "smaller"), [((40, 56), (16, 24)), ((7, 300), (7, 192))])
def test_means_of_cells_are_adaptive_pooling(size, smaller):
    pixels = torch.rand(2, 3, *size)
    wanted = F.adaptive_avg_pool2d(pixels, smaller)
    torch.testing.assert_close(parts.cell_means(pixels, *smaller), wanted, atol=1e-6, rtol=1e-5)


def test_statistics_are_those_of_the_painters():
    features = 3 * torch.rand(2, 5, 9, 14) - 1
    for mine, wanted in zip(parts.statistics(features), channel_statistics(features), strict=True):
        torch.testing.assert_close(mine, wanted, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"to": "tflite"}, "to must be one of onnx, openvino, oak, torch, web; got 'tflite'"),
        ({"to": "onnx", "int8": True}, "give --calibrate FOLDER"),
        ({"to": "onnx", "calibrate": "x"}, "--calibrate is for --int8"),
        ({"to": "torch", "int8": True, "calibrate": "x"}, "int8 is for --to onnx or openvino"),
        ({"to": "onnx", "size": (256,)}, "size must be a height and a width; got 1 number"),
        ({"to": "onnx", "size": (0, 9)}, "height must be at least 1"),
        ({"to": "onnx", "alpha": float("nan")}, "alpha must be at least 0.0 and at most 1.0"),
    ],
)
def test_wishes_that_cannot_be_are_refused(wishes, sentence):
    with pytest.raises(InputError, match=sentence):
        ExportConfig(**wishes)


def test_fast_convolutions_can_be_traced_for_any_size():
    # Whether they are faster depends on the size, by which no graph can decide.
    network = nn.Sequential(nn.Conv2d(3, 128, 1), WinogradConv(128, 128), nn.Conv2d(128, 3, 1))
    graph = NetworkGraph(network, cell=8).requires_grad_(False)
    samples = samples_of(("content",))
    traced = onnx.program_of(graph, samples, ("content",), fixed=False)
    found = compare(run_of(traced.module()), run_of(graph), samples)
    assert max(difference.largest for difference in found) < 1e-4
