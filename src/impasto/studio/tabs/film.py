"""The tab Film: a clip, painted without flicker, its sound kept."""

from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr

from impasto.inference.settings import StylizeConfig, VideoConfig
from impasto.studio import words
from impasto.studio.desk import Desk, Finished
from impasto.studio.easel import Easel, Updates, visitor_of
from impasto.studio.manner import Manner
from impasto.studio.parts import easel_column, film_drop, hint, run_button, slider, tools_column
from impasto.studio.wall import Wall
from impasto.studio.work import look_at_frames, paint_film

TAB = "film"


class Film:
    """The tab; building it puts it on the page."""

    def __init__(self, desk: Desk, wall: Wall) -> None:
        self.desk = desk
        with gr.Row(elem_classes=["imp-bench"]):
            with tools_column():
                self._parts()
                with gr.Row(elem_classes=["imp-press"]):
                    self.look = gr.Button("Look at a few frames", elem_id=f"{TAB}-look")
                    self.run = run_button(TAB, "Paint the film")
            with easel_column():
                self.frames = Easel(
                    desk, wall, "frames", title="A screen, not yet lit", shows="picture",
                    text="Drop a film. Look at a few painted frames first; then paint it whole, "
                    "steady from frame to frame and with its sound.",
                )  # fmt: skip
                self.easel = Easel(desk, wall, TAB, title="", text="", shows="film")
                self.easel.empty.visible = False
        inputs = [self.clip, self.manner.chosen, self.alpha, self.scale, self.steady, self.every,
                  self.start, self.end, wall.hung]  # fmt: skip
        self.manner.connect([], self.easel.status)
        quiet: dict[str, Any] = {
            "concurrency_id": "slow", "show_progress": "hidden", "api_visibility": "private"
        }  # fmt: skip
        self.look.click(self._look, inputs, self.frames.outputs, **quiet)
        outputs = [*self.easel.outputs, self.frames.empty]
        self.run.click(self._run, inputs, outputs, **quiet)

    def _parts(self) -> None:
        gr.HTML(words.heading(1, "A film"), padding=False)
        self.clip = film_drop("Drop a film", f"{TAB}-clip")
        gr.HTML(words.heading(2, "A painter"), padding=False)
        self.manner = Manner(self.desk, TAB)
        gr.HTML(words.heading(3, "How"), padding=False)
        self.alpha = slider(StylizeConfig, "alpha", "Strength", least=0, most=1)
        self.scale = slider(StylizeConfig, "style_scale", "Stroke size", least=0.5, most=2)
        self.steady = slider(VideoConfig, "steady", "Steadiness", least=0, most=1)
        with gr.Accordion("Which part", open=False):
            with gr.Row():
                self.start = gr.Textbox(label="Start", info=hint(VideoConfig, "start"))
                self.end = gr.Textbox(label="End", info=hint(VideoConfig, "end"))
            self.every = slider(VideoConfig, "every", "One frame of", least=1, most=12, step=1)

    def _look(
        self,
        clip: str | None,
        style: str | None,
        alpha: float,
        scale: float,
        steady: float,
        every: int,
        start: str,
        end: str,
        hung: list[Finished],
        request: gr.Request,
    ) -> Iterator[Updates]:
        wishes = _wishes(style, alpha, scale, steady, every, start, end)

        def work(flag: Any) -> Any:
            return look_at_frames(self.desk, clip, *wishes(), stop=flag)

        yield from self.frames.show(work, hung, visitor_of(request))

    def _run(
        self,
        clip: str | None,
        style: str | None,
        alpha: float,
        scale: float,
        steady: float,
        every: int,
        start: str,
        end: str,
        hung: list[Finished],
        request: gr.Request,
    ) -> Iterator[Updates]:
        wishes = _wishes(style, alpha, scale, steady, every, start, end)

        def work(flag: Any) -> Any:
            return paint_film(self.desk, clip, *wishes(), stop=flag)

        for updates in self.easel.show(work, hung, visitor_of(request)):
            yield updates | {self.frames.empty: gr.update(visible=False)}


Wishes = Callable[[], tuple[list[str], StylizeConfig, VideoConfig]]


def _wishes(
    style: str | None,
    alpha: float,
    scale: float,
    steady: float,
    every: int,
    start: str,
    end: str,
) -> Wishes:
    """Styles and settings; made where errors are caught."""

    def made() -> tuple[list[str], StylizeConfig, VideoConfig]:
        config = StylizeConfig(alpha=alpha, style_scale=scale)
        video = VideoConfig(steady=steady, every=int(every), start=start or None, end=end or None)
        return [style] if style else [], config, video

    return made
