"""A folder whose page paints in the browser, made once by the tiny painter."""

import os
from functools import partial
from pathlib import Path

import pytest

PAGE_SIZE = (64, 96)
"""(height, width) of the sample on the page, which is all that its graph takes."""


@pytest.fixture(scope="session")
def runtime() -> dict[str, bytes] | str:
    """The files of onnxruntime-web, or the sentence that says why they cannot be had."""
    from impasto.errors import ExportError
    from impasto.export.npm import runtime_files

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("npm_config_offline", "true")  # from npm's cache, or not at all
        try:
            return runtime_files(os.environ.get("IMPASTO_ONNXRUNTIME_WEB"))
        except ExportError as error:
            return f"{error} (npm pack fetches it once; tests take it from npm's cache)"


@pytest.fixture(scope="session")
def page_folder(runtime, tiny_painter, tiny_styles, tmp_path_factory) -> Path:
    """The tiny painter's page with its two styles, for contents and paintings of one size.

    One size, because tracing for any takes a minute; test_web_browser.py has a slow test of the
    real thing. Without npm's package a stand-in takes its place.
    """
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    from impasto.export import npm, onnx, presets, web
    from impasto.export.settings import ExportConfig
    from impasto.export.verify import samples_of
    from impasto.images.samples import synthetic_photo

    trace, given = onnx.program_of, runtime
    if not isinstance(given, dict):
        given = dict.fromkeys(npm.FILES, b"a stand-in")
    folder = tmp_path_factory.mktemp("web") / "page"
    facts = {"method": "swift", "card": "A test.", "licence": "Apache-2.0"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx, "program_of", lambda *of, fixed: trace(*of, fixed=True))
        patch.setattr(web, "samples_of", partial(samples_of, fixed=PAGE_SIZE))
        patch.setattr(presets, "landscape", lambda size=PAGE_SIZE: synthetic_photo(size, seed=5))
        patch.setattr(web, "runtime_files", lambda place: given)
        patch.setattr("impasto.weights.cards.BUNDLED", tiny_styles)
        patch.setenv("IMPASTO_STYLES", str(folder.parent / "none"))
        web.export_page(tiny_painter.painter, folder, ExportConfig(to="web"), metadata=facts)
    return folder
