"""What a run leaves in its folder, what it validates with, and what it does with bad files."""

import json
import logging
import os
import zlib
from pathlib import Path

import pytest
import torch
from PIL import Image

import impasto
from impasto.errors import InputError, WeightsError
from impasto.training.data import CropConfig, PictureFolder
from impasto.weights.files import write_tensors
from impasto.weights.store import find_weights

pytest.importorskip("lightning", reason="training needs the extra train")

from impasto.cli import main
from impasto.training.datamodule import ContentStyleData, kept_side
from impasto.training.montage import SIDE, columns_of, sheets_of, write_montage
from impasto.training.runs import read_curves, read_result

pytestmark = pytest.mark.filterwarnings("ignore:.*:UserWarning", "ignore::FutureWarning")


def test_everything_of_a_run_lies_in_its_folder(commands, capsys, monkeypatch):
    monkeypatch.chdir(commands.folder)
    flags = [
        "--trainer.max_steps=6", "--sheets.every=3", "--sheets.rows=2", "--data.valid_part=0.3",
        "--trainer.val_check_interval=2", "--trainer.logger=true", "--checkpoints.keep_every=4",
    ]  # fmt: skip
    run = commands("adain", "run", *flags)
    assert capsys.readouterr().out.strip() == str(run / "adain.safetensors")
    names = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()}
    assert {n for n in names if not n.startswith("tensorboard/")} == {
        "config.yaml", "checkpoints/last.ckpt", "checkpoints/step-000004.ckpt",
        "csv/version_0/metrics.csv", "sheets/step-000003.png", "sheets/step-000006.png",
        "adain.safetensors", "montage.png", "losses.png", "result.json",
    }  # fmt: skip
    assert any(n.startswith("tensorboard/events.out") for n in names)
    assert {p.name for p in commands.folder.iterdir()} == {"run", "wave.png"}
    curves = read_curves(run)
    assert [s for s, _ in curves["valid/content"]] == [2, 4, 6]
    assert [s for s, _ in curves["train/style"]] == [1, 2, 3, 4, 5, 6]
    assert read_result(run).keys() == {f"{p}/{t}" for p in ("train", "valid")
                                       for t in ("content", "style", "total")}  # fmt: skip
    painted = impasto.load(run).stylize(torch.rand(1, 3, 20, 30), torch.rand(1, 3, 24, 24))
    assert painted.size == (20, 30)
    with Image.open(run / "losses.png") as chart:
        assert chart.width == 1100
        assert chart.height > 3 * 200, "a row per term"


def test_a_montage_has_a_row_per_time_and_shows_the_same_pictures(commands):
    commands("adain", "run", "--trainer.max_steps=4", "--sheets.every=2", "--sheets.rows=2")
    sheets = sheets_of(commands.folder / "run" / "sheets")
    assert list(sheets) == [2, 4]
    early, late = (columns_of(path) for path in sheets.values())
    assert len(early) == 3, "style, content, stylized"
    assert [[p.tobytes() for p in c] for c in early[:2]] == [
        [p.tobytes() for p in c] for c in late[:2]
    ]
    assert early[2][0].tobytes() != late[2][0].tobytes()
    with Image.open(commands.folder / "run" / "montage.png") as montage:
        one = (montage.height - 6) // 150
    assert one == 4, "style, content and two times"


def test_a_long_runs_montage_takes_times_spread_evenly(tmp_path):
    folder = tmp_path / "sheets"
    folder.mkdir()
    for step in range(1, 61):
        Image.new("RGB", (3 * SIDE, SIDE), (step, 0, 0)).save(folder / f"step-{step:06}.png")
    path = write_montage(folder)
    with Image.open(path) as montage:
        reds = [montage.getpixel((150, 6 + 150 * row + 70))[0] for row in range(2, 26)]
        assert montage.height == 26 * 150 + 6
    assert (reds[0], reds[-1]) == (1, 60)
    assert reds == sorted(reds)


def test_reconstruction_and_johnson_need_no_paintings_and_adain_says_so(commands, capsys):
    johnson = commands("johnson", "j", "--trainer.max_steps=2", "--sheets.rows=2")
    (sheet,) = sheets_of(johnson / "sheets").values()
    style, content, _ = columns_of(sheet)
    assert style[0].tobytes() == style[1].tobytes() != content[0].tobytes()
    back = commands("reconstruction", "r", "--trainer.max_steps=2", "--data.valid_part=0.2")
    (sheet,) = sheets_of(back / "sheets").values()
    assert len(columns_of(sheet)) == 2
    words = [w for w in commands.words("adain", "a") if not w.startswith("--data.style=")]
    assert main(words) == 2
    assert "learns from paintings; give --data.style FOLDER." in capsys.readouterr().err


def test_training_on_fixed_pairs_draws_them_again_and_again(photos, paintings):
    crop = CropConfig(size=32)
    data = ContentStyleData(
        str(photos), str(paintings), content_crop=crop, style_crop=crop, batch=2, workers=0, fixed=3
    )
    items = [data.stream().draw(n)["content"] for n in range(7)]
    assert all(torch.equal(items[n], items[n + 3]) for n in range(4))
    assert not torch.equal(items[0], items[1])
    later = next(iter(data.stream(start=1)))
    assert torch.equal(later["content"][0], items[2])


def test_held_back_pictures_are_not_learned_from_and_are_the_same_every_time(photos, paintings):
    first, again = (PictureFolder(photos).split(0.3, seed=4) for _ in range(2))
    assert [f.paths for f in first] == [f.paths for f in again]
    learned, held = (set(f.paths) for f in first)
    assert (len(learned), len(held), len(learned & held)) == (4, 2, 0)
    assert PictureFolder(photos).split(0.3, seed=5)[1].paths != first[1].paths
    with pytest.raises(InputError, match=r"of which 6 would be held back .*--data.valid_content"):
        PictureFolder(photos).split(0.95, seed=0)
    data = ContentStyleData(str(photos), str(paintings), valid_part=0.3, valid_pairs=3, batch=2)
    one, two = (list(data.val_dataloader()) for _ in range(2))
    assert [len(b["content"]) for b in one] == [2, 1]
    assert all(torch.equal(a["style"], b["style"]) for a, b in zip(one, two, strict=True))


def test_folders_of_ones_own_are_validated_with(photos, paintings):
    data = ContentStyleData(str(photos), str(paintings), valid_content=str(paintings))
    assert len(data.content) == 6
    assert data.valid_content.folder == paintings
    assert data.valid_style is None, "the styles are those learned from"
    assert ContentStyleData(str(photos), str(paintings)).val_dataloader() == []


def test_crops_that_need_more_than_is_kept_are_refused(photos, paintings):
    assert kept_side(None, CropConfig(size=256)) == 320
    assert kept_side(None, CropConfig(size=256, short_side=512), CropConfig()) == 512
    with pytest.raises(InputError, match=r"keeps 320; give --data.short_side 512, or leave it"):
        ContentStyleData(
            str(photos), str(paintings), content_crop=CropConfig(short_side=512), short_side=320
        )


def huge_png(path, side=30_000):
    """A PNG that is whole: black, of one bit per pixel."""
    rows, packer = bytes(1 + side // 8), zlib.compressobj(1)
    data = b"".join(packer.compress(rows * 1000) for _ in range(side // 1000)) + packer.flush()
    header = side.to_bytes(4) * 2 + bytes([1, 0, 0, 0, 0])

    def chunk(kind, body):
        return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)

    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.fixture
def mess(photos, tmp_path):
    """Good pictures among a corrupt one, a text, a bomb, and an empty folder."""
    folder = tmp_path / "mess"
    folder.mkdir()
    for path in photos.rglob("*.png"):
        (folder / path.name).write_bytes(path.read_bytes())
    good = (folder / "picture 0.png").read_bytes()
    (folder / "corrupt.png").write_bytes(good[: len(good) // 2])
    (folder / "text.jpg").write_text("not a picture")
    (folder / "notes.txt").write_text("not even named like one")
    huge_png(folder / "huge.png")
    (folder / "empty").mkdir()
    return folder


@pytest.mark.parametrize("workers", [0, 1])
def test_bad_files_are_named_skipped_and_counted(commands, mess, caplog, workers):
    with caplog.at_level(logging.WARNING):
        flags = [f"--data.content={mess}", f"--data.workers={workers}", "--data.batch=8"]
        run = commands("reconstruction", "run", "--trainer.max_steps=5", *flags)
    lines = (run / "skipped.txt").read_text().splitlines()
    reasons = {line.split("\t")[0].rpartition("/")[2]: line.split("\t")[1] for line in lines}
    assert reasons.keys() == {"corrupt.png", "text.jpg", "huge.png"}
    assert "900000000 pixels" in reasons["huge.png"]
    assert "3 files could not be read and were skipped" in caplog.text
    assert (
        "passed over 1 files that are no pictures by their name and 1 empty folder" in caplog.text
    )
    assert json.loads((run / "result.json").read_text())["steps"] == 5


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_but_bad_files_ends_in_one_sentence(commands, tmp_path, capsys, workers):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "text.jpg").write_text("not a picture")
    flags = [f"--data.content={tmp_path / 'bad'}", f"--data.workers={workers}"]
    assert main(commands.words("reconstruction", "run", *flags)) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("impasto: a hundred files in a row could not be read in ")
    assert last.endswith("which impasto data scan names.")
    (tmp_path / "bare").mkdir()
    flags = [f"--data.content={tmp_path / 'bare'}"]
    assert main(commands.words("reconstruction", "run", *flags)) == 2
    assert "bare holds no pictures" in capsys.readouterr().err


def test_a_folder_stands_for_the_newest_weights_in_it(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    for age, name in enumerate(("a.safetensors", "c.safetensors", "b.safetensors")):
        write_tensors(tmp_path / "mine" / name, {"x": torch.zeros(1)})
        os.utime(tmp_path / "mine" / name, (9 - age, 9 - age))
    assert find_weights(tmp_path / "mine").name == "a.safetensors"
    monkeypatch.chdir(tmp_path)
    assert find_weights("mine") == Path("mine/a.safetensors")
    (tmp_path / "lite").mkdir()
    assert find_weights("lite").is_file(), "a known name is not taken for a folder"


def test_a_folder_without_weights_is_no_painter(tmp_path):
    with pytest.raises(WeightsError, match=r"holds no weights .* impasto train writes them"):
        impasto.load(tmp_path)


@pytest.mark.parametrize(
    "method",
    ["adain", "reconstruction", "johnson", pytest.param("swift", marks=pytest.mark.slow)],
)
def test_bfloat16_is_honoured(commands, method):
    flags = ["--trainer.precision=bf16-mixed", "--trainer.max_steps=5", "--data.valid_part=0.2"]
    run = commands(method, "run", *flags, "--sheets.every=99", "--trainer.logger=true")
    curves = read_curves(run)
    assert len(curves["train/total"]) == 5
    assert all(torch.isfinite(torch.tensor(v)).all() for v in curves.values())
    state = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert {v.dtype for v in state.values() if v.is_floating_point()} == {torch.float32}
    text = (run / "config.yaml").read_text()
    assert text.startswith(f"# impasto train {method}\n")
    assert "precision: bf16-mixed" in text


def test_gradients_are_clipped(commands):
    flags = ["--trainer.max_steps=1", "--sheets.every=99", "--model.schedule.kind=constant"]
    states = []
    for run, clip in (("a", "1e-12"), ("b", "10")):
        path = commands("reconstruction", run, *flags, f"--trainer.gradient_clip_val={clip}")
        states.append(torch.load(path / "checkpoints" / "last.ckpt", weights_only=True))
    moments = [s["optimizer_states"][0]["state"][0]["exp_avg"].norm() for s in states]
    assert 0 < moments[0] <= 1e-13 < moments[1]
