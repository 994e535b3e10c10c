"""The networks against functional forwards in torchvision's order, written out here."""

import os
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from inception_by_the_book import ByTheBook, tensorflow_file, torchvision_file
from torch import nn

from impasto.errors import InputError, ShapeError, WeightsError
from impasto.features.inception import Inception
from impasto.features.inception_files import load_inception
from impasto.features.inception_plans import PLANS, Pool
from impasto.weights.files import write_tensors


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A small file of each network in torchvision's layout, and its tensors."""
    folder, found = tmp_path_factory.mktemp("inception"), {}
    for plan in PLANS:
        tensors = torchvision_file(plan)
        torch.save(tensors, folder / f"{plan}.pth")
        found[plan] = (folder / f"{plan}.pth", tensors)
    return found


@pytest.mark.parametrize("plan", list(PLANS))
def test_every_block_equals_torchvision_order_with_its_batch_norm(plan, files):
    path, tensors = files[plan]
    network = load_inception(path, plan, PLANS[plan].blocks)
    images = torch.rand(2, 3, 90, 107, generator=torch.Generator().manual_seed(1))
    expected = getattr(ByTheBook(tensors), plan.replace("-", "_"))(images)
    found = network(images)
    assert list(found) == list(expected) == list(PLANS[plan].blocks)
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-3, atol=1e-4)


def test_tensorflow_layout_is_the_same_network_whose_averages_leave_out_the_border(files, tmp_path):
    _, tensors = files["inception-v3"]
    path = tmp_path / "tensorflow.safetensors"
    write_tensors(path, tensorflow_file(tensors))
    layers = ("mixed_5b", "mixed_6e", "mixed_7a")
    images = torch.rand(1, 3, 91, 80, generator=torch.Generator().manual_seed(2))
    found = load_inception(path, layers=layers)(images)
    expected = ByTheBook(tensors, pads=False).inception_v3(images)
    other = ByTheBook(tensors, pads=True).inception_v3(images)
    for name in layers:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-3, atol=1e-4)
        assert not torch.allclose(found[name], other[name], rtol=1e-3, atol=1e-4)


def test_files_in_half_precision_are_computed_in_float32(files, tmp_path):
    _, tensors = files["inception-v3"]
    half = {name: t.half() for name, t in tensorflow_file(tensors).items()}
    write_tensors(tmp_path / "half.safetensors", half)
    network = load_inception(tmp_path / "half.safetensors", layers=("mixed_5b",))
    assert {p.dtype for p in network.parameters()} == {torch.float32}


@pytest.mark.parametrize(
    ("plan", "count", "rest"),
    [
        # Parameters that torchvision's documentation gives, less classifier and auxiliary heads.
        ("inception-v3", 27_161_264 - 2_049_000 - 3_326_696, 2048),
        ("googlenet", 6_624_904 - 1_025_000, 1024),
    ],
)
def test_published_parameter_counts(plan, count, rest):
    with torch.device("meta"):
        network = Inception(plan, list(PLANS[plan].blocks))
    convs = list(network.steps.values())
    # A batch norm has two parameters per channel where the folded convolution has a bias.
    assert sum(c.weight.numel() + 2 * c.out_channels for c in convs) == count
    side = 299 if plan == "inception-v3" else 224
    *_, last = network(torch.empty(1, 3, side, side, device="meta")).values()
    assert last.shape[1] == rest
    assert last.shape[-1] in (7, 8)


def test_no_deeper_than_the_deepest_layer():
    with torch.device("meta"):
        network = Inception("inception-v3", ("conv_2b", "mixed_5c.branch5x5_2"))
    assert list(network.blocks)[-1] == "mixed_5c"
    assert not any(key.startswith("mixed_5d") for key in network.steps)
    assert network.layers == ("conv_2b", "mixed_5c.branch5x5_2")


def test_convolution_inside_a_block_is_its_part_of_the_block(files):
    path, tensors = files["googlenet"]
    layers = ("inception3a", "inception3a.branch2.1", "inception3a.branch2.0")
    taps = load_inception(path, layers=layers)(torch.rand(1, 3, 64, 64))
    assert list(taps) == ["inception3a", "inception3a.branch2.0", "inception3a.branch2.1"]
    first = len(tensors["inception3a.branch1.conv.weight"])
    inner = taps["inception3a.branch2.1"]
    torch.testing.assert_close(taps["inception3a"][:, first : first + inner.shape[1]], inner)


@pytest.mark.parametrize("plan", list(PLANS))
def test_the_least_side_works_and_one_less_does_not(plan, files):
    path, _ = files[plan]
    for block in PLANS[plan].blocks:
        network = load_inception(path, layers=(block,))
        least = network.least_side
        assert network(torch.rand(1, 3, least, least + 2))[block].numel() > 0
        if least == 1:
            continue
        with pytest.raises(
            InputError, match=f"too small for {block}; use at least {least}x{least}"
        ):
            network(torch.rand(1, 3, least - 1, 99))
        network.least_side = 1
        with pytest.raises(RuntimeError):  # torch's own: the number above is no guess
            network(torch.rand(1, 3, least - 1, 99))


def test_rounded_up_pools_have_torch_sizes():
    for kernel, padding in ((3, 0), (2, 0), (3, 1)):
        pool = Pool("max", kernel, 2, padding, ceil=True)
        for side in range(kernel, 20):
            x = torch.zeros(1, 1, side, side)
            found = F.max_pool2d(x, kernel, 2, padding, ceil_mode=True).shape[-1]
            assert pool.side(side) == found, (kernel, padding, side)


def test_frozen_and_in_eval_mode_also_after_train(files):
    network = load_inception(files["googlenet"][0], layers=("conv2",))
    nn.Sequential(network).train()
    assert not any(module.training for module in network.modules())
    assert not any(p.requires_grad for p in network.parameters())


def test_unknown_layer_lists_the_blocks_and_for_a_block_its_convolutions():
    with pytest.raises(InputError, match=r"conv_1a, .*mixed_7c.*got 'mixed_6z'.*mixed_6"):
        Inception("inception-v3", ("mixed_6z",))
    message = r"inception4a, inception4a.branch1, .*branch4.1; got 'inception4a.branch9'"
    with pytest.raises(InputError, match=message):
        Inception("googlenet", ("inception4a.branch9",))
    with pytest.raises(InputError, match="at least one layer is needed; choose from conv1, "):
        Inception("googlenet", ())
    with pytest.raises(InputError, match="network must be one of inception-v3, googlenet"):
        Inception("inception-v4")


def test_other_shapes_are_refused(files):
    network = load_inception(files["googlenet"][0], layers=("conv1",))
    with pytest.raises(ShapeError, match=r"images must be \(B, 3, H, W\)"):
        network(torch.rand(3, 20, 20))


def spoilt(path, tensors, **changes):
    changed = dict(tensors)
    for key, value in changes.items():
        name = key.replace("__", ".")
        if value is None:
            del changed[name]
        else:
            changed[name] = value
    torch.save(changed, path)
    return path


def test_files_that_do_not_fit_are_refused_by_name(files, tmp_path):
    _, tensors = files["googlenet"]
    path = tmp_path / "w.pth"
    spoilt(path, tensors, inception3a__branch1__bn__bias=None)
    with pytest.raises(WeightsError, match=r"has no inception3a.branch1.bn.bias, which ince"):
        load_inception(path, layers=("inception3a",))
    spoilt(path, tensors, conv3__conv__weight=torch.zeros(12, 5, 3, 3))
    with pytest.raises(WeightsError, match=r"weight of conv3 is \(12, 5, 3, 3\), but conv3 needs"):
        load_inception(path, layers=("conv3",))
    load_inception(path, layers=("conv2",))  # what is not needed is not looked at
    spoilt(path, tensors, conv2__bn__running_var=torch.ones(77))
    with pytest.raises(WeightsError, match=r"does not fit conv2.bn.running_var, which is \(77,\)"):
        load_inception(path, layers=("conv2",))
    spoilt(path, tensors, conv1__conv__weight=tensors["conv1.conv.weight"] * float("nan"))
    with pytest.raises(WeightsError, match=r"conv1.conv.weight has values that are not finite"):
        load_inception(path, layers=("conv1",))


def test_another_network_is_refused(files, tmp_path):
    with pytest.raises(WeightsError, match="holds googlenet, not inception-v3"):
        load_inception(files["googlenet"][0], "inception-v3")
    write_tensors(tmp_path / "x.safetensors", {"layer1.weight": torch.zeros(2)})
    with pytest.raises(WeightsError, match=r"no Inception-v3 or GoogLeNet.*layer1.weight"):
        load_inception(tmp_path / "x.safetensors")


def test_a_file_that_ends_early_says_so(files, tmp_path):
    path = tmp_path / "tensorflow.safetensors"
    write_tensors(path, tensorflow_file(files["inception-v3"][1]))
    with pytest.raises(WeightsError, match=r"read up to mixed_7a; .* instead of mixed_7b"):
        load_inception(path, layers=("conv_1a", "mixed_7b"))
    tensors = tensorflow_file(files["inception-v3"][1])
    cut = {name: t for name, t in tensors.items() if not name.startswith("mixed_8")}
    write_tensors(path, cut)
    load_inception(path, layers=("mixed_6e",))
    with pytest.raises(WeightsError, match=r"has no mixed_8_tower_conv.weight, which mixed_7a.br"):
        load_inception(path, layers=("mixed_7a",))


ASSETS = Path(os.environ.get("IMPASTO_ASSETS", "/nonexistent"))


@pytest.mark.weights
@pytest.mark.skipif(not ASSETS.is_dir(), reason="IMPASTO_ASSETS names no folder")
def test_the_real_file_sees_a_photograph_and_not_its_noise():
    from impasto.images.samples import synthetic_photo

    path = ASSETS / "dream" / "inception_v3-to-mixed_8.safetensors"
    network = load_inception(path, layers=("mixed_6c", "mixed_7a"))
    photo = network(synthetic_photo((160, 160)).pixels)
    assert photo["mixed_7a"].shape[1:] == (1280, 3, 3)
    for features in photo.values():
        # Wrong scales or an unfolded norm would blow up or die out over 40 convolutions.
        assert 0.05 < float(features.mean()) < 1
        assert 0.1 < float((features > 0).float().mean()) < 0.6
