"""Folders: what an earlier run left is kept, and a manifest says what became of each picture."""

import hashlib
import json
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import InputError, OutputError
from impasto.inference.manifest import Manifest, Painted
from impasto.inference.many import paint_each
from impasto.inference.many_settings import ManyConfig, RayConfig
from impasto.inference.plan import plan
from impasto.inference.settings import StylizeConfig


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    for index in range(4):
        Image.new("RGB", (20, 12 + index % 2), (index * 60, 80, 200)).save(f"in/{index}.png")
    for index, color in enumerate(("red", "blue")):
        Image.linear_gradient("L").resize((24, 24)).convert("RGB").save(f"style-{index}.png")
        Image.blend(Image.open(f"style-{index}.png"), Image.new("RGB", (24, 24), color), 0.5).save(
            f"style-{index}.png"
        )
    return tmp_path


@pytest.fixture
def run(tiny_painter, folder):
    """Paint the folder; the records."""

    def call(*, style="style-0.png", resume=False, overwrite=False, config=None, **many):
        keep = resume and (not overwrite or "manifest" in many)
        jobs = plan(["in"], output="out", resume=keep, overwrite=overwrite)
        records = paint_each(
            tiny_painter,
            jobs,
            style=style,
            config=config,
            many=ManyConfig(**many),
            resume=resume,
            overwrite=overwrite,
        )
        return list(records)

    return call


def lines(path: str = "m.jsonl") -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_manifest_has_one_line_per_picture(run):
    Path("in/2.png").write_text("no picture")
    records = run(manifest="m.jsonl")
    found = lines()
    assert [line["content"] for line in found] == [f"in/{i}.png" for i in range(4)]
    assert [line["output"] for line in found] == [f"out/{i}.png" for i in range(4)]
    for line, record in zip(found, records, strict=True):
        if line["output"] == "out/2.png":
            assert line["error"]["kind"] == "ImageError"
            assert line["error"]["message"] == "in/2.png is text, not a picture."
            assert line["sha256"] is None
            continue
        assert line["sha256"] == record.sha256 == digest(line["output"])
        assert line["seconds"] > 0
        assert line["error"] is None


def test_resume_keeps_what_is_there_and_paints_the_rest(run):
    run(manifest="m.jsonl")
    Path("out/1.png").unlink()
    before = {p: p.stat().st_mtime_ns for p in Path("out").iterdir()}
    records = run(manifest="m.jsonl", resume=True)
    assert [record.kept for record in records] == [True, False, True, True]
    assert all(p.stat().st_mtime_ns == before[p] for p in before)
    assert Path("out/1.png").is_file()
    assert [line["output"] for line in lines()[4:]] == ["out/1.png"], "only what was painted"


def test_resume_needs_no_manifest(run):
    run()
    assert all(record.kept for record in run(resume=True))


def test_without_resume_what_is_there_is_an_error_as_ever(run):
    run()
    assert all(isinstance(record.error, OutputError) for record in run())


@pytest.mark.parametrize(
    "wishes", [{"style": "style-1.png"}, {"config": StylizeConfig(alpha=0.5)}], ids=str
)
def test_resume_with_other_wishes_is_refused_where_a_manifest_knows(run, wishes):
    run(manifest="m.jsonl")
    before = digest("out/0.png")
    records = run(manifest="m.jsonl", resume=True, **wishes)
    assert str(records[0].error) == (
        "out/0.png exists already and is of another style, setting or painter; choose another -o, "
        "or allow --overwrite."
    )
    assert digest("out/0.png") == before


def test_overwriting_with_resume_paints_only_what_is_of_other_wishes(run):
    run(manifest="m.jsonl")
    Path("out/3.png").unlink()
    run(manifest="m.jsonl", resume=True, config=StylizeConfig(alpha=0.5))
    Path("unknown.jsonl").write_text("")
    records = run(manifest="m.jsonl", resume=True, overwrite=True, config=StylizeConfig(alpha=0.5))
    assert [record.kept for record in records] == [False, False, False, True]
    assert all(record.error is None for record in records)
    records = run(manifest="unknown.jsonl", resume=True, overwrite=True)
    assert not any(record.kept for record in records)


def test_a_line_cut_off_by_a_kill_is_passed_over(run):
    run(manifest="m.jsonl")
    whole = Path("m.jsonl").read_bytes()
    Path("m.jsonl").write_bytes(whole[:-20])
    Path("out/0.png").unlink()
    assert [r.kept for r in run(manifest="m.jsonl", resume=True)] == [False, True, True, True]
    found = Path("m.jsonl").read_text().splitlines()
    assert json.loads(found[-1])["output"] == "out/0.png"
    assert len(found) == 5


def test_a_manifest_only_grows(run):
    Path("m.jsonl").write_text('{"output": "other.png"}\n')
    run(manifest="m.jsonl")
    assert lines()[0] == {"output": "other.png"}


def test_of_several_lines_the_last_painting_counts(folder):
    manifest = Manifest("deep/m.jsonl")
    for key, error in (("a", None), ("b", None), ("c", InputError("no."))):
        manifest.add(Painted(content="x", output="y", error=error), key)
    assert manifest.lines()["y"]["key"] == "b"


def test_names_of_any_bytes_come_back(folder):
    name = "caf\udce9\u2028.png"  # bytes that are no UTF-8, and a line break of Unicode's
    manifest = Manifest("m.jsonl")
    manifest.add(Painted(content=name, output=name), "key")
    assert list(manifest.lines()) == [name]


def test_a_manifest_that_cannot_grow_is_refused(folder):
    with pytest.raises(InputError, match=r"s3://b/m\.jsonl cannot; give a file of this machine"):
        Manifest("s3://b/m.jsonl")
    with pytest.raises(OutputError, match="in cannot be written"):
        Manifest("in")


def test_a_manifest_is_opened_before_anything_is_painted(run):
    with pytest.raises(OutputError):
        run(manifest="in")
    assert not Path("out").exists()


@pytest.mark.parametrize("many", [{"batch": 4}, {"batch": 3, "threads": 2}, {"threads": 3}])
def test_batches_and_threads_paint_the_same_in_the_same_order(run, many):
    run()
    alone = {p.name: Image.open(p).tobytes() for p in Path("out").iterdir()}
    records = run(overwrite=True, **many)
    assert [record.output for record in records] == [f"out/{i}.png" for i in range(4)]
    for name, levels in alone.items():
        pairs = zip(levels, Image.open(f"out/{name}").tobytes(), strict=True)
        assert max(abs(a - b) for a, b in pairs) <= 1


@pytest.mark.parametrize(
    ("kind", "wishes", "sentence"),
    [
        (ManyConfig, {"batch": 0}, "batch must be at least 1; got 0."),
        (ManyConfig, {"threads": 0}, "threads must be at least 1; got 0."),
        (ManyConfig, {"engine": "rey"}, "engine must be one of local, ray; got 'rey'."),
        (RayConfig, {"workers": 0}, "workers must be at least 1; got 0."),
        (RayConfig, {"cpus": 0.0}, "cpus must be above 0; got 0.0."),
        (RayConfig, {"gpus": -1.0}, "gpus must be at least 0; got -1.0."),
        (RayConfig, {"retries": -1}, "retries must be at least 0; got -1."),
        (RayConfig, {"share": 0}, "share must be at least 1; got 0."),
    ],
)
def test_settings_that_make_no_sense(kind, wishes, sentence):
    with pytest.raises(InputError) as found:
        kind(**wishes)
    assert str(found.value).startswith(sentence)
