"""A folder that appears whole or not at all."""

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from impasto.errors import OutputError
from impasto.images.files import plain_reason, write_whole

MARKS = ("index.html", "paint.onnx")
"""Files by which a folder of ours is known: nothing else is ever replaced."""


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Find out before any work whether ``folder`` can be a result.

    Raises:
        OutputError: It has no name, it is a file, or it holds something and is not to be replaced.
    """
    if folder.name in ("", ".."):
        raise OutputError(f"{folder} cannot be replaced; give the name of a folder inside it.")
    try:
        if folder.exists() and not folder.is_dir():
            raise OutputError(f"{folder} is a file; give another name for the folder.")
        held = sorted(entry.name for entry in os.scandir(folder)) if folder.is_dir() else []
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {plain_reason(error)}.") from error
    if not held:
        return
    if not overwrite:
        raise OutputError(f"{folder} exists already; choose another name or allow --overwrite.")
    if not all(mark in held for mark in MARKS):
        raise OutputError(
            f"{folder} holds other files, such as {held[0]}; give a new folder, or an empty one."
        )


def write_folder(folder: Path, files: Mapping[str, bytes], *, overwrite: bool = True) -> None:
    """Write files into a folder beside the place, which then takes it in one step.

    Args:
        folder: Missing, empty, or of ours (see MARKS).
        files: Bytes by path in the folder, with "/" between names.
        overwrite: Whether a folder of ours may be replaced.

    Raises:
        OutputError: The place cannot be written; what was there stays.
    """
    check_folder(folder, overwrite=overwrite)
    target = Path(os.path.realpath(folder))
    token = secrets.token_hex(4)
    work, old = (target.with_name(f".{target.name}.{token}.{end}") for end in ("part", "old"))
    try:
        for name, data in files.items():
            write_whole(work / name, data)
        if target.exists():
            os.replace(target, old)
        try:
            os.replace(work, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {plain_reason(error)}.") from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
