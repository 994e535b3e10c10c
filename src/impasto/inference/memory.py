"""How much memory painting takes, found before by painting something small.

Reading order: Allocations (what tensors take), Appetite (from two small windows to any).
"""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

SPARE = 1.25
"""What libraries take beside the tensors, as a factor."""


class Allocations(TorchFunctionMode):
    """Counts the bytes of the tensors that are made inside a with block.

    Attributes:
        now: Bytes alive.
        peak: The most that were alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = self.peak = 0
        self._alive: set[int] = set()

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run one operation and see what it made."""
        given = {_key(t) for t in _tensors([*args, *(kwargs or {}).values()])}
        result = func(*args, **(kwargs or {}))
        for made in _tensors(result):
            if _key(made) not in given:
                self._count(made)
        return result

    def _count(self, tensor: Tensor) -> None:
        storage, key = tensor.untyped_storage(), _key(tensor)
        if key in self._alive:
            return
        size = storage.nbytes()
        self._alive.add(key)
        self.now += size
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._free, key, size)

    def _free(self, key: int, size: int) -> None:
        self._alive.discard(key)
        self.now -= size


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


@dataclass(frozen=True, kw_only=True)
class Appetite:
    """Bytes that a window takes: some per pixel, and some per column however high it is."""

    per_pixel: float
    per_column: float

    def __call__(self, height: int, width: int) -> int:
        """Bytes for a window of so many pixels."""
        return int(SPARE * width * (self.per_pixel * height + self.per_column))


def appetite_of(run: Callable[[int, int], object], *, cell: int, short: int) -> Appetite:
    """Measure two windows of one width.

    Args:
        run: Paints a window of the given height and width.
        cell: What sides must be multiples of.
        short: Height of the lower one; at least what is worked on strip by strip.
    """
    low = -(-short // cell) * cell
    width = 8 * cell
    peaks = []
    for height in (low, 2 * low):
        with Allocations() as seen:
            run(height, width)
        peaks.append(seen.peak)
    per_row = max(0.0, (peaks[1] - peaks[0]) / low)
    return Appetite(
        per_pixel=per_row / width, per_column=max(0.0, (peaks[0] - per_row * low) / width)
    )


def size_text(size: int) -> str:
    """An amount as people say it, rounded up, in a form that ``bytes_of`` reads."""
    if size >= 10 << 30:
        return f"{-(-size // (1 << 30))}G"
    return f"{max(1, -(-size // (1 << 20)))}M"
