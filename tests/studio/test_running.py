"""Work that is watched: its news arrive, its errors arrive, and Stop stops it."""

import threading
import time

import pytest

from impasto.errors import InputError
from impasto.studio.running import Progress, StoppedError, Stops, watched


def until(condition, seconds: float = 10.0) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.005)


def test_news_arrive_and_the_result_comes_last(finish):
    seen = threading.Event()

    def work(tell):
        tell(Progress(words="half", share=0.5))
        assert seen.wait(10)
        return 42

    run = watched(work, threading.Event(), every=0.005)
    assert next(run) == Progress(words="half", share=0.5)
    seen.set()
    news, result = finish(run)
    assert (news, result) == ([], 42), "the same news do not come twice"


def test_only_the_newest_news_are_shown(finish):
    ready, go_on = threading.Event(), threading.Event()

    def work(tell):
        for number in range(50):
            tell(Progress(words=str(number)))
        ready.set()
        assert go_on.wait(10)

    run = watched(work, threading.Event(), every=0.2)
    news = [next(run)]
    assert ready.is_set()
    go_on.set()
    news += finish(run)[0]
    assert [n.words for n in news] == ["49"]


def test_an_error_of_the_work_is_the_callers():
    def work(tell):
        raise InputError("alpha must be at least 0.0.")

    with pytest.raises(InputError, match="alpha"):
        next(watched(work, threading.Event()))


def test_stop_ends_the_work_at_its_next_news():
    flag, told = threading.Event(), []

    def work(tell):
        while True:
            tell(Progress(words="on and on"))
            told.append(1)
            time.sleep(0.002)

    run = watched(work, flag, every=0.005)
    next(run)
    flag.set()
    with pytest.raises(StoppedError):
        list(run)
    count = len(told)
    time.sleep(0.02)
    assert len(told) == count, "the thread has ended"


def test_a_visitor_who_leaves_stops_the_work():
    flag, ended = threading.Event(), threading.Event()

    def work(tell):
        try:
            while True:
                tell(Progress(words="on and on"))
                time.sleep(0.002)
        finally:
            ended.set()

    run = watched(work, flag, every=0.005)
    next(run)
    run.close()
    assert flag.is_set()
    until(ended.is_set)


def test_a_finished_work_leaves_the_flag_alone(finish):
    flag = threading.Event()
    assert finish(watched(lambda tell: 1, flag))[1] == 1
    assert not flag.is_set()


def test_one_visitors_stop_does_not_stop_another():
    stops = Stops()
    mine, yours = stops.begin("me", "paint"), stops.begin("you", "paint")
    stops.stop("me", "paint")
    assert mine.is_set()
    assert not yours.is_set()


def test_stop_is_of_one_tab_unless_the_visitor_leaves():
    stops = Stops()
    paint, dream = stops.begin("me", "paint"), stops.begin("me", "dream")
    stops.stop("me", "paint")
    assert (paint.is_set(), dream.is_set()) == (True, False)
    stops.forget("me")
    assert dream.is_set()


def test_a_second_press_ends_the_first_work():
    stops = Stops()
    first = stops.begin("me", "paint")
    second = stops.begin("me", "paint")
    assert (first.is_set(), second.is_set()) == (True, False)
