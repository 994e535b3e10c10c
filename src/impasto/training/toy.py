"""A set to try translation on, drawn here: plans of houses and their facades."""

from collections.abc import Callable
from pathlib import Path

import torch

from impasto.checks import check_range
from impasto.images.facades import facade_pair
from impasto.images.files import check_destination
from impasto.images.io import write_picture


def write_facades(
    folder: str | Path,
    *,
    pairs: int = 200,
    test: int = 40,
    size: int = 128,
    seed: int = 0,
    unpaired: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Draw a set of facades.

    Args:
        folder: Where ``train`` and ``test`` go, pictures of twice the width with the plan at the
            left; or ``trainA``, ``trainB``, ``testA`` and ``testB``, plans and facades of
            different houses.
        pairs: To learn from.
        test: To look at: houses that are not among the others.
        size: Side of a plan and of a facade in pixels.
        seed: Other houses.
        unpaired: Write two heaps instead of pairs.
        overwrite: Whether existing files may be replaced.
        on_progress: Called with pairs done and in all.

    Returns:
        The folder.

    Raises:
        InputError: A number out of its range.
        OutputError: A file is there already, or the place cannot be written.
    """
    for name, value, least in (("pairs", pairs, 1), ("test", test, 0), ("size", size, 16)):
        check_range(name, value, at_least=least)
    check_range("seed", seed, at_least=0)
    target, report = Path(folder), on_progress or (lambda done, total: None)
    for number in range(pairs + test):
        part, place = ("train", number) if number < pairs else ("test", number - pairs)
        labels, facade = facade_pair((size, size), seed=1_000_003 * seed + number)
        name = f"{place:04}.png"
        if unpaired:
            # The facade of another house: no plan has its own beside it.
            other = 1_000_003 * seed + 500_000 + number
            facade = facade_pair((size, size), seed=other).facade
            files = {f"{part}A/{name}": labels.pixels, f"{part}B/{name}": facade.pixels}
        else:
            files = {f"{part}/{name}": torch.cat([labels.pixels, facade.pixels], dim=-1)}
        for path, pixels in files.items():
            check_destination(target / path, overwrite=overwrite)
            write_picture(pixels, target / path, overwrite=overwrite)
        report(number + 1, pairs + test)
    return target
