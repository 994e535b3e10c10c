"""Where paintings go. More cases, with their sentences, stand in tests/cli/test_stylize.py."""

from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import InputError, OutputError
from impasto.inference.plan import STREAM, plan


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.jpg", "b.png", "x/a.jpg", "x/deep/c.tif", "y/a.jpg"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(name)
    return tmp_path


def outputs(*contents: str, **wishes: object) -> list[str]:
    return [job.output for job in plan(contents, **wishes)]


@pytest.mark.parametrize(
    ("contents", "wishes", "expected"),
    [
        (["a.jpg"], {"output": "o.webp"}, ["o.webp"]),
        (["a.jpg"], {"output": "new/"}, ["new/a.png"]),
        (["b.png"], {"output": "x", "format": "jpg"}, ["x/b.jpg"]),
        (["a.jpg"], {"label": "wave"}, ["a-wave.png"]),
        (["x/a.jpg"], {"label": "wave", "format": ".JPG"}, ["x/a-wave.jpg"]),
        (["a.jpg", "a.jpg"], {"output": "o.png"}, ["o.png"]),
        (["a.jpg", "b.png"], {"output": "o"}, ["o/a.png", "o/b.png"]),
        (["x"], {"output": "o"}, ["o/a.png", "o/deep/c.png"]),
        (["x", "y"], {"output": "o"}, ["o/x/a.png", "o/x/deep/c.png", "o/y/a.png"]),
        (["x", "b.png"], {"output": "o"}, ["o/a.png", "o/deep/c.png", "o/b.png"]),
        (["x/deep/.."], {"output": "o"}, ["o/a.png", "o/deep/c.png"]),
        ([STREAM], {}, [STREAM]),
        ([STREAM], {"output": "o.png"}, ["o.png"]),
        ([STREAM], {"output": "new/"}, ["new/stdin.png"]),
        (["a.jpg"], {"output": STREAM}, [STREAM]),
    ],
)
def test_places(contents, wishes, expected):
    assert outputs(*contents, **wishes) == expected


def test_streams_are_png_unless_told_otherwise():
    assert plan([STREAM])[0].format == "png"
    assert plan([STREAM], format="jpg")[0].format == "jpg"


def test_same_names_of_two_folders_are_refused():
    with pytest.raises(InputError, match=r"x/a\.jpg and y/a\.jpg would both become"):
        plan(["x/a.jpg", "y/a.jpg"], output="o")


def test_one_that_cannot_be_read_is_an_error_alone_and_a_record_among_others():
    with pytest.raises(InputError, match=r"no file c\.jpg"):
        plan(["c.jpg"], output="o.png")
    good, bad = plan(["a.jpg", "c.jpg"], output="o")
    assert good.error is None
    assert isinstance(bad.error, InputError)


def test_existing_files_need_a_permission():
    Path("o.png").touch()
    with pytest.raises(OutputError, match=r"o\.png exists already"):
        plan(["a.jpg"], output="o.png")
    assert outputs("a.jpg", output="o.png", overwrite=True) == ["o.png"]


def test_a_hard_link_to_the_photograph_is_the_photograph():
    Path("twin.png").hardlink_to("a.jpg")
    with pytest.raises(InputError, match="would be lost"):
        plan(["a.jpg"], output="twin.png", overwrite=True)


def test_planning_touches_nothing(folder):
    before = sorted(folder.rglob("*"))
    plan(["x"], output="new/deep")
    assert sorted(folder.rglob("*")) == before
