"""Laws of the learning rate's schedules."""

import math

import pytest
import torch

from impasto.errors import InputError
from impasto.training.schedule import Schedule, adam_in_one_pass, adam_on_schedule, adopt_rate


def at(steps, *, end=100, **settings):
    schedule = Schedule(**settings)
    return [schedule.factor_at(step, end) for step in steps]


def test_hold_decay_rises_holds_and_falls():
    factors = at((0, 9, 10, 50, 75, 100, 150), warm=10, decay_from=50, floor=0.1)
    assert factors == pytest.approx([0.1, 1.0, 1.0, 1.0, 0.55, 0.1, 0.1])
    assert at((0, 10**9), warm=0) == [1.0, 1.0], "without decay_from it never falls"


def test_constant_stays_and_cosine_is_half_a_wave():
    assert at((0, 50, 10**6), kind="constant") == [1.0, 1.0, 1.0]
    factors = at((0, 25, 50, 75, 100, 200), kind="cosine", floor=0.0)
    wave = [(1 + math.cos(math.pi * t)) / 2 for t in (0, 0.25, 0.5, 0.75, 1, 1)]
    assert factors == pytest.approx(wave, abs=1e-12)


def test_inverse_is_adains_and_step_is_source_2s():
    assert at((0, 20_000, 160_000), kind="inverse", decay=5e-5) == pytest.approx([1, 0.5, 1 / 9])
    assert at((9, 10, 29, 30), kind="step", every=10) == pytest.approx([1, 0.1, 0.01, 0.001])


@pytest.mark.parametrize("kind", ["hold-decay", "constant", "cosine", "inverse", "step"])
def test_every_kind_can_begin_warm(kind):
    assert at((0, 1, 3), kind=kind, warm=4) == [0.25, 0.5, 1.0]


def test_what_needs_an_end_says_so():
    parameters = [torch.nn.Parameter(torch.zeros(1))]
    with pytest.raises(InputError, match=r"cosine must know the last step; give --trainer.max_st"):
        adam_on_schedule(
            {1.0: parameters}, learning_rate=1.0, schedule=Schedule(kind="cosine"), steps=math.inf
        )
    adam_on_schedule({1.0: parameters}, learning_rate=1.0, schedule=Schedule(), steps=math.inf)


def test_adam_in_one_pass_is_adam():
    torch.manual_seed(0)
    start, frozen = torch.randn(40, 30), torch.nn.Parameter(torch.ones(3), requires_grad=False)
    ours, plain = (torch.nn.Parameter(start.clone()) for _ in range(2))
    both = (
        adam_in_one_pass([ours, frozen], 1e-2, (0.5, 0.99)),
        torch.optim.Adam([plain], 1e-2, (0.5, 0.99)),
    )
    for step in range(5):
        for optimizer, weight in zip(both, (ours, plain), strict=True):
            weight.grad = (start + step).sin()
            optimizer.step()
    assert both[0].defaults["fused"]
    assert ours._version >= 5, "what is kept by a weight's version would be taken for fresh"
    assert torch.allclose(ours, plain, atol=1e-6)
    assert not torch.equal(ours, start)
    assert frozen.tolist() == [1, 1, 1]


def test_another_rate_takes_the_place_of_a_checkpoints_and_the_same_changes_no_bit():
    parameter, slow = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    found = adam_on_schedule(
        {1.0: [parameter], 0.1: [slow]},
        learning_rate=0.3,
        schedule=Schedule(kind="inverse", decay=0.7),
        steps=9,
    )
    optimizer, scheduler = found["optimizer"], found["lr_scheduler"]["scheduler"]
    for _ in range(3):
        parameter.sum().backward()
        optimizer.step()
        scheduler.step()
    before = optimizer.param_groups[0]["lr"]
    adopt_rate(scheduler, 0.3)
    assert optimizer.param_groups[0]["lr"] == before
    adopt_rate(scheduler, 0.6)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(2 * before)
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.6 / (1 + 0.7 * 4))
    assert optimizer.param_groups[1]["lr"] == pytest.approx(0.06 / (1 + 0.7 * 4))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"kind": "cosin"}, "schedule kind must be one of .* Did you mean cosine"),
        ({"warm": -1}, "warm must be at least 0"),
        ({"floor": 2.0}, "floor must be at least 0.0 and at most 1.0"),
        ({"factor": 0.0}, "factor must be above 0.0"),
    ],
)
def test_what_is_refused(settings, sentence):
    with pytest.raises(InputError, match=sentence):
        Schedule(**settings)
