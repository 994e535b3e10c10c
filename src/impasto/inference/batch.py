"""Many pictures: the next are read and the last written while others are painted.

Reading order: paint_all, run_jobs (the same for whatever makes pictures), _Pipeline.
"""

import hashlib
import io
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import torch

from impasto.errors import ImpastoError, ResourceError
from impasto.images.formats import choose_format
from impasto.images.io import Picture, Source, read_picture, write_picture
from impasto.images.remote import is_remote, read_remote, write_remote
from impasto.inference.manifest import Painted
from impasto.inference.many_settings import ManyConfig
from impasto.inference.plan import STREAM, Job
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import StyleSource, Stylizer, masks_of, normalized_weights
from impasto.inference.together import paint_together
from impasto.weights.registry import digest_of

_Paint = Callable[[list[Picture]], list[Picture]]
_Result = TypeVar("_Result")

_THREADS_BESIDE_A_CARD = 4
"""A processor paints with all its cores; beside a graphics card they have little else to do."""


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
    many: ManyConfig | None = None,
    overwrite: bool = False,
    streams: Streams | None = None,
) -> Iterator[Painted]:
    """Paint pictures in their order; one that fails does not stop the others.

    In memory are those being painted, at most as many being read or waiting for their turn, and
    as many being written: three pictures where one is painted at a time with one thread each.

    Args:
        stylizer: Who paints.
        jobs: From where to where; see ``plan``.
        style: See Stylizer.stylize; looked at once.
        mask: See Stylizer.stylize; read once and fitted to each picture.
        config: Settings of all pictures.
        many: How many are read, painted and written at once.
        overwrite: Whether existing files may be replaced.
        streams: Needed when a job reads or writes STREAM.

    Yields:
        One record per job, in their order, as soon as it is written or has failed.

    Raises:
        ImpastoError: Styles, masks or settings that do not fit, before any picture is painted.
    """
    config, many = config or StylizeConfig(), many or ManyConfig()
    statistics = stylizer.statistics_of(style, style_scale=config.style_scale)
    normalized_weights(config.style_weights, len(statistics))
    masks = [read_picture(m) for m in masks_of(mask, len(statistics))]
    beside_a_card = stylizer.painter.device.type != "cpu"
    threads = many.threads or (_THREADS_BESIDE_A_CARD if beside_a_card else 1)
    pipeline = _Pipeline(streams, overwrite, batch=many.batch, threads=threads)

    def paint(pictures: list[Picture]) -> list[Picture]:
        return paint_together(stylizer, pictures, statistics, mask=masks or None, config=config)

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
    pipeline = _Pipeline(streams, overwrite)
    return pipeline.run(jobs, lambda pictures: [paint(picture) for picture in pictures])


class _Pipeline:
    """Threads that read, threads that write, and the caller's between them."""

    def __init__(
        self, streams: Streams | None, overwrite: bool, *, batch: int = 1, threads: int = 1
    ) -> None:
        self.streams, self.overwrite = streams, overwrite
        self.batch, self.threads = batch, threads

    def run(self, jobs: Sequence[Job], paint: _Paint) -> Iterator[Painted]:
        reader = ThreadPoolExecutor(self.threads, "impasto-read")
        writer = ThreadPoolExecutor(self.threads, "impasto-write")
        most = max(self.batch, self.threads)
        unread, reading, writing = iter(jobs), deque[Future[_Read]](), deque[Future[Painted]]()

        def read_ahead() -> None:
            for job in islice(unread, most - len(reading)):
                reading.append(reader.submit(self._read, job))

        try:
            for start in range(0, len(jobs), self.batch):
                group = jobs[start : start + self.batch]
                read_ahead()
                ready = [reading.popleft().result() for _ in group]
                read_ahead()
                painted = self._paint(paint, ready)
                del ready
                for job, one in zip(group, painted, strict=True):
                    while len(writing) >= most:
                        yield writing.popleft().result()
                    writing.append(writer.submit(self._write, one, job))
                del painted, one
            while writing:
                yield writing.popleft().result()
        finally:
            # What is being written is finished, so that no half of a file is left behind.
            reader.shutdown(wait=True, cancel_futures=True)
            writer.shutdown(wait=True)

    def _read(self, job: Job) -> "_Read":
        start = time.perf_counter()
        record = Painted(content=job.content, output=job.output, error=job.error, kept=job.kept)
        if job.error or job.kept:
            return _Read(None, record)
        try:
            picture = _guarded(job.content, lambda: read_picture(self._source(job)))
        except ImpastoError as error:
            return _Read(None, _with(record, _since(start), error=error))
        height, width = picture.size
        size = {"height": height, "width": width}
        return _Read(picture, _with(record, _since(start), note=picture.note, **size))

    def _paint(self, paint: _Paint, ready: list["_Read"]) -> list["_Read"]:
        """Those of equal size together, in the order in which they came."""
        painted = list(ready)
        by_size: dict[tuple[int, int], list[int]] = {}
        for place, one in enumerate(ready):
            if one.picture is not None:
                by_size.setdefault(one.picture.size, []).append(place)
        for places in by_size.values():
            made = _paint_equal(paint, [ready[place] for place in places])
            for place, one in zip(places, made, strict=True):
                painted[place] = one
        return painted

    def _write(self, painted: "_Read", job: Job) -> Painted:
        if painted.picture is None:
            return painted.record
        start = time.perf_counter()
        try:
            digest = self._put(painted.picture, job)
        except ImpastoError as error:
            return _with(painted.record, _since(start), error=error)
        return _with(painted.record, _since(start), sha256=digest)

    def _put(self, picture: Picture, job: Job) -> str | None:
        """Write a painting; the SHA-256 of the file, if it is one."""
        if is_remote(job.output):
            chosen = choose_format(job.format, job.output)
            buffer = io.BytesIO()
            write_picture(picture, buffer, format=chosen.suffixes[0])
            data = buffer.getvalue()
            write_remote(job.output, data, overwrite=self.overwrite)
            return hashlib.sha256(data).hexdigest()
        write_picture(picture, self._target(job), format=job.format, overwrite=self.overwrite)
        regular = job.output != STREAM and Path(job.output).is_file()
        return digest_of(job.output) if regular else None

    def _source(self, job: Job) -> Source:
        if job.content != STREAM:
            return read_remote(job.content) if is_remote(job.content) else job.content
        assert self.streams is not None, "a job that reads STREAM needs streams"
        return self.streams.source

    def _target(self, job: Job) -> str | BinaryIO:
        if job.output != STREAM:
            return job.output
        assert self.streams is not None, "a job that writes STREAM needs streams"
        return self.streams.target


@dataclass(frozen=True)
class _Read:
    """A picture on its way, and what is known of it."""

    picture: Picture | None
    """None when it was not to be had, or not to be painted."""
    record: Painted


def _paint_equal(paint: _Paint, ready: list[_Read]) -> list[_Read]:
    start, name = time.perf_counter(), ready[0].record.content
    pictures = [one.picture for one in ready if one.picture is not None]
    try:
        made = _guarded(name, lambda: paint(pictures))
    except ImpastoError as error:
        if len(ready) > 1:  # each has its own chance, and its own error
            return [painted for one in ready for painted in _paint_equal(paint, [one])]
        return [_Read(None, _with(ready[0].record, _since(start), error=error))]
    seconds = _since(start) / len(ready)
    return [_Read(p, _with(one.record, seconds)) for p, one in zip(made, ready, strict=True)]


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


def _since(start: float) -> float:
    return time.perf_counter() - start


def _with(record: Painted, seconds: float, **changes: Any) -> Painted:
    return replace(record, seconds=record.seconds + seconds, **changes)
