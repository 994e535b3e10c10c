"""Motion that is known is found, and what it hides is known to be hidden."""

import math

import pytest
import torch
import torch.nn.functional as F

from impasto.errors import ShapeError
from impasto.images.samples import synthetic_photo
from impasto.video.flow import Sketch, _blurred, _smoothed, resize_flow, visible, warp

SIZE = (72, 96)


def flow_between(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """At the frames' own size."""
    flow = Sketch.of(first).flow_to(Sketch.of(second))
    return resize_flow(flow, (first.shape[-2], first.shape[-1]))


def scene() -> torch.Tensor:
    """Larger than a frame, so that what comes in has been there."""
    return synthetic_photo((SIZE[0] + 40, SIZE[1] + 40), seed=4).pixels


def view(matrix: list[list[float]], shift: tuple[float, float]) -> torch.Tensor:
    """A frame whose pixel p shows the scene at matrix p + shift, about the middle."""
    picture = scene()
    height, width = picture.shape[-2:]
    y, x = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    x, y = x - (SIZE[1] - 1) / 2, y - (SIZE[0] - 1) / 2
    u = matrix[0][0] * x + matrix[0][1] * y + shift[0]
    v = matrix[1][0] * x + matrix[1][1] * y + shift[1]
    grid = torch.stack([u * 2 / (width - 1), v * 2 / (height - 1)], dim=-1)[None]
    return F.grid_sample(picture, grid, mode="bicubic", align_corners=True).clamp(0, 1)


EYE = [[1.0, 0.0], [0.0, 1.0]]


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.0, 0.0), (3.5, -2.25), (-9.0, 6.0)])
def test_a_pan_is_found_to_a_fraction_of_a_pixel(shift):
    flow = flow_between(view(EYE, (0, 0)), view(EYE, shift))
    wanted = -torch.tensor(shift).view(1, 2, 1, 1)
    inner = (flow - wanted)[..., 12:-12, 12:-12].square().sum(1).sqrt()
    assert float(inner.mean()) < 0.25


def test_a_zoom_and_a_turn_are_found():
    angle, zoom = math.radians(2), 1.03
    matrix = [
        [zoom * math.cos(angle), -zoom * math.sin(angle)],
        [zoom * math.sin(angle), zoom * math.cos(angle)],
    ]
    flow = flow_between(view(EYE, (0, 0)), view(matrix, (0, 0)))
    y, x = torch.meshgrid(torch.arange(SIZE[0]), torch.arange(SIZE[1]), indexing="ij")
    x, y = x - (SIZE[1] - 1) / 2, y - (SIZE[0] - 1) / 2
    inverse = torch.tensor(matrix).inverse()
    wanted = torch.stack(
        [inverse[0, 0] * x + inverse[0, 1] * y - x, inverse[1, 0] * x + inverse[1, 1] * y - y]
    )[None]
    inner = (flow - wanted)[..., 12:-12, 12:-12].square().sum(1).sqrt()
    assert float(inner.mean()) < 0.3


def test_warping_along_the_flow_gives_the_first_frame_back():
    first, second = view(EYE, (0, 0)), view(EYE, (4.0, 3.0))
    flow = flow_between(first, second)
    before = float((first - second).abs().mean())
    after = float((first - warp(second, flow))[..., 8:-8, 8:-8].abs().mean())
    assert after < before / 5


def test_large_frames_are_looked_at_small(monkeypatch):
    monkeypatch.setattr("impasto.video.flow.LONG_SIDE", 48)
    flow = flow_between(view(EYE, (0, 0)), view(EYE, (4.0, 0.0)))
    assert flow.shape == (1, 2, *SIZE)
    assert float(flow[:, 0, 12:-12, 12:-12].mean()) == pytest.approx(-4, abs=0.4)


def test_single_wrong_pixels_are_smoothed_away_as_by_a_median_of_nine():
    flow = torch.randn(1, 2, 13, 17, generator=torch.Generator().manual_seed(0))
    around = F.unfold(F.pad(flow, (1, 1, 1, 1), mode="replicate").mT, 3).view(2, 9, 17, 13)
    wanted = _blurred(around.median(1).values[None].mT, 0.8)
    torch.testing.assert_close(_smoothed(flow), wanted)


def test_nothing_moves_in_flat_and_tiny_frames():
    for size in ((30, 40), (1, 1), (3, 5)):
        flat = torch.full((1, 3, *size), 0.5)
        assert float(flow_between(flat, flat).abs().max()) == 0


def test_a_flow_of_another_size_is_the_same_motion():
    flow = torch.ones(1, 2, 10, 20)
    larger = resize_flow(flow, (20, 60))
    assert float(larger[:, 0].mean()) == 3
    assert float(larger[:, 1].mean()) == 2


def test_what_leaves_the_picture_or_disagrees_is_not_seen():
    forth = torch.zeros(1, 2, 10, 10)
    forth[:, 0] = 3
    seen = visible(forth, -forth)
    assert seen[..., :7].min() == 1
    assert seen[..., 7:].max() == 0
    back = -forth.clone()
    back[..., 5, 5] = 9
    assert visible(forth, back)[0, 0, 5, 2] == 0


def test_what_a_square_hides_is_not_seen():
    ground = view(EYE, (0, 0))
    frames = []
    for left in (30, 38):
        frame = ground.clone()
        frame[..., 25:45, left : left + 20] = view(EYE, (8.0, 8.0))[..., 25:45, 10:30]
        frames.append(frame)
    first, second = frames
    seen = visible(flow_between(second, first), flow_between(first, second))
    uncovered = seen[..., 27:43, 31:37]  # ground in the second frame, square in the first
    assert float(seen.mean()) > 0.8
    assert float(uncovered.mean()) < 0.75 * float(seen.mean())


def test_frames_of_two_sizes_are_refused():
    with pytest.raises(ShapeError, match="both frames must have one size"):
        flow_between(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 5))
