"""impasto export: a file and its path, or one sentence."""

import json

import pytest


def test_swift_with_a_style_inside_becomes_one_file(run, home):
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    pytest.importorskip("onnxruntime", reason="the extra export is not installed")
    words = ["export", "swift", "--to", "onnx", "--style", "great-wave", "--size", "32", "40"]
    answer = run(*words, "-o", "wave.onnx", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["paths"] == ["wave.onnx"]
    assert document["inputs"] == ["content"]
    assert document["metadata"]["style"] == "great-wave"
    assert (home / "wave.onnx").stat().st_size > 1000


def test_an_unknown_target_names_the_known_ones(refused):
    assert "onnx, openvino, oak, torch" in refused("export", "swift", "--to", "tflite", code=2)


def test_an_unknown_style_is_named(refused):
    sentence = refused("export", "swift", "--to", "onnx", "--style", "grate-wave", code=2)
    assert "great-wave" in sentence


def test_a_file_that_exists_is_kept(refused, home):
    (home / "swift.onnx").write_text("mine")
    assert "--overwrite" in refused("export", "swift", "--to", "onnx", code=5)
    assert (home / "swift.onnx").read_text() == "mine"


def test_another_ending_is_refused(refused):
    sentence = refused("export", "swift", "--to", "onnx", "-o", "swift.xml", code=2)
    assert sentence == "a file for onnx ends with .onnx; got swift.xml."


def test_int8_without_photographs_is_refused(refused):
    sentence = refused("export", "swift", "--to", "onnx", "--int8", code=2)
    assert "--calibrate FOLDER" in sentence


def test_a_page_without_npm_says_what_to_give(refused, home, monkeypatch):
    pytest.importorskip("onnxscript", reason="the extra export is not installed")
    monkeypatch.setenv("PATH", str(home))
    sentence = refused("export", "swift", "--to", "web", "-o", "page", code=9)
    assert "--onnxruntime-web FILE.tgz" in sentence
    assert not (home / "page").exists()


def test_a_folder_with_other_files_is_kept(refused, home):
    sentence = refused("export", "swift", "--to", "web", "-o", ".weights", "--overwrite", code=5)
    assert "holds other files" in sentence
    assert (home / ".weights" / "swift.safetensors").exists()
