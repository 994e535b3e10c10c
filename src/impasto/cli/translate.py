"""``impasto translate``: pictures of one kind to pictures of another."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.output import check_stdout, progress_bar
from impasto.cli.startup import quick_start
from impasto.cli.stylize import Planned, Report
from impasto.inference.plan import STREAM, Job, plan
from impasto.inference.translate_settings import TranslateConfig
from impasto.kinds import Noise
from impasto.runtime import Precision

if TYPE_CHECKING:
    from impasto.inference.manifest import Painted
    from impasto.inference.translate import Translator


def translate(
    paths: list[str],
    *,
    model: str,
    settings: TranslateConfig,
    noise: Noise | None = None,
    device: str = "auto",
    precision: Precision = "auto",
    output: str | None = None,
    format: str | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Turn pictures of one kind into another, by a model of pix2pix or CycleGAN.

    Sizes and transparency are kept. Without -o a result comes next to its picture as
    NAME-MODEL.png; several pictures and folders go to -o FOLDER, names and structure kept.

    Args:
        paths: Pictures or folders of them; - reads standard input.
        model: The folder of a run, its .safetensors file, a .pth generator of
            pytorch-CycleGAN-and-pix2pix, or OWNER/NAME on the Hugging Face hub.
        settings: How pictures are translated.
        noise: on translates as the network learned, with dropout and by the picture's own
            statistics; off lets nothing be random. Default: on where there is noise to be had.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: Numbers to compute with; auto is bfloat16 where that is faster.
        output: A file, a folder for several pictures, or - for standard output.
        format: Of the results, such as jpg. Default: by the ending of -o FILE, or png.
        overwrite: Replace pictures that exist; an input is never overwritten.
        dry_run: Say which files would be written, and write none.
        json: One JSON document on standard output instead of paths.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes, or with the only picture.

    Examples:
        impasto translate plan.png --model runs/pix2pix -o facade.png
        impasto translate horses --model runs/cyclegan --direction a2b -o zebras
    """
    check_stdout(paths, output, json)
    label = Path(model).stem or "translated"
    jobs = plan(paths, output=output, label=label, format=format, overwrite=overwrite)
    quiet = json or jobs[0].output == STREAM
    facts: dict[str, object] = {
        "model": model, "direction": settings.direction, "noise": noise,
        "strength": settings.strength, "seed": settings.seed,
    }  # fmt: skip
    if dry_run:
        planned = [Planned(content=j.content, output=j.output, error=j.error) for j in jobs]
        records: Iterable[Painted | Planned] = planned
    else:
        translator = _load(model, noise, device, precision)
        translator.check_direction(settings.direction)
        painter = translator.painter
        facts["noise"] = "on" if painter.noise else "off"  # what was done, not what was typed
        facts["direction"] = settings.direction or painter.directions[0]
        records = _translated(translator, jobs, settings, overwrite)
    report = Report(facts=facts, quiet=quiet)
    with progress_bar("translating", len(jobs)) as show:
        for done, record in enumerate(records, start=1):
            report.add(record)
            show(done)
    return report.close(json=json, dry=dry_run)


def _load(model: str, noise: Noise | None, device: str, precision: str) -> "Translator":
    # Imported late: whatever is wrong with the words is said before the seconds of torch.
    with quick_start():
        from impasto.inference.translate import prepare

    return prepare(model, noise=noise, device=device, precision=precision)


def _translated(
    translator: "Translator", jobs: list[Job], settings: TranslateConfig, overwrite: bool
) -> "Iterator[Painted]":
    from impasto.inference.batch import Streams, run_jobs

    streaming = STREAM in (jobs[0].content, jobs[0].output)
    return run_jobs(
        jobs,
        lambda picture: translator.translate(picture, settings),
        overwrite=overwrite,
        streams=Streams(sys.stdin.buffer, sys.stdout.buffer) if streaming else None,
    )
