"""Programs of torch.export (.pt2), for torch elsewhere and ahead-of-time compilers."""

import io
import json
import warnings
from collections.abc import Mapping

import torch

from impasto.export.table import run_of
from impasto.export.verify import Run


def bytes_of(program: torch.export.ExportedProgram, metadata: Mapping[str, str]) -> bytes:
    """The file's bytes, with the metadata as its extra file impasto.json."""
    buffer = io.BytesIO()
    extra = {"impasto.json": json.dumps(dict(metadata))}
    with warnings.catch_warnings():
        # Weights that are parts of a larger tensor are noticed; they are read back and compared.
        warnings.simplefilter("ignore", UserWarning)
        torch.export.save(program, buffer, extra_files=extra)
    return buffer.getvalue()


def runner(data: bytes) -> Run:
    """The file read again and run."""
    program = torch.export.load(io.BytesIO(data))
    return run_of(program.module())


def read_metadata(data: bytes) -> dict[str, str]:
    """What ``bytes_of`` put in."""
    extra = {"impasto.json": ""}
    torch.export.load(io.BytesIO(data), extra_files=extra)
    found: dict[str, str] = json.loads(extra["impasto.json"])
    return found
