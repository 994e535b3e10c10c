"""The network: taps by name against a Sequential in torchvision's order, written out here."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from impasto.errors import InputError, ShapeError
from impasto.features.vgg import PLANS, VGG, VGGPlan, layer_names

WIDTHS = (2, 3, 4, 5, 6)
DEPTHS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
TINY = VGGPlan(depths=(2, 2, 4, 4, 4), widths=WIDTHS)


def sequential(depths, widths, batch_norm):
    """Torchvision's order of modules, with the name of the tap that each one's output is."""
    modules, names, channels = [], [], 3
    for block, (depth, width) in enumerate(zip(depths, widths, strict=True), start=1):
        for index in range(1, depth + 1):
            modules.append(nn.Conv2d(channels, width, 3, padding=1))
            names.append(f"conv{block}_{index}")
            if batch_norm:
                modules.append(nn.BatchNorm2d(width))
                names.append(None)
            modules.append(nn.ReLU())
            names.append(f"relu{block}_{index}")
            channels = width
        modules.append(nn.MaxPool2d(2))
        names.append(f"pool{block}")
    return nn.Sequential(*modules).eval(), names


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("name", ["vgg16", "vgg19"])
def test_every_tap_equals_torchvision_order(name, batch_norm):
    torch.manual_seed(0)
    reference, names = sequential(DEPTHS[name], WIDTHS, batch_norm)
    plan = VGGPlan(depths=DEPTHS[name], widths=WIDTHS, batch_norm=batch_norm)
    network = VGG(plan, layer_names(plan))
    conv = ""
    for tap, module in zip(names, reference, strict=True):
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.normal_(module.weight)
            network.steps[conv.replace("conv", "norm")].load_state_dict(module.state_dict())
        if isinstance(module, nn.Conv2d):
            conv = tap
            network.steps[conv].load_state_dict(module.state_dict())
    images = torch.rand(2, 3, 37, 48)
    found, x = network(images), images
    assert list(found) == layer_names(plan) == [tap for tap in names if tap]
    for tap, module in zip(names, reference, strict=True):
        x = module(x)
        if tap:
            torch.testing.assert_close(found[tap], x, msg=lambda m, tap=tap: f"{tap}: {m}")


def test_published_plans():
    assert {name: plan.depths for name, plan in PLANS.items()} == {
        "vgg16": DEPTHS["vgg16"],
        "vgg19": DEPTHS["vgg19"],
        "vgg16-bn": DEPTHS["vgg16"],
        "vgg19-bn": DEPTHS["vgg19"],
    }
    assert all(plan.widths == (64, 128, 256, 512, 512) for plan in PLANS.values())
    assert [name for name, plan in PLANS.items() if plan.batch_norm] == ["vgg16-bn", "vgg19-bn"]


def parameters(network):
    return sum(p.numel() for p in network.steps.parameters())


@pytest.mark.parametrize(
    ("plan", "layer", "count"),
    [
        ("vgg19", "relu4_1", 3_505_728),
        ("vgg19", "conv4_1", 3_505_728),
        ("vgg19", "pool5", 20_024_384),
        ("vgg16", "pool5", 14_714_688),
        ("vgg16-bn", "pool5", 14_723_136),
        ("vgg19-bn", "relu5_4", 20_035_392),
        ("vgg19", "relu1_1", 1_792),
    ],
)
def test_published_parameter_counts_and_no_layer_too_many(plan, layer, count):
    with torch.device("meta"):
        network = VGG(plan, (layer,))
    assert parameters(network) == count


def test_taps_come_in_forward_order_each_once():
    network = VGG(TINY, ["relu3_1", "conv1_2", "relu3_1", "pool1"])
    assert network.layers == ("conv1_2", "pool1", "relu3_1")
    assert list(network(torch.rand(1, 3, 8, 8))) == ["conv1_2", "pool1", "relu3_1"]
    assert VGG(TINY, "relu2_1").layers == ("relu2_1",)


def test_convolution_tap_keeps_its_negative_values():
    alone = VGG(TINY, ("conv2_1",))
    both = VGG(TINY, ("conv2_1", "relu2_1"))
    both.load_state_dict(alone.state_dict())
    images = torch.rand(1, 3, 16, 16)
    taps = both(images)
    torch.testing.assert_close(taps["conv2_1"], alone(images)["conv2_1"])
    assert taps["conv2_1"].min() < 0
    torch.testing.assert_close(taps["relu2_1"], taps["conv2_1"].clamp_min(0))


def test_frozen_and_in_eval_mode_also_after_train():
    network = VGG(VGGPlan(depths=(2, 2), widths=(3, 4), batch_norm=True), ("relu2_1",))
    parent = nn.Sequential(network).train()
    assert parent.training
    assert not any(module.training for module in network.modules())
    assert not any(p.requires_grad for p in network.parameters())
    before = {k: v.clone() for k, v in network.state_dict().items()}
    network(torch.rand(2, 3, 8, 8))
    for key, value in network.state_dict().items():
        torch.testing.assert_close(value, before[key])


def test_trainable_one_follows_train():
    network = VGG(TINY, ("relu1_1",), trainable=True)
    assert network.training
    assert all(p.requires_grad for p in network.parameters())


def test_gradient_reaches_the_picture():
    images = torch.rand(1, 3, 16, 16, requires_grad=True)
    sum(x.sum() for x in VGG(TINY, ("conv1_1", "relu3_1"))(images).values()).backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


@pytest.mark.parametrize("padding", ["zero", "reflect", "replicate"])
def test_padding_is_of_that_kind(padding):
    network = VGG(TINY, ("conv1_1",), padding=padding)
    images = torch.rand(1, 3, 6, 7)
    mode = "constant" if padding == "zero" else padding
    conv = network.steps["conv1_1"]
    expected = F.conv2d(F.pad(images, (1, 1, 1, 1), mode=mode), conv.weight, conv.bias)
    torch.testing.assert_close(network(images)["conv1_1"], expected)


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("max", lambda x: F.max_pool2d(x, 2)),
        ("avg", lambda x: 2 * F.avg_pool2d(x, 2)),
        ("l2", lambda x: 0.78 * F.lp_pool2d(x, 2, 2)),
    ],
)
def test_pooling_is_of_that_kind(pooling, expected):
    taps = VGG(TINY, ("relu1_2", "pool1"), pooling=pooling)(torch.rand(1, 3, 8, 9))
    torch.testing.assert_close(taps["pool1"], expected(taps["relu1_2"]), rtol=1e-5, atol=1e-6)


def test_l2_pooling_of_black_has_a_finite_gradient():
    network = VGG(TINY, ("pool1",), pooling="l2")
    for parameter in network.steps.parameters():
        parameter.zero_()
    images = torch.zeros(1, 3, 4, 4, requires_grad=True)
    network(images)["pool1"].sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()


@pytest.mark.parametrize(
    ("layer", "padding", "least"),
    [
        ("relu1_1", "zero", 1),
        ("pool1", "zero", 2),
        ("relu3_1", "replicate", 4),
        ("pool4", "zero", 16),
        ("relu1_1", "reflect", 2),
        ("pool1", "reflect", 2),
        ("relu4_1", "reflect", 16),
        ("pool4", "reflect", 16),
    ],
)
def test_smallest_picture_works_and_a_smaller_one_is_told_what_to_do(layer, padding, least):
    network = VGG(TINY, (layer,), padding=padding)
    assert network(torch.rand(1, 3, least, least + 3))[layer].numel() > 0
    if least > 1:
        with pytest.raises(
            InputError, match=f"too small for {layer}; use at least {least}x{least}"
        ):
            network(torch.rand(1, 3, least - 1, 64))


def test_unknown_layer_lists_the_valid_names_and_the_nearest():
    with pytest.raises(InputError, match=r"conv1_1, relu1_1.*pool5; got 'relu4_5'.*relu4_1|relu4_"):
        VGG("vgg19", ("relu4_5",))
    with pytest.raises(InputError, match="relu3_4"):
        VGG("vgg16", ("relu3_4",))


def test_no_layer_is_refused():
    with pytest.raises(InputError, match="at least one layer is needed; choose from conv1_1"):
        VGG("vgg19", ())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"plan": "vgg11"}, "network must be one of vgg16, vgg19"),
        ({"plan": TINY, "padding": "mirror"}, "padding must be one of zero, reflect, replicate"),
        ({"plan": TINY, "pooling": "mean"}, "pooling must be one of max, avg, l2"),
    ],
)
def test_unknown_choices_are_listed(arguments, message):
    with pytest.raises(InputError, match=message):
        VGG(layers=("relu1_1",), **arguments)


def test_plan_without_widths_is_refused():
    with pytest.raises(InputError, match="a depth and a width of at least 1 per block"):
        VGGPlan(depths=(2, 2), widths=(8,))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 1, 8, 8), (1, 4, 8, 8)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ShapeError, match=r"images must be \(B, 3, H, W\)"):
        VGG(TINY, ("relu1_1",))(torch.rand(shape))
