"""Which styles there are and what their cards say; lists answer without torch's import."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from safetensors import SafetensorError, safe_open

from impasto.checks import check_choice
from impasto.errors import InputError, WeightsError

BUNDLED = Path(__file__).parent / "bundled" / "styles"


@dataclass(frozen=True, kw_only=True)
class StyleCard:
    """What a style is and where it came from."""

    name: str
    """By which it is called: lower case, words joined by hyphens."""

    title: str = ""
    """Of the picture."""

    painter: str = ""
    """Who painted it."""

    year: str = ""
    """When; "about 1831" is allowed."""

    licence: str = ""
    """Terms of the picture, such as "public domain"."""

    model: str = "swift"
    """The painter (network) that it is for."""

    digest: str = ""
    """Of that network's weights."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", self.name):
            raise InputError(
                f"a style's name has lower-case letters, digits and hyphens; got {self.name!r}."
            )


def card_of(metadata: Mapping[str, str]) -> StyleCard:
    """The card in a style file's metadata; what newer versions may add is passed over.

    Raises:
        InputError: It has no proper name.
    """
    known = {field.name for field in fields(StyleCard)}
    return StyleCard(**{"name": ""} | {k: v for k, v in metadata.items() if k in known})


def read_card(path: str | Path) -> StyleCard:
    """The card of a style file; its vectors are not read.

    Raises:
        WeightsError: It is missing, damaged, or no style.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
        if "widths" not in metadata:
            raise InputError("it holds no statistics")
        return card_of(metadata)
    except (SafetensorError, OSError, InputError) as error:
        raise WeightsError(not_a_style(path, error)) from error


def not_a_style(path: str | Path, error: Exception) -> str:
    """The sentence for a file that should be a style and is none."""
    reason = str(error).rstrip(".")
    return f"{path} is no style file ({reason}); make one with: impasto styles make NAME PICTURE."


def user_styles_folder() -> Path:
    """Where styles that the user makes are kept."""
    if "IMPASTO_STYLES" in os.environ:
        return Path(os.environ["IMPASTO_STYLES"])
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return base / "impasto" / "styles"


def style_paths() -> dict[str, Path]:
    """Every style by name: the bundled ones, then the user's own, which go first on a tie."""
    found: dict[str, Path] = {}
    for folder in (BUNDLED, user_styles_folder()):
        if folder.is_dir():
            found |= {path.stem: path for path in sorted(folder.glob("*.safetensors"))}
    return dict(sorted(found.items()))


def style_file(style: object) -> Path | None:
    """The style file that a name or path means, if it means one; a Path is never a name."""
    if isinstance(style, str) and style in (paths := style_paths()):
        return paths[style]
    if isinstance(style, (str, os.PathLike)) and Path(style).suffix.lower() == ".safetensors":
        return Path(style)
    return None


def find_style(name: str) -> Path:
    """The file of a style.

    Raises:
        InputError: There is none of that name; the nearest are named.
    """
    paths = style_paths()
    if not paths:
        raise InputError(f"there is no style yet; make one: impasto styles make {name} PICTURE.")
    check_choice("style", name, paths)
    return paths[name]
