"""What happens behind the buttons: files at full size, news on the way, the command's sentences."""

import numpy as np
import pytest
from PIL import Image

from impasto.cli import main
from impasto.errors import ImageError, ImpastoError, InputError, WeightsError
from impasto.inference.settings import StylizeConfig, VideoConfig
from impasto.studio import desk as desk_file
from impasto.studio import work
from impasto.studio.desk import Desk
from impasto.studio.running import StoppedError

LOOK = StylizeConfig()
TINY = {"min_size": 32, "first_steps": 2, "steps": 1}


def pixels_of(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def paint(desk, flag, *, photo="photo.jpg", styles=("great-wave",), config=LOOK, masks=None):
    return work.paint_photo(desk, photo, styles, config, masks=masks, stop=flag)


# Paint


def test_a_painting_is_the_command_lines_to_the_last_pixel(desk, flag, finish, tiny_painter):
    _, finished = finish(paint(desk, flag))
    expected = tiny_painter.stylize("photo.jpg", "great-wave")
    expected.save("expected.png")
    assert (pixels_of(finished.file) == pixels_of("expected.png")).all()
    assert finished.file.name == "photo-great-wave.png"
    assert finished.caption == "great wave"


def test_before_and_after_have_one_size(desk, flag, finish, monkeypatch):
    monkeypatch.setattr(desk_file, "SHOWN", 40)
    monkeypatch.setattr(desk_file.preview, "__defaults__", (40,))
    _, finished = finish(paint(desk, flag))
    shown, before = pixels_of(finished.shown), pixels_of(finished.before)
    assert shown.shape == before.shape == (27, 40, 3)
    assert pixels_of(finished.file).shape == (64, 96, 3), "the file to download is not reduced"


def test_sixteen_bits_stay_sixteen(desk, flag, finish):
    _, finished = finish(paint(desk, flag, photo="scan.tif"))
    data = finished.file.read_bytes()
    assert data[24] == 16, "the bit depth in a PNG's header"


def test_a_mix_leans_to_the_style_with_the_larger_share(desk, flag, finish):
    both = ("great-wave", "starry-night")
    alone = [pixels_of(finish(paint(desk, flag, styles=(one,)))[1].file) for one in both]
    assert (alone[0] != alone[1]).any()
    for weights, expected in (((1.0, 0.0), alone[0]), ((0.0, 1.0), alone[1])):
        config = StylizeConfig(style_weights=weights)
        _, finished = finish(paint(desk, flag, styles=both, config=config))
        assert (pixels_of(finished.file) == expected).all()
        assert finished.file.name == "photo-great-wave-starry-night.png"


def test_outside_the_mask_the_photograph_stays(desk, flag, finish):
    left = Image.new("L", (96, 64))
    left.paste(255, (0, 0, 48, 64))
    _, finished = finish(paint(desk, flag, masks=[left]))
    Image.open("photo.jpg").save("photo.png")
    difference = abs(pixels_of(finished.file) - pixels_of("photo.png"))
    assert difference[:, 60:].max() <= 1
    assert difference[:, :40].mean() > 1


def test_a_dropped_painting_is_a_style(desk, flag, finish):
    _, finished = finish(paint(desk, flag, styles=("monet.jpg",)))
    assert finished.file.name == "photo-monet.png"


def test_tiles_are_told(desk, flag, finish, monkeypatch):
    monkeypatch.setattr("impasto.studio.running.EVERY", 0.0)
    told = []
    desk.stylizer.stylize(
        "photo.jpg", "great-wave", tile=32, on_tile=lambda done, total: told.append((done, total))
    )
    assert told[-1][0] == told[-1][1] > 1
    assert [done for done, _ in told] == list(range(1, len(told) + 1))
    assert finish(paint(desk, flag, config=StylizeConfig(tile="32")))[1].file.exists()


def test_stop_ends_a_painting_in_tiles(desk, flag, finish):
    flag.set()
    with pytest.raises(StoppedError):
        finish(paint(desk, flag, config=StylizeConfig(tile="32")))


def test_paintings_are_kept_where_asked(desk, flag, finish, tmp_path):
    keeping = Desk(desk.stylizer, folder=desk.folder, keep=tmp_path / "kept", device="cpu")
    for _ in range(2):
        finish(paint(keeping, flag))
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == ["photo-great-wave-2.png", "photo-great-wave.png"]


# Optimise, texture, dream


def test_optimising_shows_steps_and_keeps_the_content_size(desk, flag, finish, monkeypatch):
    news, finished = finish(
        work.optimise(desk, "photo.jpg", "monet.jpg", size=32, stop=flag, **TINY)
    )
    assert pixels_of(finished.file).shape == (21, 32, 3)
    assert finished.caption == "after 2 steps"
    assert all(n.image.shape == (1, 3, 21, 32) for n in news)


def test_stop_keeps_the_picture_so_far(desk, flag, finish):
    wishes = TINY | {"first_steps": 100_000}
    run = work.optimise(desk, "photo.jpg", "monet.jpg", size=32, stop=flag, **wishes)
    first = next(run)
    assert first.words.startswith("step ")
    assert 0 < first.share < 0.5
    flag.set()
    _, finished = finish(run)
    assert pixels_of(finished.file).shape == (21, 32, 3)


def test_a_texture_has_the_shape_that_was_asked_for(desk, flag, finish):
    wishes = {"seamless": True} | TINY
    _, finished = finish(work.make_texture(desk, "monet.jpg", shape=(32, 48), stop=flag, **wishes))
    assert pixels_of(finished.file).shape == (32, 48, 3)
    assert finished.before is None


def test_a_dream_has_the_size_that_was_asked_for(desk, flag, finish):
    _, finished = finish(
        work.dream_of(
            desk, "photo.jpg", guide=None, size=48, stop=flag, network="lite",
            layers=["relu2_1"], octaves=2, steps=1, step_size=0.01,
        )
    )  # fmt: skip
    assert pixels_of(finished.file).shape == (32, 48, 3)
    assert finished.caption == "dream of relu2_1"


def test_networks_that_are_not_here_are_not_fetched(desk, flag, monkeypatch):
    def fetch(*words, **flags):
        raise AssertionError("the page must not fetch")

    monkeypatch.setattr("impasto.weights.store.fetch_weights", fetch)
    with pytest.raises(WeightsError, match="impasto models fetch vgg19"):
        next(work.optimise(desk, "photo.jpg", "monet.jpg", preset="crowson", stop=flag))
    with pytest.raises(WeightsError, match="impasto models fetch vgg16"):
        next(work.make_texture(desk, "monet.jpg", shape=(32, 32), network="vgg16", stop=flag))
    with pytest.raises(WeightsError, match="impasto models fetch googlenet"):
        next(
            work.dream_of(
                desk, "photo.jpg", guide=None, size=48, stop=flag, network="googlenet", layers=["x"]
            )
        )
    assert "lite" in work.networks_at_hand()
    assert "googlenet" not in work.dreamers_at_hand()


# Film


def test_a_film_is_painted_frame_by_frame(desk, flag, finish):
    frames = [Image.new("RGB", (24, 16), (40 * i, 90, 120)) for i in range(3)]
    frames[0].save("clip.gif", save_all=True, append_images=frames[1:], duration=50)
    _, finished = finish(
        work.paint_film(desk, "clip.gif", ["great-wave"], LOOK, VideoConfig(), stop=flag)
    )
    assert finished.file.name == "clip-painted.gif"
    with Image.open(finished.file) as film:
        assert (film.n_frames, film.size) == (3, (24, 16))
    _, sheet = finish(
        work.look_at_frames(desk, "clip.gif", ["great-wave"], LOOK, VideoConfig(), stop=flag)
    )
    assert sheet.file.name == "clip-frames.png"


def test_a_stopped_film_leaves_nothing(desk, flag, finish, gallery):
    Image.new("RGB", (24, 16)).save("clip.gif")
    flag.set()
    with pytest.raises(StoppedError):
        finish(work.paint_film(desk, "clip.gif", ["great-wave"], LOOK, VideoConfig(), stop=flag))
    assert not list(desk.folder.rglob("*.gif"))


# What is refused: the command line's sentences


@pytest.mark.parametrize(
    ("name", "data"),
    [("empty.jpg", b""), ("words.jpg", b"not a picture"), ("paper.png", b"%PDF-1.7 paper")],
)
def test_bad_files_get_the_command_lines_sentence(
    desk, flag, finish, capsys, monkeypatch, name, data
):
    from pathlib import Path

    Path(name).write_bytes(data)
    with pytest.raises(ImageError) as refusal:
        finish(paint(desk, flag, photo=name))
    monkeypatch.setenv("IMPASTO_WEIGHTS", "")
    main(["dream", name, "-o", "x.png"])
    assert capsys.readouterr().err == f"impasto: {refusal.value}\n"


def test_a_truncated_photograph_is_refused(desk, flag, finish):
    from pathlib import Path

    data = Path("photo.jpg").read_bytes()
    Path("cut.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(ImageError, match=r"cut\.jpg"):
        finish(paint(desk, flag, photo="cut.jpg"))


def test_a_bomb_is_refused_before_it_is_unpacked(desk, flag, finish):
    import struct
    import zlib
    from pathlib import Path

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    png = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )
    Path("bomb.png").write_bytes(png + struct.pack(">I", 0) + b"IDAT" + b"\x35\xaf\x06\x1e")
    with pytest.raises(ImpastoError, match="pixels"):
        finish(paint(desk, flag, photo="bomb.png"))


@pytest.mark.parametrize("photo", [None, ""])
def test_without_a_photograph_one_is_asked_for(desk, flag, finish, photo):
    with pytest.raises(InputError, match="a photograph is needed"):
        finish(paint(desk, flag, photo=photo))


def test_an_unknown_style_names_the_nearest(desk, flag, finish):
    with pytest.raises(InputError, match="great-wave"):
        finish(paint(desk, flag, styles=("great-wavy",)))


def test_no_style_says_how_to_get_one(desk, flag, finish):
    with pytest.raises(InputError, match="at least one style is needed"):
        finish(paint(desk, flag, styles=()))


def test_sentences_do_not_show_where_uploads_lie(desk):
    path = desk.uploads / "0a1b2c" / "beach.jpg"
    assert desk.plain(f"{path} is empty\n(0 bytes).") == "beach.jpg is empty (0 bytes)."
