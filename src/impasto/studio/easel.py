"""Where a tab's pictures appear: an invitation, a picture in the making, before and after.

Reading order: Easel (the parts), Easel.show (a work becomes updates of the page).
"""

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any, Literal

import gradio as gr

from impasto.errors import ImpastoError
from impasto.images.io import Picture
from impasto.studio import words
from impasto.studio.desk import Desk, Finished, preview
from impasto.studio.running import Progress, StoppedError
from impasto.studio.wall import Wall
from impasto.studio.work import Work

Shows = Literal["pair", "picture", "film"]
"""What comes out: before and after, a picture alone, a film."""

LIVE_SIDE = 720
"""Pixels of the longer side of a picture in the making."""

MEMORY_FULL = "the memory is full; give a smaller picture, or close other programs."

Updates = dict[Any, Any]
"""Component -> what becomes of it."""


class Easel:
    """The parts of one tab that show what is made.

    Args:
        desk: What all tabs share.
        wall: Where finished pictures hang.
        tab: Its name; the elements' ids begin with it.
        title, text: The invitation.
        shows: What comes out.
    """

    def __init__(
        self, desk: Desk, wall: Wall, tab: str, *, title: str, text: str, shows: Shows = "pair"
    ) -> None:
        self.desk, self.wall, self.tab, self.shows = desk, wall, tab, shows
        with gr.Column(elem_id=f"{tab}-easel", elem_classes=["imp-easel"]):
            self.empty = gr.HTML(
                words.invitation(title, text), elem_id=f"{tab}-empty", padding=False
            )
            self.live = gr.Image(
                visible=False, interactive=False, show_label=False, format="jpeg", buttons=[],
                elem_id=f"{tab}-live", elem_classes=["imp-canvas"],
            )  # fmt: skip
            self.result = self._result()
            self.status = gr.HTML("", elem_id=f"{tab}-status", padding=False)
            with gr.Row(elem_classes=["imp-hands"]):
                self.stop = gr.Button("Stop", visible=False, elem_id=f"{tab}-stop")
                self.download = gr.DownloadButton(
                    "Download at full size", visible=False, elem_id=f"{tab}-download",
                    variant="primary",
                )  # fmt: skip
        self.stop.click(self._stop, None, None, queue=False, api_visibility="private")

    def _result(self) -> Any:
        common: dict[str, Any] = {
            "visible": False, "show_label": False, "interactive": False,
            "elem_id": f"{self.tab}-result", "elem_classes": ["imp-canvas"],
        }  # fmt: skip
        if self.shows == "film":
            return gr.Video(autoplay=True, loop=True, **common)
        if self.shows == "picture":
            return gr.Image(buttons=["fullscreen"], **common)
        return gr.ImageSlider(slider_position=50, buttons=["fullscreen"], **common)

    @property
    def outputs(self) -> list[Any]:
        """All components that ``show`` may change."""
        own = [self.empty, self.live, self.result, self.status, self.stop, self.download]
        return [*own, *self.wall.outputs]

    def show(
        self, work: Callable[[threading.Event], Work], hung: list[Finished], visitor: str
    ) -> Iterator[Updates]:
        """Do a work and show what becomes of it; what is wrong is said, and the studio lives on.

        Args:
            work: Begins it, given the flag of the Stop button.
            hung: What hangs on the visitor's wall.
            visitor: Whose it is.
        """
        flag = self.desk.stops.begin(visitor, self.tab)
        try:
            yield self._busy(Progress(words="getting ready"))
            finished = yield from self._news(work(flag))
            if flag.is_set():
                note = "; ".join(filter(None, ("stopped before the end", finished.note)))
                finished = replace(finished, note=note)
            yield self._finished(finished, hung)
        except StoppedError:
            yield self._ended(words.done("Stopped."))
        except MemoryError:
            yield self._ended(words.refused(MEMORY_FULL))
        except ImpastoError as error:
            yield self._ended(words.refused(self.desk.plain(str(error))))

    def _news(self, work: Work) -> Generator[Updates, None, Finished]:
        try:
            while True:
                try:
                    news = next(work)
                except StopIteration as end:
                    finished: Finished = end.value
                    return finished
                yield self._busy(news)
        finally:
            work.close()

    def _busy(self, news: Progress) -> Updates:
        updates: Updates = {
            self.status: words.busy(news),
            self.stop: gr.update(visible=True),
            self.download: gr.update(visible=False),
        }
        if news.image is not None:
            small = preview(Picture(pixels=news.image.cpu()), LIVE_SIDE)
            updates[self.live] = gr.update(value=small.to_pil(), visible=True)
            updates[self.empty] = gr.update(visible=False)
            updates[self.result] = gr.update(visible=False)
        return updates

    def _finished(self, finished: Finished, hung: list[Finished]) -> Updates:
        shown: Any = str(finished.shown)
        if self.shows == "pair":
            shown = (str(finished.before), shown)
        said = "Finished." if finished.note is None else f"Finished: {finished.note}."
        return {
            self.empty: gr.update(visible=False),
            self.live: gr.update(visible=False),
            self.result: gr.update(value=shown, visible=True),
            self.status: words.done(said),
            self.stop: gr.update(visible=False),
            self.download: gr.update(value=str(finished.file), visible=True),
            **self.wall.hang(finished, hung),
        }

    def _ended(self, status: str) -> Updates:
        """The picture stays as it is; only what is said changes."""
        return {self.status: status, self.stop: gr.update(visible=False)}

    def _stop(self, request: gr.Request) -> None:
        self.desk.stops.stop(visitor_of(request), self.tab)


def visitor_of(request: gr.Request) -> str:
    """By which one visitor's page is told from another's."""
    return str(request.session_hash or "")
