"""The losses of a run as a picture: a row per term, train and valid, on two scales.

Reading order: write_chart, _draw, LossChart (when).
"""

import io
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lightning.pytorch import Callback, LightningModule, Trainer

from impasto.errors import MissingExtraError
from impasto.images.files import write_whole
from impasto.images.sheet import FAINT, INK, PAPER
from impasto.training.runs import CHART, Curves, read_curves, write_result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_log = logging.getLogger(__name__)

TRAIN, VALID = "#2f6f8f", "#c2552d"
"""Of the two lines: blue and rust, apart for every kind of sight."""


def write_chart(run: Path) -> Path | None:
    """Draw the losses of a run so far: left as they are, right by their logarithm.

    Losses fall by powers of ten in their first steps; on the right the rest can be read, too.

    Args:
        run: Its folder, with the tables that training has logged.

    Returns:
        ``losses.png`` in it, or None where nothing was logged.

    Raises:
        OutputError: It cannot be written.
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("train", "The chart of the losses") from error
    curves = read_curves(run)
    names = dict.fromkeys(n.partition("/")[2] for n in curves if n.startswith(("train/", "valid/")))
    if not names:
        return None
    terms = sorted(names, key=lambda name: (name == "total", list(names).index(name)))
    figure = Figure(
        figsize=(11, 2.4 * len(terms) + 0.6), layout="constrained", facecolor=_hex(PAPER)
    )
    FigureCanvasAgg(figure)
    figure.suptitle(run.name, color=_hex(INK), fontsize=13, x=0.01, ha="left")
    axes = figure.subplots(len(terms), 2, squeeze=False, sharex=True)
    for row, term in zip(axes, terms, strict=True):
        for panel, scale in zip(row, ("linear", "log"), strict=True):
            _draw(panel, curves, term, scale)
    axes[0, 0].legend(frameon=False, fontsize=9, labelcolor=_hex(INK))
    for panel in axes[-1]:
        panel.set_xlabel("step", color=_hex(FAINT))
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=100)
    write_whole(run / CHART, buffer.getvalue())
    return run / CHART


def _draw(panel: "Axes", curves: Curves, term: str, scale: str) -> None:
    train, valid = (curves.get(f"{phase}/{term}", []) for phase in ("train", "valid"))
    if train:
        steps, values = zip(*train, strict=True)
        # Single batches scatter; what they scatter around is what one wants to see.
        panel.plot(steps, values, color=TRAIN, alpha=0.25, linewidth=0.8)
        panel.plot(steps, smoothed(values), color=TRAIN, linewidth=1.6, label="train")
    if valid:
        steps, values = zip(*valid, strict=True)
        panel.plot(
            steps, values, color=VALID, linewidth=1.6, marker="o", markersize=3, label="valid"
        )
    if scale == "log" and all(value > 0 for _, value in (*train, *valid)):
        panel.set_yscale("log")
    panel.set_title(term if scale == "linear" else f"{term}, {scale}", fontsize=10, loc="left",
                    color=_hex(INK))  # fmt: skip
    panel.set_facecolor(_hex(PAPER))
    panel.grid(color=_hex(FAINT), alpha=0.2, linewidth=0.6)
    panel.tick_params(colors=_hex(FAINT), labelsize=8, which="both")
    for side, spine in panel.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(_hex(FAINT))


def smoothed(values: Sequence[float]) -> list[float]:
    """A running mean over about a thirtieth of the values, beginning with their own mean so far."""
    weight = 1 - 1 / max(1.0, len(values) / 30)
    mean, total, result = 0.0, 0.0, []
    for value in values:
        mean, total = weight * mean + value, weight * total + 1
        result.append(mean / total)
    return result


def _hex(color: tuple[int, int, int]) -> str:
    return "#" + bytes(color).hex()


class LossChart(Callback):
    """At the end of a run ``losses.png``, and ``result.json``, which marks it as finished."""

    def __init__(self) -> None:
        self._learned = False

    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        """Note that there will be something to write."""
        self._learned = True

    def on_fit_end(self, trainer: Trainer, module: LightningModule) -> None:
        """Write both, after the last checkpoint."""
        if not trainer.is_global_zero or not self._learned:
            return
        run = Path(trainer.default_root_dir)
        for logger in trainer.loggers:
            logger.save()
        try:
            write_chart(run)
        except MissingExtraError as error:  # no reason to lose a run
            _log.warning("%s", error)
        losses = {n: float(v) for n, v in trainer.callback_metrics.items() if "/" in n}
        write_result(run, trainer.global_step, losses)
