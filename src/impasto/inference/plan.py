"""Which picture goes where, decided and checked before anything is painted.

Reading order: plan (all cases), Job (what comes out).
"""

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from impasto.errors import ImpastoError, InputError, OutputError
from impasto.images.files import check_destination, open_to_read
from impasto.images.formats import (
    PYRAMID_SUFFIX,
    choose_format,
    find_pictures,
    is_picture_path,
)
from impasto.images.remote import is_remote, local_form

STREAM = "-"
"""Instead of a path: standard input or output."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One picture to paint."""

    content: str
    """Path or address of the photograph, or STREAM."""

    output: str
    """Path or address of the painting, or STREAM."""

    format: str | None = None
    """Of the painting; None goes by the ending."""

    kept: bool = False
    """Whether the painting is there already, from an earlier run, and stays."""

    error: ImpastoError | None = None
    """Why it cannot be painted: found before any work."""


def plan(
    contents: Sequence[str],
    *,
    output: str | None = None,
    label: str = "painted",
    format: str | None = None,
    overwrite: bool = False,
    resume: bool = False,
    inputs: Iterable[str] = (),
) -> list[Job]:
    """Decide where each painting goes.

    One picture goes to the file ``output``, or under its own name into the folder ``output`` if
    that exists or ends with a slash. Several pictures, and folders, which are searched with all
    folders in them, need a folder: their names and their structure are kept. Without ``output`` a
    painting comes next to its photograph as NAME-LABEL.png; one of standard input goes to
    standard output. Addresses of fsspec (s3://...) need ``output``.

    Args:
        contents: Paths and addresses of pictures and folders, or STREAM.
        output: A file, a folder or STREAM.
        label: Goes into the names of paintings that come next to their photographs.
        format: "png" and so on; None takes the ending of ``output``, or png.
        overwrite: Whether existing files may be replaced.
        resume: Whether paintings that are there are those of an earlier run, to be kept.
        inputs: Paths of styles and masks, which must not be overwritten either.

    Returns:
        One job per picture. Of several, those that cannot be painted have an ``error``.

    Raises:
        InputError: The wishes contradict one another, or there is no picture.
        OutputError: The only picture cannot go where it should.
    """
    contents = [local_form(content) for content in dict.fromkeys(contents)]
    output = None if output is None else local_form(output)
    if any(map(is_remote, [*contents, output or ""])):
        from impasto.inference.plan_remote import plan_remote

        return plan_remote(
            contents, output, format=format, overwrite=overwrite, resume=resume, inputs=inputs
        )
    folders = [c for c in contents if c != STREAM and Path(c).is_dir()]
    if contents == [STREAM] and output is None:
        output = STREAM
    if output == STREAM:
        jobs = [_to_stream(contents, folders, format)]
    elif folders or len(contents) > 1:
        jobs = _many(contents, folders, output, label, format)
    else:
        jobs = [_one(contents[0], output, label, format)]
    taken = _identities([*inputs, *(job.content for job in jobs)])
    jobs = [_checked(job, taken, overwrite, resume) for job in distinct(jobs)]
    if len(jobs) == 1 and not folders and jobs[0].error:
        raise jobs[0].error
    return jobs


def _to_stream(contents: list[str], folders: list[str], chosen: str | None) -> Job:
    if folders or len(contents) != 1:
        raise InputError("only one picture fits into standard output; give -o FOLDER for several.")
    return Job(content=contents[0], output=STREAM, format=chosen or "png")


def _one(content: str, output: str | None, label: str, chosen: str | None) -> Job:
    if output is None:
        return _beside(content, label, chosen)
    if output.endswith(("/", os.sep)) or Path(output).is_dir():
        return _inside(content, Path(_name(content)), output, chosen)
    named = chosen and is_picture_path(output)
    if named and choose_format(chosen, None) != choose_format(None, output):
        raise InputError(
            f"the ending of {output} and --format {chosen} contradict each other; leave one out."
        )
    return Job(content=content, output=output, format=chosen)


def _many(
    contents: list[str], folders: list[str], output: str | None, label: str, chosen: str | None
) -> list[Job]:
    if STREAM in contents:
        raise InputError("standard input is one picture; paint it in a command of its own.")
    if output is None:
        if folders:
            raise InputError(f"the paintings of a folder need a place: add -o {label}/.")
        return [_beside(content, label, chosen) for content in contents]
    if is_picture_path(output) and not Path(output).is_dir():
        raise InputError(f"several pictures need a folder; got -o {output}, give -o FOLDER.")
    if Path(output).exists() and not Path(output).is_dir():
        raise OutputError(f"{output} is a file; several pictures need a folder: -o FOLDER.")
    jobs = []
    for content in contents:
        if content not in folders:
            jobs.append(_inside(content, Path(_name(content)), output, chosen))
            continue
        # Two folders may hold the same names; each keeps its own.
        above = Path(Path(content).resolve().name) if len(folders) > 1 else Path()
        for path in _pictures(content, output):
            jobs.append(_inside(str(path), above / path.relative_to(content), output, chosen))
    return jobs


def _pictures(folder: str, output: str) -> list[Path]:
    """The pictures in a folder, without the paintings that an earlier run put inside it."""
    inside, target = Path(folder).resolve(), Path(output).resolve()
    if inside == target:
        raise InputError(f"{output} is the folder of the photographs; choose another for -o.")
    found = find_pictures(folder)
    if target.is_relative_to(inside):
        found = [path for path in found if not path.resolve().is_relative_to(target)]
    if not found:
        raise InputError(f"there is no picture in {folder}.")
    return found


def _beside(content: str, label: str, chosen: str | None) -> Job:
    path = Path(content)
    return Job(content=content, output=str(path.with_name(f"{path.stem}-{label}{ending(chosen)}")))


def _inside(content: str, name: Path, output: str, chosen: str | None) -> Job:
    return Job(content=content, output=str(Path(output) / name.with_suffix(ending(chosen))))


def _name(content: str) -> str:
    return "stdin.png" if content == STREAM else Path(content).name


def ending(chosen: str | None) -> str:
    """With which a painting's name ends: that of the format chosen, or PNG's."""
    return "." + chosen.lower().lstrip(".") if chosen else ".png"


def distinct(jobs: list[Job]) -> list[Job]:
    """Photographs that differ in their ending alone, a.jpg and a.tif, get a-jpg.png, a-tif.png.

    Raises:
        InputError: Two have the very same name.
    """
    uses = Counter(job.output for job in jobs)
    renamed = []
    for job in jobs:
        if uses[job.output] > 1:
            path, kind = Path(job.output), Path(job.content).suffix.lower().lstrip(".")
            job = replace(job, output=str(path.with_stem(f"{path.stem}-{kind}")))
        renamed.append(job)
    seen: dict[str, str] = {}
    for job in renamed:
        other = seen.setdefault(job.output, job.content)
        if other != job.content:
            raise InputError(
                f"{other} and {job.content} would both become {job.output}; paint them in two "
                "commands, or give the folder that holds both."
            )
    return renamed


def _checked(job: Job, taken: set[tuple[int, int]], overwrite: bool, resume: bool) -> Job:
    try:
        if job.content != STREAM:
            open_to_read(Path(job.content)).close()
        if job.output != STREAM:
            if Path(job.output).suffix.lower() != PYRAMID_SUFFIX:
                choose_format(job.format, job.output)
            if _identities([job.output]) & taken:
                raise InputError(
                    f"{job.output} is read by this command and would be lost; choose another -o."
                )
            if resume and Path(job.output).is_file():
                return replace(job, kept=True)
            check_output(job.output, overwrite=overwrite)
    except (InputError, OutputError) as error:
        return replace(job, error=error)
    return job


def _identities(paths: Iterable[str]) -> set[tuple[int, int]]:
    """The files themselves, whatever links and spellings lead to them."""
    found = set()
    for path in paths:
        with contextlib.suppress(OSError, ValueError):
            status = os.stat(path)
            found.add((status.st_dev, status.st_ino))
    return found


def check_output(path: str, *, overwrite: bool) -> None:
    """Find out before any work whether a file of this machine can be written.

    Raises:
        OutputError: It exists and must not be replaced, or the folder above it that exists cannot
            be written to.
    """
    output = Path(path)
    check_destination(output, overwrite=overwrite)
    for folder in output.absolute().parents:
        if folder.is_dir():
            if not os.access(folder, os.W_OK | os.X_OK):
                raise OutputError(
                    f"{output} cannot be written: the permission is missing in {folder}; choose a "
                    "folder you may write to."
                )
            return
        if folder.exists():
            raise OutputError(
                f"{output} cannot be written: {folder} is a file; choose another folder."
            )
