"""The pool of made pictures of earlier steps."""

import pytest
import torch

from impasto.errors import InputError
from impasto.training.history import HistoryPool


def picture(number):
    return torch.full((1, 3, 2, 2), float(number))


def numbers(pool, first, last):
    return [int(pool.query(picture(n))[0, 0, 0, 0]) for n in range(first, last)]


def test_without_room_everything_comes_back_at_once():
    given = torch.rand(3, 3, 4, 4)
    assert HistoryPool(0).query(given) is given


def test_it_fills_before_it_exchanges():
    pool = HistoryPool(50)
    assert numbers(pool, 0, 50) == list(range(50))
    assert len(pool) == 50


def test_half_of_the_pictures_are_older_and_none_is_kept_that_was_given_back():
    pool = HistoryPool(50)
    given = numbers(pool, 0, 2050)
    assert len(set(given[50:])) == 2000
    older = sum(found != n for n, found in enumerate(given[50:], start=50))
    assert 900 < older < 1100
    assert all(found <= n for n, found in enumerate(given))


@pytest.mark.parametrize(("probability", "older"), [(0.0, 0), (1.0, 100)])
def test_the_probability_is_of_an_exchange(probability, older):
    pool = HistoryPool(5, probability=probability)
    given = numbers(pool, 0, 105)[5:]
    assert sum(found != n for n, found in enumerate(given, start=5)) == older


def test_it_is_a_function_of_the_seed_and_goes_on_from_its_state():
    assert numbers(HistoryPool(4, seed=1), 0, 60) == numbers(HistoryPool(4, seed=1), 0, 60)
    assert numbers(HistoryPool(4, seed=1), 0, 60) != numbers(HistoryPool(4, seed=2), 0, 60)
    assert numbers(HistoryPool(4, shard=0), 0, 60) != numbers(HistoryPool(4, shard=1), 0, 60)
    whole, begun = HistoryPool(4), HistoryPool(4)
    wanted = numbers(whole, 0, 60)
    numbers(begun, 0, 33)
    resumed = HistoryPool(4)
    resumed.load_state_dict(begun.state_dict())
    assert numbers(resumed, 33, 60) == wanted[33:]


def test_what_it_keeps_is_not_what_it_was_given():
    pool, given = HistoryPool(2), torch.zeros(1, 3, 2, 2)
    pool.query(given)
    given += 7
    assert not pool.state_dict()["held"].any()


def test_an_empty_pool_has_a_state():
    pool = HistoryPool(3)
    pool.load_state_dict(HistoryPool(3).state_dict())
    assert len(pool) == pool.seen == 0


def test_what_is_refused():
    with pytest.raises(InputError, match="pool must be at least 0"):
        HistoryPool(-1)
