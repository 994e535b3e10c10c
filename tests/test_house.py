"""Guards of the structure: sizes, habits that are not ours, strays, names of places."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import PACKAGE, ROOT, modules, project_files, tree_of, where

MOST_LINES = 350
MOST_LINES_OF_A_FUNCTION = 50
BUNDLED = PACKAGE / "weights" / "bundled"
Function = ast.FunctionDef | ast.AsyncFunctionDef


def calls(path: Path) -> Iterator[tuple[ast.Call, str]]:
    """Every call with the name that is called, dots included."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            yield node, ast.unparse(node.func)


def keyword(node: ast.Call, name: str) -> object:
    for given in node.keywords:
        if given.arg == name and isinstance(given.value, ast.Constant):
            return given.value.value
    return None


def test_no_file_is_longer_than_350_lines():
    long = {str(p.relative_to(ROOT)): n for _, p in modules() if (n := lines_of(p)) > MOST_LINES}
    assert not long, f"two rooms would read better than one: {long}"


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_no_function_is_longer_than_50_lines():
    long = []
    for _, path in modules():
        for node in ast.walk(tree_of(path)):
            if (
                isinstance(node, Function)
                and (length := body_lines(node)) > MOST_LINES_OF_A_FUNCTION
            ):
                long.append(f"{where(path, node)} {node.name}: {length} lines; what does it mix?")
    assert not long, "\n".join(long)


def body_lines(node: Function) -> int:
    """Lines without the docstring: saying shapes and errors must not cost room."""
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node, clean=False) is not None:
        first = node.body[0]
        length -= (first.end_lineno or first.lineno) - first.lineno + 1
    return length


def test_only_the_command_line_prints_or_exits():
    forbidden = {"print", "exit", "quit", "sys.exit", "os._exit", "breakpoint", "input"}
    found = []
    for module, path in modules():
        if module.startswith("impasto.cli") or module == "impasto.__main__":
            continue
        found += [f"{where(path, n)} calls {name}" for n, name in calls(path) if name in forbidden]
        found += [
            f"{where(path, node)} raises SystemExit"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Raise) and node.exc and "SystemExit" in ast.unparse(node.exc)
        ]
    assert not found, "\n".join(found)


def test_no_exception_is_caught_without_saying_which():
    found = []
    for _, path in modules():
        for node in ast.walk(tree_of(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            kinds = (
                {"bare"} if node.type is None else set(re.findall(r"\w+", ast.unparse(node.type)))
            )
            swallows = not any(isinstance(n, ast.Raise) for n in ast.walk(node))
            if "bare" in kinds or ({"Exception", "BaseException"} & kinds and swallows):
                found.append(where(path, node))
    assert not found, f"name the errors that are meant: {found}"


def test_no_pickle_is_loaded():
    found = []
    for _, path in modules():
        for node, name in calls(path):
            tensors_only = keyword(node, "weights_only") is True
            if name in ("torch.load", "load_from_checkpoint") and not tensors_only:
                found.append(f"{where(path, node)}: {name} without weights_only=True")
            if name.endswith(".load_from_checkpoint") and not tensors_only:
                found.append(f"{where(path, node)}: {name} without weights_only=True")
            if name in ("pickle.load", "pickle.loads", "torch.jit.load", "eval", "exec"):
                found.append(f"{where(path, node)}: {name}")
    assert not found, "\n".join(found)


def test_nothing_is_left_unfinished():
    marks = re.compile(r"\b(TODO|FIXME|XXX)\b(?!\(#\d+\))")
    found = []
    for _, path in modules():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if marks.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number} {line.strip()}")
    assert not found, "\n".join(found)


def test_every_module_says_what_it_is():
    # Empty __init__ files excepted: their folder's page is elsewhere.
    silent = [
        name for name, p in modules() if p.read_text().strip() and not ast.get_docstring(tree_of(p))
    ]
    assert not silent


def test_no_stray_files():
    names = re.compile(
        r"(^|/)(\.DS_Store|Thumbs\.db|nohup\.out|core)$|(\.orig|\.rej|\.sw[op]|~|\.pyc)$"
    )
    weights = re.compile(r"\.(ckpt|pt|pth|safetensors|onnx|npz)$")
    found = []
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        if names.search(name) or (weights.search(name) and BUNDLED not in path.parents):
            found.append(name)
    assert not found


def test_files_are_small_and_bundled_weights_under_12_mb_together():
    big = {}
    for path in project_files():
        if BUNDLED in path.parents:
            limit = 4_000_000
        elif path.suffix in (".jpg", ".png", ".webp"):
            limit = 1_500_000
        else:
            limit = 300_000
        if path.stat().st_size > limit:
            big[str(path.relative_to(ROOT))] = path.stat().st_size
    assert not big, f"think before a file of this size is committed: {big}"
    bundled = sum(p.stat().st_size for p in project_files() if BUNDLED in p.parents)
    assert bundled < 12_000_000


# Split in two, so that this file does not name them either.
PLACES = [
    "/work" + "/",
    "shared" + "/assets",
    "shared" + "/measure",
    "picture" + "_quality.py",
    "/opt" + "/",
    "/root" + "/",
    "find" + "-links",
    "extra-index" + "-url",
    "files." + "pythonhosted",
    "pytorch.org" + "/whl",
    "pypi.org" + "/simple",
]

SAGEMAKER = b"/opt" + b"/ml/model"
"""Of Amazon's contract with a container: the same on every machine, and named where it is kept."""

KEEPS_THE_CONTRACT = (
    "src/impasto/service/sagemaker.py",
    "docs/deploy/sagemaker.md",
    "docker/Dockerfile.sagemaker",
)


@pytest.mark.parametrize("place", PLACES)
def test_no_file_names_a_place_of_one_machine(place):
    found = []
    for path in project_files():
        data = path.read_bytes()
        if path.relative_to(ROOT).as_posix() in KEEPS_THE_CONTRACT:
            data = data.replace(SAGEMAKER, b"")
        if b"\0" not in data[:4096] and place.encode() in data:
            found.append(str(path.relative_to(ROOT)))
    assert not found, f"{place} means nothing elsewhere: {found}"


def test_the_versions_agree():
    import impasto

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert impasto.__version__ == project["version"]
    newest = re.search(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.M)
    assert newest is not None
    assert newest[1] == project["version"], "a version has an entry in CHANGELOG.md"


def test_every_direct_dependency_is_pinned_in_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = project["dependencies"] + [d for e in ("train", "demo", "dev") for d in extras[e]]
    pinned = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if "==" in line
    }
    names = {re.split(r"[\[<>=!;]", d)[0].strip().lower() for d in wanted} - {"impasto"}
    assert not names - pinned
    torch = next(
        line
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line.startswith("torch==")
    )
    assert "+" not in torch, "a build tag would refuse the same version built for other machines"


@pytest.mark.skipif(sys.platform == "win32", reason="make is not there")
@pytest.mark.parametrize("verb", ["demo", "test", "check", "bench", "figures", "clean"])
def test_make_knows_its_verbs(verb):
    answer = subprocess.run(["make", "-n", verb], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr


def test_ci_runs_check_and_test_and_stops_at_the_first_failure():
    script = ROOT / ".ci" / "run"
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert text.index("make check") < text.index("make test")
    assert script.stat().st_mode & 0o111, "it must be executable"
