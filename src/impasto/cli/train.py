"""``impasto train METHOD``: LightningCLI with our modules.

What can be set comes from the modules' own signatures; ``impasto train swift --help`` lists it.
"""

import argparse
import importlib
import logging
import warnings
from collections.abc import Sequence
from typing import Any

from impasto.checks import check_choice
from impasto.errors import InputError, MissingExtraError

METHODS = {
    "swift": "impasto.training.swift:SwiftTraining",
    "adain": "impasto.training.adain:AdaINTraining",
    "johnson": "impasto.training.johnson:JohnsonTraining",
    "reconstruction": "impasto.training.adain:ReconstructionTraining",
    "lite": "impasto.training.lite:LiteTraining",
}
"""What can be learned, and its LightningModule."""

HELP = """\
usage: impasto train METHOD [--config FILE] [flags]

Learn weights of your own from folders of photographs and paintings.

methods: {methods}; impasto train METHOD --help lists what can be set.

examples:
  impasto train swift --config configs/swift.yaml
  impasto train swift --data.content photos --data.style paintings --trainer.max_steps 40000"""


def train(words: Sequence[str]) -> int:
    """Learn weights of your own from folders of photographs and paintings.

    Args:
        words: A method and LightningCLI's flags.

    Returns:
        The exit code.

    Raises:
        InputError: No method, an unknown one, or a flag that is wrong.
        MissingExtraError: Lightning is not installed.
        TrainingError: Learning cannot go on.

    Examples:
        impasto train swift --config configs/swift.yaml
        impasto train swift --data.content photos --data.style paintings --trainer.max_steps 40000
    """
    if not words or words[0] in ("--help", "-h"):
        print(HELP.format(methods=", ".join(METHODS)))
        return 0
    check_choice("method", words[0], METHODS)
    try:
        importlib.import_module("lightning.pytorch.cli")
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("train", "Training") from error
    _run(words[0], list(words[1:]))
    return 0


def _run(method: str, flags: list[str]) -> None:
    from lightning.pytorch.cli import LightningCLI

    from impasto.training.datamodule import ContentStyleData

    class Command(LightningCLI):
        def parse_arguments(self, parser: Any, args: Any) -> None:
            with warnings.catch_warnings():
                # It fears a mistake wherever the process has words of its own, as ours always has.
                warnings.filterwarnings("ignore", "LightningCLI's args parameter")
                super().parse_arguments(parser, args)

    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_advertisement)
    module, _, name = METHODS[method].partition(":")
    common = {"prog": f"impasto train {method}", "exit_on_error": False}
    usage = f"impasto train {method} [--config FILE] [flags]"
    epilog = f"example: impasto train {method} --config configs/{method}.yaml"
    try:
        Command(
            getattr(importlib.import_module(module), name),
            ContentStyleData,
            args=["fit", *flags],
            save_config_kwargs={"overwrite": True},
            seed_everything_default=0,
            parser_kwargs=common | {"fit": common | {"usage": usage, "epilog": epilog}},
        )
    except (argparse.ArgumentError, argparse.ArgumentTypeError) as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{text}; see: impasto train {method} --help.") from error


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip: For seamless cloud" not in record.getMessage()
