"""swift's graph without weights: what is left out of it, and that the tool makes it again."""

import importlib.util

import numpy
import pytest
import torch

from impasto.export.quick import PIECES, _leave_out, colors_in_pieces, quick_graph
from impasto.methods.swift.decoder import REACH
from impasto.methods.swift.network import Swift
from impasto.weights import registry

needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnxscript") is None, reason="the extra export is not installed"
)


@pytest.mark.parametrize("height", [PIECES * REACH, 20, 31])
def test_colors_in_pieces_are_those_of_the_whole(height):
    decoder = Swift().decoder
    torch.nn.init.normal_(decoder.full.weight, std=0.1)  # at first it reaches no neighbour
    x = torch.randn(1, 16, height, 9, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        whole = decoder.colors(x.clone())
        torch.testing.assert_close(colors_in_pieces(decoder.colors, x), whole)


@needs_onnx
def test_tensors_of_the_file_are_named_and_left_out():
    from onnx import TensorProto, helper, numpy_helper

    weight = numpy.arange(6, dtype=numpy.float32).reshape(2, 3)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "inner.first"], ["y"]),
            helper.make_node("Add", ["y", "folded"], ["z"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 3])],
        [
            numpy_helper.from_array(weight, "inner.first"),
            numpy_helper.from_array(weight[0] + 1, "folded"),
        ],
    )
    _leave_out(graph, {"first.weight": torch.from_numpy(weight).half()})
    first, folded = graph.initializer
    assert (first.name, first.data_location, first.raw_data) == (
        "first.weight", TensorProto.EXTERNAL, b"",
    )  # fmt: skip
    assert list(graph.node[0].input) == ["x", "first.weight"]
    assert folded.name == "folded"
    assert numpy_helper.to_array(folded).tolist() == [1, 2, 3]


@needs_onnx
@pytest.mark.slow
def test_the_bundled_graph_is_what_the_tool_makes():
    import onnx

    import impasto
    from impasto.weights.files import read_tensors
    from impasto.weights.store import find_weights

    weights = find_weights("swift", fetch=False)
    painter = impasto.load(weights, device="cpu", precision="float32").painter
    made = quick_graph(painter, read_tensors(weights), registry.digest_of(weights))
    path = registry.bundled_graph("swift")
    assert path is not None
    graphs = [onnx.load_model_from_string(data).graph for data in (made, path.read_bytes())]
    made_graph, bundled = graphs
    assert [node.op_type for node in made_graph.node] == [node.op_type for node in bundled.node]
    assert [t.name for t in made_graph.initializer] == [t.name for t in bundled.initializer]
