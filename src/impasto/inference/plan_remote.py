"""Which picture goes where, when pictures or paintings lie in buckets or on other machines.

Reading order: plan_remote, then what it asks. ``plan.py`` has the rules for paths.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from impasto.errors import ImpastoError, InputError, OutputError
from impasto.images.files import open_to_read
from impasto.images.formats import PYRAMID_SUFFIX, choose_format, find_pictures, is_picture_path
from impasto.images.remote import (
    exists_remotely,
    find_remote,
    find_remote_pictures,
    is_remote,
    is_remote_folder,
    join,
)
from impasto.inference.plan import STREAM, Job, check_output, distinct, ending


def plan_remote(
    contents: Sequence[str],
    output: str | None,
    *,
    format: str | None,
    overwrite: bool,
    resume: bool,
    inputs: Iterable[str] = (),
) -> list[Job]:
    """Decide where each painting goes; see ``plan``.

    Raises:
        InputError: The wishes contradict one another, or there is no picture.
        OutputError: The only picture cannot go where it should.
        MissingExtraError: A package for such addresses is not installed.
    """
    if output is None:
        raise InputError("pictures at addresses such as s3:// need a place: add -o FOLDER.")
    folders = [content for content in contents if _is_folder(content)]
    one = not folders and len(contents) == 1
    if one and (output == STREAM or (Path(output).suffix and not _is_folder(output))):
        jobs = [Job(content=contents[0], output=output, format=format)]
    elif output == STREAM or STREAM in contents:
        raise InputError("a stream is one picture; give one picture to it, or -o FOLDER.")
    elif is_picture_path(output) and not _is_folder(output):
        raise InputError(f"several pictures need a folder; got -o {output}, give -o FOLDER.")
    else:
        jobs = _into(contents, folders, output, format)
    taken = {*inputs, *(job.content for job in jobs)}
    there = _those_there(jobs, output)
    jobs = [_checked(job, taken, there, overwrite, resume) for job in jobs]
    if one and jobs[0].error:
        raise jobs[0].error
    return jobs


def _is_folder(path: str) -> bool:
    if path == STREAM:
        return False
    if not is_remote(path):
        return Path(path).is_dir()
    return path.endswith("/") or (not is_picture_path(path) and is_remote_folder(path))


def _into(
    contents: Sequence[str], folders: Sequence[str], output: str, chosen: str | None
) -> list[Job]:
    """Names and structure are kept; each job's output is planned inside the folder first."""
    jobs = []
    for content in contents:
        if content not in folders:
            jobs.append(_named(content, content.rpartition("/")[2], chosen))
            continue
        # Two folders may hold the same names; each keeps its own.
        above = content.rstrip("/").rpartition("/")[2] + "/" if len(folders) > 1 else ""
        inside = _part_below(output, content)
        if inside == "":
            raise InputError(f"{output} is the folder of the photographs; choose another for -o.")
        for name in _pictures(content):
            if inside is None or not name.startswith(f"{inside}/"):
                jobs.append(_named(join(content, name), above + name, chosen))
    if not jobs:
        raise InputError(f"there is no picture in {contents[0]} that is not in {output}.")
    placed = distinct(jobs)
    return [replace(job, output=join(output, Path(job.output).as_posix())) for job in placed]


def _named(content: str, name: str, chosen: str | None) -> Job:
    return Job(content=content, output=str(Path(name).with_suffix(ending(chosen))))


def _pictures(folder: str) -> list[str]:
    if is_remote(folder):
        return find_remote_pictures(folder)
    found = [path.relative_to(folder).as_posix() for path in find_pictures(folder)]
    if not found:
        raise InputError(f"there is no picture in {folder}.")
    return found


def _part_below(path: str, folder: str) -> str | None:
    """The part of an address below a folder's; "" for the folder itself, None for neither."""
    path, folder = path.rstrip("/"), folder.rstrip("/")
    if path == folder:
        return ""
    return path[len(folder) + 1 :] if path.startswith(f"{folder}/") else None


def _those_there(jobs: Sequence[Job], output: str) -> set[str]:
    """Outputs that exist, by one look at their folder: a question per picture takes too long."""
    if not is_remote(output):
        return {job.output for job in jobs if Path(job.output).is_file()}
    if len(jobs) == 1:
        return {job.output for job in jobs if exists_remotely(job.output)}
    return {join(output, name) for name in find_remote(output)}


def _checked(job: Job, taken: set[str], there: set[str], overwrite: bool, resume: bool) -> Job:
    try:
        if not is_remote(job.content) and job.content != STREAM:
            open_to_read(Path(job.content)).close()
        if job.output == STREAM:
            return job
        if Path(job.output).suffix.lower() == PYRAMID_SUFFIX and is_remote(job.output):
            raise InputError(
                f"a pyramid is a folder of tiles and is written on this machine only; got "
                f"{job.output}."
            )
        choose_format(job.format, job.output)
        if job.output in taken:
            raise InputError(
                f"{job.output} is read by this command and would be lost; choose another -o."
            )
        if resume and job.output in there:
            return replace(job, kept=True)
        if not is_remote(job.output):
            check_output(job.output, overwrite=overwrite)
        elif job.output in there and not overwrite:
            raise OutputError(
                f"{job.output} exists already; choose another name or allow --overwrite."
            )
    except ImpastoError as error:
        return replace(job, error=error)
    return job
