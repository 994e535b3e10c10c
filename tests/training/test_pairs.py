"""Fixed pairs, triples with padding, content alone, and the ways to cut."""

import itertools
import logging

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from impasto.errors import InputError
from impasto.training.data import ContentStyleStream, CropConfig, PictureFolder, crop
from impasto.training.pairs import ContentOnlyStream, ContentStylePairs, Triple, pad, unpad

CROP = CropConfig(size=32)


def pairs(photos, paintings, **settings):
    folders = PictureFolder(photos), PictureFolder(paintings)
    return ContentStylePairs(*folders, **({"content_crop": CROP, "style_crop": CROP} | settings))


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_a_pair_is_the_same_at_every_call_and_in_every_process(photos, paintings):
    first, again = pairs(photos, paintings, count=9), pairs(photos, paintings, count=9)
    assert all(same(first[i], again[i]) for i in reversed(range(9)))
    batches = [list(DataLoader(first, batch_size=3, num_workers=n)) for n in (0, 2)]
    assert len(batches[0]) == 3
    assert all(same(a, b) for a, b in zip(*batches, strict=True))
    other = pairs(photos, paintings, count=9, seed=1)
    assert not any(same(first[i], other[i]) for i in range(9))


def test_items_are_triples_whose_input_is_the_content(photos, paintings):
    item = pairs(photos, paintings)[0]
    assert isinstance(item, Triple)
    assert {t.shape for t in item} == {(3, 32, 32)}
    assert {t.dtype for t in item} == {torch.uint8}
    assert torch.equal(item.input, item.content)
    item.input.zero_()
    assert item.content.any(), "painting over the input must not change the content"
    (batch,) = itertools.islice(DataLoader(pairs(photos, paintings), batch_size=4), 1)
    assert isinstance(batch, Triple)
    assert batch.style.shape == (4, 3, 32, 32)


def test_every_photograph_comes_before_one_comes_again(photos, paintings):
    data = pairs(photos, paintings, count=12)
    turns = [[data._photograph(i) for i in range(start, start + 6)] for start in (0, 6)]
    assert sorted(turns[0]) == sorted(turns[1]) == list(range(6))
    assert turns[0] != turns[1]


@pytest.mark.parametrize(("sample", "count"), [(1.0, 6), (0.5, 3), (0.01, 1)])
def test_sample_takes_a_part(photos, paintings, sample, count):
    data = pairs(photos, paintings, sample=sample)
    assert len(data) == count == len(list(data))
    assert same(data[0], pairs(photos, paintings)[0])


def test_what_is_printed_says_what_is_inside(photos, paintings):
    data = pairs(photos, paintings, sample=0.5, padding=4)
    text = repr(data)
    for part in ("3 items (50% of what there is)", "3 x 40 x 40 uint8", "6 pictures in", "far: 0"):
        assert part in text
    assert str(photos) in text
    assert repr(data[0]).startswith("Triple(input: 3 x 40 x 40 uint8 in ")


def test_padding_is_a_mirror_and_comes_off_again(photos, paintings):
    plain, padded = pairs(photos, paintings), pairs(photos, paintings, padding=7)
    assert padded[2].style.shape == (3, 46, 46)
    assert same([unpad(t, 7) for t in padded[2]], plain[2])
    row = torch.arange(4.0).expand(1, 4, 4)
    assert pad(row, 2)[0, 0].tolist() == [2, 1, 0, 1, 2, 3, 2, 1]
    assert unpad(torch.zeros(2, 3, 380, 380), 40).shape == (2, 3, 300, 300)
    assert torch.equal(unpad(row, 0), row)
    with pytest.raises(InputError, match="padding must be at least 0 and at most 1"):
        unpad(row, 2)
    with pytest.raises(InputError, match="padding must be at least 0 and at most 31"):
        pairs(photos, paintings, padding=32)


def test_broken_files_are_replaced_listed_and_logged(photos, paintings, tmp_path, caplog):
    for path in photos.rglob("*.png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "text.jpg").write_text("not a picture")
    data = pairs(tmp_path, paintings)
    with caplog.at_level(logging.WARNING):
        assert len([data[i] for i in range(len(data))]) == 7
    assert [path.name for path in data.content.broken] == ["text.jpg"]
    assert "text.jpg is skipped: " in caplog.text
    assert "so far: 1" in repr(data)


def test_a_folder_of_broken_files_ends_in_a_sentence(paintings, tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(InputError, match="which impasto data scan names"):
        pairs(tmp_path, paintings)[0]
    stream = ContentOnlyStream(PictureFolder(tmp_path), content_crop=CROP)
    with pytest.raises(InputError, match="a hundred files in a row"):
        stream.draw(0)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"count": 0}, "count must be at least 1"),
        ({"sample": 0.0}, "sample must be above 0.0"),
        ({"style_crop": CropConfig(size=48)}, "got 32 and 48 pixels"),
    ],
)
def test_values_out_of_range_are_refused(photos, paintings, settings, sentence):
    with pytest.raises(InputError, match=sentence):
        pairs(photos, paintings, **settings)


def test_numbers_beyond_the_end_are_refused(photos, paintings):
    data = pairs(photos, paintings)
    assert same(data[-1], data[5])
    with pytest.raises(IndexError, match="there are 6 pairs; got number 6"):
        data[6]


def content_only(photos, **settings):
    return ContentOnlyStream(PictureFolder(photos), content_crop=CROP, batch=2, **settings)


def content_style(photos, paintings, **settings):
    folders = PictureFolder(photos), PictureFolder(paintings)
    return ContentStyleStream(*folders, content_crop=CROP, style_crop=CROP, batch=2, **settings)


def taken(stream, workers=0, count=None):
    loader = DataLoader(stream, batch_size=None, num_workers=workers)
    return [batch["content"] for batch in itertools.islice(loader, count)]


def test_content_alone_can_start_anywhere_and_is_shared_by_workers_and_ranks(photos):
    whole = taken(content_only(photos), count=6)
    assert whole[0].shape == (2, 3, 32, 32)
    assert same(whole[4:], taken(content_only(photos, start=4), count=2))
    assert same(whole, taken(content_only(photos), workers=2, count=6))
    ranks = [taken(content_only(photos, shard=(rank, 2)), count=3) for rank in (0, 1)]
    assert same(whole, [batch for pair in zip(*ranks, strict=True) for batch in pair])


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_length_is_shared_out_among_the_workers(photos, paintings, workers):
    for stream in (
        content_only(photos, length=5, start=2),
        content_style(photos, paintings, length=5, start=2),
    ):
        assert len(taken(stream, workers)) == 5
        assert same(taken(stream, workers), taken(stream))


def gradient(height=60, width=100):
    """A picture whose red says the column and whose green says the row."""
    rows, columns = np.mgrid[:height, :width]
    return Image.fromarray(np.stack([2 * columns, 2 * rows, 0 * rows], -1).astype(np.uint8))


def cut(config, seed=0, image=None):
    return crop(image or gradient(), config, np.random.default_rng(seed))


def test_without_chance_the_centre_is_cut(photos):
    config = CropConfig(size=32, random=False, short_side=60)
    one, two = cut(config, 0), cut(config, 1)
    assert torch.equal(one, two)
    assert one[0].min() >= 2 * 34 - 2  # columns 34 to 66 of 100
    assert one[0].max() <= 2 * 66 + 2
    assert one[1].min() >= 2 * 14 - 2  # rows 14 to 46 of 60
    assert one[0, 0, 0] < one[0, 0, -1], "never mirrored"


def test_a_short_side_sets_the_scale_of_the_crop(photos):
    for seed in range(5):
        patch = cut(CropConfig(size=30, short_side=60, flip=False), seed)
        # 30 of 60 rows at their own size: neighbours differ by one row, two levels.
        assert patch[1, -1, 0].int() - patch[1, 0, 0].int() == pytest.approx(58, abs=3)
    with pytest.raises(InputError, match="short_side must be at least 64"):
        CropConfig(size=64, short_side=32)


def test_squeezing_takes_the_whole_picture(photos):
    patch = cut(CropConfig(size=32, squeeze=True, flip=False))
    assert patch.shape == (3, 32, 32)
    assert patch[0].min() < 8
    assert patch[0].max() > 190
    assert patch[1].max() > 110
    mirrored = {bool(cut(CropConfig(size=32, squeeze=True), s)[0, 0, 0] > 99) for s in range(9)}
    assert mirrored == {True, False}


def test_a_file_named_jpg_starts_no_other_program(tmp_path, monkeypatch):
    monkeypatch.setattr("PIL.EpsImagePlugin.Ghostscript", lambda *a, **k: pytest.fail("started"))
    (tmp_path / "a.jpg").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n%%EOF\n"
    )
    folder = PictureFolder(tmp_path)
    assert folder.picture(0) is None
    assert list(folder.broken) == [tmp_path / "a.jpg"]
