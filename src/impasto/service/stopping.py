"""Stopping without loss: SIGTERM lets what is running finish and turns newcomers away.

There are three kinds of processes. The one that was started gets the signal of whoever stops the
service; LitServe's way to end there is KeyboardInterrupt, upon which it passes SIGTERM on to the
front, waits for it, and ends the workers. LitServe and uvicorn would stop listening at once, and
whoever connects meanwhile would wait for nothing; so the front answers newcomers with 503 until
the last painting is sent, and lets uvicorn stop then.

Reading order: interrupt_on_sigterm (the process that was started), stop_gently (the front).
"""

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from impasto.service.front import Front
from impasto.service.logs import say

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextlib.contextmanager
def interrupt_on_sigterm(on_stop: Callable[[], None]) -> Iterator[None]:
    """Raise KeyboardInterrupt in this process at the first SIGTERM or SIGINT; pass over others.

    Args:
        on_stop: Called before.
    """
    owner, stopping = os.getpid(), False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        # The front is a fork and inherits this; uvicorn sends itself the signal once more at its
        # end, when there is nothing left to stop.
        if os.getpid() != owner or stopping:
            return
        stopping = True
        on_stop()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def stop_gently(front: Front) -> Iterator[None]:
    """While the front lives, a signal first drains it; then uvicorn's own handler is called."""
    if threading.current_thread() is not threading.main_thread():
        yield  # a test's server, or Windows, where LitServe serves from a thread
        return
    loop, tasks = asyncio.get_running_loop(), set()
    after = {number: signal.getsignal(number) for number in _SIGNALS}

    async def drain(number: int) -> None:
        say("stopping", requests=front.here)
        await front.close()
        say("stopped", requests=front.here)
        handler = after[signal.Signals(number)]
        if callable(handler):
            handler(number, None)

    def begin(number: int) -> None:
        if not front.draining:
            front.draining = True
            tasks.add(loop.create_task(drain(number)))

    def stop(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin, number)

    for number in _SIGNALS:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in after.items():
            signal.signal(number, handler)
