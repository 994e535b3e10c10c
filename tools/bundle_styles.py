"""Make the bundled presets anew from a folder of the pictures that configs/styles.toml names.

    python tools/bundle_styles.py FOLDER [--only NAME ...] [--save-sources FOLDER]

Run it after tools/bundle_weights.py has bundled new weights of swift: styles fit only those.
"""

import argparse
import tomllib
from pathlib import Path

import torch
from torch import Tensor

import impasto
from impasto.images.color import luma
from impasto.images.io import write_picture
from impasto.weights.cards import BUNDLED

LIST = Path(__file__).parent.parent / "configs" / "styles.toml"


def read_part(path: Path, box: list[float]) -> Tensor:
    """The part of a picture inside a box of fractions (left, top, right, bottom)."""
    pixels = impasto.read_picture(path).pixels
    height, width = pixels.shape[-2:]
    left, right = (round(x * width) for x in (box[0], box[2]))
    top, bottom = (round(y * height) for y in (box[1], box[3]))
    return pixels[..., top:bottom, left:right]


def prussian_blue(pixels: Tensor) -> Tensor:
    """Set the warm colours of the redrawn wave back to the cream of the printed paper.

    The redrawing that was at hand has an orange sky; Hokusai's print is blue on cream. Warm
    pixels (red far above blue) keep part of their light and take the paper's colour.
    """
    warmth = ((pixels[:, :1] - pixels[:, 2:]) * 2.5).clamp(0, 1)
    paper = torch.tensor([0.90, 0.84, 0.72]).view(1, 3, 1, 1)
    light = 0.75 + 0.25 * luma(pixels)
    return pixels.lerp(paper * light, warmth)


def main() -> None:
    """Write one file per style, and on request the pictures they were made from."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--save-sources", type=Path)
    args = parser.parse_args()
    painter = impasto.load("swift", device="cpu", precision="float32")
    for name, entry in tomllib.loads(LIST.read_text()).items():
        if args.only and name not in args.only:
            continue
        pixels = read_part(args.folder / entry["file"], entry.get("box", [0.0, 0.0, 1.0, 1.0]))
        if entry.get("recolor") == "prussian-blue":
            pixels = prussian_blue(pixels)
        path = impasto.make_style(
            name,
            pixels,
            painter=painter,
            path=BUNDLED / f"{name}.safetensors",
            title=entry["title"],
            artist=entry["painter"],
            year=entry["year"],
            licence="public domain",
        )
        if args.save_sources:
            write_picture(pixels, args.save_sources / f"{name}.png")
        print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
