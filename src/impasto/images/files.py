"""Files as such: opened with a sentence on failure, written whole or not at all."""

import contextlib
import difflib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO

from impasto.errors import ImageError, OutputError

# What common files that are no pictures begin with, and what to do about them.
_FOREIGN = (
    (b"%PDF", 0, "a PDF; export its page as PNG"),
    (b"8BPS", 0, "a Photoshop file; export it as TIFF or PNG"),
    (b"PK\x03\x04", 0, "a ZIP archive; unpack it"),
    (b"ftyphei", 4, "HEIC; export it as JPEG, PNG or AVIF"),
    (b"ftypmif1", 4, "HEIF; export it as JPEG, PNG or AVIF"),
    (b"ftyp", 4, "a video; take a frame out of it, or use impasto video"),
    (b"\x1aE\xdf\xa3", 0, "a video; take a frame out of it, or use impasto video"),
    (b"\x80\x02", 0, "a pickle, perhaps weights"),
)

_REASONS = {
    errno.ENOSPC: "no space is left on that disk; free some, or choose another folder",
    errno.EDQUOT: "your quota of disk space is used up; free some, or choose another folder",
    errno.EACCES: "the permission is missing; choose a folder you may write to",
    errno.EPERM: "the permission is missing; choose a folder you may write to",
    errno.EROFS: "that disk is read-only; choose another folder",
    errno.ENOTDIR: "a part of its folder is a file; choose another folder",
    errno.EEXIST: "a part of its folder is a file; choose another folder",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.EISDIR: "it is a folder; give a file name inside it",
    errno.EFBIG: "the file would be too large for that disk; choose another folder",
}


def open_to_read(path: Path) -> BinaryIO:
    """The file, open for reading.

    Raises:
        ImageError: Missing (names alike in its folder are suggested), a folder, or not readable.
    """
    try:
        if path.is_dir():
            raise ImageError(f"{path} is a folder, not a picture; name a file in it.")
        return path.open("rb")
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}.{_nearest(path)}") from error
    except PermissionError as error:
        raise ImageError(
            f"{path} cannot be read: permission denied; type: chmod u+r {path.name}."
        ) from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImageError(f"{path} cannot be opened ({plain_reason(error)}).") from error


def _nearest(path: Path) -> str:
    if not path.parent.is_dir():
        return f" There is no folder {path.parent} either."
    try:
        names = [entry.name for entry in os.scandir(path.parent) if entry.is_file()]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def describe_foreign(head: bytes) -> str:
    """What bytes that no picture begins with are likely to be, for the error's sentence.

    Args:
        head: The first 512 bytes or so.
    """
    for signature, offset, meaning in _FOREIGN:
        if head[offset : offset + len(signature)] == signature:
            return f"is {meaning}"
    lowered = head.lstrip().lower()
    if lowered.startswith((b"<svg", b"<?xml")) and b"<svg" in lowered:
        return "is an SVG drawing; export it as PNG"
    if lowered.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not a picture; download the picture itself"
    if head and not any(byte < 9 or 13 < byte < 32 for byte in head):
        return "is text, not a picture"
    return "is not a picture in a format that can be read, or its beginning is damaged"


def check_destination(path: Path, *, overwrite: bool) -> None:
    """Find out before any work whether ``path`` can be a result.

    Raises:
        OutputError: It is a folder, or it exists and ``overwrite`` is False.
    """
    try:
        if path.is_dir():
            raise OutputError(f"{path} is a folder; give a file name inside it.")
        if not overwrite and path.exists():
            raise OutputError(f"{path} exists already; choose another name or allow --overwrite.")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {plain_reason(error)}.") from error


def write_whole(path: str | Path, data: bytes, *, overwrite: bool = True) -> None:
    """Write a file so that it appears whole or not at all, even if the machine stops.

    The bytes go to a hidden file in the same folder, to the disk, and only then get their name.
    Folders on the way are made. A link is followed; a device or pipe is written to directly.

    Args:
        path: The file.
        data: Its contents.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: The place cannot be written; no part of a file is left there.
    """
    path = Path(path)
    check_destination(path, overwrite=overwrite)
    temporary: Path | None = None
    try:
        target = Path(os.path.realpath(path))
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            # Renaming onto /dev/stdout or a pipe would replace the device by a file.
            with target.open("wb") as device:
                device.write(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.parent / f".{secrets.token_hex(6)}.part"
        with temporary.open("xb") as file:  # unlike mkstemp, this honours the umask
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
        temporary = None
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {plain_reason(error)}.") from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def plain_reason(error: Exception) -> str:
    """Why something failed, in words for people."""
    if isinstance(error, OSError) and error.errno is not None:
        return _REASONS.get(error.errno, (error.strerror or str(error)).lower())
    return str(error) or type(error).__name__
