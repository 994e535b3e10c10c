"""Learning one network per style: ``impasto train johnson``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from torch import Tensor

from impasto.blocks import channels_last
from impasto.checks import check_choice, check_range
from impasto.features.perceptual import load_perceptual
from impasto.images.io import read_picture
from impasto.images.resize import fit_short_side
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.objective import (
    JohnsonObjective,
    Ratios,
    johnson_losses,
    measured_ratios,
    raw_terms,
    style_targets,
)
from impasto.methods.johnson.presets import PRESETS
from impasto.training.data import to_pictures
from impasto.training.ema import AverageWeights
from impasto.training.schedule import adam_on_schedule, check_schedule


class JohnsonTraining(LightningModule):
    """The network, the style it learns, its objective and its optimiser.

    Args:
        style: The picture whose style is learned.
        preset: Where settings come from that are not given: johnson-paper, johnson-torch,
            visual-neurons or pytorch-book.
        network: The shape.
        objective: What is minimised.
        judge: Perceptual network: "vgg16", "vgg19", "lite", or a file.
        style_size: Short side of the style picture in pixels; smaller makes finer strokes. 0 takes
            it as it is.
        padding: Pixels of reflection around each crop, taken off again before the losses.
        learning_rate: Of Adam at its height.
        warm: Steps of the rise.
        decay_from: Step from which the rate falls to ``floor``; None never.
        floor: Part of the learning rate that is left at the end.
        ema: Decay of the average of weights that is kept beside them.
    """

    def __init__(
        self,
        style: str,
        preset: str = "johnson-torch",
        network: JohnsonConfig | None = None,
        objective: JohnsonObjective | None = None,
        judge: str | None = None,
        style_size: int = 0,
        padding: int | None = None,
        learning_rate: float | None = None,
        warm: int = 0,
        decay_from: int | None = None,
        floor: float = 0.02,
        ema: float = 0.999,
    ) -> None:
        super().__init__()
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        self.objective = objective or given.objective
        self.padding = given.padding if padding is None else padding
        self.learning_rate = given.learning_rate if learning_rate is None else learning_rate
        self.warm, self.decay_from, self.floor = warm, decay_from, floor
        check_range("padding", self.padding, at_least=0)
        check_range("style_size", style_size, at_least=0)
        check_range("ema", ema, at_least=0.0, at_most=1.0)
        check_schedule(
            learning_rate=self.learning_rate, warm=warm, decay_from=decay_from or 0, floor=floor
        )
        self.network = channels_last(TransformerNet(network or given.network))
        self.average = AverageWeights(self.network, ema)
        layers = (*self.objective.content_layers, *self.objective.style_layers)
        self._judge = [load_perceptual(judge or given.judge, layers)]
        pixels = read_picture(style).pixels
        self._style = fit_short_side(pixels, style_size) if style_size else pixels
        self.style_name = Path(style).stem
        self._targets: dict[str, Tensor] = {}
        # Kept in the checkpoint: a resumed run must count as it began.
        self.register_buffer("measured", torch.zeros(2))

    def setup(self, stage: str) -> None:
        """Bring the judge to the device and look at the style once."""
        self._judge = [channels_last(self._judge[0], self.device)]
        with torch.no_grad():
            features = self._judge[0](self._style.to(self.device))
            self._targets = style_targets(features, self.objective.style_layers)

    def training_step(self, batch: dict[str, Tensor], index: int) -> Tensor:
        """One update's loss; its terms are logged under their own names."""
        content = to_pictures(batch["content"])
        painted = self.paint(self.network, content)
        judge = self._judge[0]
        with torch.no_grad():
            wanted = judge(content)
        terms = raw_terms(judge(painted), wanted, self._targets, painted, self.objective)
        losses = johnson_losses(terms, self.objective, self._ratios(terms))
        total = torch.stack(list(losses.values())).sum()
        self.log_dict({f"loss/{k}": v.detach() for k, v in losses.items()})
        self.log("loss/total", total.detach(), prog_bar=True)
        return total

    def paint(self, network: TransformerNet, content: Tensor) -> Tensor:
        """Paint with a border of reflection that is cut off again."""
        p = self.padding
        if not p:
            return network(content)  # type: ignore[no-any-return]
        padded = torch.nn.functional.pad(content, (p, p, p, p), mode="reflect")
        return network(padded)[..., p:-p, p:-p]  # type: ignore[no-any-return]

    def _ratios(self, terms: dict[str, Tensor]) -> Ratios | None:
        if not self.objective.measured:
            return None
        measured = self.get_buffer("measured")
        if not measured.any():
            found = measured_ratios({name: value.detach() for name, value in terms.items()})
            measured.copy_(torch.tensor([found.style, found.tv]))
        return Ratios(*measured.tolist())

    def on_before_zero_grad(self, optimizer: torch.optim.Optimizer) -> None:
        """Follow the weights, before a checkpoint is written."""
        self.average.update(self.network, self.global_step)

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors (float16) and metadata of the painter so far."""
        tensors = dict(self.network.state_dict()) | self.average.state()
        metadata = {
            "method": "johnson",
            "style": self.style_name,
            "config": json.dumps(asdict(self.network.config)),
            "training": json.dumps(
                {"steps": self.global_step, "objective": asdict(self.objective)}
            ),
        }
        halves = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
        return "johnson.safetensors", halves, metadata

    @torch.no_grad()
    def stylize_sheet(self, content: Tensor, style: Tensor) -> Tensor:
        """What the average of weights makes of held pictures, clamped; the style is the run's."""
        average = TransformerNet(self.network.config).to(self.device).eval()
        average.load_state_dict(dict(self.network.state_dict()) | self.average.state())
        return self.paint(average, content.to(self.device)).clamp(0, 1)

    def configure_optimizers(self) -> Any:
        """Adam with the schedule of ``training/schedule.py``."""
        steps = int(self.trainer.estimated_stepping_batches)
        return adam_on_schedule(
            self.network.parameters(),
            learning_rate=self.learning_rate,
            warm=self.warm,
            decay_from=steps if self.decay_from is None else self.decay_from,
            steps=steps,
            floor=self.floor,
        )
