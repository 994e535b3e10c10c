"""Sizes, crops and borders. A size is always (height, width), in pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_range, check_shape
from impasto.errors import ShapeError

Size = tuple[int, int]
"""(height, width), pixels."""
Box = tuple[int, int, int, int]
"""(top, left, height, width), pixels."""


def resize(pixels: Tensor, size: Size, *, antialias: bool = True) -> Tensor:
    """Bicubic to a given size.

    Args:
        pixels: (B, C, H, W), nominally in [0, 1].
        size: Each side at least 1.
        antialias: Whether a smaller picture averages what it leaves out.

    Returns:
        (B, C, height, width) in [0, 1] and the dtype of ``pixels``; ``pixels`` itself if it has
        that size already.
    """
    check_shape(pixels, "B C H W", name="pixels")
    for name, side in zip(("height", "width"), size, strict=True):
        check_range(name, side, at_least=1)
    if pixels.shape[-2:] == torch.Size(size):
        return pixels
    # Half precision would round the weights of the far neighbours away.
    wide = pixels.to(torch.promote_types(pixels.dtype, torch.float32))
    resized = F.interpolate(wide, size=size, mode="bicubic", antialias=antialias)
    return resized.clamp_(0, 1).to(pixels.dtype)


def fit_short_side(pixels: Tensor, short: int, *, antialias: bool = True) -> Tensor:
    """Resize so that the shorter side has ``short`` pixels; the proportion is kept."""
    check_range("short", short, at_least=1)
    height, width = pixels.shape[-2:]
    return resize(pixels, _scaled((height, width), short / min(height, width)), antialias=antialias)


def fit_long_side(pixels: Tensor, long: int, *, antialias: bool = True) -> Tensor:
    """Resize so that the longer side has ``long`` pixels; the proportion is kept."""
    check_range("long", long, at_least=1)
    height, width = pixels.shape[-2:]
    return resize(pixels, _scaled((height, width), long / max(height, width)), antialias=antialias)


def _scaled(size: Size, scale: float) -> Size:
    height, width = size
    return max(1, round(height * scale)), max(1, round(width * scale))


def fit_within(size: Size, max_pixels: int) -> Size:
    """The largest size of the same proportion with at most ``max_pixels``; never larger than given.

    Args:
        size: Each side at least 1.
        max_pixels: Height times width, at least 1.
    """
    check_range("max_pixels", max_pixels, at_least=1)
    height, width = size
    if height * width <= max_pixels:
        return size
    scale = (max_pixels / (height * width)) ** 0.5
    fitted_height, fitted_width = max(1, int(height * scale)), max(1, int(width * scale))
    # A side that could not go below 1 leaves the other too long.
    if fitted_height == 1:
        return 1, min(fitted_width, max_pixels)
    return (
        (min(fitted_height, max_pixels), 1) if fitted_width == 1 else (fitted_height, fitted_width)
    )


def center_crop(pixels: Tensor, size: Size) -> Tensor:
    """The middle of a picture; of an odd margin the smaller half lies above and to the left.

    Args:
        pixels: (B, C, H, W), at least of ``size``.
        size: Of the crop.

    Raises:
        ShapeError: The picture is smaller.
    """
    _check_crop(pixels, size)
    top, left = (pixels.shape[-2] - size[0]) // 2, (pixels.shape[-1] - size[1]) // 2
    return crop_back(pixels, (top, left, *size))


def random_crop(pixels: Tensor, size: Size, generator: torch.Generator | None = None) -> Tensor:
    """A part of a picture from anywhere, each place equally likely.

    Args:
        pixels: (B, C, H, W), at least of ``size``.
        size: Of the crop; all pictures of the batch are cut at one place.
        generator: Of the CPU; None takes torch's own.

    Raises:
        ShapeError: The picture is smaller.
    """
    _check_crop(pixels, size)
    top, left = (
        int(torch.randint(length - side + 1, (), generator=generator))
        for length, side in zip(pixels.shape[-2:], size, strict=True)
    )
    return crop_back(pixels, (top, left, *size))


def _check_crop(pixels: Tensor, size: Size) -> None:
    check_shape(pixels, "B C H W", name="pixels")
    height, width = pixels.shape[-2:]
    if not (1 <= size[0] <= height and 1 <= size[1] <= width):
        raise ShapeError(
            f"a crop of {size[0]}x{size[1]} (height x width) does not fit into a picture of "
            f"{height}x{width}; resize it with fit_short_side first."
        )


def pad_reflect(pixels: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Continue a picture beyond its border by reflection, as often as it takes.

    Where ``F.pad`` allows it (less than the picture's side) the result is the same, bit for bit.
    A side of one pixel is repeated.

    Args:
        pixels: (B, C, H, W), each side at least 1.
        padding: (left, right, top, bottom), pixels, none negative.

    Returns:
        (B, C, top + H + bottom, left + W + right).
    """
    check_shape(pixels, "B C H W", name="pixels")
    for name, amount in zip(("left", "right", "top", "bottom"), padding, strict=True):
        check_range(f"{name} padding", amount, at_least=0)
    left, right, top, bottom = padding
    if not any(padding):
        return pixels
    height, width = pixels.shape[-2:]
    if max(left, right) < width and max(top, bottom) < height:
        return F.pad(pixels, padding, mode="reflect")
    rows = reflected_places(height, -top, top + height + bottom).to(pixels.device)
    columns = reflected_places(width, -left, left + width + right).to(pixels.device)
    return pixels.index_select(2, rows).index_select(3, columns)


def reflected_places(length: int, start: int, count: int) -> Tensor:
    """Which pixel of a line stands at each of ``count`` places from ``start`` on.

    Args:
        length: Pixels of the line, which is reflected at its first and its last one, again and
            again.
        start: A place before the line is below 0.
        count: How many places.

    Returns:
        (count,) int64, from 0 to ``length - 1``.
    """
    places = torch.arange(start, start + count)
    if length == 1:
        return torch.zeros_like(places)
    period = 2 * (length - 1)
    places = places.remainder(period)
    return torch.minimum(places, period - places)


def pad_to_multiple(pixels: Tensor, multiple: int, margin: int = 0) -> tuple[Tensor, Box]:
    """Pad by reflection until both sides divide by ``multiple``.

    Args:
        pixels: (B, C, H, W).
        multiple: What the padded sides divide by, at least 1.
        margin: Pixels added on every side at least; what the multiple asks for on top goes to
            the bottom and the right.

    Returns:
        The padded picture, and the box (top, left, height, width) in which the given one lies;
        ``crop_back`` takes it out again.
    """
    check_shape(pixels, "B C H W", name="pixels")
    check_range("multiple", multiple, at_least=1)
    check_range("margin", margin, at_least=0)
    height, width = pixels.shape[-2:]
    more_rows, more_columns = -(height + 2 * margin) % multiple, -(width + 2 * margin) % multiple
    padding = (margin, margin + more_columns, margin, margin + more_rows)
    return pad_reflect(pixels, padding), (margin, margin, height, width)


def crop_back(pixels: Tensor, box: Box) -> Tensor:
    """Cut out a box (top, left, height, width); a view.

    Args:
        pixels: (B, C, H, W).
        box: Inside the picture.
    """
    top, left, height, width = box
    return pixels[..., top : top + height, left : left + width]
