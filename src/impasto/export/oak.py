"""For Luxonis' OAK-1: one size, bytes in and out, and the description that DepthAI v3 wants.

The camera gives BGR, 8 bits, planes one after the other, and shows the same; the graph takes and
gives just that, so nothing is computed on the host. Inside, values stay below what float16 holds:
statistics are means of rows and then of those means. Grain is constants, for the size is fixed;
the look at a thumbnail is left out, because it would cost as much as the picture.
"""

import json
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from impasto.export.verify import picture

CONFIG_VERSION = "1.0"
"""Of the NN archive's description, as DepthAI v3 reads it."""

LEVEL = 1.0
"""Largest difference of a byte from torch: where one rounds up and the other down."""


class OakGraph(nn.Module):
    """BGR bytes to BGR bytes around a graph of one input.

    Args:
        inner: From (1, 3, H, W) RGB in [0, 1] to the same.
    """

    names = ("content",)

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, content: Tensor) -> Tensor:
        """(1, 3, H, W), uint8, BGR to the same."""
        pixels = content.to(torch.float32) / 255
        painted = self.inner(_reversed(pixels))
        return (_reversed(painted) * 255 + 0.5).clamp(0, 255).to(torch.uint8)


def _reversed(pixels: Tensor) -> Tensor:
    """RGB to BGR and back, by parts: a gather of channels is not known to the camera's compiler."""
    red, green, blue = pixels.chunk(3, dim=1)
    return torch.cat([blue, green, red], dim=1)


def oak_samples(size: tuple[int, int]) -> list[dict[str, NDArray[Any]]]:
    """Two camera pictures of one size."""
    generator = torch.Generator().manual_seed(0)
    return [{"content": (picture(size, generator) * 255).to(torch.uint8).numpy()} for _ in range(2)]


def config_of(name: str, size: tuple[int, int]) -> bytes:
    """config.json of an NN archive: what the network takes and gives.

    Args:
        name: Of the model's file, without its ending.
        size: (height, width).
    """
    shape = [1, 3, *size]
    description = {
        "config_version": CONFIG_VERSION,
        "model": {
            "metadata": {"name": name, "path": f"{name}.xml", "precision": "float16"},
            "inputs": [
                {
                    "name": "content",
                    "dtype": "uint8",
                    "input_type": "image",
                    "shape": shape,
                    "layout": "NCHW",
                    "preprocessing": {
                        "mean": [0, 0, 0],
                        "scale": [1, 1, 1],
                        "dai_type": "BGR888p",
                    },
                }
            ],
            "outputs": [{"name": "stylized", "dtype": "uint8", "shape": shape, "layout": "NCHW"}],
            "heads": [],
        },
    }
    return json.dumps(description, indent=2).encode()
