"""Checks of the caller's values: one sentence that says what was given and what is allowed."""

import difflib
import re
from collections.abc import Iterable
from fractions import Fraction
from typing import TYPE_CHECKING

from impasto.errors import InputError, ShapeError

if TYPE_CHECKING:
    from torch import Tensor

_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def check_shape(tensor: "Tensor", pattern: str, *, name: str) -> None:
    """Raise ShapeError unless ``tensor`` fits ``pattern``.

    Args:
        tensor: Anything with ``ndim`` and ``shape``.
        pattern: One word per axis; letters match any length, digits exactly that length
            ("B 3 H W").
        name: How the caller calls the tensor.

    Raises:
        ShapeError: The number of axes or a fixed length differs.
    """
    wanted = pattern.split()
    fits = tensor.ndim == len(wanted) and all(
        not word.isdigit() or int(word) == length
        for word, length in zip(wanted, tensor.shape, strict=True)
    )
    if not fits:
        hint = " Add a batch axis with x[None]." if tensor.ndim == len(wanted) - 1 else ""
        raise ShapeError(f"{name} must be ({', '.join(wanted)}), got {tuple(tensor.shape)}.{hint}")


def check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise InputError unless ``value`` is one of ``choices``; near misses are suggested.

    Raises:
        InputError: ``value`` is not among the choices.
    """
    known = list(choices)
    if value in known:
        return
    near = nearest(str(value), known)
    suggestion = f" Did you mean {' or '.join(near)}?" if near else ""
    raise InputError(f"{name} must be one of {', '.join(known)}; got {value!r}.{suggestion}")


def nearest(value: str, known: Iterable[str]) -> list[str]:
    """Up to three of ``known`` that are most like ``value`` or have a word most like it."""

    def likeness(name: str) -> float:
        words = [name, *name.replace("_", "-").split("-")]
        return max(difflib.SequenceMatcher(None, value.lower(), w).ratio() for w in words)

    scored = sorted(((likeness(name), name) for name in known), reverse=True)
    return [name for score, name in scored[:3] if score >= 0.6]


def check_range(
    name: str,
    value: float,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
    above: float | None = None,
) -> None:
    """Raise InputError unless ``value`` lies in the interval; NaN never does.

    Raises:
        InputError: ``value`` is outside the interval or not a number.
    """
    # Written as "not inside" so that NaN, which compares false with everything, is refused.
    inside = (
        value == value
        and (at_least is None or value >= at_least)
        and (at_most is None or value <= at_most)
        and (above is None or value > above)
    )
    if inside:
        return
    bounds = [
        text
        for bound, text in (
            (at_least, f"at least {at_least}"),
            (above, f"above {above}"),
            (at_most, f"at most {at_most}"),
        )
        if bound is not None
    ]
    raise InputError(f"{name} must be {' and '.join(bounds)}; got {value}.")


def bytes_of(text: str, *, name: str) -> int:
    """An amount of memory as typed.

    Args:
        text: A number of bytes, or with K, M, G or T: "2G", "1.5GiB", "800MB".
        name: How the caller calls it.

    Raises:
        InputError: It is no amount above 0.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?\s*", text, re.I)
    size = int(float(found[1]) * _BYTES[found[2].upper()]) if found else 0
    if size < 1:
        raise InputError(f"{name} must be an amount of memory such as 800M or 2G; got {text!r}.")
    return size


def seconds_of(text: str, *, name: str) -> Fraction:
    """A time as typed.

    Args:
        text: Seconds, or with a unit or colons: "10", "2.5s", "800ms", "1:30", "1:02:03.5".
        name: How the caller calls it.

    Raises:
        InputError: It is no time.
    """
    if found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ms|s)?\s*", text):
        return Fraction(found[1]) / (1000 if found[2] == "ms" else 1)
    if found := re.fullmatch(r"\s*(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s*", text):
        return int(found[1] or 0) * 3600 + int(found[2]) * 60 + Fraction(found[3])
    raise InputError(f"{name} must be a time such as 10, 2.5s, 800ms or 1:30; got {text!r}.")
