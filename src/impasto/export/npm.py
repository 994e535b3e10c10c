"""onnxruntime-web from its npm package: one version, known by its digests, never committed.

Reading order: runtime_files (where the package may come from), _fetched, _of_archive, _of_folder.
"""

import base64
import hashlib
import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from impasto.errors import ExportError, InputError
from impasto.images.files import plain_reason

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"

SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""Of the published archive in base64: what the registry calls its integrity."""

FILES = {
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
"""SHA-256 of what the page needs of the package's folder dist: the build for processors."""

PATIENCE = 600
"""Seconds that npm may take: the archive has tens of megabytes."""


def runtime_files(place: str | Path | None = None) -> dict[str, bytes]:
    """The files of onnxruntime-web that the page needs, by name.

    Args:
        place: The package as a .tgz or an unpacked folder; None lets npm fetch it, or take it from
            its own cache.

    Raises:
        InputError: ``place`` is not that package in that version.
        ExportError: There is no npm, or it could not fetch the package.
    """
    if place is None:
        return _of_archive(_fetched(), f"what npm fetched as {PACKAGE}@{VERSION}")
    path = Path(place)
    if path.is_dir():
        return _of_folder(path)
    try:
        return _of_archive(path.read_bytes(), str(path))
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {plain_reason(error)}; give {PACKAGE} {VERSION} as a .tgz or "
            "an unpacked folder."
        ) from error


def _fetched() -> bytes:
    """The archive, by the ordinary client of the registry."""
    npm = shutil.which("npm")
    remedy = "or give the package with --onnxruntime-web FILE.tgz"
    if npm is None:
        raise ExportError(
            f"the page needs {PACKAGE} {VERSION} and there is no npm to fetch it; install Node.js, "
            f"{remedy}."
        )
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(npm, "pack", f"{PACKAGE}@{VERSION}", "--ignore-scripts", "--prefer-offline"),
            *("--fetch-retries", "1", "--fetch-retry-mintimeout", "1000"),
        ]
        try:
            answer = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE
            )
            reason = _reason(answer.stderr) if answer.returncode else ""
        except subprocess.TimeoutExpired:
            reason = f"it took more than {PATIENCE} seconds"
        except OSError as error:
            reason = plain_reason(error)
        archives = sorted(Path(folder).glob("*.tgz"))
        if reason or not archives:
            raise ExportError(
                f"npm could not fetch {PACKAGE} {VERSION} ({reason or 'it left no archive'}); when "
                f"online type the same command again, {remedy}."
            )
        return archives[0].read_bytes()


def _reason(complaint: str) -> str:
    """The code in what npm says, such as ENOTFOUND; the rest are addresses and folders."""
    found = re.search(r"code (E\w+)", complaint)
    return found[1] if found else "it failed"


def _of_archive(data: bytes, origin: str) -> dict[str, bytes]:
    if base64.b64encode(hashlib.sha512(data).digest()).decode() != SHA512:
        raise InputError(
            f"{origin} is not {PACKAGE} {VERSION} as published (SHA-512 differs); type: npm pack "
            f"{PACKAGE}@{VERSION}."
        )
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}")
            assert member is not None  # the digest says what is inside
            found[name] = member.read()
    return found


def _of_folder(folder: Path) -> dict[str, bytes]:
    found = {}
    for name, digest in FILES.items():
        path = folder / "dist" / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"{path} cannot be read: {plain_reason(error)}; give the unpacked package "
                f"{PACKAGE} {VERSION}."
            ) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise InputError(
                f"{path} is not that of {PACKAGE} {VERSION} (SHA-256 differs); type: npm install "
                f"{PACKAGE}@{VERSION}."
            )
        found[name] = data
    return found
