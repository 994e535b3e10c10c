"""A worker: batches equal singles, styles are remembered, no job harms another."""

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from service_client import opened, picture

from impasto.inference.settings import StylizeConfig
from impasto.service.job import LEFT, Job
from impasto.service.settings import ServeConfig
from impasto.service.shared import Shared


@pytest.fixture
def worker(tiny_weights, tiny_styles, monkeypatch):
    from impasto.service.worker import PaintWorker

    monkeypatch.setenv("IMPASTO_STYLES", str(tiny_styles))
    monkeypatch.setattr("impasto.weights.cards.BUNDLED", tiny_styles / "none")
    settings = ServeConfig(
        model=str(tiny_weights), device="cpu", precision="float32", style_cache=2
    )
    return PaintWorker(settings, Shared(1))


def job(serial: int = 1, **fields: Any) -> Job:
    content = fields.pop("content", picture((32, 40), seed=serial))
    settings = {k: fields.pop(k) for k in list(fields) if hasattr(StylizeConfig, k)}
    given = {"size": (32, 40), "format": "png", "styles": ("great-wave",)} | fields
    return Job(serial=serial, content=content, config=StylizeConfig(**settings), **given)


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(opened(data).convert("RGB")).astype(int)


def test_a_batch_of_many_styles_equals_the_same_pictures_alone(worker):
    jobs = [
        job(1),
        job(2, styles=("starry-night",), keep_color="luma"),
        job(3, styles=(picture((20, 30), seed=9),), format="jpg", quality=100),
        job(4, style_scale=2.0),
    ]
    together = worker.paint(jobs)
    alone = [worker.paint([j])[0] for j in jobs]
    assert [o.together for o in together] == [4] * 4
    assert [o.together for o in alone] == [1] * 4
    for one, other in zip(together, alone, strict=True):
        assert one.status == other.status == 200, one.message
        assert abs(pixels(one.body) - pixels(other.body)).max() <= 2
    assert abs(pixels(together[0].body) - pixels(together[1].body)).max() > 8


def test_a_batch_of_mixes_equals_the_same_mixes_alone(worker):
    both = ("great-wave", "starry-night")
    jobs = [
        job(1, styles=both, style_weights=(3.0, 1.0), alpha=0.5, seed=4),
        job(2, styles=both[::-1], style_weights=(3.0, 1.0), alpha=0.5, seed=4),
    ]
    assert jobs[0].kin == jobs[1].kin
    together = worker.paint(jobs)
    for one, j in zip(together, jobs, strict=True):
        assert abs(pixels(one.body) - pixels(worker.paint([j])[0].body)).max() <= 2


def test_a_job_is_painted_as_the_library_paints_it(worker):
    (outcome,) = worker.paint([job(1, alpha=0.7)])
    painted = worker.stylizer.stylize(picture((32, 40), seed=1), "great-wave", alpha=0.7)
    assert (pixels(outcome.body) == np.asarray(painted.to_pil())).all()
    assert outcome.size == (32, 40)


def test_one_bad_job_harms_no_other(worker):
    damaged = picture((32, 40), seed=5)[:600]
    jobs = [job(1), job(2, content=damaged), job(3, style_scale=9.0), job(4)]
    good, cut, scale, last = worker.paint(jobs)
    assert good.status == last.status == 200
    assert (cut.status, cut.kind) == (415, "ImageError")
    assert "content is damaged or cut off" in cut.message
    assert (scale.status, scale.kind) == (422, "InputError")
    assert "between 0.5 and 2" in scale.message


def test_sizes_that_the_head_of_the_file_did_not_tell_are_sorted_out(worker):
    jobs = [job(1), job(2, content=picture((40, 32)))]
    assert jobs[0].kin == jobs[1].kin
    assert [o.size for o in worker.paint(jobs)] == [(32, 40), (40, 32)]


def test_masks_and_alpha_0_are_painted_alone_and_right(worker):
    mask = io.BytesIO()
    from PIL import Image

    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(mask, format="PNG")
    masked, zero = worker.paint([job(1, masks=(mask.getvalue(),)), job(2, alpha=0.0)])
    assert (pixels(masked.body) == pixels(picture((32, 40), seed=1))).all()
    assert (pixels(zero.body) == pixels(picture((32, 40), seed=2))).all()
    (wrong,) = worker.paint([job(3, masks=(mask.getvalue(),) * 2)])
    assert wrong.status == 422
    assert "one mask per style" in wrong.message


def test_a_style_picture_is_looked_at_once(worker, monkeypatch):
    looked = []
    encode = worker.stylizer.encode_picture
    monkeypatch.setattr(
        worker.stylizer, "encode_picture", lambda p, s: looked.append(s) or encode(p, s)
    )
    style = picture((20, 30), seed=9)
    for serial in (1, 2):
        worker.paint([job(serial, styles=(style,)), job(serial + 9, styles=(style,))])
    assert looked == [1.0]
    worker.paint([job(5, styles=(style,), style_scale=2.0)])
    assert looked == [1.0, 2.0], "another size of strokes is another look"
    worker.paint([job(6, styles=(picture(seed=10),)), job(7, styles=(style,))])
    assert looked == [1.0, 2.0, 1.0, 1.0], "the oldest of two was forgotten"


def test_an_abandoned_job_is_not_painted(worker, monkeypatch):
    painted = []
    paint = worker.stylizer.stylize
    monkeypatch.setattr(
        worker.stylizer, "stylize", lambda *a, **k: painted.append(1) or paint(*a, **k)
    )
    worker.shared.abandon(2)
    gone, kept = worker.paint([job(2), job(3, alpha=0.5)])
    assert (gone.status, kept.status) == (LEFT, 200)
    assert len(painted) == 1


def test_a_large_picture_is_given_up_between_two_tiles(worker, monkeypatch):
    large = job(1, content=picture((96, 160)), size=(96, 160), tile="32")
    looks, check = [], worker._check_wanted

    def looked(work: Any) -> None:
        check(work)
        looks.append(1)
        if len(looks) == 5:  # when it was read, when it was painted, after each of three tiles
            worker.shared.abandon(1)

    monkeypatch.setattr(worker, "_check_wanted", looked)
    (outcome,) = worker.paint([large])
    assert (outcome.status, len(looks)) == (LEFT, 5)
    looks.clear()
    (outcome,) = worker.paint([dataclasses.replace(large, serial=2)])
    assert outcome.status == 200
    assert len(looks) > 20, "there were many more tiles"


def test_large_pictures_get_the_memory_that_is_allowed(worker, monkeypatch):
    from impasto.service import worker as module

    given = []
    monkeypatch.setattr(module, "SMALL", 1000)
    paint = worker.stylizer.stylize
    monkeypatch.setattr(
        worker.stylizer,
        "stylize",
        lambda *a, config, **k: given.append(config.max_memory) or paint(*a, config=config, **k),
    )
    worker.paint([job(1)])
    worker.paint([job(2, content=picture((16, 16)), size=(16, 16))])
    assert given == ["1G", None]


def test_the_default_style_is_there_or_named_as_missing(worker, monkeypatch):
    from impasto.errors import InputError
    from impasto.service.worker import default_style

    assert default_style(worker.settings) == "great-wave", "the first, for want of the favourite"
    assert worker.paint([job(1, styles=())])[0].body == worker.paint([job(1)])[0].body
    settings = dataclasses.replace(worker.settings, default_style="grate-wave")
    with pytest.raises(InputError, match="Did you mean great-wave"):
        default_style(settings)


def test_about_names_the_painter_and_not_its_folder(worker):
    about = worker.about()
    assert about["name"] == "swift.safetensors"
    assert (about["device"], about["precision"]) == ("cpu", "float32")
