"""OpenVINO's own files (.xml and .bin), made from ONNX and run on the CPU."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from impasto.errors import ExportError, MissingExtraError
from impasto.export.verify import Arrays, Run


def model_of(onnx_data: bytes, metadata: Mapping[str, str]) -> Any:
    """OpenVINO's model of an ONNX file.

    Raises:
        MissingExtraError: openvino is not installed.
        ExportError: It does not take the file.
    """
    openvino = _openvino()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        path.write_bytes(onnx_data)
        try:
            model = openvino.Core().read_model(path)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ExportError(f"OpenVINO does not take the graph ({reason}).") from error
    for key, value in metadata.items():
        model.set_rt_info(value, ["impasto", key])
    return model


def files_of(model: Any, *, half: bool) -> dict[str, bytes]:
    """Bytes by ending: ".xml" and ".bin".

    Args:
        model: As ``model_of`` gives it.
        half: Keep weights in half precision.
    """
    openvino = _openvino()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        openvino.save_model(model, path, compress_to_fp16=half)
        return {s: path.with_suffix(s).read_bytes() for s in (".bin", ".xml")}


def runner(files: Mapping[str, bytes]) -> Run:
    """The files run on the CPU in float32."""
    openvino = _openvino()
    core = openvino.Core()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        for suffix, data in files.items():
            path.with_suffix(suffix).write_bytes(data)
        model = core.read_model(path)
        # The weights are read from the folder, which goes away, when the model is compiled.
        compiled = core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def run(inputs: Arrays) -> NDArray[Any]:
        answer: NDArray[Any] = compiled(dict(inputs))[0]
        return answer.copy()

    return run


def read_metadata(path: str | Path) -> dict[str, str]:
    """What was put into an .xml file."""
    info = _openvino().Core().read_model(path).get_rt_info(["impasto"])
    return {key: str(value) for key, value in info.value.items()}


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError.of("export", "Exporting to OpenVINO") from error
    return openvino
