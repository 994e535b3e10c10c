"""The project's own files, parsed: what the guards read."""

import ast
import functools
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "impasto"


def modules() -> Iterator[tuple[str, Path]]:
    """(impasto.features.vgg, its file) for every module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = ["impasto", *path.relative_to(PACKAGE).with_suffix("").parts]
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


@functools.cache
def project_files() -> tuple[Path, ...]:
    """Every file of the project that git does not ignore, new ones included."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        names = answer.stdout.decode().split("\0")
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        folders = ("src", "tests", "docs", "benchmarks", "examples", "configs")
        found = [p for f in folders for p in (ROOT / f).rglob("*") if "__pycache__" not in p.parts]
        names = [str(p.relative_to(ROOT)) for p in [*found, *ROOT.glob("*.*")]]
    return tuple(sorted(ROOT / n for n in names if n and (ROOT / n).is_file()))
