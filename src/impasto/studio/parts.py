"""Parts of which the tabs are made; what they say about a setting is what its dataclass says."""

import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from impasto.cli.parser import Flag, flags_of

COLOR_WORDS = {
    "none": "the painting's",
    "luma": "the photo's, in the painting's light",
    "coral": "the painting's, moved to the photo's",
    "histogram": "the photo's, channel by channel",
}
"""How the page calls the ways to keep colours."""


def tools_column() -> Any:
    """The column of a tab in which one says what is wanted."""
    return gr.Column(scale=5, min_width=320, elem_classes=["imp-tools"])


def easel_column() -> Any:
    """The column of a tab in which it is seen."""
    return gr.Column(scale=7, min_width=320)


def run_button(tab: str, text: str) -> Any:
    """The button of a tab that begins."""
    return gr.Button(text, variant="primary", size="lg", elem_id=f"{tab}-run")


def setting(kind: type[Any], name: str) -> Flag:
    """A field of a settings dataclass as the command line knows it."""
    return next(flag for flag in flags_of(kind) if flag.name == name)


def hint(kind: type[Any], name: str) -> str:
    """The first sentence of what the field says."""
    return setting(kind, name).help.split(". ")[0].rstrip(".") + "."


def slider(
    kind: type[Any],
    name: str,
    label: str,
    *,
    least: float,
    most: float,
    step: float = 0.05,
    **more: Any,
) -> Any:
    """A slider for a number among the settings; its default and its hint are the field's."""
    given = {"value": setting(kind, name).default, "info": hint(kind, name)} | more
    return gr.Slider(least, most, step=step, label=label, **given)


def choice(kind: type[Any], name: str, label: str, words: Mapping[str, str]) -> Any:
    """Buttons for a choice among the settings.

    Args:
        kind: The dataclass.
        name: Of the field, which is a Literal.
        label: Above the buttons.
        words: What the page calls each value.
    """
    flag = setting(kind, name)
    choices = [(words[value], value) for value in typing.get_args(flag.kind)]
    return gr.Radio(choices, value=flag.default, label=label)


def picture_drop(label: str, name: str, *, height: int = 220) -> Any:
    """Where a picture is dropped.

    The file is handed on as it was sent: what is wrong with it is said by our own reader, and
    16 bits, profiles and the EXIF turn stay what they are.

    Args:
        label: What is wanted.
        name: The element's id.
        height: Pixels.
    """
    drop: Any = gr.Image(
        type="filepath",
        sources=["upload"],
        label=label,
        show_label=False,
        placeholder=f"# {label}" + ("" if height < 120 else "\nor choose one from your files"),
        height=height,
        elem_id=name,
        elem_classes=["imp-drop"],
        buttons=["fullscreen"],
    )
    drop.preprocess = _path_of
    return drop


def film_drop(label: str, name: str) -> Any:
    """Where a film is dropped; handed on as it was sent."""
    drop: Any = gr.Video(
        sources=["upload"],
        label=label,
        show_label=False,
        height=200,
        elem_id=name,
        elem_classes=["imp-drop"],
    )
    drop.preprocess = _path_of
    return drop


def _path_of(payload: Any) -> str | None:
    if payload is None:
        return None
    held = getattr(payload, "video", payload)  # older releases wrap a film with its subtitles
    return str(Path(held.path))
