"""A loss that is no number stops with its name."""

import pytest
import torch

from impasto.errors import TrainingError
from impasto.losses.finite import check_finite


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_the_broken_term_is_named(value):
    good = torch.tensor(1.0, requires_grad=True)
    check_finite({"content": good, "style": good})
    with pytest.raises(TrainingError) as caught:
        check_finite({"content": good, "style": torch.tensor(value)})
    assert str(caught.value) == (
        "the loss term style is not finite; resume from the last checkpoint with a lower "
        "--model.learning_rate."
    )


def test_all_broken_terms_are_named():
    good, bad = torch.tensor(1.0), torch.tensor(float("nan"))
    with pytest.raises(TrainingError, match=r"the loss terms content and style are not finite"):
        check_finite({"content": bad, "style": bad, "range": good})
