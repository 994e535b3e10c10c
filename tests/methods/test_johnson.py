"""The network of one style against its paper's table, its losses in NumPy, measured ratios."""

import numpy as np
import pytest
import torch

from impasto.errors import InputError, TrainingError
from impasto.features.perceptual import load_perceptual
from impasto.images.samples import synthetic_photo
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.objective import (
    JohnsonObjective,
    Ratios,
    johnson_losses,
    measured_ratios,
    raw_terms,
    style_targets,
)
from impasto.methods.johnson.painter import JohnsonPainter
from impasto.methods.johnson.presets import PRESETS

PHOTO = synthetic_photo((32, 40), seed=1).pixels
STYLE = synthetic_photo((36, 28), seed=2).pixels.flip(1)
TINY = JohnsonConfig(width=4, blocks=1, kernel=3)


@pytest.fixture(scope="module")
def judge(tiny_vgg):
    return load_perceptual(tiny_vgg, ("relu1_2", "relu2_2", "relu3_3", "relu4_3"))


def test_the_published_number_of_parameters():
    assert sum(p.numel() for p in TransformerNet().parameters()) == 1_679_235


def test_the_layers_of_the_table():
    """Supplementary material, table 1: 32, 64, 128, five residual blocks, 64, 32, 3."""
    convs = [m for m in TransformerNet().modules() if isinstance(m, torch.nn.Conv2d)]
    ends = convs[:3] + convs[-3:]
    assert [(c.out_channels, c.kernel_size[0], c.stride[0]) for c in ends] == [
        (32, 9, 1), (64, 3, 2), (128, 3, 2), (64, 3, 1), (32, 3, 1), (3, 9, 1)
    ]  # fmt: skip
    assert len(convs) == 3 + 2 * 5 + 3
    assert all(c.padding_mode == "reflect" for c in convs)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_the_size_is_kept_and_norms_are_as_asked(norm):
    network = TransformerNet(JohnsonConfig(width=4, blocks=1, norm=norm))
    assert network(PHOTO).shape == PHOTO.shape
    kind = torch.nn.BatchNorm2d if norm == "batch" else torch.nn.InstanceNorm2d
    assert sum(isinstance(m, kind) for m in network.modules()) == 7


def test_pictures_of_a_batch_do_not_know_one_another():
    torch.manual_seed(0)
    network = TransformerNet(TINY)
    pair = torch.cat([PHOTO, PHOTO.flip(-1)])
    torch.testing.assert_close(network(pair)[:1], network(PHOTO), rtol=1e-4, atol=1e-5)


def test_equations_2_and_4(judge):
    objective = JohnsonObjective(content_layers=("relu3_3",), tv="l1")
    painted = PHOTO.flip(-1)
    found, content, style = (judge(x) for x in (painted, PHOTO, STYLE))
    targets = style_targets(style, objective.style_layers)
    terms = raw_terms(found, content, targets, painted, objective)
    f, c, s = (
        {k: v[0].flatten(1).double().numpy() for k, v in x.items()} for x in (found, content, style)
    )
    assert float(terms["content"]) == pytest.approx(
        np.mean((f["relu3_3"] - c["relu3_3"]) ** 2), rel=1e-4
    )
    wanted = sum(
        np.mean((f[k] @ f[k].T / f[k].size - s[k] @ s[k].T / s[k].size) ** 2)
        for k in objective.style_layers
    )
    assert float(terms["style"]) == pytest.approx(wanted, rel=1e-4)
    x = painted.double().numpy()
    wanted = (np.abs(np.diff(x, axis=-1)).sum() + np.abs(np.diff(x, axis=-2)).sum()) / x.size
    assert float(terms["tv"]) == pytest.approx(wanted, rel=1e-4)


def test_a_lattice_counts_where_it_has_a_weight():
    features = {"relu1_1": torch.rand(1, 4, 8, 8), "relu2_2": torch.rand(1, 4, 8, 8)}
    layers = {"style_layers": ("relu1_1",), "content_layers": ("relu2_2",)}
    targets = style_targets(features, ("relu1_1",))
    plain = torch.rand((1, 3, 64, 64), generator=torch.Generator().manual_seed(0))
    woven = plain + (torch.arange(64) % 4 == 0)
    found = []
    for weight in (0.0, 2.0):
        objective = JohnsonObjective(lattice_weight=weight, **layers)
        for picture in (plain, woven):
            terms = raw_terms(features, features, targets, picture, objective)
            found.append(johnson_losses(terms, objective).get("lattice"))
    assert found[:2] == [None, None]
    assert float(found[3]) > 5 * float(found[2])


def test_a_relative_style_counts_every_layer_alike():
    layers = ("relu1_1", "relu4_3")
    found = {n: torch.rand(1, 4, 8, 8) for n in layers}
    # The same misfit, in values a hundred times smaller at the deeper layer.
    found["relu4_3"] = found["relu1_1"] / 100
    style = {n: x.flip(1) for n, x in found.items()}
    kinds = {"style_layers": layers, "content_layers": ("relu1_1",)}
    targets = style_targets(style, layers)
    parts = []
    for name in layers:
        mixed = {n: found[n] if n == name else style[n] for n in layers}
        for relative in (False, True):
            objective = JohnsonObjective(relative=relative, **kinds)
            terms = raw_terms(mixed, mixed, targets, PHOTO, objective)
            parts.append(float(terms["style"]))
    shallow, shallow_relative, deep, deep_relative = parts
    assert shallow > 1e6 * deep
    assert deep_relative == pytest.approx(shallow_relative, rel=1e-4)
    assert shallow_relative > 1e-3


def test_measured_terms_are_alike_at_the_start():
    terms = {"content": torch.tensor(4.0), "style": torch.tensor(2e-7), "tv": torch.tensor(80.0)}
    objective = JohnsonObjective(content_weight=1, style_weight=1, tv_weight=1)
    losses = johnson_losses(terms, objective, measured_ratios(terms))
    assert [float(v) for v in losses.values()] == pytest.approx([4.0, 4.0, 4.0])
    plain = johnson_losses(terms, objective)
    assert float(plain["style"]) == pytest.approx(2e-7)
    assert Ratios() == Ratios(style=1.0, tv=1.0)


def test_a_few_steps_paint_nearer_to_the_style(judge):
    torch.manual_seed(0)
    network = TransformerNet(TINY)
    objective = JohnsonObjective(content_layers=("relu2_2",), tv_weight=0, measured=True)
    with torch.no_grad():
        content, targets = judge(PHOTO), style_targets(judge(STYLE), objective.style_layers)
    adam, ratios, totals = torch.optim.Adam(network.parameters(), 1e-2), None, []
    for _ in range(30):
        painted = network(PHOTO)
        terms = raw_terms(judge(painted), content, targets, painted, objective)
        ratios = ratios or measured_ratios({k: v.detach() for k, v in terms.items()})
        losses = johnson_losses(terms, objective, ratios)
        total = torch.stack(list(losses.values())).sum()
        totals.append(float(total.detach()))
        adam.zero_grad()
        total.backward()
        adam.step()
    assert totals[-1] < 0.6 * totals[0]


def test_what_is_refused():
    with pytest.raises(InputError, match="width must be at least 1"):
        JohnsonConfig(width=0)
    with pytest.raises(InputError, match="norm must be one of instance, batch"):
        JohnsonConfig(norm="layer")
    with pytest.raises(InputError, match="tv weight must be at least 0"):
        JohnsonObjective(tv_weight=-1)
    broken = {"content": torch.ones(()), "style": torch.tensor(float("nan")), "tv": torch.ones(())}
    with pytest.raises(TrainingError, match="term style is not finite"):
        johnson_losses(broken, JohnsonObjective())


def test_presets_carry_the_sources_constants():
    torch_preset, source = PRESETS["johnson-torch"], PRESETS["visual-neurons"]
    assert (torch_preset.objective.content_weight, torch_preset.objective.style_weight) == (
        1e5,
        1e10,
    )
    assert (source.crop, source.padding, source.batch, source.steps) == (300, 40, 4, 400)
    assert source.objective.measured
    assert PRESETS["johnson-paper"].steps == 40_000


# Painting


@pytest.mark.parametrize("size", [(32, 40), (33, 47), (1, 90), (7, 5)])
def test_the_size_is_kept_by_the_painter(size):
    painter = JohnsonPainter(TransformerNet(TINY))
    painted = painter.paint(torch.rand(1, 3, *size), [painter.own_style], weights=[1.0])
    assert painted.shape == (1, 3, *size)
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1


def test_strength_mixes_pixels():
    painter = JohnsonPainter(TransformerNet(TINY))
    none, half, whole = (painter.paint(PHOTO, [()], weights=[1.0], alpha=a) for a in (0, 0.5, 1))
    assert torch.equal(none, PHOTO)
    torch.testing.assert_close(half, (PHOTO + whole) / 2)


def test_another_style_is_refused():
    painter = JohnsonPainter(TransformerNet(TINY), "wave")
    with pytest.raises(InputError, match="paints wave alone; leave the style out"):
        painter.encode_style(STYLE)
