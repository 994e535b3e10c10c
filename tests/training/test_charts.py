"""The tables of a run, over its kills and resumes, and the chart that is drawn of them."""

import logging
import sys
from types import SimpleNamespace

import pytest
from PIL import Image

from impasto.training.runs import read_curves, read_result, write_result

pytest.importorskip("lightning", reason="training needs the extra train")
pytest.importorskip("matplotlib", reason="the chart needs matplotlib")

from impasto.training.charts import LossChart, smoothed, write_chart


def table(run, version, text):
    folder = run / "csv" / f"version_{version}"
    folder.mkdir(parents=True)
    (folder / "metrics.csv").write_text("epoch,step,train/a,valid/a\n" + text)


def test_a_resumed_runs_table_takes_the_place_of_what_was_done_twice(tmp_path):
    table(tmp_path, 0, "0,0,9,\n0,1,8,\n0,1,,7\n0,2,6,\n0,3,5,\n")
    table(tmp_path, 1, "0,2,16,\n0,3,15,\n")
    table(tmp_path, 10, "0,3,25,\n0,4,24,\n0,5,2")  # the last line was cut by a kill
    curves = read_curves(tmp_path)
    assert curves["train/a"] == [(1, 9), (2, 8), (3, 16), (4, 25), (5, 24)]
    assert curves["valid/a"] == [(2, 7)]


def test_lines_that_are_none_are_passed_over(tmp_path):
    table(tmp_path, 0, "0,0,9,\n0,,8,\nnonsense\n0,x,1,\n0,4,not a number,\n0,5,3,\n")
    assert read_curves(tmp_path) == {"train/a": [(1, 9), (6, 3)]}
    assert read_curves(tmp_path / "nowhere") == {}


def test_a_chart_has_a_row_per_term_and_bears_what_has_no_logarithm(tmp_path):
    table(tmp_path, 0, "".join(f"0,{n},{10 - n},\n" for n in range(12)))
    assert write_chart(tmp_path) == tmp_path / "losses.png"
    with Image.open(tmp_path / "losses.png") as chart:
        one = chart.height
    table(tmp_path, 1, "")
    path = tmp_path / "csv" / "version_1" / "metrics.csv"
    path.write_text("epoch,step,train/a,train/b\n0,20,1,2\n")
    write_chart(tmp_path)
    with Image.open(tmp_path / "losses.png") as chart:
        assert chart.height > one + 200
    assert write_chart(tmp_path / "nowhere") is None


def test_a_mean_begins_with_the_first_values_and_stays_within_them():
    assert smoothed([3.0]) == [3.0]
    assert smoothed([2.0] * 90) == pytest.approx([2.0] * 90)
    rough = [float(n % 2) for n in range(300)]
    assert all(abs(value - 0.5) < 0.1 for value in smoothed(rough)[100:])


def test_without_matplotlib_a_run_ends_well(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    trainer = SimpleNamespace(
        is_global_zero=True, default_root_dir=tmp_path, loggers=[], callback_metrics={"train/a": 2},
        global_step=7,
    )  # fmt: skip
    chart = LossChart()
    chart.on_fit_end(trainer, None)
    assert read_result(tmp_path) is None, "nothing was learned"
    chart.on_train_start(trainer, None)
    with caplog.at_level(logging.WARNING):
        chart.on_fit_end(trainer, None)
    assert (
        'needs packages that are not installed; type: python -m pip install "impasto[train]"'
        in (caplog.text)
    )
    assert read_result(tmp_path) == {"train/a": 2.0}


def test_a_result_is_read_back_without_what_is_no_number(tmp_path):
    write_result(tmp_path, 5, {"a": 1.5, "b": float("nan")})
    assert read_result(tmp_path) == {"a": 1.5}
    (tmp_path / "result.json").write_text('{"steps": 5')
    assert read_result(tmp_path) is None
