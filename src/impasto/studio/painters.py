"""The painters on the page: the styles that fit the network, each with a thumbnail painted by it.

Thumbnails are painted when they are first asked for, a fraction of a second each, and kept in the
cache under the digests of the network and the style: none can be older than what it shows.
"""

import os
from pathlib import Path

from impasto.errors import OutputError, WeightsError
from impasto.images.io import Picture, read_picture, write_picture
from impasto.images.resize import center_crop, fit_short_side
from impasto.images.samples import landscape
from impasto.inference.stylize import Stylizer
from impasto.weights.cards import StyleCard, read_card, style_paths
from impasto.weights.registry import cache_folder, digest_of

SIDE = 224
"""Pixels of a thumbnail's side."""


class Painters:
    """The styles that one network can paint in.

    Args:
        stylizer: The network.
        spare: A folder for thumbnails where the cache cannot be written.
    """

    def __init__(self, stylizer: Stylizer, *, spare: Path) -> None:
        self.stylizer, self.spare = stylizer, spare
        self.damaged: list[str] = []
        """What is wrong with styles that cannot be shown, one sentence each."""

    def cards(self) -> dict[str, StyleCard]:
        """The cards of the styles that fit, by name; none for a network of one style."""
        if self.stylizer.painter.own_style is not None:
            return {}
        found, self.damaged = {}, []
        for name, path in style_paths().items():
            try:
                card = read_card(path)
            except WeightsError as error:
                self.damaged.append(str(error))
                continue
            if not card.digest or card.digest == self.stylizer.painter.digest:
                found[name] = card
        return found

    def thumbnail(self, name: str) -> Path:
        """The sample in a style, as a file.

        Raises:
            WeightsError: The style is damaged.
        """
        style = style_paths()[name]
        file = f"{name}-{digest_of(style)[:12]}-{self.stylizer.painter.digest}.webp"
        cached = cache_folder().with_name("thumbnails") / file
        spare = self.spare / file
        for place in (cached, spare):
            if place.is_file():
                return place
        painting = self.stylizer.stylize(_subject(), name)
        painting = painting.replace_pixels(fit_short_side(painting.pixels, SIDE))
        try:
            write_picture(painting, cached, quality=82)
        except OutputError:  # a cache that cannot be written is no reason to show nothing
            write_picture(painting, spare, quality=82)
            return spare
        return cached

    def caption(self, style: str | os.PathLike[str]) -> str:
        """A style in words: "Water Lilies, Claude Monet, about 1916"; a file's own name."""
        card = self.cards().get(str(style))
        if card is None:
            return Path(style).stem.replace("-", " ").replace("_", " ")
        return ", ".join(filter(None, (card.title or card.name, card.painter, card.year)))


def sample_photo() -> Picture:
    """A landscape of our own for a first try: nothing is fetched, nobody's rights are touched."""
    return landscape()


def own_thumbnail(path: str | os.PathLike[str], folder: Path) -> Path:
    """A small copy of a painting that was dropped, for the gallery.

    Args:
        path: The painting.
        folder: Where the copy goes.

    Raises:
        ImageError: It is no picture that can be read.
    """
    pixels = center_crop(fit_short_side(read_picture(Path(path)).pixels, SIDE), (SIDE, SIDE))
    target = folder / f"{Path(path).stem}-thumbnail.webp"
    write_picture(Picture(pixels=pixels), target, quality=82)
    return target


def _subject() -> Picture:
    # Twice as large, then reduced: strokes are seen as on a painting and not under a glass.
    return landscape((2 * SIDE, 2 * SIDE))
