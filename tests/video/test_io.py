"""What is read of a clip, and what a written one has."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("av", reason="the extra video is not installed")
import av
import clips

from impasto.errors import ImageError, InputError, MissingExtraError, OutputError
from impasto.video.io import ClipReader
from impasto.video.places import check_painted_clip
from impasto.video.segments import ClipWriter


def copy_clip(source, target, *, kind="video", codec=None, sound=True, part=5, **options):
    """Read and write without painting."""
    reader = ClipReader(source)
    writer = ClipWriter(target, kind, reader.info, codec=codec, key="k", resume=False, **options)
    end = Fraction(0)
    for index, frame in enumerate(reader.frames(), start=1):
        writer.write(frame)
        end = frame.time + frame.duration
        if index % part == 0:
            writer.end_part({})
    writer.end_part({})
    has_sound = sound and reader.info.sound and kind == "video"
    writer.finish(sound_of=source if has_sound else None, start=Fraction(0), end=end)
    return reader


def test_frames_come_with_their_times(tmp_path):
    reader = ClipReader(clips.make_clip(tmp_path / "a.mp4"))
    assert reader.info.size == clips.SIZE
    assert reader.info.rate == clips.RATE
    assert reader.info.sound
    frames = list(reader.frames())
    assert [frame.time for frame in frames] == [Fraction(i, 12) for i in range(12)]
    wanted = clips.pictures()
    for frame, levels in zip(frames, wanted, strict=True):
        found = frame.pixels[0].permute(1, 2, 0) * 255
        assert float((found - torch.from_numpy(levels.copy())).abs().mean()) < 6
    assert len(list(reader.frames())) == 12, "it can be read again"


@pytest.mark.parametrize("name", ["b.mp4", "b.mkv", "b.mov"])
def test_a_copy_has_the_frames_the_length_and_the_sound(tmp_path, name):
    source = clips.make_clip(tmp_path / "a.mp4")
    copy_clip(source, tmp_path / name)
    found = clips.times_of(tmp_path / name)  # Matroska begins with what the sound has before 0
    assert [t - found[0] for t in found] == pytest.approx(clips.times_of(source), abs=2e-3)
    assert clips.packets_of_sound(tmp_path / name) == clips.packets_of_sound(source)
    with av.open(str(source)) as a, av.open(str(tmp_path / name)) as b:
        assert b.duration == pytest.approx(a.duration, abs=1.1e6 / clips.RATE)
        assert float(b.streams.video[0].average_rate) == pytest.approx(clips.RATE, rel=0.02)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", name]


def test_uneven_times_are_kept(tmp_path):
    times = [0, 1, 2, 5, 6, 9, 10, 20, 21, 22, 23, 30]
    source = clips.make_clip(tmp_path / "a.mkv", times=times)
    copy_clip(source, tmp_path / "b.mkv")
    found = clips.times_of(tmp_path / "b.mkv")
    assert [t - found[0] for t in found] == pytest.approx([t / 12 for t in times], abs=2e-3)


@pytest.mark.parametrize("full_range", [False, True])
def test_levels_and_their_range_are_kept(tmp_path, full_range):
    ramp = np.linspace(0, 255, clips.SIZE[1]).astype(np.uint8)
    frame = np.broadcast_to(ramp[None, :, None], (*clips.SIZE, 3)).copy()
    source = clips.make_clip(tmp_path / "a.mp4", [frame] * 4, full_range=full_range)
    copy_clip(source, tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert container.streams.video[0].codec_context.color_range == (2 if full_range else 1)
    found = next(ClipReader(tmp_path / "b.mp4").frames()).pixels[0, 0, 10] * 255
    assert float((found - torch.from_numpy(ramp.astype(np.float32))).abs().mean()) < 3
    assert float(found[0]) < 4
    assert float(found[-1]) > 251


@pytest.mark.parametrize("rotation", [90, -90, 180])
def test_a_turned_camera_is_read_upright_and_written_turned(tmp_path, rotation):
    frames = clips.pictures(4)
    source = clips.make_clip(tmp_path / "a.mp4", frames, rotation=rotation)
    reader = copy_clip(source, tmp_path / "b.mp4")
    upright = np.rot90(frames[0], rotation // 90)
    assert reader.info.size == upright.shape[:2]
    pixels = next(ClipReader(tmp_path / "b.mp4").frames()).pixels[0].permute(1, 2, 0) * 255
    assert float((pixels - torch.from_numpy(upright.copy())).abs().mean()) < 6
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert next(container.decode(video=0)).rotation == reader.info.rotation
    assert (reader.info.rotation - rotation) % 360 == 0
    with av.open(str(tmp_path / "b.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.height, stream.width) == clips.SIZE


def test_odd_sides_are_met_with_one_more_column(tmp_path):
    frames = clips.pictures(3, (47, 63))
    source = clips.make_clip(tmp_path / "a.mkv", frames, sound=None)
    copy_clip(source, tmp_path / "b.mp4")
    found = clips.levels_at(tmp_path / "b.mp4")
    assert found.shape[1:3] == (48, 64)
    wanted = torch.from_numpy(frames[0].copy()).float()
    assert float((found[0, :47, :63].float() - wanted).abs().mean()) < 6


@pytest.mark.parametrize(
    ("name", "codec"), [("b.webm", None), ("b.avi", "mpeg4"), ("b.mkv", "ffv1"), ("b.ts", None)]
)
def test_other_containers_and_codecs(tmp_path, name, codec):
    source = clips.make_clip(tmp_path / "a.mkv", sound=None)
    copy_clip(source, tmp_path / name, codec=codec)
    assert clips.levels_at(tmp_path / name).shape == (12, *clips.SIZE, 3)


def test_an_animation_keeps_the_time_of_each_frame(tmp_path):
    images = [Image.fromarray(levels) for levels in clips.pictures(4)]
    images[0].save(
        tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=[100, 200, 50, 400]
    )
    frames = list(ClipReader(tmp_path / "a.gif").frames())
    assert [f.duration for f in frames] == [Fraction(n, 1000) for n in (100, 200, 50, 400)]
    copy_clip(tmp_path / "a.gif", tmp_path / "b.gif", kind="animation")
    with Image.open(tmp_path / "b.gif") as image:
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            found.append(image.info["duration"])
    assert found == [100, 200, 50, 400]


def test_a_folder_of_frames_becomes_a_video_and_one_again(tmp_path):
    (tmp_path / "in").mkdir()
    for index, levels in enumerate(clips.pictures(4)):
        Image.fromarray(levels).save(tmp_path / "in" / f"{index:03}.png")
    reader = ClipReader(tmp_path / "in", rate=Fraction(8))
    assert [f.time for f in reader.frames()] == [Fraction(i, 8) for i in range(4)]
    copy_clip(tmp_path / "in", tmp_path / "b.mp4")
    assert clips.times_of(tmp_path / "b.mp4") == pytest.approx([0, 1 / 24, 2 / 24, 3 / 24])
    copy_clip(tmp_path / "in", tmp_path / "out", kind="folder")
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [f"frame-0000{i}.png" for i in (1, 2, 3, 4)]
    with Image.open(tmp_path / "out" / names[0]) as image:
        assert np.array_equal(np.asarray(image), clips.pictures(4)[0])


# Refused


def test_a_clip_cut_in_the_middle_gives_the_frames_before(tmp_path):
    source = clips.make_clip(tmp_path / "a.mkv", clips.pictures(60), sound=None)
    data = source.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) // 2])
    reader = ClipReader(tmp_path / "cut.mkv")
    assert 1 < len(list(reader.frames())) < 60
    assert reader.damage is not None
    assert "cut.mkv is damaged after" in reader.damage


def test_what_is_no_clip_is_a_sentence(tmp_path):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.mp4").write_text("no video at all, only words")
    (tmp_path / "none").mkdir()
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=clips.HERTZ, layout="mono")
        block = av.AudioFrame.from_ndarray(clips.tone(0.2), format="fltp", layout="mono")
        block.sample_rate = clips.HERTZ
        container.mux(stream.encode(block))
        container.mux(stream.encode())
    source = clips.make_clip(tmp_path / "whole.mp4")
    (tmp_path / "cut.mp4").write_bytes(source.read_bytes()[:2000])
    for name, message in (
        ("empty.mp4", r"is empty \(0 bytes\)"),
        ("text.mp4", "is no video that can be read"),
        ("cut.mp4", "cut off"),
        ("sound.mp4", "has no video in it, only sound"),
        ("none", "has no pictures that could be frames"),
        ("missing.mp4", "there is no file"),
    ):
        with pytest.raises(ImageError, match=message):
            ClipReader(tmp_path / name)


def test_frames_of_two_sizes_are_refused(tmp_path):
    for index, size in enumerate(((8, 9), (9, 8))):
        Image.new("RGB", size).save(tmp_path / f"{index}.png")
    with pytest.raises(ImageError, match="frames must be of one size"):
        list(ClipReader(tmp_path).frames())
    with pytest.raises(InputError, match="a rate is of a folder of pictures"):
        ClipReader(tmp_path / "0.png", rate=Fraction(3))


def test_a_codec_that_is_not_or_does_not_fit_is_refused(tmp_path):
    info = ClipReader(clips.make_clip(tmp_path / "a.mp4")).info
    for name, codec, message in (
        ("b.mp4", "nonsense", "there is no encoder 'nonsense'"),
        ("b.webm", "libx264", r"a \.webm cannot hold libx264 as pictures"),
        ("b.mp4", "aac", r"a \.mp4 cannot hold aac as pictures"),
    ):
        with pytest.raises(InputError, match=message):
            ClipWriter(tmp_path / name, "video", info, codec=codec, key="k", resume=False)


def test_a_folder_with_other_things_in_it_keeps_them(tmp_path):
    source = clips.make_clip(tmp_path / "a.mp4", clips.pictures(2))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("dear diary")
    with pytest.raises(OutputError, match="holds other files as well"):
        copy_clip(source, tmp_path / "out", kind="folder")
    assert (tmp_path / "out" / "diary.txt").exists()


def test_places_of_painted_clips(tmp_path, monkeypatch):
    assert check_painted_clip(tmp_path / "a.webm") == "video"
    assert check_painted_clip(tmp_path / "a.gif") == "animation"
    assert check_painted_clip(tmp_path / "a") == "folder"
    with pytest.raises(InputError, match=r"a painted clip goes to a folder, or to a file"):
        check_painted_clip(tmp_path / "a.png")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'pip install "impasto\[video\]"'):
        check_painted_clip(tmp_path / "a.mp4")
