"""Work that can be watched and stopped.

Reading order: Progress (what a page shows meanwhile), watched (work in a thread, its news in
ours), Stops (who pressed Stop).
"""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

Result = TypeVar("Result")

EVERY = 0.4
"""Seconds between two pieces of news: more often, a page only flickers."""


class StoppedError(Exception):
    """Stop was pressed, or the visitor has gone: no fault, so not in the tree of errors."""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a work is."""

    words: str
    """What is being done, such as "step 12 of 170"."""

    share: float | None = None
    """From 0 to 1; None where nobody knows."""

    image: Tensor | None = None
    """(1, 3, H, W) in [0, 1]: the picture so far."""


Tell = Callable[[Progress], None]
"""Given to a work, which calls it with its news; raises StoppedError once it is to end."""


def watched(
    work: Callable[[Tell], Result], stop: threading.Event, *, every: float = EVERY
) -> Generator[Progress, None, Result]:
    """Do a work in a thread, and yield the newest of its news from time to time.

    Leaving the generator stops the work at its next news, too.

    Args:
        work: Gets a function to tell its news with.
        stop: Set, it lets the work end at its next news.
        every: Seconds between two yields.

    Yields:
        The newest news, each at most once.

    Returns:
        What the work gives.

    Raises:
        StoppedError: ``stop`` was set.
        Exception: Whatever the work raises.
    """
    newest: list[Progress] = []

    def tell(news: Progress) -> None:
        if stop.is_set():
            raise StoppedError
        newest[:] = [news]

    with ThreadPoolExecutor(1, "impasto-studio") as pool:
        future = pool.submit(work, tell)
        try:
            while not wait([future], timeout=every).done:
                if newest:
                    yield newest.pop()
        finally:
            if not future.done():
                stop.set()
        return future.result()


class Stops:
    """One flag per visitor and tab."""

    def __init__(self) -> None:
        self._flags: dict[tuple[str, str], threading.Event] = {}
        self._lock = threading.Lock()

    def begin(self, visitor: str, tab: str) -> threading.Event:
        """The flag of a work that begins now; one that the same visitor began before is set."""
        with self._lock:
            if before := self._flags.get((visitor, tab)):
                before.set()
            flag = self._flags[visitor, tab] = threading.Event()
            return flag

    def stop(self, visitor: str, tab: str | None = None) -> None:
        """Set a visitor's flag in one tab, or in all of them."""
        with self._lock:
            for (who, where), flag in self._flags.items():
                if who == visitor and tab in (None, where):
                    flag.set()

    def forget(self, visitor: str) -> None:
        """Stop everything of a visitor who has gone."""
        self.stop(visitor)
        with self._lock:
            for key in [key for key in self._flags if key[0] == visitor]:
                del self._flags[key]
