"""The tab Dream: what a network sees in a photograph, raised until everybody sees it."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from impasto.features.dreamers import layers_of
from impasto.methods.deepdream.settings import DreamConfig
from impasto.studio import words
from impasto.studio.desk import Desk, Finished
from impasto.studio.easel import Easel, Updates, visitor_of
from impasto.studio.parts import (
    easel_column,
    picture_drop,
    run_button,
    setting,
    slider,
    tools_column,
)
from impasto.studio.wall import Wall
from impasto.studio.work import dream_of, dreamers_at_hand

TAB = "dream"


class Dream:
    """The tab; building it puts it on the page."""

    def __init__(self, desk: Desk, wall: Wall) -> None:
        self.desk = desk
        with gr.Row(elem_classes=["imp-bench"]):
            with tools_column():
                self._parts()
                with gr.Row(elem_classes=["imp-press"]):
                    self.run = run_button(TAB, "Dream")
            with easel_column():
                self.easel = Easel(
                    desk, wall, TAB, title="Nothing dreamt yet",
                    text="Drop a photograph. What a network faintly sees in it is made stronger, "
                    "octave by octave, while you watch.",
                )  # fmt: skip
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.network.change(_layers, self.network, self.layers, queue=False, **quiet)
        inputs = [self.photo, self.guide, self.network, self.layers, self.octaves, self.steps,
                  self.step_size, self.size, wall.hung]  # fmt: skip
        self.run.click(self._run, inputs, self.easel.outputs, concurrency_id="slow", **quiet)

    def _parts(self) -> None:
        gr.HTML(words.heading(1, "A photograph"), padding=False)
        self.photo = picture_drop("Drop a photograph", f"{TAB}-photo", height=200)
        gr.HTML(words.heading(2, "Of what"), padding=False)
        self.network = gr.Dropdown(
            dreamers_at_hand(), value="lite", label="Network",
            info="Others than lite are fetched with: impasto models fetch googlenet.",
        )  # fmt: skip
        self.layers = gr.Dropdown(
            layers_of("lite"), value=list(setting(DreamConfig, "layers").default), multiselect=True,
            label="Layers", info="Early ones dream of strokes and weaves, late ones of things.",
        )  # fmt: skip
        self.size = gr.Slider(128, 2048, 640, step=32, label="Long side in pixels")
        with gr.Accordion("How deeply", open=False):
            self.octaves = slider(DreamConfig, "octaves", "Octaves", least=1, most=10, step=1)
            self.steps = slider(DreamConfig, "steps", "Steps", least=1, most=50, step=1)
            self.step_size = slider(
                DreamConfig, "step_size", "Length of a step", least=0.002, most=0.05, step=0.002
            )
            self.guide = picture_drop("A guide: dream of what it shows", f"{TAB}-guide", height=160)

    def _run(
        self,
        photo: str | None,
        guide: str | None,
        network: str,
        layers: list[str],
        octaves: int,
        steps: int,
        step_size: float,
        size: int,
        hung: list[Finished],
        request: gr.Request,
    ) -> Iterator[Updates]:
        def work(flag: Any) -> Any:
            return dream_of(
                self.desk, photo, guide=guide, size=int(size), network=network, layers=layers,
                octaves=int(octaves), steps=int(steps), step_size=step_size, stop=flag,
            )  # fmt: skip

        yield from self.easel.show(work, hung, visitor_of(request))


def _layers(network: str) -> Any:
    """The network's own layers; one in the middle is a good begin."""
    names = layers_of(network)
    default = [n for n in setting(DreamConfig, "layers").default if n in names]
    return gr.update(choices=names, value=default or [names[len(names) // 2]])
