"""What goes where: answers to stdout, all else to stderr; colours on a terminal only, and never with NO_COLOR."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

import typer


def terminal(stream: TextIO | None = None) -> bool:
    """Whether a person looks at a stream, stderr by default."""
    return (stream or sys.stderr).isatty() and os.environ.get("TERM") != "dumb"


def can_ask() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def paint(text: str, colour: str, *, stream: TextIO | None = None, bold: bool = False) -> str:
    """The text in a colour, where colours are seen and wanted."""
    if not terminal(stream) or os.environ.get("NO_COLOR"):
        return text
    return typer.style(text, fg=colour, bold=bold)


def say(text: str) -> None:
    """Words for a person, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def write(text: str) -> None:
    """The answer, on stdout."""
    sys.stdout.write(f"{text}\n")


def write_json(value: Any) -> None:
    """The answer as one JSON document, on stdout."""
    write(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def many(number: int, what: str) -> str:
    """`1 resource`, `2 resources`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns, never wrapped, so that `grep` and `awk` read them too."""
    lines = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

    return "\n".join([paint(line(heads), "cyan", stream=sys.stdout), *map(line, lines)])
