"""The load benchmark's own judgement: what it counts as a failure, what it reports."""

import io

import speed_service as bench
from PIL import Image
from service_client import picture

GOOD = bench.Request("/v1/stylize", {}, b"", (16, 24))
HOSTILE = bench.Request("/v1/stylize", {}, b"")


def test_an_answer_is_wrong_when_it_is_another_picture_or_another_500():
    assert bench.judge(GOOD, 200, picture((16, 24))) is None
    assert bench.judge(GOOD, 503, b"") is None
    assert "24x16" in (bench.judge(GOOD, 200, picture((24, 16))) or "")
    assert "422" in (bench.judge(GOOD, 422, b"") or "")
    assert bench.judge(HOSTILE, 415, b"") is None
    assert bench.judge(HOSTILE, 200, picture()) == "a hostile request was painted"
    for status in (500, 502, 504, 507):
        assert bench.judge(HOSTILE, status, b"oh") is not None


def test_growing_memory_fails_a_case():
    tally = bench.Tally()
    tally.seconds = [0.1, 0.2, 0.3]
    flat = bench.summary(tally, [100, 200, 200, 200, 205, 205, 210, 210], 1.0)
    assert (flat["memory_growth"], flat["per_second"]) == (1.05, 3.0)
    assert "error" not in flat
    grown = bench.summary(tally, [100, 200, 200, 200, 300, 300, 300, 300], 1.0)
    assert grown["error"] == "memory grew 1.5 times"


def test_requests_are_what_they_should_be():
    assert {r.size for r in bench.mixed_requests()} == set(bench.SIZES)
    assert {r.size for r in bench.equal_requests()} == {(256, 256)}
    assert len({r.path for r in bench.equal_requests()}) == len(bench.STYLES)
    assert all(r.size is None for r in bench.hostile_requests())
    content = bench.equal_requests()[0].body
    assert Image.open(io.BytesIO(content)).size == (256, 256)


def test_the_figures_compare_together_with_one_by_one():
    found = []
    for case in bench.cases(32, 60, "float32"):
        tally = bench.Tally()
        tally.seconds = [0.1] * (200 if case["name"] == "together" else 100)
        tally.statuses[200] = len(tally.seconds)
        found.append(case | bench.summary(tally, [100] * 8, 10.0))
    figures = bench.figures(found)
    assert figures["together-over-one"] == {"value": 2.0, "unit": "times"}
    assert figures["mixed-growth"]["value"] == 1.0
    lines = bench.table(found).splitlines()
    assert len(lines) == 2 + 4
    assert len({line.count("|") for line in lines}) == 1
