"""A visitor uploads, chooses, paints, compares and downloads, in a real browser."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio", reason="the extra studio is not installed", exc_type=ImportError)
pytest.importorskip("playwright", reason="playwright is not installed", exc_type=ImportError)

from studio_visit import PHONE, chromium, served, visit

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def studio(tmp_path_factory, tiny_weights, tiny_styles):
    """The studio with the tiny painter, in a process of its own."""
    folder = tmp_path_factory.mktemp("studio")
    weights = folder / "weights"
    weights.mkdir()
    shutil.copy(tiny_weights, weights)
    environment = {
        "IMPASTO_WEIGHTS": str(weights), "IMPASTO_STYLES": str(tiny_styles),
        "XDG_CACHE_HOME": str(folder / "cache"), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    with served(folder, "--device", "cpu", "-o", "kept", **environment) as address:
        yield address, folder


@pytest.fixture
def photo(gallery) -> Path:
    return gallery / "photo.jpg"


def test_a_visitor_paints_compares_and_downloads(studio, photo, tmp_path):
    address, folder = studio
    with visit(address) as visitor:
        page = visitor.page
        assert page.title() == "Impasto Studio"
        visitor.drop("paint-photo", photo)
        page.locator("#paint-photo img").first.wait_for()
        visitor.painter(1)
        page.get_by_text("Starry-Night").first.wait_for()
        page.locator("#paint-run").click()
        assert visitor.said("paint", "Finished")

        slider = page.locator("#paint-result")
        handle = slider.locator(".outer, .inner, [role=slider]").first
        before = handle.bounding_box()
        box = slider.bounding_box()
        page.mouse.move(before["x"] + before["width"] / 2, before["y"] + before["height"] / 2)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2, steps=6)
        page.mouse.up()
        assert handle.bounding_box()["x"] < before["x"] - 0.1 * box["width"]

        file = visitor.download("paint", tmp_path / "out.png")
        with Image.open(file) as image:
            image.load()
            assert (image.format, image.size) == ("PNG", (96, 64))
        assert (folder / "kept" / "photo-starry-night.png").read_bytes() == file.read_bytes()
        assert visitor.strangers == []
        assert visitor.faults == []


def test_bad_input_is_answered_on_the_page_and_the_studio_lives_on(studio, photo, tmp_path):
    address, _ = studio
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:200])
    with visit(address) as visitor:
        visitor.page.locator("#paint-run").click()
        assert "photograph is needed" in visitor.said("paint", "needed")
        visitor.drop("paint-photo", broken)
        visitor.page.wait_for_timeout(800)
        visitor.page.locator("#paint-run").click()
        sentence = visitor.said("paint", "broken.jpg")
        assert "/" not in sentence, "a sentence for visitors names no folder"
        visitor.page.reload()
        visitor.page.wait_for_selector("#paint-run")
        visitor.drop("paint-photo", photo)
        visitor.page.locator("#paint-photo img").first.wait_for()
        visitor.page.locator("#paint-run").click()
        assert visitor.said("paint", "Finished")


def test_optimising_is_seen_step_by_step_and_stopped(studio, photo):
    address, _ = studio
    with visit(address) as visitor:
        page = visitor.page
        visitor.open("Optimise")
        visitor.drop("optimise-photo", photo)
        visitor.drop("optimise-painting", photo)
        page.locator("#optimise-photo img").first.wait_for()
        page.locator("#optimise-painting img").first.wait_for()
        page.locator("#optimise-run").click()
        visitor.said("optimise", r"[Ss]tep \d+ of")
        page.locator("#optimise-live img").first.wait_for()
        page.locator("#optimise-stop").click()
        assert "topped before the end" in visitor.said("optimise", "Finished")
        page.locator("#optimise-result img").first.wait_for()
        assert visitor.strangers == []


def test_nothing_is_wider_than_a_phone(studio):
    address, _ = studio
    with visit(address, size=PHONE) as visitor:
        width = visitor.page.evaluate("document.documentElement.scrollWidth")
        assert width <= PHONE[0]
        box = visitor.page.locator("#paint-run").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= PHONE[0]
        assert box["height"] >= 40, "a finger must hit it"
