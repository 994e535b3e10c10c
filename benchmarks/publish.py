"""Carry what was measured from benchmarks/results/ into README.md and docs/.

    python benchmarks/publish.py [--check]

In Markdown a figure stands between two marks, which do not show:

    <!-- measured: speed_stylize/swift-512x808-float32-channels-last -->0.18 s<!-- /measured -->

and docs/benchmarks.md has whole tables between ``<!-- table: NAME -->`` and ``<!-- /table -->``.
A test fails when a page does not say what the records say. ``--check`` writes nothing and exits
with 1 when a page is stale.
"""

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).resolve().parent / "results"
NOT_YET = "not measured yet"

MARK = re.compile(r"(<!-- measured: ([\w./-]+) -->)(.*?)(<!-- /measured -->)", re.S)
TABLE = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- /table -->)", re.S)


def read_records(folder: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Every record by its name."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def pages() -> list[Path]:
    """The pages that may hold figures."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fill(text: str, records: dict[str, dict[str, Any]]) -> str:
    """The text with every figure and table as the records have it."""
    text = MARK.sub(lambda m: m[1] + figure(m[2], records) + m[4], text)
    return TABLE.sub(lambda m: m[1] + make_table(m[2], records) + "\n" + m[4], text)


def figure(key: str, records: dict[str, dict[str, Any]]) -> str:
    """One figure with its unit, to three digits."""
    name, _, what = key.partition("/")
    record = records.get(name)
    if record is None:
        return NOT_YET
    if what == "machine":
        return machine(record)
    if what not in record["figures"]:
        return NOT_YET
    value, unit = (record["figures"][what][k] for k in ("value", "unit"))
    return unit if value is None else f"{value:.3g} {unit}".strip()


def machine(record: dict[str, Any]) -> str:
    """Where and when a record was made, in words."""
    about = record["machine"]
    cores = f"{about['cores']} core{'s' if about['cores'] != 1 else ''}"
    words = f"{about['processor']}, {cores}, torch {about['torch']}, {record['date']}, "
    words += f"commit {record['commit']}"
    if settings := record.get("settings"):
        second = f" and {settings['second']}" if settings["second"] else ""
        words += f"; {settings['pairs']} pairs at {settings['size']} pixels, judged by "
        words += f"{settings['judge']}{second}"
    return words


def make_table(name: str, records: dict[str, dict[str, Any]]) -> str:
    """The whole table of one benchmark with the machine below it."""
    if name not in records:
        return f"{NOT_YET[0].upper()}{NOT_YET[1:]}."
    makers: dict[str, Callable[[dict[str, Any]], str]] = {
        "speed_stylize": lambda r: _module("speed_stylize").table(r["cases"]),
        "speed_training": lambda r: _module("speed_training").table(r["cases"]),
        "speed_convolution": lambda r: _module("speed_convolution").table(r["cases"]),
        "memory_tiled": lambda r: _module("memory_tiled").table(r["cases"]),
        "speed_video": lambda r: _module("speed_video").table(r["cases"]),
        "speed_service": lambda r: _module("speed_service").table(r["cases"]),
        "speed_export": lambda r: _module("speed_export").table(r["cases"]),
        "quality_transfer": lambda r: _module("quality_transfer").table(r["summary"]),
    }
    return f"{makers[name](records[name])}\n\nMeasured on: {machine(records[name])}."


def _module(name: str) -> Any:
    import importlib

    sys.path.insert(0, str(Path(__file__).resolve().parent))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.pop(0)


def main() -> int:
    """Write the pages anew, or say which are stale."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    args = parser.parse_args()
    records = read_records()
    stale = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        filled = fill(text, records)
        if filled != text:
            stale.append(page)
            if not args.check:
                page.write_text(filled, encoding="utf-8")
    for page in stale:
        print(f"{'stale' if args.check else 'renewed'}: {page.relative_to(ROOT)}")
    return 1 if args.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
