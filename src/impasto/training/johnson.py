"""Learning one network per style: ``impasto train johnson``."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

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
from impasto.training.learner import Batch, Learner
from impasto.training.schedule import Schedule


class JohnsonTraining(Learner):
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
        schedule: What becomes of it; the authors' rate is constant.
        ema: Decay of the average of weights that is kept beside them.
    """

    needs_style = False

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
        schedule: Schedule = Schedule(),  # noqa: B008 (frozen)
        ema: float = 0.999,
    ) -> None:
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        super().__init__(given.learning_rate if learning_rate is None else learning_rate, schedule)
        self.objective = objective or given.objective
        self.padding = given.padding if padding is None else padding
        check_range("padding", self.padding, at_least=0)
        check_range("style_size", style_size, at_least=0)
        check_range("ema", ema, at_least=0.0, at_most=1.0)
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

    @staticmethod
    def preset_settings(preset: str) -> dict[str, Any]:
        """The preset's own settings, its data and its length among them, by flag."""
        check_choice("preset", preset, PRESETS)
        given = PRESETS[preset]
        # visualneurons.com makes whole pictures square; the others cut squares out of them.
        square = {"squeeze": True, "flip": False} if given.padding else {"short_side": given.crop}
        crop = {"size": given.crop, **square}
        return {
            "model.network": asdict(given.network),
            "model.objective": asdict(given.objective),
            "model.learning_rate": given.learning_rate,
            "model.judge": given.judge,
            "model.padding": given.padding,
            "data.batch": given.batch,
            "data.content_crop": crop,
            "data.style_crop": crop,
            "trainer.max_steps": given.steps,
        }

    def learning(self) -> Iterable[nn.Parameter]:
        """The whole network."""
        return self.network.parameters()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Content, style and total variation of eqs. 2 to 4."""
        content = to_pictures(batch["content"])
        painted = self.paint(self.network, content)
        judge = self._judge[0]
        with torch.no_grad():
            wanted = judge(content)
        terms = raw_terms(judge(painted), wanted, self._targets, painted, self.objective)
        return johnson_losses(terms, self.objective, self._ratios(terms))

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
            # Of all processes' pictures together, or each would count in units of its own.
            means = {n: self.all_gather(v.detach()).mean() for n, v in terms.items()}  # type: ignore[union-attr]
            found = measured_ratios(means)
            if not self.training:  # a look before the first step measures nothing for ever
                return found
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

    def style_on_sheet(self, style: Tensor | None) -> Tensor:
        """The run's own style, (1, 3, H, W) in [0, 1], whatever was drawn."""
        return self._style

    @torch.no_grad()
    def stylize_sheet(self, content: Tensor, style: Tensor | None) -> Tensor:
        """What the average of weights makes of held pictures, clamped; the style is the run's."""
        average = TransformerNet(self.network.config).to(self.device).eval()
        average.load_state_dict(dict(self.network.state_dict()) | self.average.state())
        return self.paint(average, content.to(self.device)).clamp(0, 1)
