"""Learning AdaIN's decoder: ``impasto train adain``, ``impasto train reconstruction``."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from impasto.blocks import channels_last
from impasto.checks import check_choice, check_range
from impasto.losses.known import KnownStyles
from impasto.methods.adain.files import encoder_of, network_of, tensors_of
from impasto.methods.adain.network import AdaIN, AdaINConfig
from impasto.methods.adain.objective import (
    AdaINObjective,
    adain_losses,
    reconstruction_losses,
)
from impasto.methods.adain.presets import PRESETS, AdaINPreset
from impasto.training.data import to_pictures
from impasto.training.ema import AverageWeights
from impasto.training.learner import Batch, Learner
from impasto.training.schedule import Schedule
from impasto.weights.store import load_weights


class AdaINTraining(Learner):
    """The frozen encoder, the decoder that learns, its objective and its optimiser.

    Args:
        preset: Where network, objective and learning rate come from that are not given:
            adain-lite, adain-paper, adain-naoto or adain-oak.
        network: The shape.
        objective: What is minimised.
        encoder_weights: File of the encoder; none takes the bundled or fetched one.
        start: Weights to start from, such as a run of ``impasto train reconstruction``; "none"
            starts anew.
        learning_rate: Of Adam at its height.
        schedule: What becomes of it.
        ema: Decay of the average of weights that is kept beside them.
    """

    reconstructs = False
    """Whether pictures are only given back."""

    def __init__(
        self,
        preset: str = "adain-lite",
        network: AdaINConfig | None = None,
        objective: AdaINObjective | None = None,
        encoder_weights: str | None = None,
        start: str = "none",
        learning_rate: float | None = None,
        schedule: Schedule | None = None,
        ema: float = 0.999,
    ) -> None:
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        super().__init__(
            given.learning_rate if learning_rate is None else learning_rate,
            schedule or _schedule_of(given),
        )
        check_range("ema", ema, at_least=0.0, at_most=1.0)
        self.objective = objective or given.objective
        shape = network or given.network
        begun = AdaIN(encoder_of(shape, encoder_weights), shape)
        if start != "none":
            begun.decoder.load_state_dict(_decoder(start))
        # Not a part of the checkpoint: it never changes.
        self._frozen = [channels_last(begun.encoder)]
        self._styles = KnownStyles()
        self.decoder = channels_last(begun.decoder)
        self.shape = shape
        self.average = AverageWeights(self.decoder, ema)

    @staticmethod
    def preset_settings(preset: str) -> dict[str, Any]:
        """The preset's own settings, its data and its length among them, by flag."""
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        crop = {"size": given.crop, "short_side": given.short_side}
        return {
            "model.network": asdict(given.network),
            "model.objective": asdict(given.objective),
            "model.learning_rate": given.learning_rate,
            "model.schedule": asdict(_schedule_of(given)),
            "data.batch": given.batch,
            "data.content_crop": crop,
            "data.style_crop": crop,
            "trainer.max_steps": given.steps,
        }

    @property
    def network(self) -> AdaIN:
        """Encoder and decoder together."""
        network = AdaIN(self._frozen[0], self.shape)
        network.decoder = self.decoder
        return network

    def setup(self, stage: str) -> None:
        """Bring the encoder to the device."""
        self._frozen = [channels_last(self._frozen[0], self.device)]

    def learning(self) -> Iterable[nn.Parameter]:
        """The decoder."""
        return self.decoder.parameters()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Content and style of eq. 11, or the error of pictures that are given back."""
        content = to_pictures(batch["content"])
        if not self.reconstructs:
            style = to_pictures(batch["style"])
            keys = batch["key"].tolist() if self.training and "key" in batch else None
            return adain_losses(
                self.network, content, style, self.objective, known=self._styles, keys=keys
            )[0]
        if "style" in batch:
            content = torch.cat([content, to_pictures(batch["style"])])
        return reconstruction_losses(self.network, content)[0]

    def on_before_zero_grad(self, optimizer: torch.optim.Optimizer) -> None:
        """Follow the weights, before a checkpoint is written."""
        self.average.update(self.decoder, self.global_step)

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors (the average, float16) and metadata of the painter so far."""
        tensors, metadata = tensors_of(self.network, self.average.state())
        metadata["training"] = json.dumps({"steps": self.global_step})
        return "adain.safetensors", tensors, metadata

    @torch.no_grad()
    def stylize_sheet(self, content: Tensor, style: Tensor) -> Tensor:
        """What the average of weights makes of held pictures, clamped."""
        average = AdaIN(self._frozen[0], self.shape)
        average.decoder.load_state_dict(self.average.state())
        average.decoder.to(self.device)
        content = content.to(self.device)
        if self.reconstructs:
            sheet = average.reconstruct(content)
        else:
            sheet, _ = average(content, style.to(self.device))
        return sheet.clamp(0, 1)


class ReconstructionTraining(AdaINTraining):
    """The decoder learns to give pictures back, before it learns styles (source 2)."""

    reconstructs = True
    needs_style = False


def _schedule_of(preset: AdaINPreset) -> Schedule:
    if preset.step_every:
        return Schedule(kind="step", every=preset.step_every)
    return Schedule(kind="inverse", decay=preset.decay) if preset.decay else Schedule()


def _decoder(start: str) -> dict[str, Tensor]:
    tensors, metadata = load_weights(start)
    return network_of(tensors, metadata, start).decoder.state_dict()
