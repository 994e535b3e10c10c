"""Sentences about wrong values: what was given, what is allowed, what is near."""

import math

import pytest

from impasto.checks import check_choice, check_range, check_shape, nearest
from impasto.errors import InputError, ShapeError

STYLES = ["hokusai-great-wave", "monet-water-lilies", "munch-red-sky", "munch-scream"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("hokusia", "hokusai-great-wave"),
        ("great-wave", "hokusai-great-wave"),
        ("Scream", "munch-scream"),
        ("waterlilies", "monet-water-lilies"),
    ],
)
def test_the_nearest_name_is_found_by_any_of_its_words(value, expected):
    assert expected in nearest(value, STYLES)


def test_nothing_is_near_to_nonsense():
    assert nearest("qqqq", STYLES) == []


def test_a_wrong_choice_lists_the_right_ones_and_the_nearest():
    with pytest.raises(InputError) as error:
        check_choice("style", "hokusia", STYLES)
    assert str(error.value) == (
        "style must be one of hokusai-great-wave, monet-water-lilies, munch-red-sky, munch-scream; "
        "got 'hokusia'. Did you mean hokusai-great-wave?"
    )


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan])
def test_a_value_outside_its_range_is_refused_and_so_is_nan(value):
    with pytest.raises(InputError, match=r"alpha must be at least 0.0 and at most 1.0; got"):
        check_range("alpha", value, at_least=0.0, at_most=1.0)


def test_shape_error_names_the_argument_and_the_remedy():
    torch = pytest.importorskip("torch")
    with pytest.raises(
        ShapeError, match=r"x must be \(B, 3, H, W\), got \(3, 4, 5\)\. Add a batch"
    ):
        check_shape(torch.zeros(3, 4, 5), "B 3 H W", name="x")
    check_shape(torch.zeros(1, 3, 4, 5), "B 3 H W", name="x")
