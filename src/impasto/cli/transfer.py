"""``impasto transfer``, ``texture`` and ``invert``: the picture itself is optimised."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.checks import check_range
from impasto.cli.output import complain, print_json, progress_bar
from impasto.cli.parser import Given
from impasto.cli.startup import quick_start
from impasto.errors import InputError
from impasto.images.files import check_destination
from impasto.images.formats import choose_format
from impasto.kinds import KeepColor
from impasto.methods.gatys.settings import TransferConfig
from impasto.runtime import Precision

if TYPE_CHECKING:
    from impasto.inference.transfer import Transfer
    from impasto.methods.base import Step

INTERRUPTED = 130
"""The shell's code for a command ended by Ctrl-C."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """By which settings and network."""

    preset: str = "recommended"
    """Whose settings count where nothing is typed: recommended, gatys-paper, gatys-authors,
    neural-style, ai-art or crowson."""

    network: str | None = None
    """lite, vgg19, vgg16 or a file of a VGG's weights. Default: the preset's."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:1 or mps."""

    precision: Precision = "float32"
    """Of the network; auto is bfloat16 where that is faster."""

    tile: str = "auto"
    """Side in pixels of the tiles in which the network looks at the picture, or off; auto takes
    tiles where the whole would not fit in memory. The result is the same but for rounding."""

    max_memory: str | None = None
    """How much memory may be taken, such as 800M or 6G."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where to."""

    output: str | None = None
    """The picture. Default: beside the first one, under its name and what was done to it."""

    save_every: int = 0
    """Keep the picture after every so many steps, as OUTPUT-000100.png, and what --resume
    needs."""

    preview: str | None = None
    """A picture that is written anew every second, for a viewer to watch."""

    resume: bool = False
    """Go on where the last run with this output stopped."""

    overwrite: bool = False
    """Replace a picture that exists."""

    json: bool = False
    """One JSON document on standard output instead of the path."""

    def __post_init__(self) -> None:
        check_range("--save-every", self.save_every, at_least=0)


def transfer(
    content: str,
    *,
    style: list[str],
    settings: Given[TransferConfig],
    model: Model,
    files: Files,
    mask: list[str] | None = None,
    start: str | None = None,
    keep_color: KeepColor = "none",
) -> int:
    """Paint a photograph by changing its pixels until they show the style.

    Takes a minute where impasto stylize takes a second, and needs no training. Ctrl-C keeps the
    picture so far; --resume goes on from there.

    Args:
        content: The photograph.
        style: Pictures to take the style from.
        settings: What is minimised and how; where nothing is typed the preset counts.
        model: By which settings and network.
        files: Where to.
        mask: One picture per style, of any size: white where that style counts.
        start: Picture to begin with, of any size.
        keep_color: How the photograph's colours are kept.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes.

    Examples:
        impasto transfer photo.jpg --style wave.jpg -o out.png
        impasto transfer photo.jpg --style wave.jpg klee.jpg --style-weights 2 1 --size 800
    """
    label = "-".join(Path(name).stem for name in style)
    run = _Run(files, _beside(content, label), [content, *style, *(mask or [])])
    with quick_start():
        from impasto.inference.transfer import transfer as begin

    begun = begin(
        content,
        style,
        mask=mask,
        start=start,
        keep_color=keep_color,
        **asdict(model),
        **settings,
    )
    return run.go(begun, asdict(model) | {"content": content, "styles": style})


def texture(
    style: list[str],
    *,
    settings: Given[TransferConfig],
    shape: list[int] | None = None,
    model: Model,
    files: Files,
) -> int:
    """Make a texture of a style: its strokes and colours alone, in any size.

    With --seamless it wraps around, as tiles and wallpapers must. --style-layers takes it from
    some layers only.

    Args:
        style: Pictures to take the style from.
        settings: What is minimised and how; where nothing is typed the preset counts.
        shape: Height and width of the result in pixels. Default: a square of --size.
        model: By which settings and network.
        files: Where to.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes.

    Examples:
        impasto texture wave.jpg --shape 256 384 --seamless -o tile.png
        impasto texture wave.jpg --style-layers relu2_1 relu3_1
    """
    if shape is not None and (len(shape) != 2 or min(shape) < 1):
        raise InputError(f"--shape needs a height and a width in pixels; got {shape}.")
    run = _Run(files, _beside(style[0], "texture"), style)
    with quick_start():
        from impasto.inference.transfer import texture as begin_texture

    size = (shape[0], shape[1]) if shape else None
    begun = begin_texture(style, shape=size, **asdict(model), **settings)
    return run.go(begun, asdict(model) | {"styles": style})


def invert(
    content: str,
    *,
    layer: str,
    settings: Given[TransferConfig],
    model: Model,
    files: Files,
) -> int:
    """Show what one layer of a network still knows of a picture.

    From noise, a picture is sought whose features at that layer are the same.

    Args:
        content: The picture.
        layer: Such as relu4_1 or conv2_2.
        settings: What is minimised and how; where nothing is typed the preset counts.
        model: By which settings and network.
        files: Where to.

    Returns:
        The exit code.

    Raises:
        ImpastoError: What is wrong with the wishes.

    Examples:
        impasto invert photo.jpg --layer relu4_1 -o known.png
        impasto invert photo.jpg --layer conv2_2 --size 256
    """
    run = _Run(files, _beside(content, layer), [content])
    with quick_start():
        from impasto.inference.transfer import invert as begin_invert

    begun = begin_invert(content, layer=layer, **asdict(model), **settings)
    return run.go(begun, asdict(model) | {"content": content, "layer": layer})


class _Run:
    """Where a run's files go, checked before any work, and the loop with its bar."""

    def __init__(self, files: Files, output: str, inputs: list[str]) -> None:
        self.files, self.output = files, Path(files.output or output)
        self.preview = Path(files.preview) if files.preview else None
        for path in [self.output, *([self.preview] if self.preview else [])]:
            choose_format(None, path)
            if path.resolve() in [Path(name).resolve() for name in inputs]:
                raise InputError(f"{path} is read, too; give another place to write to.")
        check_destination(self.output, overwrite=files.overwrite or files.resume)
        if self.preview:
            check_destination(self.preview, overwrite=True)

    @property
    def state(self) -> Path:
        """What --resume reads, beside the output."""
        return self.output.with_name(self.output.name + ".resume")

    def go(self, run: "Transfer", facts: dict[str, Any]) -> int:
        """Run to the end or to Ctrl-C; the exit code."""
        if self.files.resume:
            run.resume(self.state)
        began, losses = time.perf_counter(), {}
        try:
            with progress_bar("painting", run.optimization.total) as show:
                watch = _Watch(run, self.preview)
                for step in run:
                    losses = step.losses
                    show(step.index, note=_terms(step))
                    watch(step)
                    if self.files.save_every and step.index % self.files.save_every == 0:
                        self._keep(run, step.index)
        except KeyboardInterrupt:
            return self._interrupted(run)
        run.picture.save(self.output)
        self.state.unlink(missing_ok=True)
        seconds = round(time.perf_counter() - began, 2)
        if self.files.json:
            size = list(run.optimization.scales[-1])
            facts = facts | {"output": str(self.output), "size": size, "seed": run.config.seed}
            facts |= {"steps": run.optimization.index, "losses": losses, "seconds": seconds}
            print_json(facts)
        else:
            print(self.output)
        return 0

    def _keep(self, run: "Transfer", index: int) -> None:
        name = f"{self.output.stem}-{index:06}{self.output.suffix}"
        run.picture.save(self.output.with_name(name))
        run.save_state(self.state)

    def _interrupted(self, run: "Transfer") -> int:
        if run.optimization.index:
            run.picture.save(self.output)
            run.save_state(self.state)
            print(self.output)
        complain(
            f"stopped after {run.optimization.index} of {run.optimization.total} steps; "
            "--resume goes on."
        )
        return INTERRUPTED


class _Watch:
    """Writes the picture so far for a viewer, about once a second."""

    def __init__(self, run: "Transfer", path: Path | None) -> None:
        self.run, self.path, self.last = run, path, 0.0
        self.clock: Callable[[], float] = time.monotonic

    def __call__(self, step: "Step") -> None:
        now = self.clock()
        if self.path and (now - self.last >= 1 or step.index == step.steps):
            self.last = now
            self.run.picture.save(self.path)


def _terms(step: "Step") -> str:
    return " ".join(f"{name} {value:.3g}" for name, value in step.losses.items())


def _beside(path: str, label: str) -> str:
    source = Path(path)
    return str(source.with_name(f"{source.stem}-{label}.png"))
