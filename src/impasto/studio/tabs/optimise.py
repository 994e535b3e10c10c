"""The tab Optimise: a photograph is changed until it shows a painting's strokes, step by step."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from impasto.methods.gatys.presets import PRESETS
from impasto.methods.gatys.settings import TransferConfig
from impasto.studio import words
from impasto.studio.desk import Desk, Finished
from impasto.studio.easel import Easel, Updates, visitor_of
from impasto.studio.parts import (
    COLOR_WORDS,
    easel_column,
    picture_drop,
    run_button,
    slider,
    tools_column,
)
from impasto.studio.wall import Wall
from impasto.studio.work import networks_at_hand, optimise

TAB = "optimise"
PRESETS_OWN = ""
"""Chosen where the preset's own network counts."""


class Optimise:
    """The tab; building it puts it on the page."""

    def __init__(self, desk: Desk, wall: Wall) -> None:
        self.desk = desk
        with gr.Row(elem_classes=["imp-bench"]):
            with tools_column():
                self._parts()
                with gr.Row(elem_classes=["imp-press"]):
                    self.run = run_button(TAB, "Begin")
            with easel_column():
                self.easel = Easel(
                    desk, wall, TAB, title="Slow painting",
                    text="No network has learned this: the pixels themselves move until the "
                    "photograph has the painting's strokes. You see every stage, and Stop keeps "
                    "the picture so far.",
                )  # fmt: skip
        inputs = [self.photo, self.painting, self.preset, self.network, self.size,
                  self.style_weight, self.steps, self.color, wall.hung]  # fmt: skip
        self.run.click(
            self._run, inputs, self.easel.outputs, concurrency_id="slow", show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip

    def _parts(self) -> None:
        gr.HTML(words.heading(1, "A photograph and a painting"), padding=False)
        with gr.Row():
            self.photo = picture_drop("Drop a photograph", f"{TAB}-photo", height=200)
            self.painting = picture_drop("Drop a painting", f"{TAB}-painting", height=200)
        gr.HTML(words.heading(2, "How"), padding=False)
        self.size = slider(TransferConfig, "size", "Size", least=128, most=1536, step=32)
        self.color = gr.Radio(
            [(text, value) for value, text in COLOR_WORDS.items()], value="none", label="Colours"
        )
        with gr.Accordion("By the book", open=False):
            self.preset = gr.Dropdown(
                [(f"{name}: {preset.source}", name) for name, preset in PRESETS.items()],
                value="recommended", label="Settings of",
            )  # fmt: skip
            self.network = gr.Dropdown(
                [("the preset's", PRESETS_OWN), *((n, n) for n in networks_at_hand())],
                value=PRESETS_OWN, label="Network",
                info="Others than lite are fetched with: impasto models fetch vgg19.",
            )  # fmt: skip
            self.style_weight = gr.Number(
                None, label="Weight of the style", info="Empty: the preset's."
            )
            self.steps = gr.Number(
                None, label="Steps at the first scale", precision=0, info="Empty: the preset's."
            )

    def _run(
        self,
        photo: str | None,
        painting: str | None,
        preset: str,
        network: str,
        size: int,
        style_weight: float | None,
        steps: int | None,
        color: Any,
        hung: list[Finished],
        request: gr.Request,
    ) -> Iterator[Updates]:
        wishes: dict[str, Any] = {"size": int(size)}
        wishes |= {} if style_weight is None else {"style_weight": style_weight}
        wishes |= {} if steps is None else {"first_steps": int(steps)}

        def work(flag: Any) -> Any:
            return optimise(
                self.desk, photo, painting, preset=preset, network=network or None,
                keep_color=color, stop=flag, **wishes,
            )  # fmt: skip

        yield from self.easel.show(work, hung, visitor_of(request))
