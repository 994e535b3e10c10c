"""Learning to translate from pairs: ``impasto train pix2pix``."""

import copy
import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from impasto.blocks import channels_last
from impasto.checks import check_choice, check_range
from impasto.discriminators import DiscriminatorConfig, discriminator_of, smallest_side
from impasto.methods.pix2pix.files import Learned, tensors_of
from impasto.methods.pix2pix.network import Pix2PixConfig, UNet
from impasto.methods.pix2pix.objective import (
    Pix2PixObjective,
    discriminator_losses,
    generator_losses,
    pair_of,
)
from impasto.methods.pix2pix.painter import Pix2PixPainter
from impasto.methods.pix2pix.presets import PRESETS
from impasto.training.adversarial import DISCRIMINATORS, GENERATORS, AdversarialTraining, frozen
from impasto.training.ema import AverageWeights
from impasto.training.history import HistoryPool
from impasto.training.jitter import JitterConfig, check_crop
from impasto.training.translation_data import PairedData


class Pix2PixTraining(AdversarialTraining):
    """The generator, the discriminator of pairs, their objective and their optimisers.

    Args:
        preset: Where settings come from that are not given: pix2pix-paper, pix2pix-torch or
            ai-art.
        network: The shape of the generator.
        discriminator: The shape of the discriminator.
        objective: What is minimised.
        learning_rate: Of both Adams, at its height.
        beta1: Of both Adams; beta2 is 0.999.
        hold: Part of the run at the full rate; over the rest it falls to 0 in a line.
        pool: Made pairs that the discriminator may be shown again; the authors keep none.
        ema: Decay of an average of the generator's weights, which is then what is saved and shown;
            0 for none.
        seed: Of dropout and history.
    """

    method, data_class = "pix2pix", PairedData

    def __init__(
        self,
        preset: str = "pix2pix-torch",
        network: Pix2PixConfig | None = None,
        discriminator: DiscriminatorConfig | None = None,
        objective: Pix2PixObjective | None = None,
        learning_rate: float | None = None,
        beta1: float | None = None,
        hold: float | None = None,
        pool: int = 0,
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
        self.judge = discriminator or given.discriminator
        self.generator = channels_last(UNet(network or given.network))
        self.discriminator = channels_last(discriminator_of(self.judge, 6))
        self.pools["pairs"] = HistoryPool(pool, seed=seed)
        self.average = AverageWeights(self.generator, ema) if ema else None
        self._painter: Pix2PixPainter | None = None

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

    def generator_parameters(self) -> Iterable[nn.Parameter]:
        """The U-Net's."""
        return self.generator.parameters()

    def discriminator_parameters(self) -> Iterable[nn.Parameter]:
        """The discriminator's."""
        return self.discriminator.parameters()

    def setup(self, stage: str) -> None:
        """Refuse crops that the networks cannot halve so often.

        Raises:
            InputError: The nearest side that fits is named.
        """
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, PairedData):
            depth = self.generator.config.depth
            check_crop(data.jitter, 2**depth, smallest_side(self.judge))

    def training_step(self, batch: dict[str, Any], index: int) -> dict[str, Tensor]:
        """One update of the discriminator, then one of the generator (section 3.3)."""
        real_a, real_b = self.pictures(batch)
        fake_b = self.generator(real_a, self.noise())
        fake_pair = self.pools["pairs"].query(pair_of(real_a, fake_b.detach()))
        of_discriminator = discriminator_losses(
            self.discriminator,
            pair_of(real_a, real_b),
            fake_pair,
            self.objective,
            generator=self.noise(1),
        )
        self.learn(DISCRIMINATORS, of_discriminator)
        with frozen(self.discriminator):
            of_generator = generator_losses(
                self.discriminator, real_a, real_b, fake_b, self.objective
            )
            self.learn(GENERATORS, of_generator)
        if self.average is not None:
            self.average.update(self.generator, self.global_step)
        return self.close_step(of_generator, of_discriminator)

    def on_validation_epoch_start(self) -> None:
        """Take the generator as it will be used, not as ``eval()`` would have it."""
        self._painter = self.painter()

    def validation_step(self, batch: dict[str, Any], index: int) -> None:
        """How far held outputs are from the real ones: the term l1, by training's name."""
        assert self._painter is not None
        made = self._painter.translate(batch["a"].float() / 255)
        distance = 2 * (made - batch["b"].float() / 255).abs().mean()  # as in [-1, 1]
        loss = {"valid/l1": self.objective.lambda_l1 * distance}
        self.log_dict(loss, on_step=False, on_epoch=True, batch_size=len(made), sync_dist=True)

    def learned(self) -> Learned:
        """The generator, and what its file will say of it."""
        data = getattr(self.trainer, "datamodule", None)
        if isinstance(data, PairedData):
            return Learned(self.generator, data.direction, data.batch)
        return Learned(self.generator)

    def painter(self) -> Pix2PixPainter:
        """A copy of the generator, or of its average, that translates with noise."""
        learned = self.learned()
        network = copy.deepcopy(self.generator)
        if self.average is not None:
            network.load_state_dict(network.state_dict() | self.average.state())
        return Pix2PixPainter(
            Learned(network, learned.direction, learned.batch), device=self.device
        )

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors (parameters in float16) and metadata of the generator so far."""
        average = self.average.state() if self.average is not None else None
        tensors, metadata = tensors_of(self.learned(), average)
        metadata["training"] = json.dumps(
            {"steps": self.global_step, "objective": asdict(self.objective)}
        )
        return "pix2pix.safetensors", tensors, metadata

    @torch.no_grad()
    def translation_sheet(self, real_a: Tensor, real_b: Tensor) -> dict[str, Tensor]:
        """Columns of a sheet by name, (B, 3, H, W) in [0, 1] each."""
        painter = self.painter()
        made = torch.cat([painter.translate(one[None]).cpu() for one in real_a])
        return {"real_a": real_a, "fake_b": made, "real_b": real_b}
