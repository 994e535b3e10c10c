"""Scanning a folder: what is broken is named with its reason, and nothing is changed."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from impasto.errors import InputError, OutputError
from impasto.training import scan
from impasto.training.data import PictureFolder
from impasto.training.scan import move_faults, scan_folder


def png_of(width, height, rows):
    """A PNG that says it is so large, with that many rows of black."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes((3 * width + 1) * rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels)


@pytest.fixture
def folder(tmp_path):
    """Five good pictures, two of them alike, and one of every fault."""
    home = tmp_path / "pictures"
    (home / "deep/er").mkdir(parents=True)
    random = np.random.default_rng(0)
    for name, size in {
        "a.jpg": (90, 70),
        "deep/b.png": (200, 80),
        "deep/er/c.webp": (70, 70),
    }.items():
        pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(home / name)
    (home / "deep/again.jpg").write_bytes((home / "a.jpg").read_bytes())
    Image.new("RGB", (200, 50)).save(home / "flat.png")
    for name in ("a.jpg", "deep/b.png", "deep/er/c.webp"):
        data = (home / name).read_bytes()
        (home / f"cut{name[-5:]}").write_bytes(data[: len(data) // 2])
    (home / "text.jpg").write_text("not a picture")
    (home / "page.jpeg").write_text("<!doctype html><title>404</title>")
    (home / "script.jpg").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (home / "empty.png").write_bytes(b"")
    (home / "bomb.png").write_bytes(png_of(30_000, 30_000, 100))
    (home / "notes.txt").write_text("passed over")
    (home / ".hidden.jpg").write_text("passed over")
    return home


def test_every_fault_is_named_with_its_reason(folder):
    report = scan_folder(folder)
    reasons = {fault.path: fault.reason for fault in report.broken}
    assert reasons.keys() == {
        "cuta.jpg", "cutb.png", "cut.webp", "text.jpg", "page.jpeg", "script.jpg", "empty.png",
        "bomb.png",
    }  # fmt: skip
    assert "damaged or cut off" in reasons["cuta.jpg"]
    assert reasons["text.jpg"] == "is text, not a picture"
    assert "web page" in reasons["page.jpeg"]
    assert reasons["empty.png"] == "is empty (0 bytes)"
    assert (
        reasons["bomb.png"] == "is a bomb, perhaps (900 million pixels; the limit is 179 million)"
    )


def test_the_figures(folder):
    seen = []
    report = scan_folder(folder, on_progress=lambda *at: seen.append(at))
    assert (report.pictures, report.others, report.files) == (5, 1, 14)
    assert (report.smallest, report.largest, report.median_side) == ((50, 200), (80, 200), 70)
    assert [fault.path for fault in report.small] == ["flat.png"]
    assert report.duplicates == (("a.jpg", "deep/again.jpg"),)
    assert report.spare == 1
    assert seen == [(i + 1, 13) for i in range(13)]


def test_the_number_of_threads_changes_nothing(folder):
    assert scan_folder(folder, workers=1) == scan_folder(folder, workers=5)


def test_nothing_is_changed(folder):
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}
    scan_folder(folder)
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}
    assert after == before


def test_what_passes_is_what_training_reads(folder):
    report = scan_folder(folder)
    pictures = PictureFolder(folder)
    for index in range(len(pictures)):
        pictures.picture(index)
    hidden = {folder / ".hidden.jpg"}
    assert set(pictures.broken) - hidden == {folder / fault.path for fault in report.broken}


def test_a_bomb_takes_no_memory(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(30_000, 30_000, 30_000 // 100))
    tracemalloc.start()
    report = scan_folder(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(report.broken) == 1
    assert peak < 5_000_000


def test_threads_share_the_room_for_pixels():
    room = scan._Room(100)
    assert room.take(1000) == 100
    room.give(100)
    assert [room.take(40), room.take(60)] == [40, 60]
    assert room.free == 0


def test_a_turned_picture_has_its_upright_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (100, 80)).save(tmp_path / "turned.jpg", exif=exif)
    assert scan_folder(tmp_path).largest == (100, 80)


def test_folders_that_hold_nothing(tmp_path):
    with pytest.raises(InputError, match=r"there is no folder .*none"):
        scan_folder(tmp_path / "none")
    (tmp_path / "a.txt").write_text("a")
    with pytest.raises(InputError, match="holds no pictures"):
        scan_folder(tmp_path)


def test_a_ring_of_links_ends(folder):
    (folder / "ring").symlink_to(folder)
    assert scan_folder(folder).pictures == 5


def test_faults_are_moved_when_that_is_asked(folder, tmp_path):
    report = scan_folder(folder)
    moved = move_faults(report, tmp_path / "aside")
    assert len(moved) == len(report.broken) + 1
    assert (tmp_path / "aside/flat.png").exists()
    after = scan_folder(folder)
    assert (after.pictures, after.broken, after.small) == (4, (), ())
    (folder / "text.jpg").write_text("again")
    with pytest.raises(OutputError, match="exists already"):
        move_faults(scan_folder(folder), tmp_path / "aside")
    assert (folder / "text.jpg").exists()
    with pytest.raises(InputError, match="give a folder outside it"):
        move_faults(report, folder / "aside")
