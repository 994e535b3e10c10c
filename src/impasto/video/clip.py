"""Frames that we made, written as a video, an animation or a folder of pictures."""

import io
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from impasto.checks import check_range
from impasto.images.encode import to_samples
from impasto.images.files import write_whole
from impasto.images.io import write_picture
from impasto.video.places import check_clip

_CRF = "18"
"""x264's quality: visually lossless, about 1 MB per second at 720p."""


def write_clip(
    frames: Iterable[Tensor], path: str | Path, *, rate: float = 24.0, overwrite: bool = False
) -> int:
    """Write frames; a file appears whole or not at all, frames of a folder one after the other.

    When it is interrupted, a file has the frames so far.

    Args:
        frames: (1, 3, H, W) in [0, 1], of one size, at least one.
        path: See ``check_clip``; for a folder, frame-0001.png and so on.
        rate: Frames per second, of a file.
        overwrite: Whether what is there may be replaced.

    Returns:
        How many frames were written.

    Raises:
        InputError, OutputError, MissingExtraError: See ``check_clip``.
    """
    check_range("rate", rate, above=0.0, at_most=1000.0)
    kind = check_clip(path, overwrite=overwrite)
    if kind == "folder":
        return _write_folder(frames, Path(path))
    source = _UntilInterrupted(frames)
    data = _encode_video(source, rate) if kind == "video" else _encode_animation(source, rate)
    if source.count:
        write_whole(path, data, overwrite=overwrite)
    if source.interrupted:
        raise KeyboardInterrupt
    return source.count


class _UntilInterrupted:
    """Frames, ending where somebody lost patience."""

    def __init__(self, frames: Iterable[Tensor]) -> None:
        self.frames, self.count, self.interrupted = frames, 0, False

    def __iter__(self) -> Iterator[Image.Image]:
        try:
            for frame in self.frames:
                yield Image.fromarray(to_samples(frame, 8))
                self.count += 1
        except KeyboardInterrupt:
            self.interrupted = True


def _write_folder(frames: Iterable[Tensor], folder: Path) -> int:
    count = 0
    for count, frame in enumerate(frames, start=1):
        write_picture(frame, folder / f"frame-{count:04}.png")
    return count


def _encode_animation(frames: Iterable[Image.Image], rate: float) -> bytes:
    # A palette per frame: one for all would be that of the first.
    small = [frame.quantize(256, method=Image.Quantize.MEDIANCUT) for frame in frames]
    buffer = io.BytesIO()
    if small:
        # Viewers slow down what is shown for less than 20 ms.
        duration = max(20, round(1000 / rate))
        small[0].save(
            buffer, "GIF", save_all=True, append_images=small[1:], duration=duration, loop=0
        )
    return buffer.getvalue()


def _encode_video(frames: Iterable[Image.Image], rate: float) -> bytes:
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = None
        for frame in frames:
            # Colours are halved in both directions, so sides must be even.
            width, height = frame.width - frame.width % 2, frame.height - frame.height % 2
            if stream is None:
                stream = container.add_stream(
                    "libx264", rate=Fraction(rate).limit_denominator(1001), options={"crf": _CRF}
                )
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            levels = np.asarray(frame.crop((0, 0, width, height)))
            picture = av.VideoFrame.from_ndarray(levels, format="rgb24")
            container.mux(stream.encode(picture))
        if stream is not None:
            container.mux(stream.encode())
    return buffer.getvalue()
