"""Several connections to a server that cuts, corrupts, refuses, redirects and lies."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections import namedtuple

import pytest
from file_server import QUICK, digest

from impasto.errors import DataError, InputError, OutputError, ResourceError
from impasto.fetching import http as http_client
from impasto.fetching import parts
from impasto.fetching.download import Source, download

CONTENT = bytes(range(256)) * 600 + b"end"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(parts, "SMALLEST_PIECE", 20_000)
    monkeypatch.setattr(parts, "LARGEST_PIECE", 20_000)


@pytest.fixture
def url(server):
    return server.put("/set.zip", CONTENT)


@pytest.fixture
def target(tmp_path):
    return tmp_path / "new" / "set.zip"


def source(*urls, **fields):
    known = {"name": "set", "size": len(CONTENT), "sha256": digest(CONTENT)}
    return Source(urls=urls, **(known | fields))


def unknown(*urls):
    """A file of which nobody published anything."""
    return source(*urls, size=None, sha256="")


def fetch(what, target, **options):
    return download(what, target, **({"settings": QUICK} | options))


def names(target):
    return sorted(path.name for path in target.parent.iterdir())


def pieces_asked(server):
    return [asked for _, asked in server.asked if asked not in (None, "bytes=0-0")]


@pytest.mark.parametrize("connections", [1, 4, 16])
def test_a_file_comes_whole_in_several_connections(server, url, target, connections):
    server.pace = 0.005
    got = fetch(source(url), target, connections=connections)
    assert target.read_bytes() == CONTENT
    assert (got.url, got.size, got.sha256) == (url, len(CONTENT), digest(CONTENT))
    assert names(target) == ["set.zip"]
    assert len(pieces_asked(server)) == len(set(pieces_asked(server))) == 8
    assert connections == 1 or server.most_at_once > 1


def test_progress_only_grows_and_ends_at_the_whole(url, target):
    seen = []
    fetch(source(url), target, on_progress=seen.append)
    transfer = [p.done for p in seen if not p.note]
    assert transfer == sorted(transfer)
    assert (transfer[0], transfer[-1]) == (0, len(CONTENT))
    assert {p.note for p in seen} == {"", "checking"}


def test_what_is_there_whole_is_not_fetched_again(server, url, target):
    fetch(source(url), target)
    count = len(server.asked)
    assert fetch(source(url), target).url == ""
    assert len(server.asked) == count


def test_a_damaged_file_of_that_name_is_replaced(url, target):
    target.parent.mkdir()
    target.write_bytes(b"damaged")
    fetch(source(url), target)
    assert target.read_bytes() == CONTENT


def test_cut_lines_go_on_where_they_broke(server, url, target):
    server.misdeeds = ["cut"] * 6
    fetch(source(url), target, connections=2)
    assert target.read_bytes() == CONTENT
    assert "bytes=10000-19999" in pieces_asked(server)


@pytest.mark.parametrize("misdeed", [503, 429, "wrong place", "too short", "too long"])
def test_trouble_that_passes_is_outlasted(server, url, target, misdeed):
    server.misdeeds = [misdeed] * 2
    fetch(source(url), target, connections=1)
    assert target.read_bytes() == CONTENT


def test_a_server_that_allows_one_connection_gets_one(server, url, target):
    server.always, server.pace = "crowded", 0.002
    patient = dataclasses.replace(QUICK, tries=30, pause=0.001)
    fetch(source(url), target, connections=4, settings=patient)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("what", [source, unknown])
def test_a_server_without_ranges_is_taken_from_the_beginning(server, url, target, what):
    server.ranges = False
    fetch(what(url), target)
    assert target.read_bytes() == CONTENT
    assert pieces_asked(server) == []


def test_a_cut_without_ranges_begins_anew(server, url, target):
    server.ranges, server.misdeeds = False, ["cut", "cut"]
    fetch(source(url), target)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("lie", "what", "sentence"),
    [
        ("too long", source, "has 153610 bytes instead of 153603"),
        ("too long", unknown, "the line was cut after 153603 of 153610 bytes"),
        ("too short", source, "has 76801 bytes instead of 153603"),
    ],
)
def test_lies_about_the_length_are_found_out(server, url, target, lie, what, sentence):
    server.ranges, server.always = False, lie
    with pytest.raises(DataError, match=sentence):
        fetch(what(url), target)
    assert not target.exists()


def test_without_length_and_digest_a_cut_could_not_be_noticed(server, url, target):
    server.ranges, server.always = False, "no length"
    with pytest.raises(DataError, match="does not say how long its file is"):
        fetch(unknown(url), target)
    fetch(source(url), target)
    assert target.read_bytes() == CONTENT


def test_corrupt_bytes_are_never_taken_for_the_file(server, url, target):
    server.always = "corrupt"
    with pytest.raises(DataError, match=r"127\.0\.0\.1: its file is not the published one"):
        fetch(source(url), target)
    assert names(target) == []


def test_one_corrupt_piece_spoils_the_whole(server, url, target):
    server.misdeeds = ["corrupt"]
    with pytest.raises(DataError, match="SHA-256 differs"):
        fetch(source(url), target)
    assert names(target) == []


def test_another_size_than_the_published_is_refused_before_the_transfer(server, url, target):
    server.files["/set.zip"] = CONTENT + b"more"
    with pytest.raises(DataError, match=f"has {len(CONTENT) + 4} bytes instead of"):
        fetch(source(url), target)
    assert pieces_asked(server) == []


def test_a_missing_file_is_not_asked_for_again(server, target):
    with pytest.raises(DataError, match=r"answers 404 Not Found\); when online type the same"):
        fetch(source(f"{server.root}/none.zip"), target)
    assert len(server.asked) == 1


def test_lasting_trouble_ends_and_keeps_what_came(server, url, target):
    server.misdeeds = ["ok", "ok", "ok"] + [503] * 50
    with pytest.raises(DataError, match="answers 503"):
        fetch(source(url), target, connections=1)
    assert names(target) == ["set.zip.part", "set.zip.part.json"]
    server.misdeeds, server.asked[:] = [], []
    fetch(source(url), target, connections=1)
    assert len(pieces_asked(server)) == 5
    assert target.read_bytes() == CONTENT


def test_the_next_mirror_goes_on_with_what_the_first_brought(server, url, target):
    server.misdeeds = ["ok", "ok", 404]
    second = server.put("/mirror.zip", CONTENT)
    fetch(source(url, second), target, connections=1)
    assert target.read_bytes() == CONTENT
    paths = [path for path, asked in server.asked if asked != "bytes=0-0"]
    assert paths == ["/set.zip"] * 3 + ["/mirror.zip"] * 6


def test_a_stopped_fetch_goes_on(server, url, target):
    server.pace = 0.01

    def stop(progress):
        if progress.done >= 60_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(source(url), target, connections=2, on_progress=stop)
    time.sleep(0.1)
    kept = len(json.loads((target.parent / "set.zip.part.json").read_text())["whole"])
    assert kept >= 1
    server.asked.clear()
    fetch(source(url), target)
    assert len(pieces_asked(server)) == 8 - kept
    assert target.read_bytes() == CONTENT


def test_a_killed_fetch_goes_on(server, url, target):
    server.pace = 0.03
    code = (
        "from impasto.fetching import parts; from impasto.fetching.download import *; "
        "parts.SMALLEST_PIECE = parts.LARGEST_PIECE = 20_000; "
        f"download(Source(name='set', urls=({url!r},)), {str(target)!r}, connections=1, "
        "settings=FetchSettings(allow_http=True))"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    note = target.parent / "set.zip.part.json"
    for _ in range(500):
        if note.exists() and len(json.loads(note.read_text() or "{}").get("whole", [])) >= 2:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not target.exists()
    kept = len(json.loads(note.read_text())["whole"])
    assert kept >= 2
    server.pace, server.asked[:] = 0.0, []
    fetch(unknown(url), target)
    assert target.read_bytes() == CONTENT
    # The server may come to the killed one's last request only now, so each counts once.
    assert len(set(pieces_asked(server))) == 8 - kept


def test_pieces_of_another_version_are_thrown_away(server, url, target):
    """With a digest by its help, without one by the server's word."""
    for what in (source, unknown):
        server.tag, server.files["/set.zip"] = '"old"', CONTENT[::-1]
        server.misdeeds = ["ok", "ok"] + [404] * 9
        with pytest.raises(DataError):
            fetch(what(url), target, connections=1)
        server.tag, server.files["/set.zip"], server.misdeeds = '"new"', CONTENT, []
        fetch(what(url), target)
        assert target.read_bytes() == CONTENT
        target.unlink()


def test_a_list_that_is_no_list_is_not_believed(url, target):
    target.parent.mkdir()
    for text in ("", "{", "[]", '{"total": 5, "piece": 0, "whole": []}', '{"whole": "x"}'):
        (target.parent / "set.zip.part.json").write_text(text)
        (target.parent / "set.zip.part").write_bytes(b"?" * len(CONTENT))
        fetch(unknown(url), target)
        assert target.read_bytes() == CONTENT
        target.unlink()


def test_redirects_are_followed_within_the_rules(server, url, target):
    server.moved = {"/moved": url, "/ring": f"{server.root}/ring"}
    fetch(source(f"{server.root}/moved"), target)
    assert target.read_bytes() == CONTENT
    with pytest.raises(DataError):
        fetch(source(f"{server.root}/ring"), target.with_name("other.zip"))
    for address in ("file:///etc/passwd", "ftp://127.0.0.1/x", "http://example.org/x"):
        server.moved["/out"] = address
        with pytest.raises(DataError, match="could not be fetched"):
            fetch(source(f"{server.root}/out"), target.with_name("other.zip"))
    assert names(target) == ["set.zip"]


@pytest.mark.parametrize("address", ["http://example.org/x", "file:///etc/passwd", "ftp://x/y"])
def test_only_https_unless_it_is_allowed(target, address):
    with pytest.raises(DataError, match="address refused, only https is allowed"):
        fetch(source(address), target)


def test_a_small_disk_is_noticed_first(server, url, target, monkeypatch):
    usage = namedtuple("usage", "total used free")
    free = len(CONTENT) + (16 << 20) + 1000
    monkeypatch.setattr(http_client.shutil, "disk_usage", lambda path: usage(10, 9, free))
    with pytest.raises(ResourceError, match="make room, or give a folder on a larger disk"):
        fetch(source(url, room=1.1), target)
    assert pieces_asked(server) == []
    fetch(source(url), target)


def test_a_folder_that_cannot_be_made(url, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch(source(url), tmp_path / "file" / "set.zip")


def test_connections_out_of_range(url, target):
    with pytest.raises(InputError, match="connections must be at least 1 and at most 16"):
        fetch(source(url), target, connections=0)


def test_a_server_that_is_not_there(target, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DataError, match="it goes on where it stopped"):
        fetch(source("http://127.0.0.1:9/x"), target)
