"""The command as a whole: help, versions, verbs, exit codes, examples, start."""

import os
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import impasto
from impasto.cli import main, verbs

HEAVY = ("torch", "lightning", "rich", "skimage", "scipy")


def test_the_version(run):
    assert run("--version") == (0, f"impasto {impasto.__version__}\n", "")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["help"]])
def test_the_help_names_every_verb(run, words):
    answer = run(*words)
    assert answer.code == 0
    assert answer.err == ""
    for verb in verbs.VERBS:
        assert f"  {verb}  " in answer.out
    assert "examples:" in answer.out
    assert len(answer.out.splitlines()) < 52
    assert max(map(len, answer.out.splitlines())) <= 100


@pytest.mark.parametrize("words", [["styles"], ["models", "--help"], ["styles", "-h"]])
def test_groups_have_their_help(run, words):
    answer = run(*words)
    assert answer.code == 0
    assert f"usage: impasto {words[0]} VERB" in answer.out


@pytest.mark.parametrize("verb", verbs.VERBS)
def test_each_help_ends_with_examples(run, verb):
    answer = run(*verb.split(), "--help")
    assert answer.code == 0
    assert answer.err == ""
    lines = [line.strip() for line in answer.out.rstrip().splitlines()]
    found = lines[lines.index("examples:") + 1 :]
    assert len(found) >= 2
    assert found == verbs.examples_of(verbs.function_of(verb))
    assert "null" not in answer.out
    assert "Args:" not in answer.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["stilize"], "there is no verb 'stilize'; there are"),
        (["stilize"], "Did you mean stylize"),
        (["styles", "lst"], "after styles comes list, show, make; got 'lst'. Did you mean list?"),
        (["--style", "x"], "a flag comes after the verb"),
    ],
)
def test_unknown_verbs_name_the_nearest(refused, words, sentence):
    assert sentence in refused(*words, code=2)


ELSEWHERE = {
    *("train", "translate", "video", "models fetch", "data fetch", "export", "studio"),
    *("serve", "sagemaker serve"),
}
"""Verbs whose examples have tests of their own."""

EXAMPLES = [
    example
    for verb in verbs.VERBS
    if verb not in ELSEWHERE
    for example in verbs.examples_of(verbs.function_of(verb))
]


SHORT = "--size 48 --min-size 48 --first-steps 1 --steps 1"
SHORTER = {
    "transfer": SHORT,
    "texture": "--first-steps 1 --steps 1",
    "invert": SHORT,
    "layers": "--size 32 --steps 1",
    "data facades": "--pairs 2 --test 1 --size 32",
}
"""What is typed after an example that would take minutes; the last of two equal flags counts."""


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_do_what_they_say(run, example, home):
    words = shlex.split(example)[1:]
    words += SHORTER.get(words[0], SHORTER.get(" ".join(words[:2]), "")).split()
    answer = run(*words)
    assert answer.code == 0, answer
    if "-o" in words:
        assert (home / words[words.index("-o") + 1]).exists()


def test_unexpected_errors_are_one_sentence(refused, monkeypatch):
    def fail() -> int:
        raise KeyError("pixels")

    monkeypatch.setattr("impasto.cli.doctor.doctor", fail)
    monkeypatch.setenv("IMPASTO_DEBUG", "0")
    text = refused("doctor", code=70)
    assert "this should not happen (KeyError: 'pixels')" in text
    assert "IMPASTO_DEBUG=1" in text
    monkeypatch.setenv("IMPASTO_DEBUG", "1")
    with pytest.raises(KeyError):
        main(["doctor"])


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (MemoryError, 4)])
def test_interruptions_and_full_memory(refused, monkeypatch, error, code):
    def stop() -> int:
        raise error

    monkeypatch.setattr("impasto.cli.doctor.doctor", stop)
    refused("doctor", code=code)


def command(*words: str, **options: object) -> subprocess.CompletedProcess[bytes]:
    code = "import sys; from impasto.cli import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *words], capture_output=True, **options
    )


def test_a_reader_that_leaves_is_no_disaster(home):
    read, write = os.pipe()
    os.close(read)
    code = "import sys; from impasto.cli import main; sys.exit(main())"
    words = [sys.executable, "-c", code, "models", "list"]
    answer = subprocess.run(words, stdout=write, stderr=subprocess.PIPE)
    os.close(write)
    assert answer.returncode == 141
    assert answer.stderr == b""


@pytest.mark.parametrize(
    "words", [["--help"], ["styles", "list"], ["models", "list"], ["stylize", "no.jpg", "-s", "x"]]
)
def test_what_needs_no_torch_does_not_load_it(home, words):
    code = (
        f"import sys; from impasto.cli import main; main({words!r}); "
        f"print([m for m in {HEAVY} if m in sys.modules], file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stderr.splitlines()[-1] == "[]"


def test_painting_loads_nothing_heavy_but_torch(home):
    words = ["stylize", "photo.jpg", "-s", "great-wave", "-o", "out.png"]
    code = (
        f"import sys; from impasto.cli import main; code = main({words!r}); "
        f"print(code, [m for m in {HEAVY} if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.splitlines()[-1] == "0 ['torch']", answer.stderr


def test_the_command_is_installed_under_its_name(root):
    project = tomllib.loads((Path(root) / "pyproject.toml").read_text())["project"]
    assert project["scripts"]["impasto"] == "impasto.cli:run"
    answer = command("--version")
    assert answer.stdout.decode() == f"impasto {impasto.__version__}\n"
