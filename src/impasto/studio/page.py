"""The page: the name, six tabs, the wall."""

from typing import Any

import gradio as gr

from impasto.studio import words
from impasto.studio.desk import Desk
from impasto.studio.easel import visitor_of
from impasto.studio.look import theme
from impasto.studio.stylesheet import CSS
from impasto.studio.tabs.dream import Dream
from impasto.studio.tabs.film import Film
from impasto.studio.tabs.optimise import Optimise
from impasto.studio.tabs.paint import Paint
from impasto.studio.tabs.texture import Texture
from impasto.studio.tabs.translate import Translate
from impasto.studio.wall import Wall

TABS: dict[str, Any] = {
    "Paint": Paint,
    "Optimise": Optimise,
    "Dream": Dream,
    "Texture": Texture,
    "Translate": Translate,
    "Film": Film,
}
"""Name -> what stands in it, in the order of the page."""


def build(desk: Desk) -> Any:
    """The page as Gradio's Blocks; ``look`` belongs to it.

    Args:
        desk: What all tabs share.
    """
    with gr.Blocks(title=words.NAME, analytics_enabled=False) as page:
        gr.HTML(words.header(), padding=False)
        wall = Wall()
        with gr.Tabs(elem_id="tabs"):
            for name, tab in TABS.items():
                with gr.Tab(name, id=name.lower(), elem_id=f"tab-{name.lower()}"):
                    tab(desk, wall)
        wall.place()
        gr.HTML(words.footer(None if desk.keep is None else str(desk.keep)))

        def leave(request: gr.Request) -> None:
            desk.stops.forget(visitor_of(request))

        page.unload(leave)
    return page


def look() -> dict[str, Any]:
    """Theme and stylesheet, for whoever serves the page."""
    return {"theme": theme(), "css": CSS, "footer_links": []}
