"""lite: its shape, what it learns by, and the file that travels with the package."""

import os
from pathlib import Path

import pytest
import torch

from impasto.errors import ImpastoError, InputError, WeightsError
from impasto.features.lite import (
    HEADS,
    LITE_PLAN,
    Lite,
    TargetScale,
    distillation_losses,
    load_lite,
)
from impasto.features.vgg import PLANS, layer_names
from impasto.features.vgg_files import load_vgg
from impasto.images.io import read_picture
from impasto.images.resize import resize
from impasto.images.samples import synthetic_photo
from impasto.weights.files import read_metadata, read_tensors, write_tensors
from impasto.weights.registry import BUNDLED, digest_of, known_weights

FILE = BUNDLED / "lite.safetensors"
ASSETS = Path(os.environ.get("IMPASTO_ASSETS", "/nonexistent"))


def pictures(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def answers(seed: int, *, scale: float = 1.0, shift: float = 0.0) -> dict[str, torch.Tensor]:
    """What teachers might say of two pictures: another mean and deviation in every channel."""
    generator = torch.Generator().manual_seed(seed)
    found = {}
    for name, width in HEADS.items():
        gain = 1 + torch.arange(width)[:, None, None]
        found[name] = scale * gain * torch.randn(2, width, 6, 6, generator=generator) + shift * gain
    return found


@pytest.fixture
def scale() -> TargetScale:
    made = TargetScale()
    made.measure([answers(seed, scale=30.0, shift=5.0) for seed in range(4)])
    return made


def test_the_plan_is_vgg19s_with_a_quarter_of_the_channels():
    whole = PLANS["vgg19"]
    assert tuple(4 * width for width in LITE_PLAN.widths) == whole.widths
    assert LITE_PLAN.depths == (*whole.depths[:4], 1)
    names = layer_names(whole)
    assert layer_names(LITE_PLAN)[:-1] == names[: names.index("relu5_1") + 1]


def test_heads_have_vgg19s_channels():
    widths = PLANS["vgg19"].widths
    assert {name: widths[int(name[4]) - 1] for name in HEADS} == HEADS


def test_the_network_answers_what_vgg19_would_in_form():
    taps = Lite()(pictures(2, 3, 32, 48))
    sides = {"1": (32, 48), "2": (16, 24), "3": (8, 12), "4": (4, 6), "5": (2, 3)}
    assert {name: tuple(x.shape) for name, x in taps.items()} == {
        name: (2, width, *sides[name[4]]) for name, width in HEADS.items()
    }


def test_everything_learns_but_the_normalisation_of_the_input():
    network = Lite()
    fixed = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert fixed == {"vgg.input.weight", "vgg.input.bias"}
    sum(x.mean() for x in network(pictures(1, 3, 32, 32)).values()).backward()
    assert all(p.grad is not None for p in network.parameters() if p.requires_grad)


def test_the_scale_gives_every_channel_mean_0_and_a_deviation_below_1(scale):
    batches = [answers(seed, scale=30.0, shift=5.0) for seed in range(4)]
    for name in HEADS:
        units = torch.cat([scale.normalize(name, b[name]) for b in batches])
        variance, mean = torch.var_mean(units, dim=(0, 2, 3))
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
        assert float(variance.max()) < 1
        assert float(variance[-1]) > 0.7  # the loudest channels nearly reach it


def test_the_unit_is_the_variance_with_a_tenth_of_the_layers_mean(scale):
    name = "relu2_1"
    values = torch.cat([answers(s, scale=30.0, shift=5.0)[name] for s in range(4)]).double()
    variance = values.var(dim=(0, 2, 3), correction=0)
    unit = (variance + 0.1 * variance.mean()).sqrt().float()
    torch.testing.assert_close(scale.get_buffer(f"{name}_unit"), unit, rtol=1e-3, atol=0)


def test_a_scale_knows_whether_it_was_measured(scale):
    assert scale.measured
    fresh = TargetScale()
    assert not fresh.measured
    fresh.load_state_dict(scale.state_dict())
    assert fresh.measured


def test_a_perfect_copy_costs_nothing_and_the_means_alone_about_1(scale):
    target = answers(9, scale=30.0, shift=5.0)
    copy = {name: scale.normalize(name, x) for name, x in target.items()}
    assert all(float(loss) == 0 for loss in distillation_losses(copy, target, scale).values())
    means = {name: torch.zeros_like(x) for name, x in target.items()}
    for name, loss in distillation_losses(means, target, scale).items():
        assert 0.7 < float(loss) < 1.1, name


def test_folding_the_scale_lets_the_heads_answer_in_the_teachers_units(scale):
    torch.manual_seed(0)
    network, picture = Lite(), pictures(1, 3, 32, 32)
    before = network(picture)
    scale.fold_into(network)
    for name, x in network(picture).items():
        units = scale.normalize(name, x)
        torch.testing.assert_close(units, before[name], rtol=1e-3, atol=1e-3)


# The bundled file


def test_the_bundled_file_is_the_registered_one_and_small():
    entry = known_weights()["lite"]
    assert digest_of(FILE) == entry.sha256
    assert FILE.stat().st_size == entry.size < 2_500_000
    assert read_metadata(FILE)["method"] == "lite"


def test_the_bundled_file_holds_network_and_heads():
    network = Lite()
    tensors = {
        name if name.startswith("heads.") else f"vgg.{name}": value.float()
        for name, value in read_tensors(FILE).items()
    }
    network.load_state_dict(tensors)
    found = network(pictures(1, 3, 32, 32))
    plain = load_lite(FILE, list(HEADS))(pictures(1, 3, 32, 32))
    for name, x in plain.items():
        torch.testing.assert_close(network.heads[name](x), found[name])


def test_it_ends_at_the_deepest_layer_and_is_frozen():
    network = load_lite(FILE, ["relu1_2", "conv2_2"])
    assert list(network.steps) == ["conv1_1", "conv1_2", "conv2_1", "conv2_2"]
    assert not any(p.requires_grad for p in network.parameters())
    assert list(network(pictures(1, 3, 16, 16))) == ["relu1_2", "conv2_2"]


def test_its_features_are_alive_in_half_of_the_channels_or_more():
    photo = synthetic_photo((96, 128)).pixels
    for name, x in load_lite(FILE, list(HEADS))(photo).items():
        alive = (x.amax((0, 2, 3)) > 0).float().mean()
        assert float(alive) >= 0.5, name
        assert torch.isfinite(x).all()


def test_foreign_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="there is no weight file"):
        load_lite(tmp_path / "none.safetensors", ["relu1_1"])
    with pytest.raises(InputError, match="layer must be one of"):
        load_lite(FILE, ["relu5_2"])
    tensors = read_tensors(FILE)
    tensors["steps.conv1_1.weight"][0, 0, 0, 0] = float("nan")
    write_tensors(tmp_path / "nan.safetensors", tensors)
    with pytest.raises(
        WeightsError, match=r"steps\.conv1_1\.weight has values that are not finite"
    ):
        load_lite(tmp_path / "nan.safetensors", ["relu1_1"])
    wide = {name: tensor.repeat_interleave(2, 0) for name, tensor in tensors.items()}
    write_tensors(tmp_path / "wide.safetensors", wide)
    with pytest.raises(ImpastoError, match=r"input\.weight is \(6, 3, 1, 1\)"):
        load_lite(tmp_path / "wide.safetensors", ["relu1_1"])


@pytest.mark.weights
@pytest.mark.skipif(not ASSETS.is_dir(), reason="IMPASTO_ASSETS names no folder")
def test_it_answers_nearly_what_the_exact_vgg19_does():
    """The card's figures, per channel, on a few of its held-out pictures."""
    least = {"relu1_1": 0.9, "relu1_2": 0.85, "relu2_1": 0.7, "relu3_1": 0.55, "relu3_4": 0.55}
    teacher = load_vgg(ASSETS / "perceptual" / "vgg19-relu3_4.safetensors", layers=tuple(least))
    student, heads = load_lite(FILE, list(least)), read_tensors(FILE)
    paths = [
        p
        for part in ("content", "style")
        for p in sorted((ASSETS / "heldout" / part).iterdir())[:3]
    ]
    found: dict[str, list[torch.Tensor]] = {name: [] for name in least}
    wanted: dict[str, list[torch.Tensor]] = {name: [] for name in least}
    for path in paths:
        pixels = resize(read_picture(path).pixels, (128, 128))
        for name, x in student(pixels).items():
            weight, bias = (heads[f"heads.{name}.{part}"].float() for part in ("weight", "bias"))
            found[name].append(
                torch.nn.functional.conv2d(x, weight, bias).transpose(0, 1).flatten(1)
            )
        for name, x in teacher(pixels).items():
            wanted[name].append(x.transpose(0, 1).flatten(1))
    for name, bound in least.items():
        pairs = zip(torch.cat(found[name], 1), torch.cat(wanted[name], 1), strict=True)
        each = [torch.corrcoef(torch.stack(pair))[0, 1] for pair in pairs if pair[1].std() > 0]
        assert float(torch.stack(each).mean()) > bound, name
