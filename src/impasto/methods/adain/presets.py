"""How AdaIN was trained by its authors and by those who built it again.

adain-paper  the authors' train.lua: normalised VGG-19, sums of squares, style weight 1e-2 (the
             ``decoder-content-similar`` of their README), Adam 1e-4 falling as 1 / (1 + 5e-5 n)
adain-naoto  naoto0804/pytorch-AdaIN, train.py: the same with means of squares and weight 10
adain-oak    J3698/AdaIN-reimplementation (source 2): VGG-19 with batch norm, roots of means,
             weight 0.5, Adam 1e-3 divided by 10 every 15 epochs of 10,000 pairs, batch 16
adain-lite   ours: the bundled lite as encoder, for a decoder of 0.2 million parameters; the rate
             falls as the authors' does, for a run of any length (configs/adain.yaml, with which
             the bundled one was trained, holds it and then lets it fall to the end)
"""

from dataclasses import dataclass, replace

from impasto.methods.adain.network import AdaINConfig
from impasto.methods.adain.objective import AdaINObjective


@dataclass(frozen=True, kw_only=True)
class AdaINPreset:
    """One way to train AdaIN."""

    network: AdaINConfig
    objective: AdaINObjective
    learning_rate: float
    decay: float = 0.0
    """The rate is divided by 1 + decay times the step."""

    step_every: int = 0
    """Steps after which the rate is divided by 10; 0 never."""

    steps: int
    batch: int
    short_side: int
    """Of the pictures the crops are cut from."""

    crop: int
    source: str


_PAPER = AdaINPreset(
    network=AdaINConfig(encoder="vgg19-normalized"),
    objective=AdaINObjective(style_weight=1e-2, reduction="sum"),
    learning_rate=1e-4,
    decay=5e-5,
    steps=160_000,
    batch=8,
    short_side=512,
    crop=256,
    source="xunhuang1995/AdaIN-style, train.lua",
)

PRESETS: dict[str, AdaINPreset] = {
    "adain-paper": _PAPER,
    "adain-naoto": replace(
        _PAPER,
        objective=AdaINObjective(style_weight=10.0),
        source="naoto0804/pytorch-AdaIN, train.py",
    ),
    "adain-oak": AdaINPreset(
        network=AdaINConfig(encoder="vgg19-bn"),
        objective=AdaINObjective(style_weight=0.5, distance="euclidean"),
        learning_rate=1e-3,
        step_every=15 * 10_000 // 16,
        steps=45 * 10_000 // 16,
        batch=16,
        short_side=256,
        crop=256,
        source="J3698/AdaIN-reimplementation",
    ),
    "adain-lite": AdaINPreset(
        network=AdaINConfig(encoder="lite"),
        objective=AdaINObjective(style_weight=2.0),
        learning_rate=8e-4,
        decay=1e-4,
        steps=20_000,
        batch=8,
        short_side=288,
        crop=128,
        source="Impasto",
    ),
}
