"""The benchmark of exports: its painters are those that export knows, its table says it all."""

import numpy as np
import publish
import pytest
import speed_export

from impasto.export.table import GRAPHS

CASES = [
    {"step": "export", "model": "swift", "export_seconds": {"onnxruntime": 90.0}},
    *(
        {"step": "run", "model": "swift", "size": "256x256", "runtime": runtime, **more}
        for runtime, more in (
            ("torch float32", {"seconds": 0.05}),
            ("torch bfloat16", {"note": speed_export.EMULATED}),
            ("onnxruntime", {"seconds": 0.0612, "largest": 3.2e-6, "mean": 1e-7}),
            ("OpenVINO", {"error": "out of memory"}),
        )
    ),
    {"step": "export", "model": "adain", "error": "no such operator"},
]


def test_every_painter_that_is_exported_is_measured():
    names = {kind.__name__.removesuffix("Painter").lower() for kind in GRAPHS}
    assert set(speed_export.MODELS) == names


def test_the_table_has_seconds_differences_and_failures():
    lines = publish.make_table(
        "speed_export",
        {"speed_export": {"cases": CASES, "machine": {"processor": "a", "cores": 2, "torch": "2"},
                          "date": "today", "commit": "1"}},
    ).splitlines()  # fmt: skip
    wanted = (
        "| swift | 256x256 | 0.050 s | emulated: skipped | 0.061 s, 3e-06 | failed: out of memory |"
    )
    assert wanted in lines
    assert any(line.startswith("| adain | not exported: no such operator |") for line in lines)
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert lines[-1].startswith("Measured on: a, 2 cores")


def test_figures_have_the_largest_difference_of_each_runtime():
    found = speed_export.figures(CASES)
    assert found["swift-256x256-torch-float32"] == {"value": 0.05, "unit": "s"}
    assert found["swift-256x256-torch-bfloat16"]["value"] is None
    assert found["onnxruntime-largest"]["value"] == 3.2e-6


def test_a_runtime_that_gives_no_numbers_fails():
    wanted = np.zeros((1, 3, 2, 2), np.float32)
    assert speed_export.difference(wanted + 0.5, wanted) == {"largest": 0.5, "mean": 0.5}
    with pytest.raises(RuntimeError, match="no numbers"):
        speed_export.difference(wanted * np.nan, wanted)
