"""``impasto studio``: a page in the browser for everything that this command paints."""

import importlib.util
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from impasto.cli.output import complain
from impasto.cli.startup import quick_start
from impasto.errors import MissingExtraError, OutputError
from impasto.runtime import Precision
from impasto.studio.settings import StudioConfig

if TYPE_CHECKING:
    from impasto.studio.desk import Desk


def studio(
    *,
    settings: StudioConfig,
    model: str = "swift",
    device: str = "auto",
    precision: Precision = "auto",
    output: str | None = None,
) -> int:
    """Open the studio: paint in the browser, with everything on this machine.

    Photographs, paintings and thumbnails stay here: the page loads nothing from elsewhere and
    sends nothing away. Ctrl-C closes the studio. What was uploaded and painted is then deleted,
    but for what you have downloaded and what -o FOLDER keeps.

    Args:
        settings: Where it is, and what it takes.
        model: A painter's name (impasto models list), or the .safetensors file of your own.
        device: auto, cpu, cuda, cuda:1 or mps.
        precision: Numbers to compute with; auto is bfloat16 where that is faster.
        output: A folder that keeps every painting.

    Returns:
        The exit code: 0 when it was closed with Ctrl-C.

    Raises:
        ImpastoError: The extra is not installed, the port is taken, or the model cannot be had.

    Examples:
        impasto studio
        impasto studio --port 8000 --no-browser -o paintings
    """
    if importlib.util.find_spec("gradio") is None:
        raise MissingExtraError.of("studio", "The studio")
    keep = None if output is None else Path(output)
    if keep is not None and keep.exists() and not keep.is_dir():
        raise OutputError(f"{keep} is a file; give a folder that keeps the paintings.")
    from impasto.studio.serve import free_port, opened, settle, workspace

    free_port(settings.host, settings.port)  # said before the seconds of torch
    with workspace() as folder:
        settle(folder)
        desk = _desk(model, device, precision, folder, keep, settings)
        from impasto.studio.page import build, look

        with opened(build(desk), settings, look()) as address:
            print(address, flush=True)
            if settings.is_open:
                complain(
                    f"the studio is open to whoever can reach {settings.host}, without a password; "
                    "leave --host out to keep it on this machine."
                )
            _wait()
    return 0


def _desk(
    model: str,
    device: str,
    precision: str,
    folder: Path,
    keep: Path | None,
    settings: StudioConfig,
) -> "Desk":
    # Imported late: whatever is wrong with the words is said before the seconds of torch.
    with quick_start():
        from impasto.api import load
        from impasto.inference.translate import model_file
        from impasto.studio.desk import Desk
        from impasto.weights.store import find_weights

    # Hub names become files here: the page itself fetches nothing.
    translators = [str(find_weights(model_file(name))) for name in settings.translators]
    stylizer = load(model, device=device, precision=precision)
    return Desk(stylizer, folder=folder, keep=keep, device=device, translators=translators)


def _wait() -> None:
    """Until Ctrl-C, or until the process is asked to end."""
    closed = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda number, frame: closed.set())
    try:
        closed.wait()
    except KeyboardInterrupt:
        complain("the studio is closed.")
    finally:
        signal.signal(signal.SIGTERM, before)
