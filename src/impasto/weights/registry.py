"""What weights there are: names, addresses, digests, licences and cards, read from a table.

``registry.toml`` is the table; ``register_bundled`` adds a file of our own to it. This module
imports no torch, so that ``impasto models list`` answers at once.
"""

import dataclasses
import functools
import hashlib
import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from impasto.checks import check_choice
from impasto.errors import InputError, OutputError, WeightsError

Kind = Literal["perceptual", "dream", "painter"]

REGISTRY = Path(__file__).with_name("registry.toml")
BUNDLED = Path(__file__).with_name("bundled")

_HEADER = """\
# Weights by name. A maintainer adds a bundled file, or renews its digest, with
#   python -c "from impasto.weights.registry import register_bundled; register_bundled(...)"
# which rewrites this file; its form is canonical (a test compares it with what would be written).
#
# The torchvision entries: names and addresses are torchvision's; the digests begin with the eight
# digits in the official file names and were found alike in the records of several public projects;
# these files have not been fetched by us yet.
"""


@dataclass(frozen=True, kw_only=True)
class WeightsEntry:
    """One line of the table."""

    name: str
    """What one types: "vgg19", "swift"."""

    kind: Kind
    """What it is for: "perceptual" (judges pictures), "dream", "painter"."""

    file: str
    """File name, in the package, the cache or a folder of the user's."""

    sha256: str
    """64 hexadecimal digits; a bundled or fetched file with another digest is refused."""

    size: int
    """Bytes; where it is not known exactly (googlenet), near enough for a disk check."""

    licence: str
    """Terms of the weights, and of the data they were learned from where that matters."""

    card: str
    """What it is, what it was trained on, what it is good for: one or several paragraphs."""

    urls: tuple[str, ...] = ()
    """Addresses, tried in order; none for weights that come with the package."""

    plan: str = ""
    """Name of the network's shape, such as "vgg19-bn"."""

    layout: str = ""
    """How the file names its tensors, such as "torchvision"."""

    graph: str = ""
    """SHA-256 of NAME.onnx beside the file, by which onnxruntime paints; none has no graph."""

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, get_args(Kind))
        if len(self.sha256) != 64 or set(self.sha256) - set("0123456789abcdef"):
            raise InputError(f"sha256 of {self.name} must be 64 lower-case hexadecimal digits.")
        if not self.file or Path(self.file).name != self.file or "\\" in self.file:
            raise InputError(f"file of {self.name} must be a plain file name; got {self.file!r}.")

    @property
    def description(self) -> str:
        """First sentence of the card."""
        return self.card.split(". ")[0].removesuffix(".") + "."


def read_registry(path: str | Path = REGISTRY) -> dict[str, WeightsEntry]:
    """Read a table of weights.

    Args:
        path: A TOML file: one table per name, with the fields of WeightsEntry.

    Raises:
        WeightsError: The file is missing, no TOML, or lacks a field.
    """
    try:
        with open(path, "rb") as file:
            tables = tomllib.load(file)
        return {
            name: WeightsEntry(name=name, **(table | {"urls": tuple(table.get("urls", ()))}))
            for name, table in tables.items()
        }
    except (OSError, tomllib.TOMLDecodeError, TypeError, AttributeError, InputError) as error:
        raise WeightsError(f"the table of weights {path} cannot be read ({error}).") from error


@functools.cache
def known_weights() -> dict[str, WeightsEntry]:
    """Return the table that comes with the package, in its order, read once."""
    return read_registry(REGISTRY)


def weights_entry(name: str) -> WeightsEntry:
    """Look a name up.

    Raises:
        InputError: Unknown; the message has the names there are and the nearest.
    """
    check_choice("weights", name, known_weights())
    return known_weights()[name]


def write_registry(entries: Mapping[str, WeightsEntry], path: str | Path) -> None:
    """Write a table of weights, whole or not at all; reading it again gives ``entries``.

    Raises:
        OutputError: The place cannot be written.
    """
    text = [_HEADER]
    for name, entry in entries.items():
        text.append(f"\n[{name}]\n")
        for field in dataclasses.fields(entry):
            value = getattr(entry, field.name)
            if field.name == "name" or value in ("", ()):
                continue
            # JSON's strings, whole numbers and arrays of strings are TOML's as well.
            text.append(f"{field.name} = {json.dumps(value, ensure_ascii=False)}\n")
    _write_whole(Path(path), "".join(text).encode())


def register_bundled(
    name: str,
    source: str | Path,
    card: str = "",
    *,
    kind: Kind | None = None,
    licence: str = "",
    plan: str = "",
    layout: str = "",
    registry: str | Path = REGISTRY,
    bundled: str | Path = BUNDLED,
) -> WeightsEntry:
    """Put a file of weights into the package and its digest and size into the table.

    For maintainers. What an existing entry says stays where nothing new is given; running it
    again after training renews file, digest and size.

    Args:
        name: What users will type.
        source: The trained ``.safetensors`` file; it may already lie in the folder.
        card: Text of the card; its first sentence is shown in lists.
        kind: What it is for; a new entry without it is a "painter".
        licence: Terms of the weights; a new entry without them has the package's, Apache-2.0.
        plan: Shape of the network, if it has a name.
        layout: How the file names its tensors.
        registry: The table to rewrite.
        bundled: The folder to put the file into.

    Raises:
        WeightsError: The file or the table cannot be read.
        InputError: There is no card, or the name is no plain name.
        OutputError: The table or the folder cannot be written.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
        raise InputError(f"name must be of small letters, digits and hyphens; got {name!r}.")
    entries = read_registry(registry)
    old = entries.get(name)
    if not (card or old):
        raise InputError(f"{name} is new and needs a card; pass card='What it is. ...'.")
    try:
        content = Path(source).read_bytes()
    except OSError as error:
        raise WeightsError(f"{source} cannot be read ({error}).") from error
    given: dict[str, Any] = {
        key: value
        for key, value in (
            ("kind", kind), ("licence", licence), ("card", card), ("plan", plan), ("layout", layout)
        )
        if value
    }  # fmt: skip
    given |= {
        "file": f"{name}{Path(source).suffix}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
    }
    if old:
        if old.sha256 != given["sha256"]:
            given["graph"] = ""  # it was made for the weights of before
        entry = dataclasses.replace(old, **given)
    else:
        entry = WeightsEntry(name=name, **({"kind": "painter", "licence": "Apache-2.0"} | given))
    _write_whole(Path(bundled) / entry.file, content)
    write_registry(entries | {name: entry}, registry)
    known_weights.cache_clear()
    return entry


def register_graph(name: str, graph: bytes) -> Path:
    """Put the graph of bundled weights beside them and its digest into the table.

    For maintainers.

    Args:
        name: Of the weights.
        graph: See ``impasto.export.quick``.

    Raises:
        InputError: No such weights.
        WeightsError: The table cannot be read.
        OutputError: The table or the folder cannot be written.
    """
    entry = weights_entry(name)
    path = BUNDLED / f"{name}.onnx"
    _write_whole(path, graph)
    digest = hashlib.sha256(graph).hexdigest()
    write_registry(known_weights() | {name: dataclasses.replace(entry, graph=digest)}, REGISTRY)
    known_weights.cache_clear()
    return path


def bundled_graph(name: str) -> Path | None:
    """The graph of bundled weights; None where there is none, or not the one in the table.

    Raises:
        WeightsError: The table or the graph cannot be read.
    """
    entry, path = known_weights().get(name), BUNDLED / f"{name}.onnx"
    whole = entry is not None and path.is_file() and digest_of(path) == entry.graph
    return path if whole else None


def digest_of(path: str | Path) -> str:
    """Compute the SHA-256 of a file, read in pieces: 64 hexadecimal digits.

    Raises:
        WeightsError: The file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error}).") from error


def cache_folder() -> Path:
    """Return the folder of fetched weights, where the platform keeps such things.

    ``impasto/weights`` under ``XDG_CACHE_HOME`` where that variable is set; otherwise under
    ``LOCALAPPDATA`` on Windows, ``~/Library/Caches`` on macOS and ``~/.cache`` elsewhere.
    """
    home = Path.home()
    asked = os.environ.get("XDG_CACHE_HOME", "")
    if Path(asked).is_absolute():  # the specification wants relative ones ignored
        base = Path(asked)
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches"
    else:
        base = home / ".cache"
    return base / "impasto" / "weights"


def _write_whole(path: Path, content: bytes) -> None:
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
        with open(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)  # mkstemp's 0600 would keep it from other users
        os.replace(temporary, path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written ({error}).") from error
