"""What can be said about one dream; flags, schema and docs derive from this."""

from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from impasto.checks import check_choice, check_range
from impasto.errors import InputError

Carry = Literal["detail", "result"]
Goal = Literal["squares", "norm", "mean"]
Normalize = Literal["deviation", "mean"]


class Target(NamedTuple):
    """One thing to raise."""

    layer: str
    channel: int | None
    """None means all channels of the layer."""
    weight: float

    @property
    def name(self) -> str:
        """As it was typed: mixed_6c or mixed_6c:137."""
        return self.layer if self.channel is None else f"{self.layer}:{self.channel}"


@dataclass(frozen=True, kw_only=True)
class DreamConfig:
    """Settings of one dream; a preset is one of these. The defaults suit lite."""

    layers: tuple[str, ...] = ("relu4_3", "relu5_1")
    """What is raised: layers of the network (mixed_6c), or single channels (mixed_6c:137)."""

    layer_weights: tuple[float, ...] = ()
    """One per entry of layers. Default: all alike."""

    objective: Goal = "squares"
    """How strong a layer is: the mean of its squares, its norm, or its mean."""

    octaves: int = 4
    """Sizes worked through, the picture's own the last; those too small for the network are left
    out."""

    octave_scale: float = 1.4
    """Each octave is so many times as high and wide as the one before."""

    carry: Carry = "detail"
    """What an octave takes from the one before: what was dreamt, added to the picture at the new
    size (detail), or the whole result, enlarged (result)."""

    steps: int = 10
    """Steps of ascent per octave."""

    step_size: float = 0.01
    """Length of a step: that of its mean or deviation, in units of the pixels' range."""

    normalize: Normalize = "mean"
    """What a gradient is divided by: its deviation, after its mean is taken away, or the mean of
    its absolute values."""

    jitter: int = 32
    """Before each step the picture is rolled by up to so many pixels, and back after it."""

    smoothing: float = 0.0
    """Gradients are smoothed by the mean of three Gaussians of s/2, s and 2 s pixels, where s grows
    over an octave from 0.5 by so much. 0: not at all."""

    smoothing_radius: int = 4
    """Where those Gaussians are cut off, in pixels."""

    guide_weight: float = 1.0
    """With a guide, its share: 1 dreams of nothing but what the guide shows, 0 ignores it."""

    tile: int = 1024
    """Longest side that is looked at as a whole, in pixels: memory grows with its square."""

    overlap: int = 128
    """What a tile sees beyond the part of the gradient that is taken from it, in pixels."""

    seed: int = 0
    """Of jitter and tiles, from 0 to 2^32 - 1; the same seed gives the same picture."""

    def __post_init__(self) -> None:
        check_choice("objective", self.objective, get_args(Goal))
        check_choice("carry", self.carry, get_args(Carry))
        check_choice("normalize", self.normalize, get_args(Normalize))
        check_range("octaves", self.octaves, at_least=1, at_most=32)
        check_range("octave_scale", self.octave_scale, above=1.0, at_most=10.0)
        check_range("steps", self.steps, at_least=1)
        check_range("step_size", self.step_size, above=0.0, at_most=1.0)
        check_range("jitter", self.jitter, at_least=0)
        check_range("smoothing", self.smoothing, at_least=0.0, at_most=100.0)
        check_range("smoothing_radius", self.smoothing_radius, at_least=1, at_most=200)
        check_range("guide_weight", self.guide_weight, at_least=0.0, at_most=1.0)
        check_range("tile", self.tile, at_least=64)
        check_range("overlap", self.overlap, at_least=0)
        check_range("seed", self.seed, at_least=0, at_most=2**32 - 1)
        if 4 * self.overlap > self.tile:
            raise InputError(
                f"overlap must be at most a quarter of tile; got {self.overlap} of {self.tile}."
            )
        self.targets()

    def targets(self) -> list[Target]:
        """The entries of layers, taken apart.

        Raises:
            InputError: No layer, a channel that is no number, weights that are negative, all zero
                or of another count.
        """
        if not self.layers:
            raise InputError("layers must name at least one layer; got none.")
        weights = self.layer_weights or (1.0,) * len(self.layers)
        if len(weights) != len(self.layers):
            raise InputError(
                f"layer_weights must have one number per layer, {len(self.layers)}; got "
                f"{len(weights)}."
            )
        for weight in weights:
            check_range("each layer weight", weight, at_least=0.0, at_most=1e9)
        if not any(weights):
            raise InputError("layer_weights must not all be 0; there would be nothing to raise.")
        pairs = zip(self.layers, weights, strict=True)
        targets = [_target(entry, weight) for entry, weight in pairs]
        if len({target.name for target in targets}) < len(targets):
            raise InputError(f"layers must name each thing once; got {', '.join(self.layers)}.")
        return targets

    def layer_names(self) -> tuple[str, ...]:
        """The layers a network must answer with, each once."""
        return tuple(dict.fromkeys(target.layer for target in self.targets()))


def _target(entry: str, weight: float) -> Target:
    layer, colon, channel = entry.partition(":")
    if not colon:
        return Target(layer, None, weight)
    if not (channel.isascii() and channel.isdigit()):
        raise InputError(
            f"a channel is a number from 0 after the layer, as in {layer}:12; got {entry!r}."
        )
    return Target(layer, int(channel), weight)
