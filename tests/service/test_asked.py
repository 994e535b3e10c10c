"""What a request may say, and in which words it is refused."""

import base64
import io
import json
import struct
import zlib

import pytest
from PIL import Image
from service_client import Recorder, form, opened, picture


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int = 60_000) -> bytes:
    """A PNG of 60,000 pixels square in a few hundred bytes."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99))


def test_a_form_is_painted(service):
    headers, body = form(
        [("content", picture()), ("style", "great-wave"), ("alpha", "0.5"), ("format", "jpg")]
    )
    answer = service().post(headers=headers, body=body)
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.body == picture()


def test_json_with_base64_is_painted(service):
    content, style = (base64.b64encode(picture(seed=s)).decode() for s in (0, 1))
    document = {
        "content": content, "style": ["great-wave", f"data:image/png;base64,{style}"],
        "style_weights": [2, 1], "keep_color": "luma", "seed": 3,
    }  # fmt: skip
    worker = Recorder()

    answer = service(worker=worker).post(
        headers={"content-type": "application/json"}, body=json.dumps(document).encode()
    )
    assert answer.status == 200, answer.body
    (job,) = worker.jobs
    assert job.styles == ("great-wave", picture(seed=1))
    assert job.config.style_weights == (2.0, 1.0)
    assert (job.config.keep_color, job.config.seed) == ("luma", 3)


@pytest.mark.parametrize(("kind", "format"), [("image/jpeg", "JPEG"), ("image/png", "PNG")])
def test_a_raw_picture_needs_nothing_else_and_comes_back_as_it_came(service, kind, format):
    answer = service().post(
        "/invocations", headers={"content-type": kind}, body=picture((9, 7), format)
    )
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == kind
    assert opened(answer.body).size == (7, 9)


def test_a_query_and_attributes_say_what_a_raw_body_cannot(service):
    worker = Recorder()

    attributes = "c000b4f9-df62;style=starry-night;alpha=0.25;style_weights=2,1,seed=5"
    answer = service(worker=worker).post(
        "/invocations",
        query="alpha=0.75&style=great-wave&style=starry-night&format=webp",
        headers={
            "content-type": "image/png",
            "x-amzn-sagemaker-custom-attributes": attributes,
        },
        body=picture(),
    )
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "image/webp"
    (job,) = worker.jobs
    assert job.styles == ("great-wave", "starry-night")
    assert job.config.alpha == 0.75, "the query goes before the header"
    assert (job.config.seed, job.config.style_weights) == (5, (2.0, 1.0))


def test_the_answer_is_what_accept_asks_for(service):
    raw = {"content-type": "image/png", "accept": "image/webp,*/*;q=0.8"}
    assert service().post(headers=raw, body=picture()).headers["content-type"] == "image/webp"
    raw["accept"] = "application/json"
    document = service().post(headers=raw, body=picture()).json
    assert (document["height"], document["width"]) == (16, 24)
    assert base64.b64decode(document["image"]) == picture()


HOSTILE = {
    "nothing": (b"", 415, "content is empty (0 bytes)"),
    "text": (b"Dear service, please paint.", 415, "is text, not a picture"),
    "page": (b"<!doctype html><p>", 415, "is a web page"),
    "noise": (bytes(range(256)) * 4, 415, "is not a picture"),
    "cut off": (picture(format="JPEG")[:40], 415, "cut off"),
    "bomb": (bomb(), 413, "more than the limit of 25.0 million"),
    "pickle": (b"\x80\x02}q\x00.", 415, "is a pickle"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_picture_is_refused_before_it_is_unpacked(service, name):
    body, status, words = HOSTILE[name]
    answer = service().post(headers={"content-type": "image/png"}, body=body)
    assert answer.status == status
    assert words in answer.error["message"]


REFUSED = [
    ([("style", "great-wave")], 422, "a request needs content"),
    ([("style", "grate-wave")], 422, "Did you mean great-wave?"),
    ([("alpha", "NaN")], 422, "alpha must be at least 0.0 and at most 1.0; got nan"),
    ([("alpha", "much")], 422, "alpha must be a number; got 'much'"),
    ([("alpha", "1"), ("alpha", "0")], 422, "alpha must be given once"),
    ([("seed", "1.5")], 422, "seed must be a whole number; got '1.5'"),
    ([("keep_color", "lume")], 422, "Did you mean luma?"),
    ([("format", "exe")], 422, "format 'exe' is none that can be written"),
    ([("quality", "0")], 422, "quality must be at least 1"),
    ([("colour", "1")], 422, "a part of the form must be one of content, style"),
    ([("tile", "64")], 422, "a part of the form must be one of"),
    ([("max_memory", "900G")], 422, "a part of the form must be one of"),
    ([("style", "great-wave")] * 9, 422, "at most 8 styles in a request; got 9"),
    ([("style", "great-wave")] * 1000, 422, "at most 8 styles"),
    ([("style", b"x")] * 1000, 422, "at most 8 styles"),
    ([("content", "photo.jpg")], 422, "content must be a file of the form"),
    ([("alpha", b"1")], 422, "alpha must be a text of the form; got a file"),
]


@pytest.mark.parametrize(("parts", "status", "words"), REFUSED)
def test_a_form_is_refused_in_one_sentence(service, parts, status, words):
    own = [] if words.startswith(("a request needs", "content must")) else [("content", picture())]
    headers, body = form([*own, *parts])
    answer = service().post(headers=headers, body=body)
    assert answer.status == status, answer.body
    assert words in answer.error["message"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "the body is no JSON"),
        (b"[" * 100_000, "the body is no JSON (too many brackets)"),
        (b"[1]", "the JSON must be an object"),
        (b'{"content": 5}', "content must be a text of base64; got int"),
        (b'{"content": "a*b"}', "content must be a text of base64"),
        (b'{"content": "", "style": {"name": "x"}}', "style must be a text of base64; got dict"),
        (b'{"kontent": ""}', "Did you mean content?"),
        (b'{"content": "AAAA", "alpha": NaN}', "content is not a picture"),
        (b'{"%s": 1}' % (b"x" * 1_000_000), "a name in the JSON must be one of"),
    ],
)
def test_json_is_refused_in_one_sentence(service, body, words):
    answer = service().post(headers={"content-type": "application/json"}, body=body)
    assert answer.status in (415, 422)
    assert words in answer.error["message"]


@pytest.mark.parametrize(
    "alpha", ["NaN", "Infinity", "-1", '"x"', "true", "[1, 2]", "1" + "0" * 400]
)
def test_json_numbers_are_judged_like_typed_ones(service, alpha):
    content = base64.b64encode(picture()).decode()
    body = f'{{"content": "{content}", "alpha": {alpha}}}'.encode()
    answer = service().post(headers={"content-type": "application/json"}, body=body)
    assert answer.status == 422
    assert "alpha must be" in answer.error["message"]
    assert len(answer.error["message"]) < 300


def test_a_picture_where_a_name_is_due_is_refused_shortly(service):
    content = base64.b64encode(picture()).decode()
    for name, words in (("style", "got a text of 1000000 characters"), ("keep_color", "text")):
        document = json.dumps({"content": content, name: "A" * 1_000_000}).encode()
        answer = service().post(headers={"content-type": "application/json"}, body=document)
        assert answer.status == 422
        assert words in answer.error["message"]
        assert len(answer.body) < 500


@pytest.mark.parametrize("kind", ["text/html", "application/x-www-form-urlencoded", "video/mp4"])
def test_other_content_types_are_refused(service, kind):
    answer = service().post(headers={"content-type": kind}, body=b"x")
    assert answer.status == 415
    assert "multipart/form-data, application/json" in answer.error["message"]


@pytest.mark.parametrize(
    "text", ["{file}", "file://{file}", "http://127.0.0.1:9/x.png", "../x.png"]
)
def test_no_path_and_no_address_of_the_client_is_opened(service, tmp_path, text, monkeypatch):
    file = tmp_path / "secret.png"
    file.write_bytes(picture())
    opened_paths = []
    monkeypatch.setattr("impasto.images.io.open_to_read", lambda p: opened_paths.append(p))
    wanted = text.format(file=file)
    headers, body = form([("content", picture()), ("style", wanted)])
    answer = service().post(headers=headers, body=body)
    assert answer.status == 422
    assert "style must be one of great-wave" in answer.error["message"]
    document = json.dumps({"content": wanted, "style": "great-wave"}).encode()
    answer = service().post(headers={"content-type": "application/json"}, body=document)
    assert answer.status == 422
    assert opened_paths == []


def test_a_turned_photograph_is_announced_upright(service):
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (24, 16)).save(file, format="JPEG", exif=exif)
    worker = Recorder()
    service(worker=worker).post(headers={"content-type": "image/jpeg"}, body=file.getvalue())
    assert [job.size for job in worker.jobs] == [(24, 16)]


def test_a_picture_longer_than_its_format_allows_is_refused_with_a_remedy(service):
    answer = service().post(
        query="format=webp", headers={"content-type": "image/png"}, body=picture((1, 16_384))
    )
    assert answer.status == 422
    assert "give format=png or tif" in answer.error["message"]
