"""Many pictures on many machines: what ``paint_each`` does, by the workers of a Ray cluster.

Ray Data deals out shares of the pictures and keeps one painter per worker; a worker reads, paints
and writes its share as a process alone would, so the paintings are the same. A worker that dies
is begun anew, for ever if Ray had its way; what is tried how often is our own count.

Reading order: paint_on_ray; what the workers do stands in ``painting_worker.py``.
"""

import contextlib
import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from impasto import errors
from impasto.errors import InputError, MissingExtraError, ResourceError
from impasto.images.io import Source, read_picture
from impasto.images.remote import is_remote
from impasto.inference.manifest import Manifest, Painted
from impasto.inference.many import key_of
from impasto.inference.many_settings import ManyConfig, RayConfig
from impasto.inference.painting_worker import Load, PaintingWorker, Wishes
from impasto.inference.plan import STREAM, Job
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import StyleSource, Stylizer, masks_of, normalized_weights
from impasto.inference.tally import SharedTally

_USAGE = "RAY_USAGE_STATS_ENABLED"


def paint_on_ray(
    load: Load,
    jobs: Sequence[Job],
    *,
    style: StyleSource | Sequence[StyleSource],
    mask: "Source | Sequence[Source] | None" = None,
    config: StylizeConfig | None = None,
    many: ManyConfig | None = None,
    ray: RayConfig | None = None,
    overwrite: bool = False,
    pyramid: bool = False,
    resume: bool = False,
) -> Iterator[Painted]:
    """Paint pictures by the workers of a Ray cluster; one that fails does not stop the others.

    Paths must mean the same files on all machines (a shared disk); addresses such as s3:// do.

    Args:
        load: Makes a painter; it is sent to the workers, so it must be a function of a module,
            or a ``functools.partial`` of one.
        jobs: From where to where; see ``plan``. Streams cannot be sent.
        style, mask, config, many, overwrite, pyramid, resume: See ``paint_each``.
        ray: The cluster and its workers.

    Yields:
        One record per job, in their order. The manifest has them in the order in which they come.

    Raises:
        MissingExtraError: The extra ``ray`` is not installed.
        ImpastoError: Styles, masks or settings that do not fit, before any picture is painted;
            workers that cannot begin.
    """
    library = _library()
    config, many, ray = config or StylizeConfig(), many or ManyConfig(), ray or RayConfig()
    if any(STREAM in (job.content, job.output) for job in jobs):
        raise InputError("a stream cannot be sent to other machines; leave --engine ray out.")
    wishes = _wishes(load(), style, mask, config, many, ray, pyramid=pyramid, resume=resume)
    manifest = None
    if many.manifest is not None:
        manifest = Manifest(many.manifest)
        jobs = manifest.settled(jobs, wishes.key, overwrite=overwrite)
    known = {
        index: Painted(content=job.content, output=job.output, error=job.error, kept=job.kept)
        for index, job in enumerate(jobs)
        if job.error or job.kept
    }
    waiting = {index: job for index, job in enumerate(jobs) if index not in known}
    painted = _painted(library, load, wishes, waiting, ray)
    found: dict[int, Painted] = {}
    following = 0
    for index, record in chain(known.items(), painted):
        if manifest is not None:
            manifest.add(record, wishes.key)
        found[index] = record
        while following in found:
            yield found.pop(following)
            following += 1


def _library() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError.of("ray", "Painting on many machines") from error
    return ray


def _wishes(
    stylizer: Stylizer,
    style: StyleSource | Sequence[StyleSource],
    mask: "Source | Sequence[Source] | None",
    config: StylizeConfig,
    many: ManyConfig,
    ray: RayConfig,
    *,
    pyramid: bool,
    resume: bool,
) -> Wishes:
    """What workers are told; what is wrong with it is found here."""
    statistics = stylizer.statistics_of(style, style_scale=config.style_scale)
    normalized_weights(config.style_weights, len(statistics))
    masks = [read_picture(m) for m in masks_of(mask, len(statistics))]
    return Wishes(
        statistics=[tuple((m.cpu(), d.cpu()) for m, d in one) for one in statistics],
        masks=masks,
        config=config,
        many=replace(many, engine="local", manifest=None),
        pyramid=pyramid,
        resume=resume,
        digest=stylizer.painter.digest,
        retries=ray.retries,
        key=key_of(stylizer, statistics, masks, config),
    )


def _painted(
    library: Any, load: Load, wishes: Wishes, jobs: dict[int, Job], ray: RayConfig
) -> Iterator[tuple[int, Painted]]:
    """Records with the numbers of their jobs, in the order in which they come."""
    if not jobs:
        return
    with _connected(library, ray):
        try:
            for row in _dataset(library, load, wishes, jobs, ray).iter_rows():
                index = int(row["index"])
                yield index, _record_of(row["record"], jobs[index])
        except library.exceptions.RayError as error:
            raise _own_error_of(error) from error


def _own_error_of(error: Exception) -> Exception:
    """What a worker has raised: Ray gives it as text, at the end of a traceback."""
    found = re.findall(r"impasto\.errors\.(\w+): (.+)", str(error))
    return getattr(errors, found[-1][0])(found[-1][1].strip()) if found else error


def _dataset(library: Any, load: Load, wishes: Wishes, jobs: dict[int, Job], ray: RayConfig) -> Any:
    """The work as a dataset whose blocks are shares."""
    gpus = _gpus(library, ray)
    workers = _workers(library, ray, gpus, len(jobs))
    share = min(ray.share, -(-len(jobs) // workers))
    dataset = library.data.from_items(_rows(jobs), override_num_blocks=-(-len(jobs) // share))
    dataset.context.enable_progress_bars = False
    return dataset.map_batches(
        PaintingWorker,
        fn_constructor_args=(load, wishes, SharedTally(library)),
        batch_size=None,
        compute=library.data.ActorPoolStrategy(size=workers),
        num_cpus=ray.cpus,
        num_gpus=gpus,
    )


def _rows(jobs: dict[int, Job]) -> list[dict[str, Any]]:
    """Jobs as a table; relative paths mean nothing to a process that was begun elsewhere."""
    rows = []
    for index, job in jobs.items():
        fields = {"format": job.format}
        for name, path in (("content", job.content), ("output", job.output)):
            fields[name] = path if is_remote(path) else os.path.abspath(path)
        rows.append({"index": index, "job": json.dumps(fields)})
    return rows


def _record_of(text: str, job: Job) -> Painted:
    """A record with the names that the caller uses."""
    fields = json.loads(text)
    if fault := fields["error"]:
        message = fault["message"]
        for name in ("content", "output"):
            message = message.replace(fields[name], getattr(job, name))
        fields["error"] = getattr(errors, fault["kind"])(message)
    return Painted(**fields | {"content": job.content, "output": job.output})


def _gpus(library: Any, ray: RayConfig) -> float:
    if ray.gpus is not None:
        return ray.gpus
    return float(library.cluster_resources().get("GPU", 0) > 0)


def _workers(library: Any, ray: RayConfig, gpus: float, pictures: int) -> int:
    """How many processes paint; more than there is room for would wait for ever."""
    there = library.cluster_resources()
    room = int(there.get("CPU", 1) / ray.cpus)
    if gpus > 0:
        room = min(room, int(there.get("GPU", 0) / gpus))
    if room < (ray.workers or 1):
        raise ResourceError(
            f"the cluster has {there.get('CPU', 0):g} processors and {there.get('GPU', 0):g} "
            f"graphics cards, which is room for {room} workers of {ray.cpus:g} and {gpus:g}; "
            "lower --workers, --cpus or --gpus."
        )
    return min(ray.workers or room, pictures)


@contextlib.contextmanager
def _connected(library: Any, ray: RayConfig) -> Iterator[None]:
    """Be part of a cluster; one that was begun for this is ended."""
    with _quiet():
        if library.is_initialized():
            yield
            return
        try:
            library.init(
                address=ray.cluster,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise ResourceError(f"no Ray cluster can be reached or begun ({reason}).") from error
        try:
            yield
        finally:
            library.shutdown()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Ray Data says nothing, and a cluster that is begun here reports to nobody."""
    logger, asked = logging.getLogger("ray.data"), _USAGE in os.environ
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    os.environ.setdefault(_USAGE, "0")
    try:
        yield
    finally:
        logger.setLevel(level)
        if not asked:
            del os.environ[_USAGE]
