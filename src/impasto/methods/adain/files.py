"""AdaIN from the tensors and the metadata of a weight file, and into them.

A file holds the decoder. Of the encoder it holds what nobody else has: lite travels with the
package and is only named, a VGG goes into the file.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from torch import Tensor

from impasto.errors import InputError, WeightsError
from impasto.features.perceptual import load_perceptual
from impasto.features.vgg import VGG, VGGPlan
from impasto.methods.adain.network import STYLE_LAYERS, AdaIN, AdaINConfig


def encoder_of(config: AdaINConfig, path: str | None = None) -> VGG:
    """The frozen encoder that a configuration names, with reflection padding.

    Args:
        config: Which.
        path: Its file; None takes the bundled or fetched one.

    Raises:
        WeightsError: It is not at hand, or the file holds another.
        InputError: The paper's normalised VGG has no published address: its file must be given.
    """
    if path is None and config.encoder == "vgg19-normalized":
        raise InputError(
            "vgg19-normalized is published nowhere that stays; give its file "
            "(vgg_normalised, as .safetensors) with --model.encoder_weights, or use lite."
        )
    return load_perceptual(path or config.encoder, STYLE_LAYERS, padding="reflect")


def tensors_of(
    network: AdaIN, decoder: Mapping[str, Tensor] | None = None
) -> tuple[dict[str, Tensor], dict[str, str]]:
    """What a file holds of a network: tensors (float16) and metadata.

    Args:
        network: Encoder, decoder and shape.
        decoder: The decoder's tensors by name, such as an average; None takes the network's.
    """
    parts = {f"decoder.{k}": v for k, v in (decoder or network.decoder.state_dict()).items()}
    metadata = {"method": "adain", "config": json.dumps(asdict(network.config))}
    if network.config.encoder != "lite":
        parts |= {f"encoder.{k}": v for k, v in network.encoder.state_dict().items()}
        metadata["plan"] = json.dumps(asdict(network.encoder.plan))
    return {name: value.half().contiguous() for name, value in parts.items()}, metadata


def network_of(
    tensors: Mapping[str, Tensor], metadata: Mapping[str, str], origin: str | Path
) -> AdaIN:
    """The network, in float32, with a file's weights.

    Raises:
        WeightsError: They are not AdaIN's; the message names what differs.
    """
    try:
        config = AdaINConfig(**json.loads(metadata["config"]))
        encoder = _encoder(config, tensors, metadata)
    except (KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
        reason = str(error).rstrip(".")
        raise WeightsError(f"{origin} has no configuration of AdaIN ({reason}).") from error
    network = AdaIN(encoder, config)
    held = {
        name.removeprefix("decoder."): value.float()
        for name, value in tensors.items()
        if name.startswith("decoder.")
    }
    wanted = network.decoder.state_dict()
    wrong = [n for n in wanted if n not in held or held[n].shape != wanted[n].shape]
    if wrong or set(held) - set(wanted):
        name = (wrong or sorted(set(held) - set(wanted)))[0]
        raise WeightsError(f"{origin} does not fit AdaIN: decoder.{name} is missing or foreign.")
    network.decoder.load_state_dict(held)
    return network


def _encoder(
    config: AdaINConfig, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]
) -> VGG:
    if config.encoder == "lite":
        return encoder_of(config)
    plan = json.loads(metadata["plan"])
    shape = VGGPlan(
        depths=tuple(plan["depths"]), widths=tuple(plan["widths"]), batch_norm=plan["batch_norm"]
    )
    encoder = VGG(shape, STYLE_LAYERS, padding="reflect")
    held = {
        name.removeprefix("encoder."): value.float()
        for name, value in tensors.items()
        if name.startswith("encoder.")
    }
    encoder.load_state_dict(held)
    return encoder
