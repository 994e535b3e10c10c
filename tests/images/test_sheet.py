"""Contact sheets."""

import pytest
from PIL import Image

from impasto.errors import InputError
from impasto.images.sheet import PAPER, Cell, Row, contact_sheet

RED, BLUE = (200, 30, 30), (30, 30, 200)


def cell(size: tuple[int, int], color: tuple[int, int, int] = RED, name: str = "a name") -> Cell:
    return Cell(image=Image.new("RGB", size, color), name=name, detail="a painter, 1890")


def test_pictures_stand_on_off_white_paper():
    rows = [Row(photo=cell((90, 60)), paintings=(cell((90, 60), BLUE), cell((90, 60), BLUE)))]
    sheet = contact_sheet(rows, title="Title", note="a note", column=100)
    assert sheet.mode == "RGB"
    assert sheet.getpixel((0, 0)) == sheet.getpixel((sheet.width - 1, sheet.height - 1)) == PAPER
    colors = dict((c, n) for n, c in sheet.getcolors(sheet.width * sheet.height))
    assert colors[RED] == 100 * 67
    assert colors[BLUE] == 2 * 100 * 67


def test_rows_of_different_length_and_shape():
    rows = [
        Row(photo=cell((10, 400)), paintings=(cell((400, 10)),)),
        Row(photo=cell((1, 1)), paintings=(cell((50, 50), name="x" * 200), cell((8, 8)))),
    ]
    sheet = contact_sheet(rows, title="Title", column=64)
    assert sheet.width > 3 * 64
    assert sheet.height > 2 * 64


def test_accents_become_letters_that_the_font_has():
    plain = contact_sheet([Row(photo=cell((20, 20), name="Cezanne"), paintings=())], title="x")
    accented = contact_sheet([Row(photo=cell((20, 20), name="Cézanne"), paintings=())], title="x")
    assert plain.tobytes() == accented.tobytes()


def test_no_row_is_refused():
    with pytest.raises(InputError, match="at least one row"):
        contact_sheet([], title="Title")
