"""The order of places, damage, and what is said when something is not there."""

import pytest
import torch

from impasto.errors import InputError, WeightsError
from impasto.weights import store
from impasto.weights.store import find_weights, list_weights, load_weights, verify_weights


@pytest.fixture
def no_network(monkeypatch):
    def refuse(name, **keywords):
        raise AssertionError(f"{name} would have been fetched")

    monkeypatch.setattr(store, "fetch_weights", refuse)


def test_order_of_places(house, tensor_file, monkeypatch):
    content = tensor_file()
    house.add("lite", content)
    fetched = house.root / "fetched"
    monkeypatch.setattr(store, "fetch_weights", lambda name, on_progress: fetched)

    assert find_weights("lite") == fetched
    (house.cache / "lite.safetensors").write_bytes(content)
    assert find_weights("lite") == house.cache / "lite.safetensors"
    (house.bundled / "lite.safetensors").write_bytes(content)
    assert find_weights("lite") == house.bundled / "lite.safetensors"
    own = house.root / "own"
    own.mkdir()
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(own))
    assert find_weights("lite") == house.bundled / "lite.safetensors"
    (own / "lite.pth").write_bytes(b"the user's own")
    assert find_weights("lite") == own / "lite.pth"
    path = house.root / "a.safetensors"
    path.write_bytes(content)
    assert find_weights(path) == find_weights(str(path)) == path


@pytest.mark.usefixtures("no_network")
def test_own_folder_serves_published_file_names_and_unknown_names(house, monkeypatch):
    house.add("vgg", b"x", file="vgg-0123.pth")
    own = house.root / "own"
    own.mkdir()
    for name in ("vgg-0123.pth", "mine.safetensors"):
        (own / name).write_bytes(b"")
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(own))
    assert find_weights("vgg") == own / "vgg-0123.pth"
    assert find_weights("mine") == own / "mine.safetensors"


@pytest.mark.usefixtures("house")
def test_own_folder_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(tmp_path / "nowhere"))
    with pytest.raises(WeightsError, match=r"IMPASTO_WEIGHTS is .*nowhere, which is no folder"):
        find_weights("lite")


def test_unknown_name_suggests_the_nearest(house):
    house.add("swift", b"x")
    house.add("lite", b"x")
    for ask in (find_weights, verify_weights, load_weights):
        with pytest.raises(InputError, match=r"got 'swfit'. Did you mean swift\?"):
            ask("swfit")


def test_missing_path_lists_the_names(house):
    house.add("swift", b"x")
    with pytest.raises(WeightsError, match=r"no weight file nowhere/x\.pth.*swift"):
        find_weights("nowhere/x.pth")


def test_absent_without_fetching_says_what_to_type(house):
    house.add("vgg", b"x", urls=("https://example.org/vgg",))
    with pytest.raises(WeightsError, match="not on this machine; type: impasto models fetch vgg"):
        find_weights("vgg", fetch=False)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize("place", ["cache", "bundled"])
def test_damaged_file_is_refused_with_what_to_type(house, tensor_file, place):
    content = tensor_file()
    house.add("vgg", content, urls=("https://example.org/vgg",))
    house.add("lite", content)
    for name, remedy in (
        ("vgg", "type: impasto models fetch vgg"),
        ("lite", "python -m pip install --force-reinstall impasto"),
    ):
        path = getattr(house, place) / f"{name}.safetensors"
        path.write_bytes(content[:-1] + b"\x7f")
        with pytest.raises(WeightsError) as caught:
            find_weights(name)
        assert str(caught.value).startswith(f"{path} is damaged (its SHA-256 differs)")
        assert remedy in str(caught.value)
        assert not verify_weights(name).ok


@pytest.mark.usefixtures("no_network")
def test_good_copy_in_the_cache_stands_in_for_a_damaged_bundled_one(house, tensor_file):
    content = tensor_file()
    house.add("lite", content)
    (house.bundled / "lite.safetensors").write_bytes(b"damaged")
    (house.cache / "lite.safetensors").write_bytes(content)
    assert find_weights("lite") == house.cache / "lite.safetensors"
    assert verify_weights("lite").path == house.cache / "lite.safetensors"


def test_verify_gives_both_digests(house, tensor_file):
    entry = house.add("lite", tensor_file())
    with pytest.raises(WeightsError, match="lite is not on this machine"):
        verify_weights("lite")
    (house.bundled / "lite.safetensors").write_bytes(tensor_file())
    check = verify_weights("lite")
    assert check.ok
    assert check.found == check.expected == entry.sha256


def test_list_says_what_is_where(house, tensor_file, monkeypatch):
    content = tensor_file()
    house.add("lite", content)
    house.add("swift", content, kind="painter")
    house.add("vgg", b"123456", urls=("https://example.org/vgg",))
    (house.bundled / "lite.safetensors").write_bytes(content)
    (house.cache / "swift.safetensors").write_bytes(content)
    own = house.root / "own"
    own.mkdir()
    (own / "mine.pth").write_bytes(b"12")
    (own / "notes.txt").write_bytes(b"12")
    monkeypatch.setenv("IMPASTO_WEIGHTS", str(own))
    found = [(info.name, info.kind, info.place, info.size) for info in list_weights()]
    assert found == [
        ("lite", "perceptual", "bundled", len(content)),
        ("swift", "painter", "cached", len(content)),
        ("vgg", "perceptual", "absent", 6),
        ("mine", "file", "folder", 2),
    ]
    assert list_weights()[0].description == "This is lite."
    assert list_weights()[2].path is None


@pytest.mark.usefixtures("no_network")
def test_load_gives_tensors_and_metadata(house, tensor_file):
    content = tensor_file(2.5, card="text")
    house.add("lite", content)
    (house.bundled / "lite.safetensors").write_bytes(content)
    tensors, metadata = load_weights("lite")
    assert tensors["a"].tolist() == [2.5, 2.5, 2.5]
    assert metadata == {"card": "text"}
    torch.save(tensors, house.root / "x.pth")
    tensors, metadata = load_weights(house.root / "x.pth")
    assert (list(tensors), metadata) == (["a"], {})


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_load_refuses_values_that_are_not_finite(house, tensor_file, value):
    path = house.root / "x.safetensors"
    path.write_bytes(tensor_file(value))
    with pytest.raises(WeightsError, match=r"its tensor a has values that are not finite"):
        load_weights(path)
