"""impasto demo."""

import json

import pytest
from PIL import Image

from impasto.cli.demo import pick_styles, share_out
from impasto.errors import MissingExtraError


def test_quick(run, home):
    answer = run("demo", "--quick", "-o", "shown")
    assert answer.code == 0
    paths = answer.out.split()
    assert paths[-1] == "shown/contact-sheet.png"
    assert len(paths) == 3 * 2 + 1
    assert all((home / path).is_file() for path in paths)
    assert answer.err.startswith("impasto: 6 paintings in ")
    with Image.open(paths[-1]) as sheet:
        assert sheet.width > 1000


def test_json(run):
    words = ["demo", "--quick", "--style", "great-wave", "monet.jpg", "-o", "shown", "--json"]
    document = json.loads(run(*words).out)
    assert len(document["paths"]) == 3 * 2 + 1
    assert document["seconds"] > document["seconds_per_painting"] > 0


def test_without_scikit_image_it_paints_landscapes(run, monkeypatch):
    def absent(name):
        raise MissingExtraError.of("demo", "A sample photograph")

    monkeypatch.setattr("impasto.images.samples.sample_photo", absent)
    answer = run("demo", "--quick", "-o", "shown")
    assert answer.code == 0
    assert 'pip install "impasto[demo]"' in answer.err
    assert "landscapes" in answer.err
    assert "shown/lake-great-wave.png" in answer.out


def test_an_output_that_is_a_file(refused):
    assert "photo.jpg is a file" in refused("demo", "-o", "photo.jpg", code=5)


def test_without_any_style(refused, home, monkeypatch):
    monkeypatch.setenv("IMPASTO_STYLES", str(home / "none"))
    assert "there is no style" in refused("demo", code=2)


@pytest.mark.parametrize("count", [1, 3, 12, 17])
def test_every_photograph_gets_different_styles_and_all_are_used(count):
    styles = [f"style-{i}" for i in range(count)]
    shares = share_out(styles, 3, 4)
    assert all(len(share) == len(set(share)) == min(4, count) for share in shares)
    assert {style for share in shares for style in share} == set(styles[:12])


def test_a_dozen_is_spread_over_the_list(monkeypatch, home):
    from impasto.weights import cards

    paths = {f"style-{i:02}": cards.BUNDLED / f"style-{i:02}.safetensors" for i in range(30)}
    monkeypatch.setattr(cards, "style_paths", lambda: paths)
    picked = pick_styles()
    assert len(set(picked)) == 12
    assert picked[0] == "style-00"
    assert picked[-1] == "style-27"
