"""Unpacking archives that may be damaged or hostile: what is good is kept, the rest is named.

Nothing is written outside the folder, no link, device or pipe is made, and a file appears under
its name only when all of it was read. Reading order: unpack, _unpack_zip and _unpack_tar, _Desk.
"""

import contextlib
import gzip
import os
import re
import stat
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Self, cast

from impasto.errors import DataError, OutputError
from impasto.fetching.http import check_disk

_PIECE = 1 << 18
_DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, gzip.BadGzipFile, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)
"""What the readers raise on members that are damaged, locked, or packed in an unknown way."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What an archive may become; beyond that it is taken for a bomb."""

    size: int = 400_000_000_000
    """Bytes of all files together."""

    member: int = 2_000_000_000
    """Bytes of one file."""

    files: int = 2_000_000
    """Files and folders."""

    growth: int = 200
    """Times the archive's own size; pictures are packed already and hardly grow."""


@dataclass
class Unpacked:
    """What became of an archive."""

    files: int = 0
    size: int = 0
    """Bytes of the files."""
    damaged: dict[str, str] = field(default_factory=dict)
    """Member -> what is wrong with it; such files are not written."""
    refused: dict[str, str] = field(default_factory=dict)
    """Member -> why it must not be written: outside the folder, a link, a device."""


def unpack(
    archive: str | Path,
    folder: str | Path,
    *,
    strip: str = "",
    limits: Limits | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Unpacked:
    """Unpack a .zip, .tar or .tar.gz, told apart by its content; after a kill it goes on.

    Args:
        archive: The file.
        folder: Made if need be. Files of a zip that are there and have the right checksum are
            not written again.
        strip: A folder in the archive whose name is left out of the paths.
        limits: None takes the defaults.
        on_progress: Called with bytes done and in all: of the files for a zip, of the archive
            for the others.

    Raises:
        DataError: No such archive, or of another kind, or damaged from the beginning, or a bomb.
        ResourceError: The disk is too small.
        OutputError: The folder cannot be written.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with open(archive, "rb") as file:
            head = file.read(512)
        length = archive.stat().st_size
    except OSError as error:
        raise DataError(f"{archive} cannot be read ({error.strerror or error}).") from error
    desk = _Desk(archive, folder, strip, limits or Limits(), length, on_progress)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        _unpack_zip(desk)
    elif head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        _unpack_tar(desk, packed=head.startswith(b"\x1f\x8b"))
    else:
        what = "empty" if not head else "neither a .zip nor a .tar or .tar.gz"
        raise DataError(f"{archive} is {what}; delete it and fetch it again.")
    return desk.result


class _Desk:
    """Where members are judged and written."""

    def __init__(
        self,
        archive: Path,
        folder: Path,
        strip: str,
        limits: Limits,
        length: int,
        on_progress: Callable[[int, int], None] | None,
    ) -> None:
        self.archive, self.folder, self.strip = archive, folder, strip
        self.limits, self.result = limits, Unpacked()
        self.most = min(limits.size, max(limits.growth * length, 1 << 20))
        self.report = on_progress or (lambda done, total: None)
        self.length, self.count = length, 0
        self.files, self.folders = set[str](), set[str]()

    def place(self, name: str, *, is_folder: bool) -> Path | None:
        """Where a file goes; None for folders, and for what must not be, which is noted.

        Raises:
            DataError: There are too many.
        """
        self.count += 1
        if self.count > self.limits.files:
            raise DataError(
                f"{self.archive} has more than {self.limits.files} members; it is no archive of "
                "pictures, so delete it."
            )
        parts = [part for part in name.split("/") if part not in ("", ".")]
        reason = _fault_of(name, parts)
        if parts[:1] == [self.strip]:
            parts = parts[1:]
        # Those systems take A.jpg and a.jpg for one file.
        same = [p.casefold() if sys.platform in ("win32", "darwin") else p for p in parts]
        key, above = "/".join(same), {"/".join(same[:i]) for i in range(1, len(same))}
        if not reason and not is_folder and (not key or key in self.files or key in self.folders):
            reason = "another member has the same name"
        if not reason and above & self.files:
            reason = "a file stands where its folder should be"
        if reason:
            self.refused(name, reason)
        if reason or is_folder:
            return None
        self.files.add(key)
        self.folders |= above
        return self.folder.joinpath(*parts)

    def refused(self, name: str, reason: str) -> None:
        """Note a member that is not written."""
        self.result.refused[_printable(name)] = reason

    def damaged(self, name: str, error: Exception | str) -> None:
        """Note a member that cannot be read."""
        text = " ".join(str(error).split()) or type(error).__name__
        self.result.damaged[_printable(name)] = text

    def write(self, path: Path, source: IO[bytes], size: int) -> None:
        """Write one member whole, or nothing of it.

        Raises:
            DataError: It is larger than allowed.
            Errors of ``_DAMAGE``: It cannot be read, or ends before ``size`` bytes.
            OutputError: The disk cannot be written.
        """
        part = path.with_name(f".{path.name}.part"[:200])
        done = 0
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb") as file:
                for data in _pieces(source):
                    done += len(data)
                    self.check(done)
                    file.write(data)
            if done < size:
                raise EOFError(f"it ends after {done} of {size} bytes")
            os.replace(part, path)
        except OSError as error:
            if isinstance(error, gzip.BadGzipFile):
                raise
            raise OutputError(f"{path} cannot be written ({error.strerror or error}).") from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        self.result.files += 1
        self.result.size += done

    def check(self, size: int) -> None:
        """Refuse to go on if a member of so many bytes is too much.

        Raises:
            DataError: It is, alone or with all before it.
        """
        if size > self.limits.member or self.result.size + size > self.most:
            raise DataError(
                f"{self.archive} would unpack to more than "
                f"{min(self.limits.member, self.most) >> 20} MiB, which no pictures of its size "
                "do; it is a bomb, so delete it."
            )


def _pieces(source: IO[bytes]) -> Iterator[bytes]:
    while data := source.read(_PIECE):
        yield data


def _printable(name: str) -> str:
    return name.encode("unicode_escape").decode()[:300] if not name.isprintable() else name[:300]


def _fault_of(name: str, parts: list[str]) -> str:
    """Why a member of that name must not be written; empty if it may."""
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        return "its path is absolute"
    if ".." in parts or any(".." in part.split("\\") for part in parts):
        return "its path leads out of the folder"
    if any("\\" in part or not part.isprintable() for part in parts):
        return "its name has characters that are not allowed"
    if any(len(part.encode()) > 240 for part in parts):
        return "its name is too long"
    return ""


def _unpack_zip(desk: _Desk) -> None:
    try:
        with zipfile.ZipFile(desk.archive) as archive:
            members = archive.infolist()
            total = sum(m.file_size for m in members)
            desk.check(0 if total <= desk.most else desk.most + 1)
            _check_room(desk, total)
            done = 0
            for member in members:
                _unpack_zip_member(desk, archive, member)
                done += member.file_size
                desk.report(done, total)
    except zipfile.BadZipFile as error:
        raise DataError(
            f"{desk.archive} is damaged or cut off ({error}); delete it and fetch it again."
        ) from error


def _unpack_zip_member(desk: _Desk, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        desk.refused(member.filename, "it is a link or a device")
        return
    path = desk.place(member.filename, is_folder=member.is_dir())
    if path is None:
        return
    if _is_there(path, member):
        desk.result.files += 1
        desk.result.size += member.file_size
        return
    try:
        with archive.open(member) as source:
            desk.write(path, source, member.file_size)
    except _DAMAGE as error:
        desk.damaged(member.filename, error)


def _is_there(path: Path, member: zipfile.ZipInfo) -> bool:
    if not path.is_file() or path.is_symlink() or path.stat().st_size != member.file_size:
        return False
    checksum = 0
    with open(path, "rb") as file:
        for data in _pieces(file):
            checksum = zlib.crc32(data, checksum)
    return checksum == member.CRC


class _CarefulInfo(tarfile.TarInfo):
    """A header that cannot fill the memory, and that is missed where the archive just stops.

    tarfile reads long names and attributes whole, and takes an archive without an end for whole.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if not buf:
            raise tarfile.ReadError("it ends without its end mark")
        found = super().frombuf(buf, encoding, errors)
        if not found.isreg() and found.size > 1 << 20:
            raise tarfile.ReadError(f"a header of {found.size} bytes")
        return found


def _unpack_tar(desk: _Desk, *, packed: bool) -> None:
    """One member after the other: behind a damaged place nothing more can be read."""
    _check_room(desk, desk.length)
    last = "its beginning"
    with open(desk.archive, "rb") as file:
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=file) if packed else file)
        try:
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_CarefulInfo) as archive:
                for member in archive:
                    _unpack_tar_member(desk, archive, member)
                    last = member.name
                    desk.report(file.tell(), desk.length)
            for _ in _pieces(stream):  # the checksum of gzip stands at its very end
                pass
        except (*_DAMAGE, OSError) as error:
            if not desk.result.files:
                raise DataError(
                    f"{desk.archive} is damaged or cut off ({error}); delete it and fetch it again."
                ) from error
            desk.damaged(f"all after {_printable(last)}", error)
    desk.report(desk.length, desk.length)


def _unpack_tar_member(desk: _Desk, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
    if not (member.isreg() or member.isdir()):
        desk.refused(member.name, "it is a link or a device")
        return
    path = desk.place(member.name, is_folder=member.isdir())
    source = archive.extractfile(member) if path else None
    if path is None or source is None:
        return
    desk.check(member.size)
    try:
        desk.write(path, source, member.size)
    except _DAMAGE as error:
        desk.damaged(member.name, error)
        raise


def _check_room(desk: _Desk, size: int) -> None:
    try:
        desk.folder.mkdir(parents=True, exist_ok=True)
        have = sum(p.stat().st_size for p in desk.folder.rglob("*") if p.is_file())
    except OSError as error:
        raise OutputError(f"{desk.folder} cannot be written ({error}).") from error
    if have < size:
        check_disk(desk.archive.name, desk.folder, size - have, "give a folder on a larger disk")
