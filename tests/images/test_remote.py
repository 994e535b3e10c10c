"""Files at addresses: found, fetched, and written whole or not at all."""

import sys

import pytest

pytest.importorskip("fsspec", reason="addresses need the extra ray")

import fsspec

from impasto.errors import ImageError, InputError, MissingExtraError, OutputError
from impasto.images.remote import (
    exists_remotely,
    find_remote,
    find_remote_pictures,
    is_remote,
    is_remote_folder,
    join,
    local_form,
    read_remote,
    write_remote,
)


@pytest.fixture
def bucket() -> str:
    """A folder of the file system that lives in this process's memory, emptied."""
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    for name in ("b.png", "deep/a.jpg", "deep/.hidden/c.png", ".d.png", "notes.txt"):
        system.pipe_file(f"/bucket/{name}", name.encode())
    return "memory://bucket"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/a.png", True),
        ("memory://a", True),
        ("a.png", False),
        ("/a/b.png", False),
        ("C://a.png", False),  # a drive of Windows
        ("file:///a.png", False),
        ("https://example.org/a.png", False),
    ],
)
def test_what_is_an_address(path, expected):
    assert is_remote(path) is expected


def test_a_file_address_is_a_path():
    assert local_form("file:///home/my%20art.png") == "/home/my art.png"
    assert local_form("s3://a") == "s3://a"


def test_pictures_are_found_sorted_and_hidden_ones_are_not(bucket):
    assert find_remote_pictures(bucket) == ["b.png", "deep/a.jpg"]
    assert find_remote(f"{bucket}/") == ["b.png", "deep/a.jpg", "notes.txt"]
    assert find_remote("memory://nothing") == []
    with pytest.raises(InputError, match=r"there is no picture in memory://nothing\."):
        find_remote_pictures("memory://nothing")


def test_what_is_there(bucket):
    assert is_remote_folder(f"{bucket}/deep")
    assert not is_remote_folder(f"{bucket}/b.png")
    assert exists_remotely(f"{bucket}/b.png")
    assert not exists_remotely(f"{bucket}/c.png")


def test_bytes_go_there_and_back_and_know_their_name(bucket):
    write_remote(f"{bucket}/new/e.png", b"paint")
    file = read_remote(f"{bucket}/new/e.png")
    assert (file.read(), file.name) == (b"paint", "memory://bucket/new/e.png")
    with pytest.raises(ImageError, match=r"there is no file memory://bucket/none\.png\."):
        read_remote(f"{bucket}/none.png")


def test_what_is_there_is_kept_unless_it_may_be_replaced(bucket):
    with pytest.raises(OutputError, match=r"b\.png exists already; .* --overwrite"):
        write_remote(f"{bucket}/b.png", b"new", overwrite=False)
    assert read_remote(f"{bucket}/b.png").read() == b"b.png"
    write_remote(f"{bucket}/b.png", b"new")
    assert read_remote(f"{bucket}/b.png").read() == b"new"


def test_where_files_grow_they_get_their_name_when_they_are_whole(tmp_path, monkeypatch):
    address = f"local://{tmp_path}/out/a.png"
    write_remote(address, b"one")
    write_remote(address, b"two")
    assert (tmp_path / "out" / "a.png").read_bytes() == b"two"
    moved = []
    local = type(fsspec.filesystem("local"))
    monkeypatch.setattr(local, "mv", lambda self, a, b, **_: moved.append((a, b)))
    write_remote(f"local://{tmp_path}/out/b.png", b"three")
    assert not (tmp_path / "out" / "b.png").exists(), "its bytes have come, its name has not"
    assert moved[0][0].endswith(".part")


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match=r"local://.*a\.png cannot be written: "):
        write_remote(f"local://{tmp_path}/file/a.png", b"paint")


def test_joining():
    assert join("s3://b/", "x/a.png") == "s3://b/x/a.png"
    assert join("out", "a.png").endswith("a.png")


def test_an_address_of_no_known_kind():
    with pytest.raises(InputError, match=r"impressionism://a is no address that can be opened"):
        read_remote("impressionism://a")


def test_without_fsspec_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"pip install \"impasto\[ray\]\""):
        read_remote("s3://bucket/a.png")


def test_without_a_stores_package_it_is_named(monkeypatch):
    def refuse(address):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", refuse)
    with pytest.raises(MissingExtraError) as found:
        read_remote("s3://bucket/a.png")
    assert str(found.value) == (
        "s3:// needs a package that is not installed; type: python -m pip install s3fs."
    )
