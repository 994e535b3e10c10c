"""The order of things: trace, convert, quantise, compare, and only then write."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import nn

from impasto.errors import InputError
from impasto.export import onnx, openvino, program, quantize
from impasto.export.exported import Exported, facts_of
from impasto.export.oak import LEVEL, OakGraph, config_of, oak_samples
from impasto.export.settings import SUFFIXES, ExportConfig
from impasto.export.table import halve, plan_of, run_of
from impasto.export.verify import LIMIT, Run, check, compare, samples_of
from impasto.export.web import export_page
from impasto.images.files import check_destination, write_whole
from impasto.methods.base import Statistics

__all__ = ["Exported", "export"]


def export(
    painter: Any,
    path: str | Path,
    config: ExportConfig,
    *,
    style: Statistics | None = None,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = True,
) -> Exported:
    """Write a painter as a file for another program, once that file has painted the same.

    Args:
        painter: swift's, AdaIN's, Johnson's or a translating one, in float32 on the CPU.
        path: The file; it must end as the target's files do. OpenVINO's second file, and the
            camera's, go next to it. For web a folder.
        config: What is wanted.
        style: Statistics to put inside.
        metadata: Text by name: card, style, licence.
        overwrite: Whether existing files may be replaced.

    Raises:
        InputError: Wishes that do not fit the painter.
        MissingExtraError: The extra export is not installed.
        ExportError: It cannot be converted, or the result differs from torch; for web, npm could
            not fetch onnxruntime-web.
        OutputError: The place cannot be written; nothing is left there.
    """
    path = Path(path)
    if config.to == "web":
        if style is not None:
            raise InputError("the page takes every style; leave style out.")
        return export_page(painter, path, config, metadata=metadata, overwrite=overwrite)
    if path.suffix != SUFFIXES[config.to]:
        raise InputError(f"a file for {config.to} ends with {SUFFIXES[config.to]}; got {path}.")
    check_destination(path, overwrite=overwrite)
    plan = plan_of(painter, config, style)
    samples = samples_of(plan.names, widths=plan.widths, fixed=config.fixed)
    module: nn.Module = plan.module
    reference = plan.reference
    if config.to == "oak":
        assert config.fixed is not None
        module = OakGraph(plan.module)
        samples, reference = oak_samples(config.fixed), run_of(module)
    calibration = None
    if config.calibrate is not None:
        calibration = quantize.calibration_samples(config.calibrate, samples[0], fixed=config.fixed)
    # Before halving, which changes the weights in place.
    wanted = [reference(sample) for sample in samples]
    if config.half and config.to in ("onnx", "torch"):
        halve(module)
    traced = onnx.program_of(module, samples, plan.names, fixed=config.fixed is not None)
    facts = facts_of(config, plan.names, metadata)
    files, runs = _files(traced, config, plan.names, facts, calibration)
    differences = {}
    for runtime, run in runs.items():
        found = compare(run, _remembered(wanted), samples)
        if not (config.half or config.int8):
            check(found, runtime, limit=LEVEL if config.to == "oak" else LIMIT)
        differences[runtime] = found
    if config.to == "oak":
        files[".json"] = config_of(path.stem, config.fixed or (256, 256))
    return Exported(
        paths=_written(files, path, overwrite=overwrite), inputs=plan.names, metadata=facts,
        differences=differences, left_out=plan.left_out,
    )  # fmt: skip


def _written(files: Mapping[str, bytes], path: Path, *, overwrite: bool) -> tuple[Path, ...]:
    """The paths of files given by their endings, once they are there."""
    paths = []
    for suffix, data in sorted(files.items()):
        target = path.with_suffix(suffix)
        write_whole(target, data, overwrite=overwrite)
        paths.append(target)
    return tuple(paths)


def _files(
    traced: Any,
    config: ExportConfig,
    names: tuple[str, ...],
    facts: Mapping[str, str],
    calibration: Any,
) -> tuple[dict[str, bytes], dict[str, Run]]:
    """Bytes by ending, and each runtime with its file loaded."""
    if config.to == "torch":
        data = program.bytes_of(traced, facts)
        return {".pt2": data}, {"torch": program.runner(data)}
    data = onnx.bytes_of(onnx.onnx_of(traced, names), facts)
    if calibration is not None:
        data = quantize.quantized(data, calibration)
    if config.to == "onnx":
        return {".onnx": data}, {"onnxruntime": onnx.runner(data)}
    files = openvino.files_of(
        openvino.model_of(data, facts), half=config.half or config.to == "oak"
    )
    runs = {"OpenVINO": openvino.runner(files)}
    if config.to == "oak":
        return files | {".onnx": data}, runs | {"onnxruntime": onnx.runner(data)}
    return files, runs


def _remembered(answers: list[Any]) -> Run:
    """A run that gives answers already known, in order."""
    left = iter(answers)
    return lambda inputs: next(left)
