"""Whatever holds a picture, what is read is upright sRGB in [0, 1]."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageOps

from impasto.errors import ImageError, ImageTooLargeError, InputError, ShapeError
from impasto.images.io import DEFAULT_MAX_PIXELS, Picture, read_picture

SIZES = [(1, 1), (1, 7), (7, 1), (2, 3), (16, 9)]


def levels(picture: Picture) -> np.ndarray:
    """(H, W, 3) uint8."""
    return np.asarray(picture.to_pil().convert("RGB"))


def noise(size, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (*size, channels), dtype=np.uint8)


def packed(image: Image.Image, format: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP", "QOI", "JPEG2000"])
def test_lossless_formats_are_read_to_the_level(size, kind):
    array = noise(size)
    if kind == "GIF":
        array = np.repeat(array[..., :1], 3, axis=2)
        data = packed(Image.fromarray(array[..., 0]), kind)
    elif kind == "WEBP":
        data = packed(Image.fromarray(array), kind, lossless=True)
    else:
        data = packed(Image.fromarray(array), kind)
    picture = read_picture(data)
    assert picture.size == size
    assert picture.pixels.shape == (1, 3, *size)
    assert picture.pixels.dtype == torch.float32
    assert (picture.format, picture.bits, picture.alpha) == (kind, 8, None)
    np.testing.assert_array_equal(levels(picture), array)


@pytest.mark.parametrize("kind", ["JPEG", "AVIF"])
def test_lossy_formats_are_read_like_pillow_reads_them(kind):
    data = packed(Image.fromarray(noise((16, 9))), kind)
    np.testing.assert_array_equal(
        levels(read_picture(data)), np.asarray(Image.open(io.BytesIO(data)))
    )


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(turn, kind):
    array = noise((4, 3))
    exif = Image.Exif()
    exif[0x0112] = turn
    image = Image.fromarray(array)
    options = {"lossless": True} if kind == "WEBP" else {}
    data = packed(image, kind, exif=exif, **options)
    turned = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    picture = read_picture(data)
    assert picture.size == ((4, 3) if turn < 5 else (3, 4))
    np.testing.assert_array_equal(levels(picture), np.asarray(turned))


def test_a_path_a_stream_bytes_and_an_image_give_the_same(tmp_path):
    image = Image.fromarray(noise((5, 4)))
    path = tmp_path / "a.png"
    image.save(path)
    with path.open("rb") as file:
        streamed = read_picture(file)
    for picture in (read_picture(str(path)), streamed, read_picture(path.read_bytes())):
        assert torch.equal(picture.pixels, read_picture(path).pixels)
    assert torch.equal(read_picture(image).pixels, read_picture(path).pixels)
    assert read_picture(streamed) is streamed


def test_arrays_and_tensors_are_read_by_their_type():
    array = noise((5, 4))
    expected = read_picture(Image.fromarray(array)).pixels
    floats = array.astype(np.float64) / 255
    for source in (
        array,
        floats,
        torch.from_numpy(array).permute(2, 0, 1),
        torch.from_numpy(floats).permute(2, 0, 1)[None],
    ):
        torch.testing.assert_close(read_picture(source).pixels, expected)
    deep = read_picture(array.astype(np.uint16) * 257)
    assert deep.bits == 16
    torch.testing.assert_close(deep.pixels, expected)
    grey = read_picture(array[..., 0])
    assert torch.equal(grey.pixels[:, 0], grey.pixels[:, 2])
    with_alpha = read_picture(noise((5, 4), 4))
    assert with_alpha.alpha is not None
    assert with_alpha.alpha.shape == (1, 1, 5, 4)
    assert torch.equal(read_picture(np.eye(3, dtype=bool)).pixels[0, 1], torch.eye(3))


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "PA", "La", "RGBa", "HSV", "YCbCr"])
def test_every_mode_of_pillow_is_read_as_its_own_conversion(mode):
    rgba = Image.fromarray(noise((6, 5), 4))
    if mode == "PA":
        image = rgba.convert("P").convert("PA")
    elif mode in ("La", "RGBa"):
        image = rgba.convert("LA" if mode == "La" else "RGBA").convert(mode)
    elif mode in ("LA", "RGBA"):
        image = rgba.convert(mode)
    else:
        image = rgba.convert("RGB").convert(mode)
    picture = read_picture(image)
    if mode in ("LA", "RGBA", "PA", "La", "RGBa"):
        assert picture.alpha is not None
        straight = {"La": "LA", "RGBa": "RGBA"}.get(mode, mode)
        expected = np.asarray(image.convert(straight).convert("RGBA"))
        np.testing.assert_array_equal(np.asarray(picture.to_pil()), expected)
    else:
        assert picture.alpha is None
        np.testing.assert_array_equal(levels(picture), np.asarray(image.convert("RGB")))


def test_a_palette_with_a_transparent_entry_gives_alpha():
    image = Image.fromarray(np.array([[0, 1]], np.uint8)).convert("P")
    image.putpalette([255, 0, 0, 0, 0, 255])
    for transparency in (1, bytes([255, 0])):
        picture = read_picture(packed(image, "PNG", transparency=transparency))
        assert picture.alpha is not None
        assert picture.alpha.flatten().tolist() == [1, 0]
        np.testing.assert_array_equal(levels(picture), [[[255, 0, 0], [0, 0, 255]]])


def test_a_colour_key_gives_alpha():
    array = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    picture = read_picture(packed(Image.fromarray(array), "PNG", transparency=(4, 5, 6)))
    assert picture.alpha is not None
    assert picture.alpha.flatten().tolist() == [1, 0]


def test_cmyk_is_not_inverted_in_tiff_nor_in_adobes_jpeg():
    image = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # red
    for data in (packed(image, "TIFF"), packed(image, "JPEG", quality=100)):
        assert np.abs(levels(read_picture(data))[0, 0].astype(int) - [255, 0, 0]).max() <= 3


def test_floating_point_tiff_is_read_in_unit_range_and_clipped_with_a_note():
    values = np.array([[0.0, 0.5, 2.0]], np.float32)
    picture = read_picture(packed(Image.fromarray(values), "TIFF"))
    assert picture.pixels[0, 0].tolist() == [[0, 0.5, 1]]
    assert picture.note == "values outside 0 to 1 clipped"


def test_a_colour_profile_is_converted_to_srgb(swapped_profile):
    image = Image.new("RGB", (3, 2), (200, 40, 90))
    for kind in ("PNG", "TIFF", "WEBP"):
        options = {"lossless": True} if kind == "WEBP" else {}
        picture = read_picture(packed(image, kind, icc_profile=swapped_profile, **options))
        assert np.abs(levels(picture).astype(int) - [90, 40, 200]).max() <= 1
        assert picture.note is None


def test_srgb_and_alpha_pass_a_profile_unchanged(swapped_profile):
    rgba = noise((4, 4), 4)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_picture(packed(Image.fromarray(rgba), "PNG", icc_profile=srgb))
    np.testing.assert_array_equal(np.asarray(picture.to_pil()), rgba)
    swapped = read_picture(packed(Image.fromarray(rgba), "PNG", icc_profile=swapped_profile))
    np.testing.assert_array_equal(np.asarray(swapped.to_pil())[..., 3], rgba[..., 3])


def test_lab_is_converted():
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    red = Image.new("RGB", (2, 2), (180, 60, 60))
    image = ImageCms.profileToProfile(red, srgb, lab, outputMode="LAB")
    picture = read_picture(packed(image, "TIFF"))
    assert np.abs(levels(picture).astype(int) - [180, 60, 60]).max() <= 4


@pytest.mark.parametrize("kept", [0, 3, 200])
def test_a_broken_profile_is_ignored_with_a_note(swapped_profile, kept):
    profile = swapped_profile[:kept] + b"not a profile"
    picture = read_picture(packed(Image.fromarray(noise((4, 4))), "PNG", icc_profile=profile))
    np.testing.assert_array_equal(levels(picture), noise((4, 4)))
    assert picture.note is not None
    assert "colour profile ignored" in picture.note


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_read_with_a_note(kind):
    frames = [Image.new("RGB", (4, 3), color) for color in ("red", "blue", "lime")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = packed(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    picture = read_picture(data)
    assert picture.note == f"first of 3 {'pages' if kind == 'TIFF' else 'frames'}"
    assert levels(picture)[0, 0].tolist() == [255, 0, 0]


def test_a_missing_file_names_its_neighbours(tmp_path):
    for name in ("sunset.jpg", "sunsets.png", "other.gif"):
        (tmp_path / name).touch()
    with pytest.raises(
        ImageError, match=r"there is no file .*sunet\.jpg\. Did you mean sunset\.jp"
    ):
        read_picture(tmp_path / "sunet.jpg")
    with pytest.raises(ImageError, match=r"There is no folder .*nowhere either"):
        read_picture(tmp_path / "nowhere" / "a.jpg")


def test_what_is_no_picture_is_called_what_it_is(tmp_path):
    cases = {
        "text.jpg": (b"Dear diary,\n", "is text, not a picture"),
        "page.png": (b"<!DOCTYPE html><html>", "is a web page"),
        "draw.png": (b"<?xml version='1.0'?><svg>", "is an SVG drawing; export it as PNG"),
        "a.pdf": (b"%PDF-1.7\n\x00", "is a PDF"),
        "clip.jpg": (b"\0\0\0\x20ftypisom\0\0\2\0", "is a video"),
        "phone.heic": (b"\0\0\0\x18ftypheic\0\0\0\0", "is HEIC; export it as JPEG"),
        "phone2.heic": (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "is HEIF; export it as JPEG"),
        "rubbish.png": (bytes(range(200)), "is not a picture in a format that can be read"),
        "empty.png": (b"", r"is empty \(0 bytes\)"),
    }
    for name, (data, sentence) in cases.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(ImageError, match=f"{name} {sentence}") as caught:
            read_picture(path)
        assert caught.value.exit_code == 2


def test_a_folder_an_address_and_a_strange_name_are_refused(tmp_path):
    with pytest.raises(ImageError, match="is a folder, not a picture"):
        read_picture(tmp_path)
    with pytest.raises(ImageError, match="is an address, not a file; download it first"):
        read_picture("https://example.org/a.jpg")
    with pytest.raises(ImageError, match="cannot be opened"):
        read_picture("a\0b.png")


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.touch()

    def refuse(*_args, **_options):  # the tests may run as root, whom nothing is refused
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refuse)
    with pytest.raises(ImageError, match=r"cannot be read: permission denied; type: chmod u\+r"):
        read_picture(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "AVIF"])
@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_a_truncated_file_is_refused(kind, share):
    data = packed(Image.fromarray(noise((64, 64))), kind)
    with pytest.raises(ImageError, match=r"the given data is damaged or cut off"):
        read_picture(data[: int(len(data) * share)])


def png_header(width: int, height: int, depth: int = 8) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, depth, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 100)
    idat = b"IDAT" + data
    return (
        b"\x89PNG\r\n\x1a\n"
        + struct.pack(">I", 13)
        + body
        + struct.pack(">I", zlib.crc32(body))
        + struct.pack(">I", len(data))
        + idat
        + struct.pack(">I", zlib.crc32(idat))
        + struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))
    )


@pytest.mark.parametrize("depth", [8, 16])
def test_a_bomb_is_refused_before_it_is_unpacked(depth):
    limit = Image.MAX_IMAGE_PIXELS
    with pytest.raises(
        ImageTooLargeError, match=r"100000x100000 = 10000.0 million pixels"
    ) as caught:
        read_picture(png_header(100_000, 100_000, depth))
    assert "more than the limit of 500.0 million; raise max_pixels" in str(caught.value)
    assert caught.value.http_status == 413
    assert limit == Image.MAX_IMAGE_PIXELS


def test_the_limit_is_the_callers_and_not_pillows():
    assert DEFAULT_MAX_PIXELS == 500_000_000
    data = packed(Image.fromarray(noise((4, 5))), "PNG")
    assert read_picture(data, max_pixels=20).size == (4, 5)
    with pytest.raises(ImageTooLargeError, match="5x4"):
        read_picture(data, max_pixels=19)
    with pytest.raises(ImageTooLargeError):
        read_picture(Image.fromarray(noise((4, 5))), max_pixels=19)
    # 300 million pixels: Pillow's own limit would refuse them before ours is asked.
    with pytest.raises(ImageError, match="damaged or cut off"):
        read_picture(png_header(30_000, 10_000), max_pixels=None)


def test_a_picture_of_no_pixels_is_refused():
    with pytest.raises(ImageError, match="has no pixels"):
        read_picture(png_header(0, 4, 16))


def test_arrays_and_tensors_of_the_wrong_kind_say_what_is_wanted():
    with pytest.raises(ShapeError, match=r"array must be \(H, W\) or \(H, W, 1 to 4\), got \(2,"):
        read_picture(np.zeros((2, 3, 5), np.uint8))
    with pytest.raises(InputError, match=r"array must be uint8, uint16 or floating .* got int64"):
        read_picture(np.zeros((2, 3), np.int64))
    with pytest.raises(InputError, match=r"values in .0, 1., got 0 to 255; divide by 255"):
        read_picture(np.array([[0.0, 255.0]]))
    with pytest.raises(InputError, match="got nan"):
        read_picture(torch.full((3, 2, 2), float("nan")))
    with pytest.raises(ShapeError, match=r"tensor must be \(C, H, W\)"):
        read_picture(torch.zeros(2, 3, 4, 4))
    with pytest.raises(InputError, match=r"floating point or uint8; got torch.int64"):
        read_picture(torch.zeros(3, 4, 4, dtype=torch.long))
    with pytest.raises(InputError, match=r"read from a path, bytes, .* got list"):
        read_picture([1, 2])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="open as text; open it with mode 'rb'"):
        read_picture(io.StringIO("text"))  # type: ignore[arg-type]


def test_replacing_pixels_keeps_alpha_and_refuses_another_size():
    picture = read_picture(noise((4, 5), 4))
    replaced = picture.replace_pixels(torch.zeros(1, 3, 4, 5))
    assert replaced.alpha is picture.alpha
    assert not replaced.pixels.any()
    with pytest.raises(ShapeError, match="must be 4 high and 5 wide"):
        picture.replace_pixels(torch.zeros(1, 3, 8, 5))
