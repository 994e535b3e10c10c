"""``impasto dream``: what a network sees in a photograph, raised; as a picture or a video."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.checks import check_choice, check_range
from impasto.cli.output import check_stdout, complain, print_json, progress_bar
from impasto.cli.parser import Given
from impasto.cli.startup import quick_start
from impasto.errors import InputError
from impasto.images.files import open_to_read
from impasto.inference.plan import STREAM, Job, plan
from impasto.methods.deepdream.presets import NAMES, RECOMMENDED
from impasto.methods.deepdream.settings import DreamConfig
from impasto.video.places import check_clip

if TYPE_CHECKING:
    from impasto.images.io import Picture
    from impasto.inference.dreaming import Dreamer


def dream(
    picture: str,
    *,
    settings: Given[DreamConfig],
    network: str = "lite",
    preset: str = RECOMMENDED,
    guide: str | None = None,
    size: int | None = None,
    frames: int | None = None,
    zoom: float = 1.04,
    turn: float = 0.0,
    rate: float = 24.0,
    device: str = "auto",
    output: str | None = None,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Dream of a photograph: raise what a network sees in it.

    Settings that are not given come from the preset. Without -o the dream comes next to its
    photograph as NAME-dream.png. With --frames it becomes a fall into itself: an .mp4 (with the
    extra video), a .gif, or a folder of PNG pictures.

    Args:
        picture: A photograph; - reads standard input.
        settings: What is raised, and how.
        network: lite (comes with Impasto; textures), vgg16, vgg19, googlenet, inception-v3
            (fetched once; eyes and animals), or a file of weights of one of these.
        preset: recommended, or its authors' settings: deepdream-2015, gordicaleksa, neural-dream,
            ai-art.
        guide: A second picture, things of which are dreamt into the first.
        size: Long side of the dream in pixels. Default: the picture's, but at most 1024.
        frames: Make a video of so many frames.
        zoom: Of a video: how many times larger things are in the next frame.
        turn: Of a video: degrees by which the next frame is turned, counter-clockwise.
        rate: Of a video: frames per second.
        device: auto, cpu, cuda, cuda:1 or mps.
        output: A file, a folder for the frames of a video, or - for standard output.
        overwrite: Replace what exists; the photograph is never overwritten.
        json: One JSON document on standard output instead of the path.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes, the picture or the weights.

    Examples:
        impasto dream photo.jpg -o dream.png
        impasto dream photo.jpg --layers relu3_2 --steps 4 --frames 3 -o falling.gif
    """
    check_choice("preset", preset, NAMES)
    if frames is not None:
        check_range("frames", frames, at_least=1, at_most=1_000_000)
    inputs = [guide] if guide else []
    if frames is None:
        if (zoom, turn, rate) != (1.04, 0.0, 24.0):
            raise InputError("--zoom, --turn and --rate are of a video; add --frames N.")
        job = _plan(picture, output, inputs, overwrite=overwrite, json=json)
    else:
        job = _plan_video(picture, output, inputs, overwrite=overwrite)
    start = time.perf_counter()
    dreamer, photo = _load(job, network, preset, device, settings)
    looks: dict[str, Any] = {"guide": guide, "size": size}
    if frames is None:
        document = _picture(dreamer, photo, job, looks, overwrite)
    else:
        looks |= {"zoom": zoom, "turn": turn}
        document = _video(dreamer, photo, job, looks, frames, rate, overwrite)
    if json:
        about = {"network": network, "preset": preset, "layers": list(dreamer.config.layers)}
        seconds = round(time.perf_counter() - start, 3)
        print_json(document | about | {"seed": dreamer.config.seed, "seconds": seconds})
    elif job.output != STREAM:
        print(job.output)
    return 0


def _plan(
    picture: str, output: str | None, inputs: list[str], *, overwrite: bool, json: bool
) -> Job:
    """Where the dream goes; whatever forbids it is said before torch is loaded."""
    if Path(picture).is_dir():
        raise InputError(f"{picture} is a folder; dreams are of one picture, name a file in it.")
    check_stdout([picture], output, json)
    return plan([picture], output=output, label="dream", overwrite=overwrite, inputs=inputs)[0]


def _plan_video(picture: str, output: str | None, inputs: list[str], *, overwrite: bool) -> Job:
    if output in (None, STREAM):
        raise InputError("a video needs a place: add -o dream.mp4, dream.gif or a folder.")
    assert output is not None
    check_clip(output, overwrite=overwrite)
    files = [path for path in (picture, *inputs) if path != STREAM]
    for path in files:
        open_to_read(Path(path)).close()
    if Path(output).resolve() in [Path(path).resolve() for path in files]:
        raise InputError(f"{output} is read by this command and would be lost; choose another -o.")
    return Job(content=picture, output=output)


def _load(
    job: Job, network: str, preset: str, device: str, settings: dict[str, Any]
) -> "tuple[Dreamer, Picture]":
    # Imported late: whatever is wrong with the words is said before the seconds of torch.
    with quick_start():
        from impasto.images.io import read_picture
        from impasto.inference.dreaming import prepare

    photo = read_picture(sys.stdin.buffer if job.content == STREAM else job.content)
    return prepare(network, preset=preset, device=device, **settings), photo


def _picture(
    dreamer: "Dreamer", photo: "Picture", job: Job, looks: dict[str, Any], overwrite: bool
) -> dict[str, Any]:
    from impasto.images.io import write_picture

    losses: list[float] = []
    with progress_bar("dreaming") as show:

        def on_step(step: Any) -> None:
            show(step.index, step.steps)
            losses.append(-sum(step.losses.values()))

        dreamt = dreamer.dream(photo, on_step=on_step, **looks)
    target = sys.stdout.buffer if job.output == STREAM else job.output
    write_picture(dreamt, target, format=job.format, overwrite=overwrite)
    if dreamt.note:
        complain(f"{job.content}: {dreamt.note}.")
    height, width = dreamt.size
    strength = {"first": round(losses[0], 6), "last": round(losses[-1], 6)}
    return {
        "content": job.content,
        "output": job.output,
        "height": height,
        "width": width,
        "steps": len(losses),
        "strength": strength,
    }


def _video(
    dreamer: "Dreamer",
    photo: "Picture",
    job: Job,
    looks: dict[str, Any],
    count: int,
    rate: float,
    overwrite: bool,
) -> dict[str, Any]:
    from impasto.video.clip import write_clip

    with progress_bar("dreaming", count) as show:

        def shown() -> Any:
            for index, frame in enumerate(dreamer.frames(photo, count, **looks), start=1):
                yield frame
                show(index)

        written = write_clip(shown(), job.output, rate=rate, overwrite=overwrite)
    return {"content": job.content, "output": job.output, "frames": written}
