"""How well a painter paints pictures that it has not seen: figures, spread, the worst pairs.

Reading order: find_pairs (who is painted in whose style), Evaluation (the loop), Evaluation.report
(what is said at the end). The figures themselves stand in ``metrics.py`` and ``judges.py``, the
sheet in ``evaluate_sheet.py``.
"""

import math
import os
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from impasto.errors import ImpastoError, InputError
from impasto.images.formats import find_pictures
from impasto.images.io import Picture, read_picture, write_picture
from impasto.images.resize import center_crop, resize
from impasto.inference.evaluate_settings import EvaluateConfig
from impasto.inference.judges import HIGHER_IS_BETTER, Judges
from impasto.inference.stylize import Stylizer

Place = str | os.PathLike[str]
PAINTINGS = "paintings"
"""Folder of the paintings, 000.png and so on."""


@dataclass(frozen=True)
class Pair:
    """What is painted and in whose style."""

    content: Path
    style: Path | None
    """None where only the painter knows it."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What became of one pair."""

    number: int
    """0-based; of the painting's file, too."""
    pair: Pair
    figures: dict[str, float] = field(default_factory=dict)
    error: ImpastoError | None = None


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One figure over all pairs."""

    mean: float
    spread: float
    """Standard deviation over the pairs; 0 for one alone."""
    interval: float
    """Half the width of the mean's 95 % interval."""
    worst: float
    worst_pair: int
    """Number of the pair that has it."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """What an evaluation says; ``as_document`` is its JSON."""

    model: str
    config: EvaluateConfig
    figures: dict[str, Figure]
    of_all: dict[str, float]
    """FID and ArtFID, which are not told of one pair."""
    absent: dict[str, str]
    """Figure -> why it is left out and what to type."""
    networks: dict[str, str]
    """Figure -> the network that tells it."""
    pairs: tuple[Judged, ...]
    skipped: tuple[Judged, ...]

    def as_document(self) -> dict[str, Any]:
        """Plain numbers, texts and lists."""
        settings = {name: getattr(self.config, name) for name in ("size", "limit", "seed", "alpha")}
        return {
            "model": self.model,
            "settings": settings,
            "networks": self.networks,
            "figures": {name: _rounded(vars(f)) for name, f in self.figures.items()},
            "of_all": _rounded(self.of_all),
            "absent": self.absent,
            "pairs": [_record(one) | {"figures": _rounded(one.figures)} for one in self.pairs],
            "skipped": [_record(one) | {"reason": str(one.error)} for one in self.skipped],
        }


def find_pairs(
    content: Place | None,
    style: Place | None,
    *,
    pairs: Place | None = None,
    limit: int = 100,
    seed: int = 0,
) -> list[Pair]:
    """Who is painted in whose style.

    Args:
        content: A folder of photographs.
        style: A folder of paintings, or one picture; None for a painter of one style.
        pairs: A TSV file with a content and a style per line, found in the two folders, or
            beside the file where none are given. Its order is kept.
        limit: At most so many; of all contents with all styles, or of the file's lines from
            the first.
        seed: Of the draw.

    Raises:
        InputError: Nothing to pair, or a line of the file that is no pair.
    """
    if pairs is not None:
        return _read_pairs(Path(pairs), content, style)[:limit]
    if content is None:
        raise InputError("an evaluation needs --content, a folder of photographs, or --pairs.")
    contents = _pictures(content)
    styles: Sequence[Path | None] = [None] if style is None else _pictures(style)
    count = len(contents) * len(styles)
    numbers = random.Random(seed).sample(range(count), min(limit, count))
    return [Pair(contents[n // len(styles)], styles[n % len(styles)]) for n in sorted(numbers)]


class Evaluation:
    """Paint every pair and have it judged; iterate to run it, then ask for the report.

    Args:
        stylizer: Who paints.
        pairs: See ``find_pairs``.
        config: How.
        folder: Where paintings are kept; None keeps none.

    Raises:
        InputError: The painter needs styles and a pair has none.
        WeightsError: See Judges.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        pairs: Sequence[Pair],
        config: EvaluateConfig | None = None,
        *,
        folder: Place | None = None,
    ) -> None:
        self.stylizer, self.pairs = stylizer, tuple(pairs)
        self.config = config or EvaluateConfig()
        self.folder = None if folder is None else Path(folder)
        self.one_style = stylizer.painter.own_style is not None
        if not self.one_style and any(pair.style is None for pair in self.pairs):
            raise InputError(
                f"{stylizer.name} paints any style, so give --style, a folder of paintings."
            )
        self.judges = Judges(self.config, stylizer.painter.device)
        if all(pair.style is None for pair in self.pairs):
            reason = "only the painter knows its style; give the picture it learned with --style"
            self.judges.absent |= {"style": reason, "fid": reason}
        self.done: list[Judged] = []

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Judged]:
        """One record per pair, in their order, as soon as it is judged or has failed."""
        for number in range(len(self.done), len(self.pairs)):
            pair = self.pairs[number]
            try:
                judged = Judged(number=number, pair=pair, figures=self._judge(number, pair))
            except InputError as error:  # of the files; a lack of memory or disk ends it all
                judged = Judged(number=number, pair=pair, error=error)
            self.done.append(judged)
            yield judged

    def report(self) -> Report:
        """What is known of the pairs so far.

        Raises:
            InputError: None of them could be judged; the first one's reason is given.
        """
        judged = tuple(one for one in self.done if one.error is None)
        skipped = tuple(one for one in self.done if one.error is not None)
        if not judged:
            reason = f": {skipped[0].error}" if skipped else "; give pictures to paint."
            raise InputError(f"no pair could be judged{reason}")
        figures = {name: _figure(name, judged) for name in judged[0].figures}
        lpips = figures.get("lpips")
        return Report(
            model=self.stylizer.name,
            config=self.config,
            figures=figures,
            of_all=self.judges.of_all(None if lpips is None else lpips.mean),
            absent=dict(self.judges.absent),
            networks=dict(self.judges.names),
            pairs=judged,
            skipped=skipped,
        )

    def _judge(self, number: int, pair: Pair) -> dict[str, float]:
        content = read_square(pair.content, self.config.size)
        style = None if pair.style is None else read_square(pair.style, self.config.size)
        painted = self.stylizer.stylize(
            content,
            None if self.one_style else style,
            alpha=self.config.alpha,
            seed=self.config.seed,
        )
        # Judged as a file of 8 bits would have it.
        pixels = painted.pixels.mul(255).round().div(255)
        figures = self.judges.look(content, style, pixels)
        if self.folder is not None:
            write_picture(Picture(pixels=pixels), painting_path(self.folder, number))
        return figures


def painting_path(folder: Path, number: int) -> Path:
    """Where the painting of a pair is kept."""
    return folder / PAINTINGS / f"{number:03}.png"


def read_square(path: Path, size: int) -> Tensor:
    """The central square of a picture, (1, 3, size, size) in [0, 1].

    Raises:
        ImageError: It cannot be read.
    """
    pixels = read_picture(path).pixels
    side = min(pixels.shape[-2:])
    return resize(center_crop(pixels, (side, side)), (size, size))


def _pictures(place: Place) -> list[Path]:
    if Path(place).is_file():
        return [Path(place)]
    found = find_pictures(Path(place))
    if not found:
        raise InputError(f"{place} holds no pictures.")
    return found


def _read_pairs(path: Path, content: Place | None, style: Place | None) -> list[Pair]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the pairs cannot be read from {path} ({error}).") from error
    folders = [path.parent if f is None else Path(f) for f in (content, style)]
    pairs = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        names = [name.strip() for name in line.split("\t")]
        if len(names) != 2 or not all(names):
            raise InputError(
                f"line {number} of {path} must be a content and a style with a tab between them; "
                f"got {line!r}."
            )
        pairs.append(Pair(folders[0] / names[0], folders[1] / names[1]))
    if not pairs:
        raise InputError(f"{path} names no pairs.")
    return pairs


def _figure(name: str, judged: Sequence[Judged]) -> Figure:
    told = [(one.figures[name], one.number) for one in judged if name in one.figures]
    values = [value for value, _ in told]
    spread = statistics.stdev(values) if len(values) > 1 else 0.0
    worst, number = (min if name in HIGHER_IS_BETTER else max)(told)
    return Figure(
        mean=statistics.fmean(values),
        spread=spread,
        interval=1.96 * spread / math.sqrt(len(values)),
        worst=worst,
        worst_pair=number,
    )


def _record(judged: Judged) -> dict[str, Any]:
    style = judged.pair.style
    return {
        "number": judged.number,
        "content": str(judged.pair.content),
        "style": None if style is None else str(style),
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}
