"""swift's graph without its weights, by which ``impasto stylize`` paints without torch.

The graph is traced from the network that torch runs, so how swift paints is described once. What
stands in swift.safetensors is left out of it and named; ``impasto.inference.quick`` puts the two
together again. What the exporter has computed from the weights (sums, turned copies) stays inside,
so a graph fits one file of weights alone, and says which.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from impasto.export.onnx import bytes_of, onnx_of, program_of
from impasto.export.settings import ExportConfig
from impasto.export.table import plan_of
from impasto.export.verify import samples_of
from impasto.methods.swift.painter import SwiftPainter


def quick_graph(painter: SwiftPainter, stored: Mapping[str, Tensor], weights: str) -> bytes:
    """An ONNX file of a painter, for pictures of any size: content, statistics and alpha to it.

    Args:
        painter: In float32 on the CPU.
        stored: The tensors of its file of weights, by their names there.
        weights: SHA-256 of that file.

    Raises:
        MissingExtraError: The extra export is not installed.
        ExportError: The graph cannot be traced or converted.
    """
    plan = plan_of(painter, ExportConfig(to="onnx", style_input="statistics"), None)
    samples = samples_of(plan.names, widths=plan.widths)
    model = onnx_of(program_of(plan.module, samples, plan.names, fixed=False), plan.names)
    _leave_out(model.graph, stored)
    return bytes_of(model, {"weights": weights})


def _leave_out(graph: Any, stored: Mapping[str, Tensor]) -> None:
    """Take every tensor that the file has out of the graph, and name it as the file does."""
    from onnx import TensorProto, numpy_helper

    known = {_key(tensor.float().numpy()): name for name, tensor in stored.items()}
    renamed: dict[str, str] = {}
    for tensor in graph.initializer:
        name = known.get(_key(numpy_helper.to_array(tensor)))
        if name is None or name in renamed.values():
            continue
        renamed[tensor.name] = name
        tensor.name = name
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        place = tensor.external_data.add()
        place.key, place.value = "location", "swift.safetensors"
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]


def _key(values: Any) -> tuple[Any, ...]:
    return values.dtype.str, values.shape, np.ascontiguousarray(values).tobytes()
