"""impasto styles list | show | make."""

import json

import pytest


def test_list(run):
    answer = run("styles", "list")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "great-wave\tGreat-Wave\tA. Painter\t1831\tyour own",
        "starry-night\tStarry-Night\tA. Painter\t1831\tyour own",
    ]


def test_list_as_json(run):
    great, starry = json.loads(run("styles", "list", "--json").out)
    assert great["name"] == "great-wave"
    assert great["painter"] == "A. Painter"
    assert 0 < starry["size"] < 3000


def test_list_without_any(run, home, monkeypatch):
    monkeypatch.setenv("IMPASTO_STYLES", str(home / "none"))
    answer = run("styles", "list")
    assert (answer.code, answer.out) == (0, "")
    assert "impasto styles make NAME PICTURE" in answer.err
    assert json.loads(run("styles", "list", "--json").out) == []


def test_a_damaged_style_does_not_hide_the_others(run, home):
    (home / ".styles" / "broken.safetensors").write_bytes(b"no tensors")
    answer = run("styles", "list")
    assert answer.code == 3
    assert len(answer.out.splitlines()) == 2
    assert "broken.safetensors is no style file" in answer.err


def test_show(run):
    answer = run("styles", "show", "great-wave")
    assert "painter\tA. Painter\n" in answer.out
    assert json.loads(run("styles", "show", "great-wave", "--json").out)["year"] == "1831"


def test_show_a_file(run, home):
    path = home / ".styles" / "great-wave.safetensors"
    assert run("styles", "show", path).code == 0


def test_an_unknown_style_names_the_nearest(refused):
    text = refused("styles", "show", "great-waves", code=2)
    assert text.endswith("got 'great-waves'. Did you mean great-wave?")


def test_make_and_paint_with_it(run, home):
    words = ["styles", "make", "mine", "monet.jpg", "holiday", "--title", "Mine", "--year", "2024"]
    answer = run(*words)
    assert answer == (0, f"{home / '.styles' / 'mine.safetensors'}\n", "")
    card = json.loads(run("styles", "show", "mine", "--json").out)
    assert (card["title"], card["year"], card["painter"]) == ("Mine", "2024", "")
    assert run("stylize", "photo.jpg", "--style", "mine", "-o", "out.png").code == 0


def test_make_refuses_to_replace(run, refused):
    words = ["styles", "make", "great-wave", "monet.jpg"]
    assert "exists already" in refused(*words, code=5)
    assert run(*words, "--overwrite", "--json").code == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["Great Wave", "monet.jpg"], "lower-case letters, digits and hyphens; got 'Great Wave'"),
        (["mine", "no.jpg"], "there is no file no.jpg"),
        (["mine", "monet.jpg", "-o", "mine.png"], "ends with .safetensors; got -o mine.png"),
        (["mine", ".weights"], "there is no picture in .weights"),
        (["mine"], "impasto styles make needs PICTURE"),
    ],
)
def test_what_make_refuses(refused, home, words, sentence):
    before = sorted(home.rglob("*"))
    assert sentence in refused("styles", "make", *words, code=2)
    assert sorted(home.rglob("*")) == before
