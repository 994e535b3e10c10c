"""What can be said about an evaluation; flags, schema and docs derive from this."""

from dataclasses import dataclass

from impasto.checks import check_range

NUMBERS, SHEET = "evaluation.json", "sheet.png"
"""Files of an evaluation, beside its paintings."""


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """Settings of an evaluation."""

    judge: str = "lite"
    """The perceptual network of the content and style figures: lite, vgg19, vgg16 (fetched once)
    or a file. Figures of two painters can be compared only by the same judge."""

    lpips: str = "vgg16"
    """The network of LPIPS: vgg16, if it is on this machine, or the file of a VGG-16 or AlexNet
    of torchvision's."""

    inception: str | None = None
    """File of the Inception-v3 by which FID and ArtFID are told; ArtFID's own is tuned on art."""

    size: int = 512
    """Pixels a side to which contents and styles are reduced, after their central square is cut
    out."""

    limit: int = 100
    """At most so many pairs, drawn from all contents with all styles."""

    seed: int = 0
    """Of that draw and of the painter's grain, from 0 to 2^32 - 1."""

    alpha: float = 1.0
    """How much of the style, from 0 (the content) to 1."""

    def __post_init__(self) -> None:
        check_range("size", self.size, at_least=64)
        check_range("limit", self.limit, at_least=1)
        check_range("seed", self.seed, at_least=0, at_most=2**32 - 1)
        check_range("alpha", self.alpha, at_least=0.0, at_most=1.0)
