"""`plan`, `up` and `down`: show what would change, ask, and bring it about."""

from __future__ import annotations

import signal
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.contract import Exit, OnFailure, Operation
from starter.cli.documents import File, read_source, read_text
from starter.cli.frame import (
    RUN,
    Format,
    Leave,
    NoWait,
    Output,
    ParamFiles,
    Params,
    Reason,
    Targets,
    TicketNo,
    Timeout,
    Yes,
    awaited,
    command,
    shared,
)
from starter.cli.writing import can_ask, say, terminal, write, write_json

if TYPE_CHECKING:
    from holdfast.plan import Plan
    from holdfast.run import Request, Source
    from starter.client import Holdfast


class Look(StrEnum):
    """How a plan is written for a person."""

    text = "text"
    markdown = "markdown"


Replace = Annotated[
    list[str] | None, typer.Option("--replace", metavar="ADDRESS", help="Make this resource anew, though it is right.")
]
RefreshOnly = Annotated[bool, typer.Option("--refresh-only", help="Only learn what stands; change nothing.")]
CONFIRMATIONS = ("data", "delete-first")  # what a plan may ask, and --yes answers


def add(app: typer.Typer) -> None:
    """Register the commands."""
    command(
        app,
        RUN,
        "holdfast plan shop.yaml",
        "holdfast plan shop.yaml --out shop.plan",
        "holdfast plan shop.yaml -o json",
    )(plan)
    command(app, RUN, "holdfast up shop.yaml", "holdfast up shop.yaml --plan shop.plan --yes --reason 'more room'")(up)
    command(app, RUN, "holdfast down shop", "holdfast down shop --yes")(down)


def plan(
    file: File,
    out: Annotated[Path | None, typer.Option("--out", metavar="F", help="Keep it for `up --plan F`.")] = None,
    target: Targets = None,
    replace: Replace = None,
    refresh_only: RefreshOnly = False,
    param: Params = None,
    param_file: ParamFiles = None,
    look: Annotated[Look, typer.Option("--format", help="For a person: text, or markdown.")] = Look.text,
    timeout: Annotated[
        str | None, typer.Option("--timeout", metavar="SPAN", help="Give up after, say, 90s or 20m.")
    ] = None,
    output: Output = Format.text,
) -> int:
    """What would change, in what order, and how each step is taken back. Changes nothing; exits 2 with changes."""
    source, goal = read_source(file, param, param_file)
    more = {**_choice(target, replace, refresh_only), "environment": goal.environment}
    return awaited(_plan(source, goal.stack, more, out, look, seconds(timeout)))


def up(
    file: File,
    plan_file: Annotated[
        Path | None, typer.Option("--plan", metavar="F", help="Carry out this plan, and no other.")
    ] = None,
    target: Targets = None,
    replace: Replace = None,
    refresh_only: RefreshOnly = False,
    on_failure: Annotated[OnFailure, typer.Option("--on-failure", help="What happens when a step fails.")] = (
        OnFailure.rollback
    ),
    param: Params = None,
    param_file: ParamFiles = None,
    yes: Yes = False,
    no_wait: NoWait = False,
    timeout: Timeout = None,
    reason: Reason = "",
    ticket: TicketNo = "",
    output: Output = Format.text,
) -> int:
    """Bring a stack to its document. A run that fails takes back what it did."""
    from holdfast.errors import InvalidInput

    after = _Afterwards(yes, no_wait, timeout, reason, ticket)
    if plan_file is not None:
        if target or replace or refresh_only or param or param_file:
            raise InvalidInput("a plan file brings its own parameters and targets", next="leave the other options out")
        return awaited(_carry_out(file, plan_file, on_failure, after))
    source, goal = read_source(file, param, param_file)
    more = {**_choice(target, replace, refresh_only), "environment": goal.environment, "on_failure": on_failure}
    return awaited(_asked(Operation.up, goal.stack, source, more, after))


def down(
    stack: Annotated[str, typer.Argument(metavar="STACK")],
    yes: Yes = False,
    no_wait: NoWait = False,
    timeout: Timeout = None,
    reason: Reason = "",
    ticket: TicketNo = "",
    output: Output = Format.text,
) -> int:
    """Remove a stack, in reverse order. Asks again for what holds data; obeys `protect`."""
    return awaited(_asked(Operation.down, stack, None, {}, _Afterwards(yes, no_wait, timeout, reason, ticket)))


class _Afterwards:
    """What happens once the request is known: ask, wait, and what the audit log is told."""

    def __init__(self, yes: bool, no_wait: bool, timeout: str | None, reason: str, ticket: str) -> None:
        self.yes, self.no_wait, self.reason, self.ticket = yes, no_wait, reason, ticket
        self.timeout = seconds(timeout)


def seconds(text: str | None) -> float | None:
    """A span as it is written, in seconds. Raises `InvalidInput`."""
    from holdfast.document import parse_duration
    from holdfast.errors import InvalidInput

    if text is None:
        return None
    try:
        return parse_duration(text).total_seconds()
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no span of time: {error}", next="write 90s, 20m or 2h") from error


def _choice(target: list[str] | None, replace: list[str] | None, refresh_only: bool) -> dict[str, Any]:
    return {"targets": tuple(target or ()), "replace": tuple(replace or ()), "refresh_only": refresh_only}


async def _plan(
    source: Source, stack: str, more: dict[str, Any], out: Path | None, look: Look, within: float | None
) -> int:
    from starter.cli.plans import save
    from starter.client import Holdfast

    holdfast = await Holdfast.connect()
    request = holdfast.request(Operation.up, stack, source=source, **more)
    made = await _made(holdfast, request, within)
    if out is not None:
        save(out, request, made)
        say(f"kept in {out}; carry it out with `holdfast up {source.file} --plan {out}`")
    await show(holdfast, made, look)
    return Exit.changes if made.actions or (request.refresh_only and made.drift) else Exit.done


async def _made(holdfast: Holdfast, request: Request, within: float | None) -> Plan:
    """The plan; meanwhile what it waits for is said. Raises `Leave` when it is not made `within` seconds."""
    import asyncio
    import time

    waits = ""

    def told(words: str) -> None:
        nonlocal waits
        waits = f", {words}" if words else ""
        say(f"{time.strftime('%H:%M:%SZ', time.gmtime())} {request.stack}: planning{waits}")

    try:
        async with asyncio.timeout(within):
            return await holdfast.plan(request, say=told)
    except TimeoutError:
        words = f"no plan of {request.stack} was made within the time given{waits}; nothing was touched"
        facts = {"stack": request.stack, "state": "planning"}
        raise Leave(Exit.timed_out, f"{words}\nNext: the same command with a longer --timeout", facts) from None


async def show(holdfast: Holdfast, made: Plan, look: Look = Look.text, *, aside: bool = False) -> None:
    """A plan, on stdout in the format that was asked for; `aside`: on stderr, in words, before a question."""
    from datetime import UTC, datetime

    from holdfast.plan_json import plan_json
    from starter.cli.plans import longest
    from starter.cli.showing import plan_markdown, plan_text
    from workers.catalog import catalog

    if shared.output == Format.json and not aside:
        outputs = (await holdfast.ledger(made.stack)).outputs
        write_json(plan_json(made, outputs=outputs, timestamp=datetime.now(UTC)))
        return
    known = catalog()
    kinds = (known[name] for name in {action.address.kind for action in made.actions} if name in known)
    deadlines = {(k.kind, verb.value): within for k in kinds for verb, within in k.settle_within.items()}
    span: timedelta = longest(made, deadlines)
    text = plan_markdown(made, span) if look is Look.markdown else plan_text(made, span)
    (say if aside else write)(text)


async def _asked(
    operation: Operation, stack: str, source: Source | None, more: dict[str, Any], after: _Afterwards
) -> int:
    """Show, ask, submit, wait. With --yes there is nothing to show first: the run's own plan is carried out."""
    from starter.client import Holdfast

    holdfast = await Holdfast.connect(reason=after.reason, ticket=after.ticket)
    if operation is Operation.down:
        await holdfast.board(stack)  # a stack that is not there is said to be so
    request = holdfast.request(operation, stack, source=source, **more)
    if after.yes:
        return await _submit(holdfast, request.model_copy(update={"confirmed": CONFIRMATIONS}), after)
    made = await _made(holdfast, request, after.timeout)
    return await _submit(holdfast, await _agreed(holdfast, request, made), after)


async def _carry_out(file: str, plan_file: Path, on_failure: OnFailure, after: _Afterwards) -> int:
    """Carry out a plan file: its plan, or none."""
    from holdfast.run import Source
    from starter.cli.plans import load
    from starter.client import Holdfast

    saved = load(plan_file, Source(file=file, text=read_text(file)))
    holdfast = await Holdfast.connect(reason=after.reason, ticket=after.ticket)
    # A new id: carrying out a plan twice is two requests, and the second is refused as stale by its run.
    fresh = holdfast.request(saved.request.operation, saved.request.stack)
    kept = {"id": fresh.id, "identity": fresh.identity, "installation": fresh.installation, "on_failure": on_failure}
    request: Request = saved.request.model_copy(update=kept)
    if after.yes:
        agreed = {"plan": saved.plan.digest, "confirmed": saved.plan.confirmations}
        return await _submit(holdfast, request.model_copy(update=agreed), after)
    return await _submit(holdfast, await _agreed(holdfast, request, saved.plan), after)


async def _agreed(holdfast: Holdfast, request: Request, made: Plan) -> Request:
    """The request with the digest of the plan that a person said yes to. Raises `Leave` when nobody did."""
    from starter.cli.showing import ASKS

    agreed = request.model_copy(update={"plan": made.digest, "confirmed": made.confirmations})
    await show(holdfast, made, aside=True)
    if not made.actions:
        return agreed  # the run still writes down what it saw
    facts = {"stack": made.stack, "state": "waiting", "plan": made.digest, "confirmations": list(made.confirmations)}
    if not can_ask():
        raise Leave(
            Exit.waiting,
            "nobody sits here to say yes, so nothing was touched\nNext: the same command with --yes",
            facts,
        )
    questions = [
        f"{made.operation} {made.stack}: carry this out?",
        *(f"{ASKS.get(c, c)}. Really?" for c in made.confirmations),
    ]
    if not all(_yes(question) for question in questions):
        raise Leave(Exit.cancelled, "nothing was touched", facts | {"state": "cancelled"})
    return agreed


def _yes(question: str) -> bool:
    # Inside a loop, Ctrl-C would only be noted while `input` waits.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return typer.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, before)


async def _submit(holdfast: Holdfast, request: Request, after: _Afterwards) -> int:
    from starter.cli.following import follow

    ticket = await holdfast.submit(request)
    if after.no_wait:
        words = f"{ticket.run} is queued" + (f", {ticket.ahead} before it" if ticket.ahead else "")
        if shared.output == Format.json:
            write_json({"run": ticket.run, "state": "queued", "ahead": ticket.ahead, "exit": 0})
        else:
            write(f"{words}; `holdfast watch {ticket.run}` shows it")
        return Exit.done
    if terminal():
        say(f"{ticket.run}; Ctrl-C leaves it alone, `holdfast cancel {ticket.run}` stops it")
    return await follow(holdfast, ticket.run, after.timeout)
