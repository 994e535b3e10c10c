"""Where paintings go when pictures or paintings lie at addresses; what is painted there."""

import io
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("fsspec", reason="addresses need the extra ray")

import fsspec

from impasto.errors import ImageError, InputError, OutputError
from impasto.inference.many import paint_each
from impasto.inference.many_settings import ManyConfig
from impasto.inference.plan import STREAM, plan

NAMES = ("a.jpg", "b.png", "x/a.jpg", "x/deep/c.tif")


@pytest.fixture(autouse=True)
def bucket(tmp_path, monkeypatch) -> Path:
    """Pictures in memory://bucket and in the current folder."""
    monkeypatch.chdir(tmp_path)
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    for index, name in enumerate(NAMES):
        picture = Image.new("RGB", (12 + index, 10), (60 * index, 90, 160))
        buffer = io.BytesIO()
        picture.save(buffer, Image.registered_extensions()[Path(name).suffix])
        system.pipe_file(f"/bucket/{name}", buffer.getvalue())
    Path("here").mkdir()
    picture.save("here/d.png")
    picture.save("style.png")
    return tmp_path


def outputs(*contents: str, **wishes: object) -> list[str]:
    return [job.output for job in plan(contents, **wishes)]


@pytest.mark.parametrize(
    ("contents", "output", "expected"),
    [
        (["memory://bucket/a.jpg"], "o.png", ["o.png"]),
        (["memory://bucket/a.jpg"], "memory://out/o.webp", ["memory://out/o.webp"]),
        (["memory://bucket/a.jpg"], "memory://out/", ["memory://out/a.png"]),
        (["memory://bucket/a.jpg"], STREAM, [STREAM]),
        (["memory://bucket/x"], "o", ["o/a.png", "o/deep/c.png"]),
        (["memory://bucket/x/"], "memory://o", ["memory://o/a.png", "memory://o/deep/c.png"]),
        (["memory://bucket/x"], "memory://bucket/x/o",
         ["memory://bucket/x/o/a.png", "memory://bucket/x/o/deep/c.png"]),
        (["here"], "memory://o", ["memory://o/d.png"]),
        (["memory://bucket/x", "here"], "memory://o",
         ["memory://o/x/a.png", "memory://o/x/deep/c.png", "memory://o/here/d.png"]),
        (["memory://bucket/a.jpg", "here/d.png"], "o", ["o/a.png", "o/d.png"]),
        ([STREAM], "memory://out/o.png", ["memory://out/o.png"]),
    ],
)  # fmt: skip
def test_places(contents, output, expected):
    assert outputs(*contents, output=output) == expected


def test_paintings_in_a_folder_inside_are_not_painted_again():
    fsspec.filesystem("memory").pipe_file("/bucket/painted/a.png", b"x")
    found = plan(["memory://bucket"], output="memory://bucket/painted")
    assert [job.content for job in found] == [f"memory://bucket/{name}" for name in NAMES]


def first_error(painter, contents, wishes) -> None:
    for record in paint_each(painter, plan(contents, **wishes), style="style.png"):
        raise record.error


@pytest.mark.parametrize(
    ("contents", "wishes", "sentence"),
    [
        (["memory://bucket"], {}, "need a place: add -o FOLDER"),
        (["memory://bucket"], {"output": "o.png"}, "several pictures need a folder"),
        (["memory://bucket"], {"output": STREAM}, "a stream is one picture"),
        (["memory://bucket"], {"output": "memory://bucket"}, "is the folder of the photographs"),
        (["memory://nothing"], {"output": "o"}, "there is no file memory://nothing"),
        (["memory://bucket/a.jpg"], {"output": "memory://o/a.xyz/b.xyz"}, "none that can be"),
        (["memory://bucket/a.jpg"], {"output": "memory://bucket/a.jpg"}, "would be lost"),
        (["memory://bucket/x", "memory://bucket/a.jpg"], {"output": "o"}, "both become a-jpg.png"),
    ],
)
def test_wishes_that_cannot_be_met(contents, wishes, sentence, tiny_painter):
    with pytest.raises((InputError, ImageError)) as found:
        first_error(tiny_painter, contents, wishes)
    assert sentence in str(found.value)


def test_what_is_there_is_kept_or_an_error():
    fsspec.filesystem("memory").pipe_file("/o/a.png", b"mine")
    first, second = plan(["memory://bucket/x"], output="memory://o")
    assert isinstance(first.error, OutputError)
    assert second.error is None
    first, second = plan(["memory://bucket/x"], output="memory://o", resume=True)
    assert (first.kept, second.kept) == (True, False)
    assert not any(
        j.error for j in plan(["memory://bucket/x"], output="memory://o", overwrite=True)
    )
    with pytest.raises(OutputError, match=r"o/a\.png exists already"):
        plan(["memory://bucket/a.jpg"], output="memory://o/a.png")


def test_pictures_are_painted_from_address_to_address(tiny_painter):
    jobs = plan(["memory://bucket"], output="memory://o")
    local = plan(["here"], output="out")
    settings = {"style": "style.png", "many": ManyConfig(manifest="m.jsonl")}
    records = list(paint_each(tiny_painter, [*jobs, *local], **settings))
    assert [record.error for record in records] == [None] * 5
    system = fsspec.filesystem("memory")
    painted = [system.cat_file(f"/o/{Path(name).with_suffix('.png')}") for name in NAMES[1:]]
    assert [Image.open(io.BytesIO(data)).size for data in painted] == [(13, 10), (14, 10), (15, 10)]
    # The last one at an address and the one in the folder are one picture, but for JPEG's loss.
    assert records[3].sha256 == records[4].sha256
    again = plan(["memory://bucket"], output="memory://o", resume=True)
    assert all(record.kept for record in paint_each(tiny_painter, again, **settings))


def test_a_picture_that_is_none_is_named_by_its_address(tiny_painter):
    fsspec.filesystem("memory").pipe_file("/bucket/x/a.jpg", b"no picture")
    jobs = plan(["memory://bucket/x"], output="memory://o")
    first, second = paint_each(tiny_painter, jobs, style="style.png")
    assert str(first.error) == "memory://bucket/x/a.jpg is text, not a picture."
    assert second.error is None
