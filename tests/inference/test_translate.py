"""A model, a picture in, a picture out: runs, files, the authors' files, the hub, bad input."""

import sys
import types

import pytest
import torch

import impasto
from impasto.errors import (
    ImpastoError,
    InputError,
    MissingExtraError,
    ResourceError,
    WeightsError,
)
from impasto.images.io import Picture
from impasto.inference import translate as room
from impasto.inference.translate import model_file, prepare
from impasto.inference.translate_settings import TranslateConfig
from impasto.methods.cyclegan import files as cyclegan_files
from impasto.methods.cyclegan.network import CycleGANConfig, ResNetGenerator
from impasto.methods.pix2pix import files as pix2pix_files
from impasto.methods.pix2pix.network import Pix2PixConfig, UNet
from impasto.weights.files import write_tensors

CPU = {"device": "cpu", "precision": "float32"}
CONTENT = torch.rand(1, 3, 21, 34, generator=torch.Generator().manual_seed(0))


def unet(**changes):
    torch.manual_seed(0)
    return UNet(Pix2PixConfig(**({"width": 4, "depth": 6} | changes)))


@pytest.fixture(scope="module")
def pix2pix(tmp_path_factory):
    """A run's folder with a file in it."""
    folder = tmp_path_factory.mktemp("facades")
    tensors, metadata = pix2pix_files.tensors_of(pix2pix_files.Learned(unet(), "b2a"))
    write_tensors(folder / "pix2pix.safetensors", tensors, metadata)
    return folder


@pytest.fixture(scope="module")
def cyclegan(tmp_path_factory):
    folder = tmp_path_factory.mktemp("horses")
    torch.manual_seed(0)
    generators = {d: ResNetGenerator(CycleGANConfig(width=4, blocks=1)) for d in ("a2b", "b2a")}
    tensors, metadata = cyclegan_files.tensors_of(generators)
    write_tensors(folder / "cyclegan.safetensors", tensors, metadata)
    return folder


def test_the_door_of_the_package(pix2pix):
    made = impasto.translate(CONTENT, model=pix2pix, seed=3, **CPU)
    assert made.size == (21, 34)
    again = impasto.translate(CONTENT, model=pix2pix / "pix2pix.safetensors", seed=3, **CPU)
    assert torch.equal(made.pixels, again.pixels)
    assert not torch.equal(
        made.pixels, impasto.translate(CONTENT, model=pix2pix, seed=4, **CPU).pixels
    )


def test_noise_is_said_and_off_is_the_same_for_every_seed(pix2pix):
    first, second = (
        impasto.translate(CONTENT, model=pix2pix, noise="off", seed=s, **CPU) for s in (1, 2)
    )
    assert torch.equal(first.pixels, second.pixels)
    assert "the picture's own statistics" in first.note
    assert prepare(pix2pix, **CPU).painter.noise is True
    assert prepare(pix2pix, noise="off", **CPU).painter.noise is False
    with pytest.raises(InputError, match="noise must be one of on, off"):
        prepare(pix2pix, noise="some", **CPU)


def test_both_directions_of_a_cyclegan(cyclegan):
    one, other = (
        impasto.translate(CONTENT, model=cyclegan, direction=d, **CPU) for d in ("a2b", "b2a")
    )
    assert not torch.equal(one.pixels, other.pixels)
    assert torch.equal(one.pixels, impasto.translate(CONTENT, model=cyclegan, **CPU).pixels)
    with pytest.raises(InputError, match="this network has no noise"):
        prepare(cyclegan, noise="on", **CPU)


def test_strength_mixes_with_the_picture(cyclegan):
    none, half, whole = (
        impasto.translate(CONTENT, model=cyclegan, strength=s, **CPU).pixels for s in (0, 0.5, 1)
    )
    assert torch.equal(none, CONTENT)
    torch.testing.assert_close(half, (CONTENT + whole) / 2)


def test_alpha_and_bits_are_kept(cyclegan):
    alpha = torch.rand(1, 1, 21, 34)
    made = impasto.translate(Picture(pixels=CONTENT, alpha=alpha, bits=16), model=cyclegan, **CPU)
    assert torch.equal(made.alpha, alpha)
    assert made.bits == 16


def test_a_one_way_model_refuses_the_other_way(pix2pix):
    with pytest.raises(InputError, match="translates one way, b2a; got a2b: leave --direction out"):
        impasto.translate(CONTENT, model=pix2pix, direction="a2b", **CPU)
    assert impasto.translate(CONTENT, model=pix2pix, direction="b2a", **CPU).size == (21, 34)


def test_tiles_equal_the_whole_and_a_thumbnail_s_differ_a_little(cyclegan):
    content = torch.rand(1, 3, 13, 9, generator=torch.Generator().manual_seed(1))
    content = torch.nn.functional.interpolate(content, (150, 118), mode="bicubic").clamp(0, 1)
    common = {"model": cyclegan, "direction": "b2a"} | CPU
    whole = impasto.translate(content, tile="off", **common).pixels
    tiled = impasto.translate(content, tile=64, **common).pixels
    torch.testing.assert_close(tiled, whole, rtol=0, atol=2e-4)
    quick = impasto.translate(content, tile=64, tile_statistics="thumbnail", **common).pixels
    assert quick.shape == whole.shape
    assert (quick - whole).abs().mean() < 0.05


def test_networks_that_look_at_everything_refuse_tiles(pix2pix):
    with pytest.raises(InputError, match="looks at whole pictures; leave --tile"):
        impasto.translate(CONTENT, model=pix2pix, tile=64, **CPU)
    with pytest.raises(InputError, match="tile must be auto, off or a number of pixels"):
        TranslateConfig(tile="small")


def test_what_does_not_fit_in_memory_is_said_before_any_work(pix2pix, monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda device: 10_000)
    with pytest.raises(ResourceError, match=r"a picture of 34x21 takes about .* make it smaller"):
        impasto.translate(CONTENT, model=pix2pix, **CPU)


def test_generators_of_the_authors_program(tmp_path):
    network = unet()
    names = pix2pix_files.authors_names(network)
    held = {names[name]: value for name, value in network.state_dict().items()}
    torch.save(held, tmp_path / "facades_label2photo.pth")
    resnet = ResNetGenerator(CycleGANConfig(width=4, blocks=2))
    names = cyclegan_files.authors_names(resnet)
    torch.save({names[n]: v for n, v in resnet.state_dict().items()}, tmp_path / "horse2zebra.pth")
    painter = prepare(tmp_path / "facades_label2photo.pth", **CPU).painter
    assert (painter.directions, painter.noise, painter.cell) == (("a2b",), True, 64)
    made = impasto.translate(CONTENT, model=tmp_path / "horse2zebra.pth", **CPU).pixels
    padded = torch.nn.functional.pad(CONTENT, (0, 2, 0, 3), mode="reflect")
    with torch.no_grad():
        wanted = (resnet(2 * padded - 1)[..., :21, :34] + 1) / 2
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-4)


class Bomb:
    def __reduce__(self):
        return (print, ("executed",))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "d.pth",
            {"model.0.weight": torch.zeros(2)},
            "neither a file of impasto train nor a gener",
        ),
        ("bomb.pth", {"model.1.weight": Bomb()}, "cannot be read as tensors only"),
        ("a.ckpt", {"state_dict": {}}, "is a checkpoint, to go on learning from"),
    ],
)
def test_foreign_files_are_refused(tmp_path, capsys, name, content, sentence):
    torch.save(content, tmp_path / name)
    with pytest.raises(WeightsError, match=sentence):
        prepare(tmp_path / name, **CPU)
    assert "executed" not in capsys.readouterr().out


def test_other_methods_and_empty_folders_are_refused(tiny_weights, pix2pix, tmp_path):
    with pytest.raises(WeightsError, match="holds weights of swift, not of pix2pix or cyclegan"):
        prepare(tiny_weights, **CPU)
    with pytest.raises(WeightsError, match=r"holds neither pix2pix\.safetensors nor"):
        prepare(tmp_path, **CPU)
    with pytest.raises(WeightsError, match="translates pictures; use impasto translate"):
        impasto.load(pix2pix / "pix2pix.safetensors")
    with pytest.raises(ImpastoError, match="there is no weight file"):
        prepare(tmp_path / "nothing.safetensors", **CPU)


def test_settings_out_of_range():
    with pytest.raises(InputError, match=r"strength must be at least 0\.0 and at most 1\.0"):
        TranslateConfig(strength=1.5)
    with pytest.raises(InputError, match="direction must be one of a2b, b2a"):
        TranslateConfig(direction="ab")


# The hub


class HfHubHTTPError(Exception):
    pass


@pytest.fixture
def hub(monkeypatch, pix2pix):
    """A library of the hub that knows one repository."""
    module, errors = types.ModuleType("huggingface_hub"), types.ModuleType("errors")
    asked = []

    def list_repo_files(repository, revision=None):
        if repository == "ann/none":
            raise HfHubHTTPError("404 Client Error\nRequest ID: 1")
        return ["README.md"] if repository == "ann/empty" else ["pix2pix.safetensors"]

    def hf_hub_download(repository, name, revision=None):
        asked.append((repository, name, revision))
        return str(pix2pix / name)

    module.list_repo_files, module.hf_hub_download = list_repo_files, hf_hub_download
    errors.HfHubHTTPError, errors.HFValidationError = HfHubHTTPError, ValueError
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    return asked


def test_a_model_of_the_hub(hub, pix2pix):
    assert model_file("ann/facades@v1") == pix2pix / "pix2pix.safetensors"
    assert hub == [("ann/facades", "pix2pix.safetensors", "v1")]
    with pytest.raises(WeightsError, match="ann/empty on the hub holds none of pix2pix"):
        model_file("ann/empty")
    with pytest.raises(WeightsError, match=r"could not be fetched from the hub \(404 Client Error"):
        model_file("ann/none")


def test_without_the_hub_s_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(MissingExtraError, match=r'pip install "impasto\[hub\]"'):
        model_file("ann/facades")
