"""Which method becomes which graph, and the painter's own answer it is compared with.

A new method is one line in GRAPHS.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from impasto.blocks import from_signed, to_signed
from impasto.errors import InputError
from impasto.export.graphs import Baked, Mixed, NetworkGraph, OfPicture, OfStatistics
from impasto.export.parts import unfolded, with_spelled_norms
from impasto.export.settings import ExportConfig
from impasto.export.styled import AdaINGraph, StyledGraph, SwiftGraph
from impasto.export.verify import Arrays, Run
from impasto.methods.adain.painter import AdaINPainter
from impasto.methods.base import Statistics
from impasto.methods.cyclegan.painter import CELL as CYCLEGAN_CELL
from impasto.methods.cyclegan.painter import CycleGANPainter
from impasto.methods.johnson.painter import CELL as JOHNSON_CELL
from impasto.methods.johnson.painter import MARGIN as JOHNSON_MARGIN
from impasto.methods.johnson.painter import JohnsonPainter
from impasto.methods.pix2pix.painter import Pix2PixPainter
from impasto.methods.swift.painter import SwiftPainter

Inner = StyledGraph | NetworkGraph


def _swift(painter: SwiftPainter, config: ExportConfig, grain: bool) -> Inner:
    network = unfolded(painter.network)
    # The look at a thumbnail costs a camera as much as the picture.
    return SwiftGraph(network, grain=grain, look=config.to != "oak", fixed=config.fixed)


def _adain(painter: AdaINPainter, config: ExportConfig, grain: bool) -> Inner:
    return AdaINGraph(copy.deepcopy(painter.network))


def _johnson(painter: JohnsonPainter, config: ExportConfig, grain: bool) -> Inner:
    network = with_spelled_norms(painter.network)
    return NetworkGraph(network, cell=JOHNSON_CELL, margin=JOHNSON_MARGIN, mixes=config.to != "oak")


def _pix2pix(painter: Pix2PixPainter, config: ExportConfig, grain: bool) -> Inner:
    if painter.noise:
        raise InputError("a graph has no noise; prepare the model with noise off.")
    network = _Quiet(with_spelled_norms(painter.network))
    return NetworkGraph(network, cell=painter.cell, enter=to_signed, leave=from_signed)


def _cyclegan(painter: CycleGANPainter, config: ExportConfig, grain: bool) -> Inner:
    network = with_spelled_norms(painter.generators[painter.directions[0]])
    return NetworkGraph(
        network, cell=CYCLEGAN_CELL, least=2 * CYCLEGAN_CELL, enter=to_signed, leave=from_signed
    )


class _Quiet(nn.Module):
    """A U-Net without its argument for noise."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 3, H, W) to the same."""
        return self.network(pictures, None)  # type: ignore[no-any-return]


GRAPHS: dict[type[Any], Callable[[Any, ExportConfig, bool], Inner]] = {
    SwiftPainter: _swift,
    AdaINPainter: _adain,
    JohnsonPainter: _johnson,
    Pix2PixPainter: _pix2pix,
    CycleGANPainter: _cyclegan,
}
"""Painter -> its graph."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is exported and what it is compared with."""

    module: nn.Module
    names: tuple[str, ...]
    widths: tuple[int, ...]
    reference: Run
    """The painter's own answer; a graph that leaves something out is its own reference."""
    left_out: tuple[str, ...] = ()
    """What the graph does not do, in words."""


def plan_of(painter: Any, config: ExportConfig, style: Statistics | None) -> Plan:
    """The graph of a painter, float32 on the CPU.

    Args:
        painter: One of those in GRAPHS.
        config: What is wanted.
        style: Statistics of the style to put inside.

    Raises:
        InputError: No graph is known for this painter, or a style is given to one that has its own.
    """
    build = GRAPHS.get(type(painter))
    if build is None:
        known = ", ".join(kind.__name__.removesuffix("Painter").lower() for kind in GRAPHS)
        raise InputError(f"there is no graph of {type(painter).__name__}; there are {known}.")
    # OpenVINO counts in 32 bits; at one fixed size the grain is constants.
    grain = config.grain and (config.to in ("onnx", "torch") or config.fixed is not None)
    inner = build(painter, config, grain)
    left_out: tuple[str, ...] = ()
    if isinstance(inner, SwiftGraph):
        left_out = (
            *(("the grain",) if not grain else ()),
            *(("the look first",) * (not inner.look)),
        )
    module = _with_inputs(inner, config, style).eval().requires_grad_(False)
    widths = inner.widths if isinstance(inner, StyledGraph) else ()
    names: tuple[str, ...] = getattr(module, "names", ("content",))
    reference = run_of(module) if left_out else partial(_painted, painter, config, style)
    return Plan(module=module, names=names, widths=widths, reference=reference, left_out=left_out)


def _with_inputs(inner: Inner, config: ExportConfig, style: Statistics | None) -> nn.Module:
    if isinstance(inner, NetworkGraph):
        if style is not None:
            raise InputError("this network knows one style, its own; leave --style out.")
        return Mixed(inner) if inner.mixes else inner
    if style is not None:
        return Baked(inner, style, config.alpha)
    if config.to == "oak":
        raise InputError("a camera has one input, its picture; give the style with --style.")
    return OfPicture(inner) if config.style_input == "picture" else OfStatistics(inner)


def run_of(module: nn.Module) -> Run:
    """A module as a function of arrays."""

    def run(inputs: Arrays) -> NDArray[Any]:
        with torch.no_grad():
            answer: Tensor = module(*(torch.from_numpy(np.asarray(v)) for v in inputs.values()))
        return answer.float().numpy()

    return run


def _painted(
    painter: Any, config: ExportConfig, style: Statistics | None, inputs: Arrays
) -> NDArray[Any]:
    """What the painter itself makes of a sample."""
    given = {name: torch.from_numpy(np.asarray(value)) for name, value in inputs.items()}
    content, alpha = given["content"], config.alpha
    if "alpha" in given:
        alpha = float(given["alpha"])
    if isinstance(painter, (Pix2PixPainter, CycleGANPainter)):
        return painter.translate(content).numpy()
    if "style" in given:
        style = painter.encode_style(given["style"])
    elif "style_mean" in given:
        style = _statistics_of(given, painter)
    elif style is None:
        style = painter.own_style
    painted: Tensor = painter.paint(content, [style], weights=[1.0], alpha=alpha)
    return painted.numpy()


def _statistics_of(given: dict[str, Tensor], painter: Any) -> Statistics:
    network = painter.network
    widths = (
        list(network.config.pair_widths)
        if isinstance(painter, SwiftPainter)
        else [network.encoder.plan.widths[3]]
    )
    means = torch.split_with_sizes(given["style_mean"], widths, 1)
    variances = torch.split_with_sizes(given["style_variance"], widths, 1)
    return tuple(
        (mean[..., None, None], variance[..., None, None].sqrt())
        for mean, variance in zip(means, variances, strict=True)
    )


def halve(module: nn.Module) -> None:
    """Turn the networks inside a graph to half precision; its statistics stay float32."""
    for part in module.modules():
        if isinstance(part, (SwiftGraph, AdaINGraph, NetworkGraph)):
            part.network.half()
