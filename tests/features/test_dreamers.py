"""The networks that dream, by name and by file."""

import pytest
import torch
from inception_by_the_book import torchvision_file

from impasto.errors import InputError, WeightsError
from impasto.features.dreamers import NAMES, family_of, layers_of, load_dreamer
from impasto.features.inception import Inception
from impasto.features.vgg import VGG, VGGPlan
from impasto.methods.deepdream.presets import OURS
from impasto.weights.files import write_tensors
from impasto.weights.registry import BUNDLED


@pytest.fixture
def nothing_cached(tmp_path, monkeypatch):
    """No weights but the bundled ones, and no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)

    def fetch(name, **_):
        raise WeightsError(f"{name} could not be fetched; when online type: impasto models fetch.")

    monkeypatch.setattr("impasto.weights.store.fetch_weights", fetch)


def test_every_network_has_a_recommended_dream_of_layers_that_it_has():
    assert set(OURS) == set(NAMES)
    for name, config in OURS.items():
        assert set(config.layer_names()) <= set(layers_of(name))


def test_lite_needs_no_fetching(nothing_cached):
    network = load_dreamer("lite", ("relu3_1",))
    assert isinstance(network, VGG)
    assert network.least_side == 8
    assert family_of(BUNDLED / "lite.safetensors") == "lite"


@pytest.mark.parametrize("name", ["googlenet", "inception-v3"])
def test_absent_weights_name_the_command_and_the_offline_choice(name, nothing_cached):
    layer = OURS[name].layer_names()
    with pytest.raises(WeightsError, match=r"models fetch; or dream offline: --network lite\.$"):
        load_dreamer(name, layer)


@pytest.mark.parametrize("name", ["googlenet", "inception-v3", "vgg19"])
def test_a_wrong_layer_is_said_before_anything_is_fetched(name, nothing_cached):
    with pytest.raises(InputError, match="layer must be one of"):
        load_dreamer(name, ("nowhere",))


def test_files_are_told_apart(tmp_path):
    torch.save(torchvision_file("googlenet"), tmp_path / "g.pth")
    assert family_of(tmp_path / "g.pth") == "googlenet"
    network = load_dreamer(str(tmp_path / "g.pth"), ("inception3a",))
    assert isinstance(network, Inception)
    plan = VGGPlan(depths=(2, 2, 4, 4, 4), widths=(2, 2, 2, 2, 2))
    vgg = VGG(plan, ("relu2_1",))
    write_tensors(tmp_path / "v.safetensors", vgg.state_dict())
    assert family_of(str(tmp_path / "v.safetensors")) == "vgg19"
    assert isinstance(load_dreamer(tmp_path / "v.safetensors", ("relu1_2",)), VGG)


def test_an_unknown_name_has_the_nearest():
    with pytest.raises(InputError, match=r"network must be one of lite.*Did you mean googlenet"):
        family_of("google-net")
    with pytest.raises(WeightsError, match="there is no weight file"):
        family_of("no/such/file.pth")
