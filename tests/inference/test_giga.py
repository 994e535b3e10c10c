"""Pictures larger than memory: the file that comes out is that of the picture painted whole."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

import impasto
from impasto.errors import ImageError, InputError, MissingExtraError, OutputError
from impasto.images import giga
from impasto.images.samples import synthetic_photo
from impasto.images.strips import Unfinished
from impasto.inference.giga import paint_file
from impasto.inference.many import must_stream
from impasto.inference.plan import Job
from impasto.inference.settings import StylizeConfig

pyvips = pytest.importorskip("pyvips", reason="the extra giga is not installed")

SIZE = (70, 90)
STYLE = synthetic_photo((40, 48), seed=2).pixels.flip(1)
TILES = StylizeConfig(tile="32")


def photo(path: Path, channels: int = 3, bits: int = 8, **options) -> Path:
    """A picture file; by libvips, which writes what Pillow cannot."""
    pixels = synthetic_photo(SIZE, seed=1).pixels[0].permute(1, 2, 0).numpy()
    if channels == 4:
        ramp = np.linspace(0, 1, SIZE[1], dtype=np.float32)[None, :, None]
        pixels = np.concatenate([pixels, np.broadcast_to(ramp, (*SIZE, 1))], axis=2)
    elif channels == 1:
        pixels = pixels[..., :1]
    kind = np.uint8 if bits == 8 else np.uint16
    levels = np.ascontiguousarray((pixels * (2**bits - 1)).astype(kind))
    image = pyvips.Image.new_from_array(levels)
    mode = {1: "b-w", 3: "srgb", 4: "srgb"} if bits == 8 else {1: "grey16", 3: "rgb16", 4: "rgb16"}
    image.copy(interpretation=mode[channels], xres=11.811, yres=11.811).write_to_file(
        str(path), **options
    )
    return path


def levels_of(path: Path) -> np.ndarray:
    return pyvips.Image.new_from_file(str(path)).numpy().astype(np.int64)


def painted_whole(painter, path: Path, **settings) -> np.ndarray:
    whole = painter.stylize(path, STYLE, tile="off", **settings)
    parts = [whole.pixels] if whole.alpha is None else [whole.pixels, whole.alpha]
    most = 2**whole.bits - 1
    return torch.cat(parts, 1)[0].permute(1, 2, 0).mul(most).add(0.5).long().numpy()


# What comes out


@pytest.mark.parametrize(
    ("name", "channels", "bits"),
    [("a.tif", 3, 8), ("a.tif", 4, 16), ("a.png", 4, 8), ("a.png", 3, 16), ("a.tif", 1, 8)],
)
def test_the_file_is_that_of_the_picture_painted_whole(
    tiny_painter, tmp_path, name, channels, bits
):
    source = photo(tmp_path / f"in-{name}", channels, bits)
    size = paint_file(tiny_painter, source, tmp_path / name, style=STYLE, config=TILES)
    assert size == SIZE
    found, wanted = levels_of(tmp_path / name), painted_whole(tiny_painter, source)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= (1 if bits == 8 else 8)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([name, source.name])


@pytest.mark.parametrize("mode", ["luma", "coral", "histogram"])
def test_colours_are_kept_as_in_memory(tiny_painter, tmp_path, mode):
    source = photo(tmp_path / "in.png")
    config = StylizeConfig(tile="32", keep_color=mode)
    paint_file(tiny_painter, source, tmp_path / "a.png", style=STYLE, config=config)
    wanted = painted_whole(tiny_painter, source, keep_color=mode)
    # Two pixels of nearly the same level may change places in a histogram of 6,300.
    assert np.abs(levels_of(tmp_path / "a.png") - wanted).max() <= 3


def test_masks_rule_as_in_memory(tiny_painter, tmp_path):
    source = photo(tmp_path / "in.png")
    mask = np.zeros((5, 7), np.uint8)
    mask[:, 3:] = 255
    paint_file(tiny_painter, source, tmp_path / "a.png", style=STYLE, mask=mask, config=TILES)
    whole = tiny_painter.stylize(source, STYLE, mask=mask)
    wanted = whole.pixels[0].permute(1, 2, 0).mul(255).add(0.5).long().numpy()
    assert np.abs(levels_of(tmp_path / "a.png") - wanted).max() <= 1


def test_alpha_zero_gives_the_very_levels(tiny_painter, tmp_path):
    source = photo(tmp_path / "in.png", 4, 16)
    config = StylizeConfig(alpha=0)
    paint_file(tiny_painter, source, tmp_path / "a.png", style=STYLE, config=config)
    assert np.array_equal(levels_of(tmp_path / "a.png"), levels_of(source))


def test_jpeg_has_no_alpha_and_eight_bits(tiny_painter, tmp_path):
    source = photo(tmp_path / "in.tif", 4, 16)
    paint_file(tiny_painter, source, tmp_path / "a.jpg", style=STYLE, config=TILES)
    with Image.open(tmp_path / "a.jpg") as image:
        assert (image.mode, image.size) == ("RGB", SIZE[::-1])


def test_deep_zoom_has_its_page_and_its_tiles(tiny_painter, tmp_path):
    source = photo(tmp_path / "in.png")
    for _ in range(2):  # the second replaces the first
        paint_file(
            tiny_painter, source, tmp_path / "a.dzi", style=STYLE, config=TILES, overwrite=True
        )
    assert 'Width="90"' in (tmp_path / "a.dzi").read_text()
    assert len(list((tmp_path / "a_files").glob("*/0_0.jpg"))) == 8  # 1 to 128 pixels
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.dzi", "a_files", "in.png"]


def test_a_pyramid_holds_smaller_sizes(tiny_painter, tmp_path):
    pyvips.Image.black(600, 520, bands=3).copy(interpretation="srgb").write_to_file(
        str(tmp_path / "in.png")
    )
    paint_file(
        tiny_painter,
        tmp_path / "in.png",
        tmp_path / "a.tif",
        style=STYLE,
        config=StylizeConfig(tile="512"),
        pyramid=True,
    )
    with Image.open(tmp_path / "a.tif") as image:
        sizes = []
        for page in range(image.n_frames):
            image.seek(page)
            sizes.append(image.size)
    assert sizes[:2] == [(600, 520), (300, 260)]


def test_profile_and_resolution_are_kept(tiny_painter, tmp_path):
    photo(tmp_path / "plain.tif")
    image = pyvips.Image.new_from_file(str(tmp_path / "plain.tif"))
    image.icc_transform("p3", input_profile="srgb").write_to_file(str(tmp_path / "in.tif"))
    paint_file(tiny_painter, tmp_path / "in.tif", tmp_path / "a.tif", style=STYLE, config=TILES)
    painted = pyvips.Image.new_from_file(str(tmp_path / "a.tif"))
    source = pyvips.Image.new_from_file(str(tmp_path / "in.tif"))
    assert painted.get("icc-profile-data") == source.get("icc-profile-data")
    assert painted.xres == pytest.approx(11.811, rel=1e-3)
    seen = painted.icc_transform("srgb", embedded=True).numpy().astype(int)
    wanted = painted_whole(tiny_painter, tmp_path / "in.tif")
    assert np.abs(seen - wanted).mean() < 2  # there and back through 8 bits


def test_an_srgb_profile_is_kept_as_it_is(tiny_painter, tmp_path):
    photo(tmp_path / "plain.png")
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(tmp_path / "plain.png") as image:
        image.save(tmp_path / "in.png", icc_profile=icc, dpi=(300, 300))
    paint_file(tiny_painter, tmp_path / "in.png", tmp_path / "a.png", style=STYLE, config=TILES)
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["icc_profile"] == icc
        assert image.info["dpi"] == pytest.approx((300, 300), rel=1e-3)


def test_a_turned_photograph_comes_out_upright(tiny_painter, tmp_path):
    photo(tmp_path / "plain.jpg")
    with Image.open(tmp_path / "plain.jpg") as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(tmp_path / "in.jpg", exif=exif, quality=95)
    size = paint_file(
        tiny_painter, tmp_path / "in.jpg", tmp_path / "a.png", style=STYLE, config=TILES
    )
    assert size == SIZE[::-1]
    wanted = painted_whole(tiny_painter, tmp_path / "in.jpg")
    assert np.abs(levels_of(tmp_path / "a.png") - wanted).max() <= 3


def test_progress_counts_tiles_of_both_passes(tiny_painter, tmp_path):
    seen = []
    source = photo(tmp_path / "in.png")
    paint_file(
        tiny_painter,
        source,
        tmp_path / "a.png",
        style=STYLE,
        config=TILES,
        on_tile=lambda done, total: seen.append((done, total)),
    )
    total = seen[-1][1]
    assert seen == [(done, total) for done in range(1, total + 1)]


# Interrupted


def stopped_after(monkeypatch, strips: int):
    """Let the disk be full after some strips."""
    write = Unfinished.write

    def full(self, top, left, samples):
        write(self, top, left, samples)
        tops.add(top)
        if len(tops) > strips:  # in the middle of the next one
            raise self._refusal(OSError(errno.ENOSPC, "no space"))

    tops = set()
    monkeypatch.setattr(Unfinished, "write", full)


@pytest.mark.parametrize("mode", ["none", "histogram"])
def test_a_full_disk_is_a_sentence_and_resume_goes_on(tiny_painter, tmp_path, monkeypatch, mode):
    source, target = photo(tmp_path / "in.png"), tmp_path / "a.png"
    config = StylizeConfig(tile="32", keep_color=mode)
    with monkeypatch.context() as patch:
        stopped_after(patch, 1)
        with pytest.raises(OutputError, match=r"no space is left on that disk.*--resume"):
            paint_file(tiny_painter, source, target, style=STYLE, config=config)
    assert not target.exists()
    state = json.loads((tmp_path / ".a.png.part" / "state.json").read_text())
    assert 0 < state["rows"] < SIZE[0]
    seen = []
    paint_file(
        tiny_painter,
        source,
        target,
        style=STYLE,
        config=config,
        resume=True,
        on_tile=lambda done, total: seen.append((done, total)),
    )
    # Four tiles a strip, three strips, twice: neither the survey nor the first strip is done again.
    assert seen == [(done, 24) for done in range(17, 25)]
    paint_file(tiny_painter, source, tmp_path / "b.png", style=STYLE, config=config)
    assert target.read_bytes() == (tmp_path / "b.png").read_bytes()
    assert not (tmp_path / ".a.png.part").exists()


def test_resume_of_another_painting_is_refused(tiny_painter, tmp_path, monkeypatch):
    source, target = photo(tmp_path / "in.png"), tmp_path / "a.png"
    with monkeypatch.context() as patch:
        stopped_after(patch, 1)
        with pytest.raises(OutputError):
            paint_file(tiny_painter, source, target, style=STYLE, config=TILES)
    other = StylizeConfig(tile="32", seed=5)
    with pytest.raises(InputError, match="of another picture, style or setting"):
        paint_file(tiny_painter, source, target, style=STYLE, config=other, resume=True)
    paint_file(tiny_painter, source, target, style=STYLE, config=other)
    assert target.exists()


KILLED = """
import sys, time
from impasto.images.strips import Unfinished
keep = Unfinished.keep
def slow(self, rows):
    keep(self, rows)
    print("strip", flush=True)
    time.sleep(60)
Unfinished.keep = slow
import impasto
from impasto.inference.giga import paint_file
from impasto.inference.settings import StylizeConfig
painter = impasto.load(sys.argv[1], device="cpu", precision="float32")
paint_file(painter, "in.png", "a.png", style="style.png", config=StylizeConfig(tile="32"))
"""


def test_what_was_killed_is_finished_by_resume(tiny_painter, tiny_weights, tmp_path):
    photo(tmp_path / "in.png")
    impasto.write_picture(STYLE, tmp_path / "style.png")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tiny_weights)], cwd=tmp_path, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"strip\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "a.png").exists()
    style = tmp_path / "style.png"
    for name, resume in (("a.png", True), ("b.png", False)):
        paint_file(
            tiny_painter,
            tmp_path / "in.png",
            tmp_path / name,
            style=style,
            config=TILES,
            resume=resume,
        )
    # Two processes: the second may take other instructions of the processor for its threads.
    difference = levels_of(tmp_path / "a.png") - levels_of(tmp_path / "b.png")
    assert np.abs(difference).max() <= 1


# Refused


def test_a_picture_that_changes_is_a_sentence(tiny_painter, tmp_path):
    source = photo(tmp_path / "in.png")

    def touch(done, total):
        if done == 1:
            time.sleep(0.01)
            os.utime(source)

    with pytest.raises(ImageError, match="changed while it was being read"):
        paint_file(
            tiny_painter, source, tmp_path / "a.png", style=STYLE, config=TILES, on_tile=touch
        )
    assert not (tmp_path / "a.png").exists()


def test_a_disk_that_is_too_small_is_known_before(tiny_painter, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1000}))
    with pytest.raises(OutputError, match=r"that disk has 0\.00 GB free"):
        paint_file(
            tiny_painter, photo(tmp_path / "in.png"), tmp_path / "a.png", style=STYLE, config=TILES
        )
    assert [p.name for p in tmp_path.iterdir()] == ["in.png"]


@pytest.mark.parametrize(
    ("output", "pyramid", "message"),
    [
        ("a.webp", False, "is written as .tif, .png, .jpg or .dzi; got"),
        ("a.png", True, "a pyramid is a .tif or a .dzi; got"),
        ("a.xyz", False, "none that can be written"),
    ],
)
def test_formats_that_cannot_be_streamed_are_refused(
    tiny_painter, tmp_path, output, pyramid, message
):
    source = photo(tmp_path / "in.png")
    with pytest.raises(InputError, match=message):
        paint_file(tiny_painter, source, tmp_path / output, style=STYLE, pyramid=pyramid)


def test_what_cannot_be_read_is_a_sentence(tiny_painter, tmp_path):
    source = photo(tmp_path / "in.png")
    (tmp_path / "cut.png").write_bytes(source.read_bytes()[:3000])
    (tmp_path / "text.png").write_text("no picture at all")
    pyvips.Image.black(9, 9).cast("float").write_to_file(str(tmp_path / "float.tif"))
    for name, message in (
        ("cut.png", "damaged or cut off"),
        ("text.png", "cannot be read"),
        ("float.tif", "another kind than 8 or 16 bits"),
        ("none.png", "there is no file"),
    ):
        with pytest.raises(ImageError, match=message):
            paint_file(tiny_painter, tmp_path / name, tmp_path / "a.png", style=STYLE, config=TILES)


def test_without_the_extra_it_says_what_to_install(tiny_painter, tmp_path, monkeypatch):
    source = photo(tmp_path / "in.png")
    monkeypatch.setitem(sys.modules, "pyvips", None)
    with pytest.raises(MissingExtraError, match=r'pip install "impasto\[giga\]"'):
        paint_file(tiny_painter, source, tmp_path / "a.png", style=STYLE)


def test_only_large_pictures_are_streamed(tmp_path, monkeypatch):
    source = str(photo(tmp_path / "in.png"))
    assert not must_stream(Job(content=source, output="a.png"))
    assert not must_stream(Job(content="-", output="a.png"), pyramid=True)
    assert must_stream(Job(content=source, output="a.dzi"))
    assert must_stream(Job(content=source, output="a.tif"), pyramid=True)
    monkeypatch.setattr("impasto.inference.many._SMALL_FILE", 0)
    assert not must_stream(Job(content=source, output="a.png"))
    monkeypatch.setattr("impasto.inference.many.STREAMED_FROM", 6000)
    assert must_stream(Job(content=source, output="a.png"))
    assert giga.GigaPicture(source).size == SIZE
