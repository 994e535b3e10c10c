"""Memory, speed and exactness of tiles, from 4 megapixels to hundreds, in one run.

    python benchmarks/memory_tiled.py [--quick] [--sizes NAME ...] [--precision float32]

Cases, each in a fresh process of its own (so that its peak of memory is its own):

    equal     swift whole and in tiles of 512 at 3000x2000: largest difference, and how much
              stronger steps are at the tiles' edges than half a tile beside them
    adain, johnson   networks of random weights likewise; johnson with exact statistics, and with
              those of a thumbnail
    whole     a picture of 4 megapixels that is in memory as a whole, for comparison
    streamed  a TIFF made by a seeded generator, tile by tile, painted into another: resident
              memory above the start, megapixels per second with and without the survey

Every figure is of one run with the machine as it was; the load before is in the record. Writes
benchmarks/results/memory_tiled.json and prints a table.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from record import RESULTS, in_fresh_process, load_now, peak_memory, write_record

SIZES = {
    "4 MP": (1600, 2500),
    "25 MP": (4000, 6250),
    "100 MP": (5000, 20_000),
    "400 MP": (10_000, 40_000),
}
"""(height, width) of streamed pictures."""

EQUAL = (2000, 3000)
TILE = 512


def noise_picture(path: Path, size: tuple[int, int], seed: int = 0) -> None:
    """Write a TIFF of clouds and grain, of which only one strip is ever in memory."""
    import pyvips

    height, width = size
    clouds = pyvips.Image.perlin(width, height, cell_size=256, seed=seed)
    fine = pyvips.Image.gaussnoise(width, height, mean=0, sigma=12, seed=seed + 1)
    bands = [clouds * gain + 128 + fine for gain in (90, 70, 110)]
    picture = bands[0].bandjoin(bands[1:]).cast("uchar").copy(interpretation="srgb")
    picture.tiffsave(str(path), tile=True, tile_width=256, tile_height=256, bigtiff=True)


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Measure one case in this process."""
    import torch

    torch.manual_seed(0)
    runs = {"streamed": run_streamed, "whole": run_whole, "equal": run_equal}
    return runs[case["kind"]](case)


def run_whole(case: dict[str, Any]) -> dict[str, Any]:
    """Paint what is in memory; the median of three."""
    import torch

    import impasto

    painter = impasto.load("swift", precision=case["precision"])
    style = painter.encode_style(torch.rand(1, 3, 512, 512))
    content = torch.rand(1, 3, case["height"], case["width"])
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        painter.stylize(content, style, tile="off")
        seconds.append(time.perf_counter() - start)
    middle = sorted(seconds[1:])[1]
    megapixels = case["height"] * case["width"] / 1e6
    return {
        "seconds": [round(s, 2) for s in seconds[1:]],
        "megapixels_per_second": round(megapixels / middle, 3),
    }


def run_equal(case: dict[str, Any]) -> dict[str, Any]:
    """How far tiles are from the whole, and whether their edges can be seen."""
    import torch

    import impasto
    from impasto.inference.stylize import Stylizer
    from impasto.methods.adain.files import encoder_of
    from impasto.methods.adain.network import AdaIN, AdaINConfig
    from impasto.methods.adain.painter import AdaINPainter
    from impasto.methods.johnson.network import TransformerNet
    from impasto.methods.johnson.painter import JohnsonPainter

    style: Any = torch.rand(1, 3, 256, 256)
    if case["method"] == "swift":
        painter = impasto.load("swift", precision=case["precision"])
    elif case["method"] == "adain":
        painter = Stylizer(AdaINPainter(AdaIN(encoder_of(AdaINConfig(encoder="lite")))), "adain")
    else:
        painter, style = Stylizer(JohnsonPainter(TransformerNet()), "johnson"), None
    height, width = case["height"], case["width"]
    coarse = torch.rand(1, 3, height // 40, width // 40)
    content = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic").clamp(0, 1)
    whole = painter.stylize(content, style, tile="off").pixels
    settings = {"tile": case["tile"], "tile_statistics": case["statistics"]}
    tiled = painter.stylize(content, style, **settings).pixels
    difference = (whole - tiled).abs()
    return {
        "largest_difference": float(difference.max()),
        "mean_difference": float(difference.mean()),
        "seam_ratio": seam_ratio(painter, content, style, tiled, settings),
    }


def seam_ratio(painter: Any, content: Any, style: Any, tiled: Any, settings: Any) -> float:
    """Mean step across the tiles' edges over that at places half a tile beside them."""
    from impasto.images.regions import InMemory
    from impasto.inference.settings import StylizeConfig

    config = StylizeConfig(**settings)
    run = painter.in_tiles(InMemory(content), painter.statistics_of(style), config=config)
    edges = [edge - run.painting.margin for edge in run.columns[1:-1]]
    half = (run.columns[1] - run.columns[0]) // 2 // run.painting.cell * run.painting.cell
    steps = (tiled[..., 1:] - tiled[..., :-1]).abs().mean((0, 1, 2))
    beside = [edge - half for edge in edges]
    return float(steps[[e - 1 for e in edges]].mean() / steps[[e - 1 for e in beside]].mean())


def run_streamed(case: dict[str, Any]) -> dict[str, Any]:
    """Paint a file into a file; memory above the start, and time of each pass."""
    import torch

    import impasto
    from impasto.inference.giga import paint_file
    from impasto.inference.settings import StylizeConfig

    size = (case["height"], case["width"])
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.tif"), Path(folder, "out.tif")
        noise_picture(source, size)
        painter = impasto.load("swift", precision=case["precision"])
        style = painter.encode_style(torch.rand(1, 3, 512, 512))
        painter.stylize(torch.rand(1, 3, 64, 64), style)  # libraries are loaded and warm
        before, start = peak_memory(), time.perf_counter()
        passed: list[float] = []

        def on_tile(done: int, total: int) -> None:
            if not passed and done * 2 >= total:
                passed.append(time.perf_counter())

        config = StylizeConfig(tile=case["tile"])
        paint_file(painter, source, target, style=style, config=config, on_tile=on_tile)
        seconds = time.perf_counter() - start
        megapixels = size[0] * size[1] / 1e6
        return {
            "seconds": round(seconds, 2),
            "survey_seconds": round(passed[0] - start, 2),
            "megapixels_per_second": round(megapixels / seconds, 3),
            "painting_megapixels_per_second": round(
                megapixels / (seconds - (passed[0] - start)), 3
            ),
            "bytes_above_start": max(0, peak_memory() - before),
            "output_bytes": target.stat().st_size,
        }


def cases(
    sizes: dict[str, tuple[int, int]], *, precision: str, equal: tuple[int, int], tile: int
) -> list[dict[str, Any]]:
    """Every case of a run."""
    common = {"kind": "equal", "height": equal[0], "width": equal[1], "tile": str(tile)}
    found: list[dict[str, Any]] = [
        {**common, "method": "swift", "statistics": "exact", "precision": precision},
        {**common, "method": "adain", "statistics": "exact", "precision": "float32"},
        {**common, "method": "johnson", "statistics": "exact", "precision": "float32"},
        {**common, "method": "johnson", "statistics": "thumbnail", "precision": "float32"},
    ]
    height, width = next(iter(sizes.values()))
    whole = {"kind": "whole", "height": height, "width": width, "precision": precision}
    found.append(whole)
    for name, (height, width) in sizes.items():
        where = {"size": name, "height": height, "width": width}
        found.append({"kind": "streamed", **where, "precision": precision, "tile": "auto"})
    return found


def table(found: list[dict[str, Any]]) -> str:
    """The cases as Markdown, with what went wrong where something did."""
    rows = ["| what | size | memory above start | MP/s | MP/s of painting | difference | seam |",
            "|---|---|--:|--:|--:|--:|--:|"]  # fmt: skip
    for case in found:
        size = f"{case['width']}x{case['height']}"
        if "error" in case:
            rows.append(f"| {case['kind']} | {size} | failed: {case['error']} | | | | |")
        elif case["kind"] == "whole":
            rows.append(f"| swift, in memory | {size} | | {case['megapixels_per_second']} | | | |")
        elif case["kind"] == "streamed":
            memory = f"{case['bytes_above_start'] / 2**30:.2f} GiB"
            speed = case["megapixels_per_second"], case["painting_megapixels_per_second"]
            rows.append(f"| swift, streamed | {size} | {memory} | {speed[0]} | {speed[1]} | | |")
        else:
            name = f"{case['method']}, {case['statistics']}"
            difference, seam = case["largest_difference"], case["seam_ratio"]
            rows.append(f"| {name} | {size} | | | | {difference:.2g} | {seam:.3f} |")
    return "\n".join(rows)


def main() -> int:
    """Run every case, or with ``--case`` the one given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--sizes", nargs="+", choices=list(SIZES), default=list(SIZES))
    parser.add_argument("--quick", action="store_true", help="tiny pictures: does it work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(run_case(json.loads(args.case))))
        return 0
    load = load_now()
    sizes = {"tiny": (96, 160)} if args.quick else {name: SIZES[name] for name in args.sizes}
    equal, tile = ((120, 160), 48) if args.quick else (EQUAL, TILE)
    found = []
    wanted = cases(sizes, precision=args.precision, equal=equal, tile=tile)
    for number, case in enumerate(wanted, start=1):
        found.append(in_fresh_process(Path(__file__), case))
        print(f"{number}/{len(wanted)} {case['kind']} {case['width']}x{case['height']}",
              file=sys.stderr)  # fmt: skip
    path = write_record("memory_tiled", {"load_before": load, "cases": found}, args.results)
    print(table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 1 if any("error" in case for case in found) else 0


if __name__ == "__main__":
    sys.exit(main())
