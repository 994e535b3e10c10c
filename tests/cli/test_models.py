"""impasto models list | show | fetch | verify."""

import hashlib
import json
import shlex
from pathlib import Path

import pytest

from impasto.cli import verbs
from impasto.weights import registry, store


@pytest.fixture
def published(home, monkeypatch) -> Path:
    """A table with swift bundled, and that file."""
    bundled = home / "bundled"
    bundled.mkdir()
    path = (home / ".weights" / "swift.safetensors").rename(bundled / "swift.safetensors")
    entry = registry.WeightsEntry(
        name="swift",
        kind="painter",
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size=path.stat().st_size,
        licence="Apache-2.0",
        card="Paints fast. And well.",
    )
    table = {"swift": entry, **registry.known_weights()}
    monkeypatch.setattr(registry, "BUNDLED", bundled)
    for module in (registry, store):
        monkeypatch.setattr(module, "known_weights", lambda: table)
    return path


def test_list(run, published):
    answer = run("models", "list")
    assert answer.code == 0
    name, kind, place, size, description = answer.out.splitlines()[0].split("\t")
    assert (name, kind, place, description) == ("swift", "painter", "bundled", "Paints fast.")
    assert size.endswith("kB")
    assert "vgg19\tperceptual\tabsent" in answer.out


def test_list_as_json(run, published):
    first, *_ = json.loads(run("models", "list", "--json").out)
    assert first["name"] == "swift"
    assert first["path"] == str(published)


def test_show(run, published):
    assert "card\tPaints fast. And well.\n" in run("models", "show", "swift").out
    assert json.loads(run("models", "show", "swift", "--json").out)["place"] == "bundled"


def test_unknown_names_the_nearest(refused):
    assert "Did you mean vgg19" in refused("models", "show", "vgg91", code=2)
    assert "Did you mean vgg19" in refused("models", "fetch", "vgg91", code=2)
    assert "Did you mean vgg19" in refused("models", "verify", "vgg91", code=2)


def test_verify(run, published):
    answer = run("models", "verify")
    assert answer == (0, f"swift\twhole\t{published}\n", "")
    (check,) = json.loads(run("models", "verify", "swift", "--json").out)
    assert check["ok"] is True


def test_verify_a_damaged_file(run, published):
    whole = published.read_bytes()
    published.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    answer = run("models", "verify")
    assert answer.code == 3
    assert answer.out == f"swift\tdamaged\t{published}\n"
    assert "its SHA-256 begins with" in answer.err


def test_verify_what_is_absent(refused):
    assert "vgg19 is not on this machine" in refused("models", "verify", "vgg19", code=3)


def test_a_folder_of_weights_that_does_not_exist(refused, monkeypatch):
    monkeypatch.setenv("IMPASTO_WEIGHTS", "nowhere")
    assert "IMPASTO_WEIGHTS is nowhere" in refused("models", "list", code=3)


@pytest.mark.parametrize("example", verbs.examples_of(verbs.function_of("models fetch")))
def test_fetch(run, home, monkeypatch, example):
    def fetched(name, on_progress):
        on_progress(store.FetchProgress(name, 1, 2))
        return home / f"{name}.pth"

    monkeypatch.setattr("impasto.cli.models.find_weights", fetched)
    words = shlex.split(example)[1:]
    answer = run(*words)
    path = str(home / f"{words[2]}.pth")
    assert answer.code == 0
    if "--json" in words:
        assert json.loads(answer.out) == {"name": words[2], "path": path}
    else:
        assert answer.out == path + "\n"
