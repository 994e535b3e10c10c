"""Motion between two frames, warping along it, and where it cannot be known.

    Lucas and Kanade, "An Iterative Image Registration Technique with an Application to Stereo
    Vision", IJCAI 1981 (least squares over a window, iterated, coarse to fine)
    Sundaram, Brox and Keutzer, "Dense Point Trajectories by GPU-accelerated Large Displacement
    Optical Flow", ECCV 2010 (forward and backward motion must agree, section 3)

Reading order: Sketch, warp, visible. Flow is (1, 2, H, W) in pixels, horizontal
first: a pixel of the first frame at x stands in the second at x + flow(x).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.checks import check_shape
from impasto.errors import ShapeError
from impasto.images.color import luma
from impasto.images.resize import Size

LONG_SIDE = 384
"""Pixels to which larger frames are reduced before their motion is looked for."""

_COARSEST = 12
"""Pixels of the short side at the top of the pyramid."""

_WINDOW = 2.0
"""Deviation in pixels of the window over which motion is taken to be one."""

_ROUNDS = 4
"""Gauss-Newton steps at each level."""

_DAMPING = 1e-4
"""Added to the squared gradients: where there is no structure, nothing is known to move."""


@dataclass(frozen=True)
class Sketch:
    """All that motion is looked for in: the brightness of a frame, reduced, halved and halved."""

    levels: list[Tensor]
    """(1, 1, h, w) each, fine to coarse; the first has ``LONG_SIDE`` pixels or fewer."""

    @classmethod
    def of(cls, frame: Tensor) -> "Sketch":
        """Of a frame (1, 3, H, W) in [0, 1]."""
        check_shape(frame, "1 3 H W", name="frame")
        height, width = frame.shape[-2:]
        factor = min(1.0, LONG_SIDE / max(height, width))
        size = (max(1, round(height * factor)), max(1, round(width * factor)))
        levels = [_reduced(luma(frame.float()), size)]
        while min(levels[-1].shape[-2:]) >= 2 * _COARSEST:
            height, width = levels[-1].shape[-2:]
            levels.append(_reduced(levels[-1], (-(-height // 2), -(-width // 2))))
        return cls(levels)

    def flow_to(self, other: "Sketch") -> Tensor:
        """Where these pixels stand in a frame of the same size: (1, 2, h, w), sketch's pixels.

        Raises:
            ShapeError: The other sketch has another size.
        """
        own, others = (tuple(sketch.levels[0].shape[-2:]) for sketch in (self, other))
        if own != others:
            raise ShapeError(
                f"both frames must have one size, their sketches are {own} and {others}."
            )
        coarse = self.levels[-1]
        flow = coarse.new_zeros((1, 2, *coarse.shape[-2:]))
        for here, there in zip(reversed(self.levels), reversed(other.levels), strict=True):
            flow = resize_flow(flow, (here.shape[-2], here.shape[-1]))
            for _ in range(_ROUNDS):
                flow = _smoothed(flow + _step(here, there, flow))
        return flow


def _reduced(pixels: Tensor, size: Size) -> Tensor:
    return F.interpolate(pixels, size=size, mode="bilinear", antialias=True)


def resize_flow(flow: Tensor, size: Size) -> Tensor:
    """The same motion for frames of another size."""
    height, width = flow.shape[-2:]
    if (height, width) == size:
        return flow
    larger = F.interpolate(flow, size=size, mode="bilinear", align_corners=False)
    return larger * larger.new_tensor([size[1] / width, size[0] / height]).view(1, 2, 1, 1)


def _step(here: Tensor, there: Tensor, flow: Tensor) -> Tensor:
    """How much further pixels have moved: the least squares of each window, damped."""
    moved = warp(there, flow, mode="bilinear")
    across, down = _gradients((here + moved) / 2)
    change = moved - here
    products = torch.cat(
        [across * across, across * down, down * down, across * change, down * change], dim=1
    )
    xx, xy, yy, xt, yt = _blurred(products, _WINDOW).unbind(1)
    xx, yy = xx + _DAMPING, yy + _DAMPING
    determinant = xx * yy - xy * xy
    step = torch.stack([xy * yt - yy * xt, xy * xt - xx * yt], dim=1) / determinant[:, None]
    return step.clamp(-1.5, 1.5)  # further away the gradients say nothing


def _gradients(picture: Tensor) -> tuple[Tensor, Tensor]:
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    return across, (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2


def _smoothed(flow: Tensor) -> Tensor:
    """The median of nine neighbours, then a light blur: single pixels are often wrong."""
    padded = F.pad(flow, (1, 1, 1, 1), mode="replicate")
    # Columns of three are sorted once, for all three neighbourhoods that they belong to.
    low, middle, high = _sorted(padded[..., :-2, :], padded[..., 1:-1, :], padded[..., 2:, :])
    lowest, middles, highest = (_beside(grid) for grid in (low, middle, high))
    largest_low = torch.maximum(torch.maximum(*lowest[:2]), lowest[2])
    smallest_high = torch.minimum(torch.minimum(*highest[:2]), highest[2])
    return _blurred(_median(largest_low, _median(*middles), smallest_high), 0.8)


def _beside(grid: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return grid[..., :-2], grid[..., 1:-1], grid[..., 2:]


def _sorted(a: Tensor, b: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    small, large = torch.minimum(a, b), torch.maximum(a, b)
    rest = torch.minimum(large, c)
    return torch.minimum(small, rest), torch.maximum(small, rest), torch.maximum(large, c)


def _median(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    return torch.maximum(torch.minimum(a, b), torch.minimum(torch.maximum(a, b), c))


def _blurred(grids: Tensor, deviation: float) -> Tensor:
    reach = max(1, round(2.5 * deviation))
    places = torch.arange(-reach, reach + 1, dtype=grids.dtype, device=grids.device)
    weights = torch.exp(-0.5 * (places / deviation).square())
    kernel = (weights / weights.sum()).view(1, 1, -1)
    channels = grids.shape[1]
    padded = F.pad(grids, (reach, reach, reach, reach), mode="replicate")
    across = F.conv2d(padded, kernel.expand(channels, 1, -1)[:, :, None], groups=channels)
    return F.conv2d(across, kernel.expand(channels, 1, -1)[..., None], groups=channels)


def warp(frame: Tensor, flow: Tensor, *, mode: str = "bicubic") -> Tensor:
    """Fetch every pixel from where the flow says it stands in ``frame``; borders are repeated.

    Args:
        frame: (1, C, H, W): the frame that the flow leads to, or anything that moves with it.
        flow: (1, 2, H, W), pixels.
        mode: "bicubic", which keeps fine strokes, or "bilinear".

    Returns:
        (1, C, H, W).
    """
    height, width = frame.shape[-2:]
    down = torch.arange(height, device=frame.device, dtype=flow.dtype)[None, :, None]
    across = torch.arange(width, device=frame.device, dtype=flow.dtype)[None, None, :]
    x = (across + flow[:, 0]) * (2 / max(1, width - 1)) - 1
    y = (down + flow[:, 1]) * (2 / max(1, height - 1)) - 1
    places = torch.stack([x, y], dim=-1).to(frame.dtype)
    return F.grid_sample(frame, places, mode=mode, padding_mode="border", align_corners=True)


def visible(forth: Tensor, back: Tensor, *, tolerance: float = 0.5) -> Tensor:
    """Which pixels of the first frame are seen in the second.

    Motion forth and motion back from there must cancel: Sundaram et al., eq. 5. What leaves the
    picture is not seen.

    Args:
        forth: Flow from the first frame to the second, (1, 2, H, W), pixels.
        back: From the second to the first.
        tolerance: Squared pixels by which they may disagree where nothing moves.

    Returns:
        (1, 1, H, W), 1 where seen and 0 where not.
    """
    height, width = forth.shape[-2:]
    returned = warp(back, forth, mode="bilinear")
    error = (forth + returned).square().sum(1, keepdim=True)
    length = forth.square().sum(1, keepdim=True) + returned.square().sum(1, keepdim=True)
    agrees = error < 0.01 * length + tolerance
    x = torch.arange(width, device=forth.device)[None, None, None, :] + forth[:, :1]
    y = torch.arange(height, device=forth.device)[None, None, :, None] + forth[:, 1:]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return (agrees & inside).float()
