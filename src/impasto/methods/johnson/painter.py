"""Painting with a network of one style."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from impasto.blocks import channels_last
from impasto.checks import check_shape
from impasto.errors import InputError, WeightsError
from impasto.features.norms import NetworkWindows
from impasto.images.resize import pad_reflect
from impasto.methods.base import Statistics
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet

CELL = 4
"""Pixels per position of the coarsest features."""

MARGIN = 40
"""Pixels of reflection around the picture, cut off again, as the paper and source 3 have them:
near borders the network paints spots."""


class JohnsonPainter:
    """A trained network on a device.

    Args:
        network: With its weights.
        style: Name of what it learned.
        device: Where it paints.
        dtype: What it computes in.
        digest: Of the weights, see Painter.
    """

    def __init__(
        self,
        network: TransformerNet,
        style: str = "its style",
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        digest: str = "",
    ) -> None:
        self.device, self.dtype, self.digest = device or torch.device("cpu"), dtype, digest
        self.style = style
        self.network = channels_last(network, self.device, dtype)
        self.network.requires_grad_(False).eval()

    @classmethod
    def of(
        cls,
        tensors: Mapping[str, Tensor],
        metadata: Mapping[str, str],
        origin: str | Path,
        *,
        device: torch.device | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Self:
        """A painter with the tensors and the metadata of a weight file.

        Raises:
            WeightsError: They are not of this network; the message names what differs.
        """
        try:
            network = TransformerNet(JohnsonConfig(**json.loads(metadata["config"])))
            floats = {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
            network.load_state_dict(floats)
        except (KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
            reason = " ".join(str(error).split()).rstrip(".")
            raise WeightsError(f"{origin} does not fit Johnson's network ({reason}).") from error
        style, digest = metadata.get("style", "its style"), metadata.get("digest", "")
        return cls(network, style, device=device, dtype=dtype, digest=digest)

    @property
    def own_style(self) -> Statistics:
        """The one it has learned; nothing needs to be known of it."""
        return ()

    def encode_style(self, pixels: Tensor) -> Statistics:
        """Refuse: the network knows one style.

        Raises:
            InputError: Always; the message says what to do.
        """
        raise InputError(
            f"this network paints {self.style} alone; leave the style out, or use --model swift."
        )

    @torch.inference_mode()
    def paint(
        self,
        content: Tensor,
        styles: Sequence[Statistics],
        *,
        weights: Sequence[float],
        alpha: float = 1.0,
        regions: Tensor | None = None,
        seed: int = 0,
    ) -> Tensor:
        """Paint a picture in the network's style.

        Args:
            content: (B, 3, H, W) in [0, 1], any size.
            styles, weights, regions: Of the one style; not looked at.
            alpha: 1 is the painting, 0 the content bit for bit; between, pixels are mixed, the
                network having no other knob.
            seed: Not used: nothing is random here.

        Returns:
            (B, 3, H, W), float32, in [0, 1], on the painter's device.

        Raises:
            ShapeError: ``content`` is not (B, 3, H, W).
        """
        check_shape(content, "B 3 H W", name="content")
        content = content.to(self.device)
        if alpha == 0:
            return content.float().clamp(0, 1)
        height, width = content.shape[-2:]
        right, bottom = MARGIN + -width % CELL, MARGIN + -height % CELL
        padded = pad_reflect(content.to(self.dtype), (MARGIN, right, MARGIN, bottom))
        painted = self.network(padded.contiguous(memory_format=torch.channels_last)).float()
        painted = painted[..., MARGIN : MARGIN + height, MARGIN : MARGIN + width].clamp(0, 1)
        return painted if alpha == 1 else content.float().lerp(painted, alpha).clamp_(0, 1)

    def begin(
        self,
        styles: Sequence[Statistics],
        *,
        weights: Sequence[float],
        size: tuple[int, int],
        shrink: Callable[[tuple[int, int]], Tensor],
        alpha: float = 1.0,
        seed: int = 0,
        exact: bool = True,
    ) -> NetworkWindows:
        """Begin a picture that is painted window by window; see ``TiledPainter``."""
        painting = NetworkWindows(self.network, cell=CELL, margin=MARGIN, content_share=1 - alpha)
        if not exact:
            painting.learn_from_thumbnail(size, shrink)
        return painting
