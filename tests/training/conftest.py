"""Small folders of pictures and a small judge, made anew for every session of tests."""

import numpy as np
import pytest
import torch
from PIL import Image

from impasto.features.vgg import VGG, VGGPlan
from impasto.weights.files import write_tensors


def make_pictures(folder, count, seed):
    random = np.random.default_rng(seed)
    for i in range(count):
        height, width = random.integers(40, 70, 2)
        coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        path = folder / f"sub{i % 2}" / f"picture {i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((int(width), int(height)), Image.Resampling.BICUBIC).save(
            path
        )
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    return make_pictures(tmp_path_factory.mktemp("photos"), 6, 1)


@pytest.fixture(scope="session")
def paintings(tmp_path_factory):
    return make_pictures(tmp_path_factory.mktemp("paintings"), 5, 2)


@pytest.fixture(scope="session")
def judge_file(tmp_path_factory):
    """A random VGG of few channels in our own layout."""
    torch.manual_seed(0)
    plan = VGGPlan(depths=(2, 2, 4, 4, 4), widths=(4, 4, 6, 6, 6))
    network = VGG(plan, ("relu5_1",))
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    write_tensors(path, network.state_dict())
    return path
