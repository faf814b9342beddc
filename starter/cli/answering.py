"""`cancel` and `resolve`: what an operator says to a run, or about what one left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from holdfast.contract import Answer, Exit
from starter.cli.frame import (
    RUN,
    Format,
    NoWait,
    Output,
    Reason,
    TicketNo,
    Timeout,
    awaited,
    command,
    shared,
)
from starter.cli.writing import write, write_json

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run's number, as shop-42.")]


def add(app: typer.Typer) -> None:
    """Register the commands."""
    command(app, RUN, "holdfast watch shop-42", "holdfast watch shop-42 --timeout 20m")(watch)
    command(app, RUN, "holdfast cancel shop-42", "holdfast cancel shop-42 --keep --reason 'wrong account'")(cancel)
    command(
        app, RUN, "holdfast resolve shop/aws.vpc/main retry", "holdfast resolve shop/aws.vpc/main skip --run shop-42"
    )(resolve)


def watch(run: Run, timeout: Timeout = None, output: Output = Format.text) -> int:
    """A live tree until the run has ended; then its report, and its exit code."""
    from starter.cli.running import seconds

    return awaited(_watch(run, seconds(timeout)))


def cancel(
    run: Run,
    keep: Annotated[bool, typer.Option("--keep", help="Leave what was done as it stands.")] = False,
    reason: Reason = "",
    ticket: TicketNo = "",
    output: Output = Format.text,
) -> int:
    """Stop a run and take back what it did; or, with --keep, leave it. Returns once the run has heard it."""
    return awaited(_cancel(run, keep, reason, ticket))


def resolve(
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="As shop/aws.vpc/main.")],
    answer: Annotated[Answer, typer.Argument(metavar="retry|skip|rollback")],
    run: Annotated[
        str | None, typer.Option("--run", metavar="RUN", help="Only when this run is the one asking.")
    ] = None,
    no_wait: NoWait = False,
    timeout: Timeout = None,
    reason: Reason = "",
    ticket: TicketNo = "",
    output: Output = Format.text,
) -> int:
    """Answer what a paused run asks about a resource; or settle, by a run of its own, what an earlier one left."""
    return awaited(_resolve(address, answer, run, None if no_wait else _patience(timeout), reason, ticket))


def _patience(timeout: str | None) -> float:
    from starter.cli.running import seconds

    return seconds(timeout) or float("inf")


async def _watch(run: str, within: float | None) -> int:
    from starter.cli.following import follow
    from starter.client import Holdfast

    return await follow(await Holdfast.connect(), run, within)


async def _cancel(run: str, keep: bool, reason: str, ticket: str) -> int:
    from starter.client import Holdfast

    await (await Holdfast.connect(reason=reason, ticket=ticket)).cancel(run, keep=keep)
    how = "what it did stays" if keep else "it takes back what it did"
    _said({"run": run, "state": "cancelling", "keep": keep}, f"{run} has heard it: {how}; `holdfast watch {run}`")
    return Exit.done


async def _resolve(
    written: str, answer: Answer, run: str | None, patience: float | None, reason: str, ticket: str
) -> int:
    from holdfast.errors import InvalidInput, NotFound
    from holdfast.model import Address
    from starter.cli.following import follow
    from starter.client import Holdfast

    try:
        address = Address.parse(written)
    except ValueError as error:
        raise InvalidInput(str(error), next="`holdfast status STACK` lists the addresses of a stack") from error
    holdfast = await Holdfast.connect(reason=reason, ticket=ticket)
    board = await holdfast.board(address.stack)
    owed_by = {o.run for o in board.owed if o.address == address}
    if run is not None and run != board.current and run not in owed_by:
        raise NotFound(
            f"{run} asks nothing about {address}, and left nothing of it",
            address=address,
            next=f"`holdfast status {address.stack}` shows what is asked and owed",
        )
    paused = board.current
    answering = await holdfast.resolve(address, answer)
    if answering == paused or patience is None:
        _said(
            {"run": answering, "address": written, "answer": answer.value},
            f"{answering} has heard it: {answer} {address}; `holdfast watch {answering}`",
        )
        return Exit.done
    return await follow(holdfast, answering, None if patience == float("inf") else patience)


def _said(facts: dict[str, object], words: str) -> None:
    if shared.output == Format.json:
        write_json({**facts, "exit": 0})
    else:
        write(words)
