"""Starting quickly: half of a short command's time is Python reading torch."""

import contextlib
import gc
from collections.abc import Iterator

owned = False
"""Whether the process is the command's own; ``cli.run`` says so, and nobody who calls ``main``."""


@contextlib.contextmanager
def quick_start() -> Iterator[None]:
    """Import torch inside this block; a process that is the command's own then keeps its memory.

    The garbage collector rests meanwhile. The 300,000 objects of torch live as long as the
    process; looking through them again and again while they are made, and once more at the end,
    takes 0.35 of 1.75 seconds.
    """
    if not owned:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        from impasto.runtime import keep_freed_memory

        keep_freed_memory()
