"""Frames of a video, an animation or a folder of pictures, with their times.

Reading order: Frame and ClipInfo (what there is), ClipReader (all three kinds).
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from torch import Tensor

from impasto.errors import ImageError, InputError, MissingExtraError
from impasto.images.decode import DAMAGE
from impasto.images.files import open_to_read
from impasto.images.formats import find_pictures
from impasto.images.io import read_picture
from impasto.images.resize import Size

DEFAULT_RATE = Fraction(24)
"""Frames per second of a folder of pictures."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Frame:
    """One picture of a clip."""

    pixels: Tensor
    """(1, 3, H, W) in [0, 1], sRGB, upright."""
    time: Fraction
    """Seconds from the beginning of the clip."""
    duration: Fraction
    """Seconds for which it is shown."""


@dataclass(frozen=True, kw_only=True)
class ClipInfo:
    """What is known of a clip before its frames are."""

    size: Size
    """(height, width), upright."""
    rate: Fraction
    """Frames per second, on average."""
    seconds: float | None = None
    """None where nobody knows."""
    time_base: Fraction = Fraction(1, 1000)
    """What times are counted in."""
    rotation: int = 0
    """Degrees counter-clockwise by which stored frames are turned to be upright."""
    full_range: bool = False
    """Whether stored levels go from 0 to 255, and not from 16 to 235."""
    colors: tuple[int, int, int] = (2, 2, 2)
    """Numbers of matrix, primaries and transfer curve (ISO/IEC 23091-2); 2 is unknown."""
    sound: bool = False


def video_library() -> Any:
    """PyAV, or the sentence that says how to install it.

    Raises:
        MissingExtraError: The extra ``video`` is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise MissingExtraError.of(
            "video", "A video (a .gif or a folder of frames does not)"
        ) from error
    return av


class ClipReader:
    """A clip, read from its beginning, as often as wanted.

    Args:
        path: A video, a .gif, or a folder of pictures, which are taken in the order of their names.
        rate: Frames per second of a folder.

    Attributes:
        damage: A sentence about where reading ended early, or None.

    Raises:
        ImageError: Missing, no video, damaged, or without any frame.
        MissingExtraError: A video without the extra ``video``.
    """

    def __init__(self, path: str | Path, *, rate: Fraction | None = None) -> None:
        self.path = Path(path)
        self.damage: str | None = None
        if rate is not None and not self.path.is_dir():
            raise InputError("a rate is of a folder of pictures; a video has its own.")
        self._rate = rate or DEFAULT_RATE
        if self.path.is_dir():
            self.info = self._look_at_folder()
        elif self.path.suffix.lower() == ".gif":
            self.info = self._look_at_animation()
        else:
            self.info = self._look_at_video()

    def frames(self) -> Iterator[Frame]:
        """All frames in order; reading ends where the file is damaged, and ``damage`` says so.

        Raises:
            ImageError: Damaged before the first frame, or a frame of another size.
        """
        self.damage = None
        if self.path.is_dir():
            yield from self._of_folder()
        elif self.path.suffix.lower() == ".gif":
            yield from self._of_animation()
        else:
            yield from self._of_video()

    # Folders

    def _look_at_folder(self) -> ClipInfo:
        self._pictures = find_pictures(self.path, recursive=False)
        if not self._pictures:
            raise ImageError(f"{self.path} has no pictures that could be frames.")
        size = read_picture(self._pictures[0]).size
        seconds = float(len(self._pictures) / self._rate)
        return ClipInfo(size=size, rate=self._rate, seconds=seconds, time_base=1 / self._rate)

    def _of_folder(self) -> Iterator[Frame]:
        duration = 1 / self._rate
        for index, path in enumerate(self._pictures):
            picture = read_picture(path)
            if picture.size != self.info.size:
                raise ImageError(
                    f"{path} is {picture.size[1]}x{picture.size[0]} and the first frame "
                    f"{self.info.size[1]}x{self.info.size[0]}; frames must be of one size."
                )
            yield Frame(pixels=picture.pixels, time=index * duration, duration=duration)

    # Animations

    def _look_at_animation(self) -> ClipInfo:
        with open_to_read(self.path) as file, self._readable(), Image.open(file) as image:
            durations = []
            for index in range(getattr(image, "n_frames", 1)):
                image.seek(index)
                durations.append(_shown(image))
            seconds = sum(durations, Fraction(0))
            return ClipInfo(
                size=(image.height, image.width),
                rate=len(durations) / seconds,
                seconds=float(seconds),
                time_base=Fraction(1, 100),
            )

    def _of_animation(self) -> Iterator[Frame]:
        time = Fraction(0)
        with open_to_read(self.path) as file, self._readable(), Image.open(file) as image:
            for page in ImageSequence.Iterator(image):
                duration = _shown(page)
                levels = np.array(page.convert("RGB"))
                yield Frame(pixels=_to_pixels(levels), time=time, duration=duration)
                time += duration

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except ImageError:
            raise
        except DAMAGE as error:
            raise ImageError(f"{self.path} is damaged or no animation ({error}).") from error

    # Videos

    @contextlib.contextmanager
    def _opened(self) -> Iterator[Any]:
        library = video_library()
        open_to_read(self.path).close()
        try:
            container = library.open(str(self.path))
        except library.FFmpegError as error:
            empty = self.path.stat().st_size == 0
            what = "is empty (0 bytes)" if empty else "is no video that can be read, or is cut off"
            raise ImageError(f"{self.path} {what} ({_said(error)}).") from error
        with container:
            if not container.streams.video:
                holds = "only sound" if container.streams.audio else "neither pictures nor sound"
                raise ImageError(f"{self.path} has no video in it, {holds}.")
            yield container

    def _look_at_video(self) -> ClipInfo:
        library = video_library()
        with self._opened() as container:
            stream = container.streams.video[0]
            try:
                first = next(container.decode(stream), None)
            except library.FFmpegError as error:
                raise ImageError(f"{self.path} is damaged ({_said(error)}).") from error
            if first is None:
                raise ImageError(f"{self.path} has no frames: it is 0 seconds long.")
            rotation = int(first.rotation)
            upright = (first.height, first.width)
            if rotation % 180:
                upright = upright[::-1]
            codec = stream.codec_context
            length = stream.duration and float(stream.duration * stream.time_base)
            return ClipInfo(
                size=upright,
                rate=Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_RATE),
                seconds=length or (container.duration and container.duration / 1e6),
                time_base=Fraction(stream.time_base),
                rotation=rotation,
                full_range=int(codec.color_range) == 2 or first.format.name.startswith("yuvj"),
                colors=(codec.colorspace, codec.color_primaries, codec.color_trc),
                sound=bool(container.streams.audio),
            )

    def _of_video(self) -> Iterator[Frame]:
        library = video_library()
        with self._opened() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            usual, begin, end = 1 / self.info.rate, None, Fraction(0)
            decoded = container.decode(stream)
            while True:
                try:
                    frame = next(decoded, None)
                except library.FFmpegError as error:
                    if begin is None:
                        raise ImageError(f"{self.path} is damaged ({_said(error)}).") from error
                    self._note_damage(end, _said(error))
                    return
                if frame is None:
                    break
                time = end if frame.pts is None else frame.pts * Fraction(frame.time_base)
                begin = time if begin is None else begin
                duration = frame.duration * Fraction(frame.time_base) if frame.duration else usual
                yield Frame(pixels=self._pixels(frame), time=time - begin, duration=duration)
                end = time - begin + duration
        missing = (self.info.seconds or 0) - float(end)
        if missing > max(0.5, 3 * float(usual)):
            self._note_damage(end, f"the last {missing:.1f} seconds are missing")

    def _note_damage(self, end: Fraction, reason: str) -> None:
        self.damage = f"{self.path} is damaged after {float(end):.2f} seconds ({reason})."

    def _pixels(self, frame: Any) -> Tensor:
        levels = np.rot90(_to_rgb(frame, self.info), self.info.rotation // 90)
        pixels = _to_pixels(np.ascontiguousarray(levels))
        if (pixels.shape[-2], pixels.shape[-1]) != self.info.size:
            raise ImageError(
                f"{self.path} changes its size to {pixels.shape[-1]}x{pixels.shape[-2]} in the "
                "middle; cut it there and paint the parts."
            )
        return pixels


_WEIGHTS = {"ITU709": (0.2126, 0.0722), "ITU601": (0.299, 0.114), "FCC": (0.30, 0.11),
            "SMPTE240M": (0.212, 0.087)}  # fmt: skip
"""What red and blue add to light (ITU-T H.273, table 4)."""


def matrix_name(info: ClipInfo) -> str:
    """PyAV's name of the matrix from light and colour differences to red, green and blue."""
    known = {1: "ITU709", 5: "ITU601", 6: "ITU601", 4: "FCC", 7: "SMPTE240M"}
    # What does not say it is of its time: high definition came with the newer matrix.
    usual = "ITU709" if max(info.size) >= 1280 else "ITU601"
    return known.get(int(info.colors[0]), usual)


def _to_rgb(frame: Any, info: ClipInfo) -> NDArray[np.float32]:
    """(H, W, 3) in [0, 1]; by our own arithmetic, because swscale's is two levels off."""
    if frame.format.is_rgb or len(frame.format.components) < 3:
        return frame.to_ndarray(format="rgb24").astype(np.float32) / 255  # type: ignore[no-any-return]
    deep = frame.format.components[0].bits > 8
    # The range is named on both sides so that levels are left as they are.
    kept = "JPEG" if info.full_range else "MPEG"
    planes = frame.reformat(
        format="yuv444p16le" if deep else "yuv444p", src_color_range=kept, dst_color_range=kept
    ).to_ndarray()
    light, blue, red = np.moveaxis(planes.astype(np.float32), 2 if deep else 0, 0)
    unit = 256.0 if deep else 1.0
    black, spans = (0, (255, 255)) if info.full_range else (16, (219, 224))
    light = (light / unit - black) / spans[0]
    blue, red = ((part / unit - 128) / spans[1] for part in (blue, red))
    of_red, of_blue = _WEIGHTS[matrix_name(info)]
    r = light + 2 * (1 - of_red) * red
    b = light + 2 * (1 - of_blue) * blue
    g = (light - of_red * r - of_blue * b) / (1 - of_red - of_blue)
    return np.stack([r, g, b], axis=-1).clip(0, 1)


def _to_pixels(levels: Any) -> Tensor:
    pixels = torch.from_numpy(levels).permute(2, 0, 1)[None].to(torch.float32)
    return pixels if levels.dtype == np.float32 else pixels / 255


def _shown(page: Image.Image) -> Fraction:
    # Viewers show what has no time, or less than 20 ms, for a tenth of a second.
    milliseconds = page.info.get("duration", 0)
    return Fraction(int(milliseconds) if milliseconds >= 20 else 100, 1000)


def _said(error: Exception) -> str:
    """FFmpeg's own words, without numbers and file names."""
    text = str(getattr(error, "strerror", None) or error).strip().rstrip(".")
    return text[:1].lower() + text[1:]


def open_camera(kind: str, name: str, side: int) -> Iterator[Tensor]:
    """What a camera sees, (1, 3, H, W) in [0, 1], until it is gone.

    Args:
        kind: FFmpeg's name of the system's cameras, such as "v4l2".
        name: Of the camera.
        side: Pixels of the longer side; larger pictures are reduced.

    Raises:
        InputError: It cannot be opened.
        MissingExtraError: The extra ``video`` is not installed.
    """
    library = video_library()
    try:
        container = library.open(name, format=kind)
    except (library.FFmpegError, ValueError) as error:
        raise InputError(
            f"the camera {name} cannot be opened ({_said(error)}); close other programs that use "
            "it, or record a clip and give it as CLIP."
        ) from error
    return _camera_frames(container, side)


def _camera_frames(container: Any, side: int) -> Iterator[Tensor]:
    with container:
        for frame in container.decode(video=0):
            factor = min(1.0, side / max(frame.width, frame.height))
            size = {name: round(getattr(frame, name) * factor) for name in ("width", "height")}
            yield _to_pixels(frame.reformat(format="rgb24", **size).to_ndarray())
