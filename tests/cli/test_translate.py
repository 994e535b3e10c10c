"""impasto translate: runs and files, one picture and folders, what is recorded and refused."""

import json
import shlex
import shutil

import pytest
import torch
from PIL import Image

from impasto.cli import verbs
from impasto.methods.cyclegan import files as cyclegan_files
from impasto.methods.cyclegan.network import CycleGANConfig, ResNetGenerator
from impasto.methods.pix2pix import files as pix2pix_files
from impasto.methods.pix2pix.network import Pix2PixConfig, UNet
from impasto.weights.files import write_tensors


@pytest.fixture
def models(home):
    """Runs of both methods, of few channels, and a generator of the authors' program."""
    torch.manual_seed(0)
    network = UNet(Pix2PixConfig(width=4, depth=6))
    names = pix2pix_files.authors_names(network)
    torch.save({names[n]: v.clone() for n, v in network.state_dict().items()}, home / "net_G.pth")
    files = {
        "pix2pix": pix2pix_files.tensors_of(pix2pix_files.Learned(network)),
        "cyclegan": cyclegan_files.tensors_of(
            {d: ResNetGenerator(CycleGANConfig(width=4, blocks=1)) for d in ("a2b", "b2a")}
        ),
    }
    for name, (tensors, metadata) in files.items():
        write_tensors(home / "runs" / name / f"{name}.safetensors", tensors, metadata)
    return home


def test_one_picture_keeps_its_size(run, models):
    answer = run("translate", "photo.jpg", "--model", "runs/pix2pix", "-o", "out.png")
    assert answer == (0, "out.png\n", "")
    with Image.open(models / "out.png") as image:
        assert image.size == (96, 64)


def test_without_output_it_comes_next_to_the_picture(run, models):
    assert run("translate", "photo.jpg", "--model", "runs/cyclegan").out == "photo-cyclegan.png\n"
    answer = run("translate", "photo.jpg", "--model", "net_G.pth", "--format", "jpg")
    assert answer.out == "photo-net_G.jpg\n"


def test_a_folder_keeps_its_structure_and_alpha_is_kept(run, models):
    Image.new("RGBA", (20, 14), (200, 10, 10, 90)).save(models / "holiday" / "glass.png")
    answer = run("translate", "holiday", "--model", "runs/cyclegan", "-o", "out")
    assert answer.out.split() == ["out/beach.png", "out/evening/pier.png", "out/glass.png"]
    with Image.open(models / "out" / "glass.png") as image:
        assert image.mode == "RGBA"
        assert image.getpixel((3, 3))[3] == 90


def test_what_was_done_is_recorded(run, models):
    words = ["translate", "photo.jpg", "--json", "--overwrite", "--strength", "0.5", "--seed", "7"]
    (one,) = json.loads(run(*words, "--model", "runs/pix2pix").out)["pictures"]
    said = {k: one[k] for k in ("model", "direction", "noise", "strength", "seed", "height")}
    assert said == {
        "model": "runs/pix2pix", "direction": "a2b", "noise": "on", "strength": 0.5, "seed": 7,
        "height": 64,
    }  # fmt: skip
    words += ["--model", "runs/cyclegan", "--direction", "b2a"]
    (one,) = json.loads(run(*words).out)["pictures"]
    assert (one["direction"], one["noise"]) == ("b2a", "off")


def test_noise_on_differs_by_seed_and_off_does_not(run, models):
    def paint(*words):
        run(
            "translate",
            "photo.jpg",
            "--model",
            "runs/pix2pix",
            "-o",
            "x.png",
            "--overwrite",
            *words,
        )
        return (models / "x.png").read_bytes()

    assert paint("--noise", "on", "--seed", "1") != paint("--noise", "on", "--seed", "2")
    assert paint("--noise", "on", "--seed", "1") == paint("--seed", "1")
    assert paint("--noise", "off", "--seed", "1") == paint("--noise", "off", "--seed", "2")


def test_a_dry_run_writes_nothing_and_loads_nothing(run, models):
    answer = run("translate", "photo.jpg", "--model", "absent", "--dry-run")
    assert (answer.code, answer.out) == (0, "photo-absent.png\n")
    assert not (models / "photo-absent.png").exists()


@pytest.mark.parametrize("example", verbs.examples_of(verbs.function_of("translate")))
def test_the_examples_do_what_they_say(run, models, example):
    shutil.copy(models / "photo.jpg", models / "plan.png")
    shutil.copytree(models / "holiday", models / "horses")
    words = shlex.split(example)[1:]
    assert run(*words).code == 0
    assert (models / words[words.index("-o") + 1]).exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["--model", "runs/pix2pix", "--direction", "b2a"], 2, "translates one way, a2b; got b2a"),
        (["--model", "runs/cyclegan", "--noise", "on"], 2, "this network has no noise"),
        (["--model", "runs/cyclegan", "--direction", "ab"], 2, "must be one of a2b, b2a"),
        (["--model", "runs"], 3, "holds neither pix2pix.safetensors nor cyclegan.safetensors"),
        (["--model", "photo.jpg"], 3, "cannot be read as tensors only"),
        ([], 2, "impasto translate needs --model"),
    ],
)
def test_what_is_refused(refused, models, words, code, sentence):
    assert sentence in refused("translate", "photo.jpg", *words, "-o", "out.png", code=code)
    assert not (models / "out.png").exists()
