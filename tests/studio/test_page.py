"""The page as Gradio builds it: what is there, what it says, and that it asks nobody else."""

import json
import re
import typing

import pytest

from impasto.inference.settings import StylizeConfig
from impasto.kinds import KeepColor

pytest.importorskip("gradio", reason="the extra studio is not installed", exc_type=ImportError)

from impasto.cli.parser import flags_of
from impasto.errors import InputError
from impasto.studio import words
from impasto.studio.easel import MEMORY_FULL, Easel
from impasto.studio.page import TABS, build, look
from impasto.studio.parts import COLOR_WORDS, hint
from impasto.studio.running import Progress, StoppedError
from impasto.studio.wall import MOST, Wall

pytestmark = [
    pytest.mark.usefixtures("quiet_gradio"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def page(desk):
    return build(desk)


def parts_of(page, kind: str) -> list[dict]:
    return [c for c in page.get_config_file()["components"] if c["type"] == kind]


def by_id(page, name: str) -> dict:
    return next(
        c for c in page.get_config_file()["components"] if c["props"].get("elem_id") == name
    )


def test_there_is_a_tab_for_each_way_to_paint(page):
    assert [tab["props"]["label"] for tab in parts_of(page, "tabitem")] == list(TABS)
    for tab in TABS:
        assert by_id(page, f"{tab.lower()}-run")["props"]["value"]
        assert by_id(page, f"{tab.lower()}-stop")["props"]["visible"] is False


def test_the_gallery_shows_the_painters_and_the_first_is_chosen(page):
    gallery = by_id(page, "paint-painters")["props"]
    assert len(gallery["value"]) == 2
    assert gallery["selected_index"] == 0
    assert "Great-Wave" in by_id(page, "paint-chosen")["props"]["value"]
    assert [value for _, value in by_id(page, "second")["props"]["choices"]] == [
        "", "great-wave", "starry-night",
    ]  # fmt: skip


def test_the_empty_easel_invites(page):
    text = by_id(page, "paint-empty")["props"]["value"]
    assert "Drop a photograph" in text
    assert "<svg" in text


def test_sliders_say_what_the_command_line_says(page):
    strength = by_id(page, "strength")["props"]
    flag = next(flag for flag in flags_of(StylizeConfig) if flag.name == "alpha")
    assert strength["value"] == flag.default == 1.0
    assert flag.help.startswith(strength["info"].rstrip("."))
    assert hint(StylizeConfig, "style_scale").endswith(".")


def test_every_way_to_keep_colours_has_words():
    assert set(COLOR_WORDS) == set(typing.get_args(KeepColor))


def test_no_other_program_can_call_the_buttons(page):
    for dependency in page.get_config_file()["dependencies"]:
        named = dependency.get("api_visibility", "private")
        assert named == "private", dependency.get("api_name")


def test_nothing_on_the_page_is_somewhere_else(page):
    wanted = look()
    shown = [component["props"] for component in page.get_config_file()["components"]]
    text = json.dumps(shown, default=str) + wanted["css"] + wanted["theme"]._get_theme_css()
    assert not set(re.findall(r"https?://[\w.-]+", text)) - {"http://www.w3.org"}
    assert not wanted["theme"]._stylesheets, "fonts are those of the visitor's machine"
    assert page.analytics_enabled is False


def test_words_from_files_are_never_markup():
    evil = '<img src=x onerror="alert(1)">'
    for html in (
        words.refused(evil), words.done(evil), words.chosen(evil), words.footer(evil),
        words.heading(1, evil, evil), words.busy(Progress(words=evil)),
        words.invitation(evil, evil),
    ):  # fmt: skip
        assert "<img" not in html
        assert "&lt;img" in html


def test_progress_is_a_bar_that_machines_can_read():
    assert 'aria-valuenow="42"' in words.busy(Progress(words="x", share=0.424))
    assert "aria-valuenow" not in words.busy(Progress(words="x"))


# The easel: a work becomes updates


@pytest.fixture
def easel(desk):
    import gradio as gr

    with gr.Blocks():
        wall = Wall()
        easel = Easel(desk, wall, "paint", title="Free", text="Drop something")
        wall.place()
    return easel


def test_a_finished_work_is_shown_offered_and_hung(easel, desk, tiny_painter):
    def work(flag):
        yield Progress(words="tile 1 of 2", share=0.5)
        content = tiny_painter.stylize("photo.jpg", "great-wave")
        return desk.hang(content, desk.place("a.jpg", "b", ".png"), before=content, caption="c")

    first, news, last = easel.show(work, [], "me")
    assert "getting ready" in first[easel.status]
    assert first[easel.stop]["visible"] is True
    assert 'aria-valuenow="50"' in news[easel.status]
    assert [str(p).endswith(".jpg") for p in last[easel.result]["value"]] == [True, True]
    assert last[easel.download]["value"].endswith("a-b.png")
    assert last[easel.download]["visible"] is True
    assert last[easel.stop]["visible"] is False
    assert last[easel.wall.hung][0].caption == "c"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (
            InputError("alpha must be at least 0.0; got nan."),
            "alpha must be at least 0.0; got nan.",
        ),
        (MemoryError(), MEMORY_FULL),
        (StoppedError(), "Stopped."),
    ],
)
def test_what_goes_wrong_is_said_and_the_picture_stays(easel, error, sentence):
    def work(flag):
        yield Progress(words="x")
        raise error

    *_, last = easel.show(work, [], "me")
    assert sentence in last[easel.status]
    assert set(last) == {easel.status, easel.stop}


def test_a_work_that_cannot_even_begin_is_answered(easel):
    def work(flag):
        raise InputError("region must be one of inside, outside, split; got 'x'.")

    *_, last = easel.show(work, [], "me")
    assert "region must be one of" in last[easel.status]


def test_stop_is_said_when_there_is_a_picture_all_the_same(easel, desk, tiny_painter):
    def work(flag):
        desk.stops.stop("me", "paint")
        yield Progress(words="x")
        picture = tiny_painter.stylize("photo.jpg", "great-wave")
        return desk.hang(picture, desk.place("a.jpg", "b", ".png"), before=picture)

    *_, last = easel.show(work, [], "me")
    assert "stopped before the end" in last[easel.status]


def test_a_visitor_who_leaves_ends_the_work(easel):
    ended = []

    def work(flag):
        try:
            while True:
                yield Progress(words="x")
        finally:
            ended.append(True)

    updates = easel.show(work, [], "me")
    next(updates), next(updates)
    updates.close()
    assert ended == [True]


def test_the_wall_has_room_for_so_many_and_the_newest_is_first(easel, desk):
    from pathlib import Path

    from impasto.studio.desk import Finished

    old = [Finished(file=Path(f"{i}.png"), shown=Path(f"{i}.jpg")) for i in range(MOST)]
    new = Finished(file=Path("new.png"), shown=Path("new.jpg"))
    updates = easel.wall.hang(new, old)
    assert updates[easel.wall.hung] == [new, *old[:-1]]
