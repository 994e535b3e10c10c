"""Learning swift: ``impasto train swift``."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict

import torch
from torch import Tensor, nn

from impasto.blocks import channels_last
from impasto.checks import check_range
from impasto.features.perceptual import load_perceptual
from impasto.methods.swift.correction import look_and_paint
from impasto.methods.swift.files import network_of
from impasto.methods.swift.network import Swift
from impasto.methods.swift.objective import (
    Judge,
    SwiftWeights,
    reconstruction_losses,
    swift_losses,
)
from impasto.methods.swift.shape import SwiftConfig
from impasto.methods.swift.start import begin
from impasto.training.data import to_pictures
from impasto.training.ema import AverageWeights
from impasto.training.learner import Batch, Learner
from impasto.training.schedule import Schedule
from impasto.weights.store import load_weights


class SwiftTraining(Learner):
    """swift, its objective and its optimiser.

    Args:
        network: The shape of the network.
        start: Weights to start from, "swift" or a file, whose shape then counts; "none" starts
            anew. Set ``reconstruction`` to 0 with it.
        weights: Of the terms of the objective.
        judge: Perceptual network for content and style: "lite", "vgg19", or a file; see
            ``features/perceptual.py``.
        second_judge: Another for style alone, or "none".
        second_layers: Its layers.
        second_every: Steps between its opinions, whose weight is raised to match.
        learning_rate: Of Adam at its height.
        encoder_rate: Share of it at which the encoder learns; 0 leaves that as it is.
        decoder_rate: The same of the decoder. What is left are the linear layers between a style
            and the decoder's scales and shifts.
        schedule: What becomes of it.
        reconstruction: Steps at the start that only give pictures back.
        ema: Decay of the average of weights that is kept beside them.
    """

    def __init__(
        self,
        network: SwiftConfig = SwiftConfig(),  # noqa: B008 (frozen)
        start: str = "none",
        weights: SwiftWeights = SwiftWeights(),  # noqa: B008 (frozen)
        judge: str = "lite",
        second_judge: str = "none",
        second_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1"),
        second_every: int = 2,
        learning_rate: float = 1e-3,
        encoder_rate: float = 1.0,
        decoder_rate: float = 1.0,
        schedule: Schedule = Schedule(warm=100),  # noqa: B008 (frozen)
        reconstruction: int = 200,
        ema: float = 0.999,
    ) -> None:
        super().__init__(learning_rate, schedule)
        check_range("reconstruction", reconstruction, at_least=0)
        check_range("second_every", second_every, at_least=1)
        check_range("ema", ema, at_least=0.0, at_most=1.0)
        check_range("encoder_rate", encoder_rate, at_least=0.0, at_most=1.0)
        check_range("decoder_rate", decoder_rate, at_least=0.0, at_most=1.0)
        anew = start == "none"
        begun = begin(Swift(network)) if anew else network_of(*load_weights(start), start)
        self.network = channels_last(begun)
        self.encoder_rate, self.decoder_rate = encoder_rate, decoder_rate
        self.network.encoder.requires_grad_(encoder_rate > 0)
        self.network.decoder.requires_grad_(decoder_rate > 0)
        self.average = AverageWeights(self.network, ema)
        self.weights, self.reconstruction = weights, reconstruction
        self.second_every = second_every
        style_layers = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
        self._judges = [Judge(load_perceptual(judge, style_layers), style_layers, "relu4_1")]
        if second_judge != "none":
            self._judges.append(Judge(load_perceptual(second_judge, second_layers), second_layers))

    def setup(self, stage: str) -> None:
        """Bring the judges, which are no part of the checkpoint, to the device."""
        self._judges = [channels_last(judge, self.device) for judge in self._judges]

    def learning(self) -> Iterable[nn.Parameter]:
        """The whole network."""
        return self.network.parameters()

    def parts(self) -> Mapping[float, Iterable[nn.Parameter]]:
        """Encoder and decoder at rates of their own."""
        parts: dict[float, list[nn.Parameter]] = {1.0: []}
        rates = {"encoder": self.encoder_rate, "decoder": self.decoder_rate}
        for name, parameter in self.network.named_parameters():
            if parameter.requires_grad:
                rate = rates.get(name.partition(".")[0], 1.0)
                parts.setdefault(rate, []).append(parameter)
        return parts

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Pictures given back at first, then the terms of ``swift_losses``."""
        if self.global_step < self.reconstruction:
            pictures = torch.cat([to_pictures(batch["content"]), to_pictures(batch["style"])])
            return reconstruction_losses(self.network, pictures, self.global_step)
        return self._terms(batch, self.global_step, batch["key"].tolist())

    def valid_losses(self, batch: Batch) -> dict[str, Tensor]:
        """Every term, with the grain of step 0, from the first look to the last."""
        return self._terms(batch, 0, None)

    def _terms(self, batch: Batch, step: int, keys: list[int] | None) -> dict[str, Tensor]:
        losses, _ = swift_losses(
            self.network,
            to_pictures(batch["content"]),
            to_pictures(batch["style"]),
            judge=self._judges[0],
            second=self._judges[1] if len(self._judges) > 1 else None,
            weights=self.weights,
            step=step,
            keys=keys,
            second_every=self.second_every,
        )
        return losses

    def on_before_zero_grad(self, optimizer: torch.optim.Optimizer) -> None:
        """Follow the weights: here, before the next update, those of the last one stand.

        At the end of a batch it would be too late: a checkpoint is written before that.
        """
        self.average.update(self.network, self.global_step)

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors (the average, float16) and metadata of the painter so far."""
        tensors = {name: value.half() for name, value in self.average.state().items()}
        metadata = {
            "method": "swift",
            "config": json.dumps(asdict(self.network.config)),
            "training": json.dumps({"steps": self.global_step, "weights": asdict(self.weights)}),
        }
        return "swift.safetensors", tensors, metadata

    @torch.no_grad()
    def stylize_sheet(self, content: Tensor, style: Tensor) -> Tensor:
        """What the average of weights makes of held pictures, clamped."""
        average = Swift(self.network.config).to(self.device)
        average.load_state_dict(self.average.state())
        sheet = look_and_paint(average, content.to(self.device), style.to(self.device))
        return sheet.clamp(0, 1)
