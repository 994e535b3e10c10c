"""``impasto video``: films, animations, folders of frames and the camera, painted."""

import time
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.checks import check_range
from impasto.cli.output import complain, print_json, progress_bar
from impasto.cli.startup import quick_start
from impasto.errors import ImageError, InputError
from impasto.images.files import check_destination, open_to_read
from impasto.images.formats import choose_format
from impasto.inference.settings import StylizeConfig, VideoConfig
from impasto.inference.timeline import read_timeline
from impasto.runtime import Precision
from impasto.video.places import check_painted_clip

if TYPE_CHECKING:
    from impasto.inference.stylize import Stylizer
    from impasto.inference.video import PaintedClip


def video(
    clip: str | None = None,
    *,
    style: list[str] | None = None,
    settings: StylizeConfig,
    film: VideoConfig,
    preview: str | None = None,
    camera: bool = False,
    sound: bool = True,
    codec: str | None = None,
    rate: float | None = None,
    model: str = "swift",
    device: str = "auto",
    precision: Precision = "auto",
    output: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Paint a video, an animation or a folder of frames.

    Times, rotation, colour range and sound stay those of the clip. Without -o the painting comes
    next to it as NAME-painted with the same ending. What is finished survives an interruption;
    --resume goes on there.

    Args:
        clip: A video, a .gif, or a folder of pictures in the order of their names.
        style: One style or several; with times, such as great-wave@0 starry-night@10s, they change
            from one to the next.
        settings: How each frame looks.
        film: How steady frames are, and which are painted.
        preview: Paint a few frames only, and write them beside the photographs to this picture.
        camera: Show what the camera sees, painted, in a window; no CLIP and no -o then.
        sound: Keep the sound.
        codec: Encoder of the video, such as libx265. Default: by the ending.
        rate: Frames per second of a folder of pictures. Default: 24.
        model: A painter's name (impasto models list), or the .safetensors file of your own.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: Numbers to compute with; auto is bfloat16 where that is faster.
        output: A video (.mp4, .mov, .mkv, .webm, .avi ...), a .gif, or a folder of frames.
        resume: Go on with a painting that was interrupted.
        overwrite: Replace what exists; the clip itself is never overwritten.
        json: One JSON document on standard output instead of the path.

    Returns:
        The exit code; that of a damaged picture where the clip ended early.

    Raises:
        ImpastoError: What is wrong with the wishes or the clip.

    Examples:
        impasto video clip.mp4 --style great-wave -o painted.mp4
        impasto video clip.mp4 --style great-wave@0 monet.jpg@10s --steady 0.8 -o changing.mp4
    """
    if not style and model == "swift":
        raise InputError(
            "impasto video needs --style: impasto video clip.mp4 --style great-wave -o painted.mp4."
        )
    look: dict[str, Any] = {"style": style or [], "config": settings, "video": film}
    read_timeline(look["style"])
    load = partial(_load, model, device, precision)
    if camera:
        _check_camera_wishes(clip, output, preview)
        from impasto.cli.camera import show_camera

        return show_camera(load, look["style"], settings, film)
    if clip is None:
        raise InputError("impasto video needs a CLIP, or --camera.")
    if rate is not None:
        check_range("rate", rate, above=0.0, at_most=1000.0)
        look["rate"] = Fraction(rate).limit_denominator(1001)
    if not Path(clip).is_dir():
        open_to_read(Path(clip)).close()
    if preview is not None:
        choose_format(None, preview)
        check_destination(Path(preview), overwrite=overwrite)
        return _preview(load(), clip, preview, look, json=json)
    target = _target(clip, output, overwrite)
    how = {"codec": codec, "sound": sound, "resume": resume, "overwrite": overwrite}
    return _paint(load(), clip, target, look | how, json=json)


def _paint(
    stylizer: "Stylizer", clip: str, target: str, wishes: dict[str, Any], *, json: bool
) -> int:
    from impasto.inference.video import paint_clip

    start = time.perf_counter()
    with progress_bar("painting frames") as show:
        painted = paint_clip(stylizer, clip, target, on_frame=show, **wishes)
    return _report(clip, target, painted, time.perf_counter() - start, json=json)


def _check_camera_wishes(clip: str | None, output: str | None, preview: str | None) -> None:
    if clip is not None or output is not None or preview is not None:
        raise InputError("--camera shows a window; leave CLIP, -o and --preview out.")


def _target(clip: str, output: str | None, overwrite: bool) -> str:
    """Where the painting goes; whatever forbids it is said before torch is loaded."""
    path = Path(clip)
    if output is None:
        named = path.resolve() if path.is_dir() else path
        output = str(path.parent / f"{named.stem}-painted{'' if path.is_dir() else path.suffix}")
    check_painted_clip(output, overwrite=overwrite)
    if Path(output).resolve() == path.resolve():
        raise InputError(f"{output} is read by this command and would be lost; choose another -o.")
    return output


def _load(model: str, device: str, precision: str) -> "Stylizer":
    # Imported late: whatever is wrong with the words is said before the seconds of torch.
    with quick_start():
        from impasto.api import load

    return load(model, device=device, precision=precision)


def _preview(
    stylizer: "Stylizer", clip: str, preview: str, look: dict[str, Any], *, json: bool
) -> int:
    import numpy as np

    from impasto.images.io import read_picture, write_picture
    from impasto.inference.video import preview_sheet

    sheet = preview_sheet(stylizer, clip, **look)
    write_picture(read_picture(np.asarray(sheet)), preview)
    if json:
        print_json({"clip": clip, "preview": preview})
    else:
        print(preview)
    return 0


def _report(clip: str, target: str, painted: "PaintedClip", seconds: float, *, json: bool) -> int:
    if json:
        print_json(
            {
                "clip": clip,
                "output": target,
                "frames": painted.frames,
                "height": painted.size[0],
                "width": painted.size[1],
                "length": round(painted.seconds, 3),
                "cuts": painted.cuts,
                "notes": list(painted.notes),
                "damage": painted.damage,
                "seconds": round(seconds, 3),
            }
        )
    else:
        print(target)
    for note in painted.notes:
        complain(f"{target}: {note}.")
    if painted.damage:
        complain(f"{painted.damage.rstrip('.')}; the {painted.frames} frames before are painted.")
        return ImageError.exit_code
    return 0
