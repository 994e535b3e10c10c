"""Painting without torch: as torch paints, and only what it can."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from PIL import Image

import impasto
from impasto.errors import ImageError, OutputError, WeightsError
from impasto.inference import quick
from impasto.inference.many_settings import ManyConfig
from impasto.inference.plan import Job
from impasto.inference.quick import QuickPainter, is_quick, paint_quickly
from impasto.inference.settings import StylizeConfig
from impasto.weights import registry

STYLE = "hokusai-great-wave"

pytest.importorskip("onnxruntime", reason="onnxruntime has no build for this machine")


def by_torch(path: str, alpha: float = 1.0) -> numpy.ndarray:
    painter = impasto.load("swift", device="cpu", precision="float32")
    image = painter.stylize(path, STYLE, alpha=alpha).to_pil()
    return numpy.asarray(image).astype(int)


def read(path: str | Path) -> numpy.ndarray:
    with Image.open(path) as image:
        return numpy.asarray(image).astype(int)


def paint(content: str, output: str = "out.png", *, alpha: float = 1.0, overwrite: bool = False):
    return paint_quickly(
        Job(content=content, output=output), STYLE, alpha=alpha, overwrite=overwrite
    )


def some_picture(path: str, size: tuple[int, int], mode: str = "RGB") -> str:
    random = numpy.random.default_rng(size)
    coarse = random.integers(0, 256, (5, 7, len(mode)), dtype=numpy.uint8)
    Image.fromarray(coarse.squeeze()).resize(size, Image.Resampling.BICUBIC).save(path)
    return path


def test_the_graph_is_of_the_bundled_weights():
    graph = registry.bundled_graph("swift")
    assert graph is not None, "tools/bundle_graph.py makes it anew"
    QuickPainter(STYLE)  # raises unless the weights, the graph and the style belong together


@pytest.mark.parametrize(
    ("size", "alpha"),
    [
        ((1, 1), 1),
        ((2, 90), 1),
        ((96, 64), 1),
        ((131, 77), 0.5),
        ((333, 250), 1),
        ((640, 200), 0.8),
    ],
)
def test_it_paints_as_torch_does(gallery, size, alpha):
    photo = some_picture("p.png", size)
    record = paint(photo, alpha=alpha)
    assert (record.width, record.height) == size
    apart = abs(read("out.png") - by_torch(photo, alpha))
    assert apart.max() <= 1
    assert (apart > 0).sum() <= max(2, apart.size / 5000)
    assert record.sha256 == registry.digest_of("out.png")
    assert record.seconds > 0


def test_it_paints_something_else_than_the_photograph(gallery):
    paint("photo.jpg")
    assert abs(read("out.png") - read("photo.jpg")).mean() > 10


def test_grey_transparent_and_turned_pictures(gallery):
    paint("sky.png", "grey.png")
    assert abs(read("grey.png") - by_torch("sky.png")).max() <= 1
    glass = some_picture("glass.png", (60, 40), "RGBA")
    paint(glass, "clear.png")
    assert abs(read("clear.png") - by_torch(glass)).max() <= 1
    assert (read("clear.png")[..., 3] == read(glass)[..., 3]).all()
    with Image.open("photo.jpg") as image:
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save("turned.jpg", exif=exif)
    assert paint("turned.jpg", "upright.png").width == 64
    assert abs(read("upright.png") - by_torch("turned.jpg")).max() <= 1


def test_an_opaque_format_of_a_transparent_picture_is_for_torch(gallery):
    assert paint(some_picture("glass.png", (60, 40), "RGBA"), "out.jpg") is None
    assert not Path("out.jpg").exists()


def test_16_bits_are_for_torch(gallery):
    assert paint("scan.tif", "out.tif") is None
    assert not Path("out.tif").exists()


def test_large_pictures_and_little_memory_are_for_torch(gallery, monkeypatch):
    monkeypatch.setattr(quick, "MOST_PIXELS", 96 * 64 - 1)
    assert paint("photo.jpg") is None
    monkeypatch.setattr(quick, "MOST_PIXELS", 96 * 64)
    monkeypatch.setattr(quick, "free_memory", lambda: quick.LEAST_SIDE**2 * quick.MEMORY)
    assert paint("photo.jpg") is None
    monkeypatch.setattr(quick, "free_memory", lambda: 2 * quick.LEAST_SIDE**2 * quick.MEMORY)
    assert paint("photo.jpg").error is None


def test_what_cannot_be_read_or_written_is_said(gallery):
    Path("text.jpg").write_text("no picture")
    assert isinstance(paint("text.jpg").error, ImageError)
    whole = Path("photo.jpg").read_bytes()
    Path("half.jpg").write_bytes(whole[: len(whole) // 2])
    assert "half.jpg" in str(paint("half.jpg").error)
    assert not Path("out.png").exists()
    paint("photo.jpg")
    assert isinstance(paint("photo.jpg").error, OutputError)
    assert paint("photo.jpg", overwrite=True).error is None


def test_other_weights_and_a_damaged_graph_are_for_torch(gallery, monkeypatch, tmp_path):
    folder = tmp_path / "bundled"
    folder.mkdir()
    for name in ("swift.safetensors", "swift.onnx"):
        shutil.copy(registry.BUNDLED / name, folder)
    monkeypatch.setattr(registry, "BUNDLED", folder)
    assert paint("photo.jpg", "before.png").error is None
    graph = (folder / "swift.onnx").read_bytes()
    (folder / "swift.onnx").write_bytes(graph[:-9])
    with pytest.raises(WeightsError, match="missing or damaged"):
        QuickPainter(STYLE)
    assert paint("photo.jpg") is None
    (folder / "swift.onnx").write_bytes(graph)
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path / "own"))
    (tmp_path / "own").mkdir()
    shutil.copy(registry.BUNDLED.parent / "bundled" / "swift.safetensors", tmp_path / "own")
    other = bytearray((tmp_path / "own" / "swift.safetensors").read_bytes())
    other[-1] ^= 1
    (tmp_path / "own" / "swift.safetensors").write_bytes(other)
    with pytest.raises(WeightsError, match="is not what the graph was made for"):
        QuickPainter(STYLE)
    assert not Path("out.png").exists()


def test_where_onnxruntime_fails_torch_paints(gallery, monkeypatch):
    import onnxruntime

    def fail(*args, **kwargs):
        raise onnxruntime.capi.onnxruntime_pybind11_state.RuntimeException("no memory")

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", fail)
    assert paint("photo.jpg") is None
    monkeypatch.setattr(onnxruntime, "InferenceSession", fail)
    with pytest.raises(WeightsError, match="does not take"):
        QuickPainter(STYLE)
    assert paint("photo.jpg") is None


def test_an_onnxruntime_that_does_not_load_is_none(gallery, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(WeightsError, match="onnxruntime cannot be imported"):
        QuickPainter(STYLE)
    assert paint("photo.jpg") is None


def test_values_that_are_no_numbers_are_for_torch(gallery, monkeypatch):
    import onnxruntime

    broken = [numpy.full((1, 3, 64, 96), numpy.nan, numpy.float32)]
    monkeypatch.setattr(onnxruntime.InferenceSession, "run", lambda *args: broken)
    assert paint("photo.jpg") is None
    assert not Path("out.png").exists()


def test_an_encoder_that_refuses_is_an_error_of_the_picture(gallery, monkeypatch):
    def refuse(*args, **kwargs):
        raise ValueError("too wide")

    monkeypatch.setattr(Image.Image, "save", refuse)
    error = paint("photo.jpg").error
    assert isinstance(error, OutputError)
    assert "out.png cannot be written as PNG (too wide)" in str(error)


@pytest.mark.parametrize(
    ("asked", "threads"), [("3", 3), ("4,2", 4), ("", 0), ("0", 0), ("many", 0)]
)
def test_threads_are_those_that_were_asked_for(monkeypatch, asked, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert quick._threads() == threads
    monkeypatch.setattr(os, "cpu_count", lambda: 999)
    assert quick._threads() == threads or quick._threads() == len(os.sched_getaffinity(0))


WISHES = {
    "model": "swift", "device": "auto", "precision": "auto", "style": [STYLE],
    "config": StylizeConfig(), "many": ManyConfig(),
}  # fmt: skip
JOB = Job(content="photo.jpg", output="out.png")


def test_plain_wishes_are_quick():
    assert is_quick([JOB], **WISHES)
    assert is_quick([JOB], **WISHES | {"device": "cpu", "precision": "float32"})
    assert is_quick([JOB], **WISHES | {"config": StylizeConfig(alpha=0.5)})


@pytest.mark.parametrize(
    "wish",
    [
        {"model": "adain-lite"}, {"model": "runs/x"}, {"device": "cuda"},
        {"precision": "bfloat16"}, {"style": [STYLE, STYLE]}, {"style": ["photo.jpg"]},
        {"style": ["nobody"]}, {"mask": ["sky.png"]}, {"pyramid": True}, {"resume": True},
        {"many": ManyConfig(manifest="m.jsonl")}, {"config": StylizeConfig(alpha=0)},
        {"config": StylizeConfig(seed=1)}, {"config": StylizeConfig(keep_color="luma")},
        {"config": StylizeConfig(style_scale=2)}, {"config": StylizeConfig(tile="64")},
        {"config": StylizeConfig(max_memory="1G")},
    ],
)  # fmt: skip
def test_all_other_wishes_are_for_torch(gallery, wish):
    assert not is_quick([JOB], **WISHES | wish)


@pytest.mark.parametrize(
    "job",
    [
        {"content": "-"}, {"output": "-"}, {"output": "s3://b/out.png"}, {"kept": True},
        {"content": "s3://b/photo.jpg"}, {"output": "out.dzi"}, {"error": OutputError("no")},
    ],
)  # fmt: skip
def test_other_jobs_are_for_torch(job):
    assert not is_quick([dataclasses.replace(JOB, **job)], **WISHES)
    assert not is_quick([JOB, JOB], **WISHES)


def test_without_onnxruntime_torch_paints(monkeypatch):
    monkeypatch.setattr(quick.importlib.util, "find_spec", lambda name: None)
    assert not is_quick([JOB], **WISHES)


def test_the_command_leaves_torch_alone(gallery):
    script = (
        "import sys; from impasto.cli import main\n"
        f"code = main(['stylize', 'photo.jpg', '--style', '{STYLE}', '--json', *sys.argv[1:]])\n"
        "sys.exit(code or 50 * ('torch' in sys.modules))"
    )
    words = [sys.executable, "-c", script]
    plain = subprocess.run(words, capture_output=True, text=True, env=os.environ)
    assert plain.returncode == 0, plain.stderr
    assert '"error": null' in plain.stdout
    assert abs(read(f"photo-{STYLE}.png") - by_torch("photo.jpg")).max() <= 1
    with_seed = [*words, "--seed", "1", "--overwrite"]
    other = subprocess.run(with_seed, capture_output=True, text=True, env=os.environ)
    assert other.returncode == 50, other.stderr


def test_a_command_that_ends_at_once_has_said_everything(gallery):
    words = [sys.executable, "-m", "impasto", "stylize", "photo.jpg", "--style", STYLE, "--json"]
    first = subprocess.run(words, capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert json.loads(first.stdout)["pictures"][0]["error"] is None
    assert abs(read(f"photo-{STYLE}.png") - by_torch("photo.jpg")).max() <= 1
    Path("half.jpg").write_bytes(Path("photo.jpg").read_bytes()[:900])
    words[4] = "half.jpg"
    broken = subprocess.run(words, capture_output=True, text=True)
    assert broken.returncode == ImageError.exit_code
    assert "half.jpg" in broken.stderr
    assert json.loads(broken.stdout)["pictures"][0]["error"]["kind"] == "ImageError"
