"""Where frames can go; asked before any work, so this imports no torch."""

import importlib.util
from pathlib import Path
from typing import Literal

from impasto.errors import InputError, MissingExtraError, OutputError
from impasto.images.files import check_destination

Kind = Literal["video", "animation", "folder"]

_SUFFIXES: dict[str, Kind] = {".mp4": "video", ".gif": "animation", "": "folder"}


def check_clip(path: str | Path, *, overwrite: bool = False) -> Kind:
    """Find out before any work whether frames can go to ``path``, and as what.

    Args:
        path: A file ending with .mp4 or .gif, or a folder.
        overwrite: Whether a file, or frames in the folder, may be replaced.

    Raises:
        InputError: Another ending.
        OutputError: It exists and ``overwrite`` is False, or is a folder or file where the other
            is needed.
        MissingExtraError: A video without the extra ``video``.
    """
    place = Path(path)
    kind = "folder" if place.is_dir() else _SUFFIXES.get(place.suffix.lower())
    if kind is None:
        raise InputError(f"frames go to a file .mp4 or .gif, or to a folder; got {path}.")
    if kind == "folder":
        if place.is_file():
            raise OutputError(f"{path} is a file; give a folder for the frames.")
        if not overwrite and any(place.glob("frame-*.png")):
            raise OutputError(
                f"{path} has frames already; choose another folder or allow --overwrite."
            )
        return "folder"
    check_destination(place, overwrite=overwrite)
    if kind == "video" and importlib.util.find_spec("av") is None:
        raise MissingExtraError.of("video", "A video (a .gif or a folder of frames does not)")
    return kind


VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts")
"""Containers that painted clips can be written to."""


def check_painted_clip(path: str | Path, *, overwrite: bool = False) -> Kind:
    """The same for a clip that is painted, which can be of any container.

    Args:
        path: A file ending with one of VIDEO_SUFFIXES or .gif, or a folder.
        overwrite: Whether a file, or frames in the folder, may be replaced.

    Raises:
        InputError, OutputError, MissingExtraError: See ``check_clip``.
    """
    place = Path(path)
    suffix = place.suffix.lower()
    if place.is_dir() or suffix not in VIDEO_SUFFIXES:
        if suffix and suffix != ".gif" and not place.is_dir():
            raise InputError(
                f"a painted clip goes to a folder, or to a file .gif, {', '.join(VIDEO_SUFFIXES)}; "
                f"got {path}."
            )
        return check_clip(path, overwrite=overwrite)
    check_destination(place, overwrite=overwrite)
    if importlib.util.find_spec("av") is None:
        raise MissingExtraError.of("video", "A video (a .gif or a folder of frames does not)")
    return "video"
