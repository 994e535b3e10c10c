"""KnownStyles: the same bits without a second look, in few blocks of memory."""

import torch
from torch import Tensor

from impasto.losses import known as module
from impasto.losses.known import KnownStyles
from impasto.losses.style import LayerStatistics, statistics_of

STYLES = torch.rand(5, 3, 6, 7, generator=torch.Generator().manual_seed(0))


class Eye:
    """Two layers of different width; counts what it looked at."""

    def __init__(self) -> None:
        self.seen = 0

    def __call__(self, images: Tensor) -> LayerStatistics:
        self.seen += len(images)
        return statistics_of({"first": images, "second": torch.cat([images, 2 * images], dim=1)})


def assert_same(found: LayerStatistics, wanted: LayerStatistics) -> None:
    assert list(found) == list(wanted)
    for name in wanted:
        for one, other in zip(found[name], wanted[name], strict=True):
            assert torch.equal(one, other)


def test_what_is_known_is_not_looked_at_again_and_has_the_same_bits(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 2)  # so that there are several blocks
    look, known = Eye(), KnownStyles()
    wanted = known.statistics(look, STYLES, [4, 3, 2, 1, 0])
    assert look.seen == 5
    assert wanted["second"][1].shape == (5, 6, 1, 1)
    assert_same(known.statistics(look, STYLES, [4, 3, 2, 1, 0]), wanted)
    turned = {name: (mean.flip(0), deviation.flip(0)) for name, (mean, deviation) in wanted.items()}
    assert_same(known.statistics(look, STYLES.flip(0), [0, 1, 2, 3, 4]), turned)
    assert look.seen == 5


def test_those_without_a_key_are_looked_at_each_time():
    look, known = Eye(), KnownStyles()
    for keys in (None, [-1, -1, -1, -1, -1]):
        assert_same(known.statistics(look, STYLES, keys), Eye()(STYLES))
    assert look.seen == 10


def test_one_that_is_full_still_answers():
    look, known = Eye(), KnownStyles(most=3)
    first = known.statistics(look, STYLES, range(5))
    assert_same(known.statistics(look, STYLES, range(5)), first)
    assert look.seen == 5 + 2


def test_nothing_that_is_known_has_a_gradient():
    known = KnownStyles()
    style = STYLES.clone().requires_grad_()
    for _ in range(2):
        found = known.statistics(Eye(), style, range(5))
        assert not any(value.requires_grad for pair in found.values() for value in pair)
