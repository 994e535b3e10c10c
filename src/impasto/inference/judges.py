"""Those who judge a painting: what each needs, what it says, and who could not come.

Nothing is fetched unasked. A judge whose weights are absent is left out, and ``Judges.absent``
says in one sentence why and what to type.

Reading order: Judges (of one painting: ``look``; of all: ``of_all``).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from impasto.errors import InputError, MissingExtraError, WeightsError
from impasto.features.inception import Inception
from impasto.features.inception_files import load_inception
from impasto.features.lpips import load_lpips
from impasto.features.perceptual import layers_held, load_perceptual
from impasto.images.color import luma
from impasto.inference.evaluate_settings import EvaluateConfig
from impasto.metrics import (
    CONTENT_LAYER,
    STYLE_LAYERS,
    border_artifact,
    clipped_part,
    content_distance,
    grid_artifact,
    seam_artifact,
    style_distance,
)

INCEPTION_LAYER = "mixed_7c"
"""Of Inception-v3: the last, whose means over positions FID compares."""

ARTIFACTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grid": grid_artifact,
    "seam": seam_artifact,
    "border": border_artifact,
    "clipped": clipped_part,
}

HIGHER_IS_BETTER = ("ssim",)


class Judges:
    """All who look at the paintings of one evaluation.

    Args:
        config: Whom to ask.
        device: Where they compute.

    Attributes:
        absent: Figure -> why it is left out and what to type, a sentence without its full stop.
        names: Figure -> the network that tells it.

    Raises:
        WeightsError: The perceptual network, or a file that was named, is missing or damaged.
        InputError: No such network, or one without the layers that are needed.
    """

    def __init__(self, config: EvaluateConfig, device: torch.device) -> None:
        self.device = device
        self.absent: dict[str, str] = {}
        held = layers_held(config.judge)
        self.style_layers = tuple(name for name in STYLE_LAYERS if name in held)
        if not self.style_layers:
            raise InputError(f"{config.judge} has none of {', '.join(STYLE_LAYERS)}; use lite.")
        known = CONTENT_LAYER in self.style_layers
        self.content_layer = CONTENT_LAYER if known else self.style_layers[-1]
        self.network = load_perceptual(config.judge, self.style_layers).to(device)
        judge = Path(config.judge).name
        self.names = {
            "content": f"{judge} {self.content_layer}",
            "style": f"{judge} {' '.join(self.style_layers)}",
        }
        self.ssim = self._find_ssim()
        self.lpips = self._find_lpips(config.lpips)
        self.frechet = self._find_frechet(config.inception, config.size)

    @torch.inference_mode()
    def look(self, content: Tensor, style: Tensor | None, stylized: Tensor) -> dict[str, float]:
        """Figures of one painting by name.

        Args:
            content: (1, 3, H, W) in [0, 1].
            style: (1, 3, h, w) in [0, 1]; None where only the painter knows it.
            stylized: (1, 3, H, W) in [0, 1].

        Raises:
            InputError, ShapeError: The pictures are too small.
        """
        content, stylized = content.to(self.device), stylized.to(self.device)
        found = {
            "content": content_distance(self.network, content, stylized, layer=self.content_layer)
        }
        if style is not None:
            style = style.to(self.device)
            found["style"] = style_distance(self.network, style, stylized)
        if self.ssim is not None:
            found["ssim"] = self.ssim(luma(stylized), luma(content))
        if self.lpips is not None:
            found["lpips"] = self.lpips(content, stylized)
        for name, figure in ARTIFACTS.items():
            found[name] = figure(stylized, content)
        if self.frechet is not None and style is not None:
            self.frechet.update(style, real=True)
            self.frechet.update(stylized, real=False)
        return {name: float(value) for name, value in found.items()}

    def of_all(self, mean_lpips: float | None) -> dict[str, float]:
        """Figures of all paintings together.

        Args:
            mean_lpips: Over the paintings; None without LPIPS.

        Returns:
            "fid", and with LPIPS "artfid", (1 + LPIPS)(1 + FID) of Wright and Ommer, "ArtFID:
            Quantitative Evaluation of Neural Style Transfer", GCPR 2022; empty without Inception.
        """
        if self.frechet is None:
            return {}
        if self.frechet.fake_features_num_samples < 2:
            self.absent["fid"] = "it compares two paintings or more with their styles"
            return {}
        fid = float(self.frechet.compute())
        return {"fid": fid} | (
            {} if mean_lpips is None else {"artfid": (1 + mean_lpips) * (1 + fid)}
        )

    def _find_ssim(self) -> Callable[[Tensor, Tensor], Tensor] | None:
        try:
            from torchmetrics.functional.image import structural_similarity_index_measure
        except ModuleNotFoundError:
            self.absent["ssim"] = str(MissingExtraError.of("train", "It")).removesuffix(".")
            return None
        self.names["ssim"] = "luma"

        def ssim(stylized: Tensor, content: Tensor) -> Tensor:
            found = structural_similarity_index_measure(stylized, content, data_range=1.0)
            assert isinstance(found, Tensor), "a pair comes only with the full image"
            return found

        return ssim

    def _find_lpips(self, name: str) -> Callable[[Tensor, Tensor], Tensor] | None:
        try:
            lpips = load_lpips(name)
        except (WeightsError, MissingExtraError) as error:
            if name != "vgg16":
                raise  # a file that was named
            self.absent["lpips"] = str(error).removesuffix(".")
            return None
        self.names["lpips"] = lpips.name
        return lpips.to(self.device)

    def _find_frechet(self, path: str | None, size: int) -> Any:
        if path is None:
            self.absent["fid"] = (
                "it needs an Inception-v3, for ArtFID the one tuned on art (art_inception.pth of "
                "matthias-wright/art-fid); give its file with --inception FILE"
            )
            return None
        try:
            from torchmetrics.image.fid import FrechetInceptionDistance
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("train", "FID") from error
        network = load_inception(path, "inception-v3", (INCEPTION_LAYER,))
        if size < network.least_side:
            raise InputError(
                f"Inception looks at pictures of {network.least_side} pixels or more; give "
                f"--size {network.least_side} or more."
            )
        self.names["fid"] = Path(path).name
        return FrechetInceptionDistance(feature=_Pooled(network)).to(self.device)


class _Pooled(nn.Module):
    """Inception's features, averaged over positions: (B, C)."""

    def __init__(self, network: Inception) -> None:
        super().__init__()
        self.network = network
        self.num_features = width_of(network)

    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = self.network(images)[INCEPTION_LAYER].mean((2, 3))
        return pooled


def width_of(network: Inception) -> int:
    """Channels of an Inception's last tap, found by looking at a small picture."""
    with torch.inference_mode():
        side = network.least_side
        return int(network(torch.zeros(1, 3, side, side))[network.layers[-1]].shape[1])
