"""A file that arrives in pieces: one file with holes, and beside it a list of what is whole.

A piece is written to the disk before the list says so. Whatever kills the process, the list
promises no byte that is not there; at worst a piece is fetched again.
"""

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impasto.images.files import write_whole

SMALLEST_PIECE, LARGEST_PIECE = 1 << 20, 16 << 20
"""Bytes: of so much a killed process repeats at most one per connection."""


@dataclass
class Piece:
    """A part of the file that is fetched as one."""

    index: int
    at: int
    """Where to go on."""
    end: int
    """One beyond its last byte."""


class Parts:
    """The pieces of one file.

    Args:
        path: The file as it will be called; ``path.part`` and ``path.part.json`` hold the pieces.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.with_name(path.name + ".part")
        self.list = path.with_name(path.name + ".part.json")
        self.total, self.size, self.validator = 0, 1, ""
        self.whole: set[int] = set()
        self._lock = threading.Lock()

    def begin(self, total: int, validator: str, connections: int, *, same: bool) -> bool:
        """Go on with what an earlier run left, or begin with holes alone.

        Args:
            total: Bytes of the file.
            validator: What the server says about its version.
            connections: How many there will be.
            same: Whether another version would be noticed at the end (by a digest), so that the
                server's word is not needed.

        Returns:
            Whether there was something to go on with.

        Raises:
            OSError: The disk cannot be written.
        """
        old = self._read_list()
        fits = old.get("total") == total and (same or old.get("validator") == validator)
        if fits and self.file.exists() and self.file.stat().st_size == total:
            self.total, self.size, self.validator = total, int(old["piece"]), validator
            self.whole = {int(i) for i in old["whole"]} & set(range(self.count))
            return bool(self.whole)
        self.discard()
        self.total, self.validator, self.whole = total, validator, set()
        self.size = min(max(total // (4 * connections), SMALLEST_PIECE), LARGEST_PIECE)
        with open(self.file, "wb") as file:
            file.truncate(total)
        self._write_list()
        return False

    @property
    def count(self) -> int:
        """Pieces of the file."""
        return -(-self.total // self.size)

    @property
    def have(self) -> int:
        """Bytes of the pieces that are whole."""
        return sum(p.end - p.at for p in map(self.piece, self.whole))

    def piece(self, index: int) -> Piece:
        """The piece of that number, nothing of it there yet."""
        start = index * self.size
        return Piece(index, start, min(start + self.size, self.total))

    def missing(self) -> list[Piece]:
        """The pieces that are not whole, in order."""
        return [self.piece(i) for i in range(self.count) if i not in self.whole]

    def finish(self, piece: Piece) -> None:
        """Note that a piece lies on the disk.

        Raises:
            OSError: It cannot be noted.
        """
        with self._lock:
            self.whole.add(piece.index)
            self._write_list()

    def discard(self) -> None:
        """Throw everything away, the list first."""
        self.list.unlink(missing_ok=True)
        self.file.unlink(missing_ok=True)
        self.whole = set()

    def put_in_place(self, path: Path) -> None:
        """Give the whole file its name.

        Raises:
            OSError: The place cannot be written.
        """
        os.replace(self.file, path)
        self.list.unlink(missing_ok=True)

    def _read_list(self) -> dict[str, Any]:
        try:
            found = json.loads(self.list.read_text(encoding="utf-8"))
            int(found["total"]), int(found["piece"]), [int(i) for i in found["whole"]]
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        return dict(found) if found["piece"] > 0 else {}

    def _write_list(self) -> None:
        document = {
            "total": self.total,
            "piece": self.size,
            "validator": self.validator,
            "whole": sorted(self.whole),
        }
        write_whole(self.list, json.dumps(document).encode())
