"""What was brushed becomes masks: white where it was, one per painter."""

import pytest
from PIL import Image

from impasto.errors import InputError
from impasto.studio.brush import brushed, masks_for


def layer(box: tuple[int, int, int, int] | None, value: int = 255) -> Image.Image:
    """A layer of the editor with one stroke on it."""
    image = Image.new("RGBA", (12, 8))
    if box is not None:
        image.paste((194, 79, 51, value), box)
    return image


@pytest.mark.parametrize("value", [None, {}, {"layers": None}, {"layers": []}, {"layers": [None]}])
def test_an_untouched_board_is_no_mask(value):
    assert brushed(value) is None
    assert masks_for(value, "inside", 1) is None


def test_an_empty_layer_is_no_mask():
    assert masks_for({"layers": [layer(None)]}, "outside", 2) is None


def test_the_mask_is_where_the_brush_was_whatever_its_colour():
    mask = brushed({"layers": [layer((0, 0, 4, 8))]})
    assert mask.size == (12, 8)
    assert mask.getpixel((1, 1)) == 255
    assert mask.getpixel((8, 1)) == 0


def test_layers_add_up():
    mask = brushed({"layers": [layer((0, 0, 4, 8)), layer((8, 0, 12, 8), 100)]})
    assert [mask.getpixel((x, 3)) for x in (2, 6, 10)] == [255, 0, 100]


@pytest.mark.parametrize(("region", "values"), [("inside", [255, 0]), ("outside", [0, 255])])
@pytest.mark.parametrize("styles", [1, 2])
def test_every_painter_paints_in_the_same_region(region, values, styles):
    masks = masks_for({"layers": [layer((0, 0, 6, 8))]}, region, styles)
    assert len(masks) == styles
    for mask in masks:
        assert [mask.getpixel((x, 3)) for x in (2, 9)] == values


def test_two_painters_share_the_picture():
    first, second = masks_for({"layers": [layer((0, 0, 6, 8))]}, "split", 2)
    assert [first.getpixel((x, 3)) + second.getpixel((x, 3)) for x in range(12)] == [255] * 12
    assert first.getpixel((2, 3)) == 255


def test_one_painter_alone_cannot_share_it():
    with pytest.raises(InputError, match="choose a second one"):
        masks_for({"layers": [layer((0, 0, 6, 8))]}, "split", 1)


def test_another_region_is_refused():
    with pytest.raises(InputError, match="region must be one of inside, outside, split"):
        masks_for(None, "around", 1)
