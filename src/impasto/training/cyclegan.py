"""Learning to translate without pairs: ``impasto train cyclegan``."""

import copy
import itertools
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from impasto.blocks import channels_last
from impasto.checks import check_choice, check_range
from impasto.discriminators import DiscriminatorConfig, smallest_side
from impasto.kinds import Direction
from impasto.methods.cyclegan.files import Generators, tensors_of
from impasto.methods.cyclegan.network import CycleGAN, CycleGANConfig
from impasto.methods.cyclegan.objective import (
    CycleGANObjective,
    discriminator_losses,
    generator_losses,
)
from impasto.methods.cyclegan.painter import CELL, CycleGANPainter
from impasto.methods.cyclegan.presets import PRESETS
from impasto.training.adversarial import DISCRIMINATORS, GENERATORS, AdversarialTraining, frozen
from impasto.training.ema import AverageWeights
from impasto.training.history import HistoryPool
from impasto.training.jitter import JitterConfig, check_crop
from impasto.training.translation_data import UnpairedData


class CycleGANTraining(AdversarialTraining):
    """The four networks, their objective and their optimisers.

    Args:
        preset: Where settings come from that are not given: cyclegan-paper, cyclegan-paper-128,
            cyclegan-torch or ai-art.
        network: The shape of both generators.
        discriminator: The shape of both discriminators.
        objective: What is minimised.
        learning_rate: Of both Adams, at its height.
        beta1: Of both Adams; beta2 is 0.999.
        hold: Part of the run at the full rate; over the rest it falls to 0 in a line.
        pool: Made pictures that each discriminator may be shown again; 0 for none.
        ema: Decay of an average of the generators' weights, which is then what is saved and shown;
            0 for none.
        seed: Of the history.
    """

    method, data_class = "cyclegan", UnpairedData

    def __init__(
        self,
        preset: str = "cyclegan-torch",
        network: CycleGANConfig | None = None,
        discriminator: DiscriminatorConfig | None = None,
        objective: CycleGANObjective | None = None,
        learning_rate: float | None = None,
        beta1: float | None = None,
        hold: float | None = None,
        pool: int | None = None,
        ema: float = 0.0,
        seed: int = 0,
    ) -> None:
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        super().__init__(
            learning_rate=given.learning_rate if learning_rate is None else learning_rate,
            beta1=given.beta1 if beta1 is None else beta1,
            hold=given.hold if hold is None else hold,
            seed=seed,
        )
        check_range("ema", ema, at_least=0.0, at_most=1.0)
        self.objective = objective or given.objective
        judges = discriminator or given.discriminator
        self.nets = channels_last(CycleGAN(network or given.network, judges))
        size = given.pool if pool is None else pool
        for place, name in enumerate(("fake_a", "fake_b")):
            self.pools[name] = HistoryPool(size, seed=2 * seed + place)
        self.average = (
            AverageWeights(nn.ModuleDict({d: n for d, n in self.generators().items()}), ema)
            if ema
            else None
        )

    @staticmethod
    def preset_settings(preset: str) -> dict[str, Any]:
        """What a preset says where nothing else is given, by the name of the flag."""
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        return {
            "model.network": asdict(given.network),
            "model.discriminator": asdict(given.discriminator),
            "model.objective": asdict(given.objective),
            "data.jitter": asdict(JitterConfig(load=given.load, crop=given.crop)),
            "data.batch": given.batch,
            "trainer.gradient_clip_val": None,  # which Lightning refuses beside two optimisers
        }

    def generators(self) -> Generators:
        """By direction."""
        return {"a2b": self.nets.generator_ab, "b2a": self.nets.generator_ba}

    def generator_parameters(self) -> Iterable[nn.Parameter]:
        """Of both."""
        nets = self.nets
        return itertools.chain(nets.generator_ab.parameters(), nets.generator_ba.parameters())

    def discriminator_parameters(self) -> Iterable[nn.Parameter]:
        """Of both."""
        nets = self.nets
        return itertools.chain(nets.discriminator_a.parameters(), nets.discriminator_b.parameters())

    def setup(self, stage: str) -> None:
        """Refuse crops that the networks cannot halve so often.

        Raises:
            InputError: The nearest side that fits is named.
        """
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, UnpairedData):
            check_crop(data.jitter, CELL, max(2 * CELL, smallest_side(self.nets.judges)))

    def training_step(self, batch: dict[str, Any], index: int) -> dict[str, Tensor]:
        """One update of the generators, then one of the discriminators."""
        real_a, real_b = self.pictures(batch)
        with frozen(self.nets.discriminator_a, self.nets.discriminator_b):
            of_generators, made = generator_losses(self.nets, real_a, real_b, self.objective)
            self.learn(GENERATORS, of_generators)
        of_discriminators = discriminator_losses(
            self.nets,
            real_a,
            real_b,
            self.pools["fake_a"].query(made.fake_a.detach()),
            self.pools["fake_b"].query(made.fake_b.detach()),
            self.objective,
            generator=self.noise(),
        )
        self.learn(DISCRIMINATORS, of_discriminators)
        if self.average is not None:
            self.average.update(self._both(), self.global_step)
        return self.close_step(of_generators, of_discriminators)

    def _both(self) -> nn.ModuleDict:
        return nn.ModuleDict({direction: net for direction, net in self.generators().items()})

    def _averages(self) -> dict[Direction, dict[str, Tensor]]:
        if self.average is None:
            return {}
        held = self.average.state()
        return {
            direction: {
                name.removeprefix(f"{direction}."): value
                for name, value in held.items()
                if name.startswith(f"{direction}.")
            }
            for direction in self.generators()
        }

    def painter(self) -> CycleGANPainter:
        """A copy of the generators, or of their averages, that translates."""
        copies = {d: copy.deepcopy(network) for d, network in self.generators().items()}
        for direction, average in self._averages().items():
            network = copies[direction]
            network.load_state_dict(network.state_dict() | average)
        return CycleGANPainter(copies, device=self.device)

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors (parameters in float16) and metadata of the generators so far."""
        tensors, metadata = tensors_of(self.generators(), self._averages())
        metadata["training"] = json.dumps(
            {"steps": self.global_step, "objective": asdict(self.objective)}
        )
        return "cyclegan.safetensors", tensors, metadata

    @torch.no_grad()
    def translation_sheet(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        """Columns of a sheet by name, (B, 3, H, W) in [0, 1] each."""
        painter = self.painter()

        def translate(pictures: Tensor, direction: Direction) -> Tensor:
            made = [painter.translate(one[None], direction=direction).cpu() for one in pictures]
            return torch.cat(made)

        fake_b, fake_a = translate(real_a, "a2b"), translate(real_b, "b2a")
        return {
            "real_a": real_a,
            "fake_b": fake_b,
            "cycled_a": translate(fake_b, "b2a"),
            "same_a": translate(real_a, "b2a"),
            "real_b": real_b,
            "fake_a": fake_a,
            "cycled_b": translate(fake_a, "a2b"),
            "same_b": translate(real_b, "a2b"),
        }
