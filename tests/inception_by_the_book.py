"""Inception-v3 and GoogLeNet by the book: small files in known layouts, and a plain forward."""

import torch
import torch.nn.functional as F

from impasto.features.inception import Inception, layer_names
from impasto.features.inception_plans import PLANS

OFFICIAL = {
    "conv_1a": "Conv2d_1a_3x3",
    "conv_2a": "Conv2d_2a_3x3",
    "conv_2b": "Conv2d_2b_3x3",
    "conv_3b": "Conv2d_3b_1x1",
    "conv_4a": "Conv2d_4a_3x3",
}


def key_of(name):
    return OFFICIAL.get(name, name[0].upper() + name[1:] if name.startswith("mixed") else name)


def torchvision_file(plan):
    """Random weights under torchvision's keys, a sixteenth as wide as the real ones."""
    generator = torch.Generator().manual_seed(0)
    widths = {name: max(2, conv.width // 16) for name, conv in PLANS[plan].convolutions()}
    with torch.device("meta"):
        network = Inception(plan, layer_names(PLANS[plan]), widths=widths)
    tensors = {"fc.weight": torch.zeros(2, 2), "AuxLogits.fc.weight": torch.zeros(2, 2)}
    for name in widths:
        conv = network.steps[name.replace(".", "/")]
        fan_in = conv.weight[0].numel()
        key, count = key_of(name), widths[name]
        draw = torch.randn(conv.weight.shape, generator=generator)
        tensors[f"{key}.conv.weight"] = draw * (2 / fan_in) ** 0.5
        tensors[f"{key}.bn.weight"] = torch.rand(count, generator=generator) + 0.5
        tensors[f"{key}.bn.bias"] = torch.randn(count, generator=generator) / 4
        tensors[f"{key}.bn.running_mean"] = torch.randn(count, generator=generator) / 4
        tensors[f"{key}.bn.running_var"] = torch.rand(count, generator=generator) + 0.5
        tensors[f"{key}.bn.num_batches_tracked"] = torch.tensor(3)
    return tensors


class ByTheBook:
    """torchvision's forward from a state dict; ``pads``: whether averages count the zeros."""

    def __init__(self, tensors, pads=True):
        self.tensors, self.pads = tensors, pads

    def conv(self, x, key, **options):
        t = self.tensors
        x = F.conv2d(x, t[f"{key}.conv.weight"], **options)
        parts = ("running_mean", "running_var", "weight", "bias")
        return F.batch_norm(x, *(t[f"{key}.bn.{part}"] for part in parts), eps=0.001).relu()

    def average(self, x):
        return F.avg_pool2d(x, 3, 1, 1, count_include_pad=self.pads)

    def chain(self, x, key, *steps):
        for name, options in steps:
            x = self.conv(x, f"{key}.{name}", **options)
        return x

    def a(self, x, k):
        double = [("branch3x3dbl_1", {}), ("branch3x3dbl_2", {"padding": 1})]
        return [
            self.chain(x, k, ("branch1x1", {})),
            self.chain(x, k, ("branch5x5_1", {}), ("branch5x5_2", {"padding": 2})),
            self.chain(x, k, *double, ("branch3x3dbl_3", {"padding": 1})),
            self.chain(self.average(x), k, ("branch_pool", {})),
        ]

    def b(self, x, k):
        double = [("branch3x3dbl_1", {}), ("branch3x3dbl_2", {"padding": 1})]
        return [
            self.chain(x, k, ("branch3x3", {"stride": 2})),
            self.chain(x, k, *double, ("branch3x3dbl_3", {"stride": 2})),
            F.max_pool2d(x, 3, 2),
        ]

    def c(self, x, k):
        wide, tall = {"padding": (0, 3)}, {"padding": (3, 0)}
        return [
            self.chain(x, k, ("branch1x1", {})),
            self.chain(x, k, ("branch7x7_1", {}), ("branch7x7_2", wide), ("branch7x7_3", tall)),
            self.chain(
                x,
                k,
                ("branch7x7dbl_1", {}),
                ("branch7x7dbl_2", tall),
                ("branch7x7dbl_3", wide),
                ("branch7x7dbl_4", tall),
                ("branch7x7dbl_5", wide),
            ),
            self.chain(self.average(x), k, ("branch_pool", {})),
        ]

    def d(self, x, k):
        return [
            self.chain(x, k, ("branch3x3_1", {}), ("branch3x3_2", {"stride": 2})),
            self.chain(
                x,
                k,
                ("branch7x7x3_1", {}),
                ("branch7x7x3_2", {"padding": (0, 3)}),
                ("branch7x7x3_3", {"padding": (3, 0)}),
                ("branch7x7x3_4", {"stride": 2}),
            ),
            F.max_pool2d(x, 3, 2),
        ]

    def e(self, x, k):
        three = self.chain(x, k, ("branch3x3_1", {}))
        double = self.chain(x, k, ("branch3x3dbl_1", {}), ("branch3x3dbl_2", {"padding": 1}))
        return [
            self.chain(x, k, ("branch1x1", {})),
            self.chain(three, k, ("branch3x3_2a", {"padding": (0, 1)})),
            self.chain(three, k, ("branch3x3_2b", {"padding": (1, 0)})),
            self.chain(double, k, ("branch3x3dbl_3a", {"padding": (0, 1)})),
            self.chain(double, k, ("branch3x3dbl_3b", {"padding": (1, 0)})),
            self.chain(self.average(x), k, ("branch_pool", {})),
        ]

    def inception_v3(self, images):
        x, taps = images * 2 - 1, {}
        for name, options in (("1a", {"stride": 2}), ("2a", {}), ("2b", {"padding": 1})):
            x = taps[f"conv_{name}"] = self.conv(x, OFFICIAL[f"conv_{name}"], **options)
        x = taps["pool_1"] = F.max_pool2d(x, 3, 2)
        x = taps["conv_3b"] = self.conv(x, OFFICIAL["conv_3b"])
        x = taps["conv_4a"] = self.conv(x, OFFICIAL["conv_4a"])
        x = taps["pool_2"] = F.max_pool2d(x, 3, 2)
        kinds = dict(zip(("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"), "aaabcccc", strict=True))
        for place, kind in (kinds | {"7a": "d", "7b": "e", "7c": "e"}).items():
            x = torch.cat(getattr(self, kind)(x, f"Mixed_{place}"), 1)
            taps[f"mixed_{place}"] = x
        return taps

    def googlenet(self, images):
        x, taps = images * 2 - 1, {}
        x = taps["conv1"] = self.conv(x, "conv1", stride=2, padding=3)
        x = taps["maxpool1"] = F.max_pool2d(x, 3, 2, ceil_mode=True)
        x = taps["conv2"] = self.conv(x, "conv2")
        x = taps["conv3"] = self.conv(x, "conv3", padding=1)
        x = taps["maxpool2"] = F.max_pool2d(x, 3, 2, ceil_mode=True)
        for place in ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"):
            if place in ("4a", "5a"):
                number, kernel = int(place[0]) - 1, 3 if place == "4a" else 2
                x = taps[f"maxpool{number}"] = F.max_pool2d(x, kernel, 2, ceil_mode=True)
            k, padded = f"inception{place}", {"padding": 1}
            x = torch.cat(
                [
                    self.chain(x, k, ("branch1", {})),
                    self.chain(x, k, ("branch2.0", {}), ("branch2.1", padded)),
                    self.chain(x, k, ("branch3.0", {}), ("branch3.1", padded)),
                    self.chain(F.max_pool2d(x, 3, 1, 1, ceil_mode=True), k, ("branch4.1", {})),
                ],
                1,
            )
            taps[k] = x
        return taps


def tensorflow_file(tensors):
    """The same weights, folded, under the names of TensorFlow's release."""
    towers = {  # branch by the kind of block, in TensorFlow's order
        "5": {"branch1x1": "conv", "branch5x5": "tower", "branch3x3dbl": "tower_1"},
        "6a": {"branch3x3": "conv", "branch3x3dbl": "tower"},
        "6": {"branch1x1": "conv", "branch7x7": "tower", "branch7x7dbl": "tower_1"},
        "7a": {"branch3x3": "tower", "branch7x7x3": "tower_1"},
    }
    stem = list(OFFICIAL.values())
    places = ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a"]
    folded = {}
    for key in [k.removesuffix(".conv.weight") for k in tensors if k.endswith(".conv.weight")]:
        if key in stem:
            name = f"conv_{stem.index(key)}" if stem.index(key) else "conv"
        else:
            block, branch = key.removeprefix("Mixed_").split(".")
            if block not in places:
                continue
            kind = towers.get(block) or towers[block[0]]
            base, _, number = branch.partition("_")
            prefix = f"mixed_{places.index(block)}" if places.index(block) else "mixed"
            if branch == "branch_pool":
                name = f"{prefix}_tower_2_conv"
            elif kind[base] == "conv":
                name = f"{prefix}_conv"
            else:
                suffix = f"_{int(number) - 1}" if int(number) > 1 else ""
                name = f"{prefix}_{kind[base]}_conv{suffix}"
        bn = {
            p: tensors[f"{key}.bn.{p}"] for p in ("weight", "bias", "running_mean", "running_var")
        }
        scale = bn["weight"] / (bn["running_var"] + 1e-3).sqrt()
        folded[f"{name}.weight"] = tensors[f"{key}.conv.weight"] * scale.view(-1, 1, 1, 1)
        folded[f"{name}.bias"] = bn["bias"] - bn["running_mean"] * scale
    return folded
