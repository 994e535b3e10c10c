"""Settings by their authors, each with where its numbers come from, and ours.

A loss weight holds for one network with one normalisation of its input: with features of pictures
in 0..255 a Gram matrix is ten thousand times that of pictures in 0..1. So a preset names what it is
made for and refuses others; ours counts every loss in units of its target and fits all.

    gatys-paper    Gatys, Ecker and Bethge, CVPR 2016, sections 2 and 3 (sums, alpha / beta = 1e-3,
                   average pooling, white noise)
    gatys-authors  the authors' PyTorch notebook (means, 1e3 / C^2 per style layer, from the
                   content, 500 steps of L-BFGS)
    neural-style   jcjohnson's neural-style, defaults of neural_style.lua
    ai-art         Adi-iitd's AI-Art, Style_Transfer.py: J = alpha J_content + beta J_style +
                   gamma J_TV by Adam; its text argues for weights that fall with depth and
                   names none: here each layer counts half the one before
    crowson        crowsonkb's style-transfer-pytorch, defaults (Wasserstein, scales, averaging);
                   borders are repeated at every layer here, at the first there
    recommended    ours: any network, each loss in units of its target

Where the papers' pixels run over 0..255 their total variation is that of [0, 1] times 255^2.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from impasto.checks import check_choice
from impasto.errors import InputError
from impasto.methods.gatys.settings import TransferConfig

VGG_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """Settings and what they are made for."""

    config: TransferConfig

    network: str
    """Taken unless another is asked for."""

    made_for: tuple[int, str] | None = None
    """(convolutions of the VGG, normalisation of its input); None fits every network."""

    source: str
    """Where the numbers come from."""

    for_textures: Mapping[str, Any] = field(default_factory=dict)
    """What changes for a texture, which has no content that says where things are."""


PRESETS: dict[str, Preset] = {
    "recommended": Preset(
        config=TransferConfig(
            relative=True,
            optimizer="adam",
            levels=7,
            learning_rate=0.03,
            floor=0.02,
            beta2=0.7,
            min_size=480,
            first_steps=140,
            steps=50,
        ),
        network="lite",
        source="Impasto",
        for_textures={"min_size": 128, "first_steps": 80, "steps": 60},  # shapes, then strokes
    ),
    "gatys-paper": Preset(
        config=TransferConfig(
            content_weight=0.5,
            style_weight=1e3,
            tv_weight=0.0,
            content_layers=("relu4_2",),
            style_layers=VGG_LAYERS,
            style_loss="gram",
            gram_normalization="paper",
            content_sum=True,
            pooling="avg",
            padding="zero",
            min_size=512,
            first_steps=500,
            clamp=False,
            init="noise",
        ),
        network="vgg19",
        made_for=(16, "caffe"),
        source="Gatys, Ecker and Bethge, CVPR 2016",
    ),
    "gatys-authors": Preset(
        config=TransferConfig(
            content_weight=1.0,
            style_weight=1e3,
            tv_weight=0.0,
            content_layers=("relu4_2",),
            style_layers=VGG_LAYERS,
            style_layer_weights=tuple(1 / c**2 for c in (64, 128, 256, 512, 512)),
            style_loss="gram",
            padding="zero",
            min_size=512,
            first_steps=500,
            clamp=False,
        ),
        network="vgg19",
        made_for=(16, "caffe"),
        source="the authors' notebook, leongatys/PytorchNeuralStyleTransfer",
    ),
    "neural-style": Preset(
        config=TransferConfig(
            content_weight=5.0,
            style_weight=1e2,
            tv_weight=0.5e-3 * 255**2,
            content_layers=("relu4_2",),
            style_layers=VGG_LAYERS,
            style_layer_weights=(1.0,) * 5,
            style_loss="gram",
            gram_normalization="elements",
            tv="l2",
            tv_sum=True,
            padding="zero",
            min_size=512,
            first_steps=1000,
            clamp=False,
            init="noise",
        ),
        network="vgg19",
        made_for=(16, "caffe"),
        source="jcjohnson/neural-style, neural_style.lua",
    ),
    "ai-art": Preset(
        config=TransferConfig(
            content_weight=1e-5,
            style_weight=1e4,
            tv_weight=5e-5,
            content_layers=("relu4_2",),
            style_layers=VGG_LAYERS,
            layer_decay=0.5,
            style_loss="gram",
            gram_normalization="paper",
            content_sum=True,
            tv="l1",
            tv_sum=True,
            pooling="avg",
            padding="zero",
            optimizer="adam",
            learning_rate=1e-2,
            beta2=0.999,
            min_size=512,
            first_steps=10_000,
        ),
        network="vgg19",
        made_for=(16, "torchvision"),
        source="Adi-iitd/AI-Art, Style_Transfer.py",
    ),
    "crowson": Preset(
        config=TransferConfig(
            content_weight=0.015,
            style_weight=1.0,
            tv_weight=2.0,
            content_layers=("relu4_2",),
            style_layers=VGG_LAYERS,
            layer_decay=0.25,
            style_loss="wasserstein",
            optimizer="adam",
            learning_rate=0.02,
            averaging=0.99,
            first_steps=1000,
            steps=500,
        ),
        network="vgg19",
        made_for=(16, "torchvision"),
        source="crowsonkb/style-transfer-pytorch",
    ),
}


def preset_config(name: str, **changes: Any) -> TransferConfig:
    """A preset's settings with some changed.

    Raises:
        InputError: There is no such preset, or a value is refused.
    """
    check_choice("preset", name, PRESETS)
    changed = dict(changes)
    for kind in ("content", "style"):
        # Weights of the preset's layers mean nothing for others.
        if f"{kind}_layers" in changed:
            changed.setdefault(f"{kind}_layer_weights", ())
    config = PRESETS[name].config
    if changed.get("optimizer", config.optimizer) != config.optimizer:
        # Nor do a rate and parts that suit one optimiser suit the other.
        changed.setdefault("learning_rate", 1.0 if changed["optimizer"] == "lbfgs" else 0.02)
        changed.setdefault("levels", 1)
    if "size" in changed and config.min_size == config.size:  # one scale stays one scale
        changed.setdefault("min_size", changed["size"])
    return replace(config, **changed)


def check_fit(name: str, depth: int, preprocessing: str | None, network: str) -> None:
    """Refuse a network whose features the preset's weights are not made for.

    Args:
        name: Of the preset.
        depth: Convolutions of the network's plan.
        preprocessing: See VGG.
        network: How the caller calls it.

    Raises:
        InputError: They do not fit; those that do are named.
    """
    made_for = PRESETS[name].made_for
    if made_for is None or made_for == (depth, preprocessing):
        return
    fitting = [n for n, p in PRESETS.items() if p.made_for in (None, (depth, preprocessing))]
    raise InputError(
        f"the weights of {name} are made for VGG-{made_for[0] + 3} with {made_for[1]}'s "
        f"normalisation, and {network} is another network; give its file with --network, or use "
        f"--preset {' or '.join(fitting)}."
    )
