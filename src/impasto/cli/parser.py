"""Flags from a function: its signature gives names, types and defaults, its docstring the help.

A verb is a function. Its positional parameters are what is typed without a flag, its keyword
parameters are flags in dashed form, and a parameter whose type is a dataclass stands for one flag
per field, explained by the string below the field. With ``Given[A]`` the function gets only those
fields of the dataclass A that were typed, as a dictionary: for settings whose defaults are a
preset's. The lines under "Examples:" end the help.

Reading order: parse, VerbParser, explain.
"""

import argparse
import dataclasses
import difflib
import inspect
import re
import shutil
import textwrap
import types
import typing
from collections.abc import Callable, Sequence
from typing import Any, Generic, Literal, TypeVar, Union

import docstring_parser
import jsonargparse

from impasto.checks import check_choice
from impasto.cli.verbs import examples_of
from impasto.errors import InputError

SHORT = {"output": "-o", "style": "-s"}
"""Flags so frequent that they have a letter."""

Settings = TypeVar("Settings")


class Given(dict[str, Any], Generic[Settings]):
    """Fields of a dataclass that were typed, by name."""


_KINDS = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}


@dataclasses.dataclass(frozen=True)
class Flag:
    """One thing that can be typed after a verb."""

    name: str
    """As in Python, with underscores."""

    kind: Any
    """Type of one value."""

    many: bool
    """Whether several values follow."""

    optional: bool
    default: Any
    help: str

    @property
    def typed(self) -> str:
        """The flag as typed: --keep-color."""
        return "--" + self.name.replace("_", "-")


def parse(function: Callable[..., Any], verb: str, arguments: Sequence[str]) -> dict[str, Any]:
    """What to call a verb's function with.

    Args:
        function: See the top of this file.
        verb: Its words, such as "styles make".
        arguments: What was typed after them.

    Returns:
        Keyword arguments for ``function``.

    Raises:
        InputError: One sentence on what was typed wrongly.
        SystemExit: Help was asked for and printed.
    """
    parser = VerbParser(function, verb)
    try:
        found = vars(parser.parser.parse_args(dashed(arguments)))
    except (argparse.ArgumentError, argparse.ArgumentTypeError) as error:
        raise InputError(parser.explain(str(error))) from error
    return parser.assemble(found)


def dashed(arguments: Sequence[str]) -> list[str]:
    """Flags typed with underscores, as Python has them, are taken, too."""

    def flag(word: str) -> str:
        name, equals, value = word.partition("=")
        return name.replace("_", "-") + equals + value if word.startswith("--") else word

    end = list(arguments).index("--") if "--" in arguments else len(arguments)
    return [*map(flag, arguments[:end]), *arguments[end:]]


class VerbParser:
    """The parser of one verb.

    Args:
        function: The verb.
        verb: Its words.
    """

    def __init__(self, function: Callable[..., Any], verb: str) -> None:
        self.verb, self.function = verb, function
        document = docstring_parser.parse(inspect.getdoc(function) or "")
        helps = {p.arg_name: _one_line(p.description) for p in document.params}
        description = document.description or ""
        self.parser = jsonargparse.ArgumentParser(
            prog=f"impasto {verb}",
            description=_filled(description.split("\n\nExamples:")[0]),
            epilog="\n".join(["examples:", *(f"  {line}" for line in examples_of(function))]),
            formatter_class=_HelpFormatter,
            exit_on_error=False,
            allow_abbrev=False,
            default_env=False,
        )
        self.flags: dict[str, Flag] = {}
        self.positionals: list[str] = []
        self.settings: dict[str, type[Any]] = {}
        self.partial: set[str] = set()
        for parameter in inspect.signature(function, eval_str=True).parameters.values():
            self._add(parameter, helps.get(parameter.name, ""))

    def _add(self, parameter: inspect.Parameter, text: str) -> None:
        kind = parameter.annotation
        if partial := typing.get_origin(kind) is Given:
            (kind,) = typing.get_args(kind)
            self.partial.add(parameter.name)
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            self.settings[parameter.name] = kind
            for flag in flags_of(kind):
                # Without a default in the help: it is the preset's.
                self._add_flag(dataclasses.replace(flag, default=None) if partial else flag)
            return
        flag = _flag(parameter.name, parameter.annotation, parameter.default, text)
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY:
            self._add_flag(flag)
            return
        self.flags[flag.name] = flag
        self.positionals.append(flag.name)
        metavar = flag.name.rstrip("s").upper() if flag.many else flag.name.upper()
        nargs = ("*" if flag.optional else "+") if flag.many else "?" if flag.optional else None
        options: dict[str, Any] = {"nargs": nargs} if nargs else {}
        if flag.optional:
            options["default"] = flag.default
        self.parser.add_argument(
            flag.name, type=flag.kind, help=flag.help, metavar=metavar, **options
        )

    def _add_flag(self, flag: Flag) -> None:
        self.flags[flag.name] = flag
        names = [*([SHORT[flag.name]] if flag.name in SHORT else []), flag.typed]
        if flag.kind is bool:
            self._add_switch(names, flag)
            return
        options: dict[str, Any] = {} if flag.optional else {"required": True}
        if flag.many:
            options["nargs"] = "+"
        if typing.get_origin(flag.kind) is not Literal:
            options["metavar"] = flag.name.rpartition("_")[2].upper()
        default = list(flag.default) if isinstance(flag.default, tuple) else flag.default
        self.parser.add_argument(*names, type=flag.kind, default=default, help=flag.help, **options)

    def _add_switch(self, names: list[str], flag: Flag) -> None:
        if flag.default is False:
            self.parser.add_argument(*names, action="store_true", help=flag.help)
            return
        no = "--no-" + names[-1].removeprefix("--")  # what is on can be turned off
        either = self.parser.add_mutually_exclusive_group()
        for name, value in ((names[-1], True), (no, False)):
            either.add_argument(
                name,
                dest=flag.name,
                action="store_const",
                const=value,
                default=flag.default,
                help=flag.help if value else argparse.SUPPRESS,
            )

    def assemble(self, found: dict[str, Any]) -> dict[str, Any]:
        """Typed values as the function's arguments, the dataclasses among them built.

        Raises:
            InputError: A dataclass refuses a value.
        """
        values = {name: found[name] for name in self.flags}
        for name, kind in self.settings.items():
            fields = {flag.name: values.pop(flag.name) for flag in flags_of(kind)}
            fields = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
            if name in self.partial:
                values[name] = Given({k: v for k, v in fields.items() if v is not None})
            else:
                values[name] = kind(**fields)
        return values

    def explain(self, message: str) -> str:
        """One sentence of ours for a parser's message."""
        if found := re.match(r'Parser key "(\w+)".*Got value: (.*)$', message, re.S):
            flag, value = self.flags[found[1]], found[2].strip().strip("'\"")
            typed = flag.name if flag.name in self.positionals else flag.typed
            if typing.get_origin(flag.kind) is Literal:
                try:
                    check_choice(typed, value, typing.get_args(flag.kind))
                except InputError as error:
                    return str(error)
            return f"{typed} must be {_KINDS.get(flag.kind, 'another value')}; got {value!r}."
        if found := re.search(r"unrecognized arguments: (\S+)", message, re.I):
            return self._unknown(found[1])
        if found := re.match(r"argument (\S+): expected", message):
            name = found[1].split("/")[-1]
            return f"{name} needs a value after it; see: impasto {self.verb} --help."
        if found := re.search(r"required: (.*)", message):
            return self._missing([name.strip().lstrip("-") for name in found[1].split(",")])
        return _one_line(message).rstrip(".") + f"; see: impasto {self.verb} --help."

    def _unknown(self, word: str) -> str:
        if not word.startswith("-"):
            return f"{word!r} is one word too many; see: impasto {self.verb} --help."
        typed = [f.typed for f in self.flags.values() if f.name not in self.positionals]
        near = difflib.get_close_matches(word.partition("=")[0], typed, n=2, cutoff=0.6)
        hint = f"did you mean {' or '.join(near)}?" if near else f"see: impasto {self.verb} --help."
        return f"impasto {self.verb} has no flag {word}; {hint}"

    def _missing(self, names: Sequence[str]) -> str:
        parts = [n.split("/")[-1].lstrip("-").replace("-", "_") for n in names]
        shown = [self._shown(self.flags[p]) for p in parts if p in self.flags]
        text = f"impasto {self.verb} needs {' and '.join(shown or names)}"
        if set(parts) & set(self.positionals) and any(f.many for f in self.flags.values()):
            # A flag that takes several values has perhaps swallowed it.
            return f"{text}, before all flags: {examples_of(self.function)[0]}."
        return f"{text}: {examples_of(self.function)[0]}."

    def _shown(self, flag: Flag) -> str:
        if flag.name in self.positionals:
            return flag.name.rstrip("s").upper() if flag.many else flag.name.upper()
        return flag.typed


def flags_of(kind: type[Any]) -> list[Flag]:
    """One flag per field of a dataclass, explained by the string below the field."""
    document = docstring_parser.parse_from_object(kind)
    helps = {p.arg_name: _one_line(p.description) for p in document.params}
    hints = typing.get_type_hints(kind)
    flags = []
    for field in dataclasses.fields(kind):
        missing = field.default is dataclasses.MISSING
        default = inspect.Parameter.empty if missing else field.default
        flags.append(_flag(field.name, hints[field.name], default, helps.get(field.name, "")))
    return flags


def _flag(name: str, hint: Any, default: Any, text: str) -> Flag:
    kind, many = hint, False
    if typing.get_origin(kind) in (Union, types.UnionType):
        kind = next(part for part in typing.get_args(kind) if part is not type(None))
    if typing.get_origin(kind) in (list, tuple):
        kind, many = typing.get_args(kind)[0], True
    optional = default is not inspect.Parameter.empty
    return Flag(name, kind, many, optional, default if optional else None, text)


def _filled(text: str) -> str:
    """Paragraphs as wide as the terminal; the examples in the epilog keep their lines."""
    width = min(shutil.get_terminal_size().columns, 100) - 2
    return "\n\n".join(textwrap.fill(_one_line(part), width) for part in text.split("\n\n"))


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


class _HelpFormatter(jsonargparse.DefaultHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Help without the types and the nulls of Python."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        nothing = action.default is None or action.default is False or action.default == ""
        silent = nothing or action.default == argparse.SUPPRESS or "efault" in text
        return text if silent or not action.option_strings else f"{text} Default: %(default)s."

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"
