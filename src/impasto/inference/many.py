"""Pictures of all sizes: the small ones through the pipeline, the largest strip by strip.

Reading order: paint_each, must_stream.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path

from impasto.errors import ImageTooLargeError, ImpastoError, MissingExtraError, ResourceError
from impasto.images.formats import PYRAMID_SUFFIX
from impasto.images.giga import GigaPicture, vips
from impasto.images.io import Picture, Source, read_picture
from impasto.images.remote import is_remote
from impasto.images.resize import Size
from impasto.images.strips import Unfinished, same_key
from impasto.inference.batch import Streams, paint_all
from impasto.inference.giga import paint_file
from impasto.inference.manifest import Manifest, Painted
from impasto.inference.many_settings import ManyConfig
from impasto.inference.plan import STREAM, Job
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import StyleSource, Stylizer, masks_of
from impasto.inference.tiled import OnTile
from impasto.methods.base import Statistics
from impasto.weights.registry import digest_of

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
    many: ManyConfig | None = None,
    overwrite: bool = False,
    streams: Streams | None = None,
    pyramid: bool = False,
    resume: bool = False,
    on_tile: OnTile | None = None,
) -> Iterator[Painted]:
    """Paint pictures; one that fails does not stop the others.

    Args:
        stylizer, jobs, style, mask, config, overwrite, streams: See ``paint_all``.
        many: How many are painted at once, and where their manifest is; its ``engine`` is not
            looked at: this is the local one.
        pyramid, resume: See ``paint_file``.
        on_tile: Told of every tile of pictures that are painted strip by strip.

    Yields:
        One record per job, in their order.

    Raises:
        ImpastoError: Styles, masks or settings that do not fit, before any picture is painted.
    """
    config, many = config or StylizeConfig(), many or ManyConfig()
    statistics = stylizer.statistics_of(style, style_scale=config.style_scale)
    masks = [read_picture(m) for m in masks_of(mask, len(statistics))]
    manifest, key = None, ""
    if many.manifest is not None:
        manifest, key = Manifest(many.manifest), key_of(stylizer, statistics, masks, config)
        jobs = manifest.settled(jobs, key, overwrite=overwrite)
    small = partial(
        paint_all,
        stylizer,
        style=statistics,
        mask=masks or None,
        config=config,
        many=many,
        overwrite=overwrite,
        streams=streams,
    )
    large = partial(
        paint_file,
        stylizer,
        style=statistics,
        mask=masks or None,
        config=config,
        pyramid=pyramid,
        resume=resume,
        overwrite=overwrite,
        on_tile=on_tile,
    )

    def is_large(job: Job) -> bool:
        return must_stream(job, pyramid=pyramid, resume=resume)

    records = _in_order(jobs, is_large, small, large)
    yield from records if manifest is None else manifest.noting(records, key)


def _in_order(
    jobs: Sequence[Job],
    is_large: Callable[[Job], bool],
    small: Callable[[Sequence[Job]], Iterator[Painted]],
    large: Callable[[str, str], Size],
) -> Iterator[Painted]:
    """Runs of small pictures through the pipeline, each large one by itself."""
    for alone, run in groupby(jobs, is_large):
        if alone:
            for job in run:
                yield _record(job, partial(large, job.content, job.output))
        else:
            yield from map(_with_advice, small(list(run)))


def key_of(
    stylizer: Stylizer,
    statistics: Sequence[Statistics],
    masks: Sequence[Picture],
    config: StylizeConfig,
) -> str:
    """What must be the same for paintings of two runs to belong together."""
    wishes = (config.alpha, config.style_weights, config.keep_color, config.seed)
    pixels = [mask.pixels for mask in masks]
    return same_key([stylizer.painter.digest, list(statistics), pixels, wishes])


def _record(job: Job, paint: Callable[[], Size]) -> Painted:
    start = time.perf_counter()
    record = Painted(content=job.content, output=job.output)
    try:
        height, width = paint()
        digest = digest_of(job.output)
        record = replace(record, height=height, width=width, sha256=digest)
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
    if job.error or job.kept or STREAM in (job.content, job.output):
        return False
    if is_remote(job.content) or is_remote(job.output):
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
