"""``impasto export``: a painter as a file for another program."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli.output import complain, print_json
from impasto.cli.startup import quick_start
from impasto.export.folder import check_folder
from impasto.export.settings import SUFFIXES, ExportConfig
from impasto.images.files import check_destination

if TYPE_CHECKING:
    from impasto.export.exported import Exported
    from impasto.methods.base import Statistics


def export(
    model: str,
    *,
    settings: ExportConfig,
    output: str | None = None,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Export a painter for other programs: ONNX, OpenVINO, a camera, the browser, torch.

    The graph takes pictures of any height and width, in batches of any length. The result is run
    beside torch, and written only if both paint the same; for --half and --int8, which differ,
    the difference is said.

    Args:
        model: A painter's name (impasto models list), or a .safetensors file of swift, AdaIN,
            Johnson, pix2pix or CycleGAN.
        settings: What the file is to be.
        output: The file; for web a folder. Default: MODEL.onnx, .xml, .pt2 or MODEL-web here.
        overwrite: Replace files that exist.
        json: One JSON document on standard output instead of paths.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes, or why there is no such graph.

    Examples:
        impasto export swift --to onnx -o swift.onnx
        impasto export swift --to openvino --style great-wave --size 256 256 -o wave.xml
        impasto export swift --to web -o page
    """
    path = _destination(model, output, settings, overwrite=overwrite)
    with quick_start():
        from impasto.export.convert import export as convert
    painter, style, facts = _prepared(model, settings)
    done = convert(painter, path, settings, style=style, metadata=facts, overwrite=overwrite)
    _report(done, settings, json=json)
    return 0


def _destination(
    model: str, output: str | None, settings: ExportConfig, *, overwrite: bool
) -> Path:
    """Where the result goes, looked at before any work."""
    if settings.to == "web":
        folder = Path(output or f"{Path(model).stem}-web")
        check_folder(folder, overwrite=overwrite)
        return folder
    path = Path(output or Path(model).stem).with_suffix(
        Path(output).suffix if output else SUFFIXES[settings.to]
    )
    check_destination(path, overwrite=overwrite)
    return path


def _prepared(
    model: str, settings: ExportConfig
) -> "tuple[Any, Statistics | None, dict[str, str]]":
    """The painter, the style to put inside, and what the file's metadata say."""
    from impasto import api
    from impasto.inference.translate import METHODS, prepare
    from impasto.weights.files import read_metadata
    from impasto.weights.registry import known_weights
    from impasto.weights.store import find_weights

    path = find_weights(model)
    own = read_metadata(path) if path.suffix.lower() == ".safetensors" else {}
    entry = known_weights().get(model)
    facts = {
        "method": own.get("method", "swift"),
        "card": entry.card if entry else own.get("card", ""),
        "licence": entry.licence if entry else own.get("licence", ""),
        "digest": "",
        "style": settings.style or own.get("style", ""),
    }
    if facts["method"] in METHODS:
        translator = prepare(path, noise="off", device="cpu", precision="float32")
        return translator.painter, None, facts
    stylizer = api.load(path, device="cpu", precision="float32")
    facts["digest"] = stylizer.painter.digest
    if settings.style is None:
        return stylizer.painter, None, facts
    return stylizer.painter, stylizer.encode_style(settings.style), facts


def _report(done: "Exported", settings: ExportConfig, *, json: bool) -> None:
    if json:
        document = asdict(done) | {"paths": [str(path) for path in done.paths]}
        print_json(document)
        return
    for path in done.paths:
        print(path)
    if settings.half or settings.int8:
        for runtime, found in done.differences.items():
            for difference in found:
                complain(f"{runtime} beside float32, {difference}.")
    if done.left_out:
        complain(f"the graph leaves out {' and '.join(done.left_out)} of the painter.")
    if settings.to == "web":
        complain(f"look at it with: python -m http.server --bind 127.0.0.1 -d {done.paths[0]}")
