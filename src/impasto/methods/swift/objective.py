"""What swift learns by: keep the content, take the style's statistics, give a picture back.

Content and style losses are AdaIN's (Huang and Belongie 2017, eqs. 12 and 13), each in units of
its target so that layers and networks weigh alike; the identity term is that of Park and Lee,
"Arbitrary Style Transfer with Style-Attentional Networks", CVPR 2019
(https://arxiv.org/abs/1812.02342), on pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from impasto.checks import check_range
from impasto.losses.content import relative_content_loss
from impasto.losses.finite import check_finite
from impasto.losses.known import KnownStyles
from impasto.losses.smoothness import lattice_loss, out_of_range_loss
from impasto.losses.style import LayerStatistics, relative_statistics_loss, statistics_of
from impasto.losses.tone import tone_loss
from impasto.methods.swift.correction import SIDE, look_and_paint
from impasto.methods.swift.network import Swift


@dataclass(frozen=True, kw_only=True)
class SwiftWeights:
    """Multipliers of the terms."""

    content: float = 1.0
    """Of the content loss, in units of the features' variance."""

    style: float = 3.0
    """Of the style loss by the first judge, in units of the style's variance."""

    second_style: float = 3.0
    """Of the style loss by the second judge, which sees one picture of a batch in turn."""

    identity: float = 1.0
    """Of the mean absolute error of a picture painted in its own manner."""

    range: float = 10.0
    """Of the part of the output that lies outside [0, 1]."""

    lattice: float = 10.0
    """Of the unevenness of the gradient over the phases of 8 pixels."""

    tone: float = 1.0
    """Of light and shade that the photograph does not have: patches on smooth walls."""

    def __post_init__(self) -> None:
        for field in fields(self):
            check_range(f"weight of {field.name}", getattr(self, field.name), at_least=0.0)


class Judge(nn.Module):
    """A frozen perceptual network with the layers that judge content and style.

    Args:
        network: Answers a picture with features by layer name.
        style_layers: Whose channel statistics are the style.
        content_layer: Whose features are the content; None for a judge of style alone.
    """

    def __init__(
        self, network: nn.Module, style_layers: tuple[str, ...], content_layer: str | None = None
    ) -> None:
        super().__init__()
        self.network, self.style_layers, self.content_layer = network, style_layers, content_layer
        self._known = KnownStyles()

    def look(self, images: Tensor) -> dict[str, Tensor]:
        """Features by layer name; float32 but in training in bfloat16, whose range is as wide."""
        kind = images.device.type
        half = torch.bfloat16
        fits = torch.is_autocast_enabled(kind) and torch.get_autocast_dtype(kind) == half
        with torch.autocast(kind, dtype=half, enabled=fits):
            return self.network(images.float())  # type: ignore[no-any-return]

    def style_of(self, taps: Mapping[str, Tensor]) -> LayerStatistics:
        """The style that features show."""
        return statistics_of({name: taps[name] for name in self.style_layers})

    def style_targets(self, style: Tensor, keys: Sequence[int] | None) -> LayerStatistics:
        """The style of each picture; those with a key seen before are not looked at again.

        Args:
            style: (B, 3, H, W).
            keys: See KnownStyles.

        Returns:
            (mean, deviation) by layer, each (B, C, 1, 1), without gradient.
        """
        return self._known.statistics(lambda one: self.style_of(self.look(one)), style, keys)


def swift_losses(
    network: Swift,
    content: Tensor,
    style: Tensor,
    *,
    judge: Judge,
    second: Judge | None,
    weights: SwiftWeights,
    step: int,
    keys: Sequence[int] | None = None,
    identity_every: int = 4,
    second_every: int = 2,
) -> tuple[dict[str, Tensor], Tensor]:
    """One dictionary entry per term; minimise their sum.

    Args:
        network: What learns.
        content, style: (B, 3, H, W) in [0, 1], drawn independently; sides are multiples of 8.
        judge: Content and style.
        second: A second opinion of the style of one picture, so that the first alone is not
            pleased; costly, so every ``second_every`` steps.
        weights: Of the terms.
        step: Number of the update; turns the picture for ``second`` and seeds the grain.
        keys: See KnownStyles.
        identity_every: Steps between identity terms, whose weight is raised to match.
        second_every: Steps between second opinions, whose weight is raised to match.

    Returns:
        Weighted scalar terms by name, and the stylized pictures (B, 3, H, W), not clamped.

    Raises:
        TrainingError: A term is not finite; the message names it.
    """
    assert judge.content_layer is not None, "the first judge must have a content layer"
    with torch.no_grad():
        target = judge.look(content)[judge.content_layer]
    side = SIDE // (1 + step % 3)  # a thumbnail is at times a third of the picture, at times it
    stylized = look_and_paint(network, content, style, seed=step, side=side)
    taps = judge.look(stylized)
    distance = relative_statistics_loss(judge.style_of(taps), judge.style_targets(style, keys))
    change = relative_content_loss(taps[judge.content_layer], target)
    losses = {
        # Smooth photographs have little variance: each is damped, but less than styles are.
        "content": weights.content * damped(change, 8.0).mean(),
        "style": weights.style * damped(distance).mean(),
        "range": weights.range * out_of_range_loss(stylized),
        "lattice": weights.lattice * lattice_loss(stylized),
        "tone": weights.tone * tone_loss(stylized, content).mean(),
    }
    if second is not None and weights.second_style and step % second_every == 0:
        one = slice((i := step // second_every % len(content)), i + 1)
        seen = second.style_of(second.look(stylized[one]))
        wanted = second.style_targets(style[one], keys[one] if keys else None)
        losses["second_style"] = (
            weights.second_style
            * second_every
            * damped(relative_statistics_loss(seen, wanted)).mean()
        )
    if weights.identity and step % identity_every == 0:
        one = slice((i := step // identity_every % len(content)), i + 1)
        pair = torch.cat([content[one], style[one]])
        error = (network.reconstruct(pair, seed=step) - pair).abs().mean()
        losses["identity"] = weights.identity * identity_every * error
    check_finite(losses)
    return losses, stylized


def damped(distance: Tensor, knee: float = 2.0) -> Tensor:
    """2k sqrt(1 + d / k) - 2k: like d where targets are met, like its root where they are far.

    A style that is nearly flat has so small a deviation that its distance, in units of that,
    is ten times the others'; undamped it alone would say where a batch goes.

    Args:
        distance: Of any shape, from 0.
        knee: k, in the distance's units.
    """
    return 2 * knee * ((1 + distance / knee).sqrt() - 1)


def reconstruction_losses(network: Swift, images: Tensor, step: int) -> dict[str, Tensor]:
    """The first steps: give every picture back, so that the decoder knows what pictures are.

    Args:
        network: What learns.
        images: (B, 3, H, W) in [0, 1]; sides are multiples of 8.
        step: Number of the update; seeds the grain.

    Returns:
        The only term, "identity": the mean absolute error.

    Raises:
        TrainingError: It is not finite.
    """
    losses = {"identity": (network.reconstruct(images, seed=step) - images).abs().mean()}
    check_finite(losses)
    return losses
