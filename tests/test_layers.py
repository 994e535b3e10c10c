"""An import points to its own layer or down, never up; methods do not know one another."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import PACKAGE, modules, tree_of, where

LAYERS: dict[int, set[str]] = {
    0: {"errors", "checks", "grain", "kinds", "runtime"},
    1: {"fetching", "images", "video", "weights"},
    2: {"features", "losses", "blocks", "discriminators", "metrics"},
    3: {"methods"},
    4: {"training", "inference", "export"},
    5: {"api", ""},  # "" is the package itself, whose names are the API's
    6: {"cli", "service", "studio", "__main__"},
}
LAYER_OF = {room: layer for layer, rooms in LAYERS.items() for room in rooms}

ONLY_IN: dict[str, set[str]] = {
    "lightning": {"training", "cli"},
    "jsonargparse": {"cli"},
    "skimage": {"cli"},
    "av": {"video"},
    "pyvips": {"images", "inference"},
    "onnx": {"export"},
    "onnxruntime": {"export", "inference"},
    "openvino": {"export"},
    "litserve": {"service"},
    "gradio": {"studio"},
    "huggingface_hub": {"weights"},
    "ray": {"inference"},
}
"""Libraries that stay in some rooms, so that painting never needs training's, and so on."""

NAMES = {name for name, _ in modules()}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def imports(module: str, path: Path) -> Iterator[tuple[ast.AST, str]]:
    """What a module imports, as full dotted names, wherever the statement stands."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module if path.name == "__init__.py" else module.rpartition(".")[0]
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, base] if base else parents)
            for alias in node.names:
                deeper = f"{base}.{alias.name}"
                yield node, deeper if deeper in NAMES else base


def test_every_room_has_a_layer():
    unknown = {room_of(name) for name in NAMES} - LAYER_OF.keys()
    assert not unknown, f"give these a layer in {__file__} and docs: {sorted(unknown)}"


def test_no_import_points_up():
    upward = []
    for module, path in modules():
        layer = LAYER_OF.get(room_of(module), 0)
        for node, name in imports(module, path):
            if name.split(".")[0] != "impasto":
                continue
            if LAYER_OF.get(room_of(name), 0) > layer:
                upward.append(f"{where(path, node)} imports {name}")
    assert not upward, "\n".join(upward)


def method_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[2] if parts[:2] == ["impasto", "methods"] and len(parts) > 2 else None


def test_no_method_imports_a_sibling():
    found = []
    for module, path in modules():
        own = method_of(module)
        if own is None:
            continue
        for node, name in imports(module, path):
            other = method_of(name)
            if other not in (None, own, "base"):
                found.append(f"{where(path, node)}: {own} imports {other}")
    assert not found, "\n".join(found)


def test_the_base_of_methods_knows_none_of_them():
    path = PACKAGE / "methods" / "base.py"
    if not path.exists():
        pytest.skip("there is no methods/base.py")
    known = [name for _, name in imports("impasto.methods.base", path) if method_of(name)]
    assert not known


def test_optional_libraries_stay_in_their_rooms():
    found = []
    for module, path in modules():
        for node, name in imports(module, path):
            rooms = ONLY_IN.get(name.split(".")[0])
            if rooms is not None and room_of(module) not in rooms:
                found.append(f"{where(path, node)} imports {name}; it belongs in {sorted(rooms)}")
    assert not found, "\n".join(found)


def test_the_walk_sees_every_form_of_import(tmp_path):
    path = tmp_path / "probe.py"
    path.write_text(
        "import impasto.api\nfrom impasto import cli\nfrom ..cli import main\n"
        "from . import swift\ndef f():\n    from impasto.studio import Page\n"
    )
    found = [name for _, name in imports("impasto.methods.probe", path)]
    swift = "impasto.methods.swift"
    assert found == ["impasto.api", "impasto.cli", "impasto.cli", swift, "impasto.studio"]
