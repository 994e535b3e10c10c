"""How soon `recommended` reaches the loss of a plain loop after 500 steps of Adam, in one run.

    python benchmarks/speed_transfer.py CONTENT STYLE [--network lite|vgg19|FILE]
        [--size 512] [--steps 500] [--rate 0.02] [--style-layers NAME ...]

Both minimise the same terms with the same weights (those of the preset `recommended`) at the same
size, from the same first picture, on the same features; the plain loop (plain_gatys.py) computes
every layer of the network that the file holds, at that size alone. Ours goes from coarse to fine;
its loss counts from the last scale on, its time from the very start.

Writes benchmarks/results/speed_transfer.json and .png, the two curves.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from record import RESULTS, load_now, write_record

Curve = list[tuple[float, float]]
"""(seconds, loss) by step."""


def measure(args: argparse.Namespace) -> tuple[Curve, Curve, dict[str, Any]]:
    """The plain loop's curve, ours, and what was compared."""
    from plain_gatys import plain_steps, with_plain_convolutions

    from impasto.features.perceptual import layers_held, load_perceptual
    from impasto.images.io import read_picture
    from impasto.images.resize import resize
    from impasto.inference.transfer import transfer
    from impasto.methods.gatys.objective import Objective
    from impasto.runtime import keep_freed_memory

    keep_freed_memory()  # for both
    content, style = (read_picture(path).pixels for path in (args.content, args.style))
    settings: dict[str, Any] = {"size": args.size, "seed": 0}
    if args.style_layers:
        settings["style_layers"] = tuple(args.style_layers)
    if args.content_layers:
        settings["content_layers"] = tuple(args.content_layers)
    start = time.perf_counter()
    ours = transfer(content, style, network=args.network, **settings)
    prepared = time.perf_counter() - start

    size = ours.optimization.scales[-1]
    whole = layers_held(args.network)
    # Tapped at its end, so that every layer is computed.
    layers = (*ours.optimization.network.layers, whole[-1])
    deep = load_perceptual(args.network, layers, padding=ours.config.padding)
    deep = with_plain_convolutions(deep)
    small, styles = resize(content, size), [ours.optimization.style_at(style, size)]
    plain = replace(ours.config, optimizer="adam")  # which clamps, and so has no "range" term
    loss = Objective(deep, plain, small, styles, [1.0])
    peer: Curve = []
    for point in plain_steps(small, loss, steps=args.steps, learning_rate=args.rate):
        peer.append(point)
        if len(peer) % 50 == 0:
            print(f"plain {len(peer)}: {point[1]:.4f} at {point[0]:.0f} s", file=sys.stderr)
    mine = _ours(ours, Objective(ours.optimization.network, plain, small, styles, [1.0]), prepared)
    facts = {"size": list(size), "steps": args.steps, "network": Path(args.network).name}
    return peer, mine, facts


def _ours(run: Any, loss: Any, prepared: float) -> Curve:
    """Our curve at the last scale; the loss is the plain loop's, of the picture as it is."""
    import torch

    curve: Curve = []
    seconds, start = prepared, time.perf_counter()
    last = tuple(run.optimization.scales[-1])
    for step in run:
        seconds += time.perf_counter() - start  # without the time it takes to look
        if tuple(step.image.shape[-2:]) == last:
            with torch.no_grad():
                curve.append((seconds, float(sum(loss(step.image).values()))))
            if len(curve) % 20 == 0:
                print(f"ours {step.index}: {curve[-1][1]:.4f} at {seconds:.0f} s", file=sys.stderr)
        start = time.perf_counter()
    return curve


def draw(peer: Curve, mine: Curve, path: Path) -> None:
    """Both curves over time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), dpi=120)
    axes.plot(*zip(*peer, strict=True), label="plain loop: one scale, Adam, the whole network")
    axes.plot(*zip(*mine, strict=True), label="recommended, from its last scale on")
    axes.axhline(peer[-1][1], color="grey", linewidth=0.8, linestyle=":")
    axes.set(xlabel="seconds", ylabel="loss", yscale="log")
    axes.legend()
    figure.tight_layout()
    figure.savefig(path)


def main() -> int:
    """Measure, write, draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("content")
    parser.add_argument("style")
    parser.add_argument("--network", default="lite")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--style-layers", nargs="+")
    parser.add_argument("--content-layers", nargs="+")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    load = load_now()
    peer, mine, facts = measure(args)
    goal = peer[-1][1]
    reached = next((seconds for seconds, loss in mine if loss <= goal), None)
    figures = {
        "plain": {"value": round(peer[-1][0], 1), "unit": "s"},
        "plain-loss": {"value": goal, "unit": ""},
        "recommended-whole": {"value": round(mine[-1][0], 1), "unit": "s"},
        "recommended-loss": {"value": mine[-1][1], "unit": ""},
    }
    if reached is not None:
        figures["recommended"] = {"value": round(reached, 1), "unit": "s"}
        figures["part"] = {"value": round(reached / peer[-1][0], 3), "unit": ""}
    content = {"load_before": load, **facts, "figures": figures, "plain": peer, "ours": mine}
    path = write_record("speed_transfer", content, args.results)
    draw(peer, mine, path.with_suffix(".png"))
    print(json.dumps(figures, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
