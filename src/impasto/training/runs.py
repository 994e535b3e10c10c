"""The folder of a run: what lies where in it, and how far it has come. Imports no torch."""

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path

from impasto.errors import InputError
from impasto.images.files import write_whole

CONFIG, RESULT, SKIPPED = "config.yaml", "result.json", "skipped.txt"
SHEETS, CHECKPOINTS, LAST = "sheets", "checkpoints", "last.ckpt"
MONTAGE, CHART = "montage.png", "losses.png"
CSV, TENSORBOARD = "csv", "tensorboard"
HEAD = "# impasto train "
"""How the saved configuration begins; the method follows."""

Curves = dict[str, list[tuple[int, float]]]
"""(step, value) by name, such as train/content."""


def last_checkpoint(run: Path) -> Path:
    """Where a run's newest checkpoint is, or would be."""
    return run / CHECKPOINTS / LAST


def check_resumable(run: Path, method: str) -> Path:
    """The checkpoint to go on from.

    Raises:
        InputError: There is none, or the run is another method's.
    """
    checkpoint = last_checkpoint(run)
    if not checkpoint.is_file() or not (run / CONFIG).is_file():
        raise InputError(
            f"{run} has no checkpoint to go on from; begin anew without --resume, or name another "
            "run with --run."
        )
    first = (run / CONFIG).read_text(encoding="utf-8").split("\n")[0]
    if first.startswith(HEAD) and first.removeprefix(HEAD) != method:
        other = first.removeprefix(HEAD)
        raise InputError(f"{run} is a run of {other}; type: impasto train {other} --resume.")
    return checkpoint


def check_fresh(run: Path) -> None:
    """Refuse to begin anew where a run has come some way.

    Raises:
        InputError: There is a checkpoint.
    """
    if last_checkpoint(run).is_file():
        raise InputError(
            f"{run} holds a run already; go on with it with --resume, or give another folder with "
            "--run."
        )


def write_result(run: Path, steps: int, losses: Mapping[str, float]) -> None:
    """Mark a run as finished.

    Args:
        run: Its folder.
        steps: Updates that were made.
        losses: By name; those that are no numbers are left out.
    """
    numbers = {name: value for name, value in losses.items() if math.isfinite(value)}
    document = json.dumps({"steps": steps, "losses": numbers}, indent=2) + "\n"
    write_whole(run / RESULT, document.encode())


def read_result(run: Path) -> dict[str, float] | None:
    """The losses at the end of a finished run; None for one that is not finished."""
    try:
        document = json.loads((run / RESULT).read_text(encoding="utf-8"))
        return {str(name): float(value) for name, value in document["losses"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_curves(run: Path) -> Curves:
    """Every logged number over the steps of a run.

    A resumed run begins a table of its own (``csv/version_1``), which counts from its first step
    on; a line that a kill has cut is passed over.

    Args:
        run: Its folder.
    """
    tables = sorted((run / CSV).glob("version_*/metrics.csv"), key=_version)
    rows: list[tuple[int, dict[str, float]]] = []
    for table in tables:
        new = _rows(table)
        if new:
            first = min(step for step, _ in new)
            rows = [(step, values) for step, values in rows if step < first] + new
    curves: Curves = {}
    for step, values in rows:
        for name, value in values.items():
            curves.setdefault(name, []).append((step, value))
    return curves


def _version(table: Path) -> int:
    number = table.parent.name.removeprefix("version_")
    return int(number) if number.isdigit() else 0


def _rows(table: Path) -> list[tuple[int, dict[str, float]]]:
    rows = []
    text = table.read_text(encoding="utf-8")
    # Of a line that a kill has cut the last number may still look like one.
    whole = text[: text.rfind("\n") + 1]
    for row in csv.DictReader(whole.splitlines()):
        try:
            values = {k: float(v) for k, v in row.items() if k and v and "/" in k}
            rows.append((int(float(row["step"])) + 1, values))
        except (KeyError, TypeError, ValueError):
            continue
    return rows
