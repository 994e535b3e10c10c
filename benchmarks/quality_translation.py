"""How near translated pictures come to the real ones, before and after learning.

    python benchmarks/quality_translation.py MODEL [MODEL ...] --pairs FOLDER [--direction b2a]
    python benchmarks/quality_translation.py MODEL [MODEL ...] --a FOLDER --b FOLDER

MODEL is a file or run of ``impasto train pix2pix`` or ``cyclegan``; several, such as the weights
after 500 and after 2,000 steps, give a row each. The first row is the first model's network with
weights as learning finds them. FOLDER holds pictures that were not learned from: pairs side by
side, or two heaps. Lower is better:

    l1       mean absolute difference from the picture's own counterpart, of 1 (pairs alone)
    colour   distance of the Gaussians, with independent channels, that the colours of all made and
             of all real pictures have (2-Wasserstein), in levels of 255
    texture  squared differences of channel means and deviations, averaged over each heap, at
             relu1_1 to relu4_1 of the bundled lite, in units of the real ones' deviation

Writes benchmarks/results/quality_translation-NAME.json, and a sheet of inputs and results beside
``--sheet``.
"""

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from record import load_now, write_record
from torch import Tensor

from impasto.features.perceptual import load_perceptual
from impasto.images.formats import find_pictures
from impasto.images.io import read_picture, write_picture
from impasto.images.resize import resize
from impasto.inference.translate import Translator, model_file, prepare
from impasto.inference.translate_settings import TranslateConfig
from impasto.losses.style import LayerStatistics, relative_statistics_loss, statistics_of
from impasto.methods.cyclegan import files as cyclegan_files
from impasto.methods.cyclegan.network import ResNetGenerator
from impasto.methods.pix2pix import files as pix2pix_files
from impasto.methods.pix2pix.network import UNet
from impasto.weights.files import write_tensors
from impasto.weights.store import load_weights

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@dataclass(frozen=True)
class Case:
    """One way of translating pictures that were not learned from."""

    direction: str
    inputs: list[Tensor]
    """(1, 3, H, W) each."""
    real: list[Tensor]
    """Of the kind wanted; the inputs' counterparts where they are pairs."""
    paired: bool


def read_square(path: Path, size: int, half: int | None = None) -> Tensor:
    """(1, 3, size, size) of a picture, or of its left (0) or right (1) half."""
    pixels = read_picture(path).pixels
    if half is not None:
        middle = pixels.shape[-1] // 2
        pixels = pixels[..., half * middle : (half + 1) * middle]
    return resize(pixels, (size, size)).clamp(0, 1)


def cases_of(args: argparse.Namespace) -> list[Case]:
    """What is to be translated, by the flags."""
    if args.pairs:
        both = [
            [read_square(p, args.size, k) for p in find_pictures(args.pairs)[: args.limit]]
            for k in (0, 1)
        ]
        inputs, real = both if args.direction == "a2b" else reversed(both)
        return [Case(args.direction, inputs, real, paired=True)]
    a, b = (
        [read_square(p, args.size) for p in find_pictures(f)[: args.limit]]
        for f in (args.a, args.b)
    )
    return [Case("a2b", a, b, paired=False), Case("b2a", b, a, paired=False)]


def untrained(model: str, scratch: Path, seed: int) -> Path:
    """A file of the model's networks with the weights that learning begins with."""
    path = model_file(model)
    tensors, metadata = load_weights(path)
    torch.manual_seed(seed)
    if metadata.get("method") == "pix2pix":
        learned = pix2pix_files.learned_of(tensors, metadata, path)
        fresh = pix2pix_files.Learned(
            UNet(learned.network.config), learned.direction, learned.batch
        )
        held, kept = pix2pix_files.tensors_of(fresh)
    else:
        known = cyclegan_files.generators_of(tensors, metadata, path)
        held, kept = cyclegan_files.tensors_of(
            {way: ResNetGenerator(network.config) for way, network in known.items()}
        )
    target = scratch / "untrained.safetensors"
    write_tensors(target, held, kept)
    return target


def figures(case: Case, made: list[Tensor]) -> dict[str, float]:
    """What the module's docstring says."""
    found = {
        "colour": colour_distance(made, case.real),
        "texture": texture_distance(made, case.real),
    }
    if case.paired:
        pairs = zip(made, case.real, strict=True)
        found["l1"] = float(
            torch.stack([(one - other).abs().mean() for one, other in pairs]).mean()
        )
    return {name: round(value, 4) for name, value in found.items()}


def colour_distance(made: Iterable[Tensor], real: Iterable[Tensor]) -> float:
    """|difference of means|^2 + |difference of deviations|^2, its root, in levels of 255."""
    moments = []
    for heap in (made, real):
        colours = torch.cat([picture.flatten(2)[0] for picture in heap], dim=-1)  # (3, pixels)
        moments.append(torch.stack([colours.mean(-1), colours.std(-1)]))
    return float((moments[0] - moments[1]).square().sum().sqrt() * 255)


def texture_distance(made: Iterable[Tensor], real: Iterable[Tensor]) -> float:
    """``relative_statistics_loss`` of the two heaps' mean statistics."""
    network = load_perceptual("lite", LAYERS)
    found, wanted = (
        _mean_statistics(network(picture) for picture in heap) for heap in (made, real)
    )
    return float(relative_statistics_loss(found, wanted))


def _mean_statistics(taps: Iterator[dict[str, Tensor]]) -> LayerStatistics:
    each = [statistics_of(one) for one in taps]
    return {
        name: (
            torch.stack([one[name][0] for one in each]).mean(0),
            torch.stack([one[name][1] for one in each]).mean(0),
        )
        for name in LAYERS
    }


def translated(translator: Translator, case: Case) -> list[Tensor]:
    """Every input, as it stands in a file of 8 bits."""
    one_way = len(translator.painter.directions) == 1
    config = TranslateConfig(direction=None if one_way else case.direction)  # type: ignore[arg-type]
    made = (translator.translate(picture, config).pixels for picture in case.inputs)
    return [(picture * 255).round() / 255 for picture in made]


def sheet(columns: list[list[Tensor]], rows: int) -> Tensor:
    """(1, 3, H, W): a row per picture."""
    lines = (torch.cat([column[row] for column in columns], dim=-1) for row in range(rows))
    return torch.cat(list(itertools.islice(lines, rows)), dim=-2)


def published(rows: list[dict[str, Any]], *, last: str) -> dict[str, dict[str, Any]]:
    """The first and the last model's figures, by the names that the pages use."""
    names = {"untrained": "before", last: "after"}
    return {
        f"{figure}-{row['direction']}-{names[row['model']]}": {
            "value": row[figure], "unit": "levels" if figure == "colour" else ""
        }
        for row in rows if row["model"] in names
        for figure in ("l1", "colour", "texture") if figure in row
    }  # fmt: skip


def learning_time(seconds: float | None) -> dict[str, dict[str, Any]]:
    """As a figure, where it is known."""
    return {} if seconds is None else {"seconds": {"value": seconds, "unit": "s"}}


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--direction", choices=("a2b", "b2a"), default="a2b")
    parser.add_argument("--a", type=Path)
    parser.add_argument("--b", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--name", default="pairs", help="of the record")
    parser.add_argument("--seconds", type=float, help="that learning took, for the record")
    parser.add_argument("--sheet", type=Path, help="folder for sheets of eight rows")
    return parser


@torch.inference_mode()
def main() -> None:
    """Translate, judge, print a table and keep the record."""
    args, load = make_parser().parse_args(), load_now()
    if bool(args.pairs) == bool(args.a and args.b):
        raise SystemExit("give --pairs FOLDER, or --a FOLDER and --b FOLDER.")
    cases, rows = cases_of(args), []
    columns = [[case.inputs] for case in cases]
    with tempfile.TemporaryDirectory() as scratch:
        models = {"untrained": untrained(args.models[0], Path(scratch), args.seed)}
        models |= {model: Path(model) for model in args.models}
        for name, path in models.items():
            translator = prepare(path)
            for case, shown in zip(cases, columns, strict=True):
                shown.append(made := translated(translator, case))
                row = {"model": name, "direction": case.direction} | figures(case, made)
                rows.append(row)
                print(json.dumps(row), flush=True)
    if args.sheet:
        for case, shown in zip(cases, columns, strict=True):
            last = [case.real] if case.paired else []
            whole = sheet([*shown, *last], min(8, len(case.inputs)))
            write_picture(whole, args.sheet / f"{args.name}-{case.direction}.png", overwrite=True)
    content = {
        "size": args.size, "pictures": len(cases[0].inputs), "rows": rows,
        "figures": published(rows, last=args.models[-1]) | learning_time(args.seconds),
    }  # fmt: skip
    print(write_record(f"quality_translation-{args.name}", content | {"load_before": load}))


if __name__ == "__main__":
    main()
