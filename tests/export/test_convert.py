"""Files that other runtimes read: they paint the same, say what they are, or are not written."""

import json
import runpy
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from sources import ROOT
from torch import nn

pytest.importorskip("onnx", reason="the extra export is not installed")
pytest.importorskip("onnxscript", reason="the extra export is not installed")
pytest.importorskip("onnxruntime", reason="the extra export is not installed")

from onnx import TensorProto, load_model

from impasto.errors import ExportError, InputError, MissingExtraError, OutputError
from impasto.export import convert, onnx, openvino, program, verify
from impasto.export.settings import ExportConfig
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.painter import JohnsonPainter

SMALL = ExportConfig(to="onnx", size=(32, 48))  # traced in a second
FACTS = {"method": "johnson", "card": "A test.", "licence": "Apache-2.0", "style": "wave"}


@pytest.fixture(scope="module")
def painter():
    torch.manual_seed(0)
    return JohnsonPainter(TransformerNet(JohnsonConfig(width=4, blocks=1, kernel=3)))


def test_onnx_paints_the_same_at_three_sizes_and_carries_its_card(painter, tmp_path):
    path = tmp_path / "out" / "wave.onnx"
    done = convert.export(painter, path, ExportConfig(to="onnx"), metadata=FACTS)
    assert done.paths == (path,)
    assert done.inputs == ("content", "alpha")
    found = done.differences["onnxruntime"]
    assert [d.size for d in found] == list(verify.SIZES)
    assert max(d.largest for d in found) < verify.LIMIT
    held = onnx.read_metadata(path.read_bytes())
    assert held == FACTS | {"inputs": "content alpha", "size": "any", "precision": "float32"}
    batch = {"content": np.random.default_rng(0).random((3, 3, 30, 22), dtype=np.float32)}
    answer = onnx.runner(path.read_bytes())(batch | {"alpha": np.array([1], np.float32)})
    assert answer.shape == (3, 3, 30, 22)


def test_int8_says_its_loss_and_paints_nearly_the_same(painter, tmp_path):
    (tmp_path / "photos").mkdir()
    levels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    Image.fromarray(levels).save(tmp_path / "photos" / "a.png")
    config = ExportConfig(to="onnx", int8=True, calibrate=str(tmp_path / "photos"), size=(32, 48))
    done = convert.export(painter, tmp_path / "wave.onnx", config)
    worst = max(d.mean for d in done.differences["onnxruntime"])
    assert 0 < worst < 0.2
    assert done.metadata["precision"] == "int8"


def test_half_says_its_loss_and_paints_nearly_the_same(painter, tmp_path):
    config = ExportConfig(to="onnx", half=True, size=(32, 48))
    done = convert.export(painter, tmp_path / "half.onnx", config)
    full = convert.export(painter, tmp_path / "full.onnx", SMALL)
    worst = max(d.largest for d in done.differences["onnxruntime"])
    assert max(d.largest for d in full.differences["onnxruntime"]) < worst < 0.1
    model = load_model(tmp_path / "half.onnx")
    weights = {w.name: w.data_type for w in model.graph.initializer if list(w.dims[2:]) == [3, 3]}
    assert set(weights.values()) == {TensorProto.FLOAT16}
    assert b"impasto/" not in (tmp_path / "full.onnx").read_bytes(), "no path of this machine"


def test_a_folder_without_pictures_cannot_calibrate(painter, tmp_path):
    config = ExportConfig(to="onnx", int8=True, calibrate=str(tmp_path))
    with pytest.raises(InputError, match="holds no picture to calibrate on"):
        convert.export(painter, tmp_path / "wave.onnx", config)


def test_openvino_paints_the_same_and_carries_its_card(painter, tmp_path):
    pytest.importorskip("openvino", reason="the extra export is not installed")
    path = tmp_path / "wave.xml"
    done = convert.export(painter, path, ExportConfig(to="openvino"), metadata=FACTS)
    assert [p.name for p in done.paths] == ["wave.bin", "wave.xml"]
    assert max(d.largest for d in done.differences["OpenVINO"]) < verify.LIMIT
    assert openvino.read_metadata(path)["licence"] == "Apache-2.0"


def test_a_program_of_torch_paints_the_same_and_carries_its_card(painter, tmp_path):
    path = tmp_path / "wave.pt2"
    done = convert.export(painter, path, ExportConfig(to="torch"), metadata=FACTS)
    assert max(d.largest for d in done.differences["torch"]) < verify.LIMIT
    assert program.read_metadata(path.read_bytes())["style"] == "wave"


def test_a_camera_gets_bytes_and_gives_bytes(painter, tmp_path):
    pytest.importorskip("openvino", reason="the extra export is not installed")
    config = ExportConfig(to="oak", size=(32, 48))
    done = convert.export(painter, tmp_path / "cam.onnx", config, metadata=FACTS)
    assert [p.suffix for p in done.paths] == [".bin", ".json", ".onnx", ".xml"]
    description = json.loads((tmp_path / "cam.json").read_text())
    assert description["model"]["inputs"][0]["shape"] == [1, 3, 32, 48]
    assert description["model"]["metadata"]["path"] == "cam.xml"
    frame = np.random.default_rng(0).integers(0, 256, (1, 3, 32, 48), dtype=np.uint8)
    answer = onnx.runner((tmp_path / "cam.onnx").read_bytes())({"content": frame})
    assert answer.dtype == np.uint8
    rgb = torch.from_numpy(frame[:, ::-1].copy()).float() / 255
    painted = painter.paint(rgb, [()], weights=[1.0]).flip(1) * 255
    assert np.abs(answer.astype(int) - painted.round().numpy().astype(int)).max() <= 1


def test_the_cameras_example_runs_without_a_camera(painter, tmp_path, monkeypatch, capsys):
    pytest.importorskip("openvino", reason="the extra export is not installed")
    convert.export(painter, tmp_path / "cam.onnx", ExportConfig(to="oak", size=(32, 48)))
    (tmp_path / "frames").mkdir()
    for name in ("1.png", "2.png"):
        Image.new("RGB", (60, 40), (200, 90, 30)).save(tmp_path / "frames" / name)
    words = ["oak_camera.py", *(str(tmp_path / n) for n in ("cam.xml", "frames", "painted"))]
    monkeypatch.setattr(sys, "argv", words)
    runpy.run_path(str(ROOT / "examples" / "oak_camera.py"), run_name="__main__")
    assert len(capsys.readouterr().out.split()) == 2
    with Image.open(tmp_path / "painted" / "00001.png") as image:
        assert image.size == (48, 32)


def test_a_graph_that_paints_otherwise_is_not_written(painter, tmp_path, monkeypatch):
    run = onnx.runner

    def off(data):
        return lambda inputs: run(data)(inputs) + 0.01

    monkeypatch.setattr(onnx, "runner", off)
    with pytest.raises(ExportError, match="onnxruntime paints otherwise than torch"):
        convert.export(painter, tmp_path / "wave.onnx", SMALL)
    assert list(tmp_path.iterdir()) == []


class Unknown(nn.Module):
    """An operator that ONNX does not have."""

    def forward(self, content):
        return content + torch.linalg.eigvals(content[0, 0, :4, :4]).real.sum()


def test_an_unknown_operator_is_named():
    samples = verify.samples_of(("content",), fixed=(8, 8))
    traced = onnx.program_of(Unknown(), samples, ("content",), fixed=True)
    with pytest.raises(ExportError, match="linalg_eig"):
        onnx.onnx_of(traced, ("content",))


class Deciding(nn.Module):
    """Goes by a value, which a graph cannot."""

    def forward(self, content):
        return content if content.mean() > 0.5 else -content


def test_a_graph_that_cannot_be_traced_says_so():
    samples = verify.samples_of(("content",), fixed=(8, 8))
    with pytest.raises(ExportError, match="this graph cannot be traced"):
        onnx.program_of(Deciding(), samples, ("content",), fixed=True)


def test_values_that_are_no_numbers_are_refused():
    samples = verify.samples_of(("content",), fixed=(8, 8))
    with pytest.raises(ExportError, match="not numbers"):
        verify.compare(lambda i: i["content"] * np.nan, lambda i: i["content"], samples)


def test_a_missing_extra_says_the_command(painter, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtraError, match=r'pip install "impasto\[export\]"'):
        convert.export(painter, tmp_path / "wave.onnx", SMALL)


def test_the_ending_and_what_exists_are_looked_at_before_any_work(painter, tmp_path):
    with pytest.raises(InputError, match=r"a file for onnx ends with \.onnx"):
        convert.export(painter, tmp_path / "wave.pb", ExportConfig(to="onnx"))
    (tmp_path / "wave.onnx").write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        convert.export(painter, tmp_path / "wave.onnx", ExportConfig(to="onnx"), overwrite=False)
    assert (tmp_path / "wave.onnx").read_text() == "mine"
