"""`audit log`: who did what to which resource, when, and what came of it, from Temporal's histories alone."""

from __future__ import annotations

import csv
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.contract import Exit
from starter.cli.frame import LOOK, awaited, choose, command
from starter.cli.help import Group
from starter.cli.writing import table, write, write_json

if TYPE_CHECKING:
    from datetime import datetime

    from holdfast.audit import Line


class Shape(StrEnum):
    """How the lines are written."""

    table = "table"
    json = "json"
    csv = "csv"


COLUMNS = (
    "at", "who", "what", "resource", "result", "requests", "run", "reason", "ticket", "code", "words",
    "stack", "workflow", "execution", "event",
)  # fmt: skip


def add(app: typer.Typer) -> None:
    """Register the commands."""
    audit = typer.Typer(
        help="The trail of what was done, as Temporal's history has it.",
        cls=Group,
        rich_markup_mode=None,
        epilog="Example:\n  holdfast audit log --stack shop --since 2h",
        no_args_is_help=True,
    )
    command(
        audit, None, "holdfast audit log --stack shop", "holdfast audit log --who ada --since 7d -o csv > trail.csv"
    )(log)
    app.add_typer(audit, name="audit", rich_help_panel=LOOK)


def log(
    stack: Annotated[str | None, typer.Option("--stack", metavar="STACK", help="Only this stack's.")] = None,
    who: Annotated[str | None, typer.Option("--who", metavar="WHO", help="Only what this person asked for.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="2h, 7d, or a moment as 2026-01-31T08:00Z.")
    ] = None,
    resource: Annotated[
        str | None, typer.Option("--resource", metavar="ADDRESS", help="An address, or a part of one.")
    ] = None,
    output: Annotated[Shape, typer.Option("--output", "-o", callback=choose, help="table, json or csv.")] = Shape.table,
) -> int:
    """Every request, answer, act and end, the oldest first. Reads no store: only what the server recorded."""
    begin = _moment(since) if since else None
    lines = awaited(_log(stack, who, begin, resource))
    if output is Shape.json:
        write_json({"lines": [line.model_dump(mode="json") for line in lines]})
    elif output is Shape.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([_cell(getattr(line, column)) for column in COLUMNS] for line in lines)
    else:
        write(table([c.upper() for c in COLUMNS[:7]], [_row(line) for line in lines]))
    return Exit.done


async def _log(stack: str | None, who: str | None, since: datetime | None, resource: str | None) -> list[Line]:
    from holdfast.audit import chosen
    from starter.audit import lines
    from starter.client import Holdfast

    holdfast = await Holdfast.connect()
    return list(chosen(await lines(holdfast.client, stack), who=who, since=since, resource=resource))


def _moment(text: str) -> datetime:
    from datetime import UTC, datetime

    from holdfast.document import parse_duration
    from holdfast.errors import InvalidInput

    try:
        return datetime.now(UTC) - parse_duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no moment", next="write 2h, 7d or 2026-01-31T08:00Z") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _row(line: Line) -> list[str]:
    cells = [_cell(getattr(line, column)) for column in COLUMNS[:7]]
    first = line.requests[0] if line.requests else ""
    cells[5] = f"{first} +{len(line.requests) - 1}" if len(line.requests) > 1 else first
    return cells


def _cell(value: Any) -> str:
    if hasattr(value, "isoformat"):
        return str(value.isoformat(timespec="milliseconds")).replace("+00:00", "Z")
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
