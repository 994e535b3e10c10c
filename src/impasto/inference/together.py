"""Pictures of equal size in the same styles: at once where that is the same, else one by one."""

from collections.abc import Sequence
from typing import Any

from impasto.images.io import Picture
from impasto.inference.choose import is_easy
from impasto.inference.mixed import paint_mixed
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer
from impasto.methods.base import Statistics


def paint_together(
    stylizer: Stylizer,
    pictures: Sequence[Picture],
    statistics: Sequence[Statistics],
    *,
    mask: Sequence[Any] | None = None,
    config: StylizeConfig,
) -> list[Picture]:
    """Paint pictures of equal size.

    At once where that is the same: with masks, in tiles, or beyond what memory holds with ease
    they are painted one after the other.

    Args:
        stylizer: Who paints.
        pictures: All of one size.
        statistics: Of the styles.
        mask: One per style; see Stylizer.stylize.
        config: Settings of all pictures.

    Returns:
        The paintings in the order of the pictures; each is what ``stylize`` would give, but for
        rounding.

    Raises:
        ImpastoError: See Stylizer.stylize.
    """
    if mask or len(pictures) < 2 or not _fits(stylizer, pictures, config):
        return [stylizer.stylize(p, statistics, mask=mask, config=config) for p in pictures]
    count = len(pictures)
    return paint_mixed(stylizer, pictures, [statistics] * count, [config] * count)


def _fits(stylizer: Stylizer, pictures: Sequence[Picture], config: StylizeConfig) -> bool:
    if config.alpha == 0 or config.tile.isdecimal() or config.max_memory is not None:
        return False
    height, width = pictures[0].size
    return is_easy((len(pictures) * height, width), stylizer.painter.device)
