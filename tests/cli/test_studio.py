"""impasto studio: what is refused before anything is served, and that it serves until Ctrl-C."""

import contextlib
import importlib.util
import socket
import threading
from dataclasses import fields

import pytest
from studio_visit import hush

from impasto.cli import studio as studio_verb
from impasto.cli import verbs
from impasto.studio.settings import StudioConfig

HAS_GRADIO = importlib.util.find_spec("gradio") is not None
pytestmark = [
    pytest.mark.usefixtures("quiet_gradio"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
needs_gradio = pytest.mark.skipif(not HAS_GRADIO, reason="the extra studio is not installed")


@pytest.fixture
def quiet_gradio():
    yield
    hush()


def test_every_setting_is_a_flag(run):
    text = run("studio", "--help").out
    for field in fields(StudioConfig):
        assert f"--{field.name.replace('_', '-')}" in text
    assert "127.0.0.1" in text


def test_without_the_extra_it_says_what_to_type(refused, monkeypatch):
    monkeypatch.setattr(studio_verb.importlib.util, "find_spec", lambda name: None)
    assert refused("studio", code=7) == (
        "The studio needs packages that are not installed; "
        'type: python -m pip install "impasto[studio]".'
    )


@needs_gradio
def test_a_taken_port_is_said_before_torch_is_loaded(refused):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert "--port 0" in refused("studio", "--port", port, "--no-browser", code=2)


@needs_gradio
@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (["--port", "70000"], "port must be at least 0 and at most 65535", 2),
        (["--port", "eighty"], "--port must be a whole number; got 'eighty'", 2),
        (["--max-upload", "much"], "max_upload must be an amount of memory", 2),
        (["--host", "no such host"], "is no address", 2),
        (["-o", "photo.jpg"], "photo.jpg is a file; give a folder", 5),
        (["--port", "0", "--model", "swft.safetensors"], "there is no weight file", 3),
        (["--port", "0", "--translators", "none.safetensors"], "there is no weight file", 3),
    ],
)
def test_impossible_wishes_are_refused(refused, words, sentence, code):
    assert sentence in refused("studio", "--no-browser", *words, code=code)


@needs_gradio
@pytest.mark.parametrize("example", verbs.examples_of(verbs.function_of("studio")))
def test_the_examples_open_the_studio_and_ctrl_c_closes_it(run, home, monkeypatch, example):
    opened = []

    @contextlib.contextmanager
    def pretend(page, config, look):
        opened.append((page, config))
        yield f"http://{config.host}:{config.port}/"

    def press(self, timeout=None):
        raise KeyboardInterrupt

    monkeypatch.setattr("impasto.studio.serve.opened", pretend)
    monkeypatch.setattr("impasto.studio.serve.free_port", lambda host, port: port)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "before")
    monkeypatch.setattr(studio_verb, "threading", type("Module", (), {"Event": _pressed(press)}))
    answer = run(*example.split()[1:])
    assert answer.code == 0
    assert answer.out == f"http://127.0.0.1:{opened[0][1].port}/\n"
    assert answer.err == "impasto: the studio is closed.\n"


def _pressed(press):
    return type("Event", (), {"wait": press, "set": threading.Event.set})


@needs_gradio
def test_opening_it_to_the_network_is_said(run, monkeypatch):
    @contextlib.contextmanager
    def pretend(page, config, look):
        yield "http://localhost:1/"

    monkeypatch.setattr("impasto.studio.serve.opened", pretend)
    monkeypatch.setattr(studio_verb, "_wait", lambda: None)
    for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED", "HF_HUB_DISABLE_TELEMETRY"):
        monkeypatch.setenv(name, "before")
    answer = run("studio", "--host", "0.0.0.0", "--port", "0", "--no-browser")
    assert answer.code == 0
    assert "without a password" in answer.err
