"""Fetching from a server of our own that cuts, corrupts, refuses, ignores and redirects."""

import hashlib
import http.server
import threading
from collections import namedtuple

import pytest

from impasto.errors import InputError, OutputError, ResourceError, WeightsError
from impasto.fetching import http as http_client
from impasto.weights import fetch
from impasto.weights.fetch import FetchSettings, fetch_entry, fetch_weights

CONTENT = bytes(range(256)) * 40
QUICK = FetchSettings(timeout=5, tries=3, pause=0.0, allow_http=True)


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT; ``misdeeds`` are consumed one per request."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.misdeeds, self.asked = [], []
        self.root = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """Cut lines are part of the tests."""


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Range")))
        misdeed = self.server.misdeeds.pop(0) if self.server.misdeeds else None
        if self.path == "/redirect":
            return self.redirect(f"{self.server.root}/vgg.pth")
        if isinstance(misdeed, int):
            return self.send_error(misdeed)
        if isinstance(misdeed, str) and "://" in misdeed:
            return self.redirect(misdeed)
        start = 0
        asked = self.headers.get("Range")
        if asked and misdeed != "ignore range":
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            if start >= len(CONTENT):
                return self.send_error(416)
        body = CONTENT[start:]
        if misdeed == "corrupt":
            body = b"?" * len(body)
        if misdeed == "wrong place":
            start += 1
        self.send_response(206 if asked and misdeed != "ignore range" else 200)
        if asked and misdeed != "ignore range":
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        if misdeed == "huge":
            self.send_header("Content-Length", str(1 << 40))
        elif misdeed not in ("endless", "no length"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if misdeed == "endless":
            while True:
                self.wfile.write(bytes(1 << 18))
        self.wfile.write(body[: len(body) // 2] if misdeed == "cut" else body)
        return None

    def redirect(self, address):
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def entry(house, server):
    return house.add("vgg", CONTENT, file="vgg.pth", urls=(f"{server.root}/vgg.pth",))


def with_urls(house, *urls):
    return house.add("vgg", CONTENT, file="vgg.pth", urls=urls)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fetches_verifies_and_reports(house, entry, monkeypatch):
    monkeypatch.setattr(fetch, "_PIECE", 1000)
    seen = []
    path = fetch_entry(entry, house.cache, on_progress=seen.append, settings=QUICK)
    assert path == house.cache / "vgg.pth"
    assert path.read_bytes() == CONTENT
    assert files(house.cache) == ["vgg.pth"]
    assert seen[0].done == 0
    assert [p.done for p in seen] == sorted({p.done for p in seen})
    assert seen[-1] == fetch.FetchProgress("vgg", len(CONTENT), len(CONTENT))


def test_what_is_there_whole_is_not_fetched_again(house, entry, server):
    for _ in range(2):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert len(server.asked) == 1


def test_damaged_file_in_the_cache_is_replaced(house, entry):
    (house.cache / "vgg.pth").write_bytes(b"damaged")
    assert fetch_entry(entry, house.cache, settings=QUICK).read_bytes() == CONTENT


def test_cut_line_is_resumed_where_it_broke(house, entry, server):
    server.misdeeds = ["cut", "cut", "cut", "cut", "cut"]  # more than the tries: each brought bytes
    assert fetch_entry(entry, house.cache, settings=QUICK).read_bytes() == CONTENT
    half = len(CONTENT) // 2
    ranges = [asked for _, asked in server.asked]
    assert ranges[:3] == [None, f"bytes={half}-", f"bytes={half + half // 2}-"]


def test_part_of_an_earlier_run_is_resumed(house, entry, server):
    (house.cache / "vgg.pth.part").write_bytes(CONTENT[:100])
    seen = []
    fetch_entry(entry, house.cache, on_progress=seen.append, settings=QUICK)
    assert server.asked == [("/vgg.pth", "bytes=100-")]
    assert seen[0].done == 100
    assert files(house.cache) == ["vgg.pth"]


def test_whole_part_of_a_killed_run_needs_no_network(house, entry, server):
    (house.cache / "vgg.pth.part").write_bytes(CONTENT)
    assert fetch_entry(entry, house.cache, settings=QUICK).read_bytes() == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("misdeed", ["ignore range", "wrong place"])
def test_server_that_does_not_resume_is_taken_from_the_beginning(house, entry, server, misdeed):
    (house.cache / "vgg.pth.part").write_bytes(CONTENT[:100])
    server.misdeeds = [misdeed]
    assert fetch_entry(entry, house.cache, settings=QUICK).read_bytes() == CONTENT


@pytest.mark.parametrize("length", [100, len(CONTENT), len(CONTENT) + 5])
def test_part_of_another_file_is_thrown_away_once(house, entry, server, length):
    (house.cache / "vgg.pth.part").write_bytes(b"?" * length)
    assert fetch_entry(entry, house.cache, settings=QUICK).read_bytes() == CONTENT
    assert len(server.asked) == 2


def test_corrupt_file_is_refused_and_leaves_nothing(house, entry, server):
    server.misdeeds = ["corrupt"] * 9
    with pytest.raises(WeightsError, match=r"127\.0\.0\.1: its file is not the published one"):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert files(house.cache) == []
    assert len(server.asked) == 1


def test_server_trouble_is_waited_for(house, entry, server, monkeypatch):
    pauses = []
    monkeypatch.setattr(http_client.time, "sleep", pauses.append)
    server.misdeeds = [503, 429]
    settings = FetchSettings(timeout=5, tries=3, pause=1.0, allow_http=True)
    assert fetch_entry(entry, house.cache, settings=settings).read_bytes() == CONTENT
    assert pauses == [1.0, 2.0]


def test_lasting_trouble_ends(house, entry, server):
    server.misdeeds = [503] * 9
    with pytest.raises(WeightsError, match="it answers 503 Service Unavailable"):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert len(server.asked) == 3


def test_missing_file_is_not_asked_for_again(house, entry, server):
    server.misdeeds = [404]
    with pytest.raises(WeightsError, match="it answers 404 Not Found"):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert len(server.asked) == 1


def test_next_mirror_is_tried(house, server):
    server.misdeeds = [404, "corrupt"]
    urls = [f"{server.root}/{name}" for name in ("first", "second", "third")]
    assert fetch_entry(with_urls(house, *urls), house.cache, settings=QUICK).is_file()
    assert [path for path, _ in server.asked] == ["/first", "/second", "/third"]


def test_redirect_within_the_rules_is_followed(house, server):
    made = with_urls(house, f"{server.root}/redirect")
    assert fetch_entry(made, house.cache, settings=QUICK).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://example.org/x", "data://x,y"]
)
def test_redirect_out_of_the_rules_is_refused(house, entry, server, target):
    server.misdeeds = [target]
    with pytest.raises(WeightsError, match="could not be fetched"):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert files(house.cache) == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "file:///etc/passwd", "ftp://x/y"])
def test_only_https_unless_asked(house, url):
    with pytest.raises(WeightsError, match="address refused, only https is allowed"):
        fetch_entry(with_urls(house, url), house.cache, settings=FetchSettings(pause=0.0))


def test_plain_http_to_other_machines_is_refused_always(house):
    with pytest.raises(WeightsError, match="http address refused"):
        fetch_entry(with_urls(house, "http://example.org/x"), house.cache, settings=QUICK)


@pytest.mark.parametrize("misdeed", ["endless", "huge"])
def test_file_that_is_far_too_large_does_not_fill_the_disk(house, entry, server, misdeed):
    server.misdeeds = [misdeed]
    with pytest.raises(WeightsError, match="bytes"):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert files(house.cache) == []


def test_answer_without_a_length(house, entry, server):
    server.misdeeds = ["no length"]
    assert fetch_entry(entry, house.cache, settings=QUICK).read_bytes() == CONTENT


def test_offline_error_says_everything_once(house, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    entry = with_urls(house, "http://127.0.0.1:9/vgg.pth")  # nobody listens there
    with pytest.raises(WeightsError) as caught:
        fetch_entry(entry, house.cache, settings=QUICK)
    text = str(caught.value)
    assert text.startswith("vgg could not be fetched (127.0.0.1: ")
    assert "when online type: impasto models fetch vgg" in text
    assert f"or put the file at {house.cache / 'vgg.pth'}" in text
    assert text.endswith("; or use --network lite.")
    assert "\n" not in text


def test_painters_are_not_told_to_use_another_judge(house, server):
    entry = house.add("p", CONTENT, kind="painter", urls=(f"{server.root}/x",))
    server.misdeeds = [404]
    with pytest.raises(WeightsError) as caught:
        fetch_entry(entry, house.cache, settings=QUICK)
    assert "--perceptual" not in str(caught.value)


def test_silent_server_times_out(house, server):
    settings = FetchSettings(timeout=0.05, tries=1, pause=0.0, allow_http=True)
    gate = threading.Event()
    server.RequestHandlerClass = type("Silent", (Handler,), {"do_GET": lambda self: gate.wait(5)})
    with pytest.raises(WeightsError, match="timed out"):
        fetch_entry(with_urls(house, f"{server.root}/x"), house.cache, settings=settings)
    gate.set()


def test_small_disk_is_noticed_first(house, entry, server, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(http_client.shutil, "disk_usage", lambda path: usage(10, 9, 1 << 20))
    with pytest.raises(ResourceError, match="1 MiB are free; make room, or set XDG_CACHE_HOME"):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert server.asked == []


def test_cache_that_cannot_be_made(house, entry):
    (house.root / "file").write_bytes(b"")
    with pytest.raises(OutputError, match="cannot be written"):
        fetch_entry(entry, house.root / "file" / "cache", settings=QUICK)


def test_full_disk_during_the_transfer(house, entry, monkeypatch):
    def full(*args, **keywords):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fetch, "open", full, raising=False)
    with pytest.raises(OutputError, match="No space left on device"):
        fetch_entry(entry, house.cache, settings=QUICK)
    assert not (house.cache / "vgg.pth").exists()


def test_interrupted_transfer_leaves_its_part(house, entry, monkeypatch):
    monkeypatch.setattr(fetch, "_PIECE", 1000)

    def stop(progress):
        if progress.done >= 3000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_entry(entry, house.cache, on_progress=stop, settings=QUICK)
    part = house.cache / "vgg.pth.part"
    assert part.read_bytes() == CONTENT[: part.stat().st_size] != b""
    assert fetch_entry(entry, house.cache, settings=QUICK).read_bytes() == CONTENT


def test_another_process_that_was_first_is_no_error(house, entry, server):
    def sneak(progress):
        if progress.done == len(CONTENT):
            (house.cache / "vgg.pth.part").replace(house.cache / "vgg.pth")

    path = fetch_entry(entry, house.cache, on_progress=sneak, settings=QUICK)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == entry.sha256


def test_by_name(house, entry):
    (house.cache / "vgg.pth").write_bytes(CONTENT)
    assert fetch_weights("vgg") == house.cache / "vgg.pth"
    with pytest.raises(InputError, match="Did you mean vgg"):
        fetch_weights("vg")


def test_bundled_weights_have_no_address(house):
    house.add("lite", CONTENT)
    with pytest.raises(WeightsError, match="lite comes with the package and has no address"):
        fetch_weights("lite")
