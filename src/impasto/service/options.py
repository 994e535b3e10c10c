"""From what a client says to settings: the fields of StylizeConfig, a format, a quality.

A value comes as text (of a form, a query, a header) or as JSON has it; the sentences on wrong
ones are those of the command line.
"""

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from impasto.checks import check_choice, check_range
from impasto.cli.parser import Flag, flags_of
from impasto.errors import InputError
from impasto.images.formats import WRITABLE, Format, choose_format
from impasto.inference.settings import StylizeConfig

HELD = ("tile", "max_memory", "tile_statistics")
"""Fields that the service decides itself: they say how much of its memory a picture takes."""

MEDIA = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "BMP": "image/bmp",
    "GIF": "image/gif",
}
"""Media type by Pillow's name of the format."""

LONGEST_NAME = 100
"""Characters. The nearest names are sought for a wrong one, which takes long for a long one."""

_KINDS = {float: "a number", int: "a whole number", str: "text"}


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How a painting is to look and in which format it is wanted."""

    config: StylizeConfig
    format: Format
    quality: int


@functools.cache
def flags() -> dict[str, Flag]:
    """What a client may say, by name."""
    own = {flag.name: flag for flag in flags_of(StylizeConfig) if flag.name not in HELD}
    endings = ", ".join(known.suffixes[0].lstrip(".") for known in WRITABLE)
    own["format"] = Flag(
        "format", str, False, True, None,
        f"Of the painting: {endings}. Default: by the header Accept, else the photograph's own.",
    )  # fmt: skip
    own["quality"] = Flag(
        "quality", int, False, True, 95, "1 to 100, for jpg, webp and avif; webp at 100 is exact."
    )
    return own


def read_options(given: Mapping[str, object], *, otherwise: str) -> Wishes:
    """Settings of what a client has given.

    Args:
        given: Values by name; None leaves the default.
        otherwise: The format where none is given.

    Raises:
        InputError: A name that does not exist or a value that is not allowed.
    """
    known, values = flags(), {}
    for name, value in given.items():
        check_name("an option", name, known)
        if value is not None:
            values[name] = value_of(known[name], value)
    quality = values.pop("quality", 95)
    check_range("quality", quality, at_least=1, at_most=100)
    chosen = choose_format(values.pop("format", otherwise), None)
    return Wishes(config=StylizeConfig(**values), format=chosen, quality=quality)


def check_name(what: str, name: str, known: Iterable[str]) -> None:
    """Raise InputError unless ``name`` is one of ``known``.

    Raises:
        InputError: See ``check_choice``.
    """
    check_choice(what, name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}...", known)


def value_of(flag: Flag, value: object) -> Any:
    """One value in the type of its field.

    Raises:
        InputError: It is none of that type.
    """
    if not flag.many:
        if isinstance(value, list) and len(value) != 1:
            raise InputError(f"{flag.name} must be given once; got {len(value)} values.")
        return _one(flag, value[0] if isinstance(value, list) else value)
    values = value if isinstance(value, list) else [value]
    parts: list[object] = []
    for part in values:
        parts += re.split(r"[,\s]+", part.strip()) if isinstance(part, str) else [part]
    return tuple(_one(flag, part) for part in parts)


def _one(flag: Flag, value: object) -> Any:
    kind = str if get_origin(flag.kind) is Literal else flag.kind
    wrong = InputError(f"{flag.name} must be {_KINDS[kind]}; got {_shown(value)}.")
    # True is a whole number to Python.
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise wrong
    if kind is str or isinstance(value, str):
        if not isinstance(value, str) or len(value) > 10 * LONGEST_NAME:
            raise wrong
        try:
            return kind(value)
        except ValueError as error:
            raise wrong from error
    if kind is int and isinstance(value, float):
        raise wrong
    try:
        return kind(value)
    except OverflowError as error:  # a whole number that no float holds
        raise wrong from error


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def schema_of(flag: Flag) -> dict[str, Any]:
    """JSON Schema of one option."""
    if get_origin(flag.kind) is Literal:
        kind: dict[str, Any] = {"type": "string", "enum": list(get_args(flag.kind))}
    else:
        kind = {"type": {float: "number", int: "integer"}.get(flag.kind, "string")}
    if flag.many:
        kind = {"type": "array", "items": kind}
    if flag.default is not None:
        kind["default"] = flag.default
    return kind | {"description": flag.help}


def wanted_format(accept: str, own: str | None) -> str:
    """The ending of the format that fits a client that names none.

    Args:
        accept: Its header Accept.
        own: Pillow's name of the photograph's format.
    """
    suffixes = {MEDIA[known.name]: known.suffixes[0] for known in WRITABLE}
    for part in accept.lower().split(","):
        kind = part.partition(";")[0].strip()
        if kind in suffixes:
            return suffixes[kind]
    writable = {known.name: known.suffixes[0] for known in WRITABLE}
    return writable.get(own or "", ".png")
