"""The door: nothing leaves the machine, nobody else's page gets in, sentences for taken ports."""

import asyncio
import os
import socket

import pytest

from impasto.errors import InputError
from impasto.studio.serve import POLICY, OnlyThisMachine, free_port, settle, workspace
from impasto.studio.settings import LOOPBACK, StudioConfig


def answer(host: str, names=LOOPBACK) -> tuple[int, dict[bytes, bytes], bytes]:
    """Ask for a page under a name; status, headers, body."""

    async def app(scope, receive, send):
        headers = [(b"content-type", b"text/html")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"hello"})

    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "headers": [(b"host", host.encode())]}
    asyncio.run(OnlyThisMachine(app, names)(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_the_browser_is_told_to_load_nothing_from_elsewhere():
    status, headers, body = answer("127.0.0.1:7860")
    assert (status, body) == (200, b"hello")
    assert headers[b"content-security-policy"].decode() == POLICY
    assert POLICY.startswith("default-src 'self' ")
    assert "http:" not in POLICY
    assert "*" not in POLICY
    assert headers[b"content-type"] == b"text/html"


@pytest.mark.parametrize("host", ["localhost:7860", "127.0.0.1", "[::1]:7860"])
def test_its_own_names_are_answered(host):
    assert answer(host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example:7860", "", "127.0.0.1.evil.example", "10.0.0.1"])
def test_another_sites_name_for_this_machine_is_not_answered(host):
    status, _, body = answer(host)
    assert status == 421
    assert b"hello" not in body


def test_opened_to_the_network_every_name_is_answered():
    assert answer("studio.example", names=())[0] == 200


def test_what_is_no_request_passes_through():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    asyncio.run(OnlyThisMachine(app, LOOPBACK)({"type": "lifespan"}, None, None))
    assert seen == ["lifespan"]


def test_a_taken_port_is_said_with_what_to_type():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=rf"cannot listen at 127.0.0.1:{port} .*--port 0"):
            free_port("127.0.0.1", port)


def test_port_0_is_any_that_is_free():
    assert 0 < free_port("127.0.0.1", 0) < 65536


@pytest.mark.parametrize("host", ["256.0.0.1", "no such host"])
def test_what_is_no_address_is_refused(host):
    with pytest.raises(InputError, match=r"no address|cannot listen"):
        free_port(host, 0)


def test_the_workspace_is_gone_with_the_studio():
    with workspace() as folder:
        (folder / "uploads").mkdir()
        (folder / "uploads" / "beach.jpg").write_bytes(b"x")
    assert not folder.exists()


def test_nobody_is_told_anything(tmp_path, monkeypatch):
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "before")  # so that the test leaves them as they were
    settle(tmp_path)
    assert os.environ["GRADIO_ANALYTICS_ENABLED"] == "False"
    assert os.environ["GRADIO_TEMP_DIR"] == str(tmp_path / "uploads")


def test_the_default_is_for_this_machine_alone():
    assert StudioConfig().host in LOOPBACK
    assert not StudioConfig().is_open
    assert StudioConfig(host="0.0.0.0").is_open


@pytest.mark.parametrize(
    ("wish", "sentence"),
    [
        ({"port": -1}, "port must be at least 0 and at most 65535; got -1"),
        ({"port": 65536}, "port must be"),
        ({"max_upload": "much"}, "max_upload must be an amount of memory such as 800M"),
    ],
)
def test_impossible_wishes_are_refused(wish, sentence):
    with pytest.raises(InputError, match=sentence):
        StudioConfig(**wish)
