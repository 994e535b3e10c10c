"""What is written is rounded, whole, and where it was asked for; or there is nothing."""

import errno
import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.errors import InputError, OutputError, ShapeError
from impasto.images.formats import find_pictures, is_picture_path
from impasto.images.io import read_picture, write_picture


def ramp(height=6, width=5):
    """(1, 3, H, W) of exact levels of 8 bits."""
    values = torch.arange(3 * height * width) * 7 % 256
    return values.view(1, 3, height, width) / 255


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 3), (33, 20)])
@pytest.mark.parametrize("suffix", ["png", "tif", "tiff", "bmp"])
def test_lossless_formats_give_back_every_level(tmp_path, size, suffix):
    write_picture(ramp(*size), tmp_path / f"a.{suffix}")
    assert torch.equal(read_picture(tmp_path / f"a.{suffix}").pixels, ramp(*size))


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "webp", "avif", "gif"])
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 1), (2, 3)])
def test_lossy_formats_keep_size_and_about_the_colour(tmp_path, suffix, size):
    write_picture(torch.full((3, *size), 0.5), tmp_path / f"a.{suffix}")
    picture = read_picture(tmp_path / f"a.{suffix}")
    assert picture.size == size
    torch.testing.assert_close(picture.pixels, torch.full((1, 3, *size), 0.5), rtol=0, atol=0.02)


def test_webp_at_quality_100_is_lossless(tmp_path):
    write_picture(ramp(), tmp_path / "a.webp", quality=100)
    assert torch.equal(read_picture(tmp_path / "a.webp").pixels, ramp())


@pytest.mark.parametrize("suffix", ["png", "tif", "webp", "avif"])
def test_alpha_is_given_back(tmp_path, suffix):
    array = np.zeros((4, 4, 4), np.uint8)
    array[:2, :, 3], array[..., 0] = 255, 200
    read_picture(array).save(tmp_path / f"a.{suffix}", quality=100)
    alpha = read_picture(tmp_path / f"a.{suffix}").alpha
    assert alpha is not None
    torch.testing.assert_close(alpha[0, 0, :, 0], torch.tensor([1.0, 1, 0, 0]), rtol=0, atol=0.01)


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "gif"])
def test_where_alpha_cannot_be_kept_the_picture_is_laid_on_white(tmp_path, suffix):
    array = np.zeros((8, 8, 4), np.uint8)
    read_picture(array).save(tmp_path / f"a.{suffix}")
    assert read_picture(tmp_path / f"a.{suffix}").pixels.min() > 0.99


def test_values_are_rounded_to_the_nearest_level_and_clamped():
    pixels = torch.tensor([-1.0, 0.4 / 255, 0.6 / 255, 254.4 / 255, 2.0])
    stream = io.BytesIO()
    write_picture(pixels.view(1, 1, 5).expand(3, -1, -1), stream, format="png")
    written = np.asarray(Image.open(stream))[0, :, 0]
    assert written.tolist() == [0, 0, 1, 254, 255]


def test_half_precision_and_gradients_are_written():
    pixels = torch.rand(1, 3, 4, 4, dtype=torch.bfloat16).requires_grad_()
    stream = io.BytesIO()
    write_picture(pixels, stream, format=".PNG")
    assert read_picture(stream.getvalue()).size == (4, 4)


def test_png_is_tagged_as_srgb(tmp_path):
    for bits in (8, 16):
        write_picture(ramp(), tmp_path / "a.png", bits=bits)
        assert b"sRGB" in (tmp_path / "a.png").read_bytes()[:64]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_not_written(tmp_path, value):
    pixels = ramp()
    pixels[0, 1, 2, 3] = value
    with pytest.raises(InputError, match="values that are not numbers"):
        write_picture(pixels, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_an_unknown_ending_lists_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"the ending of .*a\.xyz is none .* \.png, \.jpg, \.jpeg"):
        write_picture(ramp(), tmp_path / "a.xyz")
    with pytest.raises(InputError, match="format 'psd' is none that can be written"):
        write_picture(ramp(), tmp_path / "a.png", format="psd")
    with pytest.raises(InputError, match="a stream has no name that tells its format"):
        write_picture(ramp(), io.BytesIO())


def test_settings_out_of_range_are_refused(tmp_path):
    with pytest.raises(InputError, match="quality must be at least 1 and at most 100; got 0"):
        write_picture(ramp(), tmp_path / "a.jpg", quality=0)
    with pytest.raises(
        InputError, match=r"bits must be 8, or 16 for .png and .tif; got 16 for .jpg"
    ):
        write_picture(ramp(), tmp_path / "a.jpg", bits=16)
    with pytest.raises(InputError, match="got 12"):
        write_picture(ramp(), tmp_path / "a.png", bits=12)
    with pytest.raises(ShapeError, match="pixels must be"):
        write_picture(torch.zeros(2, 3, 4, 4), tmp_path / "a.png")
    with pytest.raises(ShapeError, match="at least one row"):
        write_picture(torch.zeros(3, 0, 4), tmp_path / "a.png")


def test_a_side_longer_than_the_format_holds_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"WEBP holds at most 16383 pixels .* 20000x1; use .png"):
        write_picture(torch.zeros(3, 1, 20_000), tmp_path / "a.webp")


def test_missing_folders_are_made_and_files_replaced(tmp_path):
    path = tmp_path / "deep" / "er" / "a.png"
    write_picture(ramp(), path)
    write_picture(ramp(2, 2), path)
    assert read_picture(path).size == (2, 2)
    with pytest.raises(OutputError, match="exists already; choose another name or allow --over"):
        write_picture(ramp(), path, overwrite=False)
    assert read_picture(path).size == (2, 2)
    assert os.listdir(path.parent) == ["a.png"]


def test_a_folder_as_destination_is_refused(tmp_path):
    (tmp_path / "out.png").mkdir()
    with pytest.raises(OutputError, match=r"out\.png is a folder; give a file name inside it"):
        write_picture(ramp(), tmp_path / "out.png")


def test_a_file_on_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="a part of its folder is a file"):
        write_picture(ramp(), tmp_path / "file" / "deep" / "a.png")


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "no space is left on that disk; free some"),
        (errno.EACCES, "the permission is missing; choose a folder you may write to"),
        (errno.EROFS, "that disk is read-only"),
        (errno.EIO, "input/output error"),
    ],
)
@pytest.mark.parametrize("where", ["os.fsync", "os.replace", "pathlib.Path.open"])
def test_a_failure_while_writing_leaves_nothing_and_the_old_file(
    tmp_path, monkeypatch, number, sentence, where
):
    path = tmp_path / "a.png"
    write_picture(ramp(), path)
    before = path.read_bytes()

    def fail(*_args, **_options):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(where, fail)
    with pytest.raises(OutputError, match=f"cannot be written: {sentence}") as caught:
        write_picture(ramp(3, 3), path)
    monkeypatch.undo()
    assert caught.value.exit_code == 5
    assert os.listdir(tmp_path) == ["a.png"]
    assert path.read_bytes() == before


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_args):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", stop)
    with pytest.raises(KeyboardInterrupt):
        write_picture(ramp(), tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


def test_a_failing_encoder_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_args, **_options):
        raise OSError("encoder error -2")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OutputError, match=r"cannot be written as JPEG \(encoder error -2\)"):
        write_picture(ramp(), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_a_broken_stream_is_an_output_error():
    stream = io.BytesIO()
    stream.close()
    with pytest.raises(OutputError, match="the stream cannot be written"):
        write_picture(ramp(), stream, format="png")


def test_a_link_is_followed_and_a_device_is_not_replaced(tmp_path):
    write_picture(ramp(), tmp_path / "real.png")
    (tmp_path / "link.png").symlink_to("real.png")
    write_picture(ramp(2, 2), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert read_picture(tmp_path / "real.png").size == (2, 2)
    write_picture(ramp(), Path("/dev/null"), format="png")
    assert Path("/dev/null").is_char_device()


def test_the_umask_decides_who_may_read_the_result(tmp_path):
    old = os.umask(0o027)
    try:
        write_picture(ramp(), tmp_path / "a.png")
    finally:
        os.umask(old)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o640


def test_pictures_in_a_folder_are_found_sorted_without_hidden_ones(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.png", "sub/c.webp", ".git/d.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "sub" / "ring").symlink_to(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in find_pictures(tmp_path)]
    assert found == ["a.png", "b.JPG", "sub/c.webp"]
    assert len(find_pictures(tmp_path, recursive=False)) == 2
    assert is_picture_path("x.TIFF")
    assert not is_picture_path("x.mp4")


def test_a_folder_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.png").touch()
    with pytest.raises(InputError, match="there is no folder"):
        find_pictures(tmp_path / "nowhere")
    with pytest.raises(InputError, match="is a file, not a folder"):
        find_pictures(tmp_path / "a.png")
