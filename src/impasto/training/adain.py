"""Learning AdaIN's decoder: ``impasto train adain``, ``impasto train reconstruction``."""

import json
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from impasto.blocks import channels_last
from impasto.checks import check_choice, check_range
from impasto.methods.adain.files import encoder_of, network_of, tensors_of
from impasto.methods.adain.network import AdaIN, AdaINConfig
from impasto.methods.adain.objective import AdaINObjective, adain_losses, reconstruction_losses
from impasto.methods.adain.presets import PRESETS
from impasto.training.data import to_pictures
from impasto.training.ema import AverageWeights
from impasto.weights.store import load_weights


class AdaINTraining(LightningModule):
    """The frozen encoder, the decoder that learns, its objective and its optimiser.

    Args:
        preset: Where network, objective and learning rate come from that are not given:
            adain-lite, adain-paper, adain-naoto or adain-oak.
        network: The shape.
        objective: What is minimised.
        encoder_weights: File of the encoder; none takes the bundled or fetched one.
        start: Weights to start from, such as a run of ``impasto train reconstruction``; "none"
            starts anew.
        learning_rate: Of Adam at the start.
        decay: The rate is divided by 1 + decay times the step.
        step_every: Steps after which the rate is divided by 10; 0 never.
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
        decay: float | None = None,
        step_every: int | None = None,
        ema: float = 0.999,
    ) -> None:
        super().__init__()
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        self.learning_rate = given.learning_rate if learning_rate is None else learning_rate
        self.decay = given.decay if decay is None else decay
        self.step_every = given.step_every if step_every is None else step_every
        check_range("learning_rate", self.learning_rate, above=0.0)
        check_range("decay", self.decay, at_least=0.0)
        check_range("step_every", self.step_every, at_least=0)
        check_range("ema", ema, at_least=0.0, at_most=1.0)
        self.objective = objective or given.objective
        shape = network or given.network
        begun = AdaIN(encoder_of(shape, encoder_weights), shape)
        if start != "none":
            begun.decoder.load_state_dict(_decoder(start))
        # Not a part of the checkpoint: it never changes.
        self._frozen = [channels_last(begun.encoder)]
        self.decoder = channels_last(begun.decoder)
        self.shape = shape
        self.average = AverageWeights(self.decoder, ema)

    @property
    def network(self) -> AdaIN:
        """Encoder and decoder together."""
        network = AdaIN(self._frozen[0], self.shape)
        network.decoder = self.decoder
        return network

    def setup(self, stage: str) -> None:
        """Bring the encoder to the device."""
        self._frozen = [channels_last(self._frozen[0], self.device)]

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """One update's loss; its terms are logged under their own names."""
        losses = self._losses(batch)
        total = torch.stack(list(losses.values())).sum()
        self.log_dict({f"loss/{k}": v.detach() for k, v in losses.items()})
        self.log("loss/total", total.detach(), prog_bar=True)
        return total

    def _losses(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        content, style = to_pictures(batch["content"]), to_pictures(batch["style"])
        if self.reconstructs:
            return reconstruction_losses(self.network, torch.cat([content, style]))[0]
        return adain_losses(self.network, content, style, self.objective)[0]

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
        content, style = content.to(self.device), style.to(self.device)
        sheet = average.reconstruct(content) if self.reconstructs else average(content, style)[0]
        return sheet.clamp(0, 1)

    def configure_optimizers(self) -> Any:
        """Adam; the rate falls as the preset's authors let it."""
        optimizer = torch.optim.Adam(self.decoder.parameters(), self.learning_rate)

        def factor(step: int) -> float:
            tenth = 0.1 ** (step // self.step_every) if self.step_every else 1.0
            return tenth / (1 + self.decay * step)

        schedule = LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class ReconstructionTraining(AdaINTraining):
    """The decoder learns to give pictures back, before it learns styles (source 2)."""

    reconstructs = True


def _decoder(start: str) -> dict[str, Tensor]:
    tensors, metadata = load_weights(start)
    return network_of(tensors, metadata, start).decoder.state_dict()
