"""What an export has made, and what its files say of themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from impasto.export.settings import ExportConfig
from impasto.export.verify import Difference


@dataclass(frozen=True, kw_only=True)
class Exported:
    """What was written and how it was checked."""

    paths: tuple[Path, ...]
    inputs: tuple[str, ...]
    metadata: dict[str, str]
    differences: dict[str, list[Difference]]
    """By runtime, from torch in float32; half and int8 differ by their loss of quality."""

    left_out: tuple[str, ...]
    """What the graph does not do and the painter does."""


def facts_of(
    config: ExportConfig, names: tuple[str, ...], metadata: Mapping[str, str] | None
) -> dict[str, str]:
    """The metadata that go into a file, empty ones left out.

    Args:
        config: What is wanted.
        names: Of the graph's inputs.
        metadata: Text by name: card, style, licence.
    """
    size = "any" if config.fixed is None else "x".join(map(str, config.fixed))
    precision = "int8" if config.int8 else "float16" if config.half else "float32"
    facts = {"inputs": " ".join(names), "size": size, "precision": precision}
    return {k: v for k, v in (dict(metadata or {}) | facts).items() if v}
