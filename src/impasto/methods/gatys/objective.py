"""J = alpha J_content + beta J_style + gamma J_TV, at one size of the picture.

Gatys, Ecker and Bethge 2016, eqs. 1, 5 and 7; the third term came with later implementations.

Everything that does not change while pixels do (the targets, the masks on each layer's grid) is
computed once, when an Objective is made; the network ends at the deepest layer that counts.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from impasto.features.vgg import VGG
from impasto.losses.distances import Target, mean_target, style_distance
from impasto.losses.smoothness import out_of_range_loss, total_variation
from impasto.methods.gatys.settings import TransferConfig

RANGE_WEIGHT = 10.0
"""Of the pull back into [0, 1] where nothing can be clamped: L-BFGS would lose its history, and a
pyramid's parts have no range of their own."""


class Objective:
    """The loss of a picture of one size.

    Args:
        network: Answers by layer name; its deepest layer is the last one needed.
        config: What counts.
        content: (1, 3, H, W) in [0, 1], of the size of the picture; None without content loss.
        styles: (1, 3, h, w) each, any size; none without style loss.
        style_shares: One per style, summing to 1.
        masks: (1, 1, H, W) in [0, 1], one per style, where that style counts; None: everywhere,
            as one mean style.
        precision: Of the network; losses are float32 always.
    """

    def __init__(
        self,
        network: VGG,
        config: TransferConfig,
        content: Tensor | None,
        styles: Sequence[Tensor],
        style_shares: Sequence[float],
        masks: Sequence[Tensor] | None = None,
        precision: torch.dtype = torch.float32,
    ) -> None:
        self.network, self.config, self.precision = network, config, precision
        self.content_weights = _counting(config, "content") if content is not None else {}
        self.style_weights = _counting(config, "style") if styles else {}
        self.distance = style_distance(config.style_loss, config.gram_normalization)
        self.masks = list(masks) if masks else [None]
        with torch.no_grad():
            if content is not None and self.content_weights:
                self._remember(content)
            self.style_targets = self._style_targets(styles, style_shares)

    def _remember(self, content: Tensor) -> None:
        """Keep what the content loss compares with."""
        taps = self._look(content)
        self.content_targets = {name: taps[name].clone() for name in self.content_weights}

    def _style_targets(
        self, styles: Sequence[Tensor], shares: Sequence[float]
    ) -> list[tuple[float, Tensor | None, dict[str, Target]]]:
        """(share, mask, layer -> target): one mean style, or one entry per masked style."""
        if not self.style_weights:
            return []
        described = [self._describe(style) for style in styles]
        if self.masks == [None]:
            merged = {
                name: mean_target([d[name] for d in described], shares)
                for name in self.style_weights
            }
            return [(1.0, None, self._prepared(merged))]
        return [
            (share * len(shares), mask, self._prepared(own))
            for share, mask, own in zip(shares, self.masks, described, strict=True)
        ]

    def _look(self, image: Tensor) -> dict[str, Tensor]:
        half = self.precision != torch.float32
        with torch.autocast(image.device.type, dtype=self.precision, enabled=half):
            return self.network(image)  # type: ignore[no-any-return]

    def _describe(self, style: Tensor) -> dict[str, Target]:
        taps = self._look(style)
        return {name: self.distance.describe(taps[name].float()) for name in self.style_weights}

    def _prepared(self, targets: Mapping[str, Target]) -> dict[str, Target]:
        return {name: self.distance.prepare(target) for name, target in targets.items()}

    def __call__(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted terms of a picture (1, 3, H, W): minimise their sum.

        Returns:
            Scalars by name: "content", "style", "tv" and "range", those that count.
        """
        config = self.config
        losses = self._seen(image) if self.content_weights or self.style_weights else {}
        if config.tv_weight:
            variation = total_variation(image, config.tv, wrap=config.seamless)
            losses["tv"] = config.tv_weight * (image.numel() if config.tv_sum else 1) * variation
        if config.clamp and (config.optimizer == "lbfgs" or config.levels > 1):
            losses["range"] = RANGE_WEIGHT * out_of_range_loss(image)
        return losses

    def _seen(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted terms that look through the network."""
        losses, taps = {}, self._look(image)
        if self.content_weights:
            losses["content"] = self.config.content_weight * self._content(taps)
        if self.style_weights:
            losses["style"] = self.config.style_weight * self._style(taps)
        return losses

    def _content(self, taps: Mapping[str, Tensor]) -> Tensor:
        """Mean squared differences of features (or their sum), layer by layer."""
        terms = []
        for name, weight in self.content_weights.items():
            target = self.content_targets[name]
            term = F.mse_loss(taps[name].float(), target.float())
            if self.config.content_sum:
                term = term * target.numel()
            elif self.config.relative:
                term = term / target.float().var().clamp_min(1e-8)
            terms.append(weight * term)
        return torch.stack(terms).sum()

    def _style(self, taps: Mapping[str, Tensor]) -> Tensor:
        terms = []
        for share, mask, targets in self.style_targets:
            for name, weight in self.style_weights.items():
                features, target = taps[name].float(), targets[name]
                grid = on_grid(mask, features) if mask is not None else None
                term = self.distance.distance(features, target, grid)
                if self.config.relative:
                    term = term / self.distance.unit(target).clamp_min(1e-8)
                terms.append(share * weight * term)
        return torch.stack(terms).sum()


def on_grid(mask: Tensor, features: Tensor) -> Tensor:
    """A mask (1, 1, H, W) as means over the positions of features (1, C, h, w)."""
    return F.adaptive_avg_pool2d(mask, (features.shape[-2], features.shape[-1]))


def needed_layers(config: TransferConfig, *, content: bool, style: bool) -> tuple[str, ...]:
    """Layers that some term with a weight looks at."""
    wanted = [*(_counting(config, "content") if content else ())]
    wanted += _counting(config, "style") if style else ()
    return tuple(dict.fromkeys(wanted))


def _counting(config: TransferConfig, kind: Literal["content", "style"]) -> dict[str, float]:
    """Layers with a weight, and it."""
    if not getattr(config, f"{kind}_weight"):
        return {}
    return {name: weight for name, weight in config.layer_weights(kind).items() if weight}
