"""Pictures in buckets and on other machines: whatever fsspec opens by an address such as s3://.

Reading order: is_remote, find_remote, read_remote, write_remote.
"""

import io
import os
import posixpath
import re
import secrets
from typing import Any, BinaryIO
from urllib.parse import unquote

from impasto.errors import ImageError, InputError, MissingExtraError, OutputError
from impasto.images.files import plain_reason
from impasto.images.formats import is_picture_path

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]+)://", re.I)

_PACKAGES = {
    "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs",
    "abfss": "adlfs", "sftp": "paramiko", "ssh": "paramiko", "smb": "smbprotocol",
}  # fmt: skip

_STORES = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
"""Where an object appears when the last of its bytes has arrived, and not before."""


def is_remote(path: str) -> bool:
    """Whether a path is an address of fsspec; pages of the web and file:// are none."""
    return bool(_ADDRESS.match(path)) and _scheme(path) not in ("http", "https", "file")


def local_form(path: str) -> str:
    """A path as this machine has it: file:///home/a.png is /home/a.png."""
    if not path.lower().startswith("file://"):
        return path
    return unquote(path[len("file://") :].removeprefix("localhost"))


def join(folder: str, name: str) -> str:
    """An address, or a path, inside a folder.

    Args:
        folder: An address or a path.
        name: With forward slashes.
    """
    if is_remote(folder):
        return f"{folder.rstrip('/')}/{name}"
    return os.path.join(folder, *name.split("/"))


def is_remote_folder(address: str) -> bool:
    """Whether there is something below an address.

    Raises:
        InputError: It cannot be asked.
        MissingExtraError: A package for such addresses is not installed.
    """
    system, path = _opened(address)
    try:
        return bool(system.isdir(path))
    except Exception as error:  # each store has errors of its own
        raise InputError(f"{address} cannot be listed ({_reason(error)}).") from error


def exists_remotely(address: str) -> bool:
    """Whether there is a file or folder at an address.

    Raises:
        InputError: It cannot be asked.
        MissingExtraError: A package for such addresses is not installed.
    """
    system, path = _opened(address)
    try:
        return bool(system.exists(path))
    except Exception as error:  # each store has errors of its own
        raise InputError(f"{address} cannot be reached ({_reason(error)}).") from error


def find_remote(folder: str) -> list[str]:
    """All files below an address, sorted; hidden ones are passed over.

    Returns:
        Names relative to ``folder``, with forward slashes; none where there is no such folder.

    Raises:
        InputError: It cannot be listed.
        MissingExtraError: A package for such addresses is not installed.
    """
    system, root = _opened(folder.rstrip("/"))
    try:
        found = [posixpath.relpath(path, root) for path in system.find(root)]
    except FileNotFoundError:
        return []
    except Exception as error:  # each store has errors of its own
        raise InputError(f"{folder} cannot be listed ({_reason(error)}).") from error
    return sorted(name for name in found if not _is_hidden(name))


def find_remote_pictures(folder: str) -> list[str]:
    """The pictures below an address; see ``find_remote``.

    Raises:
        InputError: There is none, or it cannot be listed.
        MissingExtraError: A package for such addresses is not installed.
    """
    found = [name for name in find_remote(folder) if is_picture_path(name)]
    if not found:
        raise InputError(f"there is no picture in {folder}.")
    return found


def read_remote(address: str) -> BinaryIO:
    """A file, fetched whole.

    Raises:
        ImageError: It is not there, or cannot be read.
        MissingExtraError: A package for such addresses is not installed.
    """
    system, path = _opened(address)
    try:
        return _Fetched(system.cat_file(path), address)
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {address}.") from error
    except Exception as error:  # each store has errors of its own
        raise ImageError(f"{address} cannot be read ({_reason(error)}).") from error


def write_remote(address: str, data: bytes, *, overwrite: bool = True) -> None:
    """Write a file so that it appears whole or not at all.

    Object stores show an object when it is whole. Elsewhere the bytes go to a hidden file beside
    its place, which then gets its name.

    Args:
        address: The file.
        data: Its contents.
        overwrite: Whether one that is there may be replaced.

    Raises:
        OutputError: It is there already, or the place cannot be written.
        MissingExtraError: A package for such addresses is not installed.
    """
    system, path = _opened(address)
    try:
        there = system.exists(path)
        if there and not overwrite:
            raise OutputError(
                f"{address} exists already; choose another name or allow --overwrite."
            )
        if _scheme(address) in _STORES:
            system.pipe_file(path, data)
            return
        folder = posixpath.dirname(path)
        part = posixpath.join(folder, f".{secrets.token_hex(6)}.part")
        system.makedirs(folder, exist_ok=True)
        system.pipe_file(part, data)
        if there:
            system.rm_file(path)  # not every system renames onto a file
        system.mv(part, path)
    except OutputError:
        raise
    except Exception as error:  # each store has errors of its own
        raise OutputError(f"{address} cannot be written: {_reason(error)}.") from error


class _Fetched(io.BytesIO):
    """Bytes that know where they come from, for messages."""

    def __init__(self, data: bytes, name: str) -> None:
        super().__init__(data)
        self.name = name


def _scheme(address: str) -> str:
    return address.partition("://")[0].lower()


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _reason(error: Exception) -> str:
    return " ".join(plain_reason(error).split()).rstrip(".")


def _opened(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path in it."""
    scheme = _scheme(address)
    try:
        from fsspec.core import url_to_fs  # type: ignore[import-untyped]
    except ImportError as error:
        raise MissingExtraError.of("ray", f"An address such as {scheme}://") from error
    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        package = _PACKAGES.get(scheme)
        remedy = f"type: python -m pip install {package}" if package else _reason(error)
        raise MissingExtraError(
            f"{scheme}:// needs a package that is not installed; {remedy}."
        ) from error
    except ValueError as error:
        raise InputError(
            f"{address} is no address that can be opened ({_reason(error)}); use a path, or one "
            "such as s3://BUCKET/FOLDER."
        ) from error
    return system, str(path)
