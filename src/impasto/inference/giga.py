"""Pictures larger than memory: read by region, painted in tiles, each kept at once.

Reading order: paint_file (one picture), _Work (its steps).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from impasto.images.encode import to_samples
from impasto.images.files import check_destination
from impasto.images.giga import GigaPicture, Target, write_giga
from impasto.images.masks import mask_of
from impasto.images.recolor import ColorCount, Recolor
from impasto.images.resize import Box, Size
from impasto.images.strips import Unfinished, same_key
from impasto.inference.regions import SoftMasks
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import StyleSource, Stylizer, masks_of, normalized_weights
from impasto.inference.tiled import OnTile, TiledPainting
from impasto.methods.base import Statistics
from impasto.weights.files import read_tensors, write_tensors

_BAND = 1 << 22
"""Pixels that are read at once where nothing is painted."""


def paint_file(
    stylizer: Stylizer,
    content: str | Path,
    output: str | Path,
    *,
    style: StyleSource | Sequence[StyleSource] | None = None,
    mask: Any | Sequence[Any] | None = None,
    config: StylizeConfig | None = None,
    pyramid: bool = False,
    quality: int = 95,
    resume: bool = False,
    overwrite: bool = False,
    on_tile: OnTile | None = None,
) -> Size:
    """Paint a file of any size into another, with a few tiles in memory.

    Args:
        stylizer: Who paints.
        content: A file that libvips reads: TIFF, BigTIFF, PNG, JPEG and others.
        output: .tif, .png, .jpg, or .dzi for a Deep Zoom pyramid. Colour profile and resolution
            are those of ``content``.
        style, mask, config: See Stylizer.stylize.
        pyramid: Let a .tif hold itself at smaller sizes, too.
        quality: 1 to 100, of JPEG and of the tiles of a .dzi.
        resume: Go on with what an earlier run of the same painting left behind.
        overwrite: Whether an existing file may be replaced.
        on_tile: Told of every tile.

    Returns:
        (height, width) of the painting.

    Raises:
        MissingExtraError: The extra ``giga`` is not installed.
        ImageError: The picture cannot be read, is damaged, or changes meanwhile.
        InputError: A style, mask or setting that does not fit, or a format that cannot be streamed.
        OutputError: The place cannot be written, or is full; finished strips are kept.
        ResourceError: ``max_memory`` is less than the smallest tile needs.
    """
    config = config or StylizeConfig()
    target = Target(path=Path(output), quality=quality, pyramid=pyramid)
    target.check((1, 1))
    check_destination(target.path, overwrite=overwrite)
    source = GigaPicture(content)
    target.check(source.size)
    statistics = stylizer.statistics_of(style, style_scale=config.style_scale)
    weights = normalized_weights(config.style_weights, len(statistics))
    pictures = [mask_of(m) for m in masks_of(mask, len(statistics))]
    masks = SoftMasks(pictures, weights, source.size) if pictures else None
    tiles = None
    if config.alpha > 0:
        tiles = stylizer.in_tiles(source, statistics, config=config, masks=masks, streamed=True)
    key = _key(stylizer, source, statistics, pictures, config, tiles)
    unfinished = Unfinished(
        target.path,
        key=key,
        size=source.size,
        bands=3 + source.has_alpha,
        bits=source.bits,
        resume=resume,
    )
    work = _Work(source, tiles, masks, config, unfinished)
    work.run(on_tile)
    made = write_giga(unfinished.raw, source, target, unfinished.folder)
    source.check_unchanged()
    beside = [made.with_name(f"{made.stem}_files")] if target.kind == "DZI" else []
    unfinished.finish([*beside, made], overwrite=overwrite)
    return source.size


def _key(
    stylizer: Stylizer,
    source: GigaPicture,
    statistics: Sequence[Statistics],
    masks: Sequence[Tensor],
    config: StylizeConfig,
    tiles: TiledPainting | None,
) -> str:
    """What must be the same for strips of two runs to fit together."""
    painter = stylizer.painter
    edges = [] if tiles is None else [*tiles.rows, *tiles.columns]
    wishes = (config.alpha, config.style_weights, config.keep_color, config.seed)
    return same_key(
        [
            *(source.identity, painter.digest, str(painter.dtype), str(painter.device)),
            *(list(statistics), list(masks), wishes, config.tile_statistics, edges),
        ]
    )


class _Work:
    """The steps of one painting."""

    def __init__(
        self,
        source: GigaPicture,
        tiles: TiledPainting | None,
        masks: SoftMasks | None,
        config: StylizeConfig,
        unfinished: Unfinished,
    ) -> None:
        self.source, self.tiles, self.masks = source, tiles, masks
        self.config, self.unfinished = config, unfinished

    def run(self, on_tile: OnTile | None) -> None:
        """Paint what is not painted yet."""
        if self.unfinished.rows >= self.source.size[0]:
            return
        if self.tiles is None:
            self._copy()
            return
        recolor = self._prepare(self.tiles, on_tile)
        for box, painted in self.tiles.pieces(self.unfinished.rows, on_tile):
            whole = self.source.read_all(box)
            done = self._dressed(box, painted, whole[:, :3], recolor)
            self._keep(box, torch.cat([done, whole[:, 3:]], dim=1))

    def _prepare(self, tiles: TiledPainting, on_tile: OnTile | None) -> Recolor:
        """Look at the picture as often as it takes, or read what an earlier run has seen."""
        mode = self.config.keep_color
        if self.unfinished.known.is_file():
            known = read_tensors(self.unfinished.known)
            tiles.recall(_learned_of(known))
            return Recolor(mode, {k[6:]: v for k, v in known.items() if k.startswith("color.")})
        learned = tiles.survey(_checking(self.source, on_tile))
        recolor = Recolor(mode, {})
        if Recolor.must_look(mode):
            painted, content = ColorCount(), ColorCount()
            for box, piece in tiles.pieces():
                painted.add(piece)
                content.add(self.source.read(box))
            recolor = Recolor.of(mode, painted, content)
        tensors = {
            f"{index:03}.{grid:03}.{part}": tensor
            for index, grids in enumerate(learned)
            for grid, pair in enumerate(grids)
            for part, tensor in zip(("mean", "variance"), pair, strict=True)
        }
        colors = {f"color.{name}": tensor for name, tensor in recolor.tensors.items()}
        if tensors or colors:
            write_tensors(self.unfinished.known, tensors | colors, {})
        return recolor

    def _dressed(self, box: Box, painted: Tensor, content: Tensor, recolor: Recolor) -> Tensor:
        """Colours kept, masks honoured, in the order in which a whole picture has them."""
        painted = recolor(painted, content)
        if self.masks is not None:
            painted = content.lerp(painted, self.masks.cover(box))
        return painted

    def _copy(self) -> None:
        height, width = self.source.size
        step = max(1, _BAND // width)
        for top in range(self.unfinished.rows, height, step):
            box = (top, 0, min(step, height - top), width)
            self._keep(box, self.source.read_all(box))

    def _keep(self, box: Box, pixels: Tensor) -> None:
        self.source.check_unchanged()
        top, left, height, width = box
        samples: NDArray[Any] = to_samples(pixels, self.source.bits)
        self.unfinished.write(top, left, samples)
        if left + width == self.source.size[1]:
            self.unfinished.keep(top + height)


def _learned_of(known: dict[str, Tensor]) -> list[list[tuple[Tensor, Tensor]]]:
    """Passes, grids and their moments, as they were written."""
    learned: dict[str, dict[str, dict[str, Tensor]]] = {}
    for name, tensor in sorted(known.items()):
        if name.startswith("color."):
            continue
        index, grid, part = name.split(".")
        learned.setdefault(index, {}).setdefault(grid, {})[part] = tensor
    return [
        [(pair["mean"], pair["variance"]) for pair in grids.values()] for grids in learned.values()
    ]


def _checking(source: GigaPicture, on_tile: OnTile | None) -> Callable[[int, int], None]:
    """Progress that looks at the file as well."""

    def look(done: int, total: int) -> None:
        source.check_unchanged()
        if on_tile is not None:
            on_tile(done, total)

    return look
