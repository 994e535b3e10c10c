"""What a worker of a cluster does: it keeps a painter, and paints the shares it is given.

Reading order: Wishes (what it is told), PaintingWorker.
"""

import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from numpy.typing import NDArray

from impasto.errors import ResourceError, WeightsError
from impasto.images.io import Picture
from impasto.inference.manifest import Painted, fields_of
from impasto.inference.many import paint_each
from impasto.inference.many_settings import ManyConfig
from impasto.inference.plan import Job
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer
from impasto.inference.tally import SharedTally, Tally
from impasto.methods.base import Statistics

Load = Callable[[], Stylizer]
"""Makes a painter; called once in this process and once in every worker."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What every worker is told."""

    statistics: list[Statistics]
    """Of the styles, on the CPU: pictures of styles need not be on the other machines."""
    masks: list[Picture]
    config: StylizeConfig
    many: ManyConfig
    pyramid: bool
    resume: bool
    digest: str
    """Of the weights here."""
    key: str
    """Of all this, for a manifest."""
    retries: int


class PaintingWorker:
    """A process of the cluster, with a painter that it keeps.

    Args:
        load: Makes the painter.
        wishes: What to paint.
        tally: Shared by all workers.

    Raises:
        ImpastoError: The weights are missing there, or are others.
    """

    def __init__(self, load: Load, wishes: Wishes, tally: Tally | SharedTally) -> None:
        self.stylizer, self.wishes, self.tally = load(), wishes, tally
        self.name = f"{platform.node()}:{os.getpid()}"
        painter = self.stylizer.painter
        if painter.digest != wishes.digest:
            raise WeightsError(
                f"the weights of {self.stylizer.name} on {platform.node()} are others than here; "
                "give all machines the same file."
            )
        self.statistics = [
            tuple((mean.to(painter.device), part.to(painter.device)) for mean, part in style)
            for style in wishes.statistics
        ]

    def __call__(self, share: "dict[str, NDArray[Any]]") -> dict[str, list[Any]]:
        """Paint a share.

        Args:
            share: ``index`` and ``job``, as ``cluster.py`` makes them.

        Returns:
            ``index`` and ``record``, as ``cluster.py`` reads them.
        """
        indices = [int(index) for index in share["index"]]
        jobs = [Job(**json.loads(text)) for text in share["job"]]
        if self.tally.begin(f"share {indices[0]}") == 1:
            pairs = zip(indices, self._paint(jobs), strict=True)
            lines = [self._finished(index, record) for index, record in pairs]
        else:
            lines = [self._again(index, job) for index, job in zip(indices, jobs, strict=True)]
        return {"index": indices, "record": lines}

    def _again(self, index: int, job: Job) -> str:
        """A picture of a share whose worker died: alone, so that it is found if it was the cause.

        The first time counts, too: a picture is tried as often as ``retries`` and once more.
        """
        if (known := self.tally.finished(index)) is not None:
            return known
        retries = self.wishes.retries
        if self.tally.begin(f"picture {index}") <= retries:
            (record,) = self._paint([job])
        else:
            error = ResourceError(
                f"{job.content} was not painted: its worker died, and {retries} retries did not "
                "help; perhaps memory is short: try fewer --workers, or --max-memory."
            )
            record = Painted(content=job.content, output=job.output, error=error)
        return self._finished(index, record)

    def _finished(self, index: int, record: Painted) -> str:
        line = json.dumps(fields_of(replace(record, worker=self.name)))
        self.tally.finish(index, line)
        return line

    def _paint(self, jobs: Sequence[Job]) -> Iterator[Painted]:
        wishes = self.wishes
        return paint_each(
            self.stylizer,
            jobs,
            style=self.statistics,
            mask=wishes.masks or None,
            config=wishes.config,
            many=wishes.many,
            # What is there now was looked for before, so a worker that died has written it.
            overwrite=True,
            pyramid=wishes.pyramid,
            resume=wishes.resume,
        )
