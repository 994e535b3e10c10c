"""Choosing a painter: the gallery of thumbnails, and paintings that a visitor drops."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from impasto.errors import ImpastoError
from impasto.studio import words
from impasto.studio.desk import Desk
from impasto.studio.painters import own_thumbnail
from impasto.studio.parts import picture_drop

NOBODY = ""
"""Chosen in a list where no painter is."""


class Manner:
    """The gallery, the drop for a painting of one's own, and which of them is chosen.

    Args:
        desk: What all tabs share.
        tab: Whose; the elements' ids begin with it.
    """

    def __init__(self, desk: Desk, tab: str) -> None:
        self.desk = desk
        self.names = list(desk.painters.cards())
        first = self.names[0] if self.names else None
        self.chosen = gr.State(first)
        self.own: Any = gr.State([])
        self.gallery = gr.Gallery(
            self._items([]),
            label="Painters",
            show_label=False,
            columns=5,
            height="auto",
            object_fit="cover",
            allow_preview=False,
            interactive=False,
            selected_index=0 if first else None,
            buttons=[],
            visible=bool(first),
            elem_id=f"{tab}-painters",
            elem_classes=["imp-painters"],
        )
        self.caption = gr.HTML(self._said(first), elem_id=f"{tab}-chosen", padding=False)
        self.drop = picture_drop("Or drop a painting of your own", f"{tab}-painting", height=96)
        if desk.stylizer.painter.own_style is not None:
            self.drop.visible = False

    def connect(self, others: Sequence[Any] = (), status: Any = None) -> None:
        """Let clicks and drops choose.

        Args:
            others: Lists of painters that a dropped painting joins.
            status: Where it is said what is wrong with one.
        """
        quiet: dict[str, Any] = {
            "queue": False,
            "show_progress": "hidden",
            "api_visibility": "private",
        }
        self.gallery.select(self._clicked, [self.own], [self.chosen, self.caption], **quiet)

        def dropped(path: str | None, own: list[str]) -> dict[Any, Any]:
            return self._dropped(path, own, others, status)

        outputs = [self.own, self.chosen, self.caption, self.gallery, *others, status]
        self.drop.upload(dropped, [self.drop, self.own], outputs, **quiet)

    def choices(self, own: Sequence[str] = ()) -> list[tuple[str, str]]:
        """Painters for a list: (what is shown, what is meant)."""
        dropped = [(f"your {Path(path).name}", path) for path in own]
        return [*dropped, *((self.desk.painters.caption(name), name) for name in self.names)]

    def _items(self, own: Sequence[str]) -> list[tuple[str, str]]:
        folder = self.desk.folder / "thumbnails"
        dropped = [(str(own_thumbnail(path, folder)), Path(path).stem) for path in own]
        painted = [
            (str(self.desk.painters.thumbnail(name)), name.replace("-", " ")) for name in self.names
        ]
        return [*dropped, *painted]

    def _said(self, chosen: str | None) -> str:
        card = self.desk.painters.cards().get(chosen or "")
        if card is not None and card.painter:
            return words.chosen(card.painter, ", ".join(filter(None, (card.title, card.year))))
        name = self.desk.stylizer.name if chosen is None else chosen
        return words.chosen(self.desk.painters.caption(name))

    def _clicked(self, own: list[str], event: gr.SelectData) -> tuple[str, str]:
        chosen = [*own, *self.names][int(event.index)]
        return chosen, self._said(chosen)

    def _dropped(
        self, path: str | None, own: list[str], others: Sequence[Any], status: Any
    ) -> dict[Any, Any]:
        if path is None:
            return {self.own: own}
        paths = [path, *(p for p in own if p != path)]
        try:
            items = self._items(paths)
        except ImpastoError as error:
            return {status: words.refused(self.desk.plain(str(error)))}
        updates = {other: gr.update(choices=[("nobody", NOBODY), *self.choices(paths)])
                   for other in others}  # fmt: skip
        return updates | {
            self.own: paths,
            self.chosen: path,
            self.caption: self._said(path),
            self.gallery: gr.update(value=items, selected_index=0, visible=True),
            status: "",
        }
