"""``impasto stylize``: photographs to paintings."""

import contextlib
import dataclasses
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli import startup
from impasto.cli.output import check_stdout, complain, exit_code_of, print_json, progress_bar
from impasto.cli.startup import quick_start
from impasto.errors import ImpastoError, InputError
from impasto.images.formats import is_picture_path
from impasto.inference.manifest import fields_of
from impasto.inference.many_settings import ManyConfig, RayConfig
from impasto.inference.plan import STREAM, Job, plan
from impasto.inference.settings import StylizeConfig
from impasto.runtime import Precision

if TYPE_CHECKING:
    from impasto.inference.manifest import Painted
    from impasto.inference.stylize import Stylizer


def stylize(
    paths: list[str],
    *,
    style: list[str] | None = None,
    settings: StylizeConfig,
    many: ManyConfig,
    ray: RayConfig,
    mask: list[str] | None = None,
    model: str = "swift",
    device: str = "auto",
    precision: Precision = "auto",
    output: str | None = None,
    format: str | None = None,
    pyramid: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    dry_run: bool = False,
    json: bool = False,
) -> int:
    """Paint photographs in one style or a mix of several.

    Without -o a painting comes next to its photograph as NAME-STYLE.png. Several photographs and
    folders (searched with all folders in them) go to -o FOLDER, names and structure kept. One
    that fails is named at the end, and the exit code is not 0; the others are painted.

    Args:
        paths: Photographs or folders of them, also at addresses such as s3://BUCKET/FOLDER (extra
            ray); - reads standard input.
        style: Names of styles (impasto styles list), style files or pictures. A model that has
            learned one style alone needs none.
        settings: How the painting looks.
        many: How many pictures are painted at once, and by whom.
        ray: The cluster, where one paints.
        mask: One picture per style, of any size: white where that style paints; what no mask
            covers stays the photograph.
        model: A painter's name (impasto models list), or the .safetensors file of your own.
        device: auto, cpu, cuda, cuda:1 or mps; auto paints one small picture on the processor.
        precision: Numbers to compute with; auto is bfloat16 where that is faster, and float32
            for one small picture.
        output: A file, a folder for several photographs, an address such as s3://BUCKET/FOLDER,
            or - for standard output.
        format: Of the paintings, such as jpg. Default: by the ending of -o FILE, or png.
        pyramid: Let a .tif hold itself at smaller sizes, too, as viewers want it; -o NAME.dzi is
            a Deep Zoom pyramid in any case. Needs the extra giga.
        resume: Go on where an earlier run stopped: keep the paintings that are there, and go on
            with large ones at their last finished strip.
        overwrite: Replace paintings that exist; a photograph is never overwritten.
        dry_run: Say which files would be written, and write none.
        json: One JSON document on standard output instead of paths.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes, or with the only picture.

    Examples:
        impasto stylize photo.jpg --style great-wave -o out.png
        impasto stylize holiday --style monet.jpg klee.jpg --style-weights 2 1 -o painted
        impasto stylize holiday --style monet.jpg -o painted --resume --manifest painted.jsonl
    """
    check_stdout(paths, output, json)
    _check(style, model, many, ray)
    style = style or []
    names = [style_label(name) for name in style] or [Path(model).stem]
    jobs = plan(
        paths,
        output=output,
        label="-".join(names),
        format=format,
        overwrite=overwrite,
        # Whether what is there may be kept rather than replaced, only a manifest can tell.
        resume=resume and (not overwrite or many.manifest is not None),
        inputs=[*style, *(mask or [])],
    )
    facts = {"styles": names, "seed": settings.seed}
    report = Report(facts=facts, quiet=json or jobs[0].output == STREAM)
    records: Iterable[Painted | Planned] = map(_planned, jobs)
    if not dry_run:
        wishes = {
            "style": style, "mask": mask, "config": settings, "many": many,
            "overwrite": overwrite, "pyramid": pyramid, "resume": resume,
        }  # fmt: skip
        painter = {"model": model, "device": device, "precision": precision}
        quick = _quickly(jobs, painter | wishes)
        records = [quick] if quick else _records(ray, painter, jobs, wishes)
    with progress_bar("painting", len(jobs)) as show:
        for done, record in enumerate(records, start=1):
            report.add(record)
            show(done)
    return report.close(json=json, dry=dry_run)


def _check(style: list[str] | None, model: str, many: ManyConfig, ray: RayConfig) -> None:
    if many.engine == "local" and ray != RayConfig():
        raise InputError(
            "--workers, --cpus, --gpus, --retries, --share and --cluster are for --engine ray; "
            "add it, or leave them out."
        )
    if not style and model == "swift":
        raise InputError(
            "impasto stylize needs --style: "
            "impasto stylize photo.jpg --style great-wave -o out.png."
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planned:
    """What a dry run knows of a picture; the first fields of ``Painted``."""

    content: str
    output: str
    kept: bool = False
    error: ImpastoError | None = None


def _planned(job: Job) -> Planned:
    return Planned(content=job.content, output=job.output, kept=job.kept, error=job.error)


def _quickly(jobs: list[Job], wishes: dict[str, Any]) -> "Painted | None":
    """The only picture painted without torch, where that can be done."""
    from impasto.inference.quick import is_quick, paint_quickly

    if not is_quick(jobs, **wishes):
        return None
    config: StylizeConfig = wishes["config"]
    return paint_quickly(
        jobs[0],
        wishes["style"][0],
        alpha=config.alpha,
        overwrite=wishes["overwrite"],
        own_process=startup.owned,
    )


def _records(
    ray: RayConfig, painter: dict[str, str], jobs: list[Job], wishes: dict[str, Any]
) -> "Iterator[Painted]":
    paint = partial(_paint_on_ray, ray) if wishes["many"].engine == "ray" else _paint
    return paint(_loading(**painter), jobs, wishes)


def _loading(model: str, device: str, precision: str) -> "Callable[[], Stylizer]":
    # Imported late: whatever is wrong with the words is said before the seconds of torch.
    with quick_start():
        from impasto.api import load

    return partial(load, model, device=device, precision=precision)


def _paint(
    load: "Callable[[], Stylizer]", jobs: list[Job], wishes: dict[str, Any]
) -> "Iterator[Painted]":
    from impasto.inference.batch import Streams
    from impasto.inference.many import must_stream, paint_each

    streaming = STREAM in (jobs[0].content, jobs[0].output)
    large = len(jobs) == 1 and must_stream(
        jobs[0], pyramid=wishes["pyramid"], resume=wishes["resume"]
    )
    stylizer = load()
    with progress_bar("painting tiles", None if large else 1) as show:
        yield from paint_each(
            stylizer,
            jobs,
            streams=Streams(sys.stdin.buffer, sys.stdout.buffer) if streaming else None,
            on_tile=show if large else None,
            **wishes,
        )


def _paint_on_ray(
    ray: RayConfig, load: "Callable[[], Stylizer]", jobs: list[Job], wishes: dict[str, Any]
) -> "Iterator[Painted]":
    from impasto.inference.cluster import paint_on_ray

    records = paint_on_ray(load, jobs, ray=ray, **wishes)
    while True:
        # Ray says where a worker died on standard output, which is for results.
        with contextlib.redirect_stdout(sys.stderr):
            record = next(records, None)
        if record is None:
            return
        yield record


class Report:
    """Says what became of each picture: paths on stdout, complaints at the end.

    Args:
        facts: What the JSON document says of every picture, such as its styles.
        quiet: Whether stdout is for something else than paths.
    """

    def __init__(self, *, facts: Mapping[str, object], quiet: bool) -> None:
        self.facts, self.quiet = facts, quiet
        self.records: list[Painted | Planned] = []
        self.start = time.perf_counter()

    def add(self, record: "Painted | Planned") -> None:
        """Take a picture that is done, and print its path where that does not cut through a bar."""
        self.records.append(record)
        if not (self.quiet or record.error or record.kept or sys.stdout.isatty()):
            print(record.output, flush=True)

    def close(self, *, json: bool, dry: bool) -> int:
        """Print what is left to say; the exit code."""
        failed = [record for record in self.records if record.error]
        if json:
            print_json(self._document(dry))
        elif not self.quiet and sys.stdout.isatty():
            for record in self.records:
                if not (record.error or record.kept):
                    print(record.output)
        for record in self.records:
            if note := getattr(record, "note", None):
                complain(f"{record.content}: {note}.")
        for record in failed:
            text = str(record.error)
            complain(text if record.content in text else f"{record.content}: {text}")
        kept = sum(record.kept for record in self.records)
        if kept or (failed and len(self.records) > 1):
            done = len(self.records) - len(failed) - kept
            there = f", {kept} there already" if kept else ""
            complain(f"{done} painted, {len(failed)} not{there}.")
        return exit_code_of([record.error for record in failed if record.error])

    def _document(self, dry: bool) -> dict[str, Any]:
        pictures = []
        for record in self.records:
            pictures.append(fields_of(record) | dict(self.facts))
        seconds = round(time.perf_counter() - self.start, 3)
        return {"pictures": pictures, "seconds": seconds} | ({"dry_run": True} if dry else {})


def style_label(style: str) -> str:
    """How a style is called in the names of files: a picture's name without its ending."""
    return Path(style).stem if is_picture_path(style) or Path(style).exists() else style
