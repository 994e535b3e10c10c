"""How fast AdaIN learns beside a plain step, and whether the loader keeps up, in one run.

    python benchmarks/speed_training.py [--quick] [--runs 5] [--batch 8] [--size 256]
        [--encoder FILE] [--device cpu] [--cases NAME ...]

Cases, each in a fresh process of its own:

    plain     plain_adain_training.py: float32, contiguous, the encoder anew on all three pictures
    ours      impasto.training.adain's step, float32: every style is seen for the first time
    known     the same step with styles seen before, as all are after the first rounds of a run
              that draws a few crops per painting (--data.variants)
    bfloat16  ``ours`` as --trainer.precision bf16-mixed has it, where the device is fast at it
    known-bfloat16  ``known`` likewise
    loader    pictures per second that ContentStyleStream cuts out of 600x600 JPEGs, which are made
              in a temporary folder, decoded at every draw
    plain-cyclegan, cyclegan  the same for a step of CycleGAN (plain_cyclegan.py): 6 blocks, one
              pair of 128x128

Encoder and decoder have VGG-19's size; without --encoder (vgg_normalised) the encoder's weights
are random, which changes no speed. Before anything is timed, both steps are given the same weights
and three batches, and their losses must agree to 1e-4, those of CycleGAN to 1e-5; that is a case,
too ("equal", "equal-cyclegan").

Writes benchmarks/results/speed_training.json and prints a table.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import RESULTS, in_fresh_process, load_now, peak_memory, timed, write_record

CASES = (
    "equal", "plain", "ours", "known", "bfloat16", "known-bfloat16", "loader", "equal-cyclegan",
    "plain-cyclegan", "cyclegan",
)  # fmt: skip
EMULATED = "emulated: skipped"
TOLERANCE = {"equal": 1e-4, "equal-cyclegan": 1e-5}
"""Relative: how far the two steps' losses may lie apart."""
PICTURES = 48
"""JPEGs that the loader reads, half of them as styles."""


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Measure one case in this process."""
    import torch

    from impasto.runtime import has_fast_bfloat16, keep_freed_memory, pick_device

    keep_freed_memory()  # as the command does; for the peer as well
    device = pick_device(case["device"])
    torch.manual_seed(0)
    name = case["case"]
    if name.endswith("bfloat16") and not has_fast_bfloat16(device):
        return {"note": EMULATED}
    if name == "loader":
        return measure_loader(case)
    if name in TOLERANCE:
        return compare(case, device)
    if name.endswith("cyclegan"):
        from training_steps import cyclegan_step

        work = cyclegan_step(case, device, plain=name.startswith("plain"))
    else:
        from training_steps import adain_step

        work = adain_step(case, device)
    result = timed(work, runs=case["runs"], device=str(device))
    result["peak_bytes"] = peak_memory()
    if device.type == "cuda":
        result["peak_device_bytes"] = torch.cuda.max_memory_allocated(device)
    return result


def compare(case: dict[str, Any], device: Any) -> dict[str, Any]:
    """The largest relative difference of the losses of both steps, with the same weights."""
    from training_steps import both_cyclegan_losses, both_losses

    worst, limit = 0.0, TOLERANCE[case["case"]]
    compared = both_losses if case["case"] == "equal" else both_cyclegan_losses
    for wanted, found in compared(case, device, batches=3):
        for name, value in wanted.items():
            worst = max(worst, abs(found[name] - value) / abs(value))
    if worst > limit:
        raise SystemExit(f"the losses differ by {worst:.2g}; they must agree to {limit:g}")
    return {"difference": worst}


def measure_loader(case: dict[str, Any]) -> dict[str, Any]:
    """Pictures per second of the loader alone, with as many workers as there are cores."""
    import os

    from torch.utils.data import DataLoader

    from impasto.images.samples import synthetic_photo
    from impasto.training.data import ContentStyleStream, CropConfig, PictureFolder

    side = case["picture"]
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(PICTURES):
            folder = Path(scratch, ("content", "style")[number % 2])
            folder.mkdir(exist_ok=True)
            photo = synthetic_photo((side, side), seed=number)
            photo.save(folder / f"{number:03}.jpg", quality=90)
        crop = CropConfig(size=case["size"], short_side=max(case["size"], side * 512 // 600))
        short = crop.short_side or side
        # Nothing is kept: a set of photographs is larger than memory.
        folders = [
            PictureFolder(Path(scratch, n), short_side=short, keep=0) for n in ("content", "style")
        ]
        stream = ContentStyleStream(
            *folders, content_crop=crop, style_crop=crop, batch=case["batch"]
        )
        workers = case["workers"] or os.cpu_count() or 1
        batches = iter(DataLoader(stream, batch_size=None, num_workers=workers))
        for _ in range(workers):
            next(batches)  # until every worker has begun
        start = time.perf_counter()
        for _ in range(case["batches"]):
            next(batches)
        seconds = time.perf_counter() - start
        pictures = 2 * case["batch"] * case["batches"]
        del batches
    return {"per_second": round(pictures / seconds, 1), "workers": workers, "seconds": seconds}


def figures(found: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What the pages may quote."""
    by_name = {case["case"]: case for case in found}
    seconds = {name: case["seconds"] for name, case in by_name.items() if "fastest" in case}
    result = {f"step-{name}": {"value": value, "unit": "s"} for name, value in seconds.items()}
    for name, case in by_name.items():
        if "note" in case:
            result[f"step-{name}"] = {"value": None, "unit": case["note"]}
    for name in ("ours", "known", "bfloat16", "known-bfloat16", "cyclegan"):
        peer = "plain-cyclegan" if name == "cyclegan" else "plain"
        if name in seconds and peer in seconds:
            ratio = round(seconds[peer] / seconds[name], 2)
            result[f"speedup-{name}"] = {"value": ratio, "unit": "times"}
    loader = by_name.get("loader", {}).get("per_second")
    ours = [seconds[n] for n in ("ours", "known", "bfloat16", "known-bfloat16") if n in seconds]
    if loader:
        result["loader"] = {"value": loader, "unit": "pictures/s"}
        if ours:  # the fastest step is the hungriest
            eaten = 2 * by_name["loader"]["batch"] / min(ours)
            result["loader-times"] = {"value": round(loader / eaten, 1), "unit": "times"}
    return result


def table(found: list[dict[str, Any]]) -> str:
    """The cases as Markdown."""
    rows = ["| case | seconds a step (spread) | peak memory |", "|---|--:|--:|"]
    for case in found:
        peak = case.get("peak_device_bytes") or case.get("peak_bytes")
        memory = f"{peak / 2**30:.2f} GiB" if peak else ""
        rows.append(f"| {case['case']} | {outcome(case)} | {memory} |")
    return "\n".join(rows)


def outcome(case: dict[str, Any]) -> str:
    """What a case found, in words."""
    if "fastest" in case:
        return f"{case['seconds']:.3f} ({case['fastest']:.3f} to {case['slowest']:.3f})"
    if "difference" in case:
        return f"losses differ by {case['difference']:.1g}"
    if "per_second" in case:
        return f"{case['per_second']:.0f} pictures/s by {case['workers']} workers"
    return case.get("note") or f"failed: {case.get('error', '?')}"


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="timed steps of each case")
    parser.add_argument("--batch", type=int, default=8, help="pairs")
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--encoder", help="file of the normalised VGG-19, to relu4_1")
    parser.add_argument("--workers", type=int, default=0, help="of the loader; 0: one a core")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--quick", action="store_true", help="small, 1 run: does it work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    return parser


def main() -> int:
    """Run every case, or with ``--case`` the one given."""
    args = make_parser().parse_args()
    if args.case:
        print(json.dumps(run_case(json.loads(args.case))))
        return 0
    common = {
        "batch": args.batch, "size": args.size, "runs": args.runs, "device": args.device,
        "encoder": args.encoder, "workers": args.workers, "picture": 600, "batches": 40,
        "width": 64, "blocks": 6, "pixels": 128,
    }  # fmt: skip
    if args.quick:
        common |= {"batch": 1, "size": 32, "runs": 1, "picture": 64, "batches": 2, "workers": 1}
        common |= {"width": 4, "blocks": 1, "pixels": 32}
    load, found = load_now(), []
    for number, name in enumerate(args.cases, start=1):
        found.append(in_fresh_process(Path(__file__), {"case": name, **common}))
        print(f"{number}/{len(args.cases)} {name}: {outcome(found[-1])}", file=sys.stderr)
    for case in found:
        case["encoder"] = args.encoder and Path(args.encoder).name
    content = {"load_before": load, "cases": found, "figures": figures(found)}
    path = write_record("speed_training", content, args.results)
    print(table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 1 if any("error" in case for case in found) else 0


if __name__ == "__main__":
    sys.exit(main())
