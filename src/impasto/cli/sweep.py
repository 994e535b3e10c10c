"""``impasto train METHOD --sweep FLAG=A,B``: a run for each value, and what became of them.

Each run is a process and a folder of its own, so that one that breaks takes no other with it, and
a sweep that is begun again skips what is finished. Reading order: sweep, combinations, comparison.
"""

import itertools
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from impasto.cli.output import complain, print_columns
from impasto.cli.train import RunFlags
from impasto.errors import InputError, TrainingError
from impasto.images.sheet import Cell, Row, contact_sheet
from impasto.training.montage import columns_of, sheets_of, write_png
from impasto.training.runs import SHEETS, last_checkpoint, read_result

COMPARISON = "sweep.png"


@dataclass(frozen=True)
class Trial:
    """One run of a sweep."""

    name: str
    """As on the sheet: style_weight 3."""
    folder: Path
    flags: tuple[str, ...]


def sweep(method: str, flags: RunFlags) -> int:
    """Run every combination that is not finished yet, then compare them.

    Args:
        method: As typed.
        flags: Ours and the rest; ``run`` is the folder of all runs.

    Returns:
        The exit code: 0, or that of a run that could not begin.

    Raises:
        InputError: What is swept over cannot be read.
        TrainingError: Learning could not go on with some values; the sheet shows the others.
    """
    trials, broken = combinations(flags), []
    for number, trial in enumerate(trials, start=1):
        if read_result(trial.folder) is not None:
            complain(f"{trial.name}: finished already")
            continue
        complain(f"{trial.name}: run {number} of {len(trials)}")
        resume = ["--resume"] if last_checkpoint(trial.folder).is_file() else []
        words = ["--run", str(trial.folder), *resume, *flags.rest, *trial.flags]
        code = subprocess.run([sys.executable, "-m", "impasto", "train", method, *words]).returncode
        if code == TrainingError.exit_code:
            broken.append(trial.name)
        elif code:
            complain(f"the sweep stops here; {trial.name} ended with exit code {code}, see above")
            return code
    finished = [trial for trial in trials if read_result(trial.folder) is not None]
    if finished:
        _tell(finished)
        path = flags.run / COMPARISON
        if (sheet := comparison(finished, title=f"{method}: {', '.join(flags.sweep)}")) is not None:
            write_png(path, sheet)
            print(path)
    if broken:
        raise TrainingError(
            f"learning could not go on with {' and '.join(broken)}; the other runs are compared."
        )
    return 0


def combinations(flags: RunFlags) -> list[Trial]:
    """Every value of every swept flag with every value of the others.

    Raises:
        InputError: No equals sign, a value that is missing, or values that give one folder.
    """
    axes = []
    for text in flags.sweep:
        name, equals, values = text.partition("=")
        parts = split_values(values)
        if not equals or not name or not all(parts):
            raise InputError(
                f"after --sweep comes a flag with its values, such as "
                f"model.objective.style_weight=1,3,10; got {text!r}."
            )
        axes.append([(name.lstrip("-"), part) for part in parts])
    trials = []
    for chosen in itertools.product(*axes):
        short = [(name.rpartition(".")[2], value) for name, value in chosen]
        stem = ",".join(f"{name}={value}" for name, value in short)
        folder = flags.run / re.sub(r"[^\w.,=+-]+", "_", stem)
        words = tuple(f"--{name}={value}" for name, value in chosen)
        trials.append(Trial(", ".join(f"{n} {v}" for n, v in short), folder, words))
    if len({trial.folder for trial in trials}) < len(trials):
        raise InputError("every value of a sweep must give a folder of its own; leave out doubles.")
    return trials


def split_values(text: str) -> list[str]:
    """Values between commas; those inside brackets or braces do not part: [a,b],[c]."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter in "[{(") - (letter in "]})")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]


def comparison(trials: list[Trial], *, title: str) -> Image.Image | None:
    """The same held pictures as each run paints them in the end; None where none made sheets.

    Args:
        trials: Finished ones.
        title: Above all.
    """
    last = {
        trial: columns_of(list(sheets.values())[-1])
        for trial in trials
        if (sheets := sheets_of(trial.folder / SHEETS))
    }
    if not last:
        return None
    *given, _ = next(iter(last.values()))
    rows = []
    for index, photo in enumerate(given[-1]):
        cells = [Cell(image=given[0][index], name="style")] if len(given) > 1 else []
        for trial, columns in last.items():
            if index < len(columns[-1]):
                cells.append(
                    Cell(image=columns[-1][index], name=trial.name, detail=_losses(trial.folder))
                )
        rows.append(Row(photo=Cell(image=photo, name="content"), paintings=tuple(cells)))
    return contact_sheet(rows, title=title, note="the same pictures after each run", column=256)


def _losses(folder: Path) -> str:
    losses = read_result(folder) or {}
    phase = "valid" if any(name.startswith("valid/") for name in losses) else "train"
    terms = {n.partition("/")[2]: v for n, v in losses.items() if n.startswith(f"{phase}/")}
    terms.pop("total", None)
    return f"{phase}: " + ", ".join(f"{name} {value:.3g}" for name, value in terms.items())


def _tell(trials: list[Trial]) -> None:
    results = {trial: read_result(trial.folder) or {} for trial in trials}
    names = list(dict.fromkeys(name for losses in results.values() for name in losses))
    print_columns(
        [["run", *names]]
        + [
            [trial.name, *(f"{losses[n]:.4g}" if n in losses else "" for n in names)]
            for trial, losses in results.items()
        ]
    )
