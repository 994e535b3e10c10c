"""One run: LightningCLI with our modules, our defaults, and everything below one folder.

Reading order: run_training, Command, RunConfig.
"""

import argparse
import importlib
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.cli import LightningCLI, SaveConfigCallback
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from impasto.cli.train import RunFlags
from impasto.cli.training_progress import RunProgress
from impasto.errors import ImpastoError, InputError, ResourceError
from impasto.images.files import write_whole
from impasto.training.callbacks import PictureSheet, SavesWeights, SaveWeights, SkippedFiles
from impasto.training.charts import LossChart
from impasto.training.checkpoints import Checkpoints, WholeCheckpoints
from impasto.training.datamodule import ContentStyleData
from impasto.training.learner import Learner
from impasto.training.runs import (
    CONFIG,
    CSV,
    HEAD,
    RESULT,
    TENSORBOARD,
    check_fresh,
    check_resumable,
)
from impasto.training.translation_sheets import TranslationSheet

DEFAULTS: dict[str, Any] = {
    "max_steps": 20_000,
    "gradient_clip_val": 10.0,
    "log_every_n_steps": 20,
    "val_check_interval": 500,
    "check_val_every_n_epoch": None,  # the draw never ends: there is one epoch
    "num_sanity_val_steps": 0,
    "enable_model_summary": False,
}
"""Of the trainer, where neither a preset nor a configuration nor a flag says otherwise."""

QUIET = (
    "LightningCLI's args parameter",  # it fears a mistake wherever the process has words
    ".*does not have many workers",
    ".*ended before the epoch ended and your dataloader is not resumable",
    ".*callbacks used to create the checkpoint need to be provided",
    ".*You defined a `validation_step` but have no `val_dataloader`",
    "(?s).*isinstance.treespec, LeafSpec.",
    # Functions that Lightning calls by their older names.
    "(?s).*(jsonargparse|was deprecated in v4.* and will be removed in v5)",
)
"""Warnings that would be true of others' training and are not of ours."""


def run_training(method: str, home: str, flags: RunFlags) -> int:
    """Begin a run or go on with one.

    Args:
        method: As typed.
        home: Module and class of its LightningModule.
        flags: Ours and the rest.

    Returns:
        The exit code.

    Raises:
        InputError: A wrong flag; nothing to resume; a run that would be begun a second time.
        TrainingError: Learning cannot go on.
        KeyboardInterrupt: It was interrupted.
    """
    words, checkpoint = list(flags.rest), None
    asks = any(word in ("--help", "-h", "--print_config") for word in words)
    if flags.resume:
        checkpoint = check_resumable(flags.run, method)
        words = ["--config", str(flags.run / CONFIG), *words]
        (flags.run / RESULT).unlink(missing_ok=True)
    elif "LOCAL_RANK" not in os.environ and not asks:  # not one of several that a run has started
        check_fresh(flags.run)
    module, _, name = home.partition(":")
    logging.getLogger("lightning.pytorch.utilities.rank_zero").addFilter(_is_no_advertisement)
    with _one_sentence(method), warnings.catch_warnings():
        for message in QUIET:
            warnings.filterwarnings("ignore", message)
        command = Command(
            getattr(importlib.import_module(module), name),
            method=method,
            run=flags.run,
            checkpoint=checkpoint,
            words=words,
        )
    if command.trainer.is_global_zero and isinstance(command.model, SavesWeights):
        print(flags.run / command.model.weights_to_save()[0])
    return 0


class Command(LightningCLI):
    """LightningCLI for one run.

    Args:
        model: The LightningModule's class.
        method: As typed.
        run: The folder.
        checkpoint: What to go on from.
        words: LightningCLI's flags.
    """

    def __init__(
        self,
        model: type[Learner],
        *,
        method: str,
        run: Path,
        checkpoint: Path | None,
        words: Sequence[str],
    ) -> None:
        self.method, self.run_folder, self.checkpoint = method, run, checkpoint
        self.learner = model
        usage = f"impasto train {method} [--config FILE] [--run FOLDER] [--resume] [flags]"
        common: dict[str, Any] = {"prog": f"impasto train {method}", "exit_on_error": False}
        own = {
            "usage": usage,
            "description": "--run, --resume and --sweep are explained by: impasto train --help",
            "epilog": f"example: impasto train {method} --config configs/{method}.yaml",
        }
        super().__init__(
            model,
            getattr(model, "data_class", ContentStyleData),
            args=["fit", *words],
            save_config_callback=RunConfig,
            save_config_kwargs={"save_to_log_dir": False, "method": method},
            seed_everything_default=0,
            trainer_defaults=DEFAULTS,
            auto_configure_optimizers=False,
            parser_kwargs=common | {"fit": common | own},
        )

    def add_arguments_to_parser(self, parser: Any) -> None:
        """Flags of what watches the run: --checkpoints.every, --sheets.every, --weights.every."""
        parser.add_lightning_class_args(SaveWeights, "weights")
        if hasattr(self.learner, "stylize_sheet"):
            parser.add_lightning_class_args(PictureSheet, "sheets")
        if hasattr(self.learner, "translation_sheet"):
            parser.add_lightning_class_args(TranslationSheet, "sheets")
        parser.add_lightning_class_args(Checkpoints, "checkpoints")

    def parse_arguments(self, parser: Any, args: Any) -> None:
        """Parse twice where a preset has settings of its own, which others then refine."""
        # The first time without what would print the settings and end there.
        super().parse_arguments(parser, [w for w in args if not w.startswith("--print_config")])
        model = self.config.fit.model
        settings = self.learner.preset_settings(model.get("preset", ""))
        if settings:
            self._subcommand_parsers["fit"].set_defaults(settings)
        super().parse_arguments(parser, args)
        self.config.fit.trainer.default_root_dir = str(self.run_folder)

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """The trainer, with its logs in the run's folder."""
        given = self.config_init.fit.trainer
        if given.logger in (None, True):
            self.run_folder.mkdir(parents=True, exist_ok=True)
            kwargs["logger"] = [
                CSVLogger(self.run_folder, name=CSV),
                TensorBoardLogger(self.run_folder, name=TENSORBOARD, version=""),
            ]
        if not getattr(self.datamodule, "validates", True):
            kwargs["limit_val_batches"] = 0
        kwargs["plugins"] = [*_listed(given.plugins), WholeCheckpoints()]
        own = [SkippedFiles(), LossChart()]
        if given.enable_progress_bar is not False:
            own.append(RunProgress(self.method))
        kwargs["callbacks"] = [*_listed(given.callbacks), *own]
        return super().instantiate_trainer(**kwargs)

    def before_fit(self) -> None:
        """Go on from the run's checkpoint, if that is wanted."""
        self.config_init.fit.weights_only = True
        if self.checkpoint is not None and not self.config_init.fit.ckpt_path:
            self.config_init.fit.ckpt_path = str(self.checkpoint)


class RunConfig(SaveConfigCallback):
    """Keeps what a run was told, defaults included, as ``config.yaml`` in its folder."""

    def __init__(self, *args: Any, method: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.method = method

    def save_config(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Write it; on its first line stands the method."""
        config = self.config.clone()
        config.ckpt_path = None  # resuming finds the newest by itself
        text = f"{HEAD}{self.method}\n" + self.parser.dump(config, skip_none=False)
        write_whole(Path(trainer.default_root_dir) / CONFIG, text.encode())


@contextmanager
def _one_sentence(method: str) -> Iterator[None]:
    """What Lightning and its parser raise, as errors of ours."""
    try:
        yield
    except (argparse.ArgumentError, argparse.ArgumentTypeError) as error:
        text = " ".join(str(error).split()).rstrip(".")
        raise InputError(f"{text}; see: impasto train {method} --help.") from error
    except ImpastoError as error:
        # One that a process of the loader raised comes with the whole of its traceback.
        last = str(error).strip().splitlines()[-1]
        prefix = f"{type(error).__module__}.{type(error).__name__}: "
        if last.startswith(prefix):
            raise type(error)(last.removeprefix(prefix)) from error
        raise
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        reason = " ".join(str(error).split()).rstrip(".")
        raise ResourceError(
            f"a process that reads pictures was ended from outside ({reason}); go on with the same "
            f"command and --resume, and if memory ran out, with --data.workers 0."
        ) from error
    except SystemExit as stop:
        # Lightning's answer to Ctrl-C; --help ends with 0.
        if stop.code == 1:
            raise KeyboardInterrupt from stop
        raise


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, (list, tuple)) else [given]


def _is_no_advertisement(record: logging.LogRecord) -> bool:
    return "Tip: For seamless cloud" not in record.getMessage()
