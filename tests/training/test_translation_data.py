"""What translation learns from: pairs cut alike, names that match, heaps drawn evenly."""

import logging

import numpy as np
import pytest
import torch
from PIL import Image
from translation_folders import one_kind, side_by_side

from impasto.errors import InputError
from impasto.training.data import PictureFolder
from impasto.training.jitter import JitterConfig, check_crop, draw_cut
from impasto.training.translation import (
    PairedStream,
    PairFolder,
    UnpairedStream,
    heap,
    shuffled,
)

pytest.importorskip("lightning", reason="training needs the extra train")
from impasto.training.translation_data import PairedData, UnpairedData

SMALL = JitterConfig(load=20, crop=16)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return side_by_side(tmp_path_factory.mktemp("pairs"))


@pytest.fixture
def two_folders(tmp_path):
    for side, mode in (("a", "P"), ("b", "RGB")):
        folder = tmp_path / side / "wing"
        folder.mkdir(parents=True)
        for name in ("one", "two"):
            Image.new("RGB", (20, 20), (10, 200, 30)).convert(mode).save(folder / f"{name}.png")
    Image.new("L", (20, 20)).save(tmp_path / "b" / "wing" / "two.png")
    return tmp_path / "a", tmp_path / "b"


# Cutting


@pytest.mark.parametrize("squeeze", [True, False])
def test_both_halves_are_cut_alike_and_mirrored_alike(tmp_path, squeeze):
    folder = side_by_side(tmp_path / "p", size=(24, 40))
    jitter = JitterConfig(load=20, crop=16, squeeze=squeeze)
    stream = PairedStream(PairFolder(folder, load=20), jitter, batch=8)
    batch = next(iter(stream))
    assert batch["a"].shape == batch["b"].shape == (8, 3, 16, 16)
    assert batch["a"].dtype == torch.uint8
    # Inverted everywhere, but for what two resizes round.
    rest = batch["a"].int() + batch["b"].int() - 255
    assert rest.abs().float().mean() < 2
    assert batch["a"].float().std() > 10


def test_crops_come_from_everywhere_and_half_are_mirrored():
    random = np.random.default_rng(0)
    cuts = [draw_cut((40, 24), SMALL, random) for _ in range(400)]
    assert {round(c.left * 20) for c in cuts} == {round(c.top * 20) for c in cuts} == set(range(5))
    assert all(round((c.right - c.left) * 20) == 16 for c in cuts)
    assert 150 < sum(c.flip for c in cuts) < 250
    still = JitterConfig(load=20, crop=16, flip=False)
    assert not any(draw_cut((40, 24), still, random).flip for _ in range(50))


def test_the_middle_is_cut_where_nothing_is_random():
    cut = draw_cut((40, 40), JitterConfig(load=20, crop=16, random=False), np.random.default_rng())
    assert (cut.left, cut.top, cut.right, cut.bottom, cut.flip) == (0.1, 0.1, 0.9, 0.9, False)


def test_without_load_pixels_are_taken_as_they_are():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    jitter = JitterConfig(load=None, crop=16, flip=False)
    cut = draw_cut(image.size, jitter, np.random.default_rng(1))
    patch = cut(image, 16).permute(1, 2, 0).numpy()
    top, left = round(cut.top * 40), round(cut.left * 60)
    assert np.array_equal(patch, np.asarray(image)[top : top + 16, left : left + 16])


def test_pictures_smaller_than_the_crop_are_enlarged():
    jitter = JitterConfig(load=None, crop=32)
    cut = draw_cut((10, 20), jitter, np.random.default_rng(0))
    assert cut(Image.new("RGB", (10, 20)), 32).shape == (3, 32, 32)
    assert 0 <= cut.left < cut.right <= 1.0001


# Drawing


def test_each_pass_shows_every_pair_once_in_a_new_order():
    first, second = ([shuffled(n, 7, (0, 1)) for n in range(s, s + 7)] for s in (0, 7))
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second


def test_a_draw_is_a_function_of_seed_and_number(pairs):
    def batch(seed, start):
        stream = PairedStream(PairFolder(pairs, load=20), SMALL, seed=seed, start=start)
        return next(iter(stream))["a"]

    assert torch.equal(batch(0, 3), batch(0, 3))
    assert not torch.equal(batch(0, 3), batch(1, 3))
    whole = PairedStream(PairFolder(pairs, load=20), SMALL, length=5)
    assert torch.equal(list(whole)[3]["a"], batch(0, 3))


def test_the_other_direction_swaps_the_halves(pairs):
    both = [
        next(iter(PairedStream(PairFolder(pairs, load=20), SMALL, swap=swap)))
        for swap in (False, True)
    ]
    assert torch.equal(both[0]["a"], both[1]["b"])
    assert torch.equal(both[0]["b"], both[1]["a"])


def test_two_heaps_are_drawn_independently(tmp_path):
    a, b = one_kind(tmp_path / "a", 3), one_kind(tmp_path / "b", 5, brightness=128)
    stream = UnpairedStream(heap(a, SMALL), heap(b, SMALL), SMALL, length=30)
    batches = list(stream)
    assert all(x["a"].float().mean() < 128 < x["b"].float().mean() for x in batches)
    assert stream.folders()[0].folder == a


# Pairs


def test_two_folders_by_matching_names_of_any_mode(two_folders):
    found = PairFolder(*two_folders, load=20)
    assert len(found) == 2
    assert found.missing == ()
    a, b = found.pair(1)
    assert a.mode == b.mode == "RGB"
    assert a.getpixel((5, 5))[1] > 2 * max(a.getpixel((5, 5))[::2])  # green, as the palette has it
    assert b.getpixel((5, 5)) == (0, 0, 0)


def test_pairs_without_partner_are_listed_and_the_rest_is_used(two_folders, caplog):
    (two_folders[1] / "wing" / "two.png").unlink()
    Image.new("RGB", (20, 20)).save(two_folders[1] / "three.jpg")
    with caplog.at_level(logging.WARNING):
        found = PairFolder(*two_folders)
    assert len(found) == 1
    assert [p.rpartition("/")[2] for p in found.missing] == ["two.png", "three.jpg"]
    assert "2 pictures have no partner of the same name and are left out" in caplog.text
    assert "three.jpg" in caplog.text


def test_folders_with_no_name_in_common_say_how_names_are_compared(tmp_path):
    a, b = one_kind(tmp_path / "a", 1), tmp_path / "b"
    b.mkdir()
    Image.new("RGB", (8, 8)).save(b / "zebra.png")
    with pytest.raises(InputError, match=r"no picture of .* such as 0 and zebra"):
        PairFolder(a, b)


def test_one_name_twice_is_refused(two_folders):
    Image.new("RGB", (20, 20)).save(two_folders[0] / "wing" / "one.jpg")
    with pytest.raises(InputError, match=r"one\.jpg and .*one\.png have one name"):
        PairFolder(*two_folders)


def test_sizes_that_differ_inside_a_pair(two_folders, caplog):
    wing = two_folders[1] / "wing"
    Image.new("RGB", (40, 40)).save(wing / "one.png")  # larger alone: resized
    Image.new("RGB", (20, 30)).save(wing / "two.png")  # another shape: skipped
    found = PairFolder(*two_folders)
    assert [half.size for half in found.pair(0)] == [(20, 20), (20, 20)]
    assert found.pair(1) is None
    (reason,) = found.broken.values()
    assert reason == "differs from its partner in proportions (20x20 and 20x30)"
    assert "two.png is skipped: it differs from its partner" in caplog.text
    batch = next(iter(PairedStream(found, SMALL, batch=4)))
    assert "skipped" in batch


def test_what_cannot_be_halved_is_skipped_and_named(pairs, tmp_path):
    Image.new("RGB", (21, 10)).save(tmp_path / "odd.png")
    (tmp_path / "text.png").write_text("no picture")
    found = PairFolder(tmp_path)
    assert found.pair(0) is found.pair(1) is None
    assert "cannot be halved, being 21 pixels wide" in found.broken.values()
    with pytest.raises(InputError, match="a hundred files in a row could not be read"):
        next(iter(PairedStream(found, SMALL)))


def test_a_heap_of_one_picture_is_warned_of(tmp_path, caplog):
    folder = one_kind(tmp_path / "one", 1)
    with caplog.at_level(logging.WARNING):
        assert isinstance(heap(folder, SMALL), PictureFolder)
    assert "holds one picture: the network will learn that picture by heart" in caplog.text
    other = one_kind(tmp_path / "two", 2)
    stream = UnpairedStream(heap(folder, SMALL), heap(other, SMALL), SMALL)
    assert next(iter(stream))["a"].shape == (1, 3, 16, 16)


# For Lightning


def test_held_pictures_are_the_same_in_every_run(pairs, tmp_path):
    held = side_by_side(tmp_path / "held", 2, seed=9)
    data = [PairedData(str(pairs), valid_a=str(held), jitter=SMALL, workers=0) for _ in range(2)]
    (a, b), (c, _) = (d.held(2) for d in data)
    assert a.shape == (2, 3, 16, 16)
    assert torch.equal(a, c)
    assert 0 <= a.min() <= a.max() <= 1
    assert (a + b - 1).abs().mean() < 0.02
    assert len(list(data[0].val_dataloader())) == 2
    assert PairedData(str(pairs), jitter=SMALL).val_dataloader() == []


def test_unpaired_held_pictures_come_from_their_folders(tmp_path):
    folders = {n: str(one_kind(tmp_path / n, 2, seed=i)) for i, n in enumerate("abcd")}
    with_held = UnpairedData(folders["a"], folders["b"], folders["c"], folders["d"], jitter=SMALL)
    without = UnpairedData(folders["a"], folders["b"], jitter=SMALL)
    assert not torch.equal(with_held.held(1)[0], without.held(1)[0])


def test_what_is_refused(pairs):
    with pytest.raises(InputError, match="load must be at least 256"):
        JitterConfig(load=128)
    with pytest.raises(InputError, match="direction must be one of a2b, b2a"):
        PairedData(str(pairs), direction="ba")
    with pytest.raises(InputError, match=r"there is no folder nowhere"):
        PairedData("nowhere")
    with pytest.raises(InputError, match=r"multiples of 64 .* got 100: give --data.jitter.crop 64"):
        check_crop(JitterConfig(load=128, crop=100), 64, 24)
    with pytest.raises(InputError, match=r"at least 24 pixels .* give --data.jitter.crop 24"):
        check_crop(JitterConfig(load=20, crop=16), 4, 24)
