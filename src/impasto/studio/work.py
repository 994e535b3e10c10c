"""What happens behind the buttons: each is a generator of news that gives back what was made.

Nothing here knows the page; the engines are those of the command line, and so are their errors.
"""

import threading
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from impasto.api import translate as translate_picture
from impasto.checks import check_choice
from impasto.features.dreamers import NAMES as DREAMERS
from impasto.features.vgg import PLANS
from impasto.images.io import Picture, read_picture
from impasto.inference.dreaming import prepare
from impasto.inference.settings import StylizeConfig, VideoConfig
from impasto.inference.transfer import Transfer, texture, transfer
from impasto.inference.video import PaintedClip, paint_clip, preview_sheet
from impasto.methods.base import Step
from impasto.methods.gatys.presets import PRESETS
from impasto.studio.desk import Desk, Finished, need, read_upload
from impasto.studio.running import Progress, StoppedError, Tell, watched
from impasto.weights.store import find_weights, list_weights

Work = Generator[Progress, None, Finished]
"""News, and at the end what was made."""

FileName = str | Path
"""Of an uploaded file."""


def paint_photo(
    desk: Desk,
    photo: FileName | None,
    styles: Sequence[str],
    config: StylizeConfig,
    *,
    masks: Sequence[Any] | None,
    stop: threading.Event,
) -> Work:
    """Paint a photograph; see ``Stylizer.stylize``.

    Args:
        desk: Whose painter paints.
        photo: The uploaded file.
        styles: Names of styles, or uploaded paintings; none for a painter of one style.
        config: How it looks.
        masks: One per style.
        stop: Set by the Stop button.
    """
    content = read_upload(photo, what="a photograph")

    def work(tell: Tell) -> Picture:
        def on_tile(done: int, total: int) -> None:
            tell(Progress(words=f"tile {done} of {total}", share=done / total))

        return desk.stylizer.stylize(
            content, list(styles), mask=masks, config=config, on_tile=on_tile
        )

    painting = yield from watched(work, stop)
    label = "-".join(Path(style).stem for style in styles) or desk.stylizer.name
    caption = " and ".join(Path(style).stem.replace("-", " ") for style in styles)
    file = desk.place(photo or "photo", label[:80], ".png")
    return desk.hang(painting, file, before=content, caption=caption)


def optimise(
    desk: Desk,
    photo: FileName | None,
    painting: FileName | None,
    *,
    stop: threading.Event,
    **wishes: Any,
) -> Work:
    """Paint by changing pixels step by step; Stop keeps the picture so far.

    Args:
        desk, stop: See ``paint_photo``.
        photo: The uploaded file.
        painting: Another, whose style is followed.
        **wishes: See ``inference.transfer.transfer``.
    """
    content = read_upload(photo, what="a photograph")
    style = read_upload(painting, what="a painting")
    _check_at_hand(wishes)
    run = transfer(content, style, device=desk.device, **wishes)
    picture = yield from watched(_steps_of(run), stop)
    file = desk.place(photo or "photo", Path(painting or "painting").stem, ".png")
    return desk.hang(picture, file, before=content, caption=f"after {run.optimization.index} steps")


def make_texture(
    desk: Desk,
    painting: FileName | None,
    *,
    shape: tuple[int, int],
    stop: threading.Event,
    **wishes: Any,
) -> Work:
    """Make a texture of a painting; Stop keeps the picture so far.

    Args:
        desk, stop: See ``paint_photo``.
        painting: The uploaded file.
        shape: (height, width) of the result.
        **wishes: See ``inference.transfer.texture``.
    """
    style = read_upload(painting, what="a painting")
    _check_at_hand(wishes)
    run = texture(style, shape=shape, device=desk.device, **wishes)
    picture = yield from watched(_steps_of(run), stop)
    file = desk.place(painting or "painting", "texture", ".png")
    return desk.hang(picture, file, caption="texture")


def _check_at_hand(wishes: dict[str, Any]) -> None:
    """From the page nothing is fetched: the sentence names the command that does."""
    preset = wishes.get("preset", "recommended")
    check_choice("preset", preset, PRESETS)
    find_weights(wishes.get("network") or PRESETS[preset].network, fetch=False)


def networks_at_hand() -> list[str]:
    """Networks that judge pictures and are on this machine."""
    return _at_hand(("lite", *PLANS))


def dreamers_at_hand() -> list[str]:
    """Networks that dream and are on this machine."""
    return _at_hand(DREAMERS)


def _at_hand(names: Sequence[str]) -> list[str]:
    there = {info.name for info in list_weights() if info.place != "absent"}
    return [name for name in names if name in there]


def _steps_of(run: Transfer) -> Callable[[Tell], Picture]:
    def work(tell: Tell) -> Picture:
        try:
            for step in run:
                tell(_news(step))
        except StoppedError:
            if not run.optimization.index:
                raise
        return run.picture

    return work


def _news(step: Step) -> Progress:
    losses = ", ".join(f"{name} {value:.3g}" for name, value in step.losses.items())
    words = f"step {step.index} of {step.steps} ({losses})"
    return Progress(words=words, share=step.index / step.steps, image=step.image)


def dream_of(
    desk: Desk,
    photo: FileName | None,
    *,
    guide: FileName | None,
    size: int | None,
    stop: threading.Event,
    **wishes: Any,
) -> Work:
    """Dream of a photograph.

    Args:
        desk, stop: See ``paint_photo``.
        photo: The uploaded file.
        guide: Another, things of which are dreamt into it; or None.
        size: Long side of the dream in pixels; None keeps up to 1024.
        **wishes: See ``inference.dreaming.prepare``.
    """
    content = read_upload(photo, what="a photograph")
    shown = None if guide is None else read_upload(guide, what="a guide")
    find_weights(wishes.get("network", "lite"), fetch=False)
    dreamer = prepare(device=desk.device, **wishes)

    def work(tell: Tell) -> Picture:
        def on_step(step: Step) -> None:
            words = f"step {step.index} of {step.steps}"
            tell(Progress(words=words, share=step.index / step.steps, image=step.image))

        return dreamer.dream(content, guide=shown, size=size, on_step=on_step)

    picture = yield from watched(work, stop)
    file = desk.place(photo or "photo", "dream", ".png")
    layers = ", ".join(dreamer.config.layers)
    return desk.hang(picture, file, before=content, caption=f"dream of {layers}")


def translate(
    desk: Desk,
    photo: FileName | None,
    model: FileName | None,
    *,
    stop: threading.Event,
    **wishes: Any,
) -> Work:
    """Turn a picture of one kind into another.

    Args:
        desk, stop: See ``paint_photo``.
        photo: The uploaded file.
        model: An uploaded file of weights, or one that the studio was started with.
        **wishes: See ``api.translate``.
    """
    content = read_upload(photo, what="a picture")
    learned = need(model, what="a model")

    def work(tell: Tell) -> Picture:
        tell(Progress(words="translating"))
        return translate_picture(content, model=learned, device=desk.device, **wishes)

    picture = yield from watched(work, stop)
    file = desk.place(photo or "photo", learned.stem, ".png")
    return desk.hang(picture, file, before=content, caption=f"by {learned.stem}")


def paint_film(
    desk: Desk,
    clip: FileName | None,
    styles: Sequence[str],
    config: StylizeConfig,
    video: VideoConfig,
    *,
    stop: threading.Event,
) -> Work:
    """Paint a film; see ``inference.video.paint_clip``.

    Args:
        desk, styles, config, stop: See ``paint_photo``.
        clip: The uploaded file.
        video: How steady, and which part.
    """
    source = need(clip, what="a film")
    animation = source.suffix.lower() == ".gif"
    target = desk.place(source, "painted", ".gif" if animation else ".mp4")

    def work(tell: Tell) -> PaintedClip:
        def on_frame(done: int, total: int | None) -> None:
            known = f"frame {done} of {total}" if total else f"frame {done}"
            tell(Progress(words=known, share=min(1.0, done / total) if total else None))

        return paint_clip(
            desk.stylizer, source, target, style=styles, config=config, video=video,
            on_frame=on_frame,
        )  # fmt: skip

    painted = yield from watched(work, stop)
    desk.keep_file(target)
    notes = [*painted.notes, *([painted.damage] if painted.damage else [])]
    caption = f"{painted.frames} frames, {painted.seconds:.1f} seconds"
    note = "; ".join(notes) or None
    return Finished(file=target, shown=target, caption=caption, note=note)


def look_at_frames(
    desk: Desk,
    clip: FileName | None,
    styles: Sequence[str],
    config: StylizeConfig,
    video: VideoConfig,
    *,
    stop: threading.Event,
) -> Work:
    """Paint a few frames of a film, to look at before minutes of painting.

    Args:
        desk, clip, styles, config, video, stop: See ``paint_film``.
    """
    source = need(clip, what="a film")

    def work(tell: Tell) -> Picture:
        tell(Progress(words="a few frames"))
        sheet = preview_sheet(desk.stylizer, source, style=styles, config=config, video=video)
        return read_picture(np.asarray(sheet))

    sheet = yield from watched(work, stop)
    return desk.hang(sheet, desk.place(source, "frames", ".png"), caption="a few frames")
