"""The painters on the page: statistics in full precision, thumbnails that the painter painted."""

import base64
import io
import json
from typing import Any

import torch
from torch import Tensor

from impasto.images.io import Picture, write_picture
from impasto.images.resize import fit_short_side
from impasto.images.samples import landscape
from impasto.methods.base import Statistics
from impasto.weights.cards import StyleCard, style_paths
from impasto.weights.styles import at_stroke_size, read_style

THUMBNAIL_SIDE = 224
"""Pixels: twice what the page shows, for screens with fine pixels."""


def preset_files(painter: Any) -> dict[str, bytes]:
    """styles.json and a thumbnail of each style that was made for a painter.

    Args:
        painter: swift's or AdaIN's.

    Returns:
        Bytes by path in the folder.

    Raises:
        WeightsError: A style file is damaged.
    """
    # Twice as large, then reduced: strokes are seen as on a painting and not under a glass.
    subject = landscape((2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE)).pixels
    files: dict[str, bytes] = {}
    entries = []
    for name, path in style_paths().items():
        card, sizes = read_style(path)
        if card.digest and card.digest != painter.digest:
            continue
        statistics = at_stroke_size(sizes, 1.0)
        painted = painter.paint(subject, [statistics], weights=[1.0])
        thumbnail = f"thumbnails/{name}.jpg"
        files[thumbnail] = _jpeg(fit_short_side(painted, THUMBNAIL_SIDE), quality=82)
        entries.append(_entry(name, card, statistics) | {"thumbnail": thumbnail})
    files["styles.json"] = json.dumps({"styles": entries}, ensure_ascii=False).encode()
    return files


def sample_file() -> dict[str, bytes]:
    """The landscape that is offered for a first try."""
    return {"sample.jpg": _jpeg(landscape().pixels, quality=92)}


def _entry(name: str, card: StyleCard, statistics: Statistics) -> dict[str, str]:
    means = torch.cat([mean.flatten() for mean, _ in statistics])
    variances = torch.cat([deviation.flatten().square() for _, deviation in statistics])
    return {
        "name": name,
        "title": card.title,
        "painter": card.painter,
        "year": card.year,
        "mean": _packed(means),
        "variance": _packed(variances),
    }


def _packed(values: Tensor) -> str:
    """float32, lowest byte first, in base64: exact, and a third of what digits take."""
    return base64.b64encode(values.float().numpy().astype("<f4").tobytes()).decode()


def _jpeg(pixels: Tensor, *, quality: int) -> bytes:
    buffer = io.BytesIO()
    write_picture(Picture(pixels=pixels), buffer, format="jpg", quality=quality)
    return buffer.getvalue()
