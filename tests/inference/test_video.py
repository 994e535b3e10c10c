"""Painted clips: steady, complete, with their sound, and finished after a kill."""

import itertools
import json
import signal
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

pytest.importorskip("av", reason="the extra video is not installed")
import clips

import impasto
from impasto.errors import ImageError, InputError, OutputError
from impasto.images.samples import synthetic_photo
from impasto.inference import video as rooms
from impasto.inference.settings import StylizeConfig, VideoConfig
from impasto.inference.steady import SteadyPainter, is_cut
from impasto.inference.stylize import Stylizer
from impasto.inference.timeline import read_timeline
from impasto.inference.video import ahead, chosen_frames, paint_clip, preview_sheet
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.painter import JohnsonPainter
from impasto.video.flow import Sketch
from impasto.video.io import ClipReader, Frame
from impasto.video.segments import ClipWriter

ALONE = VideoConfig(steady=0, window=1, grain="locked")


@pytest.fixture
def styles(tmp_path) -> list[str]:
    """Two pictures to be styles, as paths."""
    names = []
    for seed in (5, 6):
        names.append(str(tmp_path / f"style{seed}.png"))
        impasto.write_picture(synthetic_photo((40, 48), seed=seed).pixels.flip(1), names[-1])
    return names


def tensor(levels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(levels.copy()).permute(2, 0, 1)[None].float() / 255


def sketch(levels: np.ndarray) -> Sketch:
    return Sketch.of(tensor(levels))


def painted_frames(painter, style, frames, video, **settings):
    styles = painter.statistics_of(style)
    steady = SteadyPainter(painter, styles, config=StylizeConfig(**settings), video=video)
    return steady, [steady.paint(tensor(frame), [1.0]) for frame in frames]


# Steady


def warp_error(frames: list[torch.Tensor], step: int) -> float:
    """How much pixels change that only moved ``step`` to the left, as mean square."""
    errors = [
        (a[..., 8:-8, 8 + step : -8] - b[..., 8:-8, 8 : -8 - step]).square().mean()
        for a, b in itertools.pairwise(frames)
    ]
    return float(torch.stack(errors).mean())


def noisy(frames: list[np.ndarray]) -> list[np.ndarray]:
    """What a sensor adds; a painter makes other strokes of it in every frame."""
    random = np.random.default_rng(0)
    return [np.clip(f + random.normal(0, 12, f.shape), 0, 255).astype(np.uint8) for f in frames]


def test_steady_halves_what_flickers_along_the_motion(tiny_painter, styles):
    frames = noisy(clips.pictures(8, step=2))
    _, alone = painted_frames(tiny_painter, styles[0], frames, ALONE)
    steadier = VideoConfig(steady=0.8)
    _, steady = painted_frames(tiny_painter, styles[0], frames, steadier)
    assert warp_error(steady, 2) < warp_error(alone, 2) / 2
    distance = float((steady[-1] - alone[-1]).abs().mean())
    assert distance < 0.1, "it is still a painting of this frame"


def test_frames_alone_are_the_pictures_alone(tiny_painter, styles):
    frames = clips.pictures(3)
    _, painted = painted_frames(tiny_painter, styles[0], frames, ALONE, seed=4)
    # Styles are corrected for the first frame of a scene; in it nothing else differs.
    whole = tiny_painter.stylize(tensor(frames[0]), styles[0], seed=4)
    assert float((painted[0] - whole.pixels).abs().max()) < 1e-4


def test_frames_in_tiles_are_the_frames(tiny_painter, styles):
    frames = clips.pictures(2)
    _, whole = painted_frames(tiny_painter, styles[0], frames, VideoConfig())
    _, tiled = painted_frames(tiny_painter, styles[0], frames, VideoConfig(), tile=24)
    for found, wanted in zip(tiled, whole, strict=True):
        assert float((found - wanted).abs().max()) < 1e-4


@pytest.mark.parametrize("tile", ["off", "24"])
def test_a_network_of_one_style_paints_each_frame_by_itself(tile):
    torch.manual_seed(0)
    network = TransformerNet(JohnsonConfig(width=4, blocks=1, kernel=3))
    painter = Stylizer(JohnsonPainter(network), "johnson")
    frames = clips.pictures(2)
    _, painted = painted_frames(painter, None, frames, ALONE, tile=tile)
    for found, frame in zip(painted, frames, strict=True):
        wanted = painter.stylize(tensor(frame), tile="off").pixels
        assert float((found - wanted).abs().max()) < 1e-4


def test_grain_is_locked_or_none(tiny_weights, styles):
    painter = impasto.load(tiny_weights, device="cpu", precision="float32")
    for gain in painter.painter.network.decoder.noise_gain:
        gain.fill_(0.5)
    flat = [np.full((48, 64, 3), 128, np.uint8)] * 2
    spread = {}
    for grain in ("none", "locked"):
        video = VideoConfig(steady=0, grain=grain)
        _, frames = painted_frames(painter, styles[0], flat, video)
        assert torch.equal(frames[0], frames[1])
        spread[grain] = float(frames[0][..., 16:-16, 16:-16].std(dim=(2, 3)).mean())
    assert spread["locked"] > 3 * spread["none"]


def test_statistics_follow_the_window(tiny_painter, styles):
    dark, light = np.full((48, 64, 3), 100, np.uint8), np.full((48, 64, 3), 110, np.uint8)
    dark[:, ::7], light[:, ::7] = 0, 255
    frames = [dark] * 4 + [light]
    differences = {}
    for window in (1, 12):
        video = VideoConfig(steady=0, window=window)
        _, painted = painted_frames(tiny_painter, styles[0], frames, video)
        _, fresh = painted_frames(tiny_painter, styles[0], [light], video)
        differences[window] = float((painted[-1] - fresh[0]).abs().mean())
    assert differences[12] > differences[1]


def test_a_cut_is_found_and_begins_anew(tiny_painter, styles):
    dark = [frame // 3 for frame in clips.pictures(3)]
    light = [255 - frame // 3 for frame in clips.pictures(3, seed=9)]
    assert is_cut(sketch(dark[-1]), sketch(light[0]))
    video = VideoConfig(steady=0.9)
    steady, painted = painted_frames(tiny_painter, styles[0], [*dark, *light], video)
    assert steady.cuts == 1
    _, alone = painted_frames(tiny_painter, styles[0], light, video)
    torch.testing.assert_close(painted[3], alone[0])


def test_motion_and_a_light_that_goes_on_are_no_cuts():
    frames = clips.pictures(8, step=6)
    for a, b in itertools.pairwise(frames):
        assert not is_cut(sketch(a), sketch(b))
    assert not is_cut(sketch(frames[0]), Sketch.of(tensor(frames[0]) * 0.9 + 0.05))


def test_what_is_carried_gives_the_next_frame(tiny_painter, styles):
    frames = noisy(clips.pictures(5))
    video = VideoConfig(steady=0.8)
    _, whole = painted_frames(tiny_painter, styles[0], frames, video)
    first, _ = painted_frames(tiny_painter, styles[0], frames[:3], video)
    statistics = tiny_painter.statistics_of(styles[0])
    second = SteadyPainter(tiny_painter, statistics, config=StylizeConfig(), video=video)
    second.restore(first.carry())
    rest = [second.paint(tensor(frame), [1.0]) for frame in frames[3:]]
    for found, wanted in zip(rest, whole[3:], strict=True):
        assert torch.equal(found, wanted)


# Whole clips


def test_a_painted_clip_has_frames_times_rotation_and_sound(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mp4", rotation=90)
    seen = []
    record = paint_clip(
        tiny_painter,
        source,
        tmp_path / "out.mp4",
        style=styles[:1],
        on_frame=lambda done, total: seen.append((done, total)),
    )
    assert (record.frames, record.size, record.damage) == (12, (64, 48), None)
    assert seen == [(index, 12) for index in range(1, 13)]
    assert clips.times_of(tmp_path / "out.mp4") == pytest.approx(clips.times_of(source))
    assert clips.packets_of_sound(tmp_path / "out.mp4") == clips.packets_of_sound(source)
    assert np.array_equal(clips.decoded_sound(tmp_path / "out.mp4"), clips.decoded_sound(source))
    reader = ClipReader(tmp_path / "out.mp4")
    assert reader.info.rotation == ClipReader(source).info.rotation
    wanted = painted_frames(
        tiny_painter, styles[0], [f.pixels[0].permute(1, 2, 0).mul(255).byte().numpy()
                                  for f in ClipReader(source).frames()][:1], VideoConfig(),
    )[1][0]  # fmt: skip
    found = next(reader.frames()).pixels
    assert float((found - wanted).abs().mean()) < 0.05
    assert sorted(p.name for p in tmp_path.iterdir() if "style" not in p.name) == [
        "in.mp4",
        "out.mp4",
    ]


def test_start_end_and_every(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mkv", clips.pictures(24), sound="pcm_s16le")
    video = VideoConfig(start="0.5", end="1.5s", every=2, steady=0)
    record = paint_clip(tiny_painter, source, tmp_path / "out.mkv", style=styles[:1], video=video)
    assert record.frames == 6
    assert record.seconds == pytest.approx(1.0, abs=0.1)
    times = clips.times_of(tmp_path / "out.mkv")
    assert [t - times[0] for t in times] == pytest.approx([i / 6 for i in range(6)], abs=2e-3)
    length = clips.decoded_sound(tmp_path / "out.mkv").shape[1] / clips.HERTZ
    assert length == pytest.approx(1.0, abs=0.15)


def test_frames_are_chosen_and_shown_longer():
    frames = [
        Frame(pixels=torch.zeros(1), time=Fraction(i, 10), duration=Fraction(1, 10))
        for i in range(10)
    ]
    chosen = list(chosen_frames(frames, VideoConfig(every=3)))
    assert [f.time for f in chosen] == [Fraction(n, 10) for n in (0, 3, 6, 9)]
    assert [f.duration for f in chosen] == [Fraction(n, 10) for n in (3, 3, 3, 1)]
    chosen = list(chosen_frames(frames, VideoConfig(start="0.25", end="500ms")))
    assert [f.time for f in chosen] == [0, Fraction(1, 20), Fraction(3, 20)]
    assert chosen[0].duration == Fraction(1, 20)


def test_styles_change_over_time(tiny_painter, tmp_path, styles):
    still = [clips.pictures(1)[0]] * 13
    source = clips.make_clip(tmp_path / "in.mkv", still, sound=None)
    words = [f"{styles[0]}@0", f"{styles[1]}@1s"]
    video = VideoConfig(steady=0)
    paint_clip(tiny_painter, source, tmp_path / "out", style=words, video=video)
    frames = [f.pixels for f in ClipReader(tmp_path / "out").frames()]
    distances = [float((frame - frames[0]).abs().mean()) for frame in frames]
    assert distances == sorted(distances)
    content = next(ClipReader(source).frames()).pixels[0].permute(1, 2, 0).mul(255)
    still = [content.add(0.5).byte().numpy()]
    for index, style in ((0, styles[0]), (12, styles[1])):
        _, (wanted,) = painted_frames(tiny_painter, style, still, video)
        assert float((frames[index] - wanted).abs().max()) < 0.02


def test_timelines():
    timeline = read_timeline(["b@10s", "a@0", "c@0:20"])
    assert timeline.styles == ("a", "b", "c")
    assert timeline.weights_at(Fraction(0)) == [1, 0, 0]
    assert timeline.weights_at(Fraction(5)) == [0.5, 0.5, 0]
    assert timeline.weights_at(Fraction(100)) == [0, 0, 1]
    assert read_timeline(["a", "b"]).times == ()
    for words, message in (
        (["a@0", "b"], "b has none, add @ and its seconds"),
        (["a@soon"], "the time of a must be a time such as"),
        (["a@1", "b@1s"], "two styles cannot begin at one time"),
    ):
        with pytest.raises(InputError, match=message):
            read_timeline(words)


def test_a_style_with_an_at_in_its_name_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "me@home.png").touch()
    assert read_timeline(["me@home.png"]).times == ()


def test_animations_and_folders(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mp4", clips.pictures(4))
    record = paint_clip(tiny_painter, source, tmp_path / "a.gif", style=styles[:1])
    assert record.notes == ("the sound is left out: a.gif cannot have any",)
    assert paint_clip(tiny_painter, tmp_path / "a.gif", tmp_path / "b", style=styles).frames == 4
    record = paint_clip(
        tiny_painter, tmp_path / "b", tmp_path / "c.mp4", style=styles, rate=Fraction(5)
    )
    assert clips.times_of(tmp_path / "c.mp4") == pytest.approx([0, 0.2, 0.4, 0.6])
    assert record.notes == ()


def test_odd_sides_are_said(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mkv", clips.pictures(2, (47, 63)), sound=None)
    record = paint_clip(tiny_painter, source, tmp_path / "out.mp4", style=styles[:1])
    assert record.notes == ("its last row or column is doubled: this codec needs even sides",)


def test_alpha_zero_gives_the_frames(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mp4", clips.pictures(3))
    config, video = StylizeConfig(alpha=0), VideoConfig(steady=0)
    paint_clip(tiny_painter, source, tmp_path / "out", style=styles[:1], config=config, video=video)
    for found, wanted in zip(
        ClipReader(tmp_path / "out").frames(), ClipReader(source).frames(), strict=True
    ):
        assert float((found.pixels - wanted.pixels).abs().max()) < 0.51 / 255


def test_a_preview_shows_frames_beside_their_paintings(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mp4")
    sheet = preview_sheet(tiny_painter, source, style=styles[:1], count=3)
    assert sheet.height > sheet.width


# Interrupted and damaged


def interrupted(monkeypatch, after: int, error: BaseException):
    monkeypatch.setattr(rooms, "PART", 4)
    write, count = ClipWriter.write, itertools.count(1)

    def stop(self, frame):
        if next(count) > after:
            raise error
        write(self, frame)

    monkeypatch.setattr(ClipWriter, "write", stop)


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out"])
def test_what_was_interrupted_goes_on_with_the_same_frames(
    tiny_painter, tmp_path, styles, monkeypatch, name
):
    source = clips.make_clip(tmp_path / "in.mp4", noisy(clips.pictures(11)))
    target = tmp_path / name
    with monkeypatch.context() as patch:
        interrupted(patch, 6, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            paint_clip(tiny_painter, source, target, style=styles[:1])
    assert not target.exists()
    state = json.loads((tmp_path / f".{name}.part" / "state.json").read_text())
    assert state["frames"] == 4
    monkeypatch.setattr(rooms, "PART", 4)
    seen = []
    record = paint_clip(
        tiny_painter,
        source,
        target,
        style=styles[:1],
        resume=True,
        on_frame=lambda done, total: seen.append(done),
    )
    assert seen == list(range(5, 12))
    assert record.frames == 11
    paint_clip(tiny_painter, source, tmp_path / f"again-{name}", style=styles[:1])
    found = [f.pixels for f in ClipReader(target).frames()]
    wanted = [f.pixels for f in ClipReader(tmp_path / f"again-{name}").frames()]
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))


def test_resume_of_another_clip_is_refused(tiny_painter, tmp_path, styles, monkeypatch):
    source = clips.make_clip(tmp_path / "in.mp4")
    with monkeypatch.context() as patch:
        interrupted(patch, 6, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            paint_clip(tiny_painter, source, tmp_path / "out.mp4", style=styles[:1])
    with pytest.raises(InputError, match="of another clip, style or setting"):
        paint_clip(tiny_painter, source, tmp_path / "out.mp4", style=styles[1:], resume=True)


KILLED = """
import sys, time
import impasto
from impasto.inference import video
from impasto.video.segments import ClipWriter
video.PART = 4
end = ClipWriter.end_part
def slow(self, carry):
    end(self, carry)
    print("part", flush=True)
    time.sleep(60)
ClipWriter.end_part = slow
painter = impasto.load(sys.argv[1], device="cpu", precision="float32")
video.paint_clip(painter, "in.mp4", "out.mp4", style=[sys.argv[2]])
"""


def test_what_was_killed_is_finished_by_resume(
    tiny_painter, tiny_weights, tmp_path, styles, monkeypatch
):
    source = clips.make_clip(tmp_path / "in.mp4")
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tiny_weights), styles[0]],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"part\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "out.mp4").exists()
    monkeypatch.setattr(rooms, "PART", 4)
    seen = []
    paint_clip(
        tiny_painter,
        source,
        tmp_path / "out.mp4",
        style=styles[:1],
        resume=True,
        on_frame=lambda done, total: seen.append(done),
    )
    assert seen[0] == 5
    assert clips.times_of(tmp_path / "out.mp4") == pytest.approx(clips.times_of(source))
    assert clips.packets_of_sound(tmp_path / "out.mp4") == clips.packets_of_sound(source)


def test_a_clip_that_breaks_off_is_painted_up_to_there(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "a.mkv", clips.pictures(60), sound=None)
    data = source.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 3 // 4])
    record = paint_clip(tiny_painter, tmp_path / "cut.mkv", tmp_path / "out.mp4", style=styles[:1])
    assert record.damage is not None
    assert 1 < record.frames < 60
    assert len(clips.times_of(tmp_path / "out.mp4")) == record.frames


def test_a_disk_that_fills_up_keeps_the_parts(tiny_painter, tmp_path, styles, monkeypatch):
    source = clips.make_clip(tmp_path / "in.mp4")
    interrupted(monkeypatch, 6, OutputError("out.mp4 cannot be written: no space is left."))
    with pytest.raises(OutputError, match="no space is left"):
        paint_clip(tiny_painter, source, tmp_path / "out.mp4", style=styles[:1])
    assert not (tmp_path / "out.mp4").exists()
    assert (tmp_path / ".out.mp4.part" / "part-00000.nut").exists()


def test_sound_that_does_not_fit_is_known_before(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mp4")
    with pytest.raises(InputError, match=r"a \.webm cannot hold the sound of .*\(aac\)"):
        paint_clip(tiny_painter, source, tmp_path / "out.webm", style=styles[:1])
    record = paint_clip(tiny_painter, source, tmp_path / "out.webm", style=styles[:1], sound=False)
    assert record.frames == 12
    assert not ClipReader(tmp_path / "out.webm").info.sound


def test_nothing_between_start_and_end_is_a_sentence(tiny_painter, tmp_path, styles):
    source = clips.make_clip(tmp_path / "in.mp4")
    with pytest.raises(InputError, match=r"no frame of .* lies between start and end; it is 1\.0"):
        paint_clip(
            tiny_painter,
            source,
            tmp_path / "out.mp4",
            style=styles[:1],
            video=VideoConfig(start="20s"),
        )
    (tmp_path / "none.mp4").write_bytes(b"")
    with pytest.raises(ImageError, match="is empty"):
        paint_clip(tiny_painter, tmp_path / "none.mp4", tmp_path / "out.mp4", style=styles[:1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steady": 1.5}, "steady must be at least 0.0 and at most 1.0"),
        ({"window": 0}, "window must be at least 1"),
        ({"every": 0}, "every must be at least 1"),
        ({"grain": "much"}, "grain must be one of none, locked"),
        ({"start": "soon"}, "start must be a time such as"),
        ({"start": "3", "end": "2"}, r"start \(3\) must lie before end \(2\)"),
        ({"end": "0"}, r"start \(0\) must lie before end \(0\)"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        VideoConfig(**settings)


def test_a_thread_ahead_hands_on_items_and_errors_and_ends():
    assert list(ahead(range(10), 2)) == list(range(10))

    def broken():
        yield 1
        raise ValueError("no more")

    found = ahead(broken(), 2)
    assert next(found) == 1
    with pytest.raises(ValueError, match="no more"):
        next(found)
    endless = ahead(itertools.count(), 2)
    assert next(endless) == 0
    endless.close()
