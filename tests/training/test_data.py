"""Laws of the draw of training pictures."""

import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from impasto.errors import InputError
from impasto.training.data import ContentStyleStream, CropConfig, PictureFolder

CROP = CropConfig(size=32)


def stream(photos, paintings, **settings):
    folders = PictureFolder(photos), PictureFolder(paintings)
    settings = {"batch": 2, "content_crop": CROP, "style_crop": CROP} | settings
    return ContentStyleStream(*folders, **settings)


def batches(data, count, workers=0):
    loader = DataLoader(data, batch_size=None, num_workers=workers)
    return list(itertools.islice(loader, count))


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in ("content", "style", "key"))


def test_a_batch_has_the_form_that_training_expects(photos, paintings):
    (batch,) = batches(stream(photos, paintings), 1)
    assert batch["content"].shape == batch["style"].shape == (2, 3, 32, 32)
    assert batch["content"].dtype == torch.uint8
    assert batch["key"].shape == (2,)


def test_a_draw_depends_on_its_number_and_the_seed_alone(photos, paintings):
    first, again = (batches(stream(photos, paintings), 6) for _ in range(2))
    assert all(same(a, b) for a, b in zip(first, again, strict=True))
    other = batches(stream(photos, paintings, seed=1), 6)
    assert not any(same(a, b) for a, b in zip(first, other, strict=True))


def test_a_stream_started_later_goes_on_as_the_whole_would(photos, paintings):
    whole = batches(stream(photos, paintings), 6)
    rest = batches(stream(photos, paintings, start=4), 2)
    assert all(same(a, b) for a, b in zip(whole[4:], rest, strict=True))


def test_workers_share_the_draw_and_change_nothing(photos, paintings):
    alone = batches(stream(photos, paintings), 5)
    shared = batches(stream(photos, paintings), 5, workers=2)
    assert all(same(a, b) for a, b in zip(alone, shared, strict=True))


def test_processes_that_train_together_draw_one_stream_between_them(photos, paintings):
    whole = batches(stream(photos, paintings), 6)
    shares = [batches(stream(photos, paintings, shard=(rank, 2)), 3) for rank in range(2)]
    together = [batch for pair in zip(*shares, strict=True) for batch in pair]
    assert all(same(a, b) for a, b in zip(whole, together, strict=True))


def test_a_style_key_names_one_crop(photos, paintings):
    seen = {}
    for batch in batches(stream(photos, paintings, variants=2), 30):
        for key, style in zip(batch["key"].tolist(), batch["style"], strict=True):
            assert torch.equal(seen.setdefault(key, style), style)
    assert 1 < len(seen) <= 10  # five paintings, two crops each


def test_without_variants_crops_are_fresh(photos, paintings):
    assert all(
        int(batch["key"].max()) == -1 for batch in batches(stream(photos, paintings, variants=0), 3)
    )


def test_broken_files_are_skipped_and_listed(photos, paintings, tmp_path):
    for path in photos.rglob("*.png"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    whole = (tmp_path / "picture 0.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "notes.txt").write_text("not even named like one")
    data = stream(tmp_path, paintings)
    batches(data, 40)
    assert {path.name for path in data.content.broken} == {"cut.png", "text.jpg"}


def test_a_folder_of_broken_files_ends_in_a_sentence(paintings, tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    with pytest.raises(InputError, match="a hundred files in a row could not be read"):
        stream(tmp_path, paintings).draw(0)


def test_a_missing_or_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        PictureFolder(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no pictures"):
        PictureFolder(tmp_path)


def test_large_pictures_are_kept_reduced(photos):
    folder = PictureFolder(photos, short_side=20)
    assert all(min(folder.picture(i).size) == 20 for i in range(len(folder)))


def test_a_crop_that_cannot_be_is_refused():
    with pytest.raises(InputError, match=r"scale_min must be above 0.0 and at most 1.0"):
        CropConfig(scale_min=0.0)


def test_pictures_are_read_upright_and_in_srgb(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (40, 30)).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(np.full((30, 40), 65535, np.uint16)).save(tmp_path / "deep.png")
    Image.new("CMYK", (40, 30)).save(tmp_path / "print.jpg")
    folder = PictureFolder(tmp_path)
    pictures = {p.stem: folder.picture(i) for i, p in enumerate(folder.paths)}
    assert not folder.broken
    assert {name: image.size for name, image in pictures.items()} == {
        "turned": (30, 40), "deep": (40, 30), "print": (40, 30),
    }  # fmt: skip
    assert all(image.mode == "RGB" for image in pictures.values())
    assert pictures["deep"].getpixel((5, 5)) == (255, 255, 255)


def test_what_does_not_fit_in_memory_is_decoded_again(photos, paintings, monkeypatch):
    reads = []
    read = PictureFolder._read
    monkeypatch.setattr(PictureFolder, "_read", lambda s, p: reads.append(p) or read(s, p))
    kept, small = PictureFolder(photos), PictureFolder(photos, keep=1)
    for folder, count in ((kept, 6), (small, 6 + 5)):
        reads.clear()
        for _ in range(2):
            for index in range(len(folder)):
                assert folder.picture(index).size == kept.picture(index).size
        assert len(reads) == count
    first = stream(photos, paintings).draw(3)
    data = stream(photos, paintings)
    data.content = small
    assert torch.equal(data.draw(3)["content"], first["content"])


def test_crops_of_two_sizes_are_refused(photos, paintings):
    pytest.importorskip("lightning", reason="training needs the extra train")
    from impasto.training.datamodule import ContentStyleData

    with pytest.raises(InputError, match=r"must be of one size; got 32 and 48 pixels"):
        ContentStyleData(
            str(photos), str(paintings), content_crop=CROP, style_crop=CropConfig(size=48)
        )
