"""The folder that paints in the browser: its contents, its silence, and what is refused."""

import base64
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image
from sources import PACKAGE

from impasto.errors import ExportError, InputError, OutputError
from impasto.export import npm, presets, web
from impasto.export.convert import export
from impasto.export.folder import check_folder, write_folder
from impasto.export.graphs import OfPicture, OfStatistics
from impasto.export.settings import ExportConfig
from impasto.export.table import plan_of
from impasto.export.verify import LIMIT, samples_of
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.painter import JohnsonPainter

WEB = ExportConfig(to="web")
BY_HAND = ("index.html", "style.css", "page.js", "worker.js")


def written(name: str) -> str:
    return (web.SITE / name).read_text(encoding="utf-8")


def test_the_folder_holds_page_painter_styles_and_runtime(page_folder):
    found = {p.relative_to(page_folder).as_posix() for p in page_folder.rglob("*") if p.is_file()}
    assert found == {
        *BY_HAND, "icon.svg", "README.txt", "paint.onnx", "look.onnx", "sample.jpg", "styles.json",
        "thumbnails/great-wave.jpg", "thumbnails/starry-night.jpg", "onnxruntime/LICENSE",
        *(f"onnxruntime/{name}" for name in npm.FILES),
    }  # fmt: skip
    assert "python -m http.server" in (page_folder / "README.txt").read_text()
    with Image.open(page_folder / "sample.jpg") as image:
        assert image.format == "JPEG"
    assert [p.name for p in page_folder.parent.iterdir()] == ["page"], "nothing is left beside it"


def test_the_painter_in_the_folder_carries_its_card(page_folder):
    from impasto.export import onnx

    held = onnx.read_metadata((page_folder / "paint.onnx").read_bytes())
    assert held["licence"] == "Apache-2.0"
    assert held["inputs"] == "content style_mean style_variance alpha"


def test_styles_on_the_page_are_the_style_files_in_full_precision(page_folder, tiny_painter):
    document = json.loads((page_folder / "styles.json").read_text(encoding="utf-8"))
    names = [style["name"] for style in document["styles"]]
    assert names == ["great-wave", "starry-night"]
    first = document["styles"][0]
    assert (first["title"], first["painter"], first["year"]) == ("Great-Wave", "A. Painter", "1831")
    mean, variance = (
        np.frombuffer(base64.b64decode(first[k]), "<f4") for k in ("mean", "variance")
    )
    widths = tiny_painter.painter.network.config.pair_widths
    assert len(mean) == len(variance) == sum(widths)
    assert (variance > 0).all()


def test_presets_are_those_that_fit_the_network(tiny_painter, tiny_styles, tmp_path, monkeypatch):
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", tiny_styles)
    monkeypatch.setenv("IMPASTO_STYLES", str(tmp_path))
    monkeypatch.setattr(presets, "THUMBNAIL_SIDE", 16)
    assert len(presets.preset_files(tiny_painter.painter)) == 3
    monkeypatch.setattr(tiny_painter.painter, "digest", "of-another-network")
    alone = presets.preset_files(tiny_painter.painter)
    assert json.loads(alone.pop("styles.json")) == {"styles": []}
    assert not alone


def test_looking_and_then_painting_is_painting_in_a_pictures_style(tiny_painter):
    inner = plan_of(tiny_painter.painter, ExportConfig(to="onnx"), None).module.inner
    sample = samples_of(("content", "style", "alpha"))[1]
    given = {name: torch.from_numpy(value) for name, value in sample.items()}
    with torch.no_grad():
        wanted = OfPicture(inner)(**given)
        mean, variance = web.Looking(inner)(given["style"])
        found = OfStatistics(inner)(given["content"], mean, variance, given["alpha"])
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


def test_a_page_that_would_paint_otherwise_is_not_written(tiny_painter, tmp_path, monkeypatch):
    monkeypatch.setattr(web, "runtime_files", lambda place: {})
    monkeypatch.setattr(web, "_graph_of", lambda *given, **more: b"")
    monkeypatch.setattr(web, "_in_turn", lambda *given: lambda inputs: inputs["content"])
    with pytest.raises(ExportError, match=f"onnxruntime paints otherwise than torch .*{LIMIT:g}"):
        export(tiny_painter.painter, tmp_path / "page", WEB)
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_one_style_is_refused_before_anything_is_fetched(tmp_path, monkeypatch):
    monkeypatch.setattr(web, "runtime_files", lambda place: pytest.fail("fetched"))
    painter = JohnsonPainter(TransformerNet(JohnsonConfig(width=4, blocks=1, kernel=3)))
    with pytest.raises(InputError, match="swift or AdaIN; got Johnson"):
        export(painter, tmp_path / "page", WEB)


@pytest.mark.parametrize(
    ("wishes", "flags"),
    [
        ({"style": "great-wave"}, "--style"),
        ({"size": (64, 64), "half": True}, "--size and --half"),
        ({"style_input": "statistics"}, "--style-input"),
    ],
)
def test_wishes_that_a_page_cannot_have_are_refused(wishes, flags):
    with pytest.raises(InputError, match=rf"leave {flags} out\.$"):
        ExportConfig(to="web", **wishes)


def test_the_package_is_for_the_page_alone():
    with pytest.raises(InputError, match="--onnxruntime-web is for --to web"):
        ExportConfig(to="onnx", onnxruntime_web="it.tgz")


@pytest.mark.parametrize("name", [*BY_HAND, "icon.svg", "README.txt"])
def test_no_file_of_the_page_names_an_address(name):
    text = written(name).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"\w+://|[\"'(]//", text)


def test_the_page_forbids_every_address_but_its_own():
    found = re.search(
        r'http-equiv="Content-Security-Policy" content="([^"]+)"', written(BY_HAND[0])
    )
    policy = dict(rule.split(" ", 1) for rule in found[1].split("; "))
    assert policy.pop("default-src") == "'none'"
    sources = {source for rule in policy.values() for source in rule.split()}
    assert sources == {"'self'", "'none'", "'wasm-unsafe-eval'", "blob:"}
    assert policy["connect-src"] == "'self'"
    page = written(BY_HAND[0])
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", page)


def test_every_part_that_the_script_asks_for_is_on_the_page():
    page, script = written("index.html"), written("page.js")
    ids = set(re.findall(r'\bid="([\w-]+)"', page))
    asked = set(re.findall(r'part\("([\w-]+)"\)', script))
    listed = re.findall(r"of \[([^\]]+)\]\) (?:part|takesDrops)", script)
    asked |= {name for group in listed for name in re.findall(r'"([\w-]+)"', group)}
    assert {"after", "painting-drop", "download"} <= asked
    assert asked <= ids


def test_the_page_has_the_studios_colours():
    studio = PACKAGE / "studio"
    known = "".join((studio / name).read_text() for name in ("look.py", "stylesheet.py"))
    colors = set(re.findall(r"#[0-9a-f]{6}\b", written("style.css") + written("icon.svg")))
    assert len(colors) > 15
    assert colors <= set(re.findall(r"#[0-9a-f]{6}\b", known))


def test_what_the_page_asks_of_the_runtime_is_in_the_folder():
    asked = re.findall(r'from "\./onnxruntime/([\w.-]+)"', written("worker.js"))
    assert asked == ["ort.wasm.min.mjs"]
    assert set(asked) <= set(npm.FILES)


def test_a_folder_of_ours_is_replaced_whole(tmp_path):
    folder = tmp_path / "page"
    first = {"index.html": b"1", "paint.onnx": b"1", "old/file": b"1"}
    write_folder(folder, first)
    with pytest.raises(OutputError, match=r"exists already; .* --overwrite"):
        write_folder(folder, first, overwrite=False)
    write_folder(folder, {"index.html": b"2", "paint.onnx": b"2"})
    assert sorted(p.name for p in folder.iterdir()) == ["index.html", "paint.onnx"]
    assert (folder / "index.html").read_bytes() == b"2"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_with_other_files_is_never_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match=r"holds other files, such as thesis\.tex"):
        write_folder(tmp_path, {"index.html": b""})
    assert (tmp_path / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize("place", [".", "..", "a-file"])
def test_what_cannot_be_a_folder_is_refused(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a-file").write_text("")
    with pytest.raises(OutputError, match=r"give (the name of a folder|another name)"):
        check_folder(type(tmp_path)(place), overwrite=True)


def test_a_folder_that_cannot_be_finished_leaves_what_was_there(tmp_path, monkeypatch):
    from impasto.export import folder as module

    place = tmp_path / "page"
    write_folder(place, {"index.html": b"1", "paint.onnx": b"1"})
    replace = module.os.replace

    def full(source, target):
        if str(source).endswith(".part") and str(target) == str(place):
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(module.os, "replace", full)
    with pytest.raises(OutputError, match="no space is left"):
        write_folder(place, {"index.html": b"2", "paint.onnx": b"2"})
    assert (place / "index.html").read_bytes() == b"1"
    assert list(tmp_path.iterdir()) == [place]


def test_no_style_can_be_put_inside_a_page(tiny_painter, tmp_path):
    style = tiny_painter.painter.encode_style(torch.rand(1, 3, 24, 24))
    with pytest.raises(InputError, match="takes every style; leave style out"):
        export(tiny_painter.painter, tmp_path / "page", WEB, style=style)
