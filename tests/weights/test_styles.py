"""Styles as files: what goes in comes out, what is between two sizes, what is refused."""

import json
import os
from pathlib import Path

import pytest
import torch

from impasto.errors import InputError, OutputError, WeightsError
from impasto.weights.cards import StyleCard, find_style, read_card, style_paths, user_styles_folder
from impasto.weights.files import read_tensors, write_tensors
from impasto.weights.styles import (
    STROKE_SIZES,
    at_stroke_size,
    cached_style,
    read_style,
    write_style,
)

CARD = StyleCard(
    name="great-wave",
    title="Kanagawa-oki Nami-ura",
    painter="Katsushika Hokusai",
    year="about 1831",
    licence="public domain",
    digest="0123456789ab",
)
WIDTHS = (4, 6, 8)


def statistics(seed: int, widths=WIDTHS):
    generator = torch.Generator().manual_seed(seed)
    return tuple(
        tuple(torch.rand(1, width, 1, 1, generator=generator) for _ in range(2)) for width in widths
    )


@pytest.fixture
def sizes():
    return {size: statistics(seed) for seed, size in enumerate(STROKE_SIZES)}


@pytest.fixture
def file(tmp_path, sizes) -> Path:
    path = tmp_path / "great-wave.safetensors"
    write_style(path, CARD, sizes)
    return path


def assert_equal(found, expected, **tolerance):
    assert len(found) == len(expected)
    for pair, wanted in zip(found, expected, strict=True):
        for part in (0, 1):
            assert pair[part].shape == wanted[part].shape
            torch.testing.assert_close(pair[part], wanted[part], **tolerance)


def test_what_was_written_is_read(file, sizes):
    card, found = read_style(file)
    assert card == CARD
    assert sorted(found) == list(STROKE_SIZES)
    for size in STROKE_SIZES:
        assert_equal(found[size], sizes[size], rtol=1e-3, atol=1e-3)
        assert all(value.dtype == torch.float32 for pair in found[size] for value in pair)


def test_the_card_is_the_same_without_the_vectors(file):
    assert read_card(file) == CARD


def test_swifts_styles_take_about_2_kb(tmp_path):
    sizes = {size: statistics(0, (16, 48, 96)) for size in STROKE_SIZES}
    write_style(tmp_path / "s.safetensors", CARD, sizes)
    assert 1900 < (tmp_path / "s.safetensors").stat().st_size < 2800


def test_empty_fields_of_a_card_stay_out_of_the_file(tmp_path, sizes):
    path = tmp_path / "plain.safetensors"
    write_style(path, StyleCard(name="plain"), sizes)
    assert b"licence" not in path.read_bytes()
    assert read_style(path)[0] == StyleCard(name="plain")


def test_a_place_that_cannot_be_written(tmp_path, sizes):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_style(tmp_path / "file" / "s.safetensors", CARD, sizes)


# Sizes of strokes


def test_a_size_that_the_file_holds_is_given_as_it_is(sizes):
    for size in STROKE_SIZES:
        assert at_stroke_size(sizes, size) is sizes[size]


@pytest.mark.parametrize(("lower", "upper"), [(0.5, 1.0), (1.0, 2.0)])
def test_halfway_in_proportion_is_the_mean(sizes, lower, upper):
    middle = at_stroke_size(sizes, (lower * upper) ** 0.5)
    pairs = zip(sizes[lower], sizes[upper], strict=True)
    mean = [tuple((a[part] + b[part]) / 2 for part in (0, 1)) for a, b in pairs]
    assert_equal(middle, mean)


@pytest.mark.parametrize("size", [0.5, 1.0, 2.0])
def test_close_to_a_size_is_close_to_its_statistics(sizes, size):
    for factor in (1 - 1e-6, 1 + 1e-6):
        if STROKE_SIZES[0] <= size * factor <= STROKE_SIZES[-1]:
            assert_equal(at_stroke_size(sizes, size * factor), sizes[size], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scale", [0.49, 2.01, 10.0, float("nan")])
def test_beyond_the_sizes_the_picture_itself_is_asked_for(sizes, scale):
    sentence = rf"between 0.5 and 2; got {scale:g}\. Give the style's picture itself"
    with pytest.raises(InputError, match=sentence):
        at_stroke_size(sizes, scale)


# Files that are no style


def test_missing_and_damaged_files_are_named(file, tmp_path):
    with pytest.raises(WeightsError, match=r"there is no weight file .*none\.safetensors"):
        read_style(tmp_path / "none.safetensors")
    whole = file.read_bytes()
    for part in (whole[:-5], whole[:20], b"", b"text" * 40):
        file.write_bytes(part)
        with pytest.raises(WeightsError, match=r"great-wave\.safetensors is not a whole"):
            read_style(file)


@pytest.mark.parametrize(
    ("widths", "tensors", "reason"),
    [
        (None, {"1": 6}, "it holds no statistics"),
        ("[3]", {}, "it holds no statistics"),
        ("{", {"1": 6}, "Expecting"),
        ("3", {"1": 6}, "its widths are 3"),
        ("[]", {"1": 0}, r"its widths are \[\]"),
        ("[-1, 4]", {"1": 6}, r"its widths are \[-1, 4\]"),
        ("[1.5]", {"1": 3}, r"its widths are \[1\.5\]"),
        ("[3]", {"1": 7}, "7 numbers where 6 are due"),
        ("[3]", {"one": 6}, "could not convert"),
        ("[3]", {"nan": 6}, "its strokes have the size nan"),
        ("[3]", {"0": 6}, "its strokes have the size 0"),
        ("[3]", {"1": 6, "-1": 6}, "its strokes have the size -1"),
    ],
)
def test_other_contents_are_refused_with_the_reason(tmp_path, widths, tensors, reason):
    path = tmp_path / "odd.safetensors"
    metadata = {"name": "odd"} | ({} if widths is None else {"widths": widths})
    write_tensors(path, {key: torch.zeros(n) for key, n in tensors.items()}, metadata)
    with pytest.raises(WeightsError, match=rf"odd\.safetensors is no style file \({reason}.*make"):
        read_style(path)


def test_a_style_with_a_nan_or_without_a_proper_name_is_refused(file, tmp_path):
    tensors = read_tensors(file)
    metadata = {"name": "x", "widths": json.dumps(WIDTHS)}
    tensors["1"][3] = float("nan")
    write_tensors(tmp_path / "nan.safetensors", tensors, metadata)
    with pytest.raises(WeightsError, match="not finite"):
        read_style(tmp_path / "nan.safetensors")
    write_tensors(file, read_tensors(file), metadata | {"name": "Great Wave"})
    with pytest.raises(WeightsError, match=r"lower-case letters.*got 'Great Wave'"):
        read_style(file)


def test_what_newer_versions_add_to_a_card_is_passed_over(file):
    metadata = {"name": "new", "widths": json.dumps(WIDTHS), "mood": "stormy"}
    write_tensors(file, read_tensors(file), metadata)
    assert read_style(file)[0] == StyleCard(name="new")


def test_a_style_is_remembered_until_its_file_changes(file, sizes):
    first = cached_style(file, 1.0)
    assert cached_style(file, 1.0) is first
    write_style(file, StyleCard(name="other"), sizes)
    assert cached_style(file, 2.0)[0].name == "other"


# Names


@pytest.fixture
def folders(tmp_path, monkeypatch, sizes):
    bundled, own = tmp_path / "bundled", tmp_path / "own"
    for folder, names in ((bundled, ("great-wave", "sunflowers")), (own, ("great-wave", "mine"))):
        for name in names:
            write_style(folder / f"{name}.safetensors", StyleCard(name=name), sizes)
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", bundled)
    monkeypatch.setenv("IMPASTO_STYLES", str(own))
    return bundled, own


def test_the_users_styles_go_before_the_bundled(folders):
    bundled, own = folders
    assert style_paths() == {
        "great-wave": own / "great-wave.safetensors",
        "mine": own / "mine.safetensors",
        "sunflowers": bundled / "sunflowers.safetensors",
    }
    assert find_style("great-wave").parent == own


def test_an_unknown_name_gets_the_nearest(folders):
    with pytest.raises(InputError, match=r"got 'sunflower'\. Did you mean sunflowers\?"):
        find_style("sunflower")


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps data elsewhere")
def test_the_users_folder_is_where_the_platform_keeps_data(monkeypatch):
    monkeypatch.delenv("IMPASTO_STYLES", raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert user_styles_folder() == Path("/data/impasto/styles")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert user_styles_folder() == Path.home() / ".local" / "share" / "impasto" / "styles"


def test_numbers_of_another_kind_are_no_style(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "lora.safetensors"
    save_file({"1": torch.zeros(4, dtype=torch.bfloat16)}, path, metadata={"widths": "[2]"})
    with pytest.raises(WeightsError, match="is no style file"):
        read_style(path)
    save_file({"a": torch.zeros(4, dtype=torch.bfloat16)}, path)
    with pytest.raises(WeightsError, match="it holds no statistics"):
        read_style(path)
    huge = torch.full((4,), 1e300, dtype=torch.float64)
    save_file({"1": huge}, path, metadata={"widths": "[2]", "name": "x"})
    with pytest.raises(WeightsError, match="not finite"):
        read_style(path)
