"""A clip that is not finished: parts in a hidden folder beside its place.

Each part holds some seconds and is whole; with it lies what the next frame needs of the last one.
After a kill the work goes on behind the last whole part, and gives the same frames. The output gets
its name when all is done.

Reading order: ClipWriter.
"""

import json
import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from impasto.errors import InputError, OutputError
from impasto.images.encode import to_samples
from impasto.images.files import plain_reason, write_whole
from impasto.images.io import write_picture
from impasto.video.encode import SegmentFile, VideoShape, join
from impasto.video.io import ClipInfo, Frame
from impasto.video.places import Kind
from impasto.weights.files import read_tensors, write_tensors


class ClipWriter:
    """Takes frames, and makes a video, an animation or a folder of them.

    Args:
        target: Where the clip will go.
        kind: What it will be.
        info: Of the clip that is painted.
        codec: Encoder of a video; None chooses by the ending.
        key: Says of which clip, styles and settings it is.
        resume: Whether parts of an earlier run may be gone on with.

    Attributes:
        frames: How many are in whole parts.
        carry: What was left with the last of them.

    Raises:
        InputError: The earlier run was of something else, or the codec cannot be.
        OutputError: The place cannot be written.
    """

    def __init__(
        self,
        target: Path,
        kind: Kind,
        info: ClipInfo,
        *,
        codec: str | None,
        key: str,
        resume: bool,
    ) -> None:
        self.target, self.kind, self.key = target, kind, key
        self.shape = VideoShape.of(target, info, codec) if kind == "video" else None
        self.folder = target.parent / f".{target.name}.part"
        self._state = self.folder / "state.json"
        self.parts = self.frames = 0
        self.carry: dict[str, Tensor] = {}
        self._durations: list[int] = []
        self._open: SegmentFile | None = None
        self._pending = 0
        if not (resume and self._recall()):
            self._begin()

    def _begin(self) -> None:
        try:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise self._refusal(error) from error
        self._keep_state()

    def _recall(self) -> bool:
        if not self._state.is_file():
            return False
        state: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        if state.get("key") != self.key:
            raise InputError(
                f"the unfinished clip {self.target} is of another clip, style or setting; leave "
                "--resume out to begin it again."
            )
        self.parts, self.frames = state["parts"], state["frames"]
        self._durations = state["durations"]
        carried = self.folder / f"carry-{self.parts:05}.safetensors"
        self.carry = read_tensors(carried) if carried.is_file() else {}
        return True

    def write(self, frame: Frame) -> None:
        """Take a frame.

        Raises:
            OutputError: It cannot be encoded or kept.
        """
        self._durations.append(max(20, round(frame.duration * 1000)))
        self._pending += 1
        if self.shape is None:
            place = self.folder / f"frame-{len(self._durations):05}.png"
            write_picture(frame.pixels, place, overwrite=True)
            return
        if self._open is None:
            self._open = SegmentFile(self._part(self.parts), self.shape)
        self._open.write(frame)

    def end_part(self, carry: dict[str, Tensor]) -> None:
        """Close a part; what was written is safe from now on.

        Args:
            carry: What the next frame needs of the last one.
        """
        if not self._pending:
            return
        try:
            if self._open is not None:
                self._open.close()
                with self._part(self.parts).open("rb") as file:
                    os.fsync(file.fileno())
            self.parts += 1
            if carry:
                write_tensors(self.folder / f"carry-{self.parts:05}.safetensors", carry, {})
        except OSError as error:
            raise self._refusal(error) from error
        self.frames += self._pending
        self._open, self._pending, self.carry = None, 0, carry
        self._keep_state()
        (self.folder / f"carry-{self.parts - 1:05}.safetensors").unlink(missing_ok=True)

    def _keep_state(self) -> None:
        state = {
            "key": self.key,
            "parts": self.parts,
            "frames": self.frames,
            "durations": self._durations[: self.frames],
        }
        write_whole(self._state, json.dumps(state).encode())

    def _part(self, index: int) -> Path:
        return self.folder / f"part-{index:05}.nut"

    def abandon(self) -> None:
        """Leave the parts for a later run."""
        if self._open is not None:
            self._open.abandon()
            self._open = None

    def finish(self, *, sound_of: Path | None, start: Fraction, end: Fraction) -> None:
        """Make the clip of all whole parts, and give it its name.

        Args:
            sound_of: Whose sound a video gets.
            start, end: Seconds of that sound.

        Raises:
            OutputError: The place cannot be written.
        """
        made = self.folder / self.target.name
        if self.kind == "folder":
            made = self._as_folder()
        elif self.kind == "animation":
            self._as_animation(made)
        else:
            assert self.shape is not None
            parts = [self._part(index) for index in range(self.parts)]
            join(parts, made, self.shape, sound_of=sound_of, start=start, end=end)
        try:
            if made.is_file():
                with made.open("rb") as file:
                    os.fsync(file.fileno())
            self._make_room()
            os.replace(made, self.target)
        except OSError as error:
            raise self._refusal(error) from error
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make_room(self) -> None:
        """Frames of an earlier run go; a folder with other things in it keeps them."""
        if self.kind != "folder" or not self.target.is_dir():
            return
        for path in self.target.glob("frame-*.png"):
            path.unlink()
        if any(self.target.iterdir()):
            raise OutputError(
                f"{self.target} holds other files as well; choose another folder for the frames."
            )
        self.target.rmdir()

    def _as_folder(self) -> Path:
        made = self.folder / "frames"
        made.mkdir(exist_ok=True)
        for index in range(1, self.frames + 1):
            name = f"frame-{index:05}.png"
            if not (made / name).exists():
                os.replace(self.folder / name, made / name)
        return made

    def _as_animation(self, made: Path) -> None:
        # A palette per frame: one for all would be that of the first.
        small = []
        for index in range(1, self.frames + 1):
            with Image.open(self.folder / f"frame-{index:05}.png") as image:
                small.append(image.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT))
        small[0].save(
            made,
            "GIF",
            save_all=True,
            append_images=small[1:],
            duration=self._durations[: self.frames],
            loop=0,
        )

    def _refusal(self, error: OSError) -> OutputError:
        return OutputError(
            f"{self.target} cannot be written: {plain_reason(error)} (finished parts are kept for "
            "--resume)."
        )


def to_image(pixels: Tensor) -> Image.Image:
    """(1, 3, H, W) in [0, 1] as a picture of Pillow's."""
    return Image.fromarray(np.ascontiguousarray(to_samples(pixels, 8)))
