"""A manifest: what became of every picture, one line of JSON each, in a file that only grows.

Reading order: Painted (what is known of a picture), Manifest, fields_of (what stands in a line).
"""

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from impasto.errors import ImpastoError, InputError, OutputError
from impasto.images.files import plain_reason
from impasto.images.remote import is_remote, local_form
from impasto.inference.plan import Job


@dataclass(frozen=True, kw_only=True)
class Painted:
    """What became of one picture."""

    content: str
    output: str
    height: int = 0
    """Pixels; 0 when it was not read."""
    width: int = 0
    seconds: float = 0.0
    """Reading, painting and writing together; for several pictures these overlap."""
    note: str | None = None
    """What the reader says about the photograph, such as "first of 12 frames"."""
    sha256: str | None = None
    """Of the file that was written, 64 hexadecimal digits."""
    kept: bool = False
    """Whether the painting was there already, from an earlier run."""
    worker: str | None = None
    """MACHINE:PROCESS that painted it, where several do."""
    error: ImpastoError | None = None


class Manifest:
    """Lines about paintings.

    A line is written at once and to the disk, so a kill leaves whole lines and at most one that
    is cut off, which is passed over. Of several lines about a painting the last one counts.

    Args:
        path: The file; it is made if it is not there, with its folder.

    Raises:
        InputError: An address at which files cannot grow.
        OutputError: The file cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        if is_remote(str(path)):
            raise InputError(
                f"a manifest grows line by line, which {path} cannot; give a file of this machine."
            )
        self.path = Path(local_form(str(path)))
        self._append(b"")

    def lines(self) -> dict[str, dict[str, Any]]:
        """The last line of every painting that was made, by its output."""
        found: dict[str, dict[str, Any]] = {}
        try:
            text = self.path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise OutputError(f"{self.path} cannot be read: {plain_reason(error)}.") from error
        for line in text.splitlines():
            with contextlib.suppress(ValueError):  # cut off by a kill
                fields = json.loads(line)
                if isinstance(fields, dict) and "output" in fields and not fields.get("error"):
                    found[str(fields["output"])] = fields
        return found

    def add(self, record: Painted, key: str) -> None:
        """Write what became of a picture; nothing for one that was there already.

        Args:
            record: Of the picture.
            key: Says with which painter, style and settings.

        Raises:
            OutputError: The file cannot be written.
        """
        if record.kept:
            return
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = fields_of(record) | {"time": now, "key": key}
        self._append(json.dumps(line).encode() + b"\n")

    def noting(self, records: Iterator[Painted], key: str) -> Iterator[Painted]:
        """The same records, each written when it comes."""
        for record in records:
            self.add(record, key)
            yield record

    def settled(self, jobs: Sequence[Job], key: str, *, overwrite: bool = False) -> list[Job]:
        """Jobs whose paintings were there, compared with what is known of those.

        Args:
            jobs: As planned; those whose paintings are there are ``kept``.
            key: Says with which painter, style and settings pictures are to be painted now.
            overwrite: Whether paintings of other wishes, or of unknown ones, are to be replaced.

        Returns:
            The jobs; a painting of other wishes is an error, or is painted again.
        """
        lines, found = self.lines(), []
        for job in jobs:
            line = lines.get(job.output)
            if not job.kept or (line is not None and line.get("key") == key):
                found.append(job)
                continue
            if overwrite:
                job = replace(job, kept=False)
            elif line is not None:
                error = OutputError(
                    f"{job.output} exists already and is of another style, setting or painter; "
                    "choose another -o, or allow --overwrite."
                )
                job = replace(job, kept=False, error=error)
            found.append(job)
        return found

    def _append(self, data: bytes) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b", buffering=0) as file:
                if data and not _ends_a_line(file):
                    data = b"\n" + data
                file.write(data)
                if data:
                    os.fsync(file.fileno())
        except OSError as error:
            raise OutputError(f"{self.path} cannot be written: {plain_reason(error)}.") from error


def _ends_a_line(file: Any) -> bool:
    end = file.seek(0, os.SEEK_END)
    if end == 0:
        return True
    file.seek(end - 1)
    return bool(file.read(1) == b"\n")


def fields_of(record: Any) -> dict[str, Any]:
    """A record as JSON has it: its fields, its error by kind and message.

    Args:
        record: A dataclass with a field ``error``, such as ``Painted``.
    """
    fields = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    error = fields.pop("error")
    fields["error"] = {"kind": type(error).__name__, "message": str(error)} if error else None
    if "seconds" in fields:
        fields["seconds"] = round(fields["seconds"], 4)
    return fields
