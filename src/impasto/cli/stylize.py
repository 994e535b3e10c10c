"""``impasto stylize``: photographs to paintings."""

import dataclasses
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.cli.output import check_stdout, complain, exit_code_of, print_json, progress_bar
from impasto.cli.startup import quick_start
from impasto.errors import ImpastoError, InputError
from impasto.images.formats import is_picture_path
from impasto.inference.plan import STREAM, Job, plan
from impasto.inference.settings import StylizeConfig
from impasto.runtime import Precision

if TYPE_CHECKING:
    from impasto.inference.batch import Painted
    from impasto.inference.stylize import Stylizer


def stylize(
    paths: list[str],
    *,
    style: list[str] | None = None,
    settings: StylizeConfig,
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
        paths: Photographs or folders of them; - reads standard input.
        style: Names of styles (impasto styles list), style files or pictures. A model that has
            learned one style alone needs none.
        settings: How the painting looks.
        mask: One picture per style, of any size: white where that style paints; what no mask
            covers stays the photograph.
        model: swift, or the .safetensors file of a painter you trained.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: Numbers to compute with; auto is bfloat16 where that is faster.
        output: A file, a folder for several photographs, or - for standard output.
        format: Of the paintings, such as jpg. Default: by the ending of -o FILE, or png.
        pyramid: Let a .tif hold itself at smaller sizes, too, as viewers want it; -o NAME.dzi is
            a Deep Zoom pyramid in any case. Needs the extra giga.
        resume: Go on with large paintings that were interrupted at their last finished strip.
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
    """
    check_stdout(paths, output, json)
    if not style and model == "swift":
        raise InputError(
            "impasto stylize needs --style: "
            "impasto stylize photo.jpg --style great-wave -o out.png."
        )
    style = style or []
    names = [style_label(name) for name in style] or [Path(model).stem]
    jobs = plan(
        paths,
        output=output,
        label="-".join(names),
        format=format,
        overwrite=overwrite,
        inputs=[*style, *(mask or [])],
    )
    facts = {"styles": names, "seed": settings.seed}
    report = Report(facts=facts, quiet=json or jobs[0].output == STREAM)
    if dry_run:
        records: Iterable[Painted | Planned] = map(_planned, jobs)
    else:
        stylizer = _load(model, device, precision)
        records = _paint(
            stylizer, jobs, style, mask, settings, overwrite=overwrite, pyramid=pyramid,
            resume=resume,
        )  # fmt: skip
    with progress_bar("painting", len(jobs)) as show:
        for done, record in enumerate(records, start=1):
            report.add(record)
            show(done)
    return report.close(json=json, dry=dry_run)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Planned:
    """What a dry run knows of a picture; the first fields of ``Painted``."""

    content: str
    output: str
    error: ImpastoError | None = None


def _planned(job: Job) -> Planned:
    return Planned(content=job.content, output=job.output, error=job.error)


def _load(model: str, device: str, precision: str) -> "Stylizer":
    # Imported late: whatever is wrong with the words is said before the seconds of torch.
    with quick_start():
        from impasto.api import load

    return load(model, device=device, precision=precision)


def _paint(
    stylizer: "Stylizer",
    jobs: list[Job],
    style: list[str],
    mask: list[str] | None,
    settings: StylizeConfig,
    **choices: bool,
) -> "Iterator[Painted]":
    from impasto.inference.batch import Streams
    from impasto.inference.many import must_stream, paint_each

    streaming = STREAM in (jobs[0].content, jobs[0].output)
    large = len(jobs) == 1 and must_stream(
        jobs[0], pyramid=choices["pyramid"], resume=choices["resume"]
    )
    with progress_bar("painting tiles", None if large else 1) as show:
        yield from paint_each(
            stylizer,
            jobs,
            style=style,
            mask=mask,
            config=settings,
            streams=Streams(sys.stdin.buffer, sys.stdout.buffer) if streaming else None,
            on_tile=show if large else None,
            **choices,
        )


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
        if not (self.quiet or record.error or sys.stdout.isatty()):
            print(record.output, flush=True)

    def close(self, *, json: bool, dry: bool) -> int:
        """Print what is left to say; the exit code."""
        failed = [record for record in self.records if record.error]
        if json:
            print_json(self._document(dry))
        elif not self.quiet and sys.stdout.isatty():
            for record in self.records:
                if not record.error:
                    print(record.output)
        for record in self.records:
            if note := getattr(record, "note", None):
                complain(f"{record.content}: {note}.")
        for record in failed:
            text = str(record.error)
            complain(text if record.content in text else f"{record.content}: {text}")
        if failed and len(self.records) > 1:
            done = len(self.records) - len(failed)
            complain(f"{done} painted, {len(failed)} not.")
        return exit_code_of([record.error for record in failed if record.error])

    def _document(self, dry: bool) -> dict[str, Any]:
        pictures = []
        for record in self.records:
            fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
            error = fields.pop("error")
            fields["error"] = (
                {"kind": type(error).__name__, "message": str(error)} if error else None
            )
            if "seconds" in fields:
                fields["seconds"] = round(fields["seconds"], 4)
            pictures.append(fields | dict(self.facts))
        seconds = round(time.perf_counter() - self.start, 3)
        return {"pictures": pictures, "seconds": seconds} | ({"dry_run": True} if dry else {})


def style_label(style: str) -> str:
    """How a style is called in the names of files: a picture's name without its ending."""
    return Path(style).stem if is_picture_path(style) or Path(style).exists() else style
