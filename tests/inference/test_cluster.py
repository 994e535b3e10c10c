"""The workers of a Ray cluster paint what one process paints, also when one of them is killed."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from impasto.errors import ImageError, InputError, MissingExtraError
from impasto.images.samples import synthetic_photo
from impasto.inference import cluster
from impasto.inference.cluster import paint_on_ray
from impasto.inference.manifest import Painted
from impasto.inference.many import paint_each
from impasto.inference.many_settings import ManyConfig, RayConfig
from impasto.inference.painting_worker import PaintingWorker, Wishes
from impasto.inference.plan import STREAM, Job, plan
from impasto.inference.settings import StylizeConfig
from impasto.inference.tally import Tally

LIMIT = 900
"""Seconds for a command: to begin a cluster takes minutes where the cores are busy."""

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "RAY_worker_niceness": "0"}

with_ray = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs the extra ray"),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed by signals"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_pictures(count: int) -> None:
    Path("in").mkdir()
    for index in range(count):
        picture = synthetic_photo((24, 32 + index % 3), seed=index).pixels
        Image.fromarray((picture[0].permute(1, 2, 0) * 255).byte().numpy()).save(
            f"in/{index:03}.png"
        )
    Image.linear_gradient("L").resize((40, 40)).convert("RGB").save("style.png")


# Without a cluster


def test_without_ray_the_extra_is_named(tiny_painter, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError) as found:
        list(paint_on_ray(lambda: tiny_painter, [Job(content="a", output="b")], style="x"))
    assert str(found.value) == (
        "Painting on many machines needs packages that are not installed; "
        'type: python -m pip install "impasto[ray]".'
    )


def test_streams_stay_here(tiny_painter, monkeypatch):
    monkeypatch.setattr(cluster, "_library", lambda: None)
    with pytest.raises(InputError, match="a stream cannot be sent to other machines"):
        list(paint_on_ray(lambda: tiny_painter, [Job(content=STREAM, output="b")], style="x"))


def wishes_of(painter, **changes) -> Wishes:
    fields = {
        "statistics": painter.statistics_of("style.png"),
        "masks": [],
        "config": StylizeConfig(),
        "many": ManyConfig(),
        "pyramid": False,
        "resume": False,
        "digest": painter.painter.digest,
        "key": "",
        "retries": 2,
    }
    return Wishes(**fields | changes)


def share_of(jobs: list[Job]) -> dict[str, list]:
    rows = cluster._rows(dict(enumerate(jobs)))
    return {name: [row[name] for row in rows] for name in ("index", "job")}


def records_of(made: dict[str, list], jobs: list[Job]) -> list[Painted]:
    return [cluster._record_of(text, job) for text, job in zip(made["record"], jobs, strict=True)]


def test_a_worker_paints_its_share_and_says_who_it_is(tiny_painter, folder):
    make_pictures(2)
    Path("in/broken.png").write_text("no picture")
    worker = PaintingWorker(lambda: tiny_painter, wishes_of(tiny_painter), Tally())
    jobs = plan(["in"], output="out")
    made = worker(share_of(jobs))
    assert made["index"] == [0, 1, 2]
    records = records_of(made, jobs)
    assert [record.output for record in records] == [job.output for job in jobs]
    assert isinstance(records[2].error, ImageError)
    assert records[0].worker.endswith(f":{os.getpid()}")
    list(paint_each(tiny_painter, plan(["in/000.png"], output="alone.png"), style="style.png"))
    assert Path("alone.png").read_bytes() == Path("out/000.png").read_bytes()


class DeathError(Exception):
    """Stands for a worker that is killed, in the middle of whatever it does."""


@pytest.fixture
def painted(tiny_painter, monkeypatch) -> list[int]:
    """Widths of what was painted; one of 33 pixels kills the worker."""
    seen, paint = [], tiny_painter.painter.paint

    def mortal(content, *args, **named):
        seen.append(content.shape[-1])
        if content.shape[-1] == 33:
            raise DeathError
        return paint(content, *args, **named)

    monkeypatch.setattr(tiny_painter.painter, "paint", mortal)
    return seen


def test_what_kills_its_worker_is_tried_so_often_and_costs_no_other(tiny_painter, folder, painted):
    make_pictures(4)  # 32, 33, 34 and 32 pixels wide
    tally, jobs = Tally(), plan(["in"], output="out")
    wishes = wishes_of(tiny_painter, retries=2)
    for _ in range(3):  # the share, then the picture alone, twice
        with pytest.raises(DeathError):
            PaintingWorker(lambda: tiny_painter, wishes, tally)(share_of(jobs))
    made = PaintingWorker(lambda: tiny_painter, wishes, tally)(share_of(jobs))
    first, lost, *others = records_of(made, jobs)
    assert str(lost.error) == (
        "in/001.png was not painted: its worker died, and 2 retries did not help; perhaps memory "
        "is short: try fewer --workers, or --max-memory."
    )
    assert [record.error for record in (first, *others)] == [None] * 3
    assert painted.count(33) == 3
    assert painted.count(34) == 1, "what was not reached yet is painted once"
    assert sorted(p.name for p in Path("out").iterdir()) == ["000.png", "002.png", "003.png"]


def test_what_a_dead_worker_finished_is_not_painted_again(tiny_painter, folder, painted):
    make_pictures(4)
    tally, jobs = Tally(), plan(["in/000.png", "in/002.png", "in/003.png"], output="out")
    wishes = wishes_of(tiny_painter)
    before = PaintingWorker(lambda: tiny_painter, wishes, tally)(share_of(jobs))
    del tally.records[2]  # it died before it could tell of the last one
    after = PaintingWorker(lambda: tiny_painter, wishes, tally)(share_of(jobs))
    assert painted == [32, 34, 32, 32]
    digests = [[r.sha256 for r in records_of(made, jobs)] for made in (before, after)]
    assert digests[0] == digests[1]


def test_a_worker_with_other_weights_refuses(tiny_painter, folder):
    make_pictures(1)
    from impasto.errors import WeightsError

    with pytest.raises(WeightsError, match="are others than here; give all machines the same"):
        PaintingWorker(
            lambda: tiny_painter, wishes_of(tiny_painter, digest="0123456789ab"), Tally()
        )


class Cluster:
    """A cluster of two processors and one card, as far as the number of workers needs one."""

    @staticmethod
    def cluster_resources():
        return {"CPU": 2.0, "GPU": 1.0}


@pytest.mark.parametrize(
    ("wishes", "gpus", "workers"),
    [
        ({}, 1.0, 1),
        ({"gpus": 0.0}, 0.0, 2),
        ({"gpus": 0.5}, 0.5, 2),
        ({"gpus": 0.25, "cpus": 0.5}, 0.25, 4),
        ({"gpus": 0.0, "workers": 1}, 0.0, 1),
    ],
)
def test_there_are_as_many_workers_as_there_is_room_for(wishes, gpus, workers):
    ray = RayConfig(**wishes)
    assert cluster._gpus(Cluster, ray) == gpus
    assert cluster._workers(Cluster, ray, gpus, pictures=100) == workers
    assert cluster._workers(Cluster, ray, gpus, pictures=1) == 1


def test_more_workers_than_there_is_room_for_are_refused():
    with pytest.raises(cluster.ResourceError) as found:
        cluster._workers(Cluster, RayConfig(workers=3, gpus=0.0), 0.0, pictures=100)
    assert str(found.value) == (
        "the cluster has 2 processors and 1 graphics cards, which is room for 2 workers of 1 and "
        "0; lower --workers, --cpus or --gpus."
    )


# With one


def begin(weights: Path, *words: str) -> subprocess.Popen:
    command = [sys.executable, "-m", "impasto", "stylize", *words, "--style", "style.png"]
    command += ["--model", str(weights), "--device", "cpu", "--precision", "float32"]
    return subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen) -> str:
    out, err = process.communicate(timeout=LIMIT)
    assert process.returncode == 0, err
    return out


def lines(path: str) -> list[dict]:
    if not Path(path).exists():
        return []
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def names_in(folder: str) -> list[str]:
    """Files, without the hidden ones that a killed process was writing."""
    names = [path.name for path in Path(folder).iterdir()]
    return sorted(name for name in names if not name.startswith("."))


def assert_same_files(one: str, two: str) -> None:
    names = names_in(one)
    assert names == names_in(two)
    differing = [n for n in names if Path(one, n).read_bytes() != Path(two, n).read_bytes()]
    assert not differing


MORTAL = """
import os, signal
import impasto

def load(path):
    painter = impasto.load(path, device="cpu", precision="float32")
    paint = painter.painter.paint
    def mortal(content, *args, **named):
        if content.shape[-1] == 33:
            os.kill(os.getpid(), signal.SIGKILL)
        return paint(content, *args, **named)
    painter.painter.paint = mortal
    return painter

def load_here(path, here):
    return load(path if os.getpid() == here else "none.safetensors")
"""

DRIVER = """
import os, sys
from functools import partial
import ray
from mortal import load, load_here
from impasto.errors import WeightsError
from impasto.inference.cluster import paint_on_ray
from impasto.inference.many_settings import RayConfig
from impasto.inference.plan import plan

ray.init(address="local", include_dashboard=False, log_to_driver=False)
wishes = {"style": "style.png", "ray": RayConfig(workers=2, gpus=0.0, retries=1, share=2)}
for record in paint_on_ray(partial(load, sys.argv[1]), plan(["in"], output="out"), **wishes):
    print("painted", record.output, record.error, sep="|")
try:
    here = partial(load_here, sys.argv[1], os.getpid())
    list(paint_on_ray(here, plan(["in"], output="other"), **wishes))
except WeightsError as error:
    print("refused", error, sep="|")
"""

RAY = ("--engine", "ray", "--workers", "2", "--cpus", "1", "--gpus", "0")


class TestCluster:
    pytestmark = with_ray

    @pytest.mark.timeout(3 * LIMIT)
    def test_200_pictures_two_workers_one_killed(self, folder, tiny_weights):
        make_pictures(200)
        finish(begin(tiny_weights, "in", "-o", "alone"))
        words = [*RAY, "--share", "4", "--manifest", "m.jsonl"]
        process = begin(tiny_weights, "in", "-o", "out", *words)
        while len({line["worker"] for line in lines("m.jsonl")}) < 2:
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        first = lines("m.jsonl")[0]["worker"]
        os.kill(int(first.rpartition(":")[2]), signal.SIGKILL)
        out = finish(process)
        assert out.split() == [f"out/{index:03}.png" for index in range(200)], "in their order"
        assert_same_files("alone", "out")
        found = lines("m.jsonl")
        assert sorted(line["output"] for line in found) == out.split()
        assert not [line for line in found if line["error"]]
        assert len({line["worker"] for line in found}) == 3, "the killed one has a successor"

    @pytest.mark.timeout(3 * LIMIT)
    def test_addresses_bad_pictures_and_going_on(self, folder, tiny_weights):
        make_pictures(5)
        Path("in/broken.png").write_text("no picture")
        place = f"local://{folder}/out"
        process = begin(tiny_weights, f"local://{folder}/in", "-o", place, *RAY)
        out, err = process.communicate(timeout=LIMIT)
        assert process.returncode == 2, err
        assert out.split() == [f"{place}/{index:03}.png" for index in range(5)]
        # Ray's own lines begin with a bracket and a time.
        assert [line for line in err.splitlines() if not line.startswith("[")] == [
            f"impasto: local://{folder}/in/broken.png is text, not a picture.",
            "impasto: 5 painted, 1 not.",
        ]
        Path("in/broken.png").unlink()
        finish(begin(tiny_weights, "in", "-o", "alone"))
        assert_same_files("alone", "out")
        out = finish(begin(tiny_weights, f"local://{folder}/in", "-o", place, "--resume", *RAY))
        assert out == ""

    @pytest.mark.timeout(3 * LIMIT)
    def test_pictures_and_weights_that_workers_cannot_bear(self, folder, tiny_weights):
        make_pictures(4)  # the second is 33 pixels wide
        Path("mortal.py").write_text(MORTAL)
        Path("driver.py").write_text(DRIVER)
        answer = subprocess.run(
            [sys.executable, "driver.py", str(tiny_weights)],
            env=ENVIRONMENT | {"PYTHONPATH": str(folder)},
            capture_output=True,
            text=True,
            timeout=2 * LIMIT,
        )
        assert answer.returncode == 0, answer.stderr
        rows = [line.split("|") for line in answer.stdout.splitlines()]
        painted = [row[1:] for row in rows if row[0] == "painted"]
        assert [output for output, _ in painted] == [f"out/{index:03}.png" for index in range(4)]
        assert [error for _, error in painted] == [
            "None",
            "in/001.png was not painted: its worker died, and 1 retries did not help; perhaps "
            "memory is short: try fewer --workers, or --max-memory.",
            "None",
            "None",
        ]
        (refused,) = [row[1] for row in rows if row[0] == "refused"]
        assert refused.startswith("there is no weight file none.safetensors;")
        assert names_in("out") == ["000.png", "002.png", "003.png"]
