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
from impasto.training.schedule import adam_in_one_pass
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
    optimizer = torch.optim.Adam(ours.learning(), RATE)
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

    pair = signed_pair(case["pixels"], device)
    width, blocks = case["width"], case["blocks"]
    if plain:
        peer = PlainCycleGAN(width, blocks, judge_width=width)
        for network in peer.networks().values():
            network.to(device)
        return lambda: peer.step(*pair)
    ours = OurCycleGAN(width, blocks, device)
    return lambda: ours.step(*pair)


def both_cyclegan_losses(
    case: dict[str, Any], device: torch.device, *, batches: int
) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """The plain step's losses and ours, of the same weights and pictures; neither learns."""
    from plain_cyclegan import PlainCycleGAN

    width, blocks = case["width"], case["blocks"]
    ours = OurCycleGAN(width, blocks, device, rate=0.0)
    plain = PlainCycleGAN(width, blocks, judge_width=width, learning_rate=0.0)
    plain.take_weights_of(ours.nets)
    for network in plain.networks().values():
        network.to(device)
    for number in range(batches):
        pair = signed_pair(case["pixels"], device, seed=number)
        yield plain.step(*pair), ours.step(*pair)


def signed_pair(pixels: int, device: torch.device, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """real_a and real_b, (1, 3, pixels, pixels) in [-1, 1]."""
    real_a, real_b = pictures(1, pixels, device, seed=seed)
    return real_a.float().div(127.5).sub(1), real_b.float().div(127.5).sub(1)


class OurCycleGAN:
    """A step as ``impasto train cyclegan`` takes it, without Lightning.

    Args:
        width: Channels of the first layer of generators and discriminators.
        blocks: Residual blocks.
        device: Where.
        rate: Of both Adams.
    """

    def __init__(
        self, width: int, blocks: int, device: torch.device, *, rate: float = 2e-4
    ) -> None:
        from impasto.blocks import channels_last
        from impasto.discriminators import DiscriminatorConfig
        from impasto.methods.cyclegan.network import CycleGAN, CycleGANConfig
        from impasto.methods.cyclegan.objective import CycleGANObjective
        from impasto.training.history import HistoryPool

        judge = DiscriminatorConfig(width=width, norm="instance")
        config = CycleGANConfig(width=width, blocks=blocks)
        self.nets = channels_last(CycleGAN(config, judge), device)
        named = list(self.nets.named_parameters())
        self.adams = [
            adam_in_one_pass((p for name, p in named if name.startswith(part)), rate, (0.5, 0.999))
            for part in ("generator", "discriminator")
        ]
        self.pools, self.objective = (HistoryPool(50), HistoryPool(50)), CycleGANObjective()

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, float]:
        """One update of everything; the terms by name.

        Args:
            real_a, real_b: (B, 3, H, W) in [-1, 1].
        """
        from impasto.methods.cyclegan.objective import discriminator_losses, generator_losses
        from impasto.training.adversarial import frozen

        nets = self.nets
        real = [x.contiguous(memory_format=torch.channels_last) for x in (real_a, real_b)]
        nets.zero_grad()
        with frozen(nets.discriminator_a, nets.discriminator_b):
            losses, made = generator_losses(nets, *real, self.objective)
            torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.adams[0].step()
        made_now = zip(self.pools, (made.fake_a, made.fake_b), strict=True)
        fakes = [pool.query(fake.detach()) for pool, fake in made_now]
        nets.zero_grad()
        judged = discriminator_losses(nets, *real, *fakes, self.objective)
        torch.stack(list(judged.values())).sum().backward()  # type: ignore[no-untyped-call]
        self.adams[1].step()
        return {name: float(value.detach()) for name, value in (losses | judged).items()}
