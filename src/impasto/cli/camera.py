"""``impasto video --camera``: a window that shows what the camera sees, painted."""

import itertools
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from impasto.inference.settings import StylizeConfig, VideoConfig
    from impasto.inference.stylize import Stylizer

_SIDE = 640
"""Pixels of the longer side that is asked of the camera: more would not be live."""

_DEVICES = {
    "linux": ("v4l2", "/dev/video0"),
    "darwin": ("avfoundation", "0"),
    "win32": ("dshow", "video=0"),
}
"""FFmpeg's name of the system's cameras, and the first of them."""


def show_camera(
    load: "Callable[[], Stylizer]",
    style: list[str],
    settings: "StylizeConfig",
    film: "VideoConfig",
) -> int:
    """Paint the camera's frames into a window until it is closed.

    Args:
        load: Gives the painter, once it is known that there is something to paint and to show.
        style: Names or paths; times make no sense here.
        settings: How each frame looks.
        film: How steady frames are.

    Returns:
        0.

    Raises:
        InputError: There is no camera or no screen.
        MissingExtraError: The extra ``video`` is not installed.
    """
    if any("@" in name and not Path(name).exists() for name in style):
        raise InputError("a camera has no end, so styles with times cannot be shown; leave @ out.")
    check_screen()
    frames = camera_frames()
    first = next(frames)
    stylizer = load()
    from impasto.inference.steady import SteadyPainter
    from impasto.inference.stylize import normalized_weights

    styles = stylizer.statistics_of(style, style_scale=settings.style_scale)
    weights = normalized_weights(settings.style_weights, len(styles))
    painter = SteadyPainter(stylizer, styles, config=settings, video=film)
    window = Window("impasto", first.shape[-2:])
    for frame in itertools.chain([first], frames):
        window.show(painter.paint(frame, weights))
        if not window.is_open:
            break
    return 0


def check_screen() -> None:
    """Find out whether a window can be opened.

    Raises:
        InputError: It cannot; the message says why.
    """
    try:
        import tkinter
    except ImportError as error:
        raise InputError(
            "this Python has no tkinter, which --camera needs for its window; install it (such as "
            "the package python3-tk), or record a clip and give it as CLIP."
        ) from error
    no_screen = "there is no screen to show --camera on; record a clip and give it as CLIP."
    wanted = sys.platform not in ("darwin", "win32")
    if wanted and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise InputError(no_screen)
    try:
        tkinter.Tk().destroy()
    except tkinter.TclError as error:
        raise InputError(no_screen) from error


def camera_frames() -> "Iterator[Tensor]":
    """What the first camera sees, (1, 3, H, W) in [0, 1], until it is gone.

    Raises:
        InputError: There is no camera, or it cannot be opened.
        MissingExtraError: The extra ``video`` is not installed.
    """
    from impasto.video.io import open_camera

    kind, name = _DEVICES.get(sys.platform, _DEVICES["linux"])
    if kind == "v4l2" and not Path(name).exists():
        raise InputError(
            f"there is no camera at {name}; connect one, or record a clip and give it as CLIP."
        )
    return open_camera(kind, name, _SIDE)


class Window:
    """A window for pictures of one size.

    Args:
        title: Of the window.
        size: (height, width) of the pictures.
    """

    def __init__(self, title: str, size: Any) -> None:
        import tkinter

        self._root = tkinter.Tk()
        self._root.title(title)
        self.is_open = True
        self._root.protocol("WM_DELETE_WINDOW", self._close)
        self._root.bind("<Escape>", lambda event: self._close())
        self._canvas = tkinter.Canvas(self._root, width=size[1], height=size[0])
        self._canvas.pack()
        self._image: Any = None

    def show(self, pixels: "Tensor") -> None:
        """Show (1, 3, H, W) in [0, 1], and take what was typed meanwhile."""
        from PIL import ImageTk

        from impasto.video.segments import to_image

        self._image = ImageTk.PhotoImage(to_image(pixels), master=self._root)
        self._canvas.create_image(0, 0, image=self._image, anchor="nw")
        self._root.update()
        if not self.is_open:
            self._root.destroy()

    def _close(self) -> None:
        self.is_open = False
