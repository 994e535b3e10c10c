"""int8: convolutions in whole numbers, their ranges learned from photographs."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from impasto.errors import ExportError, InputError, MissingExtraError
from impasto.export.verify import Arrays
from impasto.images.formats import find_pictures
from impasto.images.io import read_picture
from impasto.images.resize import fit_long_side, resize

MOST_PICTURES = 32
SIDE = 256
"""Long side in pixels of the photographs that ranges are learned from."""


def calibration_samples(
    folder: str | Path, like: Mapping[str, Any], *, fixed: tuple[int, int] | None
) -> list[Arrays]:
    """Inputs with a folder's photographs as contents.

    Args:
        folder: With pictures, in folders in it, too; at most MOST_PICTURES are read.
        like: A sample, whose other inputs stay.
        fixed: (height, width) that alone is taken.

    Raises:
        InputError: No such folder, or no picture in it.
        ImageError: A picture that cannot be read.
    """
    paths = find_pictures(folder)[:MOST_PICTURES]
    if not paths:
        raise InputError(f"{folder} holds no picture to calibrate on; give photographs.")
    samples: list[Arrays] = []
    for path in paths:
        pixels = read_picture(path).pixels
        pixels = resize(pixels, fixed) if fixed else fit_long_side(pixels, SIDE)
        samples.append({**like, "content": pixels.contiguous().numpy()})
    return samples


def quantized(data: bytes, samples: Sequence[Arrays]) -> bytes:
    """An ONNX file whose convolutions compute in 8 bits.

    Args:
        data: The float32 file.
        samples: To learn ranges from.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        ExportError: onnxruntime cannot quantise the graph.
    """
    try:
        from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    except ImportError as error:
        raise MissingExtraError.of("export", "int8") from error

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.samples: Iterator[Arrays] = iter(samples)

        def get_next(self) -> dict[str, Any] | None:
            sample = next(self.samples, None)
            return None if sample is None else dict(sample)

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "model.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(data)
        try:
            quantize_static(
                source, target, Reader(), quant_format=QuantFormat.QDQ,
                op_types_to_quantize=["Conv"], per_channel=True,
            )  # fmt: skip
        except (RuntimeError, ValueError, KeyError, TypeError) as error:
            raise ExportError(f"the graph cannot be quantised ({error}).") from error
        return target.read_bytes()
