"""A painting that is not finished: its pixels in a hidden folder beside its place.

The folder holds the pixels of the whole picture as a plain TIFF, what must be known to go on, and
how many rows are done. That number is written after the rows are on the disk, so after a kill
every row it counts is whole. The output gets its name when all is done, and the folder goes.

Reading order: Unfinished.
"""

import json
import os
import shutil
from collections.abc import Iterable
from io import RawIOBase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from impasto.errors import InputError, OutputError
from impasto.images.files import check_destination, plain_reason, write_whole
from impasto.images.plain_tiff import plain_header
from impasto.images.resize import Size


class Unfinished:
    """Strips of one painting on the disk.

    Args:
        target: Where the painting will go.
        key: Says of which picture, style and settings it is.
        size: (height, width).
        bands: 3, or 4 with alpha.
        bits: 8 or 16.
        resume: Whether the rows of an earlier run may be gone on with.

    Attributes:
        rows: How many are done.

    Raises:
        InputError: The earlier run was of something else.
        OutputError: The folder cannot be made, or the disk has no room.
    """

    def __init__(
        self, target: Path, *, key: str, size: Size, bands: int, bits: int, resume: bool
    ) -> None:
        self.target, self.key, self.size = target, key, size
        self.folder = self.folder_of(target)
        self.raw, self.known = self.folder / "pixels.tif", self.folder / "known.safetensors"
        self._state = self.folder / "state.json"
        self._row_bytes = size[1] * bands * bits // 8
        self._head = plain_header(size, bands=bands, bits=bits)
        self.rows = self._rows_done() if resume else 0
        if not self.rows and not (resume and self._is_of_this_key()):
            self._begin()

    @staticmethod
    def folder_of(target: Path) -> Path:
        """Where the pixels of an unfinished painting lie."""
        return target.parent / f".{target.name}.part"

    def _rows_done(self) -> int:
        if not self._state.is_file():
            return 0
        if not self._is_of_this_key():
            raise InputError(
                f"the unfinished painting {self.target} is of another picture, style or setting; "
                "leave --resume out to begin it again."
            )
        return int(json.loads(self._state.read_text(encoding="utf-8"))["rows"])

    def _is_of_this_key(self) -> bool:
        try:
            state = json.loads(self._state.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(state, dict) and state.get("key") == self.key

    def _begin(self) -> None:
        needed = self._row_bytes * self.size[0]
        try:
            self.discard()
            self.folder.mkdir(parents=True)
            free = shutil.disk_usage(self.folder).free
            if needed > free:
                self.discard()
                raise OutputError(
                    f"{self.target} cannot be written: its pixels take {needed / 1e9:.2f} GB while "
                    f"it is painted and that disk has {free / 1e9:.2f} GB free; free some, or "
                    "choose another folder."
                )
            self.raw.write_bytes(self._head)
        except OSError as error:
            raise self._refusal(error) from error
        self._write_state(0)

    def write(self, top: int, left: int, samples: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
        """Put pixels where they belong; they count when ``keep`` is told of their rows.

        Args:
            top, left: Of their first pixel.
            samples: (h, w, bands).

        Raises:
            OutputError: The disk is full, or another reason; what was finished is kept.
        """
        pixel = samples.shape[2] * samples.itemsize
        try:
            with self.raw.open("r+b", buffering=0) as file:
                for row, values in enumerate(np.ascontiguousarray(samples), start=top):
                    file.seek(len(self._head) + row * self._row_bytes + left * pixel)
                    _write_all(file, values)
        except OSError as error:
            raise self._refusal(error) from error

    def keep(self, rows: int) -> None:
        """So many rows from the top are whole: let them outlast a kill.

        Raises:
            OutputError: See ``write``.
        """
        try:
            with self.raw.open("r+b") as file:
                os.fsync(file.fileno())
        except OSError as error:
            raise self._refusal(error) from error
        self._write_state(rows)

    def _write_state(self, rows: int) -> None:
        write_whole(self._state, json.dumps({"key": self.key, "rows": rows}).encode())
        self.rows = rows

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.target} cannot be written: {plain_reason(error)} (finished strips are kept for "
            "--resume)."
        )

    def finish(self, made: Iterable[Path], *, overwrite: bool) -> None:
        """Give what was made its name, and remove the folder.

        Args:
            made: Files and folders, the one by which the painting is called last.
            overwrite: Whether what has the name already may be replaced.

        Raises:
            OutputError: The name was taken meanwhile, or the place cannot be written.
        """
        for path in made:
            place = self.target.parent / path.name
            try:
                if path.is_dir():
                    if place.exists() and overwrite:
                        os.replace(place, self.folder / f"old-{place.name}")
                else:
                    check_destination(place, overwrite=overwrite)
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
                os.replace(path, place)
            except OSError as error:
                raise self._refusal(error) from error
        self.discard()

    def discard(self) -> None:
        """Remove all that was kept."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _write_all(file: RawIOBase, values: NDArray[Any]) -> None:
    """Without a buffer a disk that fills up takes a part."""
    left = values.tobytes()
    while left:
        left = left[file.write(left) or 0 :]


def same_key(parts: Iterable[object]) -> str:
    """A digest of what makes a painting what it is: values as text, tensors by their numbers."""
    import hashlib

    digest = hashlib.sha256()

    def add(part: object) -> None:
        if isinstance(part, Tensor):
            digest.update(part.detach().cpu().float().contiguous().numpy().tobytes())
        elif isinstance(part, (list, tuple)):
            digest.update(b"(")
            for one in part:
                add(one)
            digest.update(b")")
        else:
            digest.update(repr(part).encode())

    add(list(parts))
    return digest.hexdigest()
