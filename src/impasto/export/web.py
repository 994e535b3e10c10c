"""A folder whose page paints in the visitor's browser: no server of ours, nothing sent anywhere.

paint.onnx takes a content, a style's means and variances, and alpha, and holds all of the painter:
the content's own statistics, the look first, the grain. look.onnx makes means and variances of a
painting that a visitor drops. onnxruntime-web runs both; before anything is written, onnxruntime
runs both here, one after the other as the page does, beside the painter in torch.

Reading order: export_page (the order of things), Looking, npm.py, presets.py, folder.py; what the
visitor sees is site/.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from impasto.errors import InputError
from impasto.export import onnx
from impasto.export.exported import Exported, facts_of
from impasto.export.folder import check_folder, write_folder
from impasto.export.graphs import OfStatistics
from impasto.export.npm import runtime_files
from impasto.export.presets import preset_files, sample_file
from impasto.export.settings import ExportConfig
from impasto.export.styled import StyledGraph
from impasto.export.table import plan_of
from impasto.export.verify import Arrays, Run, check, compare, samples_of

SITE = Path(__file__).with_name("site")
"""What every such folder holds, written by hand."""


class Looking(nn.Module):
    """A style picture to the means and variances that ``OfStatistics`` takes.

    Args:
        graph: Of the method.
    """

    names = ("style",)
    outputs = ("style_mean", "style_variance")

    def __init__(self, graph: StyledGraph) -> None:
        super().__init__()
        self.inner = graph

    def forward(self, style: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, h, w) in [0, 1] to twice (B, C)."""
        pairs = self.inner.encode_style(style)
        means = torch.cat([mean.flatten(1) for mean, _ in pairs], dim=1)
        variances = torch.cat([deviation.square().flatten(1) for _, deviation in pairs], dim=1)
        return means, variances


def export_page(
    painter: Any,
    folder: str | Path,
    config: ExportConfig,
    *,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = True,
) -> Exported:
    """Write a folder that any web server can serve, once its graphs have painted the same.

    Args:
        painter: swift's or AdaIN's, in float32 on the CPU. Every style that is known here and was
            made for it becomes a preset.
        folder: Made, or replaced where it is such a folder already.
        config: ``to`` is web.
        metadata: Text by name: card, licence.
        overwrite: Whether an existing folder of this kind may be replaced.

    Raises:
        InputError: The painter knows one style alone, or ``onnxruntime_web`` is another package.
        MissingExtraError: The extra export is not installed.
        ExportError: It cannot be converted, the result differs from torch, or npm could not fetch
            onnxruntime-web.
        OutputError: The place cannot be written; nothing is left there.
    """
    folder = Path(folder)
    check_folder(folder, overwrite=overwrite)
    plain = replace(config, to="onnx", onnxruntime_web=None)
    plan = plan_of(painter, replace(plain, style_input="statistics"), None)
    if not isinstance(plan.module, OfStatistics):
        name = type(painter).__name__.removesuffix("Painter")
        raise InputError(f"the page needs a painter of any style, swift or AdaIN; got {name}.")
    # Before the minutes of tracing, so that what is missing is said at once.
    runtime = runtime_files(config.onnxruntime_web)
    facts = facts_of(config, plan.names, metadata)
    paint = _graph_of(plan.module, plan.names, ("stylized",), facts, widths=plan.widths)
    looking = Looking(plan.module.inner).eval().requires_grad_(False)
    look = _graph_of(looking, Looking.names, Looking.outputs, facts)
    beside = plan_of(painter, plain, None)
    found = compare(_in_turn(paint, look), beside.reference, samples_of(beside.names))
    check(found, "onnxruntime")
    files = _site_files()
    files |= {"paint.onnx": paint, "look.onnx": look} | sample_file() | preset_files(painter)
    files |= {f"onnxruntime/{name}": data for name, data in runtime.items()}
    write_folder(folder, files, overwrite=overwrite)
    return Exported(
        paths=(folder,), inputs=plan.names, metadata=facts, differences={"onnxruntime": found},
        left_out=plan.left_out,
    )  # fmt: skip


def _site_files() -> dict[str, bytes]:
    paths = (path for path in sorted(SITE.rglob("*")) if path.is_file())
    return {path.relative_to(SITE).as_posix(): path.read_bytes() for path in paths}


def _graph_of(
    module: nn.Module,
    names: tuple[str, ...],
    outputs: tuple[str, ...],
    facts: Mapping[str, str],
    *,
    widths: tuple[int, ...] = (),
) -> bytes:
    traced = onnx.program_of(module, samples_of(names, widths=widths), names, fixed=False)
    model = onnx.onnx_of(traced, names, outputs)
    return onnx.bytes_of(model, {**facts, "inputs": " ".join(names)})


def _in_turn(paint: bytes, look: bytes) -> Run:
    """Both graphs one after the other, as the page runs them for a painting that is dropped."""
    painting, looking = onnx.session_of(paint), onnx.session_of(look)

    def run(inputs: Arrays) -> NDArray[Any]:
        given = dict(inputs)
        found = looking.run(list(Looking.outputs), {"style": given.pop("style")})
        answer: NDArray[Any] = painting.run(
            None, given | dict(zip(Looking.outputs, found, strict=True))
        )[0]
        return answer

    return run
