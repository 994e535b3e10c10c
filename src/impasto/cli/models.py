"""``impasto models list|show|fetch|verify``: the weights there are, and whether they are whole."""

import dataclasses
from typing import Any

from impasto.cli.output import complain, print_columns, print_json, progress_bar, size_text
from impasto.errors import WeightsError
from impasto.weights.fetch import FetchProgress
from impasto.weights.registry import weights_entry
from impasto.weights.store import find_weights, list_weights, verify_weights


def list_models(*, json: bool = False) -> int:
    """List the weights that have a name, and where they are.

    Args:
        json: One JSON document instead of lines.

    Returns:
        The exit code.

    Raises:
        WeightsError: IMPASTO_WEIGHTS names no folder.

    Examples:
        impasto models list
        impasto models list --json
    """
    infos = list_weights()
    if json:
        print_json([dataclasses.asdict(info) for info in infos])
    else:
        print_columns([(i.name, i.kind, i.place, size_text(i.size), i.description) for i in infos])
    return 0


def show_model(name: str, *, json: bool = False) -> int:
    """Show the card of some weights: what they are, their terms, where they come from.

    Args:
        name: Of the weights, as in the list.
        json: One JSON document instead of lines.

    Returns:
        The exit code.

    Raises:
        InputError: There are none of that name.

    Examples:
        impasto models show vgg19
        impasto models show vgg19 --json
    """
    entry = weights_entry(name)
    info = next(info for info in list_weights() if info.name == name)
    document: dict[str, Any] = dataclasses.asdict(entry)
    document |= {"place": info.place, "path": info.path and str(info.path)}
    if json:
        print_json(document)
        return 0
    document |= {"size": size_text(entry.size), "urls": " ".join(entry.urls)}
    print_columns([(key, str(value)) for key, value in document.items() if value])
    return 0


def fetch_model(name: str, *, json: bool = False) -> int:
    """Fetch published weights into the cache, verified, unless they are there.

    A transfer that was cut goes on where it stopped.

    Args:
        name: Of the weights, as in the list.
        json: One JSON document instead of the path.

    Returns:
        The exit code.

    Raises:
        ImpastoError: No such name, no line, no room on the disk.

    Examples:
        impasto models fetch vgg19
        impasto models fetch googlenet --json
    """
    weights_entry(name)
    with progress_bar(name, in_bytes=True) as show:

        def report(progress: FetchProgress) -> None:
            show(progress.done, progress.total)

        path = find_weights(name, on_progress=report)
    print_json({"name": name, "path": str(path)}) if json else print(path)
    return 0


def verify_models(names: list[str] | None = None, *, json: bool = False) -> int:
    """Compare weight files with their published SHA-256.

    Args:
        names: Of weights; without any, all that are on this machine.
        json: One JSON document instead of lines.

    Returns:
        The exit code: 3 when a file is not the published one.

    Raises:
        InputError: There are none of that name.
        WeightsError: They are not on this machine.

    Examples:
        impasto models verify
        impasto models verify --json
    """
    known = [i.name for i in list_weights() if i.place != "absent" and i.kind != "file"]
    checks = [verify_weights(name) for name in names or known]
    if json:
        print_json([dataclasses.asdict(check) | {"ok": check.ok} for check in checks])
    else:
        print_columns([(c.name, "whole" if c.ok else "damaged", str(c.path)) for c in checks])
    for check in checks:
        if not check.ok:
            complain(
                f"{check.path} is not the published file: its SHA-256 begins with "
                f"{check.found[:8]} instead of {check.expected[:8]}; delete it and fetch it again."
            )
    return 0 if all(check.ok for check in checks) else WeightsError.exit_code
