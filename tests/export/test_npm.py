"""onnxruntime-web is the published package in one version, or one sentence."""

import base64
import hashlib
import io
import re
import stat
import tarfile

import pytest

from impasto.errors import ExportError, InputError
from impasto.export import npm


@pytest.fixture
def archive(monkeypatch) -> bytes:
    """A package with other contents, pinned for the length of a test."""
    buffer, digests = io.BytesIO(), {}
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in (*npm.FILES, "ort.webgpu.min.mjs"):
            info = tarfile.TarInfo(f"package/dist/{name}")
            info.size = len(name)
            tar.addfile(info, io.BytesIO(name.encode()))
            digests[name] = hashlib.sha256(name.encode()).hexdigest()
    data = buffer.getvalue()
    digest = base64.b64encode(hashlib.sha512(data).digest()).decode()
    monkeypatch.setattr(npm, "SHA512", digest)
    monkeypatch.setattr(npm, "FILES", {name: digests[name] for name in npm.FILES})
    return data


def fake_npm(folder, monkeypatch, script: str) -> None:
    """A program npm that does what it is told to, and nothing else on the path."""
    path = folder / "bin" / "npm"
    path.parent.mkdir()
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{path.parent}:/usr/bin:/bin")


def test_the_package_is_pinned_to_one_version_and_its_digests():
    assert re.fullmatch(r"\d+\.\d+\.\d+", npm.VERSION)
    assert len(base64.b64decode(npm.SHA512, validate=True)) == 64
    assert all(re.fullmatch(r"[0-9a-f]{64}", value) for value in npm.FILES.values())


def test_what_is_pinned_is_what_is_published(runtime):
    if isinstance(runtime, str):
        pytest.skip(runtime)
    assert {n: hashlib.sha256(data).hexdigest() for n, data in runtime.items()} == npm.FILES


def test_an_archive_at_hand_gives_what_the_page_needs_and_no_more(archive, tmp_path):
    (tmp_path / "it.tgz").write_bytes(archive)
    assert npm.runtime_files(tmp_path / "it.tgz") == {name: name.encode() for name in npm.FILES}


def test_an_unpacked_package_does_as_well(archive, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path, filter="data")
    assert npm.runtime_files(tmp_path / "package").keys() == npm.FILES.keys()


@pytest.mark.skipif(not hasattr(stat, "S_IEXEC"), reason="a script cannot stand for npm here")
def test_npm_is_asked_for_one_version_and_its_archive_is_checked(archive, tmp_path, monkeypatch):
    (tmp_path / "it.tgz").write_bytes(archive)
    fake_npm(tmp_path, monkeypatch, f'echo "$@" > {tmp_path}/asked; cp {tmp_path}/it.tgz it.tgz')
    assert npm.runtime_files().keys() == npm.FILES.keys()
    assert (tmp_path / "asked").read_text().startswith(f"pack onnxruntime-web@{npm.VERSION} ")


def test_another_archive_is_refused(archive, tmp_path):
    (tmp_path / "it.tgz").write_bytes(archive + b"\0")
    with pytest.raises(InputError, match=r"it\.tgz is not onnxruntime-web .* \(SHA-512 differs\)"):
        npm.runtime_files(tmp_path / "it.tgz")


def test_another_file_in_an_unpacked_package_is_refused(archive, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(tmp_path, filter="data")
    (tmp_path / "package" / "dist" / "ort-wasm-simd-threaded.wasm").write_bytes(b"other")
    with pytest.raises(InputError, match=r"threaded\.wasm is not that of .* \(SHA-256 differs\)"):
        npm.runtime_files(tmp_path / "package")


@pytest.mark.parametrize("place", ["none.tgz", "."])
def test_a_place_without_the_package_is_said(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=rf"cannot be read: .* onnxruntime-web {npm.VERSION}"):
        npm.runtime_files(place)


def test_without_npm_one_sentence_says_what_to_install_or_to_give(monkeypatch):
    monkeypatch.setattr(npm.shutil, "which", lambda name: None)
    with pytest.raises(ExportError, match=r"install Node\.js, or give .* --onnxruntime-web FILE"):
        npm.runtime_files()


def test_offline_one_sentence_names_the_reason_and_no_address(tmp_path, monkeypatch):
    fake_npm(
        tmp_path, monkeypatch,
        'echo "npm error code ENOTFOUND\nnpm error request to https://far.example failed" >&2\n'
        "exit 1",
    )  # fmt: skip
    with pytest.raises(ExportError) as caught:
        npm.runtime_files()
    sentence = str(caught.value)
    assert sentence.startswith(f"npm could not fetch onnxruntime-web {npm.VERSION} (ENOTFOUND);")
    assert "when online type the same command again" in sentence
    assert "far.example" not in sentence


def test_an_npm_that_leaves_nothing_is_said(tmp_path, monkeypatch):
    fake_npm(tmp_path, monkeypatch, "exit 0")
    with pytest.raises(ExportError, match="it left no archive"):
        npm.runtime_files()
