"""``impasto data combine|facades``: pairs to learn translation from."""

import dataclasses

from impasto.cli.output import complain, print_json, progress_bar
from impasto.errors import DataError
from impasto.training.combine import combine_folders

_SHOWN = 20
"""Files that are named before the rest is only counted; --json names all."""


def combine(a: str, b: str, *, output: str, overwrite: bool = False, json: bool = False) -> int:
    """Put pictures of the same name from two folders side by side, as pairs.

    Names are compared without their endings, folders inside included. Pictures without a partner,
    and pairs whose proportions differ, are left out and named.

    Args:
        a: Folder.
        b: Folder whose pictures are called as those of A.
        output: Folder of the results.
        overwrite: Replace pictures that exist.
        json: One JSON document instead of the folder.

    Returns:
        The exit code: 8 when pictures were left out; the others are there.

    Raises:
        InputError: No such folder, or no name that both have.
        OutputError: A result cannot be written.

    Examples:
        impasto data combine labels photos -o pairs
        impasto data combine labels photos -o pairs --overwrite --json
    """
    with progress_bar("combining") as show:
        report = combine_folders(a, b, output, overwrite=overwrite, on_progress=show)
    if json:
        print_json(dataclasses.asdict(report))
    else:
        print(report.output)
        for path in report.missing[:_SHOWN]:
            complain(f"{path} has no partner.")
        for path, reason in list(report.faults.items())[:_SHOWN]:
            complain(reason if path in reason else f"{path}: {reason}")
        left_out = len(report.missing) + len(report.faults)
        if left_out:
            complain(f"{report.written} pairs written, {left_out} pictures left out.")
    return DataError.exit_code if report.missing or report.faults else 0


def facades(
    *,
    output: str,
    pairs: int = 200,
    test: int = 40,
    size: int = 128,
    seed: int = 0,
    unpaired: bool = False,
    overwrite: bool = False,
) -> int:
    """Draw plans of houses and their facades, to try translation without a download.

    Plans stand at the left, facades at the right, so that impasto train pix2pix learns a2b.

    Args:
        output: Folder of the set: train and test go into it.
        pairs: To learn from.
        test: To look at, of other houses.
        size: Side of a plan and of a facade in pixels.
        seed: Other houses.
        unpaired: Write trainA, trainB, testA and testB, of different houses, for CycleGAN.
        overwrite: Replace pictures that exist.

    Returns:
        The exit code.

    Raises:
        InputError: A number out of its range.
        OutputError: A picture is there already, or the place cannot be written.

    Examples:
        impasto data facades -o toy --size 64 --pairs 400
        impasto data facades -o heaps --unpaired
    """
    from impasto.training.toy import write_facades

    with progress_bar("drawing", pairs + test) as show:
        folder = write_facades(
            output,
            pairs=pairs,
            test=test,
            size=size,
            seed=seed,
            unpaired=unpaired,
            overwrite=overwrite,
            on_progress=show,
        )
    print(folder)
    return 0
