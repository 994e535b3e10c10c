"""The tab Translate: pictures of one kind become pictures of another, by a model that learnt it."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from impasto.inference.translate_settings import TranslateConfig
from impasto.studio import words
from impasto.studio.desk import Desk, Finished
from impasto.studio.easel import Easel, Updates, visitor_of
from impasto.studio.parts import easel_column, picture_drop, run_button, slider, tools_column
from impasto.studio.wall import Wall
from impasto.studio.work import translate

TAB = "translate"
DIRECTIONS = [("as learned", ""), ("a to b", "a2b"), ("b to a", "b2a")]
UPLOADED = ""
"""Chosen where the dropped file counts."""


class Translate:
    """The tab; building it puts it on the page."""

    def __init__(self, desk: Desk, wall: Wall) -> None:
        self.desk = desk
        with gr.Row(elem_classes=["imp-bench"]):
            with tools_column():
                self._parts()
                with gr.Row(elem_classes=["imp-press"]):
                    self.run = run_button(TAB, "Translate")
            with easel_column():
                self.easel = Easel(
                    desk, wall, TAB, title="From plans to facades",
                    text="Horses to zebras, plans to houses, summer to winter: whatever a model "
                    "of pix2pix or CycleGAN has learned. Train one with impasto train pix2pix, "
                    "and drop its file here.",
                )  # fmt: skip
        inputs = [self.photo, self.model, self.upload, self.direction, self.strength, wall.hung]
        self.run.click(
            self._run, inputs, self.easel.outputs, concurrency_id="quick", show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip

    def _parts(self) -> None:
        gr.HTML(words.heading(1, "A picture"), padding=False)
        self.photo = picture_drop("Drop a picture", f"{TAB}-photo")
        gr.HTML(words.heading(2, "A model"), padding=False)
        known = list(self.desk.translators)
        self.model = gr.Dropdown(
            [*known, ("the file below", UPLOADED)] if known else [("the file below", UPLOADED)],
            value=known[0] if known else UPLOADED, label="Model", visible=bool(known),
        )  # fmt: skip
        self.upload = gr.File(
            label="Drop a model (.safetensors or .pth)", file_types=[".safetensors", ".pth"],
            height=110, elem_id=f"{TAB}-model",
        )  # fmt: skip
        gr.HTML(words.heading(3, "How"), padding=False)
        self.direction = gr.Radio(DIRECTIONS, value="", label="Direction")
        self.strength = slider(TranslateConfig, "strength", "Strength", least=0, most=1)

    def _run(
        self,
        photo: str | None,
        model: str,
        upload: str | None,
        direction: str,
        strength: float,
        hung: list[Finished],
        request: gr.Request,
    ) -> Iterator[Updates]:
        def work(flag: Any) -> Any:
            return translate(
                self.desk, photo, model or upload, direction=direction or None, strength=strength,
                stop=flag,
            )  # fmt: skip

        yield from self.easel.show(work, hung, visitor_of(request))
