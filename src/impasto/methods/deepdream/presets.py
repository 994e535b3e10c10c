"""Dreams by their authors, with the source of each constant, and ours for each network.

Step sizes are converted to pixels in [0, 1]: where the authors' pixels were normalised by
ImageNet's deviation (about 0.226), by that; where they went from 0 to 255, by that.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from impasto.checks import check_choice
from impasto.errors import InputError
from impasto.methods.deepdream.settings import DreamConfig

RECOMMENDED = "recommended"


@dataclass(frozen=True, kw_only=True)
class DreamPreset:
    """Settings that somebody published."""

    config: DreamConfig

    network: str
    """With which they were published."""

    origin: str
    """Where the constants come from, and what differs here."""


PUBLISHED: dict[str, DreamPreset] = {
    "deepdream-2015": DreamPreset(
        network="googlenet",
        origin="Mordvintsev and others, the notebook of github.com/google/deepdream: half the sum "
        "of squares of inception_4c/output, 10 steps of 1.5 levels, 4 octaves of 1.4, jitter 32. "
        "Theirs is Caffe's GoogLeNet, with other weights than torchvision's.",
        config=DreamConfig(
            layers=("inception4c",),
            octaves=4,
            octave_scale=1.4,
            carry="detail",
            steps=10,
            step_size=1.5 / 255,
            normalize="mean",
            jitter=32,
        ),
    ),
    "gordicaleksa": DreamPreset(
        network="vgg16",
        origin="Gordic, github.com/gordicaleksa/pytorch-deepdream: mean of squares of relu4_3, 4 "
        "octaves of 1.8 whose result is enlarged, 10 steps of 0.09 deviations of normalised "
        "pixels, Gaussians of 0.5 to 2.5 pixels in a kernel of 9.",
        config=DreamConfig(
            layers=("relu4_3",),
            octaves=4,
            octave_scale=1.8,
            carry="result",
            steps=10,
            step_size=0.09 * 0.226,
            normalize="deviation",
            jitter=32,
            smoothing=2.0,
            smoothing_radius=4,
        ),
    ),
    "neural-dream": DreamPreset(
        network="googlenet",
        origin="ProGamerGov, github.com/ProGamerGov/neural-dream: inception_4d_3x3_reduce, 4 "
        "octaves of 1/0.6, 50 steps each, jitter 32. Theirs are steps of Adam, 1.5 levels long; "
        "here gradients are divided by their mean instead, a like length. Caffe's GoogLeNet.",
        config=DreamConfig(
            layers=("inception4d.branch2.0",),
            octaves=4,
            octave_scale=1 / 0.6,
            carry="result",
            steps=50,
            step_size=1.5 / 255,
            normalize="mean",
            jitter=32,
        ),
    ),
    "ai-art": DreamPreset(
        network="vgg19",
        origin="github.com/Adi-iitd/AI-Art, DeepDream.py: norm of relu4_4, 5 octaves of 1.3 that "
        "carry detail, 100 steps of 0.005 mean gradients of normalised pixels, Gaussians of 0.5 to "
        "4.5 pixels. Theirs also blur across the three colours.",
        config=DreamConfig(
            layers=("relu4_4",),
            objective="norm",
            octaves=5,
            octave_scale=1.3,
            carry="detail",
            steps=100,
            step_size=0.005 * 0.226,
            normalize="mean",
            jitter=0,
            smoothing=4.0,
            smoothing_radius=36,
        ),
    ),
}

OURS: dict[str, DreamConfig] = {
    "lite": DreamConfig(
        layers=("relu4_3", "relu5_1"),
        octaves=5,
        octave_scale=1.5,
        steps=12,
        step_size=0.012,
        smoothing=1.0,
    ),
    "vgg16": DreamConfig(layers=("relu5_2",), octaves=5, octave_scale=1.5, steps=12, smoothing=1.0),
    "vgg19": DreamConfig(layers=("relu5_3",), octaves=5, octave_scale=1.5, steps=12, smoothing=1.0),
    "googlenet": DreamConfig(
        layers=("inception4c", "inception4d"),
        octaves=5,
        steps=12,
        step_size=0.009,
        smoothing=1.5,
    ),
    "inception-v3": DreamConfig(
        layers=("mixed_6b", "mixed_6d"), octaves=5, steps=12, step_size=0.009, smoothing=1.5
    ),
}
"""``recommended``, by network."""

NAMES = (RECOMMENDED, *PUBLISHED)


def preset_config(
    name: str, network: str, known: Collection[str], layers: Iterable[str] | None = None
) -> DreamConfig:
    """The settings of a preset for a network.

    Args:
        name: One of NAMES.
        network: A key of OURS.
        known: All layers the network has.
        layers: What is dreamt of instead of the preset's layers.

    Raises:
        InputError: An unknown preset, or one whose layers the network has not; those that fit are
            named.
    """
    check_choice("preset", name, NAMES)
    config = OURS[network] if name == RECOMMENDED else PUBLISHED[name].config
    if layers is not None or set(config.layer_names()) <= set(known):
        return config
    fitting = [
        other
        for other in NAMES
        if other == RECOMMENDED or set(PUBLISHED[other].config.layer_names()) <= set(known)
    ]
    raise InputError(
        f"preset {name} raises {' and '.join(config.layers)} of {PUBLISHED[name].network}, which "
        f"{network} has not; use --preset {' or '.join(fitting)}, or --network "
        f"{PUBLISHED[name].network}."
    )
