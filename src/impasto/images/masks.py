"""Soft regions: where which style is painted."""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_range, check_shape
from impasto.errors import InputError, ShapeError
from impasto.images.color import luma
from impasto.images.io import Source, read_picture
from impasto.images.resize import Size, pad_reflect, resize

# What JPEG and 8-bit rounding leave uncovered between masks that were meant to meet.
_GAP = 2 / 255


def read_mask(source: Source, size: Size) -> Tensor:
    """Read a mask: white is inside, black outside, grey in between.

    Args:
        source: Anything ``read_picture`` takes; colours count by their luma, transparent pixels
            as black.
        size: Of the picture it belongs to; a mask of another size is resized, with soft edges.

    Returns:
        (1, 1, H, W) in [0, 1].

    Raises:
        ImageError, InputError: As ``read_picture``.
    """
    return resize(mask_of(source), size)


def mask_of(source: Source) -> Tensor:
    """A mask at its own size, (1, 1, h, w) in [0, 1]; see ``read_mask``."""
    picture = read_picture(source)
    mask = luma(picture.pixels)
    return mask if picture.alpha is None else mask * picture.alpha


def normalize_masks(masks: Sequence[Tensor]) -> Tensor:
    """Make masks share every pixel out completely.

    Where masks overlap they are divided by their sum. Where they leave something uncovered, a
    background mask takes the rest; it comes last, and only if it is more than two levels of 8 bits
    somewhere. So N masks give N, or N + 1 with the background.

    Args:
        masks: At least one, each (1, 1, H, W) in [0, 1], all of one size.

    Returns:
        (N, 1, H, W) or (N + 1, 1, H, W) in [0, 1], with the sum 1 at every pixel.

    Raises:
        InputError: No mask.
        ShapeError: Another form, or different sizes.
    """
    if not masks:
        raise InputError("there must be at least one mask.")
    for index, mask in enumerate(masks):
        check_shape(mask, "1 1 H W", name=f"mask {index + 1}")
        if mask.shape != masks[0].shape:
            raise ShapeError(
                f"mask {index + 1} is {mask.shape[2]}x{mask.shape[3]} (height x width) and mask 1 "
                f"{masks[0].shape[2]}x{masks[0].shape[3]}; read them with one size."
            )
    stacked = torch.cat(list(masks)).float().clamp(0, 1)  # (N, 1, H, W)
    rest = 1 - stacked.sum(dim=0, keepdim=True)
    if float(rest.max()) > _GAP:
        stacked = torch.cat([stacked, rest.clamp_min(0)])
    return stacked / stacked.sum(dim=0, keepdim=True)


def feather(mask: Tensor, radius: float) -> Tensor:
    """Soften the edges of a mask.

    A Gaussian of deviation ``radius / 2``, so that an edge fades over about ``radius`` pixels to
    either side. The border is continued by reflection.

    Args:
        mask: (B, 1, H, W) in [0, 1].
        radius: Pixels, at least 0; 0 changes nothing.

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    check_shape(mask, "B 1 H W", name="mask")
    check_range("radius", radius, at_least=0)
    if radius == 0:
        return mask
    reach = math.ceil(1.5 * radius)
    places = torch.arange(-reach, reach + 1, dtype=torch.float32, device=mask.device)
    weights = torch.exp(-0.5 * (places / (radius / 2)).square())
    weights = weights / weights.sum()
    padded = pad_reflect(mask.float(), (reach, reach, reach, reach))
    across = F.conv2d(padded, weights.view(1, 1, 1, -1))
    return F.conv2d(across, weights.view(1, 1, -1, 1)).clamp(0, 1).to(mask.dtype)
