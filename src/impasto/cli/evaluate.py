"""``impasto evaluate``: how well a painter paints pictures that it has not seen."""

from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.output import complain, print_columns, print_json, progress_bar
from impasto.cli.startup import quick_start
from impasto.errors import DataError, InputError
from impasto.images.files import check_destination
from impasto.inference.evaluate_settings import NUMBERS, EvaluateConfig
from impasto.runtime import Precision

if TYPE_CHECKING:
    from impasto.inference.evaluate import Report


def evaluate(
    model: str,
    *,
    content: str | None = None,
    style: str | None = None,
    pairs: str | None = None,
    settings: EvaluateConfig,
    device: str = "auto",
    precision: Precision = "auto",
    output: str | None = None,
    overwrite: bool = False,
    json: bool = False,
) -> int:
    """Judge a painter on pictures that it has not seen.

    Prints per figure the mean, the spread and the worst pair. content, style, lpips, grid, seam,
    border and clipped are better when lower, ssim when higher. Nothing is fetched but a judge that
    you name: a figure whose weights are absent is left out, and you are told what to type.

    Args:
        model: The folder of a run, a .safetensors file, or swift.
        content: A folder of photographs.
        style: A folder of paintings, or one. A model that has learned one style needs none, but
            only with its picture its style figure is told.
        pairs: A file with a content and a style per line and a tab between them, found in the two
            folders, or beside the file; instead of a draw.
        settings: Who judges, and what.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: Numbers the painter computes with; the judges take float32.
        output: A folder for the paintings, evaluation.json and sheet.png.
        overwrite: Replace an evaluation that is in the folder.
        json: One JSON document on standard output instead of the table.

    Returns:
        The exit code: 8 when files could not be read; the other pairs are judged.

    Raises:
        ImpastoError: What is wrong with the wishes, or with all pictures.

    Examples:
        impasto evaluate swift --content holiday --style painting.jpg -o evaluation
        impasto evaluate swift --content holiday --style painting.jpg --size 128 --json
    """
    if content is None and pairs is None:
        raise InputError(
            "impasto evaluate needs --content or --pairs: "
            "impasto evaluate runs/adain --content photos --style paintings."
        )
    if output is not None:
        check_destination(Path(output) / NUMBERS, overwrite=overwrite)
    # Imported late: whatever is wrong with the words is said before the seconds of torch.
    with quick_start():
        from impasto.api import load
        from impasto.inference.evaluate import Evaluation, find_pairs

    chosen = find_pairs(content, style, pairs=pairs, limit=settings.limit, seed=settings.seed)
    stylizer = load(model, device=device, precision=precision)
    evaluation = Evaluation(stylizer, chosen, settings, folder=output)
    with progress_bar("judging", len(evaluation)) as show:
        for done, _ in enumerate(evaluation, start=1):
            show(done)
    report = evaluation.report()
    if output is not None:
        from impasto.inference.evaluate_sheet import write_evaluation

        write_evaluation(report, Path(output))
    if json:
        print_json(report.as_document())
    else:
        print_columns(_table(report))
    return _complain_about(report)


def _table(report: "Report") -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("figure", "mean", "spread", "worst", "of")]
    names = {one.number: one.pair for one in report.pairs}
    for name, figure in report.figures.items():
        pair = names[figure.worst_pair]
        of = " + ".join(path.name for path in (pair.content, pair.style) if path is not None)
        numbers = (f"{value:.3f}" for value in (figure.mean, figure.spread, figure.worst))
        rows.append((name, *numbers, of))
    rows += [(name, f"{value:.3f}", "", "", "all") for name, value in report.of_all.items()]
    return rows


def _complain_about(report: "Report") -> int:
    for name, reason in report.absent.items():
        complain(f"{name} is left out: {reason}.")
    for one in report.skipped:
        complain(f"skipped: {one.error}")
    if report.skipped:
        complain(f"{len(report.pairs)} pairs judged, {len(report.skipped)} skipped.")
    return DataError.exit_code if report.skipped else 0
