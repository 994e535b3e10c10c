"""Models of the Hugging Face hub: fetched once, then found in its cache."""

import importlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from impasto.errors import MissingExtraError, WeightsError

_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w.-]+)?")


def is_hub_id(model: str) -> bool:
    """Whether a word looks like OWNER/NAME or OWNER/NAME@REVISION; no file is looked at."""
    return bool(_ID.fullmatch(model)) and not model.startswith((".", "/"))


def fetch_from_hub(model: str, names: Sequence[str]) -> Path:
    """The first of several files that a repository holds.

    Args:
        model: OWNER/NAME, or OWNER/NAME@REVISION for a branch, tag or commit.
        names: Files, in the order of preference.

    Raises:
        MissingExtraError: huggingface_hub is not installed.
        WeightsError: There is no such repository, none of the files in it, or no line.
    """
    try:
        hub: Any = importlib.import_module("huggingface_hub")
        faults: Any = importlib.import_module("huggingface_hub.errors")
    except ModuleNotFoundError as error:
        raise MissingExtraError.of(
            "hub", f"There is no file {model}; a model of the hub"
        ) from error
    repository, _, revision = model.partition("@")
    try:
        held = set(hub.list_repo_files(repository, revision=revision or None))
        found = next((name for name in names if name in held), None)
        if found is None:
            raise WeightsError(f"{model} on the hub holds none of {', '.join(names)}.")
        return Path(hub.hf_hub_download(repository, found, revision=revision or None))
    except (faults.HfHubHTTPError, faults.HFValidationError, OSError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise WeightsError(
            f"{model} is no file here and could not be fetched from the hub ({first}); give an "
            "existing path."
        ) from error
