"""The wall at the foot of the page: what a visitor has made, to look at and download again."""

from typing import Any

import gradio as gr

from impasto.studio.desk import Finished

MOST = 48
"""Pictures on one wall; the oldest make room."""


class Wall:
    """A visitor's gallery; ``place`` puts it on the page, after the tabs that use it."""

    def __init__(self) -> None:
        self.hung = gr.State([])
        self.gallery: Any = gr.Gallery(
            label="Your wall",
            show_label=False,
            columns=6,
            fit_columns=False,
            height="auto",
            object_fit="cover",
            allow_preview=True,
            interactive=False,
            buttons=["fullscreen"],
            elem_id="wall",
            elem_classes=["imp-wall"],
            visible=False,
            render=False,
        )
        self.download: Any = gr.DownloadButton(
            "Download", visible=False, size="sm", elem_id="wall-download", render=False
        )

    def place(self) -> None:
        """Put it on the page here."""
        self.gallery.render()
        self.download.render()
        self.gallery.select(
            self._taken_down, [self.hung], [self.download], queue=False, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip

    @property
    def outputs(self) -> list[Any]:
        """What ``hang`` may change."""
        return [self.hung, self.gallery]

    def hang(self, finished: Finished, hung: list[Finished]) -> dict[Any, Any]:
        """Updates of the page with one more picture, the newest first."""
        pictures = [finished, *hung][:MOST]
        items = [(str(picture.shown), picture.caption or None) for picture in pictures]
        return {self.hung: pictures, self.gallery: gr.update(value=items, visible=True)}

    def _taken_down(self, hung: list[Finished], event: gr.SelectData) -> Any:
        index = int(event.index)
        if index >= len(hung):
            return gr.update(visible=False)
        file = hung[index].file
        return gr.update(value=str(file), label=f"Download {file.name}", visible=True)
