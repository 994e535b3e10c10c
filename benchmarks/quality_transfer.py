"""How well a painter paints: content kept, style taken, lattice left, over a list of pairs.

    python benchmarks/quality_transfer.py PAIRS.tsv [-o DIR] [--judge lite|FILE] [--second FILE]

PAIRS.tsv has a line per pair: content path, tab, style path, relative to the file. Both are cut to
their central square and resized to ``--size``; the paintings are written as 000.png, 001.png, ...
and judged as they stand in the files, rounded to 8 bits. ``--paintings DIR`` judges pictures that
are there already, whoever painted them.

The definitions stand in ``impasto/metrics.py``; lower is better. ``second`` is the style figure
again, by an exact VGG-19 at relu1_1, relu2_1, relu3_1 and relu3_4: a network that need not have
been the training's judge. Figures of two painters can be compared when judge, pairs and size are
the same.

Writes benchmarks/results/quality_transfer.json and prints a table.
"""

import argparse
import json
import math
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from record import RESULTS, load_now, write_record
from torch import Tensor

from impasto.features.perceptual import load_perceptual
from impasto.metrics import STYLE_LAYERS, style_distance, transfer_figures

SECOND_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu3_4")


def read_pairs(path: Path) -> list[tuple[Path, Path]]:
    """(content, style) per line of a TSV file."""
    pairs = []
    for line in path.read_text().splitlines():
        if line.strip():
            content, style = line.split("\t")[:2]
            pairs.append((path.parent / content.strip(), path.parent / style.strip()))
    return pairs


def read_square(path: Path, size: int) -> Image.Image:
    """The central square of a picture, ``size`` pixels a side."""
    with Image.open(path) as file:
        image = file.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.LANCZOS)


def to_tensor(image: Image.Image) -> Tensor:
    """(1, 3, H, W) in [0, 1]."""
    pixels = torch.from_numpy(np.array(image.convert("RGB")))
    return pixels.permute(2, 0, 1)[None].float() / 255


def paint(pairs: list[tuple[Path, Path]], folder: Path, args: argparse.Namespace) -> None:
    """Write the painting of each pair as NNN.png."""
    import impasto

    painter = impasto.load(args.painter, device=args.device, precision=args.precision)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (content, style) in enumerate(pairs):
        inputs = (read_square(path, args.size) for path in (content, style))
        painter.stylize(*inputs, seed=args.seed).save(folder / f"{number:03}.png")
        print(f"\rpainted {number + 1} of {len(pairs)}", end="", file=sys.stderr)
    print(file=sys.stderr)


def judge(pairs: list[tuple[Path, Path]], folder: Path, args: argparse.Namespace) -> list[Any]:
    """Figures per pair."""
    first = load_perceptual(args.judge, STYLE_LAYERS)
    second = load_perceptual(args.second, SECOND_LAYERS) if args.second else None
    rows = []
    for number, pair in enumerate(pairs):
        content, style = (to_tensor(read_square(path, args.size)) for path in pair)
        with Image.open(folder / f"{number:03}.png") as file:
            stylized = to_tensor(file)
        found = transfer_figures(first, content, style, stylized)
        row = {"content": found.content, "style": found.style, "grid": found.grid}
        if second is not None:
            with torch.inference_mode():
                row["second"] = float(style_distance(second, style, stylized))
        rows.append({name: round(value, 5) for name, value in row.items()})
    return rows


def summary(rows: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Per figure: mean, half the width of its 95 % interval over the pairs, and the worst."""
    result = {}
    for name in rows[0]:
        values = [row[name] for row in rows]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        result[name] = {
            "mean": round(statistics.fmean(values), 4),
            "interval": round(1.96 * spread / math.sqrt(len(values)), 4),
            "worst": round(max(values), 4),
        }
    return result


def table(found: dict[str, dict[str, float]]) -> str:
    """The summary as Markdown."""
    rows = ["| figure | mean | 95 % interval | worst |", "|---|--:|--:|--:|"]
    for name, values in found.items():
        mean, interval, worst = (values[k] for k in ("mean", "interval", "worst"))
        rows.append(f"| {name} | {mean:.3f} | ± {interval:.3f} | {worst:.3f} |")
    return "\n".join(rows)


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", type=Path, help="TSV file of content and style paths")
    parser.add_argument("-o", "--output", type=Path, help="folder for the paintings")
    parser.add_argument("--paintings", type=Path, help="judge these and paint nothing")
    parser.add_argument("--painter", default="swift", help="name or weight file")
    parser.add_argument("--judge", default="lite", help="lite, or the file of a VGG-19")
    parser.add_argument("--second", help="file of an exact VGG-19, at least to relu3_4")
    parser.add_argument("--size", type=int, default=512, help="pixels a side")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    return parser


def main() -> int:
    """Paint every pair and judge the paintings."""
    args = make_parser().parse_args()
    load = load_now()
    pairs = read_pairs(args.pairs)
    with tempfile.TemporaryDirectory() as scratch:
        folder = args.paintings or args.output or Path(scratch)
        if args.paintings is None:
            paint(pairs, folder, args)
        rows = judge(pairs, folder, args)
    found = summary(rows)
    settings = {k: getattr(args, k) for k in ("painter", "size", "precision", "seed")}
    # File names, not paths: where a judge lies on this machine means nothing elsewhere.
    settings |= {"judge": Path(args.judge).name, "second": args.second and Path(args.second).name}
    content = {
        "load_before": load,
        "settings": settings | {"pairs": len(pairs)},
        "summary": found,
        "rows": rows,
        "figures": {k: {"value": round(v["mean"], 3), "unit": ""} for k, v in found.items()},
    }
    path = write_record("quality_transfer", content, args.results)
    print(json.dumps(found) if args.json else table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
