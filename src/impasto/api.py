"""What a notebook needs: load a painter, stylize a picture, list and make styles."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto.checks import check_choice
from impasto.images.io import Picture, read_picture
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer
from impasto.methods.swift.painter import SwiftPainter
from impasto.runtime import pick_device, pick_dtype
from impasto.weights.registry import digest_of
from impasto.weights.store import find_weights, load_weights
from impasto.weights.styles import (
    STROKE_SIZES,
    StyleCard,
    read_style,
    style_paths,
    user_styles_folder,
    write_style,
)

_painters: dict[tuple[str, str, str], Stylizer] = {}


def load(
    model: str | os.PathLike[str] = "swift", *, device: str = "auto", precision: str = "auto"
) -> Stylizer:
    """A painter, ready to paint.

    Args:
        model: "swift", or the path of a ``.safetensors`` file of swift's, such as
            ``impasto train swift`` writes.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: "float32", "bfloat16", or "auto": bfloat16 where the processor is faster at it.

    Raises:
        WeightsError: Missing, damaged or foreign weights.
        InputError: A model, device or precision that does not exist.
    """
    target = pick_device(device)
    dtype = pick_dtype(precision, target)
    path = find_weights(model if isinstance(model, str) else Path(model))
    tensors, metadata = load_weights(path)
    check_choice("method of the weights", metadata.get("method", "swift"), ("swift",))
    metadata = metadata | {"digest": digest_of(path)[:12]}
    painter = SwiftPainter.of(tensors, metadata, path, device=target, dtype=dtype)
    return Stylizer(painter, str(model))


def stylize(
    content: Any,
    style: Any,
    *,
    mask: Any = None,
    model: str | os.PathLike[str] = "swift",
    device: str = "auto",
    precision: str = "auto",
    config: StylizeConfig | None = None,
    **settings: Any,
) -> Picture:
    """Paint one picture; the painter is loaded once and kept.

    Args:
        content: The photograph: a path, bytes, PIL image, array, tensor or Picture.
        style: A preset's name, a style file, a picture, or a list of these.
        mask: See Stylizer.stylize.
        model: See load.
        device: See load.
        precision: See load.
        config: Settings as one object,
        **settings: or by name: alpha, style_weights, style_scale, keep_color, seed.

    Returns:
        The painting; ``.save(path)`` writes it.

    Raises:
        ImpastoError: See Stylizer.stylize and load.
    """
    key = (os.fspath(model), device, precision)
    if key not in _painters:
        _painters[key] = load(model, device=device, precision=precision)
    return _painters[key].stylize(content, style, mask=mask, config=config, **settings)


def styles() -> list[StyleCard]:
    """The cards of all styles that can be called by name, bundled and the user's own."""
    return [read_style(path)[0] for path in style_paths().values()]


def make_style(
    name: str,
    pictures: Any | Sequence[Any],
    *,
    painter: Stylizer | None = None,
    path: str | os.PathLike[str] | None = None,
    title: str = "",
    artist: str = "",
    year: str = "",
    licence: str = "",
) -> Path:
    """Keep the style of one or several pictures as a file of about 2 kB.

    Args:
        name: By which it will be called.
        pictures: Of several, the statistics are averaged.
        painter: By which it is made; default: the bundled swift.
        path: Where to; default: the folder of the user's styles.
        title, artist, year, licence: Go into its card.

    Returns:
        The file.

    Raises:
        InputError: A name with other letters than allowed.
        ImageError: A picture that cannot be read.
        OutputError: The file cannot be written.
    """
    painter = painter or load()
    sources: list[Any] = list(pictures) if isinstance(pictures, (list, tuple)) else [pictures]
    card = StyleCard(
        name=name,
        title=title,
        painter=artist,
        year=year,
        licence=licence,
        digest=painter.painter.digest,
    )
    pixels = [read_picture(source).pixels for source in sources]
    sizes = {scale: painter.average_style(pixels, scale) for scale in STROKE_SIZES}
    target = Path(path) if path else user_styles_folder() / f"{name}.safetensors"
    write_style(target, card, sizes)
    return target
