"""Small clips for tests: known motion, a tone, uneven times, a turned camera."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import torch

from impasto.images.samples import synthetic_photo

SIZE = (48, 64)
RATE = 12
HERTZ = 16000


def pictures(count: int = 12, size: tuple[int, int] = SIZE, step: float = 1.0, seed: int = 3):
    """Frames (H, W, 3) uint8 of a camera that moves ``step`` pixels to the right each time."""
    height, width = size
    scene = synthetic_photo((height, width + int(count * step) + 1), seed=seed).pixels[0]
    levels = (scene.permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    return [levels[:, int(i * step) : int(i * step) + width] for i in range(count)]


def tone(seconds: float) -> np.ndarray:
    times = np.arange(int(seconds * HERTZ)) / HERTZ
    return (0.3 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)[None]


def make_clip(
    path: Path,
    frames: Sequence[np.ndarray] | None = None,
    *,
    times: Sequence[int] | None = None,
    rotation: int = 0,
    full_range: bool = False,
    sound: str | None = "aac",
    codec: str = "libx264",
) -> Path:
    """Write a clip; ``times`` are those of the frames in twelfths of a second."""
    frames = pictures() if frames is None else frames
    times = list(range(len(frames))) if times is None else times
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=RATE)
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "yuv420p" if video.width % 2 == 0 == video.height % 2 else "yuv444p"
        if codec == "libx264":
            video.options = {"crf": "4"}
        video.codec_context.time_base = Fraction(1, RATE)
        video.codec_context.color_range = 2 if full_range else 1
        video.codec_context.colorspace = 6
        if rotation:
            video.set_display_rotation(rotation)
        audio = None
        if sound is not None:
            audio = container.add_stream(sound, rate=HERTZ, layout="mono")
        for levels, time in zip(frames, times, strict=True):
            rgb = av.VideoFrame.from_ndarray(np.ascontiguousarray(levels), format="rgb24")
            picture = rgb.reformat(
                format=video.pix_fmt,
                dst_colorspace="ITU601",
                src_color_range="JPEG",
                dst_color_range="JPEG" if full_range else "MPEG",
            )
            picture.pts, picture.time_base = time, Fraction(1, RATE)
            container.mux(video.encode(picture))
        container.mux(video.encode())
        if audio is not None:
            samples = tone((times[-1] + 1) / RATE)
            kind = audio.codec_context.format.name
            if not kind.startswith("flt"):
                samples = (samples * 32767).astype(np.int16)
            for start in range(0, samples.shape[1], 1000):
                part = np.ascontiguousarray(samples[:, start : start + 1000])
                block = av.AudioFrame.from_ndarray(part, format=kind, layout="mono")
                block.sample_rate, block.pts = HERTZ, start
                container.mux(audio.encode(block))
            container.mux(audio.encode())
    return path


def packets_of_sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        return [bytes(p) for p in container.demux(stream) if p.size]


def decoded_sound(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(parts, axis=1)


def times_of(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        return [frame.time for frame in container.decode(video=0)]


def levels_at(path: Path) -> torch.Tensor:
    """All frames (N, H, W, 3) as stored."""
    with av.open(str(path)) as container:
        return torch.stack(
            [torch.from_numpy(f.to_ndarray(format="rgb24")) for f in container.decode(video=0)]
        )
