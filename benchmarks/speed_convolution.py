"""Our 3x3 convolutions against torch's: results, gradients, and how far they differ.

    python benchmarks/speed_convolution.py [--runs 5]

The layers are those of VGG-19 at 512x512, of CycleGAN's residual blocks at 256x256, and of AdaIN's
decoder with a batch of 8 at 256x256. float32 on the CPU, channels last, the same weights and
pictures, alternately in one process. ``learning`` is a step whose filters learn: result and all
gradients. Differences are the largest, over the largest value of torch's result.

Writes benchmarks/results/speed_convolution.json and prints a table.
"""

import argparse
import sys
from functools import partial
from pathlib import Path
from typing import Any

import torch
from record import RESULTS, load_now, timed, write_record
from torch import Tensor, nn

from impasto.blocks import channels_last
from impasto.features.winograd import WinogradConv
from impasto.runtime import keep_freed_memory

LAYERS = (
    ("conv2_1", 64, 128, 256, 1),
    ("conv2_2", 128, 128, 256, 1),
    ("conv3_1", 128, 256, 128, 1),
    ("conv3_2", 256, 256, 128, 1),
    ("conv4_1", 256, 512, 64, 1),
    ("conv4_2", 512, 512, 64, 1),
    ("cyclegan", 256, 256, 64, 1),
    ("adain", 256, 256, 64, 8),
)
"""(name, channels in, out, side in pixels, pictures)."""


def measure(layer: tuple[str, int, int, int, int], runs: int) -> dict[str, Any]:
    """Seconds of both, and the largest difference."""
    name, inputs, outputs, side, batch = layer
    torch.manual_seed(0)
    ours = WinogradConv(inputs, outputs)
    theirs = nn.Conv2d(inputs, outputs, 3, padding=1)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(batch, inputs, side, side).relu().contiguous(memory_format=torch.channels_last)
    row: dict[str, Any] = {"layer": name, "channels": [inputs, outputs], "side": side}
    row["batch"] = batch
    for kind in ("result", "frozen", "learning"):
        for conv in (ours, theirs):
            conv.requires_grad_(kind == "learning")
            channels_last(conv, torch.device("cpu"), torch.float32)
        found: list[list[Tensor]] = [[], []]
        for who, conv in enumerate((ours, theirs)):
            work = partial(_step, conv, x, kind, found[who])
            row[f"{kind}_{('ours', 'torch')[who]}"] = timed(work, runs=runs)["seconds"]
        row[f"{kind}_difference"] = max(
            float((a - b).abs().max() / b.abs().max()) for a, b in zip(*found, strict=True)
        )
    return row


def _step(conv: nn.Module, x: Tensor, kind: str, into: list[Tensor]) -> None:
    if kind == "result":
        with torch.no_grad():
            into[:] = [conv(x)]
        return
    x = x.detach().requires_grad_()
    result = conv(x)
    wanted = [x, *(conv.parameters() if kind == "learning" else ())]
    into[:] = [result.detach(), *torch.autograd.grad(result, wanted, result.detach())]


def table(rows: list[dict[str, Any]]) -> str:
    """As Markdown."""
    lines = [
        "| layer | channels | pictures | result: torch, ours | and gradient | learning | differs |",
        "|---|---|---|--:|--:|--:|--:|",
    ]
    for row in rows:
        inputs, outputs = row["channels"]
        cells = [row["layer"], f"{inputs} to {outputs}", f"{row['batch']} x {row['side']}²"]
        for kind in ("result", "frozen", "learning"):
            ours, theirs = row[f"{kind}_ours"], row[f"{kind}_torch"]
            cells.append(f"{theirs * 1e3:.0f} ms, {ours * 1e3:.0f} ms (**{theirs / ours:.1f}x**)")
        most = max(row[f"{kind}_difference"] for kind in ("result", "frozen", "learning"))
        lines.append(f"| {' | '.join([*cells, f'{most:.0e}'])} |")
    return "\n".join(lines)


def main() -> int:
    """Measure every layer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    args = parser.parse_args()
    load = load_now()
    keep_freed_memory()
    rows = [measure(layer, args.runs) for layer in LAYERS]
    figures = {
        f"{row['layer']}-{kind}": {
            "value": round(row[f"{kind}_torch"] / row[f"{kind}_ours"], 2),
            "unit": "",
        }
        for row in rows
        for kind in ("result", "frozen", "learning")
    }
    content = {"load_before": load, "cases": rows, "figures": figures}
    path = write_record("speed_convolution", content, args.results)
    print(table(rows))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
