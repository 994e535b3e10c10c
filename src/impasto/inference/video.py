"""Clips: decoded, painted and encoded at the same time, in parts that a kill cannot take.

Reading order: paint_clip, chosen_frames (start, end, every), preview_sheet.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from PIL import Image

from impasto.checks import seconds_of
from impasto.errors import InputError
from impasto.images.sheet import Cell, Row, contact_sheet
from impasto.images.strips import same_key
from impasto.inference.settings import StylizeConfig, VideoConfig
from impasto.inference.steady import SteadyPainter
from impasto.inference.stylize import Stylizer, normalized_weights
from impasto.inference.timeline import Timeline, read_timeline
from impasto.methods.base import Statistics
from impasto.video.encode import check_sound
from impasto.video.io import ClipInfo, ClipReader, Frame
from impasto.video.places import check_painted_clip
from impasto.video.segments import ClipWriter, to_image

PART = 48
"""Frames between two points from which a killed run can go on."""

_AHEAD = 3
"""Frames that are decoded, and that wait to be encoded, while one is painted."""

_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True)
class PaintedClip:
    """What became of a clip."""

    frames: int
    size: tuple[int, int]
    """(height, width), upright."""
    seconds: float
    """For which it plays."""
    cuts: int
    """Changes of scene that were found in this run."""
    notes: tuple[str, ...] = ()
    """What was done to it or left out, each a short phrase."""
    damage: str | None = None
    """Where the clip that was read ended early; what came before is painted."""


def paint_clip(
    stylizer: Stylizer,
    clip: str | Path,
    output: str | Path,
    *,
    style: Sequence[str] = (),
    config: StylizeConfig | None = None,
    video: VideoConfig | None = None,
    rate: Fraction | None = None,
    codec: str | None = None,
    sound: bool = True,
    resume: bool = False,
    overwrite: bool = False,
    on_frame: Callable[[int, int | None], None] | None = None,
) -> PaintedClip:
    """Paint a video, an animation or a folder of frames.

    Times, rotation, colour range and sound are those of the clip.

    Args:
        stylizer: Who paints.
        clip: A video, a .gif, or a folder of pictures.
        output: Likewise; see ``check_painted_clip``.
        style: Styles, or styles with times ("a@0", "b@10s") between which they change.
        config: How each frame looks.
        video: How steady they are, and which are painted.
        rate: Frames per second of a folder of pictures.
        codec: Encoder of a video, such as libx265; None chooses by the ending.
        sound: Whether the sound is kept.
        resume: Go on with what an earlier run of the same clip left behind.
        overwrite: Whether what is there may be replaced.
        on_frame: Called with how many frames are painted, and how many there will be, if known.

    Returns:
        What became of it.

    Raises:
        ImageError: No video, damaged from the start, or of no length.
        InputError: Styles, times, codec or container that do not fit.
        OutputError: The place cannot be written; finished parts are kept.
        MissingExtraError: The extra ``video`` is not installed.
    """
    config, video = config or StylizeConfig(), video or VideoConfig()
    target = Path(output)
    kind = check_painted_clip(target, overwrite=overwrite)
    reader = ClipReader(clip, rate=rate)
    if kind == "video" and sound and reader.info.sound:
        check_sound(reader.path, target)
    timeline = read_timeline(style)
    statistics = stylizer.statistics_of(list(timeline.styles), style_scale=config.style_scale)
    key = _key(stylizer, reader.path, statistics, (timeline.times, config, video, rate, codec))
    writer = ClipWriter(target, kind, reader.info, codec=codec, key=key, resume=resume)
    painter = SteadyPainter(stylizer, statistics, config=config, video=video)
    painter.restore(writer.carry)
    run = _Run(painter, writer, timeline, config, on_frame)
    try:
        end = run.all_of(reader, video)
    except BaseException:
        writer.abandon()
        raise
    start = _start(video)
    kept = kind == "video" and sound and reader.info.sound
    writer.finish(sound_of=reader.path if kept else None, start=start, end=start + end)
    notes = _notes(reader.info, writer, lost=sound and reader.info.sound and not kept)
    return PaintedClip(
        frames=writer.frames,
        size=reader.info.size,
        seconds=float(end),
        cuts=painter.cuts,
        notes=notes,
        damage=reader.damage,
    )


def _key(stylizer: Stylizer, clip: Path, statistics: Sequence[Statistics], wishes: object) -> str:
    files = sorted(clip.iterdir()) if clip.is_dir() else [clip]
    found = [(str(p.resolve()), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    painter = stylizer.painter
    who = (painter.digest, str(painter.dtype), str(painter.device))
    return same_key([found, who, list(statistics), wishes])


def _notes(info: ClipInfo, writer: ClipWriter, *, lost: bool) -> tuple[str, ...]:
    notes = []
    if lost:
        notes.append(f"the sound is left out: {writer.target.name} cannot have any")
    halved = writer.shape is not None and "420" in writer.shape.pixel_format()
    if halved and any(side % 2 for side in info.size):
        notes.append("its last row or column is doubled: this codec needs even sides")
    return tuple(notes)


def _start(video: VideoConfig) -> Fraction:
    return Fraction(0) if video.start is None else seconds_of(video.start, name="start")


class _Run:
    """Painting between a thread that decodes and one that encodes."""

    def __init__(
        self,
        painter: SteadyPainter,
        writer: ClipWriter,
        timeline: Timeline,
        config: StylizeConfig,
        on_frame: Callable[[int, int | None], None] | None,
    ) -> None:
        self.painter, self.writer, self.timeline = painter, writer, timeline
        self.on_frame = on_frame
        self.constant = normalized_weights(config.style_weights, len(painter.styles))

    def all_of(self, reader: ClipReader, video: VideoConfig) -> Fraction:
        """Paint what is not painted yet; the end of the last frame in seconds.

        Raises:
            InputError: No frame lies between start and end.
        """
        total = expected_frames(reader.info, video)
        done, end = 0, Fraction(0)
        first = _start(video)
        encoder = ThreadPoolExecutor(1, "impasto-encode")
        waiting: deque[Future[None]] = deque()
        try:
            for frame in ahead(chosen_frames(reader.frames(), video), _AHEAD):
                done, end = done + 1, frame.time + frame.duration
                if done <= self.writer.frames:
                    continue
                weights = self.constant
                if self.timeline.times:
                    weights = self.timeline.weights_at(first + frame.time)
                painted = self.painter.paint(frame.pixels, weights)
                waiting.append(encoder.submit(self.writer.write, replace(frame, pixels=painted)))
                while len(waiting) > _AHEAD or (waiting and done % PART == 0):
                    waiting.popleft().result()
                if done % PART == 0:
                    self.writer.end_part(self.painter.carry())
                if self.on_frame is not None:
                    self.on_frame(done, total)
            while waiting:
                waiting.popleft().result()
        finally:
            encoder.shutdown(wait=True, cancel_futures=True)
        if not done:
            raise InputError(
                f"no frame of {reader.path} lies between start and end; it is "
                f"{reader.info.seconds or 0:.2f} seconds long."
            )
        self.writer.end_part(self.painter.carry())
        return end


def expected_frames(info: ClipInfo, video: VideoConfig) -> int | None:
    """How many frames will be painted, about; None where nobody knows."""
    if info.seconds is None:
        return None
    end = info.seconds
    if video.end is not None:
        end = min(end, float(seconds_of(video.end, name="end")))
    seconds = max(0.0, end - float(_start(video)))
    return max(1, round(seconds * float(info.rate) / video.every))


def chosen_frames(frames: Iterable[Frame], video: VideoConfig) -> Iterator[Frame]:
    """The frames between start and end, one of ``every``, their times from the start on.

    Args:
        frames: Of a clip, in order.
        video: Says which.
    """
    start = _start(video)
    end = None if video.end is None else seconds_of(video.end, name="end")
    held: Frame | None = None
    count = 0
    for frame in frames:
        if frame.time + frame.duration <= start:
            continue
        if end is not None and frame.time >= end:
            break
        if held is not None and count % video.every:
            held = replace(held, duration=held.duration + frame.duration)
        else:
            if held is not None:
                yield held
            begin = max(Fraction(0), frame.time - start)
            rest = frame.time + frame.duration - start - begin
            held = replace(frame, time=begin, duration=rest)
        count += 1
    if held is not None:
        yield held


def ahead(items: Iterable[_Item], most: int) -> Iterator[_Item]:
    """The same items, made by a thread that is up to ``most`` of them ahead."""
    made: queue.Queue[tuple[_Item | None, BaseException | None]] = queue.Queue(most)
    stop = threading.Event()

    def put(item: _Item | None, error: BaseException | None) -> None:
        while not stop.is_set():
            try:
                made.put((item, error), timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        end: BaseException = StopIteration()
        try:
            for item in items:
                put(item, None)
                if stop.is_set():
                    return
        except BaseException as error:
            end = error
            put(None, end)
            if not isinstance(error, Exception):
                raise
            return
        put(None, end)

    thread = threading.Thread(target=work, name="impasto-decode", daemon=True)
    thread.start()
    try:
        while True:
            item, error = made.get()
            if isinstance(error, StopIteration):
                return
            if error is not None:
                raise error
            assert item is not None
            yield item
    finally:
        stop.set()
        thread.join()


def preview_sheet(
    stylizer: Stylizer,
    clip: str | Path,
    *,
    style: Sequence[str] = (),
    config: StylizeConfig | None = None,
    video: VideoConfig | None = None,
    rate: Fraction | None = None,
    count: int = 6,
) -> Image.Image:
    """Some frames of a clip beside their paintings, to look at before hours of painting.

    Args:
        stylizer, clip, style, config, video, rate: See ``paint_clip``.
        count: How many frames, spread evenly; fewer where the clip has fewer.

    Raises:
        ImageError, InputError, MissingExtraError: See ``paint_clip``.
    """
    config, video = config or StylizeConfig(), video or VideoConfig()
    reader = ClipReader(clip, rate=rate)
    timeline = read_timeline(style)
    statistics = stylizer.statistics_of(list(timeline.styles), style_scale=config.style_scale)
    total = expected_frames(reader.info, video) or count
    wanted = {int((index + 0.5) * total / count) for index in range(count)}
    first, rows = _start(video), []
    for index, frame in enumerate(chosen_frames(reader.frames(), video)):
        if index not in wanted:
            continue
        weights = normalized_weights(config.style_weights, len(statistics))
        if timeline.times:
            weights = timeline.weights_at(first + frame.time)
        painter = SteadyPainter(stylizer, statistics, config=config, video=video)
        painted = painter.paint(frame.pixels, weights)
        time = f"{float(first + frame.time):.2f} s"
        rows.append(
            Row(
                photo=Cell(image=to_image(frame.pixels), name=time),
                paintings=(Cell(image=to_image(painted), name="painted"),),
            )
        )
    if not rows:
        raise InputError(f"no frame of {clip} lies between start and end.")
    return contact_sheet(rows, title=Path(clip).name)
