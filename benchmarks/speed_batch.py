"""How fast a folder is painted: one picture after the other, and with reading and writing beside.

    python benchmarks/speed_batch.py [--quick] [--pictures 64] [--device cpu] [--precision float32]

A folder of JPEG pictures of one size is made by a seeded generator. It is painted by swift, each
case in a fresh process, loading not counted:

    loop     read, paint, write, one after the other: what a short script does
    threads  paint_each with 1, 2 and 4 threads that read and as many that write
    batch    with 1 thread, 2, 4 and 8 pictures painted at once
    ray      the same folder by 1 and 2 workers of a Ray cluster of this machine, of one thread
             each; the cluster's start and every worker's loading of torch are counted, because
             whoever uses one waits for them

Every case must paint what the loop paints, to a level of 8 bits, or it failed. Writes
benchmarks/results/speed_batch.json and prints a table.
"""

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from record import RESULTS, in_fresh_process, load_now, peak_memory, write_record

SIZES = {"480p": (480, 640), "2MP": (1200, 1600)}
QUICK = {"tiny": (48, 64)}


def make_folder(folder: Path, size: tuple[int, int], count: int) -> None:
    """Photographs to paint, and a style."""
    from impasto.images.samples import synthetic_photo

    folder.mkdir(parents=True)
    for index in range(count):
        # A few scenes are enough: what is in a picture does not change how long it takes.
        scene = synthetic_photo(size, seed=index % 4)
        scene.save(folder / f"{index:04}.jpg")
    synthetic_photo((256, 256), seed=9).save(folder.parent / "style.png")


def cases(sizes: dict[str, tuple[int, int]], count: int, **common: Any) -> list[dict[str, Any]]:
    """Every case of a run; those of one size stand together, so that they see the same machine."""
    found = []
    for name, (height, width) in sizes.items():
        size = {"size": name, "height": height, "width": width, "pictures": count, **common}
        found.append({"way": "loop", **size})
        found += [{"way": "threads", "threads": n, "batch": 1, **size} for n in (1, 2, 4)]
        found += [{"way": "batch", "threads": 1, "batch": n, **size} for n in (2, 4, 8)]
        found += [{"way": "ray", "workers": n, **size} for n in (1, 2)]
    return found


def paint_in_a_loop(load: Callable[[], Any], source: Path, target: Path, style: Path) -> float:
    """Seconds of the plainest way."""
    painter = load()
    statistics = painter.statistics_of(style)
    target.mkdir()
    start = time.perf_counter()
    for path in sorted(source.iterdir()):
        painter.stylize(path, statistics).save(target / f"{path.stem}.png")
    return time.perf_counter() - start


def paint_in_many(
    load: Callable[[], Any], source: Path, target: Path, style: Path, case: dict[str, Any]
) -> float:
    """Seconds of the pipeline, or of the cluster."""
    from impasto.inference.cluster import paint_on_ray
    from impasto.inference.many import paint_each
    from impasto.inference.many_settings import ManyConfig, RayConfig
    from impasto.inference.plan import plan

    jobs = plan([str(source)], output=str(target))
    if case["way"] == "ray":
        ray = RayConfig(workers=case["workers"], cpus=1.0, gpus=0.0)
        start = time.perf_counter()
        records = list(paint_on_ray(load, jobs, style=str(style), ray=ray))
    else:
        painter = load()
        statistics = painter.statistics_of(style)
        many = ManyConfig(batch=case["batch"], threads=case["threads"])
        start = time.perf_counter()
        records = list(paint_each(painter, jobs, style=statistics, many=many))
    seconds = time.perf_counter() - start
    if failed := [record.error for record in records if record.error]:
        raise RuntimeError(str(failed[0]))
    return seconds


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Measure one case in this process."""
    if case["way"] == "ray" and importlib.util.find_spec("ray") is None:
        return {"skipped": "the extra ray is not installed"}
    if case["way"] == "ray" and case["workers"] > (os.cpu_count() or 1):
        return {"skipped": "there are fewer processors than workers"}
    import impasto

    load = partial(impasto.load, "swift", device=case["device"], precision=case["precision"])
    with tempfile.TemporaryDirectory() as folder:
        source, target, style = (Path(folder, name) for name in ("in", "out", "style.png"))
        make_folder(source, (case["height"], case["width"]), case["pictures"])
        if case["way"] == "loop":
            seconds = paint_in_a_loop(load, source, target, style)
        else:
            seconds = paint_in_many(load, source, target, style, case)
        peak = peak_memory()
        paint_in_a_loop(load, source, Path(folder, "check"), style)
        worst = worst_level(target, Path(folder, "check"))
        if worst > 1:
            raise RuntimeError(f"paintings differ by {worst} levels from those of the loop")
        return {
            "seconds": round(seconds, 3),
            "pictures_per_second": round(case["pictures"] / seconds, 2),
            "worst_level": worst,
            "peak_bytes": peak,
        }


def worst_level(one: Path, two: Path) -> int:
    """The largest difference of two folders of pictures, in levels of 8 bits."""
    import numpy as np
    from PIL import Image

    worst = 0
    for path in sorted(one.iterdir()):
        pair = [np.asarray(Image.open(p)).astype(np.int16) for p in (path, two / path.name)]
        worst = max(worst, int(np.abs(pair[0] - pair[1]).max()))
    return worst


def table(found: list[dict[str, Any]]) -> str:
    """The cases as Markdown."""
    rows = ["| size | way | pictures per second | of the loop | peak memory |",
            "|---|---|--:|--:|--:|"]  # fmt: skip
    loops = [case for case in found if case["way"] == "loop" and "seconds" in case]
    plain = {case["size"]: case["pictures_per_second"] for case in loops}
    for case in found:
        way = case["way"] + "".join(
            f", {case[name]} {unit}"
            for name, unit in (("threads", "threads"), ("batch", "at once"), ("workers", "workers"))
            if name in case
        )
        if "seconds" not in case:
            cells = [case.get("skipped") or f"failed: {case['error']}", "", ""]
        else:
            speed, of = case["pictures_per_second"], plain.get(case["size"])
            memory = f"{case['peak_bytes'] / 2**30:.2f} GiB"
            cells = [str(speed), f"{speed / of:.2f}" if of else "", memory]
        rows.append("| " + " | ".join([case["size"], way, *cells]) + " |")
    return "\n".join(rows)


def main() -> int:
    """Run every case, or with ``--case`` the one given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=64, help="in the folder")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--quick", action="store_true", help="6 pictures of 64x48: does it work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(run_case(json.loads(args.case))))
        return 0
    load = load_now()
    common = {"device": args.device, "precision": args.precision}
    wanted = cases(QUICK if args.quick else SIZES, 6 if args.quick else args.pictures, **common)
    found = []
    for case in wanted:
        found.append(in_fresh_process(Path(__file__), case))
        print(f"{len(found)} of {len(wanted)} done", file=sys.stderr)
    path = write_record("speed_batch", {"load_before": load, "cases": found}, args.results)
    print(table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 1 if any("error" in case for case in found) else 0


if __name__ == "__main__":
    sys.exit(main())
