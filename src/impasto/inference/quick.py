"""One photograph in one style, painted without torch, whose import takes longer than the painting.

onnxruntime runs swift's graph (``impasto.export.quick``) with the weights that torch would run.
Paintings are those of torch in float32 but for rounding: a level in one of 11,000 to 31,000
values of photographs of 1920x1080.
Whatever this does not do it leaves to torch: it knows one photograph of moderate size in 8 bits,
one style with strokes of its own size, and the processor.

Reading order: paint_quickly, is_quick (what is painted so), QuickPainter.
"""

import importlib.util
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from impasto.errors import ImageTooLargeError, ImpastoError, ResourceError, WeightsError
from impasto.grain import as_noise, position_hash
from impasto.images.decode import decode_file, read_header
from impasto.images.encode import encode
from impasto.images.files import open_to_read, write_whole
from impasto.images.formats import PYRAMID_SUFFIX, Format, check_holds, choose_format
from impasto.images.raster import notes_joined, upright
from impasto.images.remote import is_remote
from impasto.inference.manifest import Painted
from impasto.inference.many_settings import ManyConfig
from impasto.inference.plan import STREAM, Job
from impasto.inference.settings import StylizeConfig
from impasto.runtime import free_memory, memory_taken_ahead
from impasto.weights.cards import style_file
from impasto.weights.registry import bundled_graph, digest_of, weights_entry
from impasto.weights.store import find_weights
from impasto.weights.vectors import read_vectors

MOST_PIXELS = 1 << 22
"""Height times width; of more, torch paints a pixel faster and its import is less of the whole."""

MEMORY = 512
"""Bytes per pixel, rounded up from what was measured."""

AHEAD, MOST_AHEAD = 180, 400 << 20
"""Bytes per pixel, and bytes at most, that are taken from the system while the session is made.
More of them takes longer than that, and lies in pieces beside what onnxruntime asks for."""

LEAST_SIDE = 192
"""Pixels per side that memory is counted for: a thumbnail and margins have as many."""

QUALITY = 95
"""Of JPEG, WebP and AVIF, as ``write_picture`` has it."""

_SCALES = (2, 4, 8)
"""Pixels per cell of swift's grids (``impasto.methods.swift.shape``, which needs torch)."""

_NAMED = b"\x42"
"""Before the length and the letters of a tensor's name in an ONNX file (TensorProto, field 8)."""

Levels = NDArray[np.uint8]

Read = tuple[Levels, Levels | None, str | None]
"""Three colours, opacity where there is any, and a note."""


def is_quick(
    jobs: Sequence[Job],
    *,
    model: str,
    device: str,
    precision: str,
    style: Sequence[str],
    config: StylizeConfig,
    many: ManyConfig,
    mask: object = None,
    pyramid: bool = False,
    resume: bool = False,
    overwrite: bool = False,
) -> bool:
    """Whether these wishes are of the plain kind; the arguments are those of the command."""
    job = jobs[0]
    if len(jobs) > 1 or job.error or job.kept or mask or pyramid or resume:
        return False
    if STREAM in (job.content, job.output) or is_remote(job.content) or is_remote(job.output):
        return False
    if model != "swift" or device not in ("auto", "cpu") or precision == "bfloat16":
        return False
    if len(style) != 1 or style_file(style[0]) is None or many != ManyConfig():
        return False
    plain = config.alpha > 0 and replace(config, alpha=1.0) == StylizeConfig()
    known = importlib.util.find_spec("onnxruntime") is not None
    return plain and known and Path(job.output).suffix.lower() != PYRAMID_SUFFIX


def paint_quickly(
    job: Job, style: str, *, alpha: float, overwrite: bool, own_process: bool = False
) -> Painted | None:
    """Paint the picture of wishes that are quick.

    Args:
        job: From where to where.
        style: A preset's name or a style file.
        alpha: How much of it, above 0.
        overwrite: Whether an existing painting may be replaced.
        own_process: Whether this picture is all the process is for: its C library may be told
            how to keep memory, see ``memory_taken_ahead``.

    Returns:
        What became of it, an error included; None, and nothing written, where it is for torch.
    """
    start = time.perf_counter()
    record = Painted(content=job.content, output=job.output)
    try:
        painter, read = _prepared(job, style, own_process)
        record = _paint(painter, read, job, alpha, overwrite, record)
    except (_ForTorchError, ResourceError):
        return None
    except ImpastoError as error:
        record = replace(record, error=error)
    return replace(record, seconds=time.perf_counter() - start)


class _ForTorchError(ImpastoError):
    """What only torch can do, or can say better why not; never shown."""


def _prepared(job: Job, style: str, own_process: bool) -> tuple["QuickPainter", Read]:
    pixels = _check_size(job.content)
    size = min(AHEAD * pixels, MOST_AHEAD)
    ahead = memory_taken_ahead(size) if own_process else nullcontext()
    with ThreadPoolExecutor(1, "impasto-read") as reader:
        reading = reader.submit(_read, job.content)
        try:
            painter = QuickPainter(style, meanwhile=ahead)
        except WeightsError as error:
            raise _ForTorchError from error
        return painter, reading.result()


def _paint(
    painter: "QuickPainter", read: Read, job: Job, alpha: float, overwrite: bool, record: Painted
) -> Painted:
    levels, opacity, note = read
    chosen = choose_format(job.format, job.output)
    if opacity is not None and not chosen.alpha:
        raise _ForTorchError
    height, width = levels.shape[:2]
    record = replace(record, height=height, width=width, note=note)
    painted = painter.paint(levels, alpha)
    whole = painted if opacity is None else np.concatenate([painted, opacity], axis=2)
    try:
        _write(whole, job, chosen, overwrite=overwrite)
    except ImpastoError as error:
        return replace(record, error=error)
    regular = Path(job.output).is_file()
    return replace(record, sha256=digest_of(job.output) if regular else None)


def _check_size(path: str) -> int:
    try:
        with open_to_read(Path(path)) as file:
            height, width = read_header(file, name=path, max_pixels=MOST_PIXELS).size
    except ImageTooLargeError as error:
        raise _ForTorchError from error
    pixels = max(height, LEAST_SIDE) * max(width, LEAST_SIDE)
    if pixels * MEMORY > free_memory() / 2:
        raise _ForTorchError
    return pixels


def _read(path: str) -> Read:
    with open_to_read(Path(path)) as file:
        raster = decode_file(file, name=path, max_pixels=MOST_PIXELS)
    if raster.samples.dtype != np.uint8:
        raise _ForTorchError
    levels = upright(raster.samples, raster.turn)
    opacity = levels[..., -1:] if levels.shape[2] in (2, 4) else None
    colors = levels if opacity is None else levels[..., :-1]
    three = np.broadcast_to(colors, (*colors.shape[:2], 3))
    return three, opacity, notes_joined(raster.notes)


def _write(levels: Levels, job: Job, chosen: Format, *, overwrite: bool) -> None:
    check_holds(chosen, levels.shape[:2], job.output)
    data = encode(np.ascontiguousarray(levels), chosen, quality=QUALITY, name=job.output)
    write_whole(job.output, data, overwrite=overwrite)


class QuickPainter:
    """swift with one style, run by onnxruntime.

    Args:
        style: A preset's name or a style file.
        meanwhile: Entered while the session is made, which takes the longest.

    Raises:
        WeightsError: Weights, graph and style that were not made for one another or are damaged,
            or a graph that onnxruntime does not take.
    """

    def __init__(
        self, style: str, *, meanwhile: AbstractContextManager[None] | None = None
    ) -> None:
        weights, graph = find_weights("swift", fetch=False), bundled_graph("swift")
        if graph is None:
            raise WeightsError("swift's graph is missing or damaged; torch paints without it.")
        digest = digest_of(weights)
        if digest != weights_entry("swift").sha256:
            raise WeightsError(f"{weights} is not what the graph was made for.")
        self.style = _style(style, digest)
        # onnxruntime reads the weights where they lie for as long as the session lives.
        self._weights = _stored(weights)
        with meanwhile or nullcontext():
            self.session = _session(graph, self._weights)
        said = self.session.get_modelmeta().custom_metadata_map
        if said.get("weights") != digest:
            raise WeightsError(f"{graph} was made for other weights.")
        try:
            self._margin, self._look = int(said["margin"]), int(said["look"])
        except (KeyError, ValueError) as error:
            raise WeightsError(f"{graph} does not say how large its grain is.") from error

    def paint(self, levels: Levels, alpha: float = 1.0) -> Levels:
        """Paint a picture.

        Args:
            levels: (H, W, 3), sRGB.
            alpha: How much of the style, above 0.

        Returns:
            (H, W, 3).
        """
        content = levels.transpose(2, 0, 1)[None].astype(np.float32, order="C")
        content /= 255
        given = {
            "content": content,
            "style_mean": self.style[0],
            "style_variance": self.style[1],
            "alpha": np.array([alpha], np.float32),
            **self._grain(levels.shape[:2]),
        }
        try:
            painted = self.session.run(None, given)[0][0]
        except Exception as error:  # onnxruntime's classes have no common base of their own
            raise _ForTorchError from error
        if not np.isfinite(painted.sum()):
            raise _ForTorchError
        painted *= 255
        painted += np.float32(0.5)
        rounded: Levels = np.stack(painted.clip(0, 255, out=painted).astype(np.uint8), axis=2)
        return rounded

    def _grain(self, size: Sequence[int]) -> dict[str, NDArray[np.float32]]:
        """Of seed 0, for the picture with its margin and for the thumbnail."""
        margin, cell = self._margin, _SCALES[-1]
        sides = [max(-(-n // cell) * cell + 2 * margin, self._look + 3 * margin) for n in size]
        found = {}
        for seed, scale in enumerate(_SCALES):
            first = -margin // scale
            y, x = (np.arange(first, first + side // scale, dtype=np.int64) for side in sides)
            numbers = position_hash(y[:, None], x[None, :], seed)
            found[f"grain{scale}"] = as_noise(numbers.astype(np.float32))[None, None]
        return found


def _style(style: str, digest: str) -> tuple[Any, Any]:
    """Means and variances, (1, C) each."""
    path = style_file(style)
    if path is None:
        raise WeightsError(f"{style} is no style file.")
    card, widths, vectors = read_vectors(path)
    if card.digest != digest[:12] or 1.0 not in vectors:
        raise WeightsError(f"{path} is of other weights, or of other strokes.")
    parts = np.split(vectors[1.0], np.cumsum(np.repeat(widths, 2))[:-1])
    return np.concatenate(parts[::2])[None], np.square(np.concatenate(parts[1::2]))[None]


def _stored(path: Path) -> dict[str, NDArray[np.float32]]:
    with safe_open(path, framework="numpy") as file:
        return {key: file.get_tensor(key).astype(np.float32) for key in file.keys()}  # noqa: SIM118


def _session(graph: Path, weights: dict[str, NDArray[np.float32]]) -> Any:
    try:
        import onnxruntime
    except (ImportError, OSError) as error:  # OSError: a library of its does not load
        raise WeightsError(f"onnxruntime cannot be imported ({error}).") from error

    onnxruntime.disable_telemetry_events()  # of its builds for Windows
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # A pattern serves the next picture of the same size; without one the first took 0.1 s less
    # and two thirds of the memory.
    options.enable_mem_pattern = False
    options.intra_op_num_threads = _threads()
    model = graph.read_bytes()
    wanted = [name for name in weights if _NAMED + bytes([len(name)]) + name.encode() in model]
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(weights[name]) for name in wanted]
    options.add_external_initializers(wanted, values)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # see ``QuickPainter.paint``
        raise WeightsError(f"onnxruntime does not take {graph} ({error}).") from error


def _threads() -> int:
    """As many as torch would take; 0 lets onnxruntime choose."""
    asked = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if asked.isdecimal() and int(asked):
        return int(asked)
    if not hasattr(os, "sched_getaffinity"):
        return 0
    allowed = len(os.sched_getaffinity(0))
    return allowed if allowed < (os.cpu_count() or 1) else 0
