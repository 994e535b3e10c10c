"""The steps that speed_training.py times: ours as ``impasto train`` takes them, and the peers'."""

import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from plain_adain_training import PlainAdaINTraining
from torch import Tensor

from impasto.features.vgg import VGG
from impasto.methods.adain.network import STYLE_LAYERS
from impasto.training.adain import AdaINTraining
from impasto.training.schedule import adam
from impasto.weights.files import write_tensors

RATE = 1e-4


def adain_step(case: dict[str, Any], device: torch.device) -> Callable[[], object]:
    """A step of AdaIN that begins with pictures as the loader gives them.

    Args:
        case: ``case`` ("plain", or ours), ``batch``, ``size`` and ``encoder``.
        device: Where.
    """
    ours = our_adain(case["encoder"], device)
    content, style = pictures(case["batch"], case["size"], device)
    if case["case"] == "plain":
        plain = PlainAdaINTraining(RATE)
        plain.take_weights_of(ours.network)
        plain.to(device)
        # In [0, 1] already: at the peers the loader makes it so.
        inputs = [images.float().div(255) for images in (content, style)]
        return lambda: plain.step(*inputs)
    optimizer = adam(ours.learning(), RATE)
    fresh = not case["case"].startswith("known")
    keys = torch.full((case["batch"],), -1) if fresh else torch.arange(case["batch"])
    batch = {"content": content, "style": style, "key": keys}
    half = case["case"].endswith("bfloat16")

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            losses = ours.losses(batch)
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def both_losses(
    case: dict[str, Any], device: torch.device, *, batches: int
) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """The plain step's losses and ours, of the same weights and pictures.

    Neither learns meanwhile: Adam's first steps are the signs of gradients, and where these are
    nothing but rounding the two would go apart.
    """
    ours, plain = our_adain(case["encoder"], device), PlainAdaINTraining(0.0)
    plain.take_weights_of(ours.network)
    plain.to(device)
    for number in range(batches):
        content, style = pictures(case["batch"], case["size"], device, seed=number)
        wanted = plain.step(*(images.float().div(255) for images in (content, style)))
        # Twice, so that what is remembered of styles is compared as well.
        keys = torch.arange(case["batch"]) + number * case["batch"]
        for _ in range(2):
            found = ours.losses({"content": content, "style": style, "key": keys})
            yield wanted, {name: float(value.detach()) for name, value in found.items()}


def our_adain(encoder: str | None, device: torch.device) -> AdaINTraining:
    """The training module with the paper's networks.

    Args:
        encoder: File of the normalised VGG-19; None draws weights.
        device: Where.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(encoder) if encoder else _random_encoder(Path(scratch))
        module = AdaINTraining("adain-naoto", encoder_weights=str(path))
    module.to(device)
    module.setup("fit")
    return module


def _random_encoder(folder: Path) -> Path:
    network = VGG("vgg19", STYLE_LAYERS, padding="reflect")
    for name, parameter in network.named_parameters():
        if name.endswith("weight") and not name.startswith("input"):
            torch.nn.init.kaiming_normal_(parameter)
        elif not name.startswith("input"):
            torch.nn.init.zeros_(parameter)
    path = folder / "encoder.safetensors"
    write_tensors(path, network.state_dict(), {"plan": json.dumps(asdict(network.plan))})
    return path


def pictures(
    batch: int, size: int, device: torch.device, *, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Content and style, (batch, 3, size, size) uint8, on the device."""
    generator = torch.Generator().manual_seed(seed)
    shape = (2, batch, 3, size, size)
    both = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).to(device)
    return both[0], both[1]


def cyclegan_step(
    case: dict[str, Any], device: torch.device, *, plain: bool
) -> Callable[[], object]:
    """A step of CycleGAN on one pair.

    Args:
        case: ``width``, ``blocks`` and ``pixels``.
        device: Where; the plain step knows the CPU alone.
        plain: Whether it is the peers'.
    """
    from plain_cyclegan import PlainCycleGAN

    real_a, real_b = (
        images.float().div(127.5).sub(1) for images in pictures(1, case["pixels"], device)
    )
    width, blocks = case["width"], case["blocks"]
    if plain:
        peer = PlainCycleGAN(width, blocks, judge_width=width)
        for network in peer.networks().values():
            network.to(device)
        return lambda: peer.step(real_a, real_b)
    return _our_cyclegan(width, blocks, device, real_a, real_b)


def _our_cyclegan(
    width: int, blocks: int, device: torch.device, real_a: Tensor, real_b: Tensor
) -> Callable[[], object]:
    from impasto.blocks import channels_last
    from impasto.discriminators import DiscriminatorConfig
    from impasto.methods.cyclegan.network import CycleGAN, CycleGANConfig
    from impasto.methods.cyclegan.objective import (
        CycleGANObjective,
        discriminator_losses,
        generator_losses,
    )
    from impasto.training.adversarial import frozen
    from impasto.training.history import HistoryPool

    judge = DiscriminatorConfig(width=width, norm="instance")
    nets = channels_last(CycleGAN(CycleGANConfig(width=width, blocks=blocks), judge), device)
    adams = [
        adam((p for n, p in nets.named_parameters() if n.startswith(part)), 2e-4, (0.5, 0.999))
        for part in ("generator", "discriminator")
    ]
    pools, objective = (HistoryPool(50), HistoryPool(50)), CycleGANObjective()
    ordered = [x.contiguous(memory_format=torch.channels_last) for x in (real_a, real_b)]

    def step() -> None:
        nets.zero_grad()
        with frozen(nets.discriminator_a, nets.discriminator_b):
            losses, made = generator_losses(nets, *ordered, objective)
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        adams[0].step()
        made_now = zip(pools, (made.fake_a, made.fake_b), strict=True)
        fakes = [pool.query(fake.detach()) for pool, fake in made_now]
        nets.zero_grad()
        judged = discriminator_losses(nets, *ordered, *fakes, objective)
        torch.stack(list(judged.values())).sum().backward()  # type: ignore[no-untyped-call]
        adams[1].step()

    return step
