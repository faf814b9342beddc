"""`status`, `stacks`, `runs` and `report`: what stands, what goes on, and how it ended."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.contract import Exit
from starter.cli.answering import Run
from starter.cli.frame import LOOK, Format, Output, awaited, command, shared
from starter.cli.writing import many, paint, table, write, write_json

if TYPE_CHECKING:
    from holdfast.arbiter import Board
    from holdfast.progress import Progress, Stands

SHOWN = 5  # ended runs in a status


def add(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, LOOK, "holdfast status shop", "holdfast status shop -o json")(status)
    command(app, LOOK, "holdfast stacks")(stacks)
    command(app, LOOK, "holdfast runs", "holdfast runs shop")(runs)
    command(app, LOOK, "holdfast report shop-42", "holdfast report shop-42 -o json")(report)


def status(stack: Annotated[str, typer.Argument(metavar="STACK")], output: Output = Format.text) -> int:
    """Resources with state and ids, the run in progress, what waits in the queue, and what is owed."""
    return awaited(_status(stack))


def stacks(output: Output = Format.text) -> int:
    """Every stack of this installation's server."""
    return awaited(_stacks())


def runs(
    stack: Annotated[str | None, typer.Argument(metavar="STACK")] = None,
    most: Annotated[int, typer.Option("--most", metavar="N", min=1, max=1000, help="How many, the newest first.")] = 50,
    output: Output = Format.text,
) -> int:
    """What was run, the newest first."""
    return awaited(_runs(stack, most))


def report(run: Run, output: Output = Format.text) -> int:
    """How a run ended, with its exit code."""
    return awaited(_report(run))


async def _status(stack: str) -> int:
    from starter.client import Holdfast

    holdfast = await Holdfast.connect()
    board = await holdfast.board(stack)
    progress = await holdfast.progress(board.current) if board.current else None
    if shared.output == Format.json:
        write_json(_facts(board, progress))
    else:
        write(_words(board, progress))
    return Exit.done


def _facts(board: Board, progress: Progress | None) -> dict[str, Any]:
    from holdfast.packed import unpack
    from holdfast.run import Ledger
    from starter.cli.showing import ledger_outputs

    ledger = unpack(board.ledger, Ledger)
    return {
        "stack": board.stack,
        "environment": board.environment,
        "run": board.current,
        "progress": progress.model_dump(mode="json") if progress else None,
        "queue": [
            {
                "run": q.run,
                "operation": q.request.operation,
                "requester": q.request.identity.requester,
                "at": _iso(q.at),
            }
            for q in board.queue
        ],
        "resources": [
            {
                "address": str(e.address),
                "scope": str(e.scope),
                "remote_id": e.remote_id,
                "run": e.run,
                "protect": e.protect,
                "depends_on": [str(a) for a in e.depends_on],
            }
            for e in ledger.entries
        ],
        "owed": [o.model_dump(mode="json", include={"address", "fate", "verb", "letter", "run"}) for o in board.owed],
        "outputs": ledger_outputs(ledger),
        "past": [p.model_dump(mode="json") for p in board.past],
    }


def _words(board: Board, progress: Progress | None) -> str:
    from holdfast.document.problems import show
    from holdfast.packed import unpack
    from holdfast.run import Fate, Ledger
    from holdfast.tree import ICONS, chosen, headline, words
    from starter.cli.showing import ledger_outputs, letter_text

    ledger = unpack(board.ledger, Ledger)
    stands = _standing(board, progress)
    head = f"{board.stack} ({board.environment})" if board.environment else board.stack
    out = [f"{head}: {many(len(stands), 'resource')}" + (f", {len(board.owed)} owed" if board.owed else "")]
    owed = {o.address: o.fate for o in board.owed}
    rows = [(str(s.address), str(owed.get(s.address, s.state)), s.remote_id, s.run) for s in stands]
    out += [table(("RESOURCE", "STATE", "ID", "RUN"), rows)] if rows else []
    if progress is not None:
        out += ["", headline(progress)]
        out += [f"  because: {progress.cause.opening}"] if progress.cause else []
        shown, left_out = chosen(progress)
        out += [f"  {ICONS[r.fate]} {r.verb.sign} {r.address}  {words(r)}" for r in shown if r.fate is not Fate.waiting]
        waiting = sum(r.fate is Fate.waiting for r in shown)
        out += [f"  · {waiting} waiting"] if waiting else []
        out += [f"  … and {left_out} more"] if left_out else []
        out += [
            paint(f"  asks: `holdfast resolve {a} retry|skip|rollback --run {progress.run}`", "yellow")
            for a in progress.questions
        ]
    elif board.current:
        out += ["", f"{board.current} begins, or has just ended"]
    out += [f"queued: {q.run} {q.request.operation}, asked by {q.request.identity.requester}" for q in board.queue]
    for one in board.owed:
        out += [
            "",
            paint(f"owed since {one.run}: {one.address} is {one.fate}", "red"),
            letter_text(one.letter, one.address),
        ]
        out.append(f"  `holdfast resolve {one.address} retry|skip|rollback`")
    if outputs := ledger_outputs(ledger):
        out += ["", table(("OUTPUT", "VALUE"), [(name, show(value)) for name, value in outputs.items()])]
    if board.past:
        past = [
            (p.run, str(p.operation), str(p.state), p.requester, _iso(p.ended)) for p in board.past[: -SHOWN - 1 : -1]
        ]
        out += ["", table(("RUN", "OPERATION", "STATE", "BY", "ENDED"), past)]
    return "\n".join(out)


def _standing(board: Board, progress: Progress | None) -> list[Stands]:
    """What stands, with what a run in progress has made so far."""
    from holdfast.packed import unpack
    from holdfast.progress import standing
    from holdfast.run import Ledger

    return standing(unpack(board.ledger, Ledger).entries, progress)


def _row(board: Board, progress: Progress | None) -> dict[str, Any]:
    return {
        "stack": board.stack,
        "environment": board.environment,
        "resources": len(_standing(board, progress)),
        "run": board.current,
        "queued": len(board.queue),
        "owed": len(board.owed),
    }


async def _stacks() -> int:
    from starter.client import Holdfast

    holdfast = await Holdfast.connect()
    boards = await holdfast.stacks()
    rows = [_row(b, await holdfast.progress(b.current) if b.current else None) for b in boards]
    if shared.output == Format.json:
        write_json(rows)
    else:
        cells = [[str(value or "-") for value in row.values()] for row in rows]
        write(table(("STACK", "ENVIRONMENT", "RESOURCES", "RUN", "QUEUED", "OWED"), cells))
    return Exit.done


async def _runs(stack: str | None, most: int) -> int:
    from dataclasses import asdict

    from starter.client import Holdfast

    holdfast = await Holdfast.connect()
    if stack is not None:
        await holdfast.board(stack)  # a stack that is not there is said to be so
    found = await holdfast.runs(stack, most=most)
    if shared.output == Format.json:
        write_json([asdict(r) | {"started": _iso(r.started), "ended": _iso(r.ended)} for r in found])
    else:
        rows = [(r.run, r.operation, r.state, r.requester, _iso(r.started), _iso(r.ended)) for r in found]
        write(table(("RUN", "OPERATION", "STATE", "BY", "STARTED", "ENDED"), rows))
    return Exit.done


async def _report(run: str) -> int:
    from starter.cli.following import tell
    from starter.client import Holdfast

    return tell(await (await Holdfast.connect()).report(run))


def _iso(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""
