"""LPIPS against torchmetrics' own, whose networks are filled with the same weights."""

import pytest
import torch
from torch import nn

from impasto.errors import MissingExtraError, WeightsError
from impasto.features.lpips import load_lpips
from impasto.features.vgg import PLANS

metric = pytest.importorskip("torchmetrics.functional.image.lpips")


def vgg16_features() -> nn.Sequential:
    """torchvision's ``vgg16().features``, random."""
    layers, channels = [], 3
    for depth, width in zip(PLANS["vgg16"].depths, PLANS["vgg16"].widths, strict=True):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def alexnet_features() -> nn.Sequential:
    """torchvision's ``alexnet().features``, random."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "short", "name"),
    [(vgg16_features, "vgg", "vgg16"), (alexnet_features, "alex", "alexnet")],
)
def test_it_equals_torchmetrics(make, short, name, tmp_path, monkeypatch):
    torch.manual_seed(0)
    features = make()
    path = tmp_path / "network.pth"
    torch.save({f"features.{k}": v for k, v in features.state_dict().items()}, path)
    monkeypatch.setattr(metric, "_get_tv_model_features", lambda net, pretrained: features)
    reference = metric._NoTrainLpips(net=short)
    first, second = torch.rand(2, 2, 3, 64, 72)
    lpips = load_lpips(path)
    expected = reference(first, second, normalize=True).flatten()
    assert lpips.name == name
    torch.testing.assert_close(lpips(first, second), expected, rtol=1e-4, atol=1e-6)
    assert lpips(first, first).abs().max() == 0


def test_absent_weights_are_not_fetched_and_the_sentence_says_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    with pytest.raises(WeightsError, match=r"type: impasto models fetch vgg16\.$"):
        load_lpips("vgg16")
    with pytest.raises(WeightsError, match=r"there is no weight file .*alexnet\.pth"):
        load_lpips(tmp_path / "alexnet.pth")


def test_another_network_is_refused(tmp_path, tiny_vgg):
    with pytest.raises(WeightsError):
        load_lpips(tiny_vgg)
    torch.save({"features.0.weight": torch.zeros(64, 3, 11, 11)}, tmp_path / "half.pth")
    with pytest.raises(WeightsError, match=r"is no AlexNet of torchvision's"):
        load_lpips(tmp_path / "half.pth")


def test_without_torchmetrics_the_extra_is_named(tmp_path, monkeypatch):
    features = alexnet_features().state_dict()
    torch.save({f"features.{k}": v for k, v in features.items()}, tmp_path / "network.pth")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"impasto\[train\]"):
        load_lpips(tmp_path / "network.pth")
