"""The command ``impasto``: a verb, its flags, a result on stdout, an exit code.

Reading order: run, main (errors to exit codes), verbs.py (which verbs), parser.py (flags from a
function), then one file per verb.
"""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from impasto.errors import ImpastoError

INTERRUPTED, BROKEN_PIPE, UNEXPECTED = 130, 141, 70
"""Exit codes that no error class has: what shells give for the two signals, and sysexits' 70."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: The words after ``impasto``; None takes them from the process.

    Returns:
        The exit code: 0, or that of the error's class (see errors.py), 130 when interrupted, 141
        when nobody reads the results, 70 for what should not happen; with IMPASTO_DEBUG=1 in the
        environment such an error is raised, with its traceback.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(words)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        _complain("interrupted; what was finished is kept.")
        return INTERRUPTED
    except BrokenPipeError:
        with contextlib.suppress(OSError, ValueError):
            # Python would flush once more at its end, and complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except SystemExit as stop:  # argparse's way to end after its help
        return stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except MemoryError:
        _complain("the memory is full; give a smaller picture, or close other programs.")
        return 4
    except ImpastoError as error:
        _complain(" ".join(str(error).split()))
        return error.exit_code
    except Exception as error:
        if os.environ.get("IMPASTO_DEBUG") == "1":
            raise
        _complain(_unexpected(error))
        return UNEXPECTED


def run() -> NoReturn:
    """``main`` as the end of a process.

    Where onnxruntime painted, Python does not tidy up first: giving hundreds of megabytes back
    piece by piece takes 0.1 s, and what was to be written is written.
    """
    from impasto.cli import startup

    startup.owned = True
    code = main()
    if "onnxruntime" in sys.modules and "torch" not in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _run(words: list[str]) -> int:
    if words[:1] in (["--version"], ["-V"]):
        import impasto

        print(f"impasto {impasto.__version__}")
        return 0
    from impasto.cli import verbs

    if not words or words[0] in ("--help", "-h", "help"):
        print(verbs.help_text())
        return 0
    if words[1:] in (["--help"], ["-h"], []) and any(
        v.startswith(words[0] + " ") for v in verbs.VERBS
    ):
        print(verbs.group_help(words[0]))
        return 0
    verb, rest = verbs.split_verb(words)
    function = verbs.function_of(verb)
    if verb == "train":
        return function(rest)  # its flags are Lightning's
    from impasto.cli.parser import parse

    return function(**parse(function, verb, rest))


def _unexpected(error: Exception) -> str:
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(":.")
    return (
        f"this should not happen ({text}); please report it with what the same command shows "
        "when IMPASTO_DEBUG=1 stands in front of it."
    )


def _complain(sentence: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens
        print(f"impasto: {sentence}", file=sys.stderr)
