"""What each layer of a network knows: reconstructions and brush strokes, one layer at a time.

Gatys, Ecker and Bethge, CVPR 2016, figure 1: content representations are inverted layer by layer,
and the style of a picture is taken from one layer alone.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from impasto.checks import check_choice
from impasto.features.perceptual import layers_held
from impasto.features.vgg import PLANS, layer_names
from impasto.images.io import Picture, read_picture
from impasto.images.resize import fit_long_side
from impasto.inference.transfer import Transfer, invert, texture

RECONSTRUCTED = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")
STROKES = (
    "conv2_2", "conv3_1", "conv3_2", "conv3_3", "conv4_1", "conv4_3", "conv4_4", "conv5_1",
    "conv5_4",
)  # fmt: skip

Study = Literal["reconstruction", "strokes"]


@dataclass(frozen=True, kw_only=True)
class LayerStudy:
    """One layer's picture."""

    study: Study
    layer: str
    picture: Picture


def layers_of(
    network: str | os.PathLike[str] = "lite",
    reconstructed: tuple[str, ...] | None = None,
    strokes: tuple[str, ...] | None = None,
) -> list[tuple[Study, str]]:
    """Which studies a network allows: those layers of the two lists that it has.

    Raises:
        InputError: A layer that no VGG of this kind has.
        WeightsError: The network is not at hand.
    """
    held = layers_held(network)
    reconstructed = RECONSTRUCTED if reconstructed is None else reconstructed
    strokes = STROKES if strokes is None else strokes
    for layer in (*reconstructed, *strokes):
        check_choice("layer", layer, layer_names(PLANS["vgg19"]))
    wanted: list[tuple[Study, str]] = [("reconstruction", name) for name in reconstructed]
    wanted += [("strokes", name) for name in strokes]
    return [(study, layer) for study, layer in wanted if layer in held]


def study_layers(
    picture: Any,
    *,
    network: str | os.PathLike[str] = "lite",
    studies: list[tuple[Study, str]] | None = None,
    size: int = 256,
    steps: int = 100,
    device: str = "auto",
    seed: int = 0,
) -> Iterator[LayerStudy]:
    """One picture per layer: what it keeps of this one as content, then as style.

    Args:
        picture: A path, bytes, PIL image, array, tensor or Picture.
        network: "lite", "vgg19" or the path of a VGG's file.
        studies: Which; None takes all that the network allows (see ``layers_of``).
        size: Long side of each in pixels.
        steps: At each scale.
        device: See ``transfer``.
        seed: Of the noise they begin with.

    Yields:
        A LayerStudy as soon as it is done.
    """
    source = fit_long_side(read_picture(picture).pixels, size)
    shape = (source.shape[-2], source.shape[-1])
    settings: dict[str, Any] = {
        "network": network, "size": max(shape), "steps": steps, "first_steps": steps,
        "seed": seed, "device": device,
    }  # fmt: skip
    for study, layer in studies if studies is not None else layers_of(network):
        settings["min_size"] = _least(layer, size)
        if study == "reconstruction":
            run = invert(source, layer=layer, **settings)
        else:
            run = texture(source, shape=shape, style_layers=(layer,), **settings)
        yield LayerStudy(study=study, layer=layer, picture=_finish(run))


def _finish(run: Transfer) -> Picture:
    for _ in run:
        pass
    return run.picture


def _least(layer: str, size: int) -> int:
    """Coarse scales help where a layer sees far; they must hold a few of its cells."""
    return min(size, max(64, 8 << int(layer[4])))
