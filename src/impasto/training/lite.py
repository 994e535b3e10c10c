"""Distilling the small perceptual network: ``impasto train lite``."""

import copy
import json
from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from impasto.blocks import channels_last
from impasto.errors import WeightsError
from impasto.features.lite import HEADS, Lite, TargetScale, distillation_losses
from impasto.features.vgg import VGG
from impasto.features.vgg_files import load_vgg
from impasto.losses.finite import check_finite
from impasto.training.data import to_pictures
from impasto.training.learner import Batch, Learner
from impasto.training.schedule import Schedule
from impasto.weights.files import read_tensors

EXACT_LAYERS = ("relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1", "relu3_4")
"""Taught by the exact VGG-19 where a pruned one teaches the rest."""

DEEP_LAYERS = ("relu4_1", "relu5_1")
"""Taught by the pruned one."""

CALIBRATION_PAIRS = 64
"""Pairs of pictures by which the teachers' scale is measured."""


class LiteTraining(Learner):
    """lite, its teachers and its optimiser.

    Args:
        exact: File of an exact VGG-19, at least to relu3_4; teaches the layers it has of lite's.
        deep: File of a pruned VGG-19 in the "distilled" layout with its linear heads
            (``conv41_aux``, ``conv51_aux``), which teaches relu4_1 and relu5_1; "none" when
            ``exact`` is complete and teaches all.
        learning_rate: Of Adam at its height.
        schedule: What becomes of it.

    Raises:
        WeightsError: A teacher's file is missing or damaged, ends too early, has other widths or
            no heads.
        InputError: A value outside its range.
    """

    def __init__(
        self,
        exact: str,
        deep: str = "none",
        learning_rate: float = 2e-3,
        schedule: Schedule = Schedule(warm=50),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__(learning_rate, schedule)
        self.network = channels_last(Lite())
        self.scale = TargetScale()
        layers = EXACT_LAYERS if deep != "none" else tuple(HEADS)
        self._teachers = [load_vgg(exact, layers=layers)]
        _check_widths(self._teachers[0], exact)
        if deep != "none":
            self._teachers.append(load_vgg(deep, layers=DEEP_LAYERS))
            self._deep_heads = _linear_heads(deep)

    def setup(self, stage: str) -> None:
        """Bring the teachers, which are no part of the checkpoint, to the device."""
        self._teachers = [channels_last(teacher, self.device) for teacher in self._teachers]

    def on_fit_start(self) -> None:
        """Measure the teachers' scale once; a resumed run has it in its checkpoint."""
        if self.scale.measured:
            return
        stream = self.trainer.datamodule.stream()  # type: ignore[attr-defined]
        pairs = (stream.draw(number) for number in range(CALIBRATION_PAIRS))
        self.scale.measure(
            self.targets(to_pictures(torch.stack([pair["content"], pair["style"]])).to(self.device))
            for pair in pairs
        )

    @torch.no_grad()
    def targets(self, images: Tensor) -> dict[str, Tensor]:
        """What the teachers say of pictures (B, 3, H, W) in [0, 1]: (B, C, h, w), C of HEADS."""
        taps: dict[str, Tensor] = self._teachers[0](images)
        if len(self._teachers) > 1:
            for name, x in self._teachers[1](images).items():
                weight, bias = (t.to(x) for t in self._deep_heads[name])
                taps[name] = F.conv2d(x, weight, bias)
        return taps

    def learning(self) -> Iterable[nn.Parameter]:
        """The whole network."""
        return self.network.parameters()

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """One term per layer, over photographs and paintings together."""
        images = torch.cat([to_pictures(batch["content"]), to_pictures(batch["style"])])
        losses = distillation_losses(self.network(images), self.targets(images), self.scale)
        check_finite(losses)
        return losses

    def weights_to_save(self) -> tuple[str, dict[str, Tensor], dict[str, str]]:
        """File name, tensors (float16) and metadata of the network so far.

        The heads answer in VGG-19's own units, whose thousands float16 still holds.
        """
        network = copy.deepcopy(self.network).cpu()
        copy.deepcopy(self.scale).cpu().fold_into(network)
        tensors = {
            name.removeprefix("vgg."): value.half() for name, value in network.state_dict().items()
        }
        metadata = {"method": "lite", "training": json.dumps({"steps": self.global_step})}
        return "lite.safetensors", tensors, metadata


def _check_widths(teacher: VGG, path: str) -> None:
    for name in teacher.layers:
        width = teacher.plan.widths[int(name[4]) - 1]
        if width != HEADS[name]:
            raise WeightsError(
                f"{path} has {width} channels at {name} where VGG-19 has {HEADS[name]}; give the "
                "exact network, or a pruned one as --model.deep."
            )


def _linear_heads(path: str) -> dict[str, tuple[Tensor, Tensor]]:
    """Weight and bias of the 1x1 convolutions from pruned features to VGG-19's, by layer."""
    tensors, heads = read_tensors(path), {}
    for name in DEEP_LAYERS:
        stem = name.replace("relu", "conv").replace("_", "") + "_aux"
        missing = [key for part in ("weight", "bias") if (key := f"{stem}.{part}") not in tensors]
        if missing:
            raise WeightsError(
                f"{path} has no {missing[0]}, the linear head of {name}; give a pruned VGG-19 "
                "with its heads, or none."
            )
        heads[name] = tensors[f"{stem}.weight"].float(), tensors[f"{stem}.bias"].float()
    return heads
