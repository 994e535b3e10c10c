"""How the page looks: pigments on linen, and on a dark wall. No font or file is fetched.

Reading order: the pigments, theme (Gradio's own parts), stylesheet.py (everything else).
"""

from typing import Any

import gradio as gr

SERIF = (
    '"Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", P052, "Book Antiqua", '
    "Georgia, serif"
)

_LINEN = ("#fdfaf4", "#f8f3e9", "#efe7d8", "#e0d5c1", "#c6b89f", "#9d907a", "#756a58",
          "#574e41", "#3b352c", "#262119", "#1a1610")  # fmt: skip
"""From primed canvas to burnt umber: every grey of the page is one of these."""

_VERMILION = ("#fdf1ed", "#fadfd7", "#f3bcae", "#e99580", "#db6d52", "#c24f33", "#a63f25",
              "#87321d", "#692818", "#4b1d12", "#33130b")  # fmt: skip
"""The one loud colour: what is to be pressed."""

_ULTRAMARINE = ("#eef2f8", "#dae3f0", "#b5c7e0", "#8ca7cd", "#6486b6", "#43689d", "#305284",
                "#27426b", "#1f3453", "#17263c", "#0f1929")  # fmt: skip
"""Links and what is chosen."""


def theme() -> Any:
    """Gradio's parts in these colours; light and dark."""
    base = gr.themes.Base(
        primary_hue=_color("vermilion", _VERMILION),
        secondary_hue=_color("ultramarine", _ULTRAMARINE),
        neutral_hue=_color("linen", _LINEN),
        radius_size=gr.themes.sizes.radius_md,
        spacing_size=gr.themes.sizes.spacing_md,
        font=["ui-sans-serif", "system-ui", "Segoe UI", "Cantarell", "Noto Sans", "sans-serif"],
        font_mono=["ui-monospace", "Menlo", "Consolas", "monospace"],
    )
    return base.set(**_surfaces(), **_parts())


def _color(name: str, shades: tuple[str, ...]) -> Any:
    color: Any = gr.themes.Color
    return color(*shades, name=name)


def _surfaces() -> dict[str, str]:
    """Walls, canvas and ink: (light, dark) of each."""
    pairs = {
        "body_background_fill": ("*neutral_100", "*neutral_950"),
        "body_text_color": ("*neutral_900", "*neutral_200"),
        "body_text_color_subdued": ("*neutral_700", "*neutral_400"),
        "background_fill_primary": ("*neutral_50", "*neutral_900"),
        "background_fill_secondary": ("*neutral_200", "*neutral_800"),
        "border_color_primary": ("*neutral_300", "*neutral_700"),
        "border_color_accent": ("*secondary_400", "*secondary_500"),
        "color_accent_soft": ("*secondary_100", "*secondary_900"),
        "link_text_color": ("*secondary_700", "*secondary_300"),
        "panel_background_fill": ("*neutral_50", "*neutral_900"),
    }
    return _both(pairs) | {"color_accent": "*secondary_500"}


def _parts() -> dict[str, str]:
    """Blocks, buttons and what is typed into: (light, dark) of each."""
    pairs = {
        "block_background_fill": ("*neutral_50", "*neutral_900"),
        "block_border_color": ("*neutral_300", "*neutral_700"),
        "block_label_background_fill": ("*neutral_50", "*neutral_900"),
        "block_label_text_color": ("*neutral_700", "*neutral_400"),
        "block_title_text_color": ("*neutral_900", "*neutral_200"),
        "block_info_text_color": ("*neutral_700", "*neutral_400"),
        "input_background_fill": ("*neutral_50", "*neutral_950"),
        "input_border_color": ("*neutral_400", "*neutral_700"),
        "input_border_color_focus": ("*secondary_500", "*secondary_400"),
        "input_placeholder_color": ("*neutral_600", "*neutral_500"),
        "slider_color": ("*primary_600", "*primary_400"),
        "checkbox_background_color_selected": ("*primary_600", "*primary_500"),
        "checkbox_border_color_selected": ("*primary_600", "*primary_500"),
        "checkbox_label_background_fill": ("*neutral_100", "*neutral_800"),
        "checkbox_label_background_fill_selected": ("*neutral_200", "*neutral_700"),
        "button_primary_background_fill": ("*primary_600", "*primary_500"),
        "button_primary_background_fill_hover": ("*primary_700", "*primary_600"),
        "button_primary_text_color": ("#ffffff", "#ffffff"),
        "button_primary_border_color": ("*primary_700", "*primary_600"),
        "button_secondary_background_fill": ("*neutral_50", "*neutral_800"),
        "button_secondary_background_fill_hover": ("*neutral_200", "*neutral_700"),
        "button_secondary_text_color": ("*neutral_900", "*neutral_200"),
        "button_secondary_border_color": ("*neutral_400", "*neutral_600"),
    }
    plain = {
        "block_border_width": "1px",
        "block_shadow": "none",
        "block_radius": "10px",
        "block_label_border_width": "0px",
        "button_border_width": "1px",
        "button_large_radius": "10px",
        "button_transition": "background 0.15s ease",
        "slider_color_dark": "*primary_400",
    }
    return plain | _both(pairs)


def _both(pairs: dict[str, tuple[str, str]]) -> dict[str, str]:
    light = {name: values[0] for name, values in pairs.items()}
    return light | {f"{name}_dark": values[1] for name, values in pairs.items()}
