"""What the verbs show: results on stdout, everything else on stderr."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from impasto.errors import ImpastoError, InputError
from impasto.inference.plan import STREAM


def print_json(document: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(document, indent=2, ensure_ascii=False, default=str))


def complain(message: object) -> None:
    """One sentence on stderr."""
    print(f"impasto: {message}", file=sys.stderr)


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Rows on stdout: in columns for people, separated by tabs for programs."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def size_text(size: int) -> str:
    """Bytes as people say them."""
    if size < 1000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1e3:.1f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:.1f} GB"


def exit_code_of(errors: Sequence[ImpastoError]) -> int:
    """0 without errors, their common exit code, or 1 when they are of several kinds."""
    codes = {error.exit_code for error in errors}
    return codes.pop() if len(codes) == 1 else int(bool(codes))


@contextlib.contextmanager
def progress_bar(
    title: str, total: int | None = None, *, in_bytes: bool = False
) -> Iterator[Callable[..., None]]:
    """A bar with the time left on stderr, if that is a terminal and there are several pieces.

    Args:
        title: Before the bar.
        total: Pieces; None when the first call will tell.
        in_bytes: Count bytes.

    Yields:
        A function to call with what is done, and perhaps a new total or a note to show.
    """
    if not sys.stderr.isatty() or total == 1:
        yield lambda done, total=None, note="": None
        return
    from rich import progress
    from rich.console import Console

    count = progress.DownloadColumn() if in_bytes else progress.MofNCompleteColumn()
    columns = (progress.TextColumn("{task.description}"), progress.BarColumn(), count)
    # Standard output stays what it is: results are piped while the bar is shown.
    with progress.Progress(
        *columns,
        progress.TimeRemainingColumn(),
        console=Console(stderr=True),
        redirect_stdout=False,
        transient=True,
    ) as bar:
        task = bar.add_task(title, total=total)

        def update(done: int, total: int | None = None, note: str = "") -> None:
            bar.update(task, completed=done, total=total, description=f"{title} {note}".rstrip())

        yield update


def check_stdout(paths: list[str], output: str | None, json: bool) -> None:
    """Find out before any work whether standard output can take what will be sent there.

    Raises:
        InputError: A picture and a JSON document both, or a picture to a terminal.
    """
    if output != STREAM and not (paths == [STREAM] and output is None):
        return
    if json:
        raise InputError("standard output can take the painting or --json; give -o FILE.")
    if sys.stdout.isatty():
        raise InputError(
            "a painting is no text for a terminal; give -o FILE, or send it on with |."
        )
