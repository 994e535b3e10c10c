"""impasto train METHOD --sweep: which runs there are, which are skipped, what compares them."""

import subprocess
from pathlib import Path

import pytest
from PIL import Image

from impasto.cli.train import RunFlags, split_flags
from impasto.errors import InputError

pytest.importorskip("lightning", reason="training needs the extra train")

from impasto.cli.sweep import combinations, split_values, sweep
from impasto.training.montage import SIDE
from impasto.training.runs import write_result


def flags(*sweeps, run="runs/x", rest=()):
    return RunFlags(run=Path(run), resume=False, sweep=sweeps, rest=rest)


def test_our_own_flags_are_taken_out_wherever_they_stand():
    found = split_flags("adain", ["--a", "1", "--run=x/y", "--resume", "--sweep", "b=1,2", "--c=3"])
    assert found == RunFlags(
        run=Path("x/y"), resume=True, sweep=("b=1,2",), rest=("--a", "1", "--c=3")
    )
    assert split_flags("adain", []).run == Path("runs/adain")
    assert split_flags("adain", ["--sweep", "b=1"]).run == Path("runs/adain-sweep")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--run"], "after --run comes a folder"),
        (["--run", "--resume"], "after --run comes a folder"),
        (["--sweep"], "after --sweep comes FLAG=A,B"),
        (["--trainer.default_root_dir=x"], "the folder of a run is named by --run"),
        (["--resume=runs/x"], "--resume takes no value; name the run with --run"),
    ],
)
def test_flags_without_their_value_are_refused(words, sentence):
    with pytest.raises(InputError, match=sentence):
        split_flags("adain", words)


def test_values_part_at_commas_but_not_inside_brackets():
    assert split_values("1, 3,10") == ["1", "3", "10"]
    assert split_values("[a,b],{c: 1, d: 2}") == ["[a,b]", "{c: 1, d: 2}"]


def test_every_value_of_one_flag_meets_every_value_of_another():
    trials = combinations(flags("model.objective.style_weight=1,3", "--data.batch=2,4"))
    assert [t.name for t in trials] == [
        "style_weight 1, batch 2", "style_weight 1, batch 4",
        "style_weight 3, batch 2", "style_weight 3, batch 4",
    ]  # fmt: skip
    assert trials[1].folder == Path("runs/x/style_weight=1,batch=4")
    assert trials[1].flags == ("--model.objective.style_weight=1", "--data.batch=4")


@pytest.mark.parametrize("text", ["batch", "batch=", "batch=1,,2", "=1"])
def test_what_cannot_be_swept_over_is_refused(text):
    with pytest.raises(InputError, match=r"such as model.objective.style_weight=1,3,10; got"):
        combinations(flags(text))
    with pytest.raises(InputError, match="leave out doubles"):
        combinations(flags("batch=2,2"))


class Runs:
    """Stands for the processes: notes what was run, and leaves what a run leaves."""

    def __init__(self, codes=()):
        self.seen, self.codes = [], dict(codes)

    def __call__(self, command):
        words = command[command.index("train") :]
        folder = Path(words[words.index("--run") + 1])
        self.seen.append((folder.name, "--resume" in words))
        code = self.codes.get(folder.name, 0)
        if code == 0:
            finish(folder)
        return subprocess.CompletedProcess(command, code)


def finish(folder, color=(200, 0, 0)):
    (folder / "sheets").mkdir(parents=True)
    Image.new("RGB", (3 * SIDE, 2 * SIDE), color).save(folder / "sheets" / "step-000002.png")
    write_result(folder, 2, {"train/content": 1.0, "valid/content": 0.5, "valid/total": 0.5})


def test_finished_runs_are_skipped_cut_ones_resumed_and_all_compared(tmp_path, monkeypatch, capsys):
    runs = Runs()
    monkeypatch.setattr(subprocess, "run", runs)
    finish(tmp_path / "batch=1")
    (tmp_path / "batch=2" / "checkpoints").mkdir(parents=True)
    (tmp_path / "batch=2" / "checkpoints" / "last.ckpt").touch()
    asked = flags("data.batch=1,2,3", run=tmp_path)
    assert sweep("adain", asked) == 0
    assert runs.seen == [("batch=2", True), ("batch=3", False)]
    out = capsys.readouterr().out.splitlines()
    assert out[0].split("\t") == ["run", "train/content", "valid/content", "valid/total"]
    assert out[1].split("\t") == ["batch 1", "1", "0.5", "0.5"]
    assert out[-1] == str(tmp_path / "sweep.png")
    with Image.open(out[-1]) as sheet:
        assert sheet.width > 5 * 256, "content, style and three runs"
    assert sweep("adain", asked) == 0
    assert len(runs.seen) == 2, "all were finished"


def test_a_run_that_breaks_takes_no_other_with_it(tmp_path, monkeypatch, run, capsys):
    runs = Runs({"learning_rate=9": 6})
    monkeypatch.setattr(subprocess, "run", runs)
    words = ["--run", tmp_path / "s", "--sweep", "model.learning_rate=9,1"]
    answer = run("train", "adain", *words)
    assert answer.code == 6
    assert "learning could not go on with learning_rate 9; the other runs are" in answer.err
    assert len(runs.seen) == 2
    assert (tmp_path / "s" / "sweep.png").exists()


def test_a_run_that_cannot_begin_ends_the_sweep(tmp_path, monkeypatch, run):
    runs = Runs({"batch=0": 2})
    monkeypatch.setattr(subprocess, "run", runs)
    answer = run("train", "adain", "--run", tmp_path / "s", "--sweep", "data.batch=0,1")
    assert answer.code == 2
    assert "the sweep stops here; batch 0 ended with exit code 2" in answer.err
    assert len(runs.seen) == 1
