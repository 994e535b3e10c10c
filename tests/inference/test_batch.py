"""The pipeline over many pictures, with a painter that needs no weights."""

import hashlib
import threading
from pathlib import Path

import pytest
import torch
from PIL import Image

from impasto.errors import ImageError, InputError, OutputError, ResourceError
from impasto.inference import batch
from impasto.inference.batch import paint_all
from impasto.inference.many_settings import ManyConfig
from impasto.inference.plan import Job
from impasto.inference.settings import StylizeConfig
from impasto.inference.stylize import Stylizer


class Inverter:
    """A painter that turns pictures into their negatives."""

    device, dtype, digest = torch.device("cpu"), torch.float32, ""
    own_style = None

    def __init__(self) -> None:
        self.looked = 0

    def encode_style(self, pixels):
        self.looked += 1
        return ((pixels.mean((2, 3), keepdim=True), pixels.std((2, 3), keepdim=True)),)

    def paint(self, content, styles, *, weights, alpha=1.0, regions=None, seed=0):
        return 1 - content


@pytest.fixture
def painter() -> Inverter:
    return Inverter()


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for index in range(4):
        Image.new("RGB", (8 + index, 6), (index * 20, 0, 255)).save(f"{index}.png")
    Image.new("RGB", (9, 9), "white").save("style.png")
    return tmp_path


def jobs_of(*names: str) -> list[Job]:
    return [Job(content=name, output=f"out/{name}") for name in names]


def run(painter, jobs, **settings):
    return paint_all(Stylizer(painter, "inverter"), jobs, style="style.png", **settings)


def test_one_record_per_picture_in_order(painter, folder):
    records = list(run(painter, jobs_of("0.png", "1.png", "2.png", "3.png")))
    assert [r.output for r in records] == [f"out/{i}.png" for i in range(4)]
    assert [(r.height, r.width) for r in records] == [(6, 8), (6, 9), (6, 10), (6, 11)]
    assert all(r.error is None and r.seconds > 0 for r in records)
    assert Image.open("out/2.png").getpixel((0, 0)) == (255 - 40, 255, 0)
    assert painter.looked == 1, "the style is looked at once"


def test_a_picture_is_written_when_its_record_comes(painter, folder):
    for record in run(painter, jobs_of("0.png", "1.png", "2.png")):
        assert Path(record.output).is_file()


def test_bad_pictures_do_not_stop_the_others(painter, folder):
    Path("1.png").write_bytes(b"")
    Path("2.png").write_bytes(Path("2.png").read_bytes()[:45])
    jobs = [
        *jobs_of("0.png", "1.png", "2.png", "3.png"),
        Job(content="0.png", output="0.png/x.png"),
    ]
    records = list(run(painter, jobs))
    kinds = [type(record.error) for record in records]
    assert kinds == [type(None), ImageError, ImageError, type(None), OutputError]
    assert sorted(p.name for p in Path("out").iterdir()) == ["0.png", "3.png"]


def test_what_the_plan_refused_is_passed_on(painter, folder):
    error = InputError("no.")
    (record,) = run(painter, [Job(content="0.png", output="out.png", error=error)])
    assert record.error is error
    assert not Path("out.png").exists()


def test_existing_files_are_kept(painter, folder):
    Path("out").mkdir()
    Path("out/0.png").write_bytes(b"mine")
    (record,) = run(painter, jobs_of("0.png"))
    assert isinstance(record.error, OutputError)
    assert Path("out/0.png").read_bytes() == b"mine"
    (record,) = run(painter, jobs_of("0.png"), overwrite=True)
    assert record.error is None


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: 1 bytes")]
)
def test_a_picture_too_large_for_the_memory(painter, folder, monkeypatch, error):
    def paint(*_, **__):
        raise error

    monkeypatch.setattr(painter, "paint", paint)
    records = list(run(painter, jobs_of("0.png", "1.png")))
    assert all(isinstance(record.error, ResourceError) for record in records)
    assert str(records[0].error) == "0.png does not fit in memory; make it smaller."


def test_what_should_not_happen_is_raised(painter, folder, monkeypatch):
    def paint(*_, **__):
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr(painter, "paint", paint)
    with pytest.raises(RuntimeError, match="mistake of ours"):
        list(run(painter, jobs_of("0.png", "1.png")))
    assert not [t for t in threading.enumerate() if t.name.startswith("impasto-")]


@pytest.mark.parametrize(
    ("wishes", "sentence"),
    [
        ({"config": StylizeConfig(style_weights=(1.0, 2.0))}, "one style weight per style"),
        ({"mask": ["0.png", "1.png"]}, "one mask per style; got 2 masks and 1 style"),
        ({"mask": ["none.png"]}, "there is no file none.png"),
    ],
)
def test_wishes_are_checked_before_anything_is_painted(painter, folder, wishes, sentence):
    with pytest.raises(InputError, match=sentence):
        run(painter, jobs_of("0.png"), **wishes)


def test_a_mask_is_read_once_and_fitted_to_each_picture(painter, folder, monkeypatch):
    Image.new("L", (3, 3)).save("mask.png")
    reads = []
    read = batch.read_picture
    monkeypatch.setattr(batch, "read_picture", lambda source: reads.append(source) or read(source))
    assert all(not r.error for r in run(painter, jobs_of("0.png", "1.png"), mask="mask.png"))
    assert reads.count("mask.png") == 1
    assert Image.open("out/1.png").getpixel((0, 0)) == (20, 0, 255), "black keeps the photograph"


def test_reading_and_writing_go_on_while_one_is_painted(painter, folder, monkeypatch):
    stylizer = Stylizer(painter, "inverter")
    style = stylizer.statistics_of("style.png")
    read, write, paint = batch.read_picture, batch.write_picture, painter.paint
    begun = {name: threading.Event() for name in ("second read", "second painted")}
    seen, widths = [], []

    def reading(source):
        if source == "1.png":
            begun["second read"].set()
        return read(source)

    def painting(content, *args, **named):
        widths.append(content.shape[-1])
        if len(widths) == 1:
            seen.append(begun["second read"].wait(10))
        else:
            begun["second painted"].set()
        return paint(content, *args, **named)

    def writing(picture, target, **named):
        if target == "out/0.png":
            seen.append(begun["second painted"].wait(10))
        write(picture, target, **named)

    monkeypatch.setattr(batch, "read_picture", reading)
    monkeypatch.setattr(batch, "write_picture", writing)
    monkeypatch.setattr(painter, "paint", painting)
    records = list(paint_all(stylizer, jobs_of("0.png", "1.png"), style=style))
    assert seen == [True, True]
    assert [record.error for record in records] == [None, None]


def test_stopping_early_leaves_whole_files_and_no_threads(painter, folder):
    records = run(painter, jobs_of("0.png", "1.png", "2.png", "3.png"))
    next(records)
    records.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("impasto-")]
    for path in Path("out").iterdir():
        Image.open(path).load()
    assert not list(Path("out").glob(".*"))


def test_what_was_written_is_known_by_its_digest(painter, folder):
    for record in run(painter, jobs_of("0.png", "1.png")):
        assert record.sha256 == hashlib.sha256(Path(record.output).read_bytes()).hexdigest()


def test_what_is_there_already_is_kept_and_not_read(painter, folder):
    Path("0.png").unlink()
    first, second = run(
        painter, [Job(content="0.png", output="x", kept=True), *jobs_of("1.png")], overwrite=True
    )
    assert (first.kept, first.error, first.seconds) == (True, None, 0.0)
    assert not Path("x").exists()
    assert second.error is None


def equal_pictures(count: int) -> list[Job]:
    for index in range(count):
        Image.new("RGB", (7 + 2 * (index % 3 == 2), 5), (0, index, 0)).save(f"{index}.png")
    return jobs_of(*(f"{index}.png" for index in range(count)))


@pytest.fixture
def sizes(painter, monkeypatch) -> list[tuple[int, int]]:
    """How many pictures of which width were painted at once."""
    seen, paint = [], painter.paint

    def watched(content, *args, **named):
        seen.append((len(content), content.shape[-1]))
        return paint(content, *args, **named)

    monkeypatch.setattr(painter, "paint", watched)
    return seen


def test_pictures_of_equal_size_are_painted_at_once_and_stay_in_order(painter, folder, sizes):
    jobs = equal_pictures(7)
    records = list(run(painter, jobs, many=ManyConfig(batch=3)))
    assert sizes == [(2, 7), (1, 9), (2, 7), (1, 9), (1, 7)]
    assert [record.output for record in records] == [job.output for job in jobs]
    for index, record in enumerate(records):
        assert Image.open(record.output).getpixel((0, 0)) == (255, 255 - index, 255)
        assert record.width == 7 + 2 * (index % 3 == 2)


def test_a_batch_with_a_bad_picture_is_painted_without_it(painter, folder, sizes):
    jobs = equal_pictures(4)
    Path("1.png").write_bytes(b"")
    kinds = [type(r.error) for r in run(painter, jobs, many=ManyConfig(batch=4))]
    assert kinds == [type(None), ImageError, type(None), type(None)]
    assert sizes == [(2, 7), (1, 9)]


def test_a_batch_too_large_for_the_memory_is_painted_one_by_one(painter, folder, monkeypatch):
    jobs, paint, seen = equal_pictures(2), painter.paint, []

    def short(content, *args, **named):
        seen.append(len(content))
        if len(content) > 1 or seen.count(1) == 2:
            raise MemoryError
        return paint(content, *args, **named)

    monkeypatch.setattr(painter, "paint", short)
    first, second = run(painter, jobs, many=ManyConfig(batch=2))
    assert seen == [2, 1, 1]
    assert first.error is None
    assert str(second.error) == "1.png does not fit in memory; make it smaller."


def test_so_many_threads_read_and_write_at_the_same_time(painter, folder, monkeypatch):
    read, write = batch.read_picture, batch.write_picture
    meeting = {name: threading.Barrier(2) for name in ("read", "write")}

    def reading(source):
        if isinstance(source, str) and source != "style.png":
            meeting["read"].wait(10)  # breaks unless two threads are here together
        return read(source)

    def writing(picture, target, **named):
        meeting["write"].wait(10)
        write(picture, target, **named)

    monkeypatch.setattr(batch, "read_picture", reading)
    monkeypatch.setattr(batch, "write_picture", writing)
    records = list(run(painter, equal_pictures(4), many=ManyConfig(threads=2)))
    assert [record.error for record in records] == [None] * 4


def test_no_more_pictures_are_in_memory_than_is_said(painter, folder, monkeypatch):
    jobs, read = equal_pictures(12), batch.read_picture
    begun, most = [], []
    monkeypatch.setattr(batch, "read_picture", lambda source: begun.append(source) or read(source))
    for done, _ in enumerate(run(painter, jobs, many=ManyConfig(batch=2, threads=2)), start=1):
        most.append(len(begun) - done)
    # Two being written, two painted, two waiting for their turn; the one just done is out.
    assert max(most) <= 6


def test_nothing_to_do(painter, folder):
    assert list(run(painter, [])) == []
