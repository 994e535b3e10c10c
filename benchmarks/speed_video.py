"""How fast clips are painted, and how steady they are, in one run.

    python benchmarks/speed_video.py [--quick] [--seconds 10] [--precision float32]

A clip of 1280x720 at 25 frames per second with sound is made by a seeded generator: a scene that
moves by a known number of pixels each frame, with a sensor's noise. It is painted with ``--steady``
0, 0.6 (the default) and 0.8, each in a fresh process: frames per second, reading, painting and
writing together; warp error, the mean square of what changed along the known motion; the same
number of frames and the same sound, or the case failed. Writes
benchmarks/results/speed_video.json and prints a table.
"""

import argparse
import json
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from record import RESULTS, in_fresh_process, load_now, peak_memory, write_record

RATE, HERTZ, STEP = 25, 48_000, 4
"""Frames and samples per second; pixels that the scene moves each frame."""


def make_clip(path: Path, size: tuple[int, int], count: int) -> None:
    """A scene that moves to the left, with noise and a tone."""
    import av
    import numpy as np

    height, width = size
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (height // 20, (width + STEP * count) // 20 + 1, 3))
    scene = np.kron(coarse, np.ones((20, 20, 1)))[:height]
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=RATE, options={"crf": "12"})
        video.height, video.width, video.pix_fmt = height, width, "yuv420p"
        audio = container.add_stream("aac", rate=HERTZ, layout="mono")
        for index in range(count):
            part = scene[:, index * STEP : index * STEP + width]
            levels = np.clip(part + random.normal(0, 8, part.shape), 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, RATE)
            container.mux(video.encode(frame))
            times = np.arange(HERTZ // RATE) / HERTZ + index / RATE
            tone = (0.2 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)[None]
            block = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            block.sample_rate, block.pts = HERTZ, index * (HERTZ // RATE)
            container.mux(audio.encode(block))
        for stream in (video, audio):
            container.mux(stream.encode())


def warp_error(path: Path) -> float:
    """Mean square of what changed between frames, along the motion that is known."""
    from impasto.video.io import ClipReader

    errors, before = [], None
    for frame in ClipReader(path).frames():
        inner = frame.pixels[..., 16:-16, 16:-16]
        if before is not None:
            errors.append((before[..., STEP:] - inner[..., :-STEP]).square().mean().item())
        before = inner
    return sum(errors) / len(errors)


def sound_of(path: Path) -> list[bytes]:
    """The packets of sound."""
    import av

    with av.open(str(path)) as container:
        return [bytes(p) for p in container.demux(container.streams.audio[0]) if p.size]


def run_case(case: dict[str, Any]) -> dict[str, Any]:
    """Measure one case in this process."""
    import torch

    import impasto
    from impasto.inference.settings import VideoConfig
    from impasto.inference.video import paint_clip

    torch.manual_seed(0)
    painter = impasto.load("swift", precision=case["precision"])
    size, count = (case["height"], case["width"]), case["frames"]
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "in.mp4"), Path(folder, "out.mp4")
        make_clip(source, size, count)
        style = Path(folder, "style.png")
        impasto.write_picture(torch.rand(1, 3, 64, 64).repeat_interleave(8, 2), style)
        video = VideoConfig(steady=case["steady"])
        start = time.perf_counter()
        clip = paint_clip(painter, source, target, style=[str(style)], video=video)
        seconds, memory = time.perf_counter() - start, peak_memory()
        if clip.frames != count or sound_of(source) != sound_of(target):
            raise RuntimeError("frames or sound were lost")
        return {
            "seconds": round(seconds, 2),
            "frames_per_second": round(count / seconds, 2),
            "warp_error": warp_error(target),
            "peak_bytes": memory,
        }


def table(found: list[dict[str, Any]]) -> str:
    """The cases as Markdown."""
    rows = ["| steady | size | frames per second | warp error | peak memory |",
            "|--:|---|--:|--:|--:|"]  # fmt: skip
    for case in found:
        cells = [str(case["steady"]), f"{case['width']}x{case['height']}"]
        if "error" in case:
            cells += [f"failed: {case['error']}", "", ""]
        else:
            memory = f"{case['peak_bytes'] / 2**30:.2f} GiB"
            cells += [str(case["frames_per_second"]), f"{case['warp_error']:.2e}", memory]
        rows.append("| " + " | ".join(cells) + " |")
    return "\n".join(rows)


def main() -> int:
    """Run every case, or with ``--case`` the one given."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10, help="length of the clip")
    parser.add_argument("--precision", default="auto", choices=("auto", "float32", "bfloat16"))
    parser.add_argument("--quick", action="store_true", help="6 frames of 64x48: does it work?")
    parser.add_argument("--results", type=Path, default=RESULTS, help="where the record goes")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.case:
        print(json.dumps(run_case(json.loads(args.case))))
        return 0
    load = load_now()
    height, width = (48, 64) if args.quick else (720, 1280)
    count = 6 if args.quick else round(args.seconds * RATE)
    found = []
    for steady in (0.0, 0.6, 0.8):
        case = {"steady": steady, "height": height, "width": width, "frames": count}
        found.append(in_fresh_process(Path(__file__), case | {"precision": args.precision}))
        print(f"steady {steady}: done", file=sys.stderr)
    path = write_record("speed_video", {"load_before": load, "cases": found}, args.results)
    print(table(found))
    print(f"\nwritten: {path}", file=sys.stderr)
    return 1 if any("error" in case for case in found) else 0


if __name__ == "__main__":
    sys.exit(main())
