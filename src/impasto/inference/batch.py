"""Many pictures: the next is read and the last written while one is painted.

Reading order: paint_all (the pipeline), Painted (what is known of each picture).
"""

import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar

import torch

from impasto.errors import ImpastoError, ResourceError
from impasto.images.io import Picture, Source, read_picture, write_picture
from impasto.inference.plan import STREAM, Job
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import StyleSource, Stylizer, masks_of, normalized_weights

_Paint = Callable[[Picture], Picture]
_Result = TypeVar("_Result")


@dataclass(frozen=True, kw_only=True)
class Painted:
    """What became of one picture."""

    content: str
    output: str
    height: int = 0
    """Pixels; 0 when it could not be read."""
    width: int = 0
    seconds: float = 0.0
    """Reading, painting and writing together; for several pictures these overlap."""
    note: str | None = None
    """What the reader says about the photograph, such as "first of 12 frames"."""
    error: ImpastoError | None = None


@dataclass(frozen=True)
class Streams:
    """What stands for STREAM."""

    source: BinaryIO
    target: BinaryIO


def paint_all(
    stylizer: Stylizer,
    jobs: Sequence[Job],
    *,
    style: StyleSource | Sequence[StyleSource],
    mask: "Source | Sequence[Source] | None" = None,
    config: StylizeConfig | None = None,
    overwrite: bool = False,
    streams: Streams | None = None,
) -> Iterator[Painted]:
    """Paint pictures one after the other; one that fails does not stop the others.

    At most three are in memory: the one being read, the one being painted, the one being written.

    Args:
        stylizer: Who paints.
        jobs: From where to where; see ``plan``.
        style: See Stylizer.stylize; looked at once.
        mask: See Stylizer.stylize; read once and fitted to each picture.
        config: Settings of all pictures.
        overwrite: Whether existing files may be replaced.
        streams: Needed when a job reads or writes STREAM.

    Yields:
        One record per job, in their order, as soon as it is written or has failed.

    Raises:
        ImpastoError: Styles, masks or settings that do not fit, before any picture is painted.
    """
    config = config or StylizeConfig()
    statistics = stylizer.statistics_of(style, style_scale=config.style_scale)
    normalized_weights(config.style_weights, len(statistics))
    masks = [read_picture(m) for m in masks_of(mask, len(statistics))]
    pipeline = _Pipeline(streams, overwrite)

    def paint(picture: Picture) -> Picture:
        return stylizer.stylize(picture, statistics, mask=masks or None, config=config)

    return pipeline.run(jobs, paint)


def run_jobs(
    jobs: Sequence[Job],
    paint: Callable[[Picture], Picture],
    *,
    overwrite: bool = False,
    streams: Streams | None = None,
) -> Iterator[Painted]:
    """The pipeline of ``paint_all`` for whatever makes a picture of a picture.

    Args:
        jobs: From where to where; see ``plan``.
        paint: What is done between reading and writing.
        overwrite: Whether existing files may be replaced.
        streams: Needed when a job reads or writes STREAM.

    Yields:
        One record per job, in their order, as soon as it is written or has failed.
    """
    return _Pipeline(streams, overwrite).run(jobs, paint)


class _Pipeline:
    """A thread that reads, a thread that writes, and the caller's between them."""

    def __init__(self, streams: Streams | None, overwrite: bool) -> None:
        self.streams, self.overwrite = streams, overwrite

    def run(self, jobs: Sequence[Job], paint: _Paint) -> Iterator[Painted]:
        reader = ThreadPoolExecutor(1, "impasto-read")
        writer = ThreadPoolExecutor(1, "impasto-write")
        writing: Future[Painted] | None = None
        try:
            reading = [reader.submit(self._read, job) for job in jobs[:1]]
            for index, job in enumerate(jobs):
                picture, record = reading.pop().result()
                reading += [reader.submit(self._read, j) for j in jobs[index + 1 : index + 2]]
                painted, record = self._paint(paint, picture, record)
                if writing is not None:
                    yield writing.result()
                writing = writer.submit(self._write, painted, job, record)
                del picture, painted
            if writing is not None:
                yield writing.result()
        finally:
            # What is being written is finished, so that no half of a file is left behind.
            reader.shutdown(wait=True, cancel_futures=True)
            writer.shutdown(wait=True)

    def _read(self, job: Job) -> tuple[Picture | None, Painted]:
        start = time.perf_counter()
        record = Painted(content=job.content, output=job.output, error=job.error)
        if job.error:
            return None, record
        try:
            picture = _guarded(job.content, lambda: read_picture(self._source(job)))
        except ImpastoError as error:
            return None, _with(record, start, error=error)
        height, width = picture.size
        return picture, _with(record, start, height=height, width=width, note=picture.note)

    def _paint(
        self, paint: _Paint, picture: Picture | None, record: Painted
    ) -> tuple[Picture | None, Painted]:
        if picture is None:
            return None, record
        start = time.perf_counter()
        try:
            painted = _guarded(record.content, lambda: paint(picture))
        except ImpastoError as error:
            return None, _with(record, start, error=error)
        return painted, _with(record, start)

    def _write(self, painted: Picture | None, job: Job, record: Painted) -> Painted:
        if painted is None:
            return record
        start = time.perf_counter()
        try:
            write_picture(painted, self._target(job), format=job.format, overwrite=self.overwrite)
        except ImpastoError as error:
            return _with(record, start, error=error)
        return _with(record, start)

    def _source(self, job: Job) -> Source:
        if job.content != STREAM:
            return job.content
        assert self.streams is not None, "a job that reads STREAM needs streams"
        return self.streams.source

    def _target(self, job: Job) -> str | BinaryIO:
        if job.output != STREAM:
            return job.output
        assert self.streams is not None, "a job that writes STREAM needs streams"
        return self.streams.target


def _guarded(name: str, work: Callable[[], _Result]) -> _Result:
    """Do some work on one picture; too little memory becomes a sentence about that picture."""
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        # torch has an exception of its own for CUDA's memory and none for the CPU's.
        if isinstance(error, RuntimeError) and not _is_about_memory(error):
            raise
        raise ResourceError(f"{name} does not fit in memory; make it smaller.") from error


def _is_about_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)


def _with(record: Painted, start: float, **changes: Any) -> Painted:
    seconds = record.seconds + time.perf_counter() - start
    return dataclasses.replace(record, seconds=seconds, **changes)
