"""What all tests share: where the project is, small pictures, a tiny painter and its styles."""

import dataclasses
import json
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    # Many small networks on few cores: threads of several workers would only wait for one another.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture
def gallery(tmp_path, monkeypatch) -> Path:
    """A folder with small pictures under the names that the documents use; the current one."""
    numpy = pytest.importorskip("numpy")
    image = pytest.importorskip("PIL.Image")
    random = numpy.random.default_rng(0)

    def paint(path: Path, size: tuple[int, int], channels: int = 3) -> None:
        coarse = random.integers(0, 256, (6, 8, channels), dtype=numpy.uint8)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = image.fromarray(coarse if channels == 3 else coarse[..., 0])
        picture.resize(size, image.Resampling.BICUBIC).save(path)

    for name in ("photo.jpg", "painting.jpg", "monet.jpg", "klee.jpg", "wave.jpg"):
        paint(tmp_path / name, (96, 64))
    for name in ("holiday/beach.jpg", "holiday/evening/pier.png"):
        paint(tmp_path / name, (72, 48))
    for name in ("labels/house.png", "photos/house.jpg"):
        paint(tmp_path / name, (24, 16))
    paint(tmp_path / "sky.png", (48, 32), channels=1)
    paint(tmp_path / "ground.png", (48, 32), channels=1)
    wide = numpy.linspace(0, 65535, 64 * 96, dtype=numpy.uint16).reshape(64, 96)
    image.fromarray(wide).save(tmp_path / "scan.tif")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IMPASTO_STYLES", str(tmp_path / "styles"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """A weight file of the smallest swift, random."""
    torch = pytest.importorskip("torch")
    from impasto.methods.swift.network import FILM_GAIN, Swift
    from impasto.methods.swift.shape import SwiftConfig
    from impasto.weights.files import write_tensors

    torch.manual_seed(0)
    config = SwiftConfig(widths=(4, 6, 8), blocks=(1, 1, 1), last_width=4, code_width=8)
    network = Swift(config)
    for parameter in network.to_film[-1].parameters():  # zero at first: nothing to be seen
        torch.nn.init.normal_(parameter, std=0.1 / FILM_GAIN)
    path = tmp_path_factory.mktemp("weights") / "swift.safetensors"
    metadata = {"method": "swift", "config": json.dumps(dataclasses.asdict(config))}
    write_tensors(path, network.state_dict(), metadata)
    return path


@pytest.fixture(scope="session")
def tiny_painter(tiny_weights):
    """A Stylizer with the tiny weights."""
    import impasto

    return impasto.load(tiny_weights, device="cpu", precision="float32")


@pytest.fixture(scope="session")
def tiny_styles(tiny_painter, tmp_path_factory) -> Path:
    """A folder with two styles that fit the tiny weights: great-wave and starry-night."""
    import numpy

    import impasto

    folder = tmp_path_factory.mktemp("styles")
    for seed, name in enumerate(("great-wave", "starry-night")):
        levels = numpy.random.default_rng(seed).integers(0, 256, (40, 48, 3), dtype=numpy.uint8)
        impasto.make_style(
            name,
            [levels],
            painter=tiny_painter,
            path=folder / f"{name}.safetensors",
            title=name.title(),
            artist="A. Painter",
            year="1831",
        )
    return folder


@pytest.fixture(scope="session")
def tiny_vgg(tmp_path_factory) -> Path:
    """A file of a VGG-19 in Caffe's layout, of few channels, random but alive at every layer."""
    torch = pytest.importorskip("torch")
    from impasto.features.vgg import PLANS
    from impasto.weights.files import write_tensors

    generator = torch.Generator().manual_seed(0)
    tensors, channels = {}, 3
    for block, depth in enumerate(PLANS["vgg19"].depths, start=1):
        for index in range(1, depth + 1):
            weight = torch.randn(8, channels, 3, 3, generator=generator)
            gain = (2 / (9 * channels)) ** 0.5 / (60 if channels == 3 else 1)
            tensors[f"block{block}_conv{index}/kernel"] = weight * gain
            tensors[f"block{block}_conv{index}/bias"] = torch.full((8,), 0.05)
            channels = 8
    path = tmp_path_factory.mktemp("vgg") / "caffe.safetensors"
    write_tensors(path, tensors, {})
    return path
