"""Paths, keys, limits on bytes and time, counters and logs."""

import json
import logging

import pytest
from service_client import picture

from impasto.service.logs import JsonLines
from impasto.service.options import flags

PNG = {"content-type": "image/png"}


@pytest.mark.parametrize(
    "path", ["/", "/predict", "/info", "/health", "/docs", "/v1/stylize/", "/x" * 99]
)
def test_only_our_paths_are_reached(service, path):
    answer = service().get(path)
    assert answer.status == 404
    assert "there are /v1/stylize" in answer.error["message"]


def test_another_method_is_refused_and_the_right_one_named(service):
    answer = service().get("/v1/stylize")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert service().post("/ping").status == 405


KEY = "correct-horse"


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 401),
        ({"x-api-key": "wrong"}, 401),
        ({"x-api-key": "wrong-é"}, 401),
        ({"authorization": f"Basic {KEY}"}, 401),
        ({"x-api-key": KEY}, 200),
        ({"authorization": f"Bearer {KEY}"}, 200),
    ],
)
def test_the_key_is_asked_for_everywhere_but_by_ping(service, given, status):
    made = service(key=KEY)
    assert made.post(headers=PNG | given, body=picture()).status == status
    for path in ("/v1/styles", "/v1/models", "/metrics", "/openapi.json"):
        answer = made.get(path, headers=given)
        assert answer.status == status, path
        if status == 401:
            assert "X-API-Key" in answer.error["message"]
            assert KEY not in answer.body.decode()
    assert made.get("/ping").status == 200


def test_too_many_bytes_are_refused_whether_announced_or_not(service):
    made = service(max_bytes="1K")
    announced = made.post(headers=PNG | {"content-length": "314572800"}, body=b"")
    assert announced.status == 413
    assert "at most 1K bytes" in announced.error["message"]
    quiet = made.post(headers=PNG | {"content-length": "10"}, body=[b"x" * 600] * 4)
    assert quiet.status == 413
    assert made.front.held == 0


def test_a_body_that_drips_is_cut_off(service):
    answer = service(upload_timeout=0.15).post(headers=PNG, body=[b"x"] * 100, pause=0.05)
    assert answer.status == 408
    assert "did not come within 0.15 seconds" in answer.error["message"]


def test_a_client_that_leaves_while_it_sends_leaves_nothing_behind(service):
    made = service()
    answer = made.post(headers=PNG, body=None, leave_after=0.05)
    assert answer.status == 0, "nobody is there to be answered"
    assert made.front.here == made.front.held == 0


def test_counters_tell_what_happened(service):
    made = service()
    made.post(headers=PNG, body=picture())
    made.post(headers=PNG, body=b"no picture")
    made.get("/nowhere")
    text = made.get("/metrics").body.decode()
    assert 'impasto_requests_total{path="/v1/stylize",status="200"} 1.0' in text
    assert 'impasto_requests_total{path="/v1/stylize",status="415"} 1.0' in text
    assert 'impasto_requests_total{path="other",status="404"} 1.0' in text
    assert "impasto_painted_pixels_total 384.0" in text
    assert "impasto_workers_ready 1.0" in text
    assert 'impasto_request_seconds_bucket{le="60.0",path="/v1/stylize"} 2.0' in text


def test_logs_are_one_line_of_json_without_the_picture(service, caplog):
    with caplog.at_level(logging.INFO, "impasto.service"):
        answer = service().post(headers=PNG, body=picture(), query="style=great-wave&alpha=0.5")
    (record,) = [r for r in caplog.records if r.getMessage() == "request"]
    line = JsonLines().format(record)
    assert "\n" not in line
    assert len(line) < 600
    facts = json.loads(line)
    assert facts["id"] == answer.headers["x-request-id"]
    assert (facts["status"], facts["path"], facts["level"]) == (200, "/v1/stylize", "info")
    assert (facts["width"], facts["height"], facts["styles"]) == (24, 16, ["great-wave"])
    assert facts["received"] == len(picture())


def test_a_line_of_the_log_cannot_be_forged(service, caplog):
    with caplog.at_level(logging.INFO, "impasto.service"):
        service().get('/x\n{"event": "request", "status": 200}')
    (record,) = caplog.records
    assert "\n" not in JsonLines().format(record)


def test_presets_and_the_painter_are_listed(service):
    made = service()
    names = [card["name"] for card in made.get("/v1/styles").json["styles"]]
    assert {"great-wave", "starry-night"} <= set(names)
    assert made.get("/v1/models").json["models"] == [{"name": "echo", "workers": 1}]


def test_ping_says_whether_a_worker_is_there(service):
    made = service()
    assert (made.get("/ping").status, made.get("/ping").body) == (200, b"")
    made.shared.bury(0)
    assert made.get("/ping").status == 503


def test_the_description_names_every_path_and_every_option(service):
    document = service().get("/openapi.json").json
    assert set(document["paths"]) == {
        "/v1/stylize", "/invocations", "/v1/styles", "/v1/models", "/ping", "/metrics",
    }  # fmt: skip
    body = document["paths"]["/v1/stylize"]["post"]["requestBody"]["content"]
    properties = body["application/json"]["schema"]["properties"]
    assert set(properties) == {"content", "style", "mask", *flags()}
    assert properties["keep_color"]["enum"] == ["none", "luma", "coral", "histogram"]
    assert properties["alpha"]["description"].startswith("How much of the style")
    assert "image/jpeg" in body
