"""ONNX by torch's dynamo exporter, run by onnxruntime."""

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

from impasto.errors import ExportError, MissingExtraError
from impasto.export.verify import Arrays, Run

OPSET = 18
"""The first with reductions whose axes are inputs; onnxruntime has it since 1.14."""


def program_of(
    module: nn.Module, samples: Sequence[Arrays], names: Sequence[str], *, fixed: bool
) -> torch.export.ExportedProgram:
    """Trace a graph; height, width and batch stay free unless ``fixed``.

    Raises:
        ExportError: A part of the graph cannot be traced; the message has torch's reason.
    """
    inputs = tuple(torch.from_numpy(samples[0][name]) for name in names)
    free = None
    if not fixed:
        # Two pictures: with one, the tracer would take the batch for a constant.
        inputs = tuple(v if v.ndim == 1 else torch.cat([v, v]) for v in inputs)
        auto = torch.export.Dim.AUTO
        free = tuple(
            {4: {0: auto, 2: auto, 3: auto}, 2: {0: auto}, 1: None}[v.ndim] for v in inputs
        )
    try:
        # With gradients allowed the decoder finishes in one piece instead of in strips.
        with _quiet(), torch.enable_grad():
            return torch.export.export(module, inputs, dynamic_shapes=free, strict=False)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        raise ExportError(f"this graph cannot be traced ({_first(error)}).") from error


def onnx_of(
    program: torch.export.ExportedProgram,
    names: Sequence[str],
    outputs: Sequence[str] = ("stylized",),
) -> Any:
    """The model (onnx.ModelProto) of a traced graph.

    Args:
        program: As ``program_of`` gives it.
        names: Of its inputs.
        outputs: Of its outputs.

    Raises:
        MissingExtraError: onnx or onnxscript is not installed.
        ExportError: An operator that ONNX does not have; the message names it.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise MissingExtraError.of("export", "impasto export") from error
    from torch.onnx import OnnxExporterError

    try:
        with _quiet():
            found = torch.onnx.export(
                program, dynamo=True, opset_version=OPSET, verbose=False,
                input_names=list(names), output_names=list(outputs),
            )  # fmt: skip
    except (OnnxExporterError, RuntimeError, TypeError, ValueError) as error:
        raise ExportError(f"ONNX cannot hold this graph ({_first(error)}).") from error
    assert found is not None
    return found.model_proto


def bytes_of(model: Any, metadata: Mapping[str, str]) -> bytes:
    """The file's bytes, with the metadata inside and without the exporter's traces of our files."""
    del model.metadata_props[:]
    for part in (model.graph, *model.graph.node, *model.graph.value_info, *model.functions):
        part.doc_string = ""
        del part.metadata_props[:]
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return bytes(model.SerializeToString())


def read_metadata(data: bytes) -> dict[str, str]:
    """What ``bytes_of`` put in."""
    import onnx

    model = onnx.load_model_from_string(data)
    return {entry.key: entry.value for entry in model.metadata_props}


def session_of(data: bytes) -> Any:
    """The file loaded by onnxruntime (an InferenceSession), to run on the CPU.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        ExportError: It does not take the file.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError.of("export", "Checking an ONNX file") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ExportError(f"onnxruntime does not take the file ({_first(error)}).") from error


def runner(data: bytes) -> Run:
    """The same as a function to the first output.

    Raises:
        MissingExtraError, ExportError: See ``session_of``.
    """
    session = session_of(data)

    def run(inputs: Arrays) -> NDArray[Any]:
        answer: NDArray[Any] = session.run(None, dict(inputs))[0]
        return answer

    return run


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' notices to their own developers."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _first(error: Exception) -> str:
    """The line of a long message that says what is wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("<class") or "No ONNX function" in line]
    return (telling or lines or [type(error).__name__])[0][:300].rstrip(".")
