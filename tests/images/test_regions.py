"""Pictures read by region are the picture."""

import pytest
import torch
import torch.nn.functional as F

from impasto.images.regions import InMemory, Resized, read_reflected, shrink
from impasto.images.resize import pad_reflect, resize

PICTURE = torch.rand(1, 3, 13, 17, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", [(13, 17), (1, 17), (2, 2)])
@pytest.mark.parametrize("sides", [(0, 0, 0, 0), (3, 4, 5, 2), (40, 1, 0, 30)])
def test_reading_beyond_the_border_reflects(size, sides):
    picture = PICTURE[..., : size[0], : size[1]]
    left, right, top, bottom = sides
    box = (-top, -left, top + size[0] + bottom, left + size[1] + right)
    assert torch.equal(read_reflected(InMemory(picture), box), pad_reflect(picture, sides))


@pytest.mark.parametrize("box", [(-4, 2, 9, 8), (-12, -3, 15, 5), (3, 14, 20, 3), (-30, 20, 5, 9)])
def test_a_box_that_is_partly_or_wholly_outside_is_a_part_of_the_reflection(box):
    top, left, height, width = box
    around = pad_reflect(PICTURE, (40, 40, 40, 40))
    wanted = around[..., 40 + top : 40 + top + height, 40 + left : 40 + left + width]
    assert torch.equal(read_reflected(InMemory(PICTURE), box), wanted)


@pytest.mark.parametrize("size", [(5, 6), (1, 1), (13, 17), (20, 30)])
def test_a_small_copy_is_made_of_means(size, monkeypatch):
    monkeypatch.setattr("impasto.images.regions._BAND", 40)
    small = shrink(InMemory(PICTURE), size)
    torch.testing.assert_close(small, F.adaptive_avg_pool2d(PICTURE, size))


@pytest.mark.parametrize("size", [(40, 31), (7, 9), (13, 30), (5, 60), (13, 17)])
def test_a_region_of_another_size_is_the_region_of_the_resized(size):
    whole = resize(PICTURE, size)
    source = Resized(PICTURE, size)
    torch.testing.assert_close(source.read((0, 0, *size)), whole)
    top, left = size[0] // 3, size[1] // 4
    box = (top, left, size[0] - top - 1, size[1] - left - 2)
    torch.testing.assert_close(source.read(box), InMemory(whole).read(box), rtol=0, atol=2e-6)
