"""impasto data list | fetch | scan."""

import io
import json
import shlex
import subprocess
import sys
import zipfile

import pytest
from file_server import QUICK, digest, server
from PIL import Image

from impasto.cli import verbs
from impasto.fetching import http
from impasto.training import datasets

__all__ = ["server"]


def test_list(run):
    answer = run("data", "list")
    assert (answer.code, answer.err) == (0, "")
    rows = {row.split("\t")[0]: row.split("\t")[1:] for row in answer.out.splitlines()}
    assert rows["coco2017-val"][:2] == ["content", "815.6 MB"]
    assert rows["wikiart"][:2] == ["style", "by hand"]
    assert rows["night2day"][:2] == ["paired", "?"]
    assert "ImageNet" in rows["horse2zebra"][3]


def test_list_as_json(run):
    entries = {entry["name"]: entry for entry in json.loads(run("data", "list", "--json").out)}
    assert entries["horse2zebra"]["sha256"].startswith("a74d9d39")


def test_the_list_needs_no_torch():
    code = (
        "import sys; from impasto.cli import main; main(['data', 'list']); "
        "print('torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "False", answer.stderr


@pytest.fixture
def published(home, server, monkeypatch):
    """Two of the table's names, at a server of our own."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("one.jpg", "two.jpg"):
            archive.writestr(f"set/{name}", (home / "photo.jpg").read_bytes())
    data = buffer.getvalue()
    url = server.put("/set.zip", data)
    known = {"kind": "content", "description": "Two.", "licence": "none", "strip": "set"}
    table = {
        "coco2017-val": {"urls": (url,), "sha256": digest(data), "size": len(data)},
        "horse2zebra": {"urls": (url,)},
        "wikiart": {"how": "ask"},
    }
    entries = {n: datasets.DatasetEntry(name=n, **(known | more)) for n, more in table.items()}
    monkeypatch.setattr(datasets, "known_datasets", lambda: entries)
    monkeypatch.setattr(datasets, "FetchSettings", lambda: QUICK)
    monkeypatch.setattr(http.time, "sleep", lambda seconds: None)
    return data


@pytest.mark.parametrize("example", verbs.examples_of(verbs.function_of("data fetch")))
def test_fetch(run, home, published, example):
    words = shlex.split(example)[1:]
    answer = run(*words)
    folder = words[words.index("--folder") + 1] if "--folder" in words else "data"
    assert answer.out == f"{folder}/{words[2]}\n"
    assert answer.code == 0
    assert (home / folder / words[2] / "one.jpg").exists()
    assert "terms of" in answer.err
    assert ("nobody published a digest" in answer.err) == (words[2] == "horse2zebra")
    again = run(*words, "--json")
    assert json.loads(again.out)["there"] is True
    assert again.err == ""


def test_fetch_names_what_is_damaged_and_keeps_the_rest(run, home, server, published):
    photo = (home / "photo.jpg").read_bytes()
    at = published.index(photo) + 30
    server.put("/set.zip", published[:at] + b"?" + published[at + 1 :])
    answer = run("data", "fetch", "horse2zebra")
    assert answer.code == 8
    assert "set/one.jpg is damaged: Bad CRC-32" in answer.err
    assert (home / "data/horse2zebra/two.jpg").read_bytes() == photo


def test_fetch_refuses_in_one_sentence(refused, published, server):
    assert "Did you mean horse2zebra" in refused("data", "fetch", "horse2zebr", code=2)
    assert "wikiart has no address: ask." in refused("data", "fetch", "wikiart", code=8)
    server.always = 503
    text = refused("data", "fetch", "coco2017-val", code=8)
    assert "it goes on where it stopped" in text


def test_fetch_takes_an_archive(run, home, published):
    (home / "mine.zip").write_bytes(published)
    answer = run("data", "fetch", "wikiart", "--archive", "mine.zip")
    assert (answer.code, answer.out) == (0, "data/wikiart\n")


def test_scan(run, home):
    answer = run("data", "scan", "holiday")
    assert answer.code == 0
    assert "pictures\t2 in " in answer.out
    assert "smallest\t72x48\n" in answer.out
    assert "pier.png is 72x48 pixels" in answer.err


def test_scan_tells_what_is_broken(run, home):
    (home / "holiday/text.jpg").write_text("not a picture")
    (home / "holiday/again.jpg").write_bytes((home / "holiday/beach.jpg").read_bytes())
    answer = run("data", "scan", "holiday", "--min-side", "32")
    assert answer.code == 8
    assert "broken\t1\n" in answer.out
    assert "text.jpg is text, not a picture." in answer.err
    assert "again.jpg and beach.jpg are the same." in answer.err
    report = json.loads(run("data", "scan", "holiday", "--json").out)
    assert report["broken"] == [{"path": "text.jpg", "reason": "is text, not a picture"}]
    assert (home / "holiday/text.jpg").exists()


def test_scan_moves_only_when_asked(run, home):
    (home / "holiday/evening/text.jpg").write_text("not a picture")
    words = ["data", "scan", "holiday", "--min-side", "32", "--quarantine", "aside"]
    answer = run(*words)
    assert answer.code == 8
    assert "moved\t1\n" in answer.out
    assert (home / "aside/evening/text.jpg").exists()
    assert run(*words).code == 0


def test_scan_names_twenty_and_counts_the_rest(run, home):
    for number in range(25):
        (home / f"holiday/{number:02}.jpg").write_text("no")
    answer = run("data", "scan", "holiday")
    assert "19.jpg is text" in answer.err
    assert "20.jpg" not in answer.err
    assert "5 more are broken; --json names all." in answer.err


def test_scan_refuses_in_one_sentence(refused, home):
    assert "there is no folder none" in refused("data", "scan", "none", code=2)
    (home / "empty").mkdir()
    assert "empty holds no pictures" in refused("data", "scan", "empty", code=2)
    Image.new("RGB", (8, 8)).save(home / "empty/a.png")
    text = refused("data", "scan", "empty", "--quarantine", "empty/aside", code=2)
    assert "give a folder outside it" in text
