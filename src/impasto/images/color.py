"""Colours: luma, Lab, and pictures that keep the colours of another.

    Gatys, Bethge, Hertzmann, Shechtman, "Preserving Color in Neural Artistic Style Transfer",
    2016. https://arxiv.org/abs/1606.05897
    Gatys, Ecker, Bethge, Hertzmann, Shechtman, "Controlling Perceptual Factors in Neural Style
    Transfer", CVPR 2017. https://arxiv.org/abs/1611.07865
    Sun, Feng, Saenko, "Return of Frustratingly Easy Domain Adaptation" (CORAL), AAAI 2016.
    https://arxiv.org/abs/1511.05547

Departures: histograms are matched per channel over 65,536 levels, exactly; the two covariances of
CORAL get a small identity so that a flat picture has an inverse.
"""

from typing import get_args

import torch
from torch import Tensor

from impasto.checks import check_choice, check_shape
from impasto.errors import ShapeError
from impasto.kinds import KeepColor

# NTSC's luma and two chroma axes (Gatys 2016, section 4.2 works in this space).
_YIQ = (
    (0.299, 0.587, 0.114),
    (0.595716, -0.274453, -0.321263),
    (0.211456, -0.522591, 0.311135),
)
# Linear sRGB to XYZ under D65 (IEC 61966-2-1); each row sums to the white point.
_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_LEVELS = 65536
# Variance of about two levels of 8 bits: below it a picture is flat and its noise is no colour.
_FLAT = 6e-5


def _mix(matrix: Tensor, pixels: Tensor) -> Tensor:
    """Multiply the colour of every pixel by a (3, 3) matrix."""
    return torch.einsum("ij,bjhw->bihw", matrix.to(pixels), pixels)


def rgb_to_yiq(rgb: Tensor) -> Tensor:
    """Luma and two chroma axes of gamma-coded RGB.

    Args:
        rgb: (B, 3, H, W) in [0, 1].

    Returns:
        (B, 3, H, W): Y in [0, 1], I in about [-0.6, 0.6], Q in about [-0.52, 0.52].
    """
    check_shape(rgb, "B 3 H W", name="rgb")
    return _mix(torch.tensor(_YIQ), rgb)


def yiq_to_rgb(yiq: Tensor) -> Tensor:
    """Undo ``rgb_to_yiq``; colours outside the gamut are not clamped.

    Args:
        yiq: (B, 3, H, W).
    """
    check_shape(yiq, "B 3 H W", name="yiq")
    return _mix(torch.tensor(_YIQ, dtype=torch.float64).inverse(), yiq)


def luma(rgb: Tensor) -> Tensor:
    """The brightness of gamma-coded RGB (Rec. 601).

    Args:
        rgb: (B, 3, H, W) in [0, 1].

    Returns:
        (B, 1, H, W) in [0, 1].
    """
    check_shape(rgb, "B 3 H W", name="rgb")
    weights = rgb.new_tensor(_YIQ[0]).view(1, 3, 1, 1)
    return (rgb * weights).sum(dim=1, keepdim=True).clamp(0, 1)


def rgb_to_lab(rgb: Tensor) -> Tensor:
    """CIE L*a*b* under D65.

    Args:
        rgb: (B, 3, H, W) in [0, 1], sRGB.

    Returns:
        (B, 3, H, W): L in [0, 100], a and b in about [-128, 127].
    """
    check_shape(rgb, "B 3 H W", name="rgb")
    linear = torch.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = torch.tensor(_XYZ)
    x, y, z = _mix(xyz / xyz.sum(dim=1, keepdim=True), linear).unbind(dim=1)  # white is (1, 1, 1)
    fx, fy, fz = (
        torch.where(t > (6 / 29) ** 3, t.clamp_min(0) ** (1 / 3), t / (3 * (6 / 29) ** 2) + 4 / 29)
        for t in (x, y, z)
    )
    return torch.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], dim=1)


def lab_to_rgb(lab: Tensor) -> Tensor:
    """Undo ``rgb_to_lab``; colours that sRGB cannot show are clamped.

    Args:
        lab: (B, 3, H, W).

    Returns:
        (B, 3, H, W) in [0, 1], sRGB.
    """
    check_shape(lab, "B 3 H W", name="lab")
    lightness, a, b = lab.unbind(dim=1)
    fy = (lightness + 16) / 116
    f = torch.stack([fy + a / 500, fy, fy - b / 200], dim=1)
    relative = torch.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    xyz = torch.tensor(_XYZ, dtype=torch.float64)
    linear = _mix((xyz / xyz.sum(dim=1, keepdim=True)).inverse(), relative).clamp(0, 1)
    return torch.where(
        linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-9) ** (1 / 2.4) - 0.055
    ).clamp(0, 1)


def match_coral(pixels: Tensor, reference: Tensor) -> Tensor:
    """Give a picture the mean and covariance of another's colours.

    Gatys 2016, section 4.1: x' = C_r^(1/2) C_x^(-1/2) (x - mean_x) + mean_r with symmetric roots,
    which turns colours least. Computed in float64.

    Args:
        pixels: (B, 3, H, W) in [0, 1].
        reference: (B, 3, h, w) or (1, 3, h, w) in [0, 1], of any size.

    Returns:
        (B, 3, H, W) in [0, 1], in the dtype of ``pixels``.
    """
    _check_pair(pixels, reference)
    turn, shift = coral_map(_mean_and_covariance(pixels), _mean_and_covariance(reference))
    moved = torch.baddbmm(shift.float(), turn.float(), pixels.float().flatten(2))
    return moved.clamp_(0, 1).view(pixels.shape).to(pixels.dtype)


def coral_map(
    own: tuple[Tensor, Tensor], reference: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """What ``match_coral`` does to each colour, x' = turn x + shift.

    Args:
        own, reference: Mean (B, 3, 1) and covariance (B, 3, 3) of the colours, float64.

    Returns:
        turn (B, 3, 3), shift (B, 3, 1).
    """
    turn = _power(reference[1], 0.5) @ _power(own[1], -0.5)
    return turn, reference[0] - turn @ own[0]


def _mean_and_covariance(pixels: Tensor) -> tuple[Tensor, Tensor]:
    flat = pixels.flatten(2).double()  # (B, 3, HW)
    mean = flat.mean(dim=2, keepdim=True)
    centred = flat - mean
    return mean, centred @ centred.mT / flat.shape[2]


def _power(covariance: Tensor, power: float) -> Tensor:
    values, vectors = torch.linalg.eigh(covariance)
    # Rounding may leave an eigenvalue of a flat picture a little below zero.
    scaled = (values.clamp_min(0) + _FLAT) ** power
    return vectors * scaled.unsqueeze(1) @ vectors.mT  # type: ignore[no-any-return]


def match_histogram(pixels: Tensor, reference: Tensor) -> Tensor:
    """Give every channel of a picture the distribution of another's.

    Each level goes to the level of the reference at the same place in its cumulative
    distribution (equal levels stay equal; their place is the middle of their share). Levels are
    1/65535 apart, so 8 and 16 bits are matched exactly.

    Args:
        pixels: (B, 3, H, W) in [0, 1].
        reference: (B, 3, h, w) or (1, 3, h, w) in [0, 1], of any size.

    Returns:
        (B, 3, H, W) in [0, 1], in the dtype of ``pixels``.
    """
    _check_pair(pixels, reference)
    result = torch.empty_like(pixels)
    for index in range(pixels.shape[0]):
        target = reference[min(index, reference.shape[0] - 1)]
        for channel in range(3):
            levels = to_levels(pixels[index, channel])
            table = level_table(count_levels(levels), count_levels(to_levels(target[channel])))
            result[index, channel] = table[levels].to(pixels.dtype)
    return result


def to_levels(channel: Tensor) -> Tensor:
    """The nearest of 65,536 levels of values in [0, 1]."""
    return channel.float().clamp(0, 1).mul(_LEVELS - 1).add_(0.5).int()


def count_levels(levels: Tensor) -> Tensor:
    """How often each of the 65,536 levels occurs."""
    return torch.bincount(levels.flatten(), minlength=_LEVELS)


def level_table(counts: Tensor, reference: Tensor) -> Tensor:
    """Values in [0, 1] by level of the picture to change: what ``match_histogram`` does.

    Args:
        counts, reference: How often each level occurs in a channel.
    """
    known = reference.nonzero().flatten()
    values = known.double() / (_LEVELS - 1)
    return _interpolate(_places(counts), _places(reference)[known], values).float()


def _places(counts: Tensor) -> Tensor:
    """Each level's place in the cumulative distribution, in [0, 1]."""
    counts = counts.double()
    return (counts.cumsum(0) - counts / 2) / counts.sum()


def _interpolate(x: Tensor, known_x: Tensor, known_y: Tensor) -> Tensor:
    """Piecewise linear through (known_x, known_y), which rise; constant outside."""
    if known_x.numel() == 1:
        return known_y.expand_as(x)
    right = torch.searchsorted(known_x, x).clamp(1, known_x.numel() - 1)
    left = right - 1
    share = ((x - known_x[left]) / (known_x[right] - known_x[left])).clamp(0, 1)
    return torch.lerp(known_y[left], known_y[right], share)


def keep_color(stylized: Tensor, content: Tensor, mode: KeepColor) -> Tensor:
    """Give a stylized picture the content's colours.

    Args:
        stylized: (B, 3, H, W) in [0, 1].
        content: (B, 3, H, W) or (1, 3, H, W) in [0, 1]; for "coral" and "histogram" of any size.
        mode: "none" changes nothing; "luma" takes brightness from the stylized picture and colour
            from the content, pixel by pixel; "coral" gives the stylized picture the mean and
            covariance of the content's colours; "histogram" its distribution per channel.

    Returns:
        (B, 3, H, W) in [0, 1].

    Raises:
        InputError: Unknown mode.
        ShapeError: The sizes differ and the mode is "luma".
    """
    check_choice("keep_color", mode, get_args(KeepColor))
    if mode == "none":
        return stylized
    _check_pair(stylized, content)
    if mode == "coral":
        return match_coral(stylized, content)
    if mode == "histogram":
        return match_histogram(stylized, content)
    if stylized.shape[-2:] != content.shape[-2:]:
        raise ShapeError(
            f"keep_color luma needs pictures of one size, got {tuple(stylized.shape[-2:])} and "
            f"{tuple(content.shape[-2:])}; resize one, or use coral."
        )
    # Moving all three channels by the difference of luma changes Y and leaves I and Q alone.
    return (content + luma(stylized) - luma(content)).clamp(0, 1)


def match_style_color(style: Tensor, content: Tensor, mode: KeepColor) -> Tensor:
    """Give a style picture the content's colours before the transfer.

    Args:
        style: (B, 3, h, w) in [0, 1].
        content: (B, 3, H, W) or (1, 3, H, W) in [0, 1], of any size.
        mode: "none" changes nothing; "luma" makes the style grey, with the mean and deviation of
            the content's luma (Gatys 2016, section 4.2); "coral" and "histogram" as in
            ``keep_color``.

    Returns:
        (B, 3, h, w) in [0, 1].

    Raises:
        InputError: Unknown mode.
    """
    check_choice("mode", mode, get_args(KeepColor))
    if mode != "luma":
        return keep_color(style, content, mode)
    _check_pair(style, content)
    dims = (1, 2, 3)
    grey, wanted = luma(style), luma(content)
    deviation, mean = torch.std_mean(grey, dim=dims, keepdim=True, correction=0)
    wanted_deviation, wanted_mean = torch.std_mean(wanted, dim=dims, keepdim=True, correction=0)
    scale = wanted_deviation / (deviation.square() + _FLAT).sqrt()
    return ((grey - mean) * scale + wanted_mean).clamp(0, 1).expand(-1, 3, -1, -1).contiguous()


def _check_pair(pixels: Tensor, reference: Tensor) -> None:
    check_shape(pixels, "B 3 H W", name="pixels")
    check_shape(reference, "B 3 H W", name="reference")
    if reference.shape[0] not in (1, pixels.shape[0]):
        raise ShapeError(
            f"reference must hold 1 or {pixels.shape[0]} pictures, got {reference.shape[0]}."
        )
