"""From the body of a request to a job: forms, JSON, or a raw picture.

No text of the client's is ever a path or an address: a style that is text is looked up among the
names of presets, and a picture is always the bytes that came with the request.

Reading order: read_asked (from the network), make_job (checks, nothing unpacked).
"""

import base64
import binascii
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from impasto.errors import InputError
from impasto.images.decode import Header, read_header
from impasto.service.job import Job, RefusedError
from impasto.service.options import LONGEST_NAME, check_name, flags, read_options, wanted_format
from impasto.service.sagemaker import ATTRIBUTES, read_attributes
from impasto.service.settings import ServeConfig
from impasto.weights.cards import find_style

PARTS = ("content", "style", "mask")
"""Names of what is no option."""

_DATA = re.compile(r"data:[\w.+/-]*;base64,", re.A)
_LONGEST_TEXT = 4096
"""Bytes of one field of a form that is no file."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a request says, before any of it is judged."""

    content: bytes | None = None
    styles: tuple[str | bytes, ...] = ()
    """Names, and files of pictures."""
    masks: tuple[bytes, ...] = ()
    options: dict[str, object] = field(default_factory=dict)
    accept: str = ""
    """The header of that name."""


async def read_asked(request: Request, limits: ServeConfig) -> Asked:
    """Read a request; what its body says goes before its query, and that before its headers.

    Args:
        request: Its body is read in whole; the gate has limited its bytes and its time.
        limits: How many styles there may be.

    Raises:
        InputError: A body that is no form or no JSON, or with parts that do not exist.
        RefusedError: A type of content that is not taken.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        asked = await _of_form(request, limits)
    elif kind == "application/json":
        asked = _of_json(await request.body())
    elif kind.startswith("image/") or kind in (
        "",
        "application/octet-stream",
        "application/x-image",
    ):
        asked = Asked(content=await request.body())
    else:
        raise RefusedError(
            415,
            "the content type must be multipart/form-data, application/json or a picture's, such "
            f"as image/jpeg; got {kind[:80]!r}.",
        )
    aside = _of_pairs(request.query_params.multi_items())
    if ATTRIBUTES in request.headers:
        attributes = _of_pairs(read_attributes(request.headers[ATTRIBUTES]))
        aside = _merged(aside, attributes)
    return replace(_merged(asked, aside), accept=request.headers.get("accept", ""))


def _merged(first: Asked, second: Asked) -> Asked:
    """What the first does not say, the second may."""
    return replace(
        first,
        styles=first.styles or second.styles,
        options={**second.options, **first.options},
    )


def _of_pairs(pairs: Iterable[tuple[str, str]]) -> Asked:
    """Names and texts of a query or a header: names of styles, and options."""
    styles: list[str | bytes] = []
    options: dict[str, object] = {}
    for name, value in pairs:
        if name == "style":
            styles.append(value)
            continue
        check_name("an option", name, ["style", *flags()])
        _add(options, name, value)
    return Asked(styles=tuple(styles), options=options)


def _add(options: dict[str, object], name: str, value: object) -> None:
    """One more value under a name; what comes several times becomes a list."""
    before = options.get(name)
    if name not in options:
        options[name] = value
    else:
        options[name] = [*before, value] if isinstance(before, list) else [before, value]


async def _of_form(request: Request, limits: ServeConfig) -> Asked:
    most = 2 * limits.max_styles + 1
    try:
        form = await request.form(
            max_files=most, max_fields=most + len(flags()), max_part_size=_LONGEST_TEXT
        )
    except HTTPException as error:  # starlette's, whose sentences name no remedy
        raise InputError(
            f"the form cannot be read ({str(error.detail).rstrip('.')}); send content, style and "
            f"mask as files, at most {limits.max_styles} styles, and options as short texts."
        ) from error
    found: dict[str, list[Any]] = {name: [] for name in PARTS}
    options: dict[str, object] = {}
    try:
        for name, value in form.multi_items():
            check_name("a part of the form", name, [*PARTS, *flags()])
            part = await value.read() if isinstance(value, UploadFile) else value
            if name not in PARTS:
                _add(options, name, _text(name, part))
            else:
                found[name].append(part)
    finally:
        await form.close()
    return _of_parts(found, options)


def _of_json(body: bytes) -> Asked:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        reason = "too many brackets" if isinstance(error, RecursionError) else error
        raise InputError(f"the body is no JSON ({reason}).") from error
    if not isinstance(document, dict):
        raise InputError(
            'the JSON must be an object such as {"content": "<base64>", "style": "great-wave"}.'
        )
    found: dict[str, list[Any]] = {name: [] for name in PARTS}
    options: dict[str, object] = {}
    for name, value in document.items():
        check_name("a name in the JSON", name, [*PARTS, *flags()])
        if name not in PARTS:
            options[name] = value
            continue
        values = value if isinstance(value, list) else [value]
        found[name] = [
            _style(v) if name == "style" else unpack(name, v) for v in values if v is not None
        ]
    return _of_parts(found, options)


def _of_parts(found: Mapping[str, list[Any]], options: dict[str, object]) -> Asked:
    contents = found["content"]
    if len(contents) > 1:
        raise InputError(f"content must be one picture; got {len(contents)}.")
    for name in ("content", "mask"):
        for part in found[name]:
            if not isinstance(part, bytes):
                raise InputError(
                    f"{name} must be a file of the form (with a filename); got a text."
                )
    return Asked(
        content=contents[0] if contents else None,
        styles=tuple(found["style"]),
        masks=tuple(found["mask"]),
        options=options,
    )


def _style(value: object) -> str | bytes:
    """In JSON a style's picture is a data URL, so that no name can be taken for one."""
    if isinstance(value, str) and not _DATA.match(value):
        return value
    return unpack("style", value)


def unpack(name: str, value: object) -> bytes:
    """The bytes of base64, with or without ``data:...;base64,`` before it.

    Raises:
        InputError: It is no base64.
    """
    if not isinstance(value, str):
        raise InputError(f"{name} must be a text of base64; got {type(value).__name__}.")
    start = found.end() if (found := _DATA.match(value)) else 0
    try:
        return base64.b64decode("".join(value[start:].split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{name} must be a text of base64 ({error}).") from error


def _text(name: str, part: object) -> str:
    if not isinstance(part, str):
        raise InputError(f"{name} must be a text of the form; got a file.")
    return part


def make_job(asked: Asked, limits: ServeConfig, serial: int) -> Job:
    """Check everything that can be checked before pixels are unpacked.

    Args:
        asked: As ``read_asked`` gives it.
        limits: Pixels and styles.
        serial: Of the job.

    Raises:
        InputError: No picture, or a style or option that does not exist or does not fit.
        ImageError: A picture that is none.
        ImageTooLargeError: A picture beyond the limit of pixels.
    """
    if asked.content is None:
        raise InputError(
            "a request needs content, a photograph: a file of the form, base64 in JSON, or the "
            "whole body with a picture's content type."
        )
    for name, parts in (("styles", asked.styles), ("masks", asked.masks)):
        if len(parts) > limits.max_styles:
            raise InputError(
                f"there may be at most {limits.max_styles} {name} in a request; got {len(parts)}."
            )
    header = look(asked.content, "content", limits)
    for number, style in enumerate(asked.styles, start=1):
        if isinstance(style, str) and len(style) > LONGEST_NAME:
            raise InputError(
                f"style {number} must be a preset's name, or in JSON a picture as a data URL "
                f"(data:image/png;base64,...); got a text of {len(style)} characters."
            )
        if isinstance(style, str):
            find_style(style)
        else:
            look(style, f"style {number}", limits)
    for number, mask in enumerate(asked.masks, start=1):
        look(mask, f"mask {number}", limits)
    wishes = read_options(asked.options, otherwise=wanted_format(asked.accept, header.format))
    if max(header.size) > wishes.format.longest_side:
        raise InputError(
            f"{wishes.format.name} holds at most {wishes.format.longest_side} pixels on a side and "
            f"content is {header.size[1]}x{header.size[0]}; give format=png or tif."
        )
    return Job(
        serial=serial,
        content=asked.content,
        size=header.size,
        styles=asked.styles,
        masks=asked.masks,
        config=wishes.config,
        format=wishes.format.suffixes[0].lstrip("."),
        quality=wishes.quality,
    )


def look(data: bytes, name: str, limits: ServeConfig) -> Header:
    """The head of a picture; nothing is unpacked, so that a bomb costs nothing."""
    return read_header(io.BytesIO(data), name=name, max_pixels=limits.max_pixels)
