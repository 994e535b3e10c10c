"""Sixteen bits in, the same sixteen bits out."""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from impasto.errors import ImageError, ImageTooLargeError
from impasto.images.io import read_picture, write_picture
from impasto.images.png16 import write_png16
from impasto.images.profiles import deep_to_srgb, parse_profile
from impasto.images.tiff16 import write_tiff

SIZES = [(1, 1), (1, 7), (7, 1), (2, 3), (19, 23)]


def deep_noise(size, channels, seed=0):
    return np.random.default_rng(seed).integers(0, 65536, (*size, channels), dtype=np.uint16)


def read_levels(source) -> np.ndarray:
    """(H, W, 3 or 4) uint16."""
    picture = read_picture(source)
    assert picture.bits == 16
    whole = picture.pixels
    if picture.alpha is not None:
        whole = torch.cat([whole, picture.alpha], dim=1)
    return (whole[0].permute(1, 2, 0) * 65535 + 0.5).to(torch.int32).numpy()


def as_rgb(samples):
    """What reading is to give: grey threefold, alpha last."""
    channels = samples.shape[2]
    colors = samples[..., : channels - (channels in (2, 4))]
    if colors.shape[2] == 1:
        colors = colors.repeat(3, axis=2)
    return np.concatenate([colors, samples[..., -1:]], 2) if channels in (2, 4) else colors


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def filtered(lines, kinds):
    """PNG's line filters, byte by byte as the specification writes them. lines: (H, W, bytes)."""
    height, width, depth = lines.shape
    rows = []
    for y in range(height):
        row = bytearray([kinds[y]])
        for x in range(width):
            for i in range(depth):
                a = int(lines[y, x - 1, i]) if x else 0
                b = int(lines[y - 1, x, i]) if y else 0
                c = int(lines[y - 1, x - 1, i]) if x and y else 0
                p = a + b - c
                paeth = min((abs(p - v), order, v) for order, v in enumerate((a, b, c)))[2]
                guess = (0, a, b, (a + b) // 2, paeth)[kinds[y]]
                row.append((int(lines[y, x, i]) - guess) % 256)
        rows.append(bytes(row))
    return b"".join(rows)


def png16(samples, kinds, *, passes=None, extra=b""):
    height, width, channels = samples.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    parts = [samples] if passes is None else passes
    raw = b"".join(
        filtered(
            np.ascontiguousarray(part.astype(">u2")).view(np.uint8).reshape(*part.shape[:2], -1),
            [kinds[row % len(kinds)] for row in range(part.shape[0])],
        )
        for part in parts
        if part.size
    )
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, int(passes is not None))
    data = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(raw))
    return b"\x89PNG\r\n\x1a\n" + data + chunk(b"IEND", b"")


@pytest.mark.parametrize("kinds", [(0,), (1,), (2,), (3,), (4,), (2, 1, 0), (4, 0, 3, 1, 2)])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_line_filter_of_png_is_undone(kinds, size, channels):
    samples = deep_noise(size, channels)
    np.testing.assert_array_equal(read_levels(png16(samples, kinds)), as_rgb(samples))


@pytest.mark.parametrize("size", [*SIZES, (3, 5), (8, 8), (9, 4)])
def test_interlaced_png_is_read(size):
    samples = deep_noise(size, 3)
    starts = ((0, 0), (0, 4), (4, 0), (0, 2), (2, 0), (0, 1), (1, 0))
    steps = ((8, 8), (8, 8), (8, 4), (4, 4), (4, 2), (2, 2), (2, 1))
    passes = [samples[t::d, s::r] for (t, s), (d, r) in zip(starts, steps, strict=True)]
    data = png16(samples, (4, 1, 3), passes=passes)
    np.testing.assert_array_equal(read_levels(data), samples)
    eight = np.asarray(Image.open(io.BytesIO(data)))  # the test's own file is as Pillow reads it
    np.testing.assert_array_equal(eight, samples >> 8)


def test_a_colour_key_of_png16_gives_alpha():
    samples = deep_noise((3, 4), 3)
    key = chunk(b"tRNS", samples[1, 2].astype(">u2").tobytes())
    alpha = read_picture(png16(samples, (1,), extra=key)).alpha
    assert alpha is not None
    assert (alpha == 0).nonzero().tolist() == [[0, 0, 1, 2]]


@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_of_deep_pictures_is_applied(turn):
    samples = deep_noise((4, 3), 3)
    exif = Image.Exif()
    exif[0x0112] = turn
    plain = Image.fromarray((samples >> 8).astype(np.uint8))
    buffer = io.BytesIO()
    plain.save(buffer, "PNG", exif=exif)
    expected = read_picture(buffer.getvalue())
    block = chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0"))
    found = read_levels(png16(samples, (0,), extra=block))
    np.testing.assert_array_equal(found >> 8, np.asarray(expected.to_pil()))


def test_an_animated_png16_says_so():
    data = png16(deep_noise((2, 2), 3), (0,), extra=chunk(b"acTL", struct.pack(">II", 12, 0)))
    assert read_picture(data).note == "first of 12 frames"


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_as_png16_pillow_reads_to_its_eight_bits(size, channels):
    samples = deep_noise(size, channels)
    data = write_png16(samples)
    np.testing.assert_array_equal(read_levels(data), as_rgb(samples))
    image = Image.open(io.BytesIO(data))
    if channels == 1:
        np.testing.assert_array_equal(np.asarray(image), samples[..., 0])
    elif channels > 2:
        np.testing.assert_array_equal(np.asarray(image), samples >> 8)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("size", SIZES)
def test_sixteen_bits_make_the_round_trip(tmp_path, suffix, channels, size):
    samples = deep_noise(size, channels)
    read_picture(samples).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read_levels(tmp_path / f"a.{suffix}"), samples)
    again = read_picture(tmp_path / f"a.{suffix}")
    again.save(tmp_path / f"b.{suffix}")
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_a_large_png16_has_several_parts_of_pixels(monkeypatch):
    monkeypatch.setattr("impasto.images.png16._LONGEST", 100)
    samples = deep_noise((9, 9), 3)
    data = write_png16(samples)
    assert data.count(b"IDAT") > 3
    np.testing.assert_array_equal(read_levels(data), samples)


def test_bits_can_be_chosen(tmp_path):
    picture = read_picture(deep_noise((3, 3), 3))
    write_picture(picture, tmp_path / "a.png", bits=8)
    assert read_picture(tmp_path / "a.png").bits == 8
    write_picture(picture.pixels, tmp_path / "b.png", bits=16)
    assert read_picture(tmp_path / "b.png").bits == 16
    picture.save(tmp_path / "c.jpg")
    assert read_picture(tmp_path / "c.jpg").bits == 8


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_deep_grey_of_pillow_keeps_its_bits(kind):
    samples = deep_noise((5, 4), 1)
    buffer = io.BytesIO()
    Image.fromarray(samples[..., 0]).save(buffer, "PNG" if kind == "png" else "TIFF")
    np.testing.assert_array_equal(read_levels(buffer.getvalue()), as_rgb(samples))
    np.testing.assert_array_equal(read_levels(Image.open(buffer)), as_rgb(samples))


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "zlib"},
        {"compression": "zlib", "predictor": True},
        {"rowsperstrip": 5},
        {"tile": (16, 16)},
        {"tile": (16, 16), "compression": "zlib", "predictor": True},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "compression": "zlib", "predictor": True, "rowsperstrip": 4},
    ],
    ids=str,
)
def test_tiff_of_other_writers_is_read(channels, order, options):
    tifffile = pytest.importorskip("tifffile", reason="tifffile comes with scikit-image")
    samples = deep_noise((19, 23), channels)
    separate = options.get("planarconfig") == "separate"
    if separate and channels == 1:
        pytest.skip("one channel has one plane")
    array = samples.transpose(2, 0, 1) if separate else samples.squeeze()
    options = options | ({"extrasamples": ["unassalpha"]} if channels == 4 else {})
    buffer = io.BytesIO()
    kind = "rgb" if channels > 2 else "minisblack"
    tifffile.imwrite(buffer, array, photometric=kind, byteorder=order, **options)
    np.testing.assert_array_equal(read_levels(buffer.getvalue()), as_rgb(samples))


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_other_readers_read_our_tiff(channels, dtype):
    tifffile = pytest.importorskip("tifffile", reason="tifffile comes with scikit-image")
    samples = deep_noise((300, 701), channels).astype(dtype)
    data = write_tiff(samples)
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(data)), samples.squeeze())
    if dtype == np.uint8:
        np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(data))), samples.squeeze())


def test_lzw_tiff_is_read():
    """The trick by which RGB of 16 bits is unpacked as grey works for libtiff's own codecs."""
    samples = deep_noise((9, 8), 3)
    grey = Image.fromarray(samples.reshape(9, 24))
    buffer = io.BytesIO()
    grey.save(buffer, "TIFF", compression="tiff_lzw")
    # The same strips under a directory that says RGB.
    data = bytearray(buffer.getvalue())
    (start,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, start)
    entries = [bytes(data[start + 2 + 12 * i : start + 14 + 12 * i]) for i in range(count)]
    tags = {struct.unpack_from("<H", entry)[0]: entry for entry in entries}
    tags[256] = struct.pack("<HHII", 256, 4, 1, 8)
    tags[262] = struct.pack("<HHII", 262, 3, 1, 2)
    tags[277] = struct.pack("<HHII", 277, 3, 1, 3)
    end = len(data) + len(data) % 2
    data += b"\0" * (len(data) % 2)
    bits_at = end + 2 + 12 * len(tags) + 4
    tags[258] = struct.pack("<HHII", 258, 3, 3, bits_at)
    body = b"".join(tags[tag] for tag in sorted(tags))
    data += struct.pack("<H", len(tags)) + body + struct.pack("<I", 0)
    data += struct.pack("<HHH", 16, 16, 16)
    data[4:8] = struct.pack("<I", end)
    np.testing.assert_array_equal(read_levels(bytes(data)), samples)


def test_premultiplied_alpha_is_made_straight():
    tifffile = pytest.importorskip("tifffile", reason="tifffile comes with scikit-image")
    samples = np.full((2, 2, 4), 32768, np.uint16)
    samples[..., 0] = 16384
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, samples, photometric="rgb", extrasamples=["assocalpha"])
    found = read_levels(buffer.getvalue())[0, 0]
    assert np.abs(found - [32768, 65535, 65535, 32768]).max() <= 1


def test_a_tiff_of_several_pages_says_so():
    tifffile = pytest.importorskip("tifffile", reason="tifffile comes with scikit-image")
    buffer = io.BytesIO()
    pages = np.stack([deep_noise((4, 5), 3, seed) for seed in range(3)])
    tifffile.imwrite(buffer, pages, photometric="rgb")
    assert read_picture(buffer.getvalue()).note == "first of 3 pages"
    np.testing.assert_array_equal(read_levels(buffer.getvalue()), pages[0])


def test_damaged_deep_files_are_refused():
    samples = deep_noise((16, 16), 3)
    for data in (write_png16(samples), write_tiff(samples)):
        for share in (0.1, 0.5, 0.95):
            with pytest.raises(ImageError, match="damaged or cut off"):
                read_picture(data[: int(len(data) * share)])
    png = bytearray(write_png16(samples))
    png[200] ^= 255
    with pytest.raises(ImageError, match="the checksum of its IDAT part is wrong"):
        read_picture(bytes(png))
    lines = png16(samples[:1], (0,))
    pixels = chunk(b"IDAT", zlib.compress(b"\x09" + bytes(16 * 6)))
    with pytest.raises(ImageError, match="there is no line filter 9"):
        read_picture(lines[: lines.index(b"IDAT") - 4] + pixels + chunk(b"IEND", b""))


def test_a_deep_tiff_beyond_the_limit_is_refused():
    with pytest.raises(ImageTooLargeError, match="16x16"):
        read_picture(write_tiff(deep_noise((16, 16), 3)), max_pixels=255)


def test_a_profile_is_applied_to_sixteen_bits_as_littlecms_does_to_eight(swapped_profile):
    icc = swapped_profile
    profile = parse_profile(icc)
    assert profile is not None
    assert not profile.is_srgb()
    eight = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    deep = eight.astype(np.uint16) * 257
    extra = chunk(b"iCCP", b"test\0\0" + zlib.compress(icc))
    found = read_levels(png16(deep, (0,), extra=extra)) / 257
    buffer = io.BytesIO()
    Image.fromarray(eight).save(buffer, "PNG", icc_profile=icc)
    expected = np.asarray(read_picture(buffer.getvalue()).to_pil()).astype(float)
    assert np.abs(found - expected).max() < 1.5
    assert len(np.unique(found)) > 256  # the bits below the eighth are alive


def test_srgb_itself_changes_nothing_and_a_broken_profile_is_noted():
    samples = deep_noise((4, 4), 3)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = parse_profile(srgb)
    assert profile is not None
    assert profile.is_srgb()
    extra = chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(srgb))
    np.testing.assert_array_equal(read_levels(png16(samples, (0,), extra=extra)), samples)
    broken = read_picture(png16(samples, (0,), extra=chunk(b"iCCP", b"x\0\0rubbish")))
    assert broken.note is not None
    assert "colour profile ignored" in broken.note


def test_gamma_and_grey_profiles_are_computed():
    def profile(space, tags):
        table, body = b"", b""
        for name, data in tags.items():
            start = 132 + 12 * len(tags) + len(body)
            table += struct.pack(">4sII", name, start, len(data))
            body += data
        head = bytearray(128)
        head[16:20], head[20:24], head[36:40] = space, b"XYZ ", b"acsp"
        return bytes(head) + struct.pack(">I", len(tags)) + table + body

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 256)  # gamma 1: linear light
    grey = parse_profile(profile(b"GRAY", {b"kTRC": curve}))
    assert grey is not None
    half = deep_to_srgb(np.full((1, 1, 1), 32768, np.uint16), grey)
    assert half is not None
    assert abs(float(half[0, 0, 0]) - 0.7354) < 1e-3  # sRGB's code of half the light
    assert deep_to_srgb(np.zeros((1, 1, 3), np.uint16), grey) is None
    sloped = struct.pack(">H2x7i", 4, *(round(v * 65536) for v in (2, 1, 0, 0.5, 0.1, 0, 0)))
    para = parse_profile(profile(b"GRAY", {b"kTRC": b"para" + bytes(4) + sloped}))
    assert para is not None
    assert abs(float(para.curves[0][32768]) - 0.25) < 1e-3
    assert abs(float(para.curves[0][3277]) - 0.025) < 1e-3
    assert parse_profile(profile(b"GRAY", {})) is None
