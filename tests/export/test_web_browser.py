"""The folder in a real browser: it paints what the package paints, and asks nobody else."""

import contextlib
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("playwright", reason="playwright is not installed", exc_type=ImportError)

from studio_visit import PHONE, SWITCHES, chromium

from impasto.export.convert import export
from impasto.export.settings import ExportConfig
from impasto.export.web import SITE

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine")

DESKTOP = (1280, 900)
SEVERAL_CORES = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}
LEVEL = 1 / 255


class Handler(http.server.SimpleHTTPRequestHandler):
    """As ``python -m http.server``, but silent, and with more headers where they are wanted."""

    more: dict[str, str]
    heard: list[str]
    gate: threading.Event

    def do_GET(self):
        if self.path == "/paint.onnx":
            self.gate.wait()
        with contextlib.suppress(ConnectionError):  # a visitor who pressed Stop has left
            super().do_GET()

    def end_headers(self):
        for name, value in self.more.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *given):
        self.heard.append(self.path)


@contextlib.contextmanager
def served(
    folder: Path,
    heard: list[str] | None = None,
    gate: threading.Event | None = None,
    **headers: str,
) -> Iterator[str]:
    """The address of a folder on this machine.

    Args:
        folder: With index.html.
        heard: Gets the paths that are asked for.
        gate: The painter is not sent before it is set.
        headers: More of them.
    """
    if gate is None:
        gate = threading.Event()
        gate.set()
    own = {"more": headers, "heard": [] if heard is None else heard, "gate": gate}
    kind = type("Kind", (Handler,), own)
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(kind, directory=str(folder))
    ) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


class Visitor:
    """One page in a browser, and what it asked for."""

    def __init__(self, page, address: str) -> None:
        self.page = page
        self.strangers: list[str] = []
        self.faults: list[str] = []
        page.set_default_timeout(240_000)
        page.on("request", partial(self._asked, address))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", self._heard)
        page.goto(address)
        page.locator("#painters input").first.wait_for(state="attached")

    def _asked(self, address, request) -> None:
        if not request.url.startswith((address, "blob:")):
            self.strangers.append(request.url)

    def _heard(self, message) -> None:
        if message.type == "error":
            self.faults.append(message.text)

    def choose(self, name: str) -> None:
        """A painter of the gallery."""
        self.page.locator(f"#painters input[value='{name}']").check(force=True)

    def said(self, pattern: str) -> str:
        """Wait until the page says something."""
        said = self.page.locator("#said", has_text=re.compile(pattern, re.I))
        said.wait_for()
        return said.inner_text()

    def paint(self) -> str:
        """Press Paint and wait for the painting."""
        self.page.locator("#paint").click()
        return self.said("finished|cannot|failed|memory|missing")

    def download(self, target: Path) -> Path:
        """Press Download and keep the file."""
        with self.page.expect_download() as download:
            self.page.locator("#download").click()
        download.value.save_as(target / download.value.suggested_filename)
        return target / download.value.suggested_filename


@contextlib.contextmanager
def visit(address: str, size: tuple[int, int] = DESKTOP, **look: str) -> Iterator[Visitor]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=SWITCHES)
        try:
            viewport = {"width": size[0], "height": size[1]}
            page = browser.new_page(viewport=viewport, has_touch=size == PHONE, **look)
            yield Visitor(page, address)
        finally:
            browser.close()


@pytest.fixture(scope="module")
def address(page_folder, runtime):
    """The tiny painter's page, served as ``python -m http.server`` serves it."""
    if isinstance(runtime, str):
        pytest.skip(runtime)
    with served(page_folder) as found:
        yield found


def apart(file: Path, painting) -> float:
    """Mean difference of a downloaded file from a painting of the package, in [0, 1]."""
    with Image.open(file) as image:
        assert image.format == "PNG"
        levels = np.asarray(image.convert("RGB"), np.float32) / 255
    wanted = painting.pixels[0].permute(1, 2, 0).numpy()
    assert levels.shape == wanted.shape
    return float(np.abs(levels - wanted).mean())


def test_the_sample_is_painted_as_the_package_paints_it(
    address, page_folder, tiny_painter, tiny_styles, tmp_path
):
    sample, style = page_folder / "sample.jpg", tiny_styles / "starry-night.safetensors"
    full, softer = (tiny_painter.stylize(sample, style, alpha=alpha) for alpha in (1.0, 0.4))
    with visit(address) as visitor:
        page = visitor.page
        page.locator("#sample").click()
        page.locator("#before").wait_for()
        visitor.choose("starry-night")
        assert "A. Painter" in page.locator("#chosen").inner_text()
        assert "96 × 64 pixels" in visitor.paint()
        file = visitor.download(tmp_path)
        assert file.name == "landscape-starry-night.png"
        assert apart(file, full) < LEVEL

        before = page.locator("#cut").bounding_box()["x"]
        box = page.locator("#canvas").bounding_box()
        page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
        assert page.locator("#cut").bounding_box()["x"] < before - 0.1 * box["width"]

        page.locator("#strength").fill("0.4")
        assert page.locator("#strength-said").inner_text() == "0.40"
        visitor.paint()
        file = visitor.download(tmp_path)
        assert apart(file, softer) < LEVEL
        assert apart(file, full) > 2 * LEVEL, "strength must change the painting"
        assert visitor.strangers == []
        assert visitor.faults == []


def test_a_painting_of_ones_own_paints(address, gallery, tiny_painter, tmp_path):
    with Image.open(gallery / "monet.jpg") as image:
        image.resize((56, 72)).save(tmp_path / "monet.png")
    wanted = tiny_painter.stylize(gallery / "photo.jpg", tmp_path / "monet.png")
    with visit(address) as visitor:
        page = visitor.page
        page.locator("#painting").set_input_files(str(tmp_path / "monet.png"))
        page.get_by_text("In the manner of monet").wait_for()
        page.locator("#photo").set_input_files(str(gallery / "photo.jpg"))
        page.locator("#before").wait_for()
        visitor.paint()
        file = visitor.download(tmp_path)
        assert file.name == "photo-monet.png"
        assert apart(file, wanted) < LEVEL


def test_bad_input_gets_a_sentence_and_the_page_lives_on(address, gallery, tmp_path):
    for name, data in (("notes.jpg", b"no picture"), ("empty.png", b"")):
        (tmp_path / name).write_bytes(data)
    with visit(address) as visitor:
        page = visitor.page
        page.locator("#paint").click()
        assert "photograph is needed" in visitor.said("needed")
        for name in ("notes.jpg", "empty.png"):
            page.locator("#photo").set_input_files(str(tmp_path / name))
            assert visitor.said(name).endswith("give a JPEG, PNG or WebP file.")
        page.locator("#photo").set_input_files(str(gallery / "photo.jpg"))
        page.locator("#before").wait_for()
        assert "96 × 64 pixels" in visitor.paint()


def test_stop_ends_it_and_the_next_painting_comes(page_folder, runtime):
    if isinstance(runtime, str):
        pytest.skip(runtime)
    gate = threading.Event()
    with served(page_folder, gate=gate) as address, visit(address) as visitor:
        page = visitor.page
        page.locator("#sample").click()
        page.locator("#before").wait_for()
        page.locator("#paint").click()
        visitor.said("unpacking the painter")
        page.get_by_role("button", name="Stop").click()
        visitor.said("stopped")
        gate.set()
        assert "96 × 64 pixels" in visitor.paint()


def test_the_cameras_turn_is_done_and_transparency_stays(
    address, gallery, tiny_painter, tiny_styles, tmp_path
):
    style = tiny_styles / "great-wave.safetensors"
    with Image.open(gallery / "photo.jpg") as image:
        turned = image.transpose(Image.Transpose.ROTATE_90)
        exif = Image.Exif()
        exif[0x0112] = 6
        turned.save(tmp_path / "turned.png", exif=exif)
        ramp = Image.linear_gradient("L").resize(image.size)
        image.putalpha(ramp)
        image.save(tmp_path / "soft.png")
    with visit(address) as visitor:
        page = visitor.page
        page.locator("#photo").set_input_files(str(tmp_path / "turned.png"))
        page.get_by_text("turned.png").wait_for()
        visitor.choose("great-wave")
        assert "96 × 64 pixels" in visitor.paint()
        wanted = tiny_painter.stylize(tmp_path / "turned.png", style)
        assert apart(visitor.download(tmp_path), wanted) < LEVEL
        page.locator("#photo").set_input_files(str(tmp_path / "soft.png"))
        page.get_by_text("soft.png").wait_for()
        visitor.paint()
        with Image.open(visitor.download(tmp_path)) as image:
            assert np.array_equal(image.getchannel("A"), ramp)


def test_the_painter_itself_can_ask_no_other_server(page_folder, runtime, tmp_path):
    if isinstance(runtime, str):
        pytest.skip(runtime)
    folder = tmp_path / "page"
    shutil.copytree(page_folder, folder)
    here: list[str] = []
    there: list[str] = []
    with served(folder, here) as address, served(tmp_path, there) as other:
        with (folder / "worker.js").open("a") as file:
            for place in (other, address):
                file.write(f"\nfetch('{place}sneaked', {{mode: 'no-cors'}}).catch(() => 0);\n")
        with visit(address) as visitor:
            visitor.page.locator("#sample").click()
            visitor.page.locator("#before").wait_for()
            assert "96 × 64 pixels" in visitor.paint()
    assert "/sneaked" in here
    assert there == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_nothing_is_wider_than_the_window(address, size):
    with visit(address, size) as visitor:
        page = visitor.page
        page.locator("#sample").click()
        page.locator("#before").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        box = page.locator("#paint").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["height"] >= 40, "a finger must hit it"


def test_opened_as_a_file_the_page_says_what_to_type():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=SWITCHES)
        try:
            page = browser.new_page()
            page.goto((SITE / "index.html").as_uri())
            page.locator("#asleep").wait_for()
            assert "python -m http.server" in page.locator("#asleep").inner_text()
        finally:
            browser.close()


@pytest.mark.slow
def test_any_size_is_painted_and_a_large_photograph_reduced_on_several_cores(
    runtime, gallery, tiny_painter, tiny_styles, tmp_path, monkeypatch
):
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    if isinstance(runtime, str):
        pytest.skip(runtime)
    monkeypatch.setattr("impasto.export.web.runtime_files", lambda place: runtime)
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", tiny_styles)
    export(tiny_painter.painter, tmp_path / "page", ExportConfig(to="web"))
    sample, style = tmp_path / "page" / "sample.jpg", tiny_styles / "great-wave.safetensors"
    wanted = tiny_painter.stylize(sample, style)
    with Image.open(gallery / "photo.jpg") as image:
        image.resize((3000, 800)).save(tmp_path / "wide.png")
    with served(tmp_path / "page", **SEVERAL_CORES) as address, visit(address) as visitor:
        page = visitor.page
        assert page.evaluate("crossOriginIsolated")
        page.locator("#sample").click()
        page.locator("#before").wait_for()
        assert "1080 × 720 pixels" in visitor.paint()
        assert apart(visitor.download(tmp_path), wanted) < LEVEL
        page.locator("#photo").set_input_files(str(tmp_path / "wide.png"))
        page.get_by_text("wide.png").wait_for()
        assert "2804 × 747 pixels, reduced from 3000 × 800" in visitor.paint()
        with Image.open(visitor.download(tmp_path)) as image:
            assert image.size == (2804, 747)
        page.locator("#painting").set_input_files(str(gallery / "klee.jpg"))
        page.get_by_text("In the manner of klee").wait_for()
        visitor.paint()
        assert visitor.faults == []
