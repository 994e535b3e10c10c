"""Frames that do not flicker.

Three causes are met one by one: grain that dances (none, or locked to the picture), statistics
that jump when something enters (averaged over a window of frames, begun anew at a cut), and strokes
that are found anew in every frame (the last painting, moved along with what it shows, is mixed in
wherever that can still be seen).

    Ruder, Dosovitskiy and Brox, "Artistic Style Transfer for Videos", GCPR 2016.
    https://arxiv.org/abs/1604.08610 (the last result, warped, outside what was hidden)

Departure: it is mixed in after painting; the network needs no training for films.

Reading order: SteadyPainter.paint.
"""

from collections.abc import Sequence
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.images.color import keep_color
from impasto.images.regions import InMemory, shrink
from impasto.images.resize import Size
from impasto.inference.memory import Appetite
from impasto.inference.settings import StylizeConfig, VideoConfig
from impasto.inference.stylize import Stylizer
from impasto.inference.tiled import Learned, TiledPainting, Tiling
from impasto.methods.base import Painting, Statistics, TiledPainter
from impasto.video.flow import Sketch, resize_flow, visible, warp

_UNLIKE = 0.1
"""Mean difference of colours at which a pixel is not the one that it seems to have been."""

_CUT_CHANGE, _CUT_LIGHT = 0.12, 0.2
"""A cut changes the mean of a coarse cell by more than the first and the shares of dark and light
by more than the second."""


def is_cut(before: Sketch, after: Sketch) -> bool:
    """Whether another scene begins between two frames."""
    lights = before.levels[0], after.levels[0]
    small = [F.adaptive_avg_pool2d(light, (9, 16)) for light in lights]
    change = float((small[0] - small[1]).abs().mean())
    shares = [torch.histc(light, 16, 0, 1) / light.numel() for light in lights]
    return change > _CUT_CHANGE and float((shares[0] - shares[1]).abs().sum()) / 2 > _CUT_LIGHT


class SteadyPainter:
    """Paints the frames of one clip in their order.

    Args:
        stylizer: Who paints.
        styles: Their statistics.
        config: How each picture looks.
        video: How steady they are.
    """

    def __init__(
        self,
        stylizer: Stylizer,
        styles: Sequence[Statistics],
        *,
        config: StylizeConfig,
        video: VideoConfig,
    ) -> None:
        self.stylizer, self.painter, self.styles = stylizer, stylizer.painter, list(styles)
        self.config, self.video = config, video
        self.cuts = 0
        self._content: Tensor | None = None
        self._sketch: Sketch | None = None
        self._painted: Tensor | None = None
        self._painting: Painting | None = None
        self._small: Tensor | None = None
        self._learned: Learned | None = None
        self._count = 0
        self._asked = False
        self._tiling: Tiling | None = None

    def paint(self, content: Tensor, weights: Sequence[float]) -> Tensor:
        """Paint the next frame.

        Args:
            content: (1, 3, H, W) in [0, 1]; all frames of one size.
            weights: Of the styles, summing to 1.

        Returns:
            (1, 3, H, W), float32, in [0, 1], on the CPU.
        """
        sketch = Sketch.of(content)
        if self._sketch is not None and is_cut(self._sketch, sketch):
            self.cuts += 1
            self._content = self._painted = self._painting = self._learned = self._small = None
        painted = keep_color(self._alone(content, weights), content, self.config.keep_color)
        if self.video.steady and self._content is not None and self._painted is not None:
            painted = self._steadied(content, painted, sketch)
        self._content, self._painted, self._sketch = content, painted, sketch
        return painted

    def _alone(self, content: Tensor, weights: Sequence[float]) -> Tensor:
        if self.config.alpha == 0:
            return content
        painter, source = self.painter, InMemory(content)
        if not isinstance(painter, TiledPainter) or painter.own_style is not None:
            return self._by_itself(content, weights)
        painting = self._begun(painter, content, weights)
        painting.weights = list(weights)
        whole = Tiling(
            reaches=(0, 0),
            appetite=Appetite(per_pixel=0, per_column=0),
            tile=2 * max(source.size) + 2 * painting.margin,
            cell=painting.cell,
        )
        tiles = TiledPainting(painting, source, self._tiling_of(source) or whole)
        painting.forget()
        self._learned = self._averaged(tiles.survey(keep=True))
        painting.learn(self._learned[0])
        return tiles.whole()

    def _tiling_of(self, source: InMemory) -> Tiling | None:
        """Decided at the first frame, for all."""
        if not self._asked:
            found = self.stylizer.in_tiles(source, self.styles, config=self.config)
            self._asked, self._tiling = True, None if found is None else found.tiling
        return self._tiling

    def _by_itself(self, content: Tensor, weights: Sequence[float]) -> Tensor:
        """By a painter whose statistics cannot be averaged over frames."""
        tiles = self.stylizer.in_tiles(InMemory(content), self.styles, config=self.config)
        if tiles is not None:
            tiles.survey()
            return tiles.whole()
        alpha, seed = self.config.alpha, self.config.seed
        painted = self.painter.paint(content, self.styles, weights=weights, alpha=alpha, seed=seed)
        return painted.cpu()

    def _begun(self, painter: TiledPainter, content: Tensor, weights: Sequence[float]) -> Painting:
        """What was begun with the scene: styles are corrected for its first frame."""
        if self._painting is not None:
            return self._painting

        def small(size: Size) -> Tensor:
            if self._small is None:
                self._small = shrink(InMemory(content), size)
            return self._small

        self._painting = painter.begin(
            self.styles,
            weights=weights,
            size=(content.shape[-2], content.shape[-1]),
            shrink=small,
            alpha=self.config.alpha,
            seed=self.config.seed,
        )
        self._painting.grain = self.video.grain == "locked"
        return self._painting

    def _averaged(self, found: Learned) -> Learned:
        """The mean of the scene so far, later that of about a window of frames."""
        if self._learned is None:
            self._count = 1
            return found
        self._count = min(self._count + 1, self.video.window)
        share = 1 / self._count
        return [
            [
                (old[0].lerp(new[0], share), old[1].lerp(new[1], share))
                for old, new in zip(before, now, strict=True)
            ]
            for before, now in zip(self._learned, found, strict=True)
        ]

    def _steadied(self, content: Tensor, painted: Tensor, sketch: Sketch) -> Tensor:
        """The last painting where it can still be seen, the new one elsewhere."""
        assert self._content is not None
        assert self._painted is not None
        assert self._sketch is not None
        back, forth = sketch.flow_to(self._sketch), self._sketch.flow_to(sketch)
        size = (content.shape[-2], content.shape[-1])
        # Half a squared pixel of the frame, in the sketch's pixels.
        seen = visible(back, forth, tolerance=0.5 * back.shape[-2] * back.shape[-1] / prod(size))
        seen = F.interpolate(seen, size=size, mode="nearest")
        motion = resize_flow(back, size)
        there = warp(self._content, motion, mode="bilinear")
        alike = (there - content).abs().mean(1, keepdim=True) < _UNLIKE
        trusted = F.avg_pool2d(
            F.pad(seen * alike, (1, 1, 1, 1), mode="replicate"), 3, stride=1
        )  # soft edges
        moved = warp(self._painted, motion).clamp_(0, 1)
        return painted.lerp(moved, trusted * self.video.steady)

    def carry(self) -> dict[str, Tensor]:
        """What the next frame needs of the last one."""
        if self._content is None or self._painted is None:
            return {}
        kept = {
            "content": self._content.contiguous(),
            "painted": self._painted.contiguous(),
            "count": torch.tensor(self._count),
        }
        if self._small is not None:
            kept["small"] = self._small.contiguous()
        for grid, (mean, variance) in enumerate((self._learned or [[]])[0]):
            kept[f"mean.{grid:03}"], kept[f"variance.{grid:03}"] = mean, variance
        return kept

    def restore(self, kept: dict[str, Tensor]) -> None:
        """Go on from what ``carry`` gave."""
        if not kept:
            return
        self._content, self._painted = kept["content"], kept["painted"]
        self._sketch = Sketch.of(self._content)
        self._count, self._small = int(kept["count"]), kept.get("small")
        means = [kept[name] for name in sorted(kept) if name.startswith("mean.")]
        variances = [kept[name] for name in sorted(kept) if name.startswith("variance.")]
        if means:
            self._learned = [list(zip(means, variances, strict=True))]
