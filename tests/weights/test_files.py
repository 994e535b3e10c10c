"""Files of tensors: written whole or not at all, read as tensors or refused."""

import pytest
import torch

from impasto.errors import OutputError, WeightsError
from impasto.weights.files import check_finite, read_metadata, read_tensors, write_tensors


def test_tensors_and_metadata_come_back(tmp_path):
    tensors = {"a": torch.randn(3, 4).T, "b": torch.arange(3), "c": torch.zeros(2).bfloat16()}
    write_tensors(tmp_path / "deep" / "x.safetensors", tensors, {"card": "Grüße"})
    again = read_tensors(tmp_path / "deep" / "x.safetensors")
    assert again.keys() == tensors.keys()
    for name, tensor in again.items():
        assert torch.equal(tensor, tensors[name])
        assert tensor.dtype == tensors[name].dtype
    assert read_metadata(tmp_path / "deep" / "x.safetensors") == {"card": "Grüße"}


def test_tensors_that_share_memory_are_written(tmp_path):
    whole = torch.rand(4)
    write_tensors(tmp_path / "x.safetensors", {"whole": whole, "part": whole[:2]})
    assert torch.equal(read_tensors(tmp_path / "x.safetensors")["part"], whole[:2])


def test_state_dict_of_pth_also_when_nested(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "flat.pth")
    torch.save({"state_dict": {"a": torch.ones(2)}, "epoch": 3}, tmp_path / "nested.pth")
    for name in ("flat", "nested"):
        assert torch.equal(read_tensors(tmp_path / f"{name}.pth")["a"], torch.ones(2))


@pytest.mark.parametrize("content", [{"a": 1.5}, [torch.ones(1)], {1: torch.ones(1)}])
def test_pth_that_is_no_dictionary_of_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"x\.pth is not a dictionary of tensors"):
        read_tensors(tmp_path / "x.pth")


@pytest.mark.parametrize("name", ["x.pth", "x.safetensors", "x"])
@pytest.mark.parametrize(
    "content", [b"", b"hello, this is text\n" * 9, b"PK\x03\x04", b"\x80\x02."]
)
def test_other_files_are_refused_in_one_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        read_tensors(tmp_path / name)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files_are_refused(tmp_path, suffix):
    whole, cut = tmp_path / f"whole{suffix}", tmp_path / f"cut{suffix}"
    tensors = {"a": torch.randn(64), "b": torch.randn(64)}
    if suffix == ".pth":
        torch.save(tensors, whole, _use_new_zipfile_serialization=False)
    else:
        write_tensors(whole, tensors)
    content = whole.read_bytes()
    for length in range(0, len(content), 37):
        cut.write_bytes(content[:length])
        with pytest.raises(WeightsError):
            read_tensors(cut)


@pytest.mark.parametrize("read", [read_tensors, read_metadata])
def test_missing_file_and_folder(tmp_path, read):
    for path in (tmp_path, tmp_path / "no.safetensors"):
        with pytest.raises(WeightsError, match="there is no weight file"):
            read(path)


def test_metadata_of_a_damaged_file(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"nonsense")
    with pytest.raises(WeightsError, match="not a whole safetensors file"):
        read_metadata(tmp_path / "x.safetensors")


def test_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path, monkeypatch):
    path = tmp_path / "x.safetensors"
    write_tensors(path, {"a": torch.ones(2)})

    def full(*args: object, **keywords: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("impasto.weights.files.save_file", full)
    with pytest.raises(OutputError, match=r"cannot be written.*No space left"):
        write_tensors(path, {"a": torch.zeros(2)})
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]
    assert torch.equal(read_tensors(path)["a"], torch.ones(2))


def test_folder_in_the_place_of_the_file(tmp_path):
    (tmp_path / "x.safetensors").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_tensors(tmp_path / "x.safetensors", {"a": torch.ones(2)})
    assert [file.name for file in tmp_path.iterdir()] == ["x.safetensors"]


def test_check_finite_names_the_tensor():
    good = {"a": torch.ones(3), "count": torch.tensor(3), "half": torch.ones(2).half()}
    check_finite(good, "x.pth")
    for value in (float("nan"), float("inf"), float("-inf")):
        with pytest.raises(WeightsError, match=r"x\.pth is no good: its tensor b"):
            check_finite(good | {"b": torch.tensor([0.0, value])}, "x.pth")
