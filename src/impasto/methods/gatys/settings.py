"""What can be said about one optimisation of a picture; flags, schema and docs derive from this."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from impasto.checks import check_choice, check_range
from impasto.errors import InputError
from impasto.kinds import GramNormalization, Padding, Pooling, StyleLoss, TotalVariation

Init = Literal["content", "noise", "grey", "style-colors"]
Optimizer = Literal["lbfgs", "adam"]


@dataclass(frozen=True, kw_only=True)
class TransferConfig:
    """What is minimised, how, and from where; a preset is one of these."""

    # What is minimised

    content_weight: float = 1.0
    """Of the content loss."""

    style_weight: float = 8.0
    """Of the style loss."""

    tv_weight: float = 0.5
    """Of the total variation, which asks for smoothness."""

    content_layers: tuple[str, ...] = ("relu4_1",)
    """Whose features are the content."""

    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
    """Whose statistics are the style."""

    content_layer_weights: tuple[float, ...] = ()
    """One per content layer. Default: all alike."""

    style_layer_weights: tuple[float, ...] = ()
    """One per style layer. Default: all alike, or by --layer-decay."""

    layer_decay: float = 1.0
    """Each style layer counts this many times the one before: below 1 the shallow ones win."""

    style_loss: StyleLoss = "wasserstein"
    """Statistics compared: Gram matrices, mean and deviation, the Wasserstein distance of mean
    and covariance, or each channel's histogram."""

    gram_normalization: GramNormalization = "positions"
    """What a Gram matrix is divided by; for the style loss gram."""

    relative: bool = False
    """Every loss in units of its target, so that weights hold for any network."""

    content_sum: bool = False
    """The content loss is a sum over all elements, not their mean."""

    tv_sum: bool = False
    """The total variation is a sum over all elements, not their mean."""

    tv: TotalVariation = "nine-point"
    """Differences to the right and below, absolute (l1) or squared (l2), or squared to all
    neighbours."""

    pooling: Pooling = "max"
    """Of the perceptual network."""

    padding: Padding = "replicate"
    """Of the perceptual network, at the borders."""

    # How

    optimizer: Optimizer = "lbfgs"
    """L-BFGS needs fewer steps than Adam on pixels, and more memory."""

    levels: int = 1
    """Parts of the pyramid that Adam turns, each half the size of the one before: coarse ones move
    whole regions at once, so fewer steps are needed. 1 is the pixels alone."""

    learning_rate: float = 1.0
    """Of the optimiser: 1 for lbfgs, about 0.02 for adam (pixels go from 0 to 1)."""

    floor: float = 1.0
    """Part of Adam's learning rate that is left at the end of each scale; it falls as a cosine."""

    beta1: float = 0.9
    """Adam's memory of gradients."""

    beta2: float = 0.99
    """Adam's memory of squared gradients."""

    history: int = 10
    """Steps that L-BFGS remembers; each takes twice the picture's memory."""

    size: int = 512
    """Long side of the result in pixels."""

    min_size: int = 128
    """Long side of the first, coarsest scale; the same as --size for one scale alone."""

    first_steps: int = 150
    """Steps at the first scale."""

    steps: int = 70
    """Steps at each later scale."""

    averaging: float = 0.0
    """Decay of the average of pictures that is the result; 0 takes the last one."""

    clamp: bool = True
    """Keep pixels in [0, 1] on the way (Adam) or pull them there (L-BFGS, pyramids)."""

    # From where

    init: Init = "content"
    """First picture; --start gives one of your own."""

    style_weights: tuple[float, ...] = ()
    """One per style, in any unit. Default: all alike."""

    style_scale: float = 1.0
    """Size of the style's picture, and so of its strokes, against the result's."""

    seamless: bool = False
    """The result wraps around, left to right and top to bottom."""

    seed: int = 0
    """Of noise, from 0 to 2^32 - 1; the same seed gives the same picture."""

    def __post_init__(self) -> None:
        for field in fields(self):  # of any sequence
            if isinstance(value := getattr(self, field.name), list):
                object.__setattr__(self, field.name, tuple(value))
        self._check_weights()
        for name, choices in CHOICES.items():
            check_choice(name.replace("_", " "), getattr(self, name), get_args(choices))
        check_range("learning rate", self.learning_rate, above=0.0)
        check_range("floor", self.floor, at_least=0.0, at_most=1.0)
        check_range("levels", self.levels, at_least=1, at_most=12)
        if self.levels > 1 and self.optimizer != "adam":
            raise InputError(
                f"a pyramid of {self.levels} levels is turned by adam alone; use --optimizer adam, "
                "or --levels 1."
            )
        check_range("beta1", self.beta1, at_least=0.0, at_most=0.9999)
        check_range("beta2", self.beta2, at_least=0.0, at_most=0.9999)
        check_range("layer decay", self.layer_decay, above=0.0)
        check_range("averaging", self.averaging, at_least=0.0, at_most=0.9999)
        check_range("style scale", self.style_scale, at_least=0.1, at_most=10.0)
        check_range("seed", self.seed, at_least=0, at_most=2**32 - 1)
        for name in ("history", "first_steps", "steps", "min_size"):
            check_range(name.replace("_", " "), getattr(self, name), at_least=1)
        check_range("size", self.size, at_least=16)

    def _check_weights(self) -> None:
        weights = {name: getattr(self, f"{name}_weight") for name in ("content", "style", "tv")}
        for name, weight in weights.items():
            check_range(f"{name} weight", weight, at_least=0.0, at_most=1e30)
        if not weights["content"] and not weights["style"]:
            raise InputError(
                "content weight and style weight must not both be 0; give at least one above 0."
            )
        for kind in ("content", "style"):
            layers = getattr(self, f"{kind}_layers")
            given = getattr(self, f"{kind}_layer_weights")
            if given and len(given) != len(layers):
                raise InputError(
                    f"there must be one {kind} layer weight per {kind} layer; got {len(given)} "
                    f"for {', '.join(layers)}."
                )
            for weight in given:
                check_range(f"each {kind} layer weight", weight, at_least=0.0, at_most=1e30)
            if given and not any(given):
                raise InputError(f"{kind} layer weights must not all be 0.")
        for weight in self.style_weights:
            check_range("each style weight", weight, at_least=0.0)

    def layer_weights(self, kind: Literal["content", "style"]) -> dict[str, float]:
        """Layer -> weight, in the order given; shares of 1 where none are given."""
        layers: tuple[str, ...] = getattr(self, f"{kind}_layers")
        given: tuple[float, ...] = getattr(self, f"{kind}_layer_weights")
        if given:
            return dict(zip(layers, given, strict=True))
        decay = self.layer_decay if kind == "style" else 1.0
        falling = [decay**index for index in range(len(layers))]
        return {name: w / sum(falling) for name, w in zip(layers, falling, strict=True)}


CHOICES = {
    "style_loss": StyleLoss,
    "gram_normalization": GramNormalization,
    "tv": TotalVariation,
    "pooling": Pooling,
    "padding": Padding,
    "optimizer": Optimizer,
    "init": Init,
}
"""Fields with names to choose from."""
