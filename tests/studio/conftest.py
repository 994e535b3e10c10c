"""A desk with the tiny painter and two styles, and small pictures to drop on it."""

import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from studio_visit import hush

from impasto.studio.desk import Desk, Finished
from impasto.studio.running import Progress


@pytest.fixture
def desk(gallery, tiny_painter, tiny_styles, monkeypatch) -> Desk:
    """A desk whose painter is tiny and whose styles are great-wave and starry-night alone."""
    shutil.copytree(tiny_styles, gallery / "styles")
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", gallery / "bundled")
    return Desk(tiny_painter, folder=gallery / "workspace", device="cpu")


@pytest.fixture
def quiet_gradio() -> Iterator[None]:
    """For tests that build a page."""
    yield
    hush()


@pytest.fixture
def flag() -> threading.Event:
    """Of a Stop button that nobody presses."""
    return threading.Event()


@pytest.fixture
def finish() -> Callable[..., tuple[list[Progress], Finished]]:
    """Run a work to its end: its news, and what it made."""

    def run(work) -> tuple[list[Progress], Finished]:
        news = []
        while True:
            try:
                news.append(next(work))
            except StopIteration as end:
                return news, end.value

    return run
