"""What the pages say is true: commands run, links lead somewhere, figures are the records'."""

import inspect
import re
import runpy
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

import publish
import pytest
from plain_adain import PlainAdaIN
from sources import ROOT

import impasto.errors
from impasto.errors import ImpastoError, MissingExtraError

PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
FENCE = re.compile(r"(?:^<!-- (runs|not run: [^>]+) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    mark: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks() -> list[Block]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(page, line, match[1] or "", match[2], match[3]))
    return found


def impasto_lines(block: Block) -> list[str]:
    lines = block.text.replace("\\\n", " ").splitlines()
    return [line.split("  #")[0].strip() for line in lines if line.startswith("impasto ")]


BLOCKS = blocks()
RUNNABLE = [block for block in BLOCKS if block.mark == "runs"]


def run_command(line: str) -> int:
    from impasto.cli import main

    try:
        return main(shlex.split(line)[1:])
    except SystemExit as exit_:
        return exit_.code if isinstance(exit_.code, int) else int(exit_.code is not None)


@pytest.mark.parametrize("block", [b for b in RUNNABLE if b.language == "sh"], ids=str)
def test_every_command_on_the_pages_runs(block, gallery, capsys):
    for line in impasto_lines(block):
        code = run_command(line)
        if code == MissingExtraError.exit_code and line.startswith("impasto export"):
            pytest.skip("the extra export is not installed")
        assert code == 0, f"{line}\n{capsys.readouterr().err}"
        target = re.search(r" -o (\S+)", line)
        if target:
            assert Path(target[1]).exists(), f"{line} wrote no {target[1]}"


@pytest.mark.parametrize("block", [b for b in RUNNABLE if b.language == "python"], ids=str)
def test_every_python_block_on_the_pages_runs(block, gallery):
    exec(compile(block.text, str(block), "exec"), {"__name__": "__page__"})


def test_every_block_of_ours_is_run_or_says_why_not():
    silent = [
        str(block)
        for block in BLOCKS
        if not block.mark and (block.language == "python" or impasto_lines(block))
    ]
    assert not silent, f"put <!-- runs --> before {silent}"


def test_the_readme_has_something_to_run_in_both_languages():
    languages = {b.language for b in RUNNABLE if b.page.name == "README.md"}
    assert languages == {"python", "sh"}


@pytest.mark.parametrize(
    ("name", "arguments", "results"),
    [
        ("paint_one.py", ["photo.jpg", "out.png"], ["out.png"]),
        ("mix_styles.py", ["photo.jpg", "monet.jpg", "klee.jpg", "steps"], ["steps/4.png"]),
        ("measure_it.py", ["photo.jpg", "painting.jpg"], []),
    ],
)
def test_every_example_runs(name, arguments, results, gallery, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    runpy.run_path(str(ROOT / "examples" / name), run_name="__main__")
    assert capsys.readouterr().out
    for result in results:
        assert Path(result).exists()


def test_every_example_is_short_and_tested():
    examples = sorted((ROOT / "examples").glob("*.py"))
    names = {"paint_one.py", "mix_styles.py", "measure_it.py"}
    elsewhere = {"oak_camera.py"}  # run by tests/export/test_convert.py
    assert {p.name for p in examples} == names | elsewhere
    assert max(len(p.read_text().splitlines()) for p in examples) < 60


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            assert target.startswith("https://"), target
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path) if path else page
        assert there.exists(), f"{page.relative_to(ROOT)} names {target}, which is not there"
        if anchor:
            assert anchor in anchors(there), f"{there.name} has no heading #{anchor}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings}


def test_every_document_can_be_reached_from_the_index():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")}
    missing = {p for p in pages - {"index.md"} if f"({p})" not in text}
    assert not missing


def error_classes() -> dict[str, type[ImpastoError]]:
    return {
        name: value
        for name, value in inspect.getmembers(impasto.errors, inspect.isclass)
        if issubclass(value, ImpastoError)
    }


def test_the_page_of_errors_has_every_class_with_its_codes():
    text = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+) \|", text, re.M)
    found = {name: (int(code), int(status)) for name, code, status in rows}
    assert found == {n: (c.exit_code, c.http_status) for n, c in error_classes().items()}


def test_the_tree_drawn_in_errors_py_is_the_tree():
    drawn = re.findall(r"^ *(\w+Error) +(\d+) +(\d+)", impasto.errors.__doc__ or "", re.M)
    found = {name: (int(code), int(status)) for name, code, status in drawn}
    wanted = {n: (c.exit_code, c.http_status) for n, c in error_classes().items()}
    del wanted["ImpastoError"]  # its line heads the columns
    assert found == wanted


@pytest.mark.parametrize("page", publish.pages(), ids=lambda p: str(p.relative_to(ROOT)))
def test_figures_on_the_pages_are_those_of_the_records(page):
    text = page.read_text(encoding="utf-8")
    assert publish.fill(text, publish.read_records()) == text, "run: make figures"


def test_a_figure_is_filled_in_with_its_unit():
    records = {"speed": {"figures": {"a": {"value": 0.17654, "unit": "s"}}}}
    text = (
        "x <!-- measured: speed/a -->?<!-- /measured --> y "
        "<!-- measured: b/c -->?<!-- /measured -->"
    )
    assert publish.fill(text, records) == (
        "x <!-- measured: speed/a -->0.177 s<!-- /measured --> y "
        "<!-- measured: b/c -->not measured yet<!-- /measured -->"
    )


def test_a_figure_that_a_machine_cannot_have_says_why():
    records = {"speed": {"figures": {"a": {"value": None, "unit": "emulated: skipped"}}}}
    assert publish.figure("speed/a", records) == "emulated: skipped"


def test_every_figure_asked_for_is_one_that_the_benchmarks_give():
    import quality_translation
    import speed_stylize
    import speed_training

    cases = speed_stylize.cases(speed_stylize.SIZES, device="cpu", runs=1)
    done = [c | {"seconds": 1.0, "peak_bytes": 1 << 30, "parameters": 10**6} for c in cases]
    done.append({"method": "command", "size": "1080p", "seconds": 1.0})
    known = {f"speed_stylize/{k}" for k in speed_stylize.figures(done)} | {"speed_stylize/machine"}
    known |= {f"quality_transfer/{k}" for k in ("content", "style", "grid", "second", "machine")}
    rows = [
        {"model": model, "direction": "a2b", "l1": 0.5, "colour": 1.0, "texture": 1.0}
        for model in ("untrained", "run")
    ]
    translated = quality_translation.published(rows, last="run")
    translated |= quality_translation.learning_time(60.0)
    known |= {f"quality_translation-toy/{k}" for k in translated}
    trained = [{"case": name, "seconds": 1.0, "fastest": 1.0} for name in speed_training.CASES]
    trained = [one for one in trained if one["case"] != "loader"]
    known |= {f"speed_training/{k}" for k in speed_training.figures(trained)}
    asked = {m[2] for page in publish.pages() for m in publish.MARK.finditer(page.read_text())}
    assert asked <= known, sorted(asked - known)


def test_the_plain_adain_has_the_papers_size():
    network = PlainAdaIN()
    counts = [
        sum(p.numel() for p in part.parameters()) for part in (network.encoder, network.decoder)
    ]
    assert counts == [3_505_728 + 12, 3_505_219]


def test_the_plain_adain_gives_back_the_size_it_was_given():
    import torch

    network = PlainAdaIN()
    content = torch.rand(1, 3, 32, 48)
    assert network.transfer(content, network.style_of(content)).shape == content.shape
