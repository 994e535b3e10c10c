"""The tab Paint: a photograph, a painter, a second; where the brush went; how strong."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from impasto.errors import ImpastoError
from impasto.images.io import write_picture
from impasto.inference.settings import StylizeConfig
from impasto.studio import words
from impasto.studio.brush import masks_for
from impasto.studio.desk import Desk, Finished, preview, read_upload
from impasto.studio.easel import Easel, Updates, visitor_of
from impasto.studio.manner import NOBODY, Manner
from impasto.studio.painters import sample_photo
from impasto.studio.parts import (
    COLOR_WORDS,
    choice,
    easel_column,
    picture_drop,
    run_button,
    slider,
    tools_column,
)
from impasto.studio.wall import Wall
from impasto.studio.work import paint_photo

TAB = "paint"

BOARD_SIDE = 900
"""Pixels of the longer side of the copy that is brushed on; masks grow with soft edges."""

REGION_WORDS = [
    ("paint there", "inside"),
    ("paint everywhere else", "outside"),
    ("first painter there, second elsewhere", "split"),
]

_LOOK = f"() => document.getElementById('{TAB}-easel').scrollIntoView({{block: 'nearest', behavior: 'smooth'}})"  # noqa: E501


class Paint:
    """The tab; building it puts it on the page."""

    def __init__(self, desk: Desk, wall: Wall) -> None:
        self.desk = desk
        with gr.Row(elem_classes=["imp-bench"]):
            with tools_column():
                self._photo_parts()
                gr.HTML(words.heading(2, "A painter"), padding=False)
                self.manner = Manner(desk, TAB)
                self._look_parts()
                self._mix_parts()
                self._brush_parts()
                with gr.Row(elem_classes=["imp-press"]):
                    self.run = run_button(TAB, "Paint")
            with easel_column():
                self.easel = Easel(
                    desk, wall, TAB, title="The easel is free",
                    text="Drop a photograph, choose who shall paint it, and press Paint. "
                    "It takes about a second.",
                )  # fmt: skip
        self._connect(wall)

    def _photo_parts(self) -> None:
        gr.HTML(words.heading(1, "Your photograph"), padding=False)
        self.photo = picture_drop("Drop a photograph", "paint-photo")
        self.sample = gr.Button("None at hand? Take our landscape", size="sm", elem_id="sample")

    def _look_parts(self) -> None:
        gr.HTML(words.heading(3, "How"), padding=False)
        self.alpha = slider(StylizeConfig, "alpha", "Strength", least=0, most=1, elem_id="strength")
        self.scale = slider(StylizeConfig, "style_scale", "Stroke size", least=0.5, most=2)
        self.color = choice(StylizeConfig, "keep_color", "Colours", COLOR_WORDS)

    def _mix_parts(self) -> None:
        with gr.Accordion("Mix with a second painter", open=False):
            self.second = gr.Dropdown(
                [("nobody", NOBODY), *self.manner.choices()], value=NOBODY, label="Second painter",
                elem_id="second",
            )  # fmt: skip
            self.share = gr.Slider(0, 1, 0.5, step=0.05, label="Share of the second")

    def _brush_parts(self) -> None:
        with gr.Accordion("Brush where to paint", open=False):
            self.fetch = gr.Button("Put the photograph on the board", size="sm", elem_id="fetch")
            self.board = gr.ImageEditor(
                type="pil",
                image_mode="RGBA",
                sources=[],
                transforms=[],
                layers=False,
                brush=gr.Brush(default_size=48, colors=["#c24f33"], color_mode="fixed"),
                eraser=gr.Eraser(default_size=48),
                show_label=False,
                buttons=[],
                height=380,
                elem_id="board",
            )
            self.region = gr.Radio(REGION_WORDS, value="inside", label="Where the brush went")

    def _connect(self, wall: Wall) -> None:
        quiet: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
        self.manner.connect([self.second], self.easel.status)
        self.sample.click(self._sample, None, self.photo, **quiet)
        # What was brushed belongs to one photograph.
        self.photo.change(lambda: None, None, self.board, queue=False, **quiet)
        self.fetch.click(self._on_board, self.photo, [self.board, self.easel.status], **quiet)
        inputs = [
            self.photo, self.manner.chosen, self.second, self.share, self.alpha, self.scale,
            self.color, self.board, self.region, wall.hung,
        ]  # fmt: skip
        self.run.click(None, js=_LOOK)
        self.run.click(self._run, inputs, self.easel.outputs, concurrency_id="quick", **quiet)

    def _run(
        self,
        photo: str | None,
        first: str | None,
        second: str,
        share: float,
        alpha: float,
        scale: float,
        color: Any,
        board: dict[str, Any] | None,
        region: Any,
        hung: list[Finished],
        request: gr.Request,
    ) -> Iterator[Updates]:
        def work(flag: Any) -> Any:
            styles = [style for style in (first, second) if style]
            weights = (1 - share, share) if len(styles) == 2 else None
            masks = masks_for(board, region, len(styles) or 1)
            if masks is not None and region == "split":
                weights = None
            config = StylizeConfig(
                alpha=alpha, style_scale=scale, keep_color=color, style_weights=weights
            )
            return paint_photo(self.desk, photo, styles, config, masks=masks, stop=flag)

        yield from self.easel.show(work, hung, visitor_of(request))

    def _sample(self) -> str:
        file = self.desk.folder / "uploads" / "sample" / "landscape.jpg"
        if not file.exists():
            write_picture(sample_photo(), file)
        return str(file)

    def _on_board(self, photo: str | None) -> tuple[Any, str]:
        try:
            copy = preview(read_upload(photo, what="a photograph"), BOARD_SIDE)
        except ImpastoError as error:
            return gr.skip(), words.refused(self.desk.plain(str(error)))
        image = copy.to_pil().convert("RGBA")
        return {"background": image, "layers": [], "composite": image}, ""
