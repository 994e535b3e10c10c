"""``impasto train METHOD``: a run in a folder of its own, to watch, stop, resume and compare.

What can be set comes from the modules' own signatures; ``impasto train swift --help`` lists it.
Reading order: train, RunFlags; the run itself is in ``training.py``, many of them in ``sweep.py``.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from impasto.checks import check_choice
from impasto.errors import InputError, MissingExtraError

METHODS = {
    "swift": "impasto.training.swift:SwiftTraining",
    "adain": "impasto.training.adain:AdaINTraining",
    "johnson": "impasto.training.johnson:JohnsonTraining",
    "reconstruction": "impasto.training.adain:ReconstructionTraining",
    "lite": "impasto.training.lite:LiteTraining",
    "pix2pix": "impasto.training.pix2pix:Pix2PixTraining",
    "cyclegan": "impasto.training.cyclegan:CycleGANTraining",
}
"""What can be learned, and its LightningModule."""

HELP = """\
usage: impasto train METHOD [--config FILE] [--run FOLDER] [--resume] [--sweep FLAG=A,B,...] [flags]

Learn weights of your own from folders of photographs and paintings.

methods: {methods}; impasto train METHOD --help lists what can be set.

  --run FOLDER         where all of the run goes (default: runs/METHOD, or runs/METHOD-sweep)
  --resume             go on from the run's last checkpoint, with its own settings; flags beside it
                       change them
  --sweep FLAG=A,B,... a run for each value, and one sheet that compares them; may be given twice

examples:
  impasto train swift --config configs/swift.yaml
  impasto train adain --data.content photos --data.style paintings --run runs/mine
  impasto train adain --run runs/mine --resume
  impasto train adain --config configs/adain.yaml --sweep model.objective.style_weight=3,10,30"""


@dataclass(frozen=True, kw_only=True)
class RunFlags:
    """The flags that are ours; all others are Lightning's and the modules'."""

    run: Path
    resume: bool
    sweep: tuple[str, ...]
    rest: tuple[str, ...]


def train(words: Sequence[str]) -> int:
    """Learn weights of your own from folders of photographs and paintings.

    Args:
        words: A method, --run, --resume, --sweep, and LightningCLI's flags.

    Returns:
        The exit code.

    Raises:
        InputError: No method, an unknown one, or a flag that is wrong.
        MissingExtraError: Lightning is not installed.
        TrainingError: Learning cannot go on.

    Examples:
        impasto train swift --config configs/swift.yaml
        impasto train adain --data.content photos --data.style paintings --run runs/mine
        impasto train adain --run runs/mine --resume
        impasto train adain --config configs/adain.yaml --sweep model.objective.style_weight=3,10,30
    """
    if not words or words[0] in ("--help", "-h"):
        print(HELP.format(methods=", ".join(METHODS)))
        return 0
    check_choice("method", words[0], METHODS)
    try:
        importlib.import_module("lightning.pytorch.cli")
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("train", "Training") from error
    method, flags = words[0], split_flags(words[0], words[1:])
    if flags.sweep:
        from impasto.cli.sweep import sweep

        return sweep(method, flags)
    from impasto.cli.training import run_training

    return run_training(method, METHODS[method], flags)


def split_flags(method: str, words: Sequence[str]) -> RunFlags:
    """Take our own flags out of what was typed.

    Args:
        method: Whose run it is.
        words: What stands after the method; values follow their flag or an equals sign.

    Raises:
        InputError: A flag without its value, or Lightning's own flag for the folder.
    """
    run, resume, sweep, rest = "", False, list[str](), list[str]()
    waiting = iter(words)
    for word in waiting:
        name, equals, value = word.partition("=")
        if name == "--resume":
            if equals:
                raise InputError("--resume takes no value; name the run with --run.")
            resume = True
        elif name in ("--run", "--sweep"):
            value = value if equals else next(waiting, "")
            if not value or value.startswith("--"):
                wanted = "a folder" if name == "--run" else "FLAG=A,B,..."
                raise InputError(f"after {name} comes {wanted}.")
            if name == "--run":
                run = value
            else:
                sweep.append(value)
        elif name == "--trainer.default_root_dir":
            raise InputError("the folder of a run is named by --run.")
        else:
            rest.append(word)
    folder = Path(run or f"runs/{method}{'-sweep' if sweep else ''}")
    return RunFlags(run=folder, resume=resume, sweep=tuple(sweep), rest=tuple(rest))
