"""impasto doctor."""

import json
import sys

import pytest

import impasto
from impasto.cli.doctor import _without_torch


def test_a_healthy_machine(run):
    answer = run("doctor")
    assert answer.code == 0
    assert answer.err == ""
    for word in ("python", "devices", "fast bfloat16", "free memory", "swift", "your own"):
        assert word in answer.out
    assert 'pip install "impasto[video]"' in answer.out or "video" in answer.out
    assert answer.out.endswith("Everything needed to paint is there.\n")


def test_json(run):
    document = json.loads(run("doctor", "--json").out)
    assert document["versions"]["impasto"] == impasto.__version__
    assert document["machine"]["devices"][0] == "cpu"
    assert document["styles"] == {"bundled": 0, "your own": 2}
    assert document["problems"] == []
    assert document["without_torch"] == "no: there is no bundled style"
    extras = {extra["name"]: extra for extra in document["extras"]}
    assert extras["train"]["command"] == 'python -m pip install "impasto[train]"'
    assert all(extra["purpose"] for extra in extras.values()), "say what each extra is for"


def test_missing_weights_and_a_damaged_style(run, home):
    (home / ".weights" / "swift.safetensors").rename(home / "elsewhere.safetensors")
    (home / ".styles" / "broken.safetensors").write_bytes(b"?")
    answer = run("doctor")
    assert answer.code == 3
    problems = answer.out.partition("Problems")[2]
    assert "the weights of swift are missing" in problems
    assert "broken.safetensors is no style file" in problems


def test_it_says_whether_one_picture_is_painted_without_torch(monkeypatch):
    pytest.importorskip("onnxruntime", reason="onnxruntime has no build for this machine")
    assert _without_torch() == "yes"
    monkeypatch.setattr("impasto.inference.quick.bundled_graph", lambda name: None)
    assert _without_torch().startswith("no: swift's graph is missing or damaged")
    monkeypatch.setitem(sys.modules, "impasto.inference.quick", None)
    assert _without_torch().startswith("no: import of impasto.inference.quick")
