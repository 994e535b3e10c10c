"""The queue between clients and workers: who may come in, who is painted with whom, who gives up.

LitServe brings batches to workers and results back. Its own queue has no limit, its own batches
mix all sizes, and it paints on for clients that have gone; so requests wait here, in the one
process that knows the clients, and a worker gets the next batch only when it is about to be idle.

Reading order: Front.admit (limits), Front.paint (waiting, time-out, giving up), Front._dispatch
(batches), Front.close (finish what is running).
"""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from starlette.exceptions import HTTPException

from impasto.service.job import Job, Outcome, RefusedError
from impasto.service.metrics import Metrics
from impasto.service.settings import ServeConfig
from impasto.service.shared import Shared

ABOUT = "about"
"""Sent to a worker instead of jobs: what is your painter?"""

Send = Callable[[list[Job] | str], Awaitable[Any]]
"""Brings a batch to a worker and its outcomes back, or ABOUT and a dictionary."""

_SENDING = 4
"""Requests that may be here, most of them still being sent, for each that may wait."""

_LOOK = 0.25
"""Seconds between two looks for dead workers."""

_BROKEN = Outcome(
    status=500,
    kind="InternalError",
    message="this should not happen; please report it with what the service's log shows.",
)
_LOST = Outcome(
    status=503,
    kind="WorkerLost",
    message="the worker died while it painted, perhaps for want of memory; try again, or send a "
    "smaller picture.",
)


@dataclass(eq=False)
class Ticket:
    """One job that waits or is painted."""

    job: Job
    arrived: float
    """On the loop's clock."""
    outcome: asyncio.Future[Outcome]
    started: float = 0.0
    """When a worker got it; 0 while it waits."""


class Place:
    """A request that has been let in, and the bytes it holds.

    Args:
        front: Which counts them.
    """

    def __init__(self, front: "Front") -> None:
        self._front, self.bytes = front, 0

    def take(self, count: int) -> None:
        """Hold more bytes.

        Raises:
            RefusedError: All requests together hold more than the limit.
        """
        self.bytes += count
        self._front.held += count
        if self._front.held > self._front.settings.most_waiting:
            raise self._front.busy("the requests that are being worked on fill the memory allowed")


class Front:
    """The queue of one service.

    Args:
        settings: Limits.
        send: Brings a batch to a worker.
        shared: Tells workers who has given up, and the front which workers died.
        metrics: What is counted.
    """

    def __init__(
        self, settings: ServeConfig, send: Send, shared: Shared, metrics: Metrics | None = None
    ) -> None:
        self.settings, self.send, self.shared = settings, send, shared
        self.metrics = metrics or Metrics()
        self.here = self.held = 0
        self.draining = False
        self._serial = 0
        self._waiting: deque[Ticket] = deque()
        self._running: dict[int, list[Ticket]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._about: dict[str, Any] | None = None
        self._seconds = 0.5  # of one picture, learned from those that were painted

    @property
    def is_ready(self) -> bool:
        """Whether a request would be painted."""
        return self.shared.ready > 0 and not self.draining

    @property
    def waiting(self) -> int:
        """Jobs that no worker has yet."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        """Jobs that workers have."""
        return sum(map(len, self._running.values()))

    def next_serial(self) -> int:
        """A number for a job."""
        self._serial += 1
        return self._serial

    @contextlib.contextmanager
    def admit(self) -> Iterator[Place]:
        """Let a request in, before its body is read.

        Raises:
            RefusedError: The service stops, or as many as may be wait or send.
        """
        if self.draining:
            raise RefusedError(503, "the service is being stopped; try again.", retry_after=5)
        # Who sends slowly takes the place of others who send, and not of those who wait.
        if self.here >= _SENDING * self.settings.max_queue:
            raise self.busy(f"{self.here} requests are being sent, which is the limit")
        self._check_room()
        self.here += 1
        place = Place(self)
        try:
            yield place
        finally:
            self.here -= 1
            self.held -= place.bytes

    def _check_room(self) -> None:
        count = self.waiting + self.running
        if count >= self.settings.max_queue:
            raise self.busy(f"{count} pictures are waiting or being painted, which is the limit")

    def busy(self, reason: str) -> RefusedError:
        """A refusal that says when it is worth another try."""
        pictures = self.waiting + self.running
        seconds = math.ceil(pictures * self._seconds / self.settings.workers)
        retry_after = min(60, max(1, seconds))
        return RefusedError(
            503, f"{reason}; try again in {retry_after} seconds.", retry_after=retry_after
        )

    async def paint(self, job: Job) -> Outcome:
        """Wait for a worker and for the painting; cancelled, the job is given up.

        Raises:
            RefusedError: It took longer than the limit, or others came first and filled the queue.
        """
        self._check_room()
        loop = asyncio.get_running_loop()
        ticket = Ticket(job, loop.time(), loop.create_future())
        self._waiting.append(ticket)
        self._dispatch()
        try:
            async with asyncio.timeout(self.settings.timeout):
                outcome = await ticket.outcome
        except TimeoutError as error:
            raise self.busy(
                f"the painting was not ready after {self.settings.timeout:g} seconds"
            ) from error
        finally:
            if not ticket.outcome.done() or ticket.outcome.cancelled():
                self._give_up(ticket)
        return replace(outcome, waited=ticket.started - ticket.arrived)

    def _give_up(self, ticket: Ticket) -> None:
        ticket.outcome.cancel()
        with contextlib.suppress(ValueError):
            self._waiting.remove(ticket)
        self.shared.abandon(ticket.job.serial)
        self.metrics.abandoned.inc()

    def _dispatch(self) -> None:
        """Give workers batches, one more than they are, so that none waits for the next."""
        while self._waiting and len(self._running) <= self.settings.workers:
            batch = self._next_batch()
            self._running[batch[0].job.serial] = batch
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next_batch(self) -> list[Ticket]:
        """The first that waits, and those of its kin behind it."""
        first = self._waiting[0]
        kin = [t for t in self._waiting if t.job.kin == first.job.kin]
        batch = kin[: self.settings.max_batch]
        chosen = set(map(id, batch))
        self._waiting = deque(t for t in self._waiting if id(t) not in chosen)
        return batch

    async def _run(self, batch: list[Ticket]) -> None:
        loop = asyncio.get_running_loop()
        serial, start = batch[0].job.serial, loop.time()
        for ticket in batch:
            ticket.started = start
        outcomes: Sequence[Outcome] = [_BROKEN] * len(batch)
        try:
            sending = asyncio.ensure_future(self.send([ticket.job for ticket in batch]))
            while not sending.done() and serial not in self.shared.lost:
                await asyncio.wait({sending}, timeout=_LOOK)
            if sending.done():
                # An error that the worker did not expect comes as an HTTPException; it is in
                # the worker's log, with its traceback.
                with contextlib.suppress(HTTPException):
                    outcomes = sending.result()
            else:
                outcomes = [_LOST] * len(batch)
        finally:
            del self._running[serial]
            for ticket, outcome in zip(batch, outcomes, strict=True):
                if not ticket.outcome.done():
                    ticket.outcome.set_result(outcome)
            self._learn(outcomes, loop.time() - start)
            self._dispatch()

    def _learn(self, outcomes: Sequence[Outcome], seconds: float) -> None:
        painted = [outcome for outcome in outcomes if outcome.status == 200]
        if painted:
            self._seconds += 0.2 * (seconds / len(outcomes) - self._seconds)
            self.metrics.batches.observe(len(outcomes))
            self.metrics.pixels.inc(sum(o.size[0] * o.size[1] for o in painted))

    async def about(self) -> dict[str, Any]:
        """What a worker says of its painter; asked once."""
        if self._about is None:
            self._about = dict(await self.send(ABOUT))
        return self._about

    async def close(self) -> None:
        """Take no more requests, and wait until those that are here are answered, or ``drain``."""
        self.draining = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.drain):
                while self.here:
                    await asyncio.sleep(0.05)
