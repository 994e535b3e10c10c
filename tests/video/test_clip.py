"""Frames come back as they were written."""

import pytest
import torch
from PIL import Image

from impasto.errors import InputError, OutputError
from impasto.video.clip import write_clip
from impasto.video.places import check_clip


def frames(count=4, size=(32, 48)):
    """Flat pictures that grow lighter."""
    for index in range(count):
        yield torch.full((1, 3, *size), (index + 1) / (count + 1))


def test_animation_shows_every_frame_for_its_time(tmp_path):
    assert write_clip(frames(), tmp_path / "a.gif", rate=8) == 4
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 4
        assert image.info["duration"] == 120  # hundredths of a second
        for index in range(4):
            image.seek(index)
            level = image.convert("L").getpixel((5, 5))
            assert level == pytest.approx(255 * (index + 1) / 5, abs=2)


def test_folder_has_a_picture_per_frame(tmp_path):
    assert write_clip(frames(), tmp_path / "out") == 4
    assert len(list((tmp_path / "out").glob("frame-000?.png"))) == 4
    with pytest.raises(OutputError, match="has frames already"):
        write_clip(frames(), tmp_path / "out")
    assert write_clip(frames(), tmp_path / "out", overwrite=True) == 4


def test_video_has_the_frames_the_rate_and_even_sides(tmp_path):
    av = pytest.importorskip("av", reason="the extra video is not installed")
    assert write_clip(frames(5, (33, 47)), tmp_path / "a.mp4", rate=12.5) == 5
    with av.open(tmp_path / "a.mp4") as container:
        stream = container.streams.video[0]
        assert (stream.height, stream.width) == (32, 46)
        assert float(stream.average_rate) == pytest.approx(12.5)
        levels = [float(f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]
    assert len(levels) == 5
    assert levels == sorted(levels)


def test_interrupted_animation_keeps_the_frames_so_far(tmp_path):
    def impatient():
        yield from frames(2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_clip(impatient(), tmp_path / "a.gif")
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 2

    def at_once():
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        write_clip(at_once(), tmp_path / "b.gif")
    assert not (tmp_path / "b.gif").exists()


def test_a_frame_that_fails_leaves_no_file(tmp_path):
    def broken():
        yield from frames(2)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        write_clip(broken(), tmp_path / "a.gif")
    assert list(tmp_path.iterdir()) == []


def test_places_are_judged_by_their_ending(tmp_path):
    assert check_clip(tmp_path / "a.gif") == "animation"
    assert check_clip(tmp_path) == check_clip(tmp_path / "new") == "folder"
    with pytest.raises(InputError, match=r"\.mp4 or \.gif, or to a folder; got x\.webm"):
        check_clip("x.webm")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file; give a folder"):
        check_clip(tmp_path / "file")
    (tmp_path / "a.gif").write_text("")
    with pytest.raises(OutputError, match="exists already"):
        check_clip(tmp_path / "a.gif")
    with pytest.raises(InputError, match="rate must be above"):
        write_clip(frames(), tmp_path / "b.gif", rate=0)
