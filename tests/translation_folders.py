"""Folders of pairs and of heaps for the tests of translation."""

import numpy as np
from PIL import Image


def side_by_side(folder, count=5, seed=0, size=(24, 24)):
    """Pairs whose right half is the left one, inverted, whatever the crop."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        coarse = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        left = Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC)
        whole = Image.new("RGB", (2 * size[1], size[0]))
        whole.paste(left, (0, 0))
        whole.paste(Image.fromarray(255 - np.asarray(left)), (size[1], 0))
        whole.save(folder / f"pair {number}.png")
    return folder


def one_kind(folder, count=4, seed=0, size=(24, 30), brightness=0):
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        levels = random.integers(brightness, brightness + 128, (4, 5, 3), dtype=np.uint8)
        Image.fromarray(levels).resize(size[::-1], Image.Resampling.BICUBIC).save(
            folder / f"{number}.png"
        )
    return folder
