"""The tab Texture: a painting's strokes and colours alone, in any size, also without seams."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from impasto.studio import words
from impasto.studio.desk import Desk, Finished
from impasto.studio.easel import Easel, Updates, visitor_of
from impasto.studio.parts import easel_column, picture_drop, run_button, tools_column
from impasto.studio.wall import Wall
from impasto.studio.work import make_texture

TAB = "texture"


class Texture:
    """The tab; building it puts it on the page."""

    def __init__(self, desk: Desk, wall: Wall) -> None:
        self.desk = desk
        with gr.Row(elem_classes=["imp-bench"]):
            with tools_column():
                gr.HTML(words.heading(1, "A painting"), padding=False)
                self.painting = picture_drop("Drop a painting", f"{TAB}-painting")
                gr.HTML(words.heading(2, "How"), padding=False)
                self.height = gr.Slider(64, 1024, 384, step=32, label="Height in pixels")
                self.width = gr.Slider(64, 1024, 384, step=32, label="Width in pixels")
                self.seamless = gr.Checkbox(
                    True, label="Without seams", info="The result wraps around, as tiles must."
                )
                with gr.Row(elem_classes=["imp-press"]):
                    self.run = run_button(TAB, "Weave")
            with easel_column():
                self.easel = Easel(
                    desk, wall, TAB, title="Strokes without a subject", shows="picture",
                    text="Drop a painting: its strokes and colours grow out of noise, in any "
                    "shape, for a wallpaper or the ground of another picture.",
                )  # fmt: skip
        inputs = [self.painting, self.height, self.width, self.seamless, wall.hung]
        self.run.click(
            self._run, inputs, self.easel.outputs, concurrency_id="slow", show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip

    def _run(
        self,
        painting: str | None,
        height: int,
        width: int,
        seamless: bool,
        hung: list[Finished],
        request: gr.Request,
    ) -> Iterator[Updates]:
        def work(flag: Any) -> Any:
            shape = (int(height), int(width))
            return make_texture(self.desk, painting, shape=shape, seamless=seamless, stop=flag)

        yield from self.easel.show(work, hung, visitor_of(request))
