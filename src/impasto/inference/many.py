"""Pictures of all sizes: the small ones through the pipeline, the largest strip by strip.

Reading order: paint_each, must_stream.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from impasto.errors import ImageTooLargeError, ImpastoError, MissingExtraError, ResourceError
from impasto.images.formats import PYRAMID_SUFFIX
from impasto.images.giga import GigaPicture, vips
from impasto.images.io import Source
from impasto.images.resize import Size
from impasto.images.strips import Unfinished
from impasto.inference.batch import Painted, Streams, paint_all
from impasto.inference.giga import paint_file
from impasto.inference.plan import STREAM, Job
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import StyleSource, Stylizer
from impasto.inference.tiled import OnTile

STREAMED_FROM = 50_000_000
"""Pixels from which a picture is not taken into memory: as floats it would be 600 MB, twice."""

_SMALL_FILE = 4_000_000
"""Bytes up to which no file is asked how many pixels it has."""


def paint_each(
    stylizer: Stylizer,
    jobs: Sequence[Job],
    *,
    style: StyleSource | Sequence[StyleSource],
    mask: "Source | Sequence[Source] | None" = None,
    config: StylizeConfig | None = None,
    overwrite: bool = False,
    streams: Streams | None = None,
    pyramid: bool = False,
    resume: bool = False,
    on_tile: OnTile | None = None,
) -> Iterator[Painted]:
    """Paint pictures; one that fails does not stop the others.

    Args:
        stylizer, jobs, style, mask, config, overwrite, streams: See ``paint_all``.
        pyramid, resume: See ``paint_file``.
        on_tile: Told of every tile of pictures that are painted strip by strip.

    Yields:
        One record per job, in their order.

    Raises:
        ImpastoError: Styles, masks or settings that do not fit, before any picture is painted.
    """
    config = config or StylizeConfig()
    statistics = stylizer.statistics_of(style, style_scale=config.style_scale)
    waiting: list[Job] = []

    def flush() -> Iterator[Painted]:
        for record in paint_all(
            stylizer,
            waiting,
            style=statistics,
            mask=mask,
            config=config,
            overwrite=overwrite,
            streams=streams,
        ):
            yield _with_advice(record)
        waiting.clear()

    for job in jobs:
        if job.error or not must_stream(job, pyramid=pyramid, resume=resume):
            waiting.append(job)
            continue
        yield from flush()
        large = partial(
            paint_file,
            stylizer,
            job.content,
            job.output,
            style=statistics,
            mask=mask,
            config=config,
            pyramid=pyramid,
            resume=resume,
            overwrite=overwrite,
            on_tile=on_tile,
        )
        yield _record(job, large)
    yield from flush()


def _record(job: Job, paint: Callable[[], Size]) -> Painted:
    start = time.perf_counter()
    record = Painted(content=job.content, output=job.output)
    try:
        height, width = paint()
        record = replace(record, height=height, width=width)
    except ImpastoError as error:
        record = replace(record, error=error)
    return replace(record, seconds=time.perf_counter() - start)


def must_stream(job: Job, *, pyramid: bool = False, resume: bool = False) -> bool:
    """Whether a picture is painted strip by strip.

    Args:
        job: From where to where.
        pyramid: Whether smaller sizes are wanted in the file, too.
        resume: Whether what an earlier run left behind may be gone on with.
    """
    if STREAM in (job.content, job.output):
        return False
    output = Path(job.output)
    if pyramid or output.suffix.lower() == PYRAMID_SUFFIX:
        return True
    if resume and Unfinished.folder_of(output).is_dir():
        return True
    if Path(job.content).stat().st_size <= _SMALL_FILE:
        return False
    try:
        vips()
        height, width = GigaPicture(job.content).size
    except ImpastoError:
        return False  # Pillow may read it, or will say what is wrong
    return height * width >= STREAMED_FROM


def _with_advice(record: Painted) -> Painted:
    """What to install, where that would have helped."""
    if not isinstance(record.error, (ImageTooLargeError, ResourceError)):
        return record
    try:
        vips()
    except MissingExtraError as missing:
        text = f"{str(record.error).rstrip('.')}, and {str(missing)[0].lower()}{str(missing)[1:]}"
        return replace(record, error=type(record.error)(text))
    return record
