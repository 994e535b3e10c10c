"""LPIPS: how different two pictures look to a network that people have taught.

Zhang, Isola, Efros, Shechtman and Wang, "The Unreasonable Effectiveness of Deep Features as a
Perceptual Metric", CVPR 2018, eq. 1, version 0.1. https://arxiv.org/abs/1801.03924

Reading order: LPIPS, load_lpips.

The weights of the comparison, a few kilobytes learned from people's judgements, travel with
torchmetrics and are read from there. Its own LPIPS wants torchvision, whose VGG and AlexNet are
the same networks as those here; a test compares the two.
"""

import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from impasto.checks import check_shape
from impasto.errors import MissingExtraError, WeightsError
from impasto.features.vgg import VGG
from impasto.features.vgg_files import load_vgg
from impasto.weights.files import check_finite, read_tensors
from impasto.weights.store import find_weights

VGG16_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")
_ALEXNET_CONVS = ((0, 11, 4, 2), (3, 5, 1, 2), (6, 3, 1, 1), (8, 3, 1, 1), (10, 3, 1, 1))
"""Place in torchvision's ``features``, kernel, stride, padding; pools come before 3 and 6."""
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class AlexNet(nn.Module):
    """The five convolutions of torchvision's AlexNet, each tapped after its ReLU.

    Args:
        tensors: ``features.0.weight`` and so on.

    Raises:
        KeyError: One is missing.
    """

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self.steps = nn.ModuleDict()
        for place, kernel, stride, padding in _ALEXNET_CONVS:
            weight, bias = (tensors[f"features.{place}.{part}"] for part in ("weight", "bias"))
            conv = nn.Conv2d(weight.shape[1], len(weight), kernel, stride=stride, padding=padding)
            conv.load_state_dict({"weight": weight, "bias": bias})
            self.steps[str(place)] = conv
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> list[Tensor]:
        """Five features of (B, 3, H, W) in [0, 1]."""
        mean, deviation = (images.new_tensor(v).view(1, 3, 1, 1) for v in _IMAGENET)
        x, taps = (images - mean) / deviation, []
        for place, step in self.steps.items():
            if place in ("3", "6"):
                x = torch.max_pool2d(x, 3, 2)
            x = step(x).relu()
            taps.append(x)
        return taps


class LPIPS(nn.Module):
    """The distance of two pictures.

    Args:
        network: Five features of a picture.
        weights: How much each channel of each counts, (1, C, 1, 1), at least 0.
        name: Of the network, "vgg16" or "alexnet".
    """

    def __init__(
        self, network: Callable[[Tensor], Sequence[Tensor]], weights: Sequence[Tensor], name: str
    ) -> None:
        super().__init__()
        self.network, self.name = network, name
        self.weights = nn.ParameterList(nn.Parameter(w, requires_grad=False) for w in weights)

    @torch.inference_mode()
    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """sum_l mean_hw sum_c w_lc (f_lhwc - g_lhwc)^2, features of unit length per position.

        Args:
            first, second: (B, 3, H, W) in [0, 1].

        Returns:
            (B,): 0 for equal pictures, to about 1.

        Raises:
            ShapeError: A picture is not (B, 3, H, W).
        """
        terms = []
        for name, images in (("first", first), ("second", second)):
            check_shape(images, "B 3 H W", name=name)
        taps = [self.network(images) for images in (first, second)]
        for one, other, weight in zip(*taps, self.weights, strict=True):
            squares = (_unit(one) - _unit(other)).square()
            terms.append((squares * weight).sum(1).mean((1, 2)))  # (B,)
        return torch.stack(terms).sum(0)


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True) + 1e-8).sqrt()


def load_lpips(name: str | os.PathLike[str] = "vgg16") -> LPIPS:
    """LPIPS by a network that is on this machine; nothing is fetched.

    Args:
        name: "vgg16", or the file of torchvision's VGG-16 or AlexNet.

    Raises:
        MissingExtraError: torchmetrics, which has the comparison's weights, is not installed.
        WeightsError: The network is not on this machine, or is another.
    """
    path = find_weights(name if isinstance(name, str) else Path(name), fetch=False)
    tensors = read_tensors(path)
    first = tensors.get("features.0.weight")
    if first is not None and tuple(first.shape[1:]) == (3, 11, 11):
        return LPIPS(_alexnet(tensors, path), _comparison("alex"), "alexnet")
    network, weights = load_vgg(path, "vgg16", VGG16_LAYERS), _comparison("vgg")
    widths = tuple(weight.shape[1] for weight in weights)
    if network.preprocessing != "torchvision" or network.plan.widths != widths:
        raise WeightsError(
            f"{path} is no VGG-16 or AlexNet of torchvision's, by which alone LPIPS is defined; "
            "type: impasto models fetch vgg16."
        )
    return LPIPS(_taps_of(network), weights, "vgg16")


def _taps_of(network: VGG) -> Callable[[Tensor], Sequence[Tensor]]:
    return lambda images: list(network(images).values())


def _alexnet(tensors: dict[str, Tensor], path: Path) -> AlexNet:
    check_finite(tensors, path)
    try:
        return AlexNet(tensors)
    except (KeyError, RuntimeError) as error:
        raise WeightsError(f"{path} is no AlexNet of torchvision's ({error}).") from error


def _comparison(network: str) -> list[Tensor]:
    """The weights that torchmetrics brings, found without the seconds of its import."""
    found = importlib.util.find_spec("torchmetrics")
    if found is None or not found.submodule_search_locations:
        raise MissingExtraError.of("train", "LPIPS")
    folder = Path(found.submodule_search_locations[0]) / "functional" / "image" / "lpips_models"
    tensors = read_tensors(folder / f"{network}.pth")
    return [tensors[f"lin{i}.model.1.weight"].float() for i in range(5)]
