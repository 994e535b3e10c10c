"""Finding weights: a path, a folder of the user's, the package, the cache, the network.

Reading order: find_weights (the order of places), verify_weights, list_weights, load_weights.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from impasto.errors import WeightsError
from impasto.weights import registry
from impasto.weights.fetch import FetchProgress, fetch_weights
from impasto.weights.registry import (
    WeightsEntry,
    cache_folder,
    digest_of,
    known_weights,
    weights_entry,
)

if TYPE_CHECKING:
    from torch import Tensor

Place = Literal["folder", "bundled", "cached", "absent"]

FOLDER_VARIABLE = "IMPASTO_WEIGHTS"
"""Environment variable with a folder of weight files that are used before all others."""

_SUFFIXES = (".safetensors", ".pth", ".pt")


@dataclass(frozen=True)
class WeightsInfo:
    """One known set of weights and where it is."""

    name: str
    kind: str
    place: Place
    """Where: "folder" (the user's, ``IMPASTO_WEIGHTS``), "bundled", "cached" or "absent"."""
    path: Path | None
    """The file that would be used; None when absent."""
    size: int
    """Bytes: of the file there is, else of the one to fetch."""
    licence: str
    description: str


@dataclass(frozen=True)
class Verification:
    """What a file's digest is and what it should be."""

    name: str
    path: Path
    found: str
    """SHA-256 of the file, 64 hexadecimal digits."""
    expected: str

    @property
    def ok(self) -> bool:
        """Whether the file is the published one."""
        return self.found == self.expected


def find_weights(
    name_or_path: str | Path,
    *,
    fetch: bool = True,
    on_progress: Callable[[FetchProgress], None] | None = None,
) -> Path:
    """Find a file of weights; the first of these that has it answers.

    1. A path: anything with a folder or a weight file's suffix in it. A folder, such as that of a
       run of ``impasto train``, stands for the newest ``.safetensors`` file in it.
    2. The folder in the environment variable ``IMPASTO_WEIGHTS``: under the published file name,
       or as ``NAME.safetensors``, ``NAME.pth``. Such a file is the user's word and not compared
       with any digest.
    3. The package itself, then the cache; both must have the registered SHA-256.
    4. Its address: fetched, verified, cached.

    Args:
        name_or_path: "vgg19", "swift", or a path.
        fetch: Whether step 4 is allowed.
        on_progress: Called with the state of a fetch.

    Raises:
        InputError: Unknown name; the message has the nearest.
        WeightsError: The file is missing, damaged, or could not be fetched.
    """
    if _is_path(name_or_path):
        path = Path(name_or_path).expanduser()
        if path.is_dir():
            return _newest_in(path)
        if not path.is_file():
            raise WeightsError(
                f"there is no weight file {path}; give an existing path or a name from: "
                f"{', '.join(known_weights())}."
            )
        return path
    name = str(name_or_path)
    if own := _own_file(name):
        return own
    entry = weights_entry(name)
    damaged: list[Path] = []
    for _, path in _published_files(entry):
        if digest_of(path) == entry.sha256:
            return path
        damaged.append(path)
    if damaged:
        raise WeightsError(f"{damaged[0]} is damaged (its SHA-256 differs); {_remedy(entry)}.")
    if not fetch:
        raise WeightsError(f"{name} is not on this machine; {_remedy(entry)}.")
    return fetch_weights(name, on_progress=on_progress)


def verify_weights(name: str) -> Verification:
    """Compare the digest of the file that ``find_weights`` would use; nothing is fetched.

    Raises:
        InputError: Unknown name.
        WeightsError: There is no such file on this machine, or it cannot be read.
    """
    entry, own = weights_entry(name), _own_file(name)
    paths = [own] if own else [path for _, path in _published_files(entry)]
    if not paths:
        raise WeightsError(f"{name} is not on this machine; {_remedy(entry)}.")
    checks = []
    for path in paths:
        checks.append(Verification(name, path, digest_of(path), entry.sha256))
        if checks[-1].ok:
            return checks[-1]
    return checks[0]


def list_weights() -> list[WeightsInfo]:
    """List all known weights in the table's order, then further files in ``IMPASTO_WEIGHTS``.

    Raises:
        WeightsError: ``IMPASTO_WEIGHTS`` names no folder.
    """
    infos = []
    for entry in known_weights().values():
        place: Place = "absent"
        path: Path | None = None
        if own := _own_file(entry.name):
            place, path = "folder", own
        elif found := next(_published_files(entry), None):
            place, path = found
        size = path.stat().st_size if path else entry.size
        infos.append(
            WeightsInfo(entry.name, entry.kind, place, path, size, entry.licence, entry.description)
        )
    known_paths = {info.path for info in infos}
    folder = _own_folder()
    for path in sorted(folder.iterdir()) if folder else ():
        if path.suffix in _SUFFIXES and path.is_file() and path not in known_paths:
            infos.append(
                WeightsInfo(
                    path.stem, "file", "folder", path, path.stat().st_size,
                    "unknown", f"A file in {FOLDER_VARIABLE}.",
                )
            )  # fmt: skip
    return infos


def load_weights(
    name_or_path: str | Path,
    *,
    fetch: bool = True,
    on_progress: Callable[[FetchProgress], None] | None = None,
) -> tuple[dict[str, "Tensor"], dict[str, str]]:
    """Load tensors and text metadata (empty for ``.pth`` files).

    Args:
        name_or_path: See ``find_weights``.
        fetch: Whether absent weights may be fetched.
        on_progress: Called with the state of a fetch.

    Raises:
        InputError: Unknown name.
        WeightsError: Missing or damaged, not tensors only, or with values that are not finite.
    """
    # Here and not on top: lists and fetches should answer without the seconds of torch's import.
    from impasto.weights.files import check_finite, read_metadata, read_tensors

    path = find_weights(name_or_path, fetch=fetch, on_progress=on_progress)
    tensors = read_tensors(path)
    check_finite(tensors, path)
    metadata = read_metadata(path) if path.suffix.lower() == ".safetensors" else {}
    return tensors, metadata


def _newest_in(folder: Path) -> Path:
    found = [path for path in folder.glob("*.safetensors") if path.is_file()]
    if not found:
        raise WeightsError(
            f"{folder} holds no weights (*.safetensors); a run of impasto train writes them after "
            "its first few hundred steps, or give a file."
        )
    return max(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


def _is_path(name_or_path: str | Path) -> bool:
    if isinstance(name_or_path, Path):
        return True
    separated = "/" in name_or_path or "\\" in name_or_path
    if separated or Path(name_or_path).suffix.lower() in _SUFFIXES:
        return True
    return name_or_path not in known_weights() and Path(name_or_path).is_dir()


def _own_folder() -> Path | None:
    value = os.environ.get(FOLDER_VARIABLE)
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_dir():
        raise WeightsError(
            f"{FOLDER_VARIABLE} is {value}, which is no folder; unset or correct it."
        )
    return folder


def _own_file(name: str) -> Path | None:
    folder = _own_folder()
    if folder is None:
        return None
    published = [known_weights()[name].file] if name in known_weights() else []
    candidates = [folder / file for file in (*published, *(f"{name}{s}" for s in _SUFFIXES))]
    return next((path for path in candidates if path.is_file()), None)


def _published_files(entry: WeightsEntry) -> Iterator[tuple[Place, Path]]:
    places: tuple[tuple[Place, Path], ...] = (
        ("bundled", registry.BUNDLED),
        ("cached", cache_folder()),
    )
    for place, folder in places:
        if (folder / entry.file).is_file():
            yield place, folder / entry.file


def _remedy(entry: WeightsEntry) -> str:
    if entry.urls:
        return f"type: impasto models fetch {entry.name}"
    return "it comes with the package, so type: python -m pip install --force-reinstall impasto"
