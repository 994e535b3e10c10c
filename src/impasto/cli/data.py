"""``impasto data list|fetch|scan``: pictures to learn from."""

import dataclasses

from impasto.cli.output import complain, print_columns, print_json, progress_bar, size_text
from impasto.errors import DataError
from impasto.fetching.http import FetchProgress
from impasto.training.datasets import DatasetReport, dataset_entry, fetch_dataset, known_datasets
from impasto.training.scan import ScanReport, move_faults, scan_folder

_SHOWN = 20
"""Files that are named before the rest is only counted; --json names all."""


def list_datasets(*, json: bool = False) -> int:
    """List the public data sets that can be fetched by name.

    Args:
        json: One JSON document instead of lines, with addresses, digests and terms.

    Returns:
        The exit code.

    Raises:
        DataError: The table cannot be read.

    Examples:
        impasto data list
        impasto data list --json
    """
    entries = known_datasets().values()
    if json:
        print_json([dataclasses.asdict(entry) for entry in entries])
        return 0
    print_columns(
        [
            (
                entry.name,
                entry.kind,
                size_text(entry.size) if entry.size else "?" if entry.urls else "by hand",
                entry.description,
                entry.licence,
            )
            for entry in entries
        ]
    )
    return 0


def fetch_data(
    name: str,
    *,
    folder: str = "data",
    archive: str | None = None,
    connections: int = 4,
    keep_archive: bool = False,
    unverified: bool = False,
    plain_http: bool = False,
    json: bool = False,
) -> int:
    """Fetch a public data set, verify it, and unpack it into FOLDER/NAME.

    Interrupted at any point, the same command goes on where it stopped. Mind the terms of the
    pictures, which impasto data list shows.

    Args:
        name: Of the data set, as in the list.
        folder: Where data sets lie.
        archive: An archive that you have downloaded already.
        connections: How many at once, 1 to 16.
        keep_archive: Keep the archive when it is unpacked.
        unverified: Take an archive whose digest is not the published one.
        plain_http: Take an address without encryption although no digest is published.
        json: One JSON document instead of the folder.

    Returns:
        The exit code: 8 when some files in the archive are damaged; the others are there.

    Raises:
        ImpastoError: No such name, no line, no room on the disk, a wrong archive.

    Examples:
        impasto data fetch coco2017-val
        impasto data fetch horse2zebra --folder pictures --connections 8
    """
    entry = dataset_entry(name)
    with progress_bar(name, in_bytes=True) as show:

        def report(progress: FetchProgress) -> None:
            show(progress.done, progress.total, progress.note)

        made = fetch_dataset(
            name,
            folder,
            archive=archive,
            connections=connections,
            keep_archive=keep_archive,
            unverified=unverified,
            plain_http=plain_http,
            on_progress=report,
        )
    print_json(dataclasses.asdict(made)) if json else print(made.folder)
    if not made.there:
        complain(f"terms of {name}: {entry.licence}.")
    _complain_about(made)
    return DataError.exit_code if made.damaged or made.refused else 0


def _complain_about(made: DatasetReport) -> None:
    if not made.verified and not made.there:
        complain(
            f"nobody published a digest of {made.name}; the SHA-256 of what came is {made.sha256}, "
            "written down beside it for the next time."
        )
    if made.changed:
        complain(f"this archive of {made.name} is not the one that was fetched here before.")
    for what, faults in (("damaged", made.damaged), ("not unpacked", made.refused)):
        for member, reason in list(faults.items())[:_SHOWN]:
            complain(f"{member} is {what}: {reason}.")
        if len(faults) > _SHOWN:
            complain(f"{len(faults) - _SHOWN} more are {what}; {made.folder}/dataset.json has all.")


def scan_data(
    folder: str, *, min_side: int = 64, quarantine: str | None = None, json: bool = False
) -> int:
    """Read every picture of a folder: which are broken, too small, or there twice.

    Nothing is changed unless --quarantine is given.

    Args:
        folder: Searched with its subfolders.
        min_side: Pictures with a shorter side count as small, in pixels.
        quarantine: Move broken and small files into this folder.
        json: One JSON document instead of lines.

    Returns:
        The exit code: 8 when files are broken, even if they were moved.

    Raises:
        InputError: No such folder, or no pictures in it.
        OutputError: Files cannot be moved.

    Examples:
        impasto data scan holiday
        impasto data scan holiday --min-side 256 --json
    """
    with progress_bar(folder) as show:
        report = scan_folder(folder, min_side=min_side, on_progress=show)
    moved = len(move_faults(report, quarantine)) if quarantine is not None else 0
    if json:
        print_json(dataclasses.asdict(report) | {"moved": moved})
    else:
        print_columns([*_figures(report), *([("moved", str(moved))] if moved else [])])
        for what, names in (("broken", report.broken), ("small", report.small)):
            for fault in names[:_SHOWN]:
                complain(f"{fault.path} {fault.reason}.")
            if len(names) > _SHOWN:
                complain(f"{len(names) - _SHOWN} more are {what}; --json names all.")
        for group in report.duplicates[:_SHOWN]:
            complain(f"{' and '.join(group[:4])}{' ...' if group[4:] else ''} are the same.")
    return DataError.exit_code if report.broken else 0


def _figures(report: ScanReport) -> list[tuple[str, str]]:
    rows = [
        ("pictures", f"{report.pictures} in {size_text(report.bytes)}"),
        ("broken", str(len(report.broken))),
        ("small", str(len(report.small))),
        ("duplicates", str(report.spare)),
        ("other files", str(report.others)),
    ]
    if report.smallest and report.largest:
        (low, wide), (tall, broad) = report.smallest, report.largest
        rows.append(("smallest", f"{wide}x{low}"))
        rows.append(("largest", f"{broad}x{tall}"))
        rows.append(("median short side", f"{report.median_side:g}"))
    return rows
