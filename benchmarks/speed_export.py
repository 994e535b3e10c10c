"""What exported painters lose and gain: ONNX and OpenVINO beside torch, in one run.

    python benchmarks/speed_export.py [--quick] [--runs 5] [--models NAME ...] [--sizes NAME ...]

Each painter is exported once as ``impasto export`` does it, for any size, its style's statistics
an input where it takes a style. Then every runtime paints the same picture at every size, each case
in a fresh process; the first of a size is torch in float32, whose answer the others are compared
with. A graph that leaves something out (swift's grain in OpenVINO) is compared with torch without
it.

    torch        the painter's own ``paint`` or ``translate``, the style known; float32 and bfloat16
    onnxruntime  the .onnx file on the CPU, float32
    OpenVINO     the .xml and .bin files on the CPU, float32

swift has its bundled weights. The others have none to bundle and get random ones by a seed, of the
papers' sizes: speed does not depend on them, and differences are those of arithmetic. bfloat16 is
measured where the processor has instructions for it.

Writes benchmarks/results/speed_export.json and prints a table.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import RESULTS, in_fresh_process, load_now, timed, write_record

MODELS = ("swift", "adain", "johnson", "pix2pix", "cyclegan")
SIZES = {"256x256": (256, 256), "317x513": (317, 513), "1080x1920": (1080, 1920)}
"""(height, width)."""

RUNTIMES = ("torch float32", "torch bfloat16", "onnxruntime", "OpenVINO")
FILES = {"onnxruntime": ("onnx", ".onnx"), "OpenVINO": ("openvino", ".xml")}
"""Runtime -> target of the export, ending of its file."""

EMULATED = "emulated: skipped"
STYLE_SIZE = (512, 512)


def painter_of(model: str, dtype: Any = None) -> Any:
    """A painter on the CPU; bundled weights, or random ones by a seed."""
    import torch

    dtype = dtype or torch.float32
    if model == "swift":
        import impasto

        return impasto.load("swift", device="cpu", precision=str(dtype).split(".")[1]).painter
    torch.manual_seed(0)
    if model == "adain":
        from impasto.features.vgg import VGG
        from impasto.methods.adain.network import STYLE_LAYERS, AdaIN
        from impasto.methods.adain.painter import AdaINPainter

        network = AdaIN(VGG("vgg19", STYLE_LAYERS, padding="reflect"))
        return AdaINPainter(_alive(network), dtype=dtype)
    if model == "johnson":
        from impasto.methods.johnson.network import TransformerNet
        from impasto.methods.johnson.painter import JohnsonPainter

        return JohnsonPainter(TransformerNet(), dtype=dtype)
    if model == "pix2pix":
        from impasto.methods.pix2pix.files import Learned
        from impasto.methods.pix2pix.network import UNet
        from impasto.methods.pix2pix.painter import Pix2PixPainter

        return Pix2PixPainter(Learned(UNet()), noise=False, dtype=dtype)
    from impasto.methods.cyclegan.network import ResNetGenerator
    from impasto.methods.cyclegan.painter import CycleGANPainter

    return CycleGANPainter({"a2b": ResNetGenerator()}, dtype=dtype)


def _alive(network: Any) -> Any:
    """Random weights under which values neither die out nor leave [0, 1], where they are cut."""
    import torch

    convolutions = [m for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    for conv in convolutions[1:]:  # the first only changes colours
        torch.nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    last = convolutions[-1]
    with torch.no_grad():
        features = list(network.encode(torch.rand(1, 3, 64, 64)).values())[-1]
        painted = network.decode(features)
        last.weight.mul_(0.15 / painted.std())
        last.bias.fill_(0.5)
    return network


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Do one step in this process."""
    from impasto.runtime import keep_freed_memory

    keep_freed_memory()  # as the command does
    if case["step"] == "export":
        return export_both(case)
    if case["runtime"] in FILES:
        return run_file(case)
    return run_torch(case)


def export_both(case: dict[str, Any]) -> dict[str, Any]:
    """The painter's files, and how long they took."""
    from impasto.export.convert import export
    from impasto.export.settings import ExportConfig

    painter = painter_of(case["model"])
    seconds = {}
    for runtime, (target, suffix) in FILES.items():
        start = time.perf_counter()
        config = ExportConfig(to=target, style_input="statistics")
        export(painter, Path(case["folder"], case["model"] + suffix), config)
        seconds[runtime] = round(time.perf_counter() - start, 1)
    return {"export_seconds": seconds}


def run_torch(case: dict[str, Any]) -> dict[str, Any]:
    """The painter itself; in float32 it leaves inputs and answers for those who come after."""
    import numpy as np
    import torch

    from impasto.export.verify import picture
    from impasto.runtime import has_fast_bfloat16

    half = case["runtime"] == "torch bfloat16"
    if half and not has_fast_bfloat16(torch.device("cpu")):
        return {"note": EMULATED}
    painter = painter_of(case["model"], torch.bfloat16 if half else torch.float32)
    content = picture((case["height"], case["width"]), torch.Generator().manual_seed(0))
    styles, work = [], lambda: painter.translate(content)
    if hasattr(painter, "paint"):
        style = painter.own_style
        if style is None:
            style = painter.encode_style(picture(STYLE_SIZE, torch.Generator().manual_seed(1)))
        styles = [style]
        work = lambda: painter.paint(content, styles, weights=[1.0])  # noqa: E731
    result = timed(work, runs=case["runs"])
    answer = work().float().numpy()
    place = Path(case["folder"], f"{case['model']}-{case['size']}.npz")
    if half:
        return result | difference(answer, np.load(place)["onnxruntime"])
    inputs = inputs_of(content, styles)
    answers = {"onnxruntime": answer, "OpenVINO": without_grain(case["model"], inputs, answer)}
    np.savez(place, **answers, **{f"input_{name}": value for name, value in inputs.items()})
    return result


def inputs_of(content: Any, styles: list[Any]) -> dict[str, Any]:
    """What a graph may take, by name."""
    import numpy as np
    import torch

    found = {"content": content.numpy(), "alpha": np.ones(1, np.float32)}
    for pairs in styles:
        if pairs:
            means = torch.cat([mean.flatten() for mean, _ in pairs])
            variances = torch.cat([deviation.flatten().square() for _, deviation in pairs])
            found["style_mean"] = means[None].float().numpy()
            found["style_variance"] = variances[None].float().numpy()
    return found


def without_grain(model: str, inputs: dict[str, Any], answer: Any) -> Any:
    """What torch paints with what OpenVINO's graph has; the answer itself where nothing is lost."""
    from impasto.export.settings import ExportConfig
    from impasto.export.table import plan_of

    config = ExportConfig(to="openvino", style_input="statistics")
    plan = plan_of(painter_of(model), config, None)
    if not plan.left_out:
        return answer
    return plan.reference({name: inputs[name] for name in plan.names})


def run_file(case: dict[str, Any]) -> dict[str, Any]:
    """An exported file by its runtime."""
    import numpy as np

    from impasto.export import onnx, openvino

    path = Path(case["folder"], case["model"] + FILES[case["runtime"]][1])
    if case["runtime"] == "onnxruntime":
        data = path.read_bytes()
        run, names = onnx.runner(data), onnx.read_metadata(data)["inputs"].split()
    else:
        run = openvino.runner({s: path.with_suffix(s).read_bytes() for s in (".bin", ".xml")})
        names = openvino.read_metadata(path)["inputs"].split()
    known = np.load(path.with_name(f"{case['model']}-{case['size']}.npz"))
    inputs = {name: known[f"input_{name}"] for name in names}
    result = timed(lambda: run(inputs), runs=case["runs"])
    return result | difference(run(inputs), known[case["runtime"]])


def difference(answer: Any, wanted: Any) -> dict[str, float]:
    """Largest and mean difference of values in [0, 1]."""
    import numpy as np

    if answer.shape != wanted.shape or not np.isfinite(answer).all():
        raise RuntimeError(f"{answer.shape} where torch gives {wanted.shape}, or no numbers")
    apart = np.abs(answer.astype(np.float64) - wanted)
    return {"largest": float(apart.max()), "mean": float(apart.mean())}


def measure(
    models: list[str], sizes: dict[str, tuple[int, int]], runs: int
) -> list[dict[str, Any]]:
    """Every case, those of one size together, so that they see the same machine."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for model in models:
            common = {"model": model, "folder": folder}
            exported = in_fresh_process(Path(__file__), {"step": "export", **common})
            found.append(_kept(exported))
            print(f"{model}: {exported.get('error') or 'exported'}", file=sys.stderr)
            if "error" in exported:
                continue
            for size, (height, width) in sizes.items():
                kind = {"step": "run", "size": size, "height": height, "width": width, **common}
                for runtime in RUNTIMES:
                    case = {**kind, "runtime": runtime, "runs": runs}
                    found.append(_kept(in_fresh_process(Path(__file__), case)))
                    print(f"{model} {size} {runtime}: {_outcome(found[-1])}", file=sys.stderr)
    return found


def _kept(case: dict[str, Any]) -> dict[str, Any]:
    """Without the folder, which is gone with the run."""
    return {key: value for key, value in case.items() if key != "folder"}


def table(found: list[dict[str, Any]]) -> str:
    """One line for each painter and size; behind the seconds the largest difference from torch."""
    lines = [f"| painter | size | {' | '.join(RUNTIMES)} |", f"|---|---|{'--:|' * len(RUNTIMES)}"]
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for case in found:
        if case["step"] == "export":
            if "error" in case:
                lines.append(f"| {case['model']} | not exported: {case['error']} |  |  |  |  |")
            continue
        cells = rows.setdefault((case["model"], case["size"]), {})
        cells[case["runtime"]] = _outcome(case)
    for (model, size), cells in rows.items():
        name = model if model == "swift" else f"{model} (random weights)"
        shown = " | ".join(cells.get(runtime, "") for runtime in RUNTIMES)
        lines.append(f"| {name} | {size} | {shown} |")
    return "\n".join(lines)


def _outcome(case: dict[str, Any]) -> str:
    if "seconds" not in case:
        return case.get("note") or f"failed: {case.get('error', '?')}"
    text = f"{case['seconds']:.3f} s"
    return f"{text}, {case['largest']:.0e}" if "largest" in case else text


def figures(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What pages quote, by name: seconds of every case, and the largest difference of a runtime."""
    result: dict[str, dict[str, Any]] = {}
    worst: dict[str, float] = {}
    for case in found:
        if case["step"] == "export":
            continue
        runtime = case["runtime"].replace(" ", "-").lower()
        key = f"{case['model']}-{case['size']}-{runtime}"
        if "seconds" in case:
            result[key] = {"value": case["seconds"], "unit": "s"}
        elif "note" in case:
            result[key] = {"value": None, "unit": case["note"]}
        if case["runtime"] in FILES and "largest" in case:
            worst[runtime] = max(worst.get(runtime, 0.0), case["largest"])
    return result | {f"{k}-largest": {"value": v, "unit": ""} for k, v in worst.items()}


def main() -> int:
    """Run every case, or with ``--case`` the one given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each case")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--quick", action="store_true", help="64x96 only, 1 run: does it work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(run_case(json.loads(args.case))))
        return 0
    load = load_now()
    sizes = {"64x96": (64, 96)} if args.quick else {name: SIZES[name] for name in args.sizes}
    found = measure(args.models, sizes, 1 if args.quick else args.runs)
    content = {"load_before": load, "cases": found, "figures": figures(found)}
    path = write_record("speed_export", content, args.results)
    print(table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 1 if any("error" in case for case in found) else 0


if __name__ == "__main__":
    sys.exit(main())
