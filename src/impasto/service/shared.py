"""Numbers in memory that every process of the service sees.

The processes are the one that was started, the front, and the workers. A queue would be late for
what these numbers say: stop painting this, that worker is dead.
"""

import ctypes
import multiprocessing

from impasto import errors
from impasto.errors import ImpastoError

_RING = 4096
"""Serials of abandoned jobs that are remembered; there are never so many at once."""


class Shared:
    """See the top of this file; every number has one writer.

    Args:
        workers: How many there are.
    """

    def __init__(self, workers: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._abandoned = context.RawArray(ctypes.c_uint64, _RING)
        self._working = context.RawArray(ctypes.c_uint64, workers)
        self._lost = context.RawArray(ctypes.c_uint64, workers)
        self._ready = context.RawArray(ctypes.c_uint8, workers)
        self._peak = context.RawArray(ctypes.c_uint64, workers)
        self._trouble = context.SimpleQueue()

    def abandon(self, serial: int) -> None:
        """Nobody wants this job any more."""
        self._abandoned[serial % _RING] = serial

    def is_abandoned(self, serial: int) -> bool:
        """Whether ``abandon`` was called for it."""
        return bool(self._abandoned[serial % _RING] == serial)

    def begin(self, worker: int, serial: int) -> None:
        """A worker paints the batch that begins with this job; 0 is none."""
        self._working[worker] = serial

    def set_ready(self, worker: int, ready: bool, peak: int = 0) -> None:
        """Whether a worker can paint, and the most bytes of memory it took."""
        self._ready[worker], self._peak[worker] = ready, peak

    def bury(self, worker: int) -> None:
        """A worker is dead: it is not ready, and what it painted is lost."""
        self._ready[worker], self._peak[worker] = 0, 0
        self._lost[worker], self._working[worker] = self._working[worker], 0

    @property
    def ready(self) -> int:
        """How many workers can paint."""
        return sum(self._ready)

    @property
    def lost(self) -> set[int]:
        """First serials of batches that died with their worker."""
        return {serial for serial in self._lost if serial}

    @property
    def peak(self) -> list[int]:
        """The most bytes of memory that each worker has taken."""
        return list(self._peak)

    def report(self, error: ImpastoError) -> None:
        """Why a worker could not begin."""
        self._trouble.put((type(error).__name__, str(error)))

    def trouble(self) -> ImpastoError | None:
        """What the first worker that could not begin has reported."""
        if self._trouble.empty():
            return None
        kind, sentence = self._trouble.get()
        error: ImpastoError = getattr(errors, kind)(sentence)
        return error
