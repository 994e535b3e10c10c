"""Styles that change over a clip: which one rules how much at a time."""

import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from impasto.checks import seconds_of
from impasto.errors import InputError


@dataclass(frozen=True)
class Timeline:
    """Styles and the times at which each rules alone; between two they mix evenly."""

    styles: tuple[str, ...]
    times: tuple[Fraction, ...]
    """Seconds, rising; none where the styles do not change."""

    def weights_at(self, time: Fraction) -> list[float]:
        """One weight per style, summing to 1.

        Args:
            time: Seconds from the beginning of the clip that is read.
        """
        weights = [0.0] * len(self.styles)
        after = bisect.bisect_right(self.times, time)
        if after == 0 or after == len(self.times):
            weights[max(0, after - 1)] = 1.0
            return weights
        before, next_ = self.times[after - 1], self.times[after]
        share = float((time - before) / (next_ - before))
        weights[after - 1], weights[after] = 1 - share, share
        return weights


def read_timeline(words: Sequence[str]) -> Timeline:
    """Styles as typed: "a", "b", or with times, "a@0", "b@10s".

    Args:
        words: Names or paths. A file whose name holds an @ is a file.

    Raises:
        InputError: Some have a time and others not, a time is none, or two are one.
    """
    parts = [_split(word) for word in words]
    timed = [(style, time) for style, time in parts if time is not None]
    if not timed:
        return Timeline(tuple(words), ())
    if len(timed) < len(parts):
        bare = next(style for style, time in parts if time is None)
        raise InputError(
            f"either all styles have a time or none; {bare} has none, add @ and its seconds, such "
            f"as {bare}@10s."
        )
    timed.sort(key=lambda pair: pair[1])
    times = [time for _, time in timed]
    if len(set(times)) < len(times):
        raise InputError("two styles cannot begin at one time; give each its own, as a@0 b@10s.")
    return Timeline(tuple(style for style, _ in timed), tuple(times))


def _split(word: str) -> tuple[str, Fraction | None]:
    style, sign, time = word.rpartition("@")
    if not sign or not style or Path(word).exists():
        return word, None
    return style, seconds_of(time, name=f"the time of {style}")
