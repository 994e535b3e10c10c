"""The table of weights: ours is sound, and additions are written back canonically."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from impasto.errors import InputError, OutputError, WeightsError
from impasto.weights import registry
from impasto.weights.registry import (
    BUNDLED,
    REGISTRY,
    cache_folder,
    digest_of,
    known_weights,
    read_registry,
    register_bundled,
    weights_entry,
    write_registry,
)

OFFICIAL = {
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg16-bn": "vgg16_bn-6c64b313.pth",
    "vgg19-bn": "vgg19_bn-c79401a0.pth",
    "googlenet": "googlenet-1378be20.pth",
    "inception-v3": "inception_v3_google-0cc3c7bd.pth",
}


@pytest.mark.parametrize(("name", "file"), OFFICIAL.items())
def test_official_files_carry_the_head_of_their_digest_in_the_name(name, file):
    entry = weights_entry(name)
    assert entry.urls == (f"https://download.pytorch.org/models/{file}",)
    assert entry.file == file
    head = re.search(r"-([0-9a-f]{8})\.pth$", file)
    assert head is not None
    assert entry.sha256.startswith(head[1])


def test_every_entry_is_complete():
    for name, entry in known_weights().items():
        assert entry.card, name
        assert entry.licence, name
        assert entry.size > 0, name
        assert all(url.startswith("https://") for url in entry.urls), name
        assert entry.urls or (BUNDLED / entry.file).is_file(), name


def test_every_bundled_file_is_registered_and_whole():
    by_file = {entry.file: entry for entry in known_weights().values()}
    for path in BUNDLED.glob("*.safetensors"):
        assert digest_of(path) == by_file[path.name].sha256, path.name
        assert path.stat().st_size == by_file[path.name].size, path.name


def test_the_table_is_in_its_canonical_form(tmp_path):
    write_registry(read_registry(), tmp_path / "again.toml")
    assert (tmp_path / "again.toml").read_text() == REGISTRY.read_text()


def test_the_table_is_read_without_torch():
    script = (
        "import sys, impasto.weights.store as s; s.list_weights(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(InputError, match=r"got 'vgg91'. Did you mean .*vgg19"):
        weights_entry("vgg91")


def test_description_is_the_first_sentence(house):
    assert house.add("x", b"1", card="A net. Of holes.").description == "A net."
    assert house.add("y", b"1", card="A net.").description == "A net."


def test_register_bundled_adds_and_renews(house, tensor_file):
    house.add("old", b"unrelated")
    source = house.root / "trained.safetensors"
    source.write_bytes(tensor_file(1.0))
    places = {"registry": registry.REGISTRY, "bundled": house.bundled}
    card = 'Painter "swift". Learned from \\ pictures.\nSecond paragraph.'
    register_bundled("swift", source, card, plan="swift-a", **places)
    first = weights_entry("swift")
    assert (first.kind, first.licence, first.plan) == ("painter", "Apache-2.0", "swift-a")
    assert first.card == card
    assert first.sha256 == digest_of(house.bundled / "swift.safetensors")

    with_graph = dataclasses.replace(first, graph="0" * 64)
    write_registry(known_weights() | {"swift": with_graph}, places["registry"])
    register_bundled("swift", source, **places)
    assert weights_entry("swift").graph == "0" * 64, "the same weights keep their graph"
    source.write_bytes(tensor_file(2.0, note="longer"))
    register_bundled("swift", source, kind="perceptual", **places)
    renewed = weights_entry("swift")
    assert renewed.graph == "", "others have none yet"
    assert renewed.sha256 == digest_of(source) != first.sha256
    assert renewed.size == source.stat().st_size != first.size
    assert (renewed.card, renewed.plan, renewed.kind) == (card, "swift-a", "perceptual")
    assert list(known_weights()) == ["old", "swift"]


def test_register_bundled_takes_a_file_that_lies_there_already(house, tensor_file):
    path = house.bundled / "lite.safetensors"
    path.write_bytes(tensor_file())
    register_bundled(
        "lite", path, "Lite.", kind="perceptual", registry=registry.REGISTRY, bundled=house.bundled
    )
    assert digest_of(path) == weights_entry("lite").sha256


def test_register_bundled_refuses(house, tensor_file):
    places = {"registry": registry.REGISTRY, "bundled": house.bundled}
    source = house.root / "x.safetensors"
    with pytest.raises(WeightsError, match="cannot be read"):
        register_bundled("x", source, "Card.", **places)
    source.write_bytes(tensor_file())
    with pytest.raises(InputError, match="x is new and needs a card"):
        register_bundled("x", source, **places)
    with pytest.raises(InputError, match="small letters, digits and hyphens"):
        register_bundled("../x", source, "Card.", **places)
    assert known_weights() == {}
    assert list(house.bundled.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "no toml [",
        "[x]\nkind = 'perceptual'\n",
        "x = 3\n",
        "[x]\nkind='nonsense'\nfile='a'\nsha256='0'\nsize=1\nlicence=''\ncard=''\n",
        f"[x]\nkind='dream'\nfile='../a'\nsha256='{'0' * 64}'\nsize=1\nlicence=''\ncard=''\n",
        "[x]\nkind='dream'\nfile='a'\nsha256='0'\nsize=1\nlicence=''\ncard=''\n",
    ],
)
def test_bad_table_is_one_sentence(tmp_path, text):
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(WeightsError, match=r"the table of weights .*bad\.toml cannot be read"):
        read_registry(tmp_path / "bad.toml")


def test_table_that_cannot_be_written(tmp_path):
    (tmp_path / "registry.toml").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_registry({}, tmp_path / "registry.toml")
    assert [path.name for path in tmp_path.iterdir()] == ["registry.toml"]


def test_cache_lies_where_the_platform_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    for platform, expected in (
        ("linux", tmp_path / ".cache"),
        ("darwin", tmp_path / "Library" / "Caches"),
        ("win32", tmp_path / "Local"),
    ):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache_folder() == expected / "impasto" / "weights"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "impasto" / "weights"
