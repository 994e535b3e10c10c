"""Archives that are good, damaged, cut, hostile, or bombs."""

import gzip
import io
import os
import stat
import tarfile
import zipfile

import pytest

from impasto.errors import DataError, OutputError
from impasto.fetching import unpack as module
from impasto.fetching.unpack import Limits, unpack

FILES = {"set/train/1.jpg": b"one" * 500, "set/train/2.jpg": b"two" * 700, "set/notes.txt": b"hi"}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "out"


def make_zip(path, files=FILES, kind=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", kind) as archive:
        archive.writestr("set/", b"")
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def make_tar(path, files=FILES, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        folder = tarfile.TarInfo("set")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, data in files.items():
            add(archive, name, data)
    return path


def add(archive, name, data=b"", **fields):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for key, value in fields.items():
        setattr(info, key, value)
    archive.addfile(info, io.BytesIO(data))


def tree(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


@pytest.mark.parametrize(
    ("make", "name"),
    [(make_zip, "a.zip"), (make_tar, "a.tar.gz"), (lambda p: make_tar(p, mode="w"), "named-wrong")],
)
def test_archives_are_told_apart_by_their_content(tmp_path, target, make, name):
    seen = []
    archive = make(tmp_path / name)
    done = unpack(archive, target, strip="set", on_progress=lambda *at: seen.append(at))
    stripped = {name.removeprefix("set/"): data for name, data in FILES.items()}
    assert tree(target) == stripped
    assert (done.files, done.size) == (3, sum(map(len, FILES.values())))
    assert not done.damaged
    assert not done.refused
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1] > 0


def test_folders_in_the_archive_stay_unless_stripped(tmp_path, target):
    unpack(make_zip(tmp_path / "a.zip"), target)
    assert tree(target) == FILES


def spoil(path, needle=None, at=None, by=b"?"):
    data = bytearray(path.read_bytes())
    at = data.index(needle) if needle else at
    data[at : at + len(by)] = by
    path.write_bytes(data)


def test_a_damaged_member_of_a_zip_is_named_and_the_rest_kept(tmp_path, target):
    archive = make_zip(tmp_path / "a.zip", kind=zipfile.ZIP_STORED)
    spoil(archive, b"oneone")
    done = unpack(archive, target)
    assert done.files == 2
    assert list(done.damaged) == ["set/train/1.jpg"]
    assert "CRC" in done.damaged["set/train/1.jpg"]
    assert set(tree(target)) == set(FILES) - {"set/train/1.jpg"}


def test_a_cut_zip_is_refused_in_one_sentence(tmp_path, target):
    archive = make_zip(tmp_path / "a.zip")
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"damaged or cut off .*delete it and fetch it again"):
        unpack(archive, target)


@pytest.mark.parametrize("mode", ["w:gz", "w"])
def test_a_cut_tar_keeps_what_came_before(tmp_path, target, mode):
    data = {f"{i}.jpg": os.urandom(3000) for i in range(20)}
    archive = make_tar(tmp_path / "a.tar", data, mode)
    archive.write_bytes(archive.read_bytes()[:30_000])
    done = unpack(archive, target)
    assert 5 <= done.files < 20
    assert any(name.startswith("all after ") for name in done.damaged)
    assert all(data[name] == content for name, content in tree(target).items())


def test_a_plain_tar_cut_between_two_members_is_noticed(tmp_path, target):
    archive = make_tar(tmp_path / "a.tar", {f"{i}.jpg": b"x" * 512 for i in range(4)}, "w")
    archive.write_bytes(archive.read_bytes()[: 512 + 3 * 1024])
    done = unpack(archive, target)
    assert done.files == 3
    assert done.damaged == {"all after 2.jpg": "it ends without its end mark"}


def test_a_wrong_checksum_at_the_end_of_gzip_is_noticed(tmp_path, target):
    archive = make_tar(tmp_path / "a.tar.gz")
    spoil(archive, at=archive.stat().st_size - 8, by=b"????")
    assert "CRC" in " ".join(unpack(archive, target).damaged.values())


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x1f\x8bxxxxxxxxxxxxxxxx", b"PK\x03\x04xxxxx"])
def test_what_is_no_archive_is_refused(tmp_path, target, data):
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(DataError, match="delete it and fetch it again"):
        unpack(tmp_path / "a.zip", target)
    with pytest.raises(DataError, match="cannot be read"):
        unpack(tmp_path / "none.zip", target)


HOSTILE = {
    "../out.jpg": "leads out",
    "a/../../out.jpg": "leads out",
    "/etc/out.jpg": "absolute",
    "C:/out.jpg": "absolute",
    "C:out.jpg": "absolute",
    "..\\out.jpg": "leads out",
    "a\\b.jpg": "not allowed",
    "a\nb.jpg": "not allowed",
    "x" * 245 + ".jpg": "too long",
    "good.jpg/below.jpg": "a file stands",
}


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_nothing_is_written_outside_the_folder(tmp_path, target, kind):
    files = {"good.jpg": b"good", **dict.fromkeys(HOSTILE, b"bad"), "also/good.jpg": b"good"}
    make = make_zip if kind == "zip" else make_tar
    done = unpack(make(tmp_path / "a", files), target)
    assert tree(target) == {"good.jpg": b"good", "also/good.jpg": b"good"}
    assert len(done.refused) == len(HOSTILE)
    for name, reason in HOSTILE.items():
        assert reason in done.refused[module._printable(name)]
    assert not list(tmp_path.glob("**/out.jpg"))


def test_links_and_devices_are_not_made(tmp_path, target):
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        add(archive, "link", type=tarfile.SYMTYPE, linkname="/etc")
        add(archive, "link/passwd", b"bad")
        add(archive, "hard", type=tarfile.LNKTYPE, linkname="../../secret")
        add(archive, "device", type=tarfile.CHRTYPE, devmajor=1, devminor=3)
        add(archive, "pipe", type=tarfile.FIFOTYPE)
    done = unpack(tmp_path / "a.tar", target)
    assert set(done.refused) == {"link", "hard", "device", "pipe"}
    assert tree(target) == {"link/passwd": b"bad"}
    assert not (target / "link").is_symlink()
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        info = zipfile.ZipInfo("link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc")
        archive.writestr("a.jpg", b"good")
    assert set(unpack(tmp_path / "b.zip", tmp_path / "b").refused) == {"link"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_second_of_two_members_with_one_name_is_refused(tmp_path, target):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.jpg", b"first")
        archive.writestr("./a.jpg", b"second")
        archive.writestr("folder/b.jpg", b"b")
        archive.writestr("folder", b"a file named like the folder")
    done = unpack(tmp_path / "a.zip", target)
    assert tree(target) == {"a.jpg": b"first", "folder/b.jpg": b"b"}
    assert set(done.refused) == {"./a.jpg", "folder"}


def test_bombs_are_not_unpacked(tmp_path, target):
    zeros = bytes(30_000_000)
    for path in (
        make_zip(tmp_path / "a.zip", {"bomb.png": zeros}),
        make_tar(tmp_path / "a.tar.gz", {"bomb.png": zeros}),
    ):
        with pytest.raises(DataError, match="it is a bomb"):
            unpack(path, target)
        assert tree(target) == {}
    small = make_zip(tmp_path / "b.zip")
    with pytest.raises(DataError, match="more than 2 members"):
        unpack(small, target, limits=Limits(files=2))
    with pytest.raises(DataError, match="it is a bomb"):
        unpack(small, tmp_path / "other", limits=Limits(member=1000))


def test_a_zip_that_lies_about_its_sizes_gives_no_more_than_it_says(tmp_path, target):
    archive = make_zip(tmp_path / "a.zip", {"a.jpg": bytes(900_000)})
    data = archive.read_bytes()
    archive.write_bytes(data.replace((900_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))
    done = unpack(archive, target)
    assert tree(target) == {}
    assert list(done.damaged) == ["a.jpg"]


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path, target):
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size = tarfile.XHDTYPE, 3 << 30
    with gzip.open(tmp_path / "a.tar.gz", "wb") as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20))
    with pytest.raises(DataError, match="a header of 3221225472 bytes"):
        unpack(tmp_path / "a.tar.gz", target)


def change_headers(archive, name, where, value):
    """Set two bytes in both headers of a member; ``where`` counts as in the local header."""
    data = bytearray(archive.read_bytes())
    for mark, shift, length in ((b"PK\x03\x04", 0, 30), (b"PK\x01\x02", 2, 46)):
        at = data.index(name, data.index(mark)) - length
        while data[at : at + 4] != mark:
            at = data.index(name, at + length + 1) - length
        data[at + where + shift : at + where + shift + 2] = value.to_bytes(2, "little")
    archive.write_bytes(data)


@pytest.mark.parametrize(
    ("where", "value", "reason"), [(6, 1, "encrypted"), (8, 99, "compression method")]
)
def test_locked_and_strangely_packed_members_are_named(tmp_path, target, where, value, reason):
    archive = make_zip(tmp_path / "a.zip", {"a.jpg": b"abc" * 99, "b.jpg": b"good"})
    change_headers(archive, b"a.jpg", where, value)
    done = unpack(archive, target)
    assert reason in done.damaged["a.jpg"]
    assert tree(target) == {"b.jpg": b"good"}


def test_a_stopped_unpacking_goes_on(tmp_path, target, monkeypatch):
    archive = make_zip(tmp_path / "a.zip")

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpack(archive, target, on_progress=stop)
    (target / "set/train").mkdir(parents=True, exist_ok=True)
    (target / "set/train/2.jpg").write_bytes(b"???" * 700)  # of the right length
    written = []
    write = module._Desk.write
    monkeypatch.setattr(
        module._Desk, "write", lambda s, path, *a: written.append(path.name) or write(s, path, *a)
    )
    assert unpack(archive, target).files == 3
    assert tree(target) == FILES
    assert "2.jpg" in written


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        unpack(make_zip(tmp_path / "a.zip"), tmp_path / "file" / "out")


def test_a_full_disk_is_no_damage_of_the_archive(tmp_path, target, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        unpack(make_zip(tmp_path / "a.zip"), target)
    assert tree(target) == {}
