"""What was brushed on the picture, as masks."""

from collections.abc import Mapping
from typing import Any, Literal, get_args

from PIL import Image, ImageChops

from impasto.checks import check_choice
from impasto.errors import InputError

Region = Literal["inside", "outside", "split"]
"""Where is painted: under the brush, everywhere else, or both, each by a painter of its own."""


def brushed(value: Mapping[str, Any] | None) -> Image.Image | None:
    """What the brush covered: white where it was, black elsewhere.

    Args:
        value: Of the editor: its "layers" are RGBA pictures of one size.

    Returns:
        A grey picture, or None where nothing was brushed.
    """
    layers = [layer for layer in (value or {}).get("layers") or () if layer is not None]
    covered: Image.Image | None = None
    for layer in layers:
        alpha = layer.convert("RGBA").getchannel("A")
        covered = alpha if covered is None else ImageChops.lighter(covered, alpha)
    return covered if covered is not None and covered.getbbox() else None


def masks_for(
    value: Mapping[str, Any] | None, region: Region, styles: int
) -> list[Image.Image] | None:
    """One mask per style, or None where nothing was brushed.

    Args:
        value: Of the editor.
        region: Where is painted.
        styles: How many styles there are.

    Raises:
        InputError: The picture is to be shared out and there is one style alone.
    """
    check_choice("region", region, get_args(Region))
    inside = brushed(value)
    if inside is None:
        return None
    outside = ImageChops.invert(inside)
    if region != "split":
        return [inside if region == "inside" else outside] * styles
    if styles != 2:
        raise InputError("the picture is shared out between two painters; choose a second one.")
    return [inside, outside]
