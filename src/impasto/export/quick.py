"""swift's graph without its weights, by which ``impasto stylize`` paints without torch.

The graph is traced from the network that torch runs, so how swift paints is described once. What
stands in swift.safetensors is left out of it and named; ``impasto.inference.quick`` puts the two
together again. What the exporter has computed from the weights (sums, turned copies) stays inside,
so a graph fits one file of weights alone, and says which.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from impasto.export.graphs import OfStatistics
from impasto.export.onnx import bytes_of, onnx_of, program_of
from impasto.export.parts import part_of, unfolded
from impasto.export.styled import SwiftGraph
from impasto.export.verify import samples_of
from impasto.methods.swift.correction import SIDE
from impasto.methods.swift.decoder import REACH
from impasto.methods.swift.network import Swift
from impasto.methods.swift.painter import SwiftPainter
from impasto.methods.swift.shape import SCALES

GRAINS = tuple(f"grain{scale}" for scale in SCALES)
"""Names of the inputs that hold the grain."""

PIECES = 4
"""Strips of full resolution in the graph."""


class GivenGrain(SwiftGraph):
    """swift's graph that is given its grain.

    To draw it takes a fifth of all operations, and a third of the time in which onnxruntime
    prepares itself.

    Args:
        network: With its weights.
    """

    def __init__(self, network: Swift) -> None:
        super().__init__(network)
        self._planes: Sequence[Tensor] = ()

    @contextmanager
    def given(self, planes: Sequence[Tensor]) -> Iterator[None]:
        """Paint with these inside this block.

        Args:
            planes: (1, 1, h, w) per scale, at least as large as the padded picture and as the
                thumbnail with three margins; of seed 0, beginning where the padded picture does.
        """
        self._planes = planes
        try:
            yield
        finally:
            self._planes = ()

    def _noise_of(self, padded: Tensor) -> list[Tensor]:
        return self._windows(padded, 0)

    def _noise_from_zero(self, padded: Tensor) -> list[Tensor]:
        return self._windows(padded, self.network.config.margin)

    def _windows(self, padded: Tensor, start: int) -> list[Tensor]:
        height, width = padded.shape[-2:]
        return [
            part_of(plane, start // scale, height // scale, width // scale)
            for scale, plane in zip(SCALES, self._planes, strict=True)
        ]


class OfStatisticsAndGrain(OfStatistics):
    """content, the style's means and variances, alpha, the grain per scale."""

    names = (*OfStatistics.names, *GRAINS)  # type: ignore[assignment]

    def __init__(self, graph: GivenGrain) -> None:
        super().__init__(graph)
        self.grainy = graph

    def forward(  # type: ignore[override]
        self,
        content: Tensor,
        style_mean: Tensor,
        style_variance: Tensor,
        alpha: Tensor,
        grain2: Tensor,
        grain4: Tensor,
        grain8: Tensor,
    ) -> Tensor:
        """As its base, with the grain as ``GivenGrain.given`` takes it."""
        with self.grainy.given((grain2, grain4, grain8)):
            return super().forward(content, style_mean, style_variance, alpha)


def colors_in_pieces(colors: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A decoder's ``colors``, strip by strip: a graph holds less memory, and so takes less time.

    Args:
        colors: Of the whole.
        x: (B, C, h, w), h at least ``PIECES`` times ``REACH``.
    """
    height = x.shape[2]
    painted = []
    for piece in range(PIECES):
        top, bottom = height * piece // PIECES, height * (piece + 1) // PIECES
        first = top - REACH if piece else 0
        last = bottom + REACH if piece < PIECES - 1 else height
        strip = colors(x.narrow(2, first, last - first))
        painted.append(strip.narrow(2, 2 * (top - first), 2 * (bottom - top)))
    return torch.cat(painted, 2)


def quick_graph(painter: SwiftPainter, stored: Mapping[str, Tensor], weights: str) -> bytes:
    """An ONNX file of a painter, for pictures of any size: content, statistics and alpha to it.

    Its metadata say what it was made for: ``weights``, and what the grain's size goes by,
    ``margin`` and ``look``.

    Args:
        painter: In float32 on the CPU.
        stored: The tensors of its file of weights, by their names there.
        weights: SHA-256 of that file.

    Raises:
        MissingExtraError: The extra export is not installed.
        ExportError: The graph cannot be traced or converted.
    """
    graph = GivenGrain(unfolded(painter.network))
    decoder = graph.network.decoder
    decoder.colors = partial(colors_in_pieces, decoder.colors)  # type: ignore[method-assign]
    module = OfStatisticsAndGrain(graph).eval().requires_grad_(False)
    names = module.names
    sample = samples_of(OfStatistics.names, widths=graph.widths)[0]
    height, width = sample["content"].shape[-2:]
    # Larger than it must be, lest the tracer should take the two sizes for one.
    for name, scale in zip(GRAINS, SCALES, strict=True):
        shape = (1, 1, (height + 2 * SIDE) // scale, (width + 3 * SIDE) // scale)
        sample[name] = np.zeros(shape, np.float32)
    model = onnx_of(program_of(module, [sample], names, fixed=False), names)
    _leave_out(model.graph, stored)
    said = {"weights": weights, "margin": str(painter.network.config.margin), "look": str(SIDE)}
    return bytes_of(model, said)


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
