"""Frames to packets of a video, and packets with the sound of another file to one that plays.

Reading order: VideoShape (how it is encoded), SegmentFile (a part), join (parts and sound).
"""

import heapq
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch.nn.functional as F

from impasto.errors import InputError, OutputError
from impasto.images.encode import to_samples
from impasto.video.io import ClipInfo, Frame, matrix_name, video_library

DEFAULT_CODECS = {
    ".mp4": "libx264", ".m4v": "libx264", ".mov": "libx264", ".mkv": "libx264",
    ".ts": "libx264", ".webm": "libvpx-vp9",
}  # fmt: skip
"""Of containers for which FFmpeg's own choice is another; see ``places.py`` for all containers."""

_QUALITY = {
    "libx264": {"crf": "18", "preset": "medium"},
    "libx265": {"crf": "20"},
    "libvpx-vp9": {"crf": "24", "b:v": "0", "row-mt": "1"},
    "libsvtav1": {"crf": "26"},
}
"""By which a painting's strokes stay; other codecs get bits by the size of the picture."""

_BITS_PER_PIXEL = 0.2


@dataclass(frozen=True, kw_only=True)
class VideoShape:
    """How frames become a video."""

    info: ClipInfo
    """Of the clip that is painted: time base, rotation, range and colours are its."""
    codec: str
    """An encoder of FFmpeg's."""

    @classmethod
    def of(cls, target: Path, info: ClipInfo, codec: str | None) -> "VideoShape":
        """Choose what is not given.

        Raises:
            InputError: There is no such encoder, or the container cannot hold it.
        """
        library = video_library()
        suffix = target.suffix.lower()
        with library.open(io.BytesIO(), "w", format=_format_of(target)) as container:
            name = codec or DEFAULT_CODECS.get(suffix) or container.default_video_codec
            try:
                if library.Codec(name, "w").type != "video":
                    raise ValueError(name)
                container.add_stream(name, rate=24)
            except (library.FFmpegError, ValueError) as error:
                if name not in library.codecs_available:
                    raise InputError(
                        f"there is no encoder {name!r}; FFmpeg has libx264, libx265, libvpx-vp9, "
                        "mpeg4, ffv1 and others."
                    ) from error
                raise InputError(
                    f"a {suffix} cannot hold {name} as pictures; choose another codec or ending."
                ) from error
        return cls(info=info, codec=name)

    @property
    def time_base(self) -> Fraction:
        """What times are counted in; MPEG-4 has 16 bits for it."""
        most = 65_535 if self.codec == "mpeg4" else 1_000_000
        own = self.info.time_base
        return own if own.denominator <= most else Fraction(1, 60_000)

    def pixel_format(self) -> str:
        """The most common of those that the encoder takes."""
        library = video_library()
        formats = [f.name for f in library.Codec(self.codec, "w").video_formats or ()]
        common = ("yuv420p", "yuvj420p", "yuv422p", "yuv444p", "rgb24", "gbrp")
        return next((name for name in common if name in formats), (formats or ["yuv420p"])[0])


def _format_of(target: Path) -> str | None:
    """FFmpeg's name of the container, for where the name cannot tell it."""
    return {
        ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm",
        ".avi": "avi", ".ts": "mpegts",
    }.get(target.suffix.lower())  # fmt: skip


class SegmentFile:
    """A part of a video that begins with a whole picture.

    Args:
        path: Of a file in FFmpeg's own container, which keeps times exactly.
        shape: How it is encoded.
    """

    def __init__(self, path: Path, shape: VideoShape) -> None:
        self.path, self.shape = path, shape
        library = video_library()
        self._container = library.open(str(path), "w", format="nut")
        rate = shape.info.rate.limit_denominator(1001)
        stream = self._container.add_stream(
            shape.codec, rate=rate, options=dict(_QUALITY.get(shape.codec, {}))
        )
        stream.pix_fmt = shape.pixel_format()
        self.halved = "420" in stream.pix_fmt
        height, width = self._stored_size()
        stream.height, stream.width = height, width
        context = stream.codec_context
        context.time_base = shape.time_base
        # Parts are joined later: no picture may wait for one of the next part.
        context.max_b_frames = 0
        context.color_range = 2 if self._full_range(stream.pix_fmt) else 1
        context.colorspace, context.color_primaries, context.color_trc = shape.info.colors
        if shape.codec not in _QUALITY:
            context.bit_rate = int(_BITS_PER_PIXEL * height * width * float(rate)) + 400_000
        self._stream = stream

    def _full_range(self, pixel_format: str) -> bool:
        rgb = pixel_format.startswith(("rgb", "gbr", "yuvj"))
        return self.shape.info.full_range or rgb

    def _stored_size(self) -> tuple[int, int]:
        """Turned back as the clip's frames are stored, and even where colours are halved."""
        height, width = self.shape.info.size
        if self.shape.info.rotation % 180:
            height, width = width, height
        return (height + height % 2, width + width % 2) if self.halved else (height, width)

    def write(self, frame: Frame) -> None:
        """Encode a frame at its time.

        Raises:
            OutputError: The encoder refuses, or the disk is full.
        """
        library = video_library()
        pixels = frame.pixels.rot90(-(self.shape.info.rotation // 90), (2, 3))
        height, width = self._stored_size()
        down, right = height - pixels.shape[-2], width - pixels.shape[-1]
        if down or right:
            pixels = F.pad(pixels, (0, right, 0, down), mode="replicate")
        rgb = library.VideoFrame.from_ndarray(to_samples(pixels, 8), format="rgb24")
        picture = rgb.reformat(
            format=self._stream.pix_fmt,
            dst_colorspace=matrix_name(self.shape.info),
            src_color_range="JPEG",
            dst_color_range="JPEG" if self._full_range(self._stream.pix_fmt) else "MPEG",
        )
        base = self.shape.time_base
        picture.time_base, picture.pts = base, round(frame.time / base)
        picture.duration = max(1, round((frame.time + frame.duration) / base) - picture.pts)
        self._mux(picture)

    def _mux(self, picture: Any) -> None:
        library = video_library()
        try:
            for packet in self._stream.encode(picture):
                self._container.mux(packet)
        except (library.FFmpegError, OSError) as error:
            raise OutputError(f"{self.path.name} cannot be encoded ({error}).") from error

    def close(self) -> None:
        """Write what the encoder still holds."""
        self._mux(None)
        self._container.close()

    def abandon(self) -> None:
        """Close without a promise that it is whole."""
        self._container.close()


def check_sound(source: Path, target: Path) -> None:
    """Find out before any work whether the target's container can hold the source's sound.

    Raises:
        InputError: It cannot.
    """
    library = video_library()
    with (
        library.open(str(source)) as clip,
        library.open(io.BytesIO(), "w", format=_format_of(target)) as container,
    ):
        for stream in clip.streams.audio:
            try:
                container.add_stream_from_template(stream)
            except ValueError as error:
                raise InputError(
                    f"a {target.suffix} cannot hold the sound of {source} "
                    f"({stream.codec_context.name}); choose .mkv or .mp4, or leave the sound out "
                    "with --no-sound."
                ) from error


def join(
    parts: Sequence[Path],
    made: Path,
    shape: VideoShape,
    *,
    sound_of: Path | None,
    start: Fraction,
    end: Fraction,
) -> None:
    """Put the parts of a video one after the other, with the sound copied from another file.

    Args:
        parts: As ``SegmentFile`` wrote them, at least one.
        made: The file to make.
        shape: Of the parts.
        sound_of: A file with sound, or None for silence.
        start, end: Seconds of that sound which are taken; its packets stay as they are.

    Raises:
        OutputError: It cannot be written.
    """
    library = video_library()
    try:
        with library.open(str(made), "w", format=_format_of(made)) as target:
            with library.open(str(parts[0])) as first:
                video = target.add_stream_from_template(first.streams.video[0])
            video.codec_context.framerate = shape.info.rate.limit_denominator(1001)
            if shape.info.rotation:
                video.set_display_rotation(shape.info.rotation)
            if sound_of is None:
                for _, packet in _video_packets(parts, video):
                    target.mux(packet)
                return
            with library.open(str(sound_of)) as clip:
                pairs = {s.index: target.add_stream_from_template(s) for s in clip.streams.audio}
                sounds = _sound_packets(clip, pairs, start, end)
                ordered = heapq.merge(
                    _video_packets(parts, video), sounds, key=lambda pair: pair[0]
                )
                for _, packet in ordered:
                    target.mux(packet)
    except (library.FFmpegError, OSError) as error:
        raise OutputError(f"{made.name} cannot be written ({error}).") from error


def _video_packets(parts: Sequence[Path], stream: Any) -> Iterator[tuple[float, Any]]:
    library = video_library()
    for part in parts:
        with library.open(str(part)) as container:
            for packet in container.demux(container.streams.video[0]):
                if packet.dts is None:
                    continue  # the end, not a packet
                time = float(packet.dts * packet.time_base)
                packet.stream = stream
                yield time, packet


def _sound_packets(
    clip: Any, pairs: dict[int, Any], start: Fraction, end: Fraction
) -> Iterator[tuple[float, Any]]:
    """The packets between two times, as if the first time were 0."""
    pictures = clip.streams.video
    # Times count from the first picture, which need not be at 0.
    begin = start
    if pictures and pictures[0].start_time:
        begin += pictures[0].start_time * Fraction(pictures[0].time_base)
    for packet in clip.demux(*[clip.streams[index] for index in pairs]):
        if packet.pts is None:
            continue
        base = Fraction(packet.time_base)
        time = packet.pts * base - begin
        if time >= end - start:
            continue
        if start > 0 and time < 0:
            continue
        shift = round(begin / base) if start > 0 else 0
        packet.pts -= shift
        if packet.dts is not None:
            packet.dts -= shift
        packet.stream = pairs[packet.stream.index]
        yield float(time), packet
