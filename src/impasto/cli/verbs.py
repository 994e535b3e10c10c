"""The verbs, and what their docstrings say; a verb's module is imported when it is asked for."""

import difflib
import importlib
import inspect
from collections.abc import Callable
from typing import Any

from impasto.errors import InputError

GROUPS: dict[str, dict[str, str]] = {
    "Paint": {
        "stylize": "stylize:stylize",
        "video": "video:video",
        "translate": "translate:translate",
        "demo": "demo:demo",
        "studio": "studio:studio",
    },
    "Optimise": {
        "transfer": "transfer:transfer",
        "texture": "transfer:texture",
        "invert": "transfer:invert",
        "layers": "layers:layers",
        "dream": "dream:dream",
    },
    "Styles": {
        "styles list": "styles:list_styles",
        "styles show": "styles:show_style",
        "styles make": "styles:make",
    },
    "Pictures to learn from": {
        "data list": "data:list_datasets",
        "data fetch": "data:fetch_data",
        "data scan": "data:scan_data",
        "data combine": "pairs:combine",
        "data facades": "pairs:facades",
    },
    "Weights and training": {
        "models list": "models:list_models",
        "models show": "models:show_model",
        "models fetch": "models:fetch_model",
        "models verify": "models:verify_models",
        "train": "train:train",
        "export": "export:export",
        "evaluate": "evaluate:evaluate",
    },
    "Serve": {
        "serve": "serve:serve",
        "sagemaker serve": "serve:sagemaker",
    },
    "This machine": {
        "doctor": "doctor:doctor",
    },
}
"""Verb -> module in this folder and function, by the heading in the help."""

VERBS = {verb: home for verbs in GROUPS.values() for verb, home in verbs.items()}


def function_of(verb: str) -> Callable[..., int]:
    """The function behind a verb."""
    module, _, name = VERBS[verb].partition(":")
    function: Callable[..., int] = getattr(importlib.import_module(f"impasto.cli.{module}"), name)
    return function


def split_verb(words: list[str]) -> tuple[str, list[str]]:
    """The verb that words begin with, and the rest.

    Raises:
        InputError: They begin with none; the nearest are named.
    """
    for length in (1, 2):
        if (verb := " ".join(words[:length])) in VERBS and len(words) >= length:
            return verb, words[length:]
    first = words[0]
    under = [verb.split()[1] for verb in VERBS if verb.split()[0] == first]
    if under:
        given = f"; got {words[1]!r}" if len(words) > 1 else ""
        raise InputError(
            f"after {first} comes {', '.join(under)}{given}.{_near(words[1:2], under)}"
        )
    firsts = list(dict.fromkeys(verb.split()[0] for verb in VERBS))
    what = "a flag comes after the verb" if first.startswith("-") else f"there is no verb {first!r}"
    raise InputError(f"{what}; there are {', '.join(firsts)}.{_near([first], firsts)}")


def _near(words: list[str], known: list[str]) -> str:
    near = difflib.get_close_matches(words[0].lower(), known, n=2, cutoff=0.5) if words else []
    return f" Did you mean {' or '.join(near)}?" if near else ""


def summary_of(function: Callable[..., Any]) -> str:
    """The first line of a verb's docstring."""
    return (inspect.getdoc(function) or "").split("\n")[0]


def examples_of(function: Callable[..., Any]) -> list[str]:
    """The commands under "Examples:" of a verb's docstring."""
    _, _, after = (inspect.getdoc(function) or "").partition("\nExamples:\n")
    return [line.strip() for line in after.split("\n\n")[0].splitlines() if line.strip()]


def help_text() -> str:
    """What ``impasto --help`` shows."""
    lines = ["Impasto turns photographs into paintings.", ""]
    width = max(map(len, VERBS)) + 2
    for title, verbs in GROUPS.items():
        lines.append(f"{title}:")
        for verb in verbs:
            lines.append(f"  {verb.ljust(width)}{summary_of(function_of(verb)).rstrip('.')}")
        lines.append("")
    lines += [
        "Each verb has its own --help. Results go to stdout, progress and complaints to stderr.",
        "",
        "examples:",
        "  impasto demo -o demo-output",
        *(f"  {line}" for line in examples_of(function_of("stylize"))[:1]),
        "  impasto styles list",
    ]
    return "\n".join(lines)


def group_help(first: str) -> str:
    """What ``impasto styles --help`` shows."""
    verbs = [verb for verb in VERBS if verb.split()[0] == first]
    width = max(map(len, verbs)) + 2
    lines = [f"  {verb.ljust(width)}{summary_of(function_of(verb))}" for verb in verbs]
    examples = [f"  {examples_of(function_of(verb))[0]}" for verb in verbs[:2]]
    return "\n".join([f"usage: impasto {first} VERB", "", *lines, "", "examples:", *examples])
