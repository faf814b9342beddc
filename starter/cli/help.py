"""Help as plain text: commands in their panels, examples on lines of their own. Quick, since it draws nothing.

Typer's own help is drawn with rich, which takes longer to import than all the rest of a command.
"""

from __future__ import annotations

import sys
from typing import Any

from typer.core import TyperCommand, TyperGroup

from starter.cli.writing import paint

OTHERS = "Commands"  # the panel of a command that names none


class Command(TyperCommand):
    """One command."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """`FILE`, where typer has `{FILE}`: what stands in no brackets is needed."""
        return [piece.removeprefix("{").removesuffix("}") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments by their names alone, to which typer adds a type; options as they are."""
        rows: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for one in self.get_params(ctx):
            if (told := one.get_help_record(ctx)) is not None:
                named = one.metavar if one.param_type_name == "argument" else None
                rows[one.param_type_name].append((named or told[0], told[1]))
        for kind, told_of in rows.items():
            if told_of:
                with formatter.section(f"{kind.capitalize()}s"):
                    formatter.write_dl(told_of)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The examples, as they are typed."""
        _lines(formatter, self.epilog)


class Group(TyperGroup):
    """A group of commands, shown panel by panel in the order in which they were registered."""

    def list_commands(self, ctx: Any) -> list[str]:
        """As they were registered: a person begins at the top."""
        return list(self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each panel with its commands; a summary that is longer than a line goes on in the next."""
        panels: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                rows = panels.setdefault(panel if isinstance(panel, str) else OTHERS, [])
                rows.append((name, command.get_short_help_str(limit=400)))
        for panel, rows in panels.items():
            with formatter.section(paint(panel, "cyan", bold=True, stream=sys.stdout)):
                formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Its lines as they stand."""
        _lines(formatter, self.epilog)


def _lines(formatter: Any, text: str | None) -> None:
    if text:
        formatter.write_paragraph()
        for line in text.splitlines():
            formatter.write(f"{line}\n")
