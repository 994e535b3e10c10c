"""What the Dockerfiles say fits the project: a build cannot run in the tests, its parts can."""

import json
import re
import shlex

import pytest
from sources import ROOT

from impasto.cli.parser import parse
from impasto.cli.verbs import function_of, split_verb

FILES = sorted((ROOT / "docker").glob("Dockerfile*"))


def steps(path):
    """Instruction and argument of each step, continued lines joined."""
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.M).replace("\\\n", " ")
    return [line.split(maxsplit=1) for line in text.splitlines() if line.strip()]


def command(path) -> list[str]:
    words = {name: value for name, value in steps(path) if name in ("ENTRYPOINT", "CMD")}
    return [*json.loads(words["ENTRYPOINT"]), *json.loads(words["CMD"])]


def test_there_are_two():
    assert [path.name for path in FILES] == ["Dockerfile", "Dockerfile.sagemaker"]


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_everything_that_is_copied_is_there(path):
    for name, value in steps(path):
        if name == "COPY":
            for source in shlex.split(value)[:-1]:
                assert (ROOT / source).exists(), source


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_what_it_starts_is_a_command_of_ours(path):
    words = command(path)
    assert words[0] == "impasto"
    verb, rest = split_verb(words[1:])
    settings = parse(function_of(verb), verb, rest)["settings"]
    assert settings.port == 8080
    if verb == "serve":
        assert settings.host == "0.0.0.0", "nothing outside a container reaches its loopback"
    else:
        assert words[1:] == ["sagemaker", "serve"], "SageMaker puts serve in place of CMD"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_the_extra_and_the_pin_it_installs_exist(path):
    text = path.read_text()
    assert '".[serve]"' in text
    assert re.search(r"^serve = \[", (ROOT / "pyproject.toml").read_text(), re.M)
    assert re.search(r"^torch==", (ROOT / "constraints.txt").read_text(), re.M)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_signals_reach_the_process_itself(path):
    forms = [value for name, value in steps(path) if name in ("ENTRYPOINT", "CMD")]
    assert all(value.startswith("[") for value in forms), "a shell would swallow SIGTERM"
