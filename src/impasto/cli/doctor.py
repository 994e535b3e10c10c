"""``impasto doctor``: what is installed, what the machine can do, what is missing."""

import importlib.metadata
import importlib.util
import platform
import re
import shutil
from typing import Any

import impasto
from impasto.cli.output import print_json, size_text
from impasto.errors import ImpastoError, WeightsError
from impasto.weights import cards
from impasto.weights.store import list_weights, verify_weights

PURPOSES = {
    "train": "learning weights of your own",
    "demo": "the sample photographs of impasto demo",
    "video": "painting videos",
    "giga": "pictures larger than the memory",
    "export": "ONNX and OpenVINO",
    "serve": "the web service",
    "studio": "the page in the browser",
    "hub": "weights from the Hugging Face hub",
    "ray": "many machines",
    "dev": "working on Impasto itself",
}
"""What each extra of pyproject.toml is for."""

ESSENTIAL = ("torch", "numpy", "Pillow", "safetensors", "jsonargparse", "rich")


def doctor(*, json: bool = False) -> int:
    """Say what this machine can do, what is missing, and how to get it.

    Args:
        json: One JSON document instead of lines.

    Returns:
        The exit code: 0, or 3 when nothing can be painted because something essential is broken.

    Examples:
        impasto doctor
        impasto doctor --json
    """
    problems: list[str] = []
    document = {
        "versions": _versions(),
        "machine": _machine(problems),
        "weights": _weights(problems),
        "styles": _styles(problems),
        "without_torch": _without_torch(),
        "extras": _extras(),
        "problems": problems,
    }
    if json:
        print_json(document)
    else:
        _show(document)
    return WeightsError.exit_code if problems else 0


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {
        "impasto": impasto.__version__,
        "python": platform.python_version(),
    }
    return found | {name: _installed(name) for name in ESSENTIAL}


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _machine(problems: list[str]) -> dict[str, Any]:
    try:
        import torch

        from impasto.runtime import describe_machine, free_memory, pick_device, pick_dtype
    except (ImportError, OSError) as error:  # OSError: a library of torch's does not load
        problems.append(f"torch cannot be imported ({error}); install it again.")
        return {}
    devices = ["cpu"]
    for index in range(torch.cuda.device_count()):
        devices.append(f"cuda:{index} ({torch.cuda.get_device_name(index)})")
    if torch.backends.mps.is_available():
        devices.append("mps")
    device = pick_device()
    machine = describe_machine()
    return {
        "system": machine["system"],
        "processor": machine["processor"],
        "cores": machine["cores"],
        "threads": machine["threads"],
        "fast_bfloat16": machine["fast_bfloat16"],
        "devices": devices,
        "device": str(device),
        "precision": str(pick_dtype("auto", device)).removeprefix("torch."),
        "free_memory": free_memory(),
        "free_disk": shutil.disk_usage(".").free,
    }


def _weights(problems: list[str]) -> list[dict[str, Any]]:
    found = []
    try:
        infos = list_weights()
    except ImpastoError as error:
        problems.append(str(error))
        return []
    for info in infos:
        state: str = info.place if info.place != "absent" else "not fetched"
        if info.place in ("bundled", "cached"):
            whole = verify_weights(info.name).ok
            state += ", whole" if whole else ", damaged"
            if not whole:
                problems.append(f"{info.path} is damaged; see: impasto models verify.")
        path = str(info.path) if info.path else None
        found.append({"name": info.name, "state": state, "path": path, "size": info.size})
    if not any(w["name"] == "swift" and w["path"] for w in found):
        problems.append("the weights of swift are missing; install the package again.")
    return found


def _styles(problems: list[str]) -> dict[str, int]:
    counts = {"bundled": 0, "your own": 0}
    for path in cards.style_paths().values():
        try:
            cards.read_card(path)
        except WeightsError as error:
            problems.append(str(error))
            continue
        counts["bundled" if path.parent == cards.BUNDLED else "your own"] += 1
    return counts


def _without_torch() -> str:
    """Whether one picture can be painted without torch; slower is no problem, so it is not one."""
    bundled = sorted(cards.BUNDLED.glob("*.safetensors"))
    if importlib.util.find_spec("onnxruntime") is None:
        return "no: onnxruntime is not installed"
    if not bundled:
        return "no: there is no bundled style"
    try:
        # Here and not on top: what it imports may be what is broken.
        from impasto.inference.quick import QuickPainter

        QuickPainter(str(bundled[0]))
    except (ImpastoError, ImportError) as error:
        return f"no: {str(error).rstrip('.')}"
    return "yes"


def _extras() -> list[dict[str, Any]]:
    try:
        metadata = importlib.metadata.metadata("impasto")
    except importlib.metadata.PackageNotFoundError:
        return []  # run from a folder that is not installed: what it offers is not known
    extras = []
    for extra in metadata.get_all("Provides-Extra") or []:
        wanted = [
            re.split(r"[\s\[<>=!~;(]", line, maxsplit=1)[0]
            for line in metadata.get_all("Requires-Dist") or []
            if re.search(rf"extra\s*==\s*['\"]{extra}['\"]", line)
        ]
        missing = [name for name in wanted if name != "impasto" and _installed(name) is None]
        extras.append(
            {
                "name": extra,
                "purpose": PURPOSES.get(extra, ""),
                "installed": not missing,
                "missing": missing,
                "command": f'python -m pip install "impasto[{extra}]"',
            }
        )
    return extras


def _show(document: dict[str, Any]) -> None:
    print("Versions")
    for name, version in document["versions"].items():
        print(f"  {name:<14}{version or 'missing'}")
    print("\nMachine")
    for name, value in document["machine"].items():
        if name.startswith("free_"):
            value = size_text(value)
        text = ", ".join(value) if isinstance(value, list) else value
        print(f"  {name.replace('_', ' '):<14}{text}")
    print("\nWeights")
    for weights in document["weights"]:
        print(f"  {weights['name']:<26}{weights['state']} ({size_text(weights['size'])})")
    counts = ", ".join(f"{count} {place}" for place, count in document["styles"].items())
    print(f"\nStyles\n  {counts}")
    print(f"\nOne picture without torch\n  {document['without_torch']}")
    print("\nExtras")
    for extra in document["extras"]:
        how = "installed" if extra["installed"] else extra["command"]
        print(f"  {extra['name']:<14}{extra['purpose']}: {how}")
    print("\nProblems" if document["problems"] else "\nEverything needed to paint is there.")
    for problem in document["problems"]:
        print(f"  {problem}")
