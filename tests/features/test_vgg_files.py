"""Files in every layout, made here in small, load into the same network; others are refused."""

import os
import pickle
from pathlib import Path

import pytest
import torch
from torch import nn

from impasto.errors import InputError, WeightsError
from impasto.features.vgg import PLANS, VGG, VGGPlan, layer_names
from impasto.features.vgg_files import load_vgg
from impasto.weights.files import read_tensors, write_tensors

WIDTHS = (2, 3, 4, 5, 6)
DEPTHS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
# The places of convolutions in torchvision's official files, counted off its configurations.
TORCHVISION = {
    "vgg16": [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    "vgg19": [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34],
    "vgg16-bn": [0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40],
    "vgg19-bn": [0, 3, 7, 10, 14, 17, 20, 23, 27, 30, 33, 36, 40, 43, 46, 49],
}
NORMALISED = [0, 2, 5, 9, 12, 16, 19, 22, 25, 29, 32, 35, 38, 42, 45, 48, 51]


def convolutions(plan="vgg19"):
    """(name, weight, bias) of every convolution, random, of small width."""
    generator = torch.Generator().manual_seed(0)
    found, channels = [], 3
    for block, depth in enumerate(PLANS[plan].depths, start=1):
        for index in range(1, depth + 1):
            weight = torch.randn(WIDTHS[block - 1], channels, 3, 3, generator=generator) / 3
            bias = torch.randn(WIDTHS[block - 1], generator=generator)
            found.append((f"conv{block}_{index}", weight, bias))
            channels = WIDTHS[block - 1]
    return found


def torchvision_file(plan):
    tensors = {"classifier.0.weight": torch.zeros(2, 2)}
    for place, (_, weight, bias) in zip(TORCHVISION[plan], convolutions(plan), strict=True):
        tensors |= {f"features.{place}.weight": weight, f"features.{place}.bias": bias}
        if plan.endswith("bn"):
            norm = f"features.{place + 1}"
            tensors |= {f"{norm}.weight": 1 + bias**2, f"{norm}.bias": -bias}
            tensors |= {f"{norm}.running_mean": 0.1 * bias, f"{norm}.running_var": 2 + bias.cos()}
            tensors[f"{norm}.num_batches_tracked"] = torch.tensor(7)
    return tensors


def keras_file(plan="vgg19"):
    return {
        f"block{name[4]}_conv{name[6]}/{part}": tensor
        for name, weight, bias in convolutions(plan)
        for part, tensor in (("kernel", weight), ("bias", bias))
    }


def normalised_file(plan="vgg19"):
    tensors = {"0.weight": torch.eye(3).view(3, 3, 1, 1) * 2, "0.bias": torch.ones(3)}
    for place, (_, weight, bias) in zip(NORMALISED[1:], convolutions(plan), strict=True):
        tensors |= {f"{place}.weight": weight, f"{place}.bias": bias}
    return tensors


def distilled_file(plan="vgg19"):
    tensors = {"conv0.weight": torch.eye(3).view(3, 3, 1, 1) * 2, "conv0.bias": torch.ones(3)}
    for name, weight, bias in convolutions(plan):
        stem = name.replace("_", "")
        tensors |= {f"{stem}.weight": weight, f"{stem}.bias": bias}
        tensors[f"{stem}_aux.weight"] = torch.zeros(1)
    return tensors


def reference(x, plan, padding):
    """relu4_1 of ``x``, which is normalised already, by the book."""
    block = 1
    for index, (name, weight, bias) in enumerate(convolutions(plan)):
        if int(name[4]) > block:
            x, block = nn.functional.max_pool2d(x, 2), block + 1
        mode = "constant" if padding == "zero" else padding
        x = nn.functional.conv2d(nn.functional.pad(x, (1, 1, 1, 1), mode=mode), weight, bias)
        if plan.endswith("bn"):
            tensors, place = torchvision_file(plan), TORCHVISION[plan][index] + 1
            x = nn.functional.batch_norm(
                x,
                *(
                    tensors[f"features.{place}.{part}"]
                    for part in ("running_mean", "running_var", "weight", "bias")
                ),
            )
        x = x.relu()
        if name == "conv4_1":
            return x
    raise AssertionError


@pytest.fixture
def images():
    return torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("plan", list(TORCHVISION))
def test_torchvision_pth(tmp_path, images, plan):
    torch.save(torchvision_file(plan), tmp_path / "vgg.pth")
    network = load_vgg(tmp_path / "vgg.pth", plan, ("relu4_1",))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    expected = reference((images - mean) / std, plan, "zero")
    torch.testing.assert_close(network(images)["relu4_1"], expected, rtol=1e-4, atol=1e-4)
    assert not any(p.requires_grad for p in network.parameters())


def test_torchvision_pth_of_the_old_format(tmp_path, images):
    path = tmp_path / "vgg.pth"
    torch.save(torchvision_file("vgg19"), path, _use_new_zipfile_serialization=False)
    assert load_vgg(path)(images)["relu4_1"].shape == (1, 5, 4, 5)


@pytest.mark.parametrize("plan", ["vgg16", "vgg19"])
def test_keras_layout_takes_bgr_of_255(tmp_path, images, plan):
    write_tensors(tmp_path / "vgg.safetensors", keras_file(plan))
    network = load_vgg(tmp_path / "vgg.safetensors", plan, ("relu4_1",))
    mean = torch.tensor([103.939, 116.779, 123.68]).view(3, 1, 1)
    expected = reference(images.flip(1) * 255 - mean, plan, "zero")
    torch.testing.assert_close(network(images)["relu4_1"], expected, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize(
    ("make", "plan"),
    [(normalised_file, "vgg19"), (distilled_file, "vgg19"), (distilled_file, "vgg16")],
)
def test_normalised_and_distilled_bring_their_input_and_reflect(tmp_path, images, make, plan):
    write_tensors(tmp_path / "vgg.safetensors", make(plan))
    network = load_vgg(tmp_path / "vgg.safetensors", plan, ("relu4_1",))
    assert network.padding == "reflect"
    expected = reference(images * 2 + 1, plan, "reflect")
    torch.testing.assert_close(network(images)["relu4_1"], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("plan", ["vgg19", "vgg19-bn"])
def test_our_own_layout_comes_back(tmp_path, images, plan):
    shape = VGGPlan(depths=DEPTHS[19], widths=WIDTHS, batch_norm=plan.endswith("bn"))
    network = VGG(shape, ("relu4_1", "pool2"), padding="replicate")
    write_tensors(tmp_path / "own.safetensors", network.state_dict())
    again = load_vgg(tmp_path / "own.safetensors", plan, ["relu4_1", "pool2"], padding="replicate")
    torch.testing.assert_close(again(images), network(images))


def test_widths_are_those_of_the_file(tmp_path):
    write_tensors(tmp_path / "vgg.safetensors", keras_file())
    network = load_vgg(tmp_path / "vgg.safetensors", layers=("relu5_1",))
    assert network.plan.widths == WIDTHS


def test_only_what_is_needed_has_to_be_there(tmp_path):
    tensors = {k: v for k, v in keras_file().items() if not k.startswith("block4_conv2")}
    write_tensors(tmp_path / "vgg.safetensors", tensors)
    load_vgg(tmp_path / "vgg.safetensors", layers=("relu4_1",))
    with pytest.raises(WeightsError, match=r"vgg.safetensors has no block4_conv2/kernel"):
        load_vgg(tmp_path / "vgg.safetensors", layers=("relu4_2",))


def test_misshapen_tensor_is_named(tmp_path):
    tensors = keras_file() | {"block2_conv2/bias": torch.zeros(9)}
    write_tensors(tmp_path / "vgg.safetensors", tensors)
    with pytest.raises(WeightsError, match=r"block2_conv2/bias is \(9,\), but .*conv2_2.bias"):
        load_vgg(tmp_path / "vgg.safetensors")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_tensor_that_is_not_finite_is_named(tmp_path, value):
    tensors = keras_file()
    tensors["block3_conv2/kernel"][0, 0, 0, 0] = value
    write_tensors(tmp_path / "vgg.safetensors", tensors)
    with pytest.raises(WeightsError, match="block3_conv2/kernel has values that are not finite"):
        load_vgg(tmp_path / "vgg.safetensors")


@pytest.mark.parametrize(
    ("make", "held", "asked"),
    [
        (torchvision_file, "vgg19", "vgg16"),
        (torchvision_file, "vgg16", "vgg19"),
        (keras_file, "vgg19", "vgg16"),
        (keras_file, "vgg16", "vgg19"),
        (distilled_file, "vgg19", "vgg16"),
        (distilled_file, "vgg16", "vgg19"),
        (normalised_file, "vgg19", "vgg16"),
    ],
)
def test_vgg16_and_vgg19_are_not_mistaken_for_each_other(tmp_path, make, held, asked):
    write_tensors(tmp_path / "vgg.safetensors", make(held))
    with pytest.raises(WeightsError, match="which"):
        load_vgg(tmp_path / "vgg.safetensors", asked, ("relu4_1",))


def test_batch_norm_is_neither_dropped_nor_invented(tmp_path):
    write_tensors(tmp_path / "bn.safetensors", torchvision_file("vgg19-bn"))
    write_tensors(tmp_path / "plain.safetensors", torchvision_file("vgg19"))
    write_tensors(tmp_path / "keras.safetensors", keras_file())
    with pytest.raises(WeightsError, match="has batch norm; name the network with -bn"):
        load_vgg(tmp_path / "bn.safetensors", "vgg19", ("relu1_1",))
    for name in ("plain", "keras"):
        with pytest.raises(WeightsError, match="has no batch norm; name the network without -bn"):
            load_vgg(tmp_path / f"{name}.safetensors", "vgg19-bn", ("relu1_1",))


def test_unknown_layout_shows_what_was_found(tmp_path):
    write_tensors(tmp_path / "other.safetensors", {"layer1.weight": torch.zeros(2)})
    with pytest.raises(WeightsError, match=r"no VGG file of a known layout.*layer1.weight"):
        load_vgg(tmp_path / "other.safetensors")


def test_unknown_plan_or_layer(tmp_path):
    write_tensors(tmp_path / "vgg.safetensors", keras_file())
    with pytest.raises(InputError, match="network must be one of vgg16"):
        load_vgg(tmp_path / "vgg.safetensors", "vgg13")
    with pytest.raises(InputError, match="layer must be one of"):
        load_vgg(tmp_path / "vgg.safetensors", layers=("relu6_1",))


class _Malice:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("zipped", [True, False])
def test_pickle_that_would_run_a_command_is_refused(tmp_path, zipped):
    path, trace = tmp_path / "evil.pth", tmp_path / "was-here"
    torch.save(
        torchvision_file("vgg19") | {"x": _Malice(trace)},
        path,
        _use_new_zipfile_serialization=zipped,
    )
    with pytest.raises(WeightsError, match="cannot be read as tensors only"):
        load_vgg(path)
    path.write_bytes(pickle.dumps(_Malice(trace), protocol=2))
    with pytest.raises(WeightsError, match="cannot be read as tensors only"):
        load_vgg(path)
    assert not trace.exists()


ASSETS = Path(os.environ.get("IMPASTO_ASSETS", "/nonexistent"))


@pytest.mark.weights
@pytest.mark.skipif(not ASSETS.is_dir(), reason="IMPASTO_ASSETS names no folder")
def test_real_files_equal_a_direct_computation():
    images = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    tensors = read_tensors(ASSETS / "perceptual" / "vgg19-16x.safetensors")
    network = load_vgg(ASSETS / "perceptual" / "vgg19-16x.safetensors", layers=("relu5_1",))
    x = nn.functional.conv2d(images, tensors["conv0.weight"], tensors["conv0.bias"])
    for name in layer_names(network.plan):
        if name.startswith("pool"):
            x = nn.functional.max_pool2d(x, 2)
        elif name.startswith("conv"):
            stem = name.replace("_", "")
            padded = nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
            weight, bias = tensors[f"{stem}.weight"], tensors[f"{stem}.bias"]
            x = nn.functional.conv2d(padded, weight, bias).relu()
        if name == "conv5_1":
            break
    assert x.shape[1] == 128
    torch.testing.assert_close(network(images)["relu5_1"], x)
