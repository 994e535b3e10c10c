"""What a notebook needs: load a painter, stylize, dream, translate, list and make styles."""

import functools
import os
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.checks import check_choice
from impasto.errors import InputError, WeightsError
from impasto.images.io import Picture, read_picture
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer
from impasto.kinds import Noise
from impasto.methods.base import Step
from impasto.methods.swift.painter import SwiftPainter
from impasto.runtime import pick_device, pick_dtype
from impasto.weights.cards import StyleCard, read_card, style_paths, user_styles_folder
from impasto.weights.registry import digest_of, known_weights
from impasto.weights.store import find_weights, load_weights
from impasto.weights.styles import STROKE_SIZES, write_style

if TYPE_CHECKING:
    from impasto.inference.evaluate import Judged, Report
    from impasto.inference.translate import Translator


def load(
    model: str | os.PathLike[str] = "swift", *, device: str = "auto", precision: str = "auto"
) -> Stylizer:
    """A painter, ready to paint.

    Args:
        model: A bundled painter's name ("swift", "adain-lite", "johnson-great-wave"; ``impasto
            models list`` has all), or the path of a ``.safetensors`` file of swift, AdaIN or
            Johnson, such as ``impasto train`` writes.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        precision: "float32", "bfloat16", or "auto": bfloat16 where the processor is faster at it.

    Raises:
        WeightsError: Missing, damaged or foreign weights.
        InputError: A model, device or precision that does not exist.
    """
    return _load(_painter_file(model), str(model), device, precision)


def _load(path: Path, name: str, device: str, precision: str) -> Stylizer:
    target = pick_device(device)
    dtype = pick_dtype(precision, target)
    tensors, metadata = load_weights(path)
    method, digest = metadata.get("method", "swift"), digest_of(path)[:12]
    if method == "adain":
        from impasto.methods.adain.files import network_of
        from impasto.methods.adain.painter import AdaINPainter

        network = network_of(tensors, metadata, path)
        return Stylizer(AdaINPainter(network, device=target, dtype=dtype, digest=digest), name)
    metadata = metadata | {"digest": digest}
    if method == "johnson":
        from impasto.methods.johnson.painter import JohnsonPainter

        return Stylizer(
            JohnsonPainter.of(tensors, metadata, path, device=target, dtype=dtype), name
        )
    if method in ("pix2pix", "cyclegan"):
        raise WeightsError(f"{path} translates pictures; use impasto translate --model {path}.")
    if method != "swift":
        raise WeightsError(
            f"{path} holds weights of {method}, not of swift, adain or johnson; give a painter's."
        )
    painter = SwiftPainter.of(tensors, metadata, path, device=target, dtype=dtype)
    return Stylizer(painter, name)


def _painter_file(model: str | os.PathLike[str]) -> Path:
    known = known_weights()
    if isinstance(model, str) and (entry := known.get(model)) and entry.kind != "painter":
        # Said before hundreds of megabytes are fetched in vain.
        painters = ", ".join(name for name, one in known.items() if one.kind == "painter")
        raise InputError(
            f"{model} is no painter (its kind is {entry.kind}); use one of {painters}, or a "
            "painter's file."
        )
    return find_weights(model if isinstance(model, str) else Path(model))


@functools.lru_cache(maxsize=2)
def _kept(path: Path, modified: int, name: str, device: str, precision: str) -> Stylizer:
    """``_load``, remembered until the file changes."""
    return _load(path, name, device, precision)


def stylize(
    content: Any,
    style: Any = None,
    *,
    mask: Any = None,
    model: str | os.PathLike[str] = "swift",
    device: str = "auto",
    precision: str = "auto",
    config: StylizeConfig | None = None,
    **settings: Any,
) -> Picture:
    """Paint one picture; the painter is kept for the next one, until its file changes.

    Args:
        content: The photograph: a path, bytes, PIL image, array, tensor or Picture.
        style: A preset's name, a style file, a picture, or a list of these; None for a model
            that has learned one style alone.
        mask: See Stylizer.stylize.
        model: See load.
        device: See load.
        precision: See load.
        config: Settings as one object,
        **settings: or by name: alpha, style_weights, style_scale, keep_color, seed.

    Returns:
        The painting; ``.save(path)`` writes it.

    Raises:
        InputError, ImageError, WeightsError: See Stylizer.stylize and load.
    """
    path = _painter_file(model)
    painter = _kept(path, path.stat().st_mtime_ns, str(model), device, precision)
    return painter.stylize(content, style, mask=mask, config=config, **settings)


def dream(
    picture: Any,
    *,
    guide: Any = None,
    network: str | os.PathLike[str] = "lite",
    preset: str = "recommended",
    size: int | None = None,
    device: str = "auto",
    on_step: Callable[[Step], None] | None = None,
    **settings: Any,
) -> Picture:
    """Dream of a picture: raise what a network sees in it.

    Args:
        picture: A path, bytes, PIL image, array, tensor or Picture.
        guide: A second picture, things of which are dreamt into the first.
        network: "lite" (bundled), "vgg16", "vgg19", "googlenet", "inception-v3", or a file.
        preset: Where settings come from that are not given: "recommended", "deepdream-2015",
            "gordicaleksa", "neural-dream" or "ai-art".
        size: Long side of the result in pixels; None keeps up to 1024.
        device: See load.
        on_step: Called with every step, for progress.
        **settings: Fields of DreamConfig: layers, octaves, steps, step_size, jitter, seed ...

    Returns:
        The dream; ``.save(path)`` writes it.

    Raises:
        InputError: A layer, preset or setting that does not exist or does not fit.
        ImageError: A picture that cannot be read.
        WeightsError: Missing, damaged or foreign weights.
    """
    # Here, because every command that paints imports this file, and time to start counts.
    from impasto.inference.dreaming import prepare

    dreamer = prepare(network, preset=preset, device=device, **settings)
    return dreamer.dream(picture, guide=guide, size=size, on_step=on_step)


def translate(
    picture: Any,
    *,
    model: str | os.PathLike[str],
    noise: Noise | None = None,
    device: str = "auto",
    precision: str = "auto",
    **settings: Any,
) -> Picture:
    """Turn a picture of one kind into one of another, by a model that has learned it.

    Args:
        picture: A path, bytes, PIL image, array, tensor or Picture, of any size.
        model: The folder of a run of pix2pix or CycleGAN, its ``.safetensors`` file, a ``.pth``
            generator of the authors' PyTorch program, or OWNER/NAME on the Hugging Face hub.
        noise: "on" translates as the network learned (dropout, batch norm by the picture's own
            statistics), "off" lets nothing be random; None is "on" where there is noise to be had.
        device: See load.
        precision: See load.
        **settings: Fields of TranslateConfig: direction, strength, seed.

    Returns:
        The picture, of the same size and with the same alpha; ``.save(path)`` writes it.

    Raises:
        InputError: A setting that does not exist or does not fit the model.
        ImageError: A picture that cannot be read.
        WeightsError: Missing, damaged or foreign weights.
        ResourceError: The picture would not fit in memory.
    """
    # Here, because every command that paints imports this file, and time to start counts.
    from impasto.inference.translate import model_file
    from impasto.inference.translate_settings import TranslateConfig

    known = [field.name for field in fields(TranslateConfig)]
    for name in settings:
        check_choice("a setting", name, known)
    config, path = TranslateConfig(**settings), model_file(model)
    modified = path.stat().st_mtime_ns if path.exists() else 0
    translator = _kept_translator(path, modified, noise, device, precision)
    return translator.translate(picture, config)


@functools.lru_cache(maxsize=2)
def _kept_translator(
    path: Path, modified: int, noise: Noise | None, device: str, precision: str
) -> "Translator":
    """``prepare``, remembered until the file changes."""
    from impasto.inference.translate import prepare

    return prepare(path, noise=noise, device=device, precision=precision)


def evaluate(
    model: str | os.PathLike[str],
    *,
    content: str | os.PathLike[str] | None = None,
    style: str | os.PathLike[str] | None = None,
    pairs: str | os.PathLike[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    device: str = "auto",
    precision: str = "auto",
    on_pair: Callable[["Judged"], None] | None = None,
    **settings: Any,
) -> "Report":
    """Judge a painter on pictures that it has not seen.

    Args:
        model: See load; the folder of a run stands for its newest weights.
        content: A folder of photographs.
        style: A folder of paintings, or one; None for a painter of one style.
        pairs: A TSV file with a content and a style per line, instead of a draw.
        output: A folder for the paintings, the numbers and a sheet; None keeps nothing.
        device: See load.
        precision: See load.
        on_pair: Called with every pair that is done, for progress.
        **settings: Fields of EvaluateConfig: judge, lpips, inception, size, limit, seed, alpha.

    Returns:
        Means, spreads and worst pairs; figures whose networks are absent, and why.

    Raises:
        InputError: Nothing to judge, or a setting that does not exist or does not fit.
        WeightsError: See load; or a judge that was named is missing.
        OutputError: The folder cannot be written.
    """
    # Here, because every command that paints imports this file, and time to start counts.
    from impasto.inference.evaluate import Evaluation, find_pairs
    from impasto.inference.evaluate_settings import EvaluateConfig
    from impasto.inference.evaluate_sheet import write_evaluation

    known = [field.name for field in fields(EvaluateConfig)]
    for name in settings:
        check_choice("a setting", name, known)
    config = EvaluateConfig(**settings)
    chosen = find_pairs(content, style, pairs=pairs, limit=config.limit, seed=config.seed)
    painter = load(model, device=device, precision=precision)
    evaluation = Evaluation(painter, chosen, config, folder=output)
    for judged in evaluation:
        if on_pair is not None:
            on_pair(judged)
    report = evaluation.report()
    if output is not None:
        write_evaluation(report, Path(output))
    return report


def styles() -> list[StyleCard]:
    """The cards of all styles that can be called by name, bundled and the user's own.

    Raises:
        WeightsError: A style file is damaged.
    """
    return [read_card(path) for path in style_paths().values()]


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
    """Keep the style of one or several pictures as a file of about 4 kB.

    Args:
        name: By which it will be called: lower-case letters, digits and hyphens.
        pictures: One, or a list; of several, the statistics are averaged.
        painter: By which it is made, and which alone it fits; default: the bundled swift.
        path: A ``.safetensors`` file; default: the name's in the folder of the user's styles. One
            that exists is replaced.
        title, artist, year, licence: Go into its card.

    Returns:
        The file.

    Raises:
        InputError: A name with other letters than allowed, a path with another ending, or no
            picture.
        ImageError: A picture that cannot be read.
        OutputError: The file cannot be written.
        WeightsError: See load.
    """
    target = Path(path) if path else user_styles_folder() / f"{name}.safetensors"
    if target.suffix != ".safetensors":
        raise InputError(f"a style file ends with .safetensors; got {target}.")
    sources: list[Any] = list(pictures) if isinstance(pictures, (list, tuple)) else [pictures]
    if not sources:
        raise InputError("a style is made of at least one picture; got none.")
    card = StyleCard(
        name=name,
        title=title,
        painter=artist,
        year=year,
        licence=licence,
    )
    pixels = [read_picture(source).pixels for source in sources]
    painter = painter or load()
    sizes = {scale: painter.average_style(pixels, scale) for scale in STROKE_SIZES}
    write_style(target, replace(card, digest=painter.painter.digest), sizes)
    return target
