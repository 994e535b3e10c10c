"""Pictures of equal size, each in styles of its own, painted at once.

What many clients ask of a service at the same moment: sizes are equal, styles are not. Statistics
of a style are one row per picture of the batch, and networks take them as they take one for all.
"""

from collections.abc import Sequence

import torch

from impasto.images.color import keep_color
from impasto.images.io import Picture
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer, normalized_weights
from impasto.methods.base import Statistics


def paint_mixed(
    stylizer: Stylizer,
    pictures: Sequence[Picture],
    statistics: Sequence[Sequence[Statistics]],
    configs: Sequence[StylizeConfig],
) -> list[Picture]:
    """Paint pictures whole, in one pass of the network.

    Args:
        stylizer: Who paints.
        pictures: Of one size; together they must fit in memory.
        statistics: Of the styles of each picture; each has as many.
        configs: Of each picture; ``style_weights``, ``alpha`` (above 0) and ``seed`` are those of
            the first, which must be everyone's.

    Returns:
        The paintings in the order of the pictures; each is what ``stylize`` would give, but for
        rounding.

    Raises:
        InputError: Weights that do not match the styles.
    """
    first, styles = configs[0], len(statistics[0])
    painted = stylizer.painter.paint(
        torch.cat([picture.pixels for picture in pictures]),
        [_rows([own[index] for own in statistics]) for index in range(styles)],
        weights=normalized_weights(first.style_weights, styles),
        alpha=first.alpha,
        seed=first.seed,
    ).cpu()
    return [
        picture.replace_pixels(keep_color(own, picture.pixels, config.keep_color))
        for picture, own, config in zip(pictures, torch.split(painted, 1), configs, strict=True)
    ]


def _rows(statistics: Sequence[Statistics]) -> Statistics:
    """Statistics of several pictures, each (1, C, 1, 1), as rows of one (B, C, 1, 1)."""
    if all(own is statistics[0] for own in statistics):
        return statistics[0]  # one for all is folded into the weights
    return tuple(
        (torch.cat([mean for mean, _ in scale]), torch.cat([deviation for _, deviation in scale]))
        for scale in zip(*statistics, strict=True)
    )
