"""A visitor of the studio: a process that serves it, and a headless Chromium that looks at it."""

import asyncio
import contextlib
import gc
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
"""Without them Chromium looks for its maker's servers, which is noise in a test of silence."""

DESKTOP, PHONE = (1440, 900), (390, 844)
"""(width, height) of the window."""


def chromium() -> str | None:
    """The browser of this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextlib.contextmanager
def served(folder: Path, *words: str, **environment: str) -> Iterator[str]:
    """The command ``impasto studio`` in a process of its own; its address.

    Args:
        folder: Where it runs.
        words: Further flags.
        environment: On top of this process's own.
    """
    code = "import sys; from impasto.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "studio", "--port", "0", "--no-browser", *words]
    complaints = folder / "complaints.txt"
    with complaints.open("w") as file:
        process = subprocess.Popen(
            command, cwd=folder, env=os.environ | environment, stdout=subprocess.PIPE, stderr=file,
            text=True,
        )  # fmt: skip
    try:
        line = process.stdout.readline().strip()
        assert line.startswith("http://"), complaints.read_text()
        yield line
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()


def hush() -> None:
    """Gradio leaves event loops open, of which Python would complain in a later test."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.set_event_loop(None)
        gc.collect()


class Visit:
    """One page in a browser.

    Args:
        page: Of Playwright.
        address: Of the studio.
    """

    def __init__(self, page, address: str) -> None:
        self.page, self.address = page, address
        self.strangers: list[str] = []
        """Requests to other places than the studio."""
        self.faults: list[str] = []
        """What scripts of the page complained about."""
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.goto(address)
        page.wait_for_selector("#paint-run", timeout=60_000)

    def _asked(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.strangers.append(request.url)

    def open(self, tab: str) -> None:
        """Go to a tab by its name."""
        self.page.get_by_role("tab", name=tab, exact=True).first.click()

    def drop(self, name: str, file: Path) -> None:
        """Upload a file where ``name`` says."""
        self.page.locator(f"#{name} input[type=file]").first.set_input_files(str(file))

    def painter(self, index: int) -> None:
        """Choose a painter from the gallery."""
        self.page.locator("#paint-painters button.thumbnail-item").nth(index).click()

    def said(self, tab: str, pattern: str, seconds: float = 60) -> str:
        """Wait until a tab says something."""
        status = self.page.locator(f"#{tab}-status .imp-status", has_text=re.compile(pattern))
        status.first.wait_for(timeout=1000 * seconds)
        return status.first.inner_text()

    def download(self, tab: str, target: Path) -> Path:
        """Press Download and keep the file."""
        with self.page.expect_download() as download:
            self.page.locator(f"#{tab}-download").click()
        download.value.save_as(target)
        return target / download.value.suggested_filename if target.is_dir() else target


@contextlib.contextmanager
def visit(address: str, *, size: tuple[int, int] = DESKTOP, dark: bool = False) -> Iterator[Visit]:
    """A browser with one page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium(), args=SWITCHES)
        try:
            page = browser.new_page(
                viewport={"width": size[0], "height": size[1]},
                color_scheme="dark" if dark else "light",
                has_touch=size == PHONE,
            )
            yield Visit(page, address)
        finally:
            browser.close()
