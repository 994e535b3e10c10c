"""A registry, a package folder and a cache of a test's own."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from impasto.weights import registry
from impasto.weights.files import write_tensors
from impasto.weights.registry import WeightsEntry, write_registry


@dataclasses.dataclass
class House:
    """Where things lie in this test."""

    root: Path
    entries: dict[str, WeightsEntry] = dataclasses.field(default_factory=dict)

    @property
    def bundled(self) -> Path:
        return self.root / "bundled"

    @property
    def cache(self) -> Path:
        return self.root / "cache" / "impasto" / "weights"

    def add(self, name: str, content: bytes, **fields: object) -> WeightsEntry:
        """Enter a file that has this content into the registry; it lies nowhere yet."""
        entry = WeightsEntry(
            **{
                "name": name,
                "kind": "perceptual",
                "file": f"{name}.safetensors",
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "licence": "Apache-2.0",
                "card": f"This is {name}. It is small.",
            }
            | fields
        )
        self.entries[name] = entry
        write_registry(self.entries, self.root / "registry.toml")
        registry.known_weights.cache_clear()
        return entry


@pytest.fixture
def house(tmp_path, monkeypatch):
    made = House(tmp_path)
    write_registry({}, tmp_path / "registry.toml")
    for folder in (made.bundled, made.cache):
        folder.mkdir(parents=True)
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "registry.toml")
    monkeypatch.setattr(registry, "BUNDLED", made.bundled)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("IMPASTO_WEIGHTS", raising=False)
    registry.known_weights.cache_clear()
    yield made
    registry.known_weights.cache_clear()


@pytest.fixture
def tensor_file(tmp_path) -> Callable[..., bytes]:
    """Bytes of a safetensors file with one tensor ``a`` of that value."""

    def make(value: float = 1.0, **metadata: str) -> bytes:
        path = tmp_path / "made.safetensors"
        write_tensors(path, {"a": torch.full((3,), value)}, metadata)
        content = path.read_bytes()
        path.unlink()
        return content

    return make
