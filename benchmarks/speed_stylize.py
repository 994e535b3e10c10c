"""How fast swift paints, beside a plain AdaIN of the paper's size, in one run.

    python benchmarks/speed_stylize.py [--quick] [--runs 5] [--sizes NAME ...]
        [--device cpu]

Cases, each in a fresh process of its own (so that its peak of memory is its own):

    swift    the network alone: thumbnail, encode, statistics, paint; the style's statistics known
    adain    plain_adain.py: content encoded and decoded; the style known, or encoded as well
    painter  impasto.load("swift").stylize on a picture in memory: what a program pays
    command  `impasto stylize` on a JPEG file, start of Python included: what a person waits for
    command-torch  the same with a seed, for which torch is needed

Layouts: "contiguous" is how peers run AdaIN; "channels-last" is what swift's painter uses.
bfloat16 is measured where the device has instructions for it; elsewhere it is emulated, about ten
times slower, and the case says so instead of a figure.

Writes benchmarks/results/speed_stylize.json and prints a table.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from record import RESULTS, in_fresh_process, load_now, peak_memory, timed, write_record

SIZES = {
    "256": (256, 256),
    "512x808": (512, 808),
    "1080p": (1080, 1920),
    "2048": (2048, 2048),
    "4K": (2160, 3840),
}
ADAIN_UP_TO = 1024 * 1024
"""Pixels: beyond, the peer takes 20 seconds to minutes and several GiB a picture."""
EMULATED = "emulated: skipped"
SPAN = 15.0
"""Seconds that the runs of a case last at least, as AdaIN's five do at 512x808. swift's took one,
and a machine that others share may take 1.6 times as long for seconds at a time."""


def cases(sizes: dict[str, tuple[int, int]], *, device: str, runs: int) -> list[dict[str, Any]]:
    """Every case of a run; those of one size stand together, so that they see the same machine."""
    found = []
    for name, (height, width) in sizes.items():
        common = {"size": name, "height": height, "width": width, "device": device, "runs": runs}
        for precision in ("float32", "bfloat16"):
            for layout in ("contiguous", "channels-last"):
                if layout == "contiguous" and height * width > ADAIN_UP_TO:
                    continue
                kind = {"precision": precision, "layout": layout}
                found.append({"method": "swift", "style": "known", **kind, **common})
                if height * width <= ADAIN_UP_TO:
                    found.append({"method": "adain", "style": "known", **kind, **common})
        if height * width <= ADAIN_UP_TO:
            kind = {"precision": "float32", "layout": "contiguous", "style": "encoded"}
            found.append({"method": "adain", **kind, **common})
            found.append({"method": "swift", **(kind | {"layout": "channels-last"}), **common})
        for precision in ("float32", "bfloat16"):
            kind = {"precision": precision, "layout": "channels-last", "style": "known"}
            found.append({"method": "painter", **kind, **common})
    return found


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Measure one case in this process."""
    import torch

    from impasto.runtime import has_fast_bfloat16, keep_freed_memory, pick_device

    keep_freed_memory()  # as the command does; for the peer as well
    device = pick_device(case["device"])
    if case["precision"] == "bfloat16" and not has_fast_bfloat16(device):
        return {"note": EMULATED}
    torch.manual_seed(0)
    dtype = getattr(torch, case["precision"])
    with torch.inference_mode():
        work, parameters = _work(case, device, dtype)
        span = SPAN if case["runs"] > 1 else 0.0
        result = timed(work, runs=case["runs"], device=str(device), span=span)
    result["parameters"] = parameters
    result["peak_bytes"] = peak_memory()
    if device.type == "cuda":
        result["peak_device_bytes"] = torch.cuda.max_memory_allocated(device)
    return result


def _work(case: dict[str, Any], device: Any, dtype: Any) -> tuple[Any, int | None]:
    """What is timed, and the number of parameters."""
    import torch

    size = (case["height"], case["width"])
    content = torch.rand(1, 3, *size)
    if case["method"] == "painter":
        import impasto

        painter = impasto.load("swift", device=str(device), precision=case["precision"])
        style = painter.encode_style(torch.rand(1, 3, 512, 512))
        return lambda: painter.stylize(content, style), None
    network: Any
    if case["method"] == "swift":
        from impasto.methods.swift.correction import correct_style
        from impasto.methods.swift.network import Swift

        network = Swift()
    else:
        from plain_adain import PlainAdaIN

        network = PlainAdaIN()
    layout = torch.channels_last if case["layout"] == "channels-last" else torch.contiguous_format
    network = network.eval().to(device, dtype, memory_format=layout)
    content = content.to(device, dtype, memory_format=layout)
    style_picture = torch.rand(1, 3, 512, 512).to(device, dtype, memory_format=layout)
    known = network.style_of(style_picture)
    parameters = sum(p.numel() for p in network.parameters())
    ask = partial(correct_style, network, content) if case["method"] == "swift" else _as_it_is
    if case["style"] == "known":
        return lambda: network.transfer(content, ask(known)), parameters
    return lambda: network.transfer(content, ask(network.style_of(style_picture))), parameters


def _as_it_is(style: Any) -> Any:
    return style


def run_command(
    method: str, *flags: str, runs: int, size: tuple[int, int] = (1080, 1920)
) -> dict[str, Any]:
    """Wall time of ``impasto stylize`` on a photograph-like JPEG of 1920x1080."""
    import numpy as np
    from PIL import Image

    case: dict[str, Any] = {"method": method, "size": "1080p", "style": "hokusai-great-wave"}
    with tempfile.TemporaryDirectory() as folder:
        photo, painting = Path(folder, "photo.jpg"), Path(folder, "out.png")
        coarse = np.random.default_rng(0).integers(0, 256, (27, 48, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC).save(photo)
        command = [
            *(sys.executable, "-c", "from impasto.cli import run; run()"),
            *("stylize", str(photo), "--style", case["style"], "-o", str(painting), "--overwrite"),
            *flags,
        ]
        seconds = []
        for _ in range(runs + 1):
            start = time.perf_counter()
            answer = subprocess.run(command, capture_output=True, text=True)
            seconds.append(time.perf_counter() - start)
            if answer.returncode:
                said = answer.stderr.strip().splitlines() or [f"exit code {answer.returncode}"]
                return case | {"error": said[-1]}
    ordered = sorted(seconds[1:])  # the first fills the disk cache
    return case | {
        "seconds": round(ordered[len(ordered) // 2], 3),
        "fastest": round(ordered[0], 3),
        "slowest": round(ordered[-1], 3),
        "runs": runs,
    }


def figures(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What README and docs quote, by name: the value and its unit."""
    result: dict[str, dict[str, Any]] = {}
    for case in found:
        key = "-".join(case[k] for k in ("method", "size", "precision", "layout") if k in case)
        key += "-encoded" if case.get("style") == "encoded" else ""
        if "seconds" in case:
            result[key] = {"value": case["seconds"], "unit": "s"}
            if case.get("peak_bytes"):
                gib = round(case["peak_bytes"] / 2**30, 2)
                result[f"{key}-memory"] = {"value": gib, "unit": "GiB"}
        elif "note" in case:
            result[key] = {"value": None, "unit": case["note"]}
        if case.get("parameters"):
            name = f"{case['method']}-parameters"
            result[name] = {"value": round(case["parameters"] / 1e6, 2), "unit": "million"}
    peer = result.get("adain-512x808-float32-contiguous", {}).get("value")
    for precision in ("float32", "bfloat16"):
        ours = result.get(f"swift-512x808-{precision}-channels-last", {}).get("value")
        if peer and ours:
            value = {"value": round(peer / ours, 1), "unit": "times"}
            result[f"speedup-512x808-{precision}"] = value
    return result


def table(found: list[dict[str, Any]]) -> str:
    """The cases as Markdown."""
    rows = ["| painter | size | precision | layout | style | seconds (spread) | peak memory |",
            "|---|---|---|---|---|--:|--:|"]  # fmt: skip
    for case in found:
        cells = [str(case.get(k, "")) for k in ("method", "size", "precision", "layout", "style")]
        rows.append("| " + " | ".join([*cells, *_outcome(case)]) + " |")
    return "\n".join(rows)


def _outcome(case: dict[str, Any]) -> tuple[str, str]:
    if "seconds" not in case:
        return case.get("note") or f"failed: {case.get('error', '?')}", ""
    time_cell = f"{case['seconds']:.3f} ({case['fastest']:.3f} to {case['slowest']:.3f})"
    peak = case.get("peak_bytes")
    return time_cell, f"{peak / 2**30:.2f} GiB" if peak else ""


def main() -> int:
    """Run every case, or with ``--case`` the one given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each case")
    parser.add_argument("--device", default="cpu")
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
    wanted = cases(sizes, device=args.device, runs=1 if args.quick else args.runs)
    found = []
    for number, case in enumerate(wanted, start=1):
        found.append(in_fresh_process(Path(__file__), case))
        label = " ".join(case[k] for k in ("method", "size", "precision", "layout", "style"))
        print(f"{number}/{len(wanted)} {label}: {_outcome(found[-1])[0]}", file=sys.stderr)
    runs, size = (1, (64, 96)) if args.quick else (args.runs, (1080, 1920))
    found.append(run_command("command", runs=runs, size=size))
    found.append(run_command("command-torch", "--seed", "1", runs=runs, size=size))
    content = {"load_before": load, "cases": found, "figures": figures(found)}
    path = write_record("speed_stylize", content, args.results)
    print(table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 1 if any("error" in case for case in found) else 0


if __name__ == "__main__":
    sys.exit(main())
