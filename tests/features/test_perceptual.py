"""The networks that judge, by name and by file."""

import pytest
import torch

from impasto.errors import InputError, WeightsError
from impasto.features.perceptual import load_perceptual
from impasto.features.vgg import VGG, VGGPlan
from impasto.weights.files import write_tensors
from impasto.weights.registry import BUNDLED

PICTURE = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def small_vgg(tmp_path):
    """A random VGG-19 of few channels, and its file in our own layout."""
    torch.manual_seed(0)
    plan = VGGPlan(depths=(2, 2, 4, 4, 4), widths=(4, 4, 6, 6, 6))
    network = VGG(plan, ("relu4_1",))
    write_tensors(tmp_path / "small.safetensors", network.state_dict())
    return network, tmp_path / "small.safetensors"


@pytest.fixture
def no_network(monkeypatch):
    """Fetching anything is a failure."""

    def fetch(*args, **kwargs):
        raise AssertionError("something was fetched")

    monkeypatch.setattr("impasto.weights.store.fetch_weights", fetch)


def test_lite_comes_by_name_and_by_path(no_network):
    layers = ("relu1_1", "relu3_1")
    by_name = load_perceptual("lite", layers)(PICTURE)
    path = BUNDLED / "lite.safetensors"
    for name in (path, str(path)):
        taps = load_perceptual(name, layers)(PICTURE)
        assert list(taps) == list(layers)
        assert all(torch.equal(taps[layer], by_name[layer]) for layer in layers)


def test_a_vgg_comes_from_its_file(small_vgg):
    network, path = small_vgg
    judge = load_perceptual(path, ["relu2_1", "relu4_1"])
    taps = judge(PICTURE)
    assert list(taps) == ["relu2_1", "relu4_1"]
    torch.testing.assert_close(taps["relu4_1"], network(PICTURE)["relu4_1"])


def test_a_judge_is_frozen_whatever_is_done_with_it(small_vgg):
    judge = load_perceptual(small_vgg[1], ["relu1_1"]).train()
    assert not judge.training
    assert not any(parameter.requires_grad for parameter in judge.parameters())


def test_a_name_takes_the_users_own_file_and_its_plan(small_vgg, monkeypatch, no_network):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(small_vgg[1].parent))
    small_vgg[1].rename(small_vgg[1].with_name("vgg19.safetensors"))
    assert load_perceptual("vgg19", ["relu4_1"]).plan.widths[:4] == (4, 4, 6, 6)
    small_vgg[1].with_name("vgg19.safetensors").rename(small_vgg[1].with_name("vgg16.safetensors"))
    with pytest.raises(WeightsError, match=r"has a conv3_4, which the network asked for has not"):
        load_perceptual("vgg16", ["relu4_1"])


def test_a_network_that_judges_nothing_is_refused_before_it_is_fetched(no_network):
    with pytest.raises(InputError, match=r"googlenet judges no pictures \(its kind is dream\)"):
        load_perceptual("googlenet", ["relu1_1"])


def test_names_layers_and_files_that_do_not_exist(tmp_path):
    with pytest.raises(InputError, match=r"got 'lita'. Did you mean lite or adain-lite\?"):
        load_perceptual("lita", ["relu1_1"])
    with pytest.raises(InputError, match=r"layer must be one of .*; got 'relu1_9'"):
        load_perceptual("lite", ["relu1_9"])
    with pytest.raises(InputError, match="at least one layer is needed"):
        load_perceptual("lite", [])
    with pytest.raises(WeightsError, match=r"there is no weight file .*none\.pth"):
        load_perceptual("none.pth", ["relu1_1"])
    write_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)}, {"method": "swift"})
    with pytest.raises(WeightsError, match="no VGG file of a known layout"):
        load_perceptual(tmp_path / "other.safetensors", ["relu1_1"])


def test_a_file_that_only_says_it_is_lite_is_refused(tmp_path):
    write_tensors(tmp_path / "lite.safetensors", {"a": torch.zeros(1)}, {"method": "lite"})
    with pytest.raises(WeightsError, match=r"has no input\.weight"):
        load_perceptual(tmp_path / "lite.safetensors", ["relu1_1"])
