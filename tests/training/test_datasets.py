"""Data sets by name, from a server of our own: fetched, verified, unpacked, remembered."""

import dataclasses
import io
import json
import tarfile
import zipfile

import pytest
from file_server import QUICK, digest, server
from PIL import Image

from impasto.errors import DataError, InputError, OutputError
from impasto.fetching import parts
from impasto.training import datasets
from impasto.training.datasets import DatasetEntry, fetch_dataset, known_datasets

__all__ = ["server"]


def picture(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (80, 70), colour).save(buffer, "png")
    return buffer.getvalue()


PICTURES = {f"{part}/{c}.png": picture(c) for part in ("train", "val") for c in ("red", "blue")}


def zipped(files=PICTURES, root="tiny/", kind=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, data in files.items():
            archive.writestr(root + name, data)
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in PICTURES.items():
            info = tarfile.TarInfo(f"tiny/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def table(monkeypatch):
    """A table of a test's own; a function that enters a set."""
    made = {}
    monkeypatch.setattr(datasets, "known_datasets", lambda: made)
    monkeypatch.setattr(parts, "SMALLEST_PIECE", 300)
    monkeypatch.setattr(parts, "LARGEST_PIECE", 300)

    def enter(name="tiny", **fields):
        known = {"kind": "content", "description": "Tiny.", "licence": "none", "strip": "tiny"}
        made[name] = DatasetEntry(name=name, **(known | fields))
        return made[name]

    return enter


@pytest.fixture
def tiny(table, server):
    data = zipped()
    url = server.put("/tiny.zip", data)
    return table(urls=(url,), size=len(data), sha256=digest(data))


def fetch(tmp_path, name="tiny", **options):
    return fetch_dataset(name, tmp_path / "data", **({"settings": QUICK} | options))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_set_arrives_whole_and_is_remembered(tiny, server, tmp_path):
    seen = []
    report = fetch(tmp_path, on_progress=seen.append)
    home = tmp_path / "data" / "tiny"
    assert (report.files, report.verified, report.changed, report.there) == (4, True, False, False)
    assert {n: (home / n).read_bytes() for n in PICTURES} == PICTURES
    assert names(tmp_path / "data") == ["tiny", "tiny.sha256"]
    assert (tmp_path / "data/tiny.sha256").read_text() == f"{tiny.sha256}  tiny.zip\n"
    assert {p.note for p in seen} == {"", "checking", "unpacking"}
    count = len(server.asked)
    again = fetch(tmp_path)
    assert again == dataclasses.replace(report, there=True)
    assert len(server.asked) == count


def test_an_archive_can_be_kept_and_used_again(tiny, server, tmp_path):
    fetch(tmp_path, keep_archive=True)
    assert names(tmp_path / "data") == ["tiny", "tiny.sha256", "tiny.zip"]
    (tmp_path / "data/tiny").rename(tmp_path / "elsewhere")
    count = len(server.asked)
    assert fetch(tmp_path, keep_archive=True).url == ""
    assert len(server.asked) == count


def test_a_tar_arrives_as_well(table, server, tmp_path):
    table(urls=(server.put("/tiny.tar.gz", tarred()),))
    report = fetch(tmp_path)
    assert (report.files, report.verified) == (4, False)
    assert (tmp_path / "data/tiny/train/red.png").exists()


def test_without_a_published_digest_a_second_fetch_is_compared(table, server, tmp_path):
    table(urls=(server.put("/tiny.zip", zipped()),))
    first = fetch(tmp_path)
    assert not first.changed
    for again, changed in ((zipped(), False), (zipped(PICTURES | {"new.png": b"x"}), True)):
        (tmp_path / "data/tiny").rename(tmp_path / f"old{changed}")
        server.put("/tiny.zip", again)
        report = fetch(tmp_path)
        assert report.changed is changed
        assert report.sha256 == digest(again)


def test_a_renewed_archive_is_taken_only_when_that_is_said(tiny, server, tmp_path):
    server.files["/tiny.zip"] = zipped(kind=zipfile.ZIP_DEFLATED)[: tiny.size].ljust(tiny.size)
    with pytest.raises(DataError, match=r"SHA-256 differs.*add --unverified"):
        fetch(tmp_path)
    assert not (tmp_path / "data/tiny").exists()
    server.files["/tiny.zip"] = zipped(PICTURES | {"a.png": b"a"})
    assert not fetch(tmp_path, unverified=True).verified


def test_damaged_members_are_named_and_the_rest_is_kept(table, server, tmp_path):
    data = zipped()
    at = data.index(PICTURES["train/blue.png"])
    table(urls=(server.put("/tiny.zip", data[: at + 40] + b"????" + data[at + 44 :]),))
    report = fetch(tmp_path)
    assert report.files == 3
    assert list(report.damaged) == ["tiny/train/blue.png"]
    written = json.loads((tmp_path / "data/tiny/dataset.json").read_text())
    assert written["damaged"] == report.damaged


def test_half_a_set_is_never_taken_for_a_whole_one(tiny, tmp_path, monkeypatch):
    def stop(progress):
        if progress.note == "unpacking":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(tmp_path, on_progress=stop)
    assert not (tmp_path / "data/tiny").exists()
    report = fetch(tmp_path)
    assert (report.files, report.url) == (4, "")  # the archive was whole and is not fetched again
    assert names(tmp_path / "data") == ["tiny", "tiny.sha256"]


def test_a_cut_and_crowded_line_is_outlasted(tiny, server, tmp_path):
    server.misdeeds = ["cut", 503, "cut", 429, "wrong place", "cut"]
    assert fetch(tmp_path).files == 4


def test_a_folder_of_the_users_own_is_left_alone(tiny, tmp_path):
    (tmp_path / "data/tiny").mkdir(parents=True)
    (tmp_path / "data/tiny/mine.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"was not made by impasto data fetch; rename it, or"):
        fetch(tmp_path)
    assert names(tmp_path / "data/tiny") == ["mine.jpg"]


def test_an_archive_on_the_disk_needs_no_address(table, tmp_path):
    table(how="write to its authors", sha256="")
    with pytest.raises(DataError, match=r"tiny has no address: write to its authors\."):
        fetch(tmp_path)
    (tmp_path / "mine.zip").write_bytes(zipped())
    assert fetch(tmp_path, archive=tmp_path / "mine.zip").files == 4
    assert (tmp_path / "mine.zip").exists()
    with pytest.raises(DataError, match="there is no archive"):
        fetch_dataset("tiny", tmp_path / "other", archive=tmp_path / "none.zip")


def test_an_archive_on_the_disk_must_be_the_published_one(tiny, tmp_path):
    (tmp_path / "mine.zip").write_bytes(zipped(PICTURES | {"more.png": b"more"}))
    with pytest.raises(DataError, match=r"is not the published archive .* add --unverified"):
        fetch(tmp_path, archive=tmp_path / "mine.zip")
    assert fetch(tmp_path, archive=tmp_path / "mine.zip", unverified=True).files == 5


def test_an_archive_of_nothing(table, server, tmp_path):
    table(urls=(server.put("/tiny.zip", zipped({"../a": b"a"}, root="")),))
    with pytest.raises(DataError, match="holds no file that can be unpacked"):
        fetch(tmp_path)
    assert not (tmp_path / "data/tiny").exists()


def test_plain_http_needs_a_digest_or_a_word(table, tmp_path):
    table(urls=("http://example.invalid/tiny.zip",))
    with pytest.raises(DataError, match=r"only https is allowed.*can be allowed with --plain-http"):
        fetch(tmp_path)


def test_unknown_names_have_neighbours():
    with pytest.raises(InputError, match="Did you mean horse2zebra"):
        fetch_dataset("horse2zebr")


@pytest.mark.parametrize("entry", known_datasets().values(), ids=lambda entry: entry.name)
def test_the_table_is_in_order(entry):
    assert entry.description.endswith(".")
    assert entry.licence
    assert not entry.licence.endswith(".")
    assert bool(entry.urls) != bool(entry.how)
    assert len(entry.sha256) in (0, 64)
    assert not set(entry.sha256) - set("0123456789abcdef")
    assert not entry.urls or entry.urls[0].startswith("https://")
    assert not entry.sha256 or entry.size
    assert entry.name.replace("-", "").replace("_", "").isalnum()
    archives = {datasets._archive_name(other) for other in known_datasets().values()}
    assert len(archives) == len(known_datasets())
