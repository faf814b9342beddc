"""The page of the command line, from the commands themselves: what each says of itself in `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import typer

from holdfast.contract import Exit
from tools.field_table import table

HEAD = "<!-- Generated from the commands by `make pages`. Change the command, not this page. -->"
INTRODUCTION = (
    "`holdfast COMMAND --help` says the same at a terminal. Answers go to stdout, all else to stderr; `-o json` prints "
    "one JSON document on stdout and nothing else there. Where Temporal is, they are told by "
    "`TEMPORAL_ADDRESS` and `TEMPORAL_NAMESPACE`; `holdfast local env` prints them for a laptop. Of a store they need "
    "to know nothing. "
    "`holdfast --version` says which Holdfast it is."
)
EXITS = {
    Exit.done: "done, or nothing to do",
    Exit.internal: "something nobody foresaw; please report it",
    Exit.changes: "there are changes (`plan`) or drift",
    Exit.not_allowed: "not allowed",
    Exit.undone: "failed, and all of it taken back",
    Exit.findings: "a guardrail, or findings",
    Exit.not_found: "not found",
    Exit.owed: "failed, and something is owed: stuck, kept or lost",
    Exit.cancelled: "cancelled, and taken back",
    Exit.timed_out: "timed out waiting; the run goes on",
    Exit.waiting: "waits for a person",
    Exit.incomplete: "incomplete: something could not be collected",
    Exit.usage: "the command line itself is wrong",
    Exit.input: "the document, or another input, is wrong",
    Exit.unavailable: "Temporal, a cloud or a worker does not answer",
}
Command = Any  # typer carries a copy of click of its own, whose types are not public


def commands(app: typer.Typer) -> Iterator[tuple[str, Command]]:
    """Every command by what is typed for it, in the order of `holdfast --help`."""
    yield from _inside("holdfast", typer.main.get_command(app))


def page(app: typer.Typer) -> str:
    """The whole page."""
    parts = [
        HEAD,
        "# The command line",
        INTRODUCTION,
    ]
    parts += [_section(name, command) for name, command in commands(app)]
    rows = [(str(int(code)), words) for code, words in EXITS.items()]
    parts += ["## Exit codes", "The same everywhere.", table(("code", "means"), rows)]
    return "\n\n".join(parts) + "\n"


def _inside(name: str, command: Command) -> Iterator[tuple[str, Command]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for short, one in inner.items():
        if not one.hidden:
            yield from _inside(f"{name} {short}", one)


def _section(name: str, command: Command) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    typed = " ".join([name, *(_bare(p) for p in arguments), *(["[OPTIONS]"] if options else [])])
    parts = [f"## {name}", _words(command.help), f"```sh\n{typed}\n```"]
    if told := [p for p in arguments if p.help]:
        parts.append(table(("argument", "what it is"), [(f"`{_bare(p)}`", _words(p.help)) for p in told]))
    if options:
        parts.append(table(("option", "what it does"), [(_option(p), _words(p.help) + _default(p)) for p in options]))
    if examples := _examples(command.epilog or ""):
        parts.append("For example:\n\n```sh\n" + "\n".join(examples) + "\n```")
    return "\n\n".join(part for part in parts if part)


def _bare(argument: Any) -> str:
    shown = str(argument.metavar or argument.name.upper())
    return shown if argument.required or shown.startswith("[") else f"[{shown}]"


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in sorted(option.opts, key=len))
    # What may be chosen from is an enumeration of ours, and its default is one of its members.
    choices = [str(choice) for choice in type(option.default)] if isinstance(option.default, StrEnum) else []
    value = "" if option.is_flag else option.metavar or "|".join(choices)
    return f"{names} `{value}`" if value else names


def _default(option: Any) -> str:
    value = option.default
    if option.is_flag or value in (None, "", ()) or callable(value):
        return ""
    return f" Default: `{value}`."


def _words(text: str | None) -> str:
    return " ".join((text or "").split())


def _examples(epilog: str) -> list[str]:
    told = epilog.removeprefix("Example:")
    return [line.strip().replace(r"\[", "[") for line in re.split(r"\n+", told) if line.strip()]
