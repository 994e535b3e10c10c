"""A process that paints: batches of jobs in, outcomes out; no request can stop it.

Reading order: PaintWorker.paint (the order of things), PaintWorker._groups (what is painted
together), StyleMemory.
"""

import contextlib
import io
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import torch

from impasto.api import load
from impasto.checks import bytes_of
from impasto.errors import ImpastoError, ResourceError
from impasto.images.io import Picture, read_picture, write_picture
from impasto.inference.choose import GENEROUS, SMALL
from impasto.inference.mixed import paint_mixed
from impasto.inference.stylize import Stylizer
from impasto.methods.base import Statistics
from impasto.runtime import keep_freed_memory, peak_memory, pick_device
from impasto.service.job import LEFT, Job, Outcome
from impasto.service.settings import ServeConfig
from impasto.service.shared import Shared
from impasto.weights.cards import find_style, style_paths

FAVOURITE = "hokusai-great-wave"
"""The style of requests that name none, where it is there."""

_GONE = Outcome(status=LEFT)


class _AbandonedError(Exception):
    """Nobody waits for this picture any more."""


class StyleMemory:
    """Statistics of styles from pictures, those kept that were asked for last.

    Args:
        stylizer: Who looks at them.
        most: How many are kept.
    """

    def __init__(self, stylizer: Stylizer, most: int) -> None:
        self.stylizer, self.most = stylizer, most
        self._kept: OrderedDict[tuple[object, float], Statistics] = OrderedDict()

    def of(self, style: str | bytes, scale: float, read: Callable[[bytes], Picture]) -> Statistics:
        """Statistics of a preset or of the file of a picture.

        Args:
            style: Its name, or the file.
            scale: See StylizeConfig.
            read: From a file to a picture.

        Raises:
            ImpastoError: See Stylizer.encode_style.
        """
        # A preset's file may be replaced while the service runs; its own cache looks at the time.
        if isinstance(style, str):
            return self.stylizer.encode_style(find_style(style), style_scale=scale)
        key = (sha256(style).digest(), scale)
        found = self._kept.pop(key, None)
        if found is None:
            found = self.stylizer.encode_picture(read(style).pixels, scale)
        self._kept[key] = found
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)
        return found


@dataclass(eq=False)
class _Work:
    """One job on its way through a worker."""

    job: Job
    picture: Picture | None = None
    styles: Sequence[Statistics] = ()
    outcome: Outcome | None = None


class PaintWorker:
    """The painter of one process.

    Args:
        settings: Model, device and limits.
        shared: Where it says that it is ready, and sees who has given up.
        number: Of this worker, from 0.
    """

    def __init__(self, settings: ServeConfig, shared: Shared, number: int = 0) -> None:
        self.settings, self.shared, self.number = settings, shared, number
        self.device = _device_of(settings.device, number)
        self.stylizer = load(settings.model, device=str(self.device), precision=settings.precision)
        self.memory = StyleMemory(self.stylizer, settings.style_cache)
        # Codecs let go of Python's lock, and take as long as painting where pictures are small.
        self._pool = ThreadPoolExecutor(4, "impasto-codec")
        # Two threads of one core each paint two small pictures sooner than both cores paint one
        # after the other: layers of small pictures are too short to be shared.
        self._hands = torch.get_num_threads() if self.device.type == "cpu" else 1
        self._painters = ThreadPoolExecutor(
            self._hands, "impasto-paint", initializer=torch.set_num_threads, initargs=(1,)
        )
        self._budget = bytes_of(settings.max_memory, name="max_memory")

    @classmethod
    def begin(cls, settings: ServeConfig, shared: Shared, number: int) -> "PaintWorker":
        """The painter of a process that is its own: with its share of the cores, warmed up.

        Raises:
            ImpastoError: There is no such painter, or it cannot be used here.
        """
        keep_freed_memory()
        torch.set_num_threads(max(1, torch.get_num_threads() // settings.workers))
        worker = cls(settings, shared, number)
        with contextlib.suppress(ImpastoError):  # each request will say it, and why
            worker.warm_up()
        shared.set_ready(number, True, peak_memory())
        return worker

    def warm_up(self) -> None:
        """Paint a grey picture, because the first takes longer than those after it."""
        grey = torch.full((1, 3, 256, 256), 0.5)
        self.stylizer.stylize(grey, self._statistics_of((), 1.0))

    def about(self) -> dict[str, Any]:
        """What GET /v1/models says of the painter."""
        painter = self.stylizer.painter
        return {
            "name": self.settings.model.rpartition("/")[2],
            "digest": painter.digest,
            "device": str(self.device),
            "precision": str(painter.dtype).removeprefix("torch."),
            "needs_style": painter.own_style is None,
        }

    def paint(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Paint a batch.

        Args:
            jobs: Usually of one kin; others are painted one after the other.

        Returns:
            One outcome per job, in their order; a job that fails does not stop the others.
        """
        start = time.perf_counter()
        self.shared.begin(self.number, jobs[0].serial)
        works = [_Work(job) for job in jobs]
        list(self._pool.map(self._read, works))
        for group in self._groups([w for w in works if w.outcome is None]):
            self._paint(group)
        painted = [w for w in works if w.outcome is None]
        list(self._pool.map(self._write, painted))
        seconds = time.perf_counter() - start
        self.shared.begin(self.number, 0)
        self.shared.set_ready(self.number, True, peak_memory())
        outcomes = [work.outcome or _GONE for work in works]
        return [replace(o, seconds=seconds, together=len(painted) or 1) for o in outcomes]

    def _read(self, work: _Work) -> None:
        with self._judged([work]):
            self._check_wanted(work)
            work.picture = self._picture(work.job.content, "content")

    def _groups(self, works: Sequence[_Work]) -> Iterator[list[_Work]]:
        """Those that can be painted at once: of one kin and size, as many as memory allows."""
        groups: dict[object, list[_Work]] = {}
        for work in works:
            assert work.picture is not None
            # The head of a file may have lied about how it is turned.
            groups.setdefault((work.job.kin, work.picture.size), []).append(work)
        for group in groups.values():
            assert group[0].picture is not None
            height, width = group[0].picture.size
            most = max(1, self._budget // (height * width * GENEROUS))
            for start in range(0, len(group), most):
                yield group[start : start + most]

    def _paint(self, group: list[_Work]) -> None:
        for work in group:
            with self._judged([work]):
                self._check_wanted(work)
                styles, scale = work.job.styles, work.job.config.style_scale
                work.styles = self._statistics_of(styles, scale)
        group = [work for work in group if work.outcome is None]
        if len(group) == 1:
            with self._judged(group):
                self._paint_alone(group[0])
        elif group:
            share = -(-len(group) // self._hands)
            parts = [group[start : start + share] for start in range(0, len(group), share)]
            if len(parts) == 1:
                self._paint_at_once(parts[0])
            else:
                list(self._painters.map(self._paint_at_once, parts))

    def _paint_at_once(self, part: list[_Work]) -> None:
        with self._judged(part):
            paintings = paint_mixed(
                self.stylizer,
                [work.picture for work in part if work.picture is not None],
                [work.styles for work in part],
                [work.job.config for work in part],
            )
            for work, painting in zip(part, paintings, strict=True):
                work.picture = painting

    def _paint_alone(self, work: _Work) -> None:
        picture, config = work.picture, work.job.config
        assert picture is not None
        if picture.size[0] * picture.size[1] > SMALL:
            config = replace(config, max_memory=self.settings.max_memory)
        masks = [self._picture(mask, "mask") for mask in work.job.masks]
        work.picture = self.stylizer.stylize(
            picture,
            list(work.styles),
            mask=masks or None,
            config=config,
            on_tile=lambda done, total: self._check_wanted(work),
        )

    def _write(self, work: _Work) -> None:
        with self._judged([work]):
            self._check_wanted(work)
            painting, file = work.picture, io.BytesIO()
            assert painting is not None
            write_picture(painting, file, format=work.job.format, quality=work.job.quality)
            work.outcome = Outcome(body=file.getvalue(), size=painting.size, note=painting.note)
        work.picture = None

    def _statistics_of(self, styles: Sequence[str | bytes], scale: float) -> list[Statistics]:
        own = self.stylizer.painter.own_style
        if own is not None and not styles:
            return [own]
        return [
            self.memory.of(style, scale, lambda data: self._picture(data, "style"))
            for style in styles or [default_style(self.settings)]
        ]

    def _picture(self, data: bytes, name: str) -> Picture:
        return read_picture(_Named(data, name), max_pixels=self.settings.max_pixels)

    def _check_wanted(self, work: _Work) -> None:
        if self.shared.is_abandoned(work.job.serial):
            raise _AbandonedError

    @contextlib.contextmanager
    def _judged(self, works: Sequence[_Work]) -> Iterator[None]:
        """Whatever a client can cause becomes the outcome of its jobs."""
        try:
            yield
        except ImpastoError as error:
            outcome = Outcome.of(error)
        except _AbandonedError:
            outcome = _GONE
        except MemoryError:
            outcome = Outcome.of(_too_large())
        except RuntimeError as error:
            # torch has an exception of its own for CUDA's memory and none for the CPU's.
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(
                error
            ):
                raise
            outcome = Outcome.of(_too_large())
        else:
            return
        for work in works:
            work.outcome, work.picture = outcome, None


class _Named(io.BytesIO):
    """Bytes that messages call by a name."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def default_style(settings: ServeConfig) -> str:
    """The preset for requests that name none.

    Raises:
        InputError: There is none of that name, or no preset at all.
    """
    names = list(style_paths())
    chosen = settings.default_style or (FAVOURITE if FAVOURITE in names else next(iter(names), ""))
    find_style(chosen)
    return chosen


def _too_large() -> ResourceError:
    return ResourceError("content does not fit in memory; make it smaller.")


def _device_of(name: str, number: int) -> torch.device:
    """Of several GPUs each worker takes the next."""
    device = pick_device(name)
    if str(device) == "cuda":
        return pick_device(f"cuda:{number % torch.cuda.device_count()}")
    return device
