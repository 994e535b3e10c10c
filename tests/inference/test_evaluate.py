"""Pairs, figures over pairs, judges who are absent, files that are bad, the sheet."""

import json
import math

import numpy as np
import pytest
import torch
from inception_by_the_book import torchvision_file
from PIL import Image

import impasto
from impasto.errors import InputError, WeightsError
from impasto.features.perceptual import load_perceptual
from impasto.images.io import read_picture
from impasto.inference.evaluate import Evaluation, find_pairs, painting_path, read_square
from impasto.inference.evaluate_settings import EvaluateConfig
from impasto.inference.evaluate_sheet import MOST_ROWS, write_evaluation
from impasto.inference.judges import Judges
from impasto.inference.stylize import Stylizer
from impasto.methods.johnson.network import JohnsonConfig, TransformerNet
from impasto.methods.johnson.painter import JohnsonPainter
from impasto.metrics import STYLE_LAYERS, content_distance, style_distance

SMALL = {"size": 64}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Three photographs and two paintings, no weights of others, and nothing to fetch them with."""
    random = np.random.default_rng(0)
    for name in ("photos/a.png", "photos/b.jpg", "photos/in/c.png", "art/x.png", "art/y.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        levels = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        Image.fromarray(levels).resize((90, 70), Image.Resampling.BICUBIC).save(path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    return tmp_path


@pytest.fixture
def pairs(folders):
    return find_pairs(folders / "photos", folders / "art")


def johnson():
    torch.manual_seed(0)
    network = TransformerNet(JohnsonConfig(width=4, blocks=1, kernel=3))
    return Stylizer(JohnsonPainter(network, "great-wave"), "wave")


def test_all_contents_meet_all_styles_unless_a_limit_draws_some(folders, pairs):
    assert len(set(pairs)) == len(pairs) == 6
    places = (folders / "photos", folders / "art")
    some = find_pairs(*places, limit=3, seed=1)
    assert len(set(some)) == 3
    assert set(some) < set(pairs)
    assert some == find_pairs(*places, limit=3, seed=1)
    assert any(some != find_pairs(*places, limit=3, seed=s) for s in range(2, 6))


def test_a_file_of_pairs_is_followed_in_its_order(folders):
    file = folders / "pairs.tsv"
    file.write_text("photos/b.jpg\tart/y.png\n\nphotos/a.png\tart/x.png\n")
    named = [(p.content.name, p.style.name) for p in find_pairs(None, None, pairs=file)]
    assert named == [("b.jpg", "y.png"), ("a.png", "x.png")]
    file.write_text("in/c.png\tx.png\n")
    (pair,) = find_pairs(folders / "photos", folders / "art", pairs=file)
    assert pair.content.is_file()
    assert pair.style.is_file()


def test_what_makes_no_pair_is_refused(folders):
    file = folders / "pairs.tsv"
    file.write_text("photos/a.png\tart/x.png\nphotos/b.jpg art/y.png\n")
    with pytest.raises(InputError, match=r"line 2 of .* with a tab between them; got"):
        find_pairs(None, None, pairs=file)
    file.write_text("\n")
    with pytest.raises(InputError, match="names no pairs"):
        find_pairs(None, None, pairs=file)
    with pytest.raises(InputError, match="cannot be read from"):
        find_pairs(None, None, pairs=folders / "none.tsv")
    with pytest.raises(InputError, match="needs --content"):
        find_pairs(None, folders / "art")
    (folders / "empty").mkdir()
    with pytest.raises(InputError, match="holds no pictures"):
        find_pairs(folders / "empty", folders / "art")


def test_figures_are_those_of_the_paintings_as_files(folders, pairs, tiny_painter):
    evaluation = Evaluation(tiny_painter, pairs[:2], EvaluateConfig(**SMALL), folder=folders / "o")
    first, second = evaluation
    network = load_perceptual("lite", STYLE_LAYERS)
    content, style = (read_square(p, 64) for p in (pairs[0].content, pairs[0].style))
    painted = read_picture(painting_path(folders / "o", 0)).pixels
    with torch.no_grad():
        wanted = (
            content_distance(network, content, painted),
            style_distance(network, style, painted),
        )
    assert [first.figures[n] for n in ("content", "style")] == pytest.approx(
        [float(w) for w in wanted], rel=1e-4
    )
    report = evaluation.report()
    values = [one.figures["style"] for one in (first, second)]
    figure = report.figures["style"]
    assert figure.mean == pytest.approx(sum(values) / 2)
    assert figure.spread == pytest.approx(abs(values[0] - values[1]) / math.sqrt(2))
    assert (figure.worst, figure.worst_pair) == (max(values), values.index(max(values)))
    assert report.figures["ssim"].worst == min(one.figures["ssim"] for one in (first, second))
    assert {"grid", "seam", "border", "clipped"} < set(report.figures)


def test_the_content_itself_has_content_0_and_ssim_1(pairs, tiny_painter):
    (judged,) = Evaluation(tiny_painter, pairs[:1], EvaluateConfig(alpha=0.0, **SMALL))
    assert judged.figures["content"] < 1e-3  # 8 bits
    assert judged.figures["ssim"] > 0.99
    assert judged.figures["grid"] == pytest.approx(0, abs=0.02)


def test_absent_judges_are_named_with_what_to_type(pairs, tiny_painter):
    evaluation = Evaluation(tiny_painter, pairs[:1], EvaluateConfig(**SMALL))
    list(evaluation)
    report = evaluation.report()
    assert "lpips" not in report.figures
    assert "type: impasto models fetch vgg16" in report.absent["lpips"]
    assert report.of_all == {}
    assert "--inception FILE" in report.absent["fid"]
    assert set(report.networks) == {"content", "style", "ssim"}


def test_a_judge_that_was_named_must_be_there(pairs, tiny_painter, tmp_path):
    for flag in ("lpips", "inception", "judge"):
        config = EvaluateConfig(**{flag: str(tmp_path / "nowhere.pth")}, **SMALL)
        with pytest.raises(WeightsError, match=r"there is no weight file .*nowhere\.pth"):
            Evaluation(tiny_painter, pairs, config)


def test_another_judge_tells_with_the_layers_it_has(pairs, tiny_painter, tiny_vgg):
    config = EvaluateConfig(judge=str(tiny_vgg), **SMALL)
    judges = Judges(config, torch.device("cpu"))
    assert judges.names["content"] == "caffe.safetensors relu4_1"
    (judged,) = Evaluation(tiny_painter, pairs[:1], config)
    assert math.isfinite(judged.figures["style"])


def test_fid_is_the_frechet_distance_of_pooled_features(pairs, tiny_painter, tmp_path):
    torch.save(torchvision_file("inception-v3"), tmp_path / "inception.pth")
    config = EvaluateConfig(inception=str(tmp_path / "inception.pth"), size=80)
    evaluation = Evaluation(tiny_painter, pairs[:4], config, folder=tmp_path / "o")
    list(evaluation)
    features = {"style": [], "painted": []}
    network = evaluation.judges.frechet.inception.network
    for number, pair in enumerate(pairs[:4]):
        painted = read_picture(painting_path(tmp_path / "o", number)).pixels
        for name, pixels in (("style", read_square(pair.style, 80)), ("painted", painted)):
            features[name].append(network(pixels)["mixed_7c"].mean((2, 3))[0].double().numpy())
    means = [np.mean(features[n], axis=0) for n in ("style", "painted")]
    covariances = [np.cov(np.array(features[n]), rowvar=False) for n in ("style", "painted")]
    # The eigenvalues of a product of two covariances are real and not negative.
    roots = np.sqrt(np.linalg.eigvals(covariances[0] @ covariances[1]).real.clip(0)).sum()
    wanted = np.square(means[0] - means[1]).sum() + sum(map(np.trace, covariances)) - 2 * roots
    assert evaluation.report().of_all["fid"] == pytest.approx(wanted, rel=0.02)
    assert evaluation.judges.of_all(0.5)["artfid"] == pytest.approx(
        1.5 * (1 + evaluation.judges.of_all(None)["fid"])
    )


def test_inception_wants_pictures_that_are_large_enough(pairs, tiny_painter, tmp_path):
    torch.save(torchvision_file("inception-v3"), tmp_path / "inception.pth")
    config = EvaluateConfig(inception=str(tmp_path / "inception.pth"), **SMALL)
    with pytest.raises(InputError, match="give --size 75 or more"):
        Evaluation(tiny_painter, pairs, config)


def test_a_painter_of_one_style_needs_none(folders):
    config = EvaluateConfig(**SMALL)
    alone = Evaluation(johnson(), find_pairs(folders / "photos", None), config)
    assert len(alone) == 3
    list(alone)
    report = alone.report()
    assert "style" not in report.figures
    assert "give the picture it learned with --style" in report.absent["style"]
    told = Evaluation(johnson(), find_pairs(folders / "photos", folders / "art" / "x.png"), config)
    list(told)
    assert told.report().figures["content"] == report.figures["content"]
    assert "style" in told.report().figures


def test_a_painter_of_any_style_says_that_it_needs_styles(folders, tiny_painter):
    with pytest.raises(InputError, match="paints any style, so give --style"):
        Evaluation(tiny_painter, find_pairs(folders / "photos", None))


def test_bad_files_are_skipped_and_named(folders, tiny_painter):
    (folders / "photos" / "bad.jpg").write_text("no picture")
    pairs = find_pairs(folders / "photos", folders / "art" / "x.png")
    evaluation = Evaluation(tiny_painter, pairs, EvaluateConfig(**SMALL))
    list(evaluation)
    report = evaluation.report()
    assert len(report.pairs) == 3
    (skipped,) = report.as_document()["skipped"]
    assert "bad.jpg" in skipped["reason"]
    only = Evaluation(tiny_painter, [p for p in pairs if p.content.name == "bad.jpg"])
    list(only)
    with pytest.raises(InputError, match=r"no pair could be judged: .*bad\.jpg"):
        only.report()


def test_the_sheet_shows_pairs_from_the_worst_to_the_best(folders, tiny_painter, monkeypatch):
    pairs = find_pairs(folders / "photos", folders / "art")
    evaluation = Evaluation(tiny_painter, pairs, EvaluateConfig(**SMALL), folder=folders / "o")
    list(evaluation)
    rows = []
    monkeypatch.setattr(
        "impasto.inference.evaluate_sheet.contact_sheet",
        lambda given, **words: rows.extend(given) or Image.new("RGB", (8, 8)),
    )
    report = evaluation.report()
    numbers, sheet = write_evaluation(report, folders / "o")
    assert sheet.is_file()
    assert json.loads(numbers.read_text()) == json.loads(json.dumps(report.as_document()))
    assert len(rows) == min(len(pairs), MOST_ROWS)
    assert {len(row.paintings) for row in rows} == {2}  # style, then content and painting
    figures = {one.number: one.figures for one in report.pairs}
    shown = [figures[int(row.paintings[-1].name)] for row in rows]
    sums = [f["content"] + f["style"] for f in shown]
    assert sums == sorted(sums, reverse=True)


def test_the_api_evaluates_a_file_of_weights(folders, tiny_weights):
    seen = []
    report = impasto.evaluate(
        tiny_weights, content=folders / "photos", style=folders / "art", output=folders / "o",
        limit=2, size=64, device="cpu", precision="float32", on_pair=seen.append,
    )  # fmt: skip
    assert len(seen) == len(report.pairs) == 2
    assert {p.name for p in (folders / "o").iterdir()} == {
        "evaluation.json", "sheet.png", "paintings",
    }  # fmt: skip
    with pytest.raises(InputError, match="a setting must be one of judge"):
        impasto.evaluate(tiny_weights, content=folders / "photos", sise=3)
