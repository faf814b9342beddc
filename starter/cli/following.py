"""Wait for a run and show it: a live tree on a terminal, a line per event elsewhere. Leaving never touches the run."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from holdfast.contract import Exit, State
from holdfast.errors import NotFound, Unavailable
from holdfast.model import Address
from holdfast.progress import Progress
from holdfast.run import Fate, Report
from holdfast.tree import ICONS, LINES, chosen, headline, tallies, words
from starter.cli.frame import Leave, exit_of, shared, write_letter
from starter.cli.showing import report_facts, report_text
from starter.cli.writing import can_ask, say, terminal, write, write_json
from starter.client import Holdfast, stack_of

PATIENCE = 120.0  # seconds for which a server, or every worker, may be away; the run waits for them as well
AGAIN = 1.0
COLOURS = {
    Fate.done: "green",
    Fate.acting: "cyan",
    Fate.settling: "cyan",
    Fate.undoing: "yellow",
    Fate.undone: "yellow",
    Fate.failed: "red",
    Fate.stuck: "red",
    Fate.kept: "red",
    Fate.lost: "red",
}
Shown = Callable[[Progress | None, str], None]


async def follow(holdfast: Holdfast, run: str, within: float | None) -> int:
    """Watch a run to its end, say how it ended, and return its exit code.

    Raises `Leave`: on Ctrl-C, when `within` seconds are over, and when the run asks and nobody sits here to answer.
    """
    watching = asyncio.create_task(_watched(holdfast, run))
    presses: list[None] = []

    def pressed() -> None:
        presses.append(None)
        if len(presses) > 1:
            os._exit(128 + signal.SIGINT)  # at once, as was asked twice
        watching.cancel()

    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows: there Ctrl-C ends us, and the run goes on as well
        loop.add_signal_handler(signal.SIGINT, pressed)
    try:
        done, _ = await asyncio.wait([watching], timeout=within)
        if not done:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            raise _goes_on(run, f"{run} has not ended within the time given; it goes on")
        return tell(await watching)
    except asyncio.CancelledError:
        if not presses:
            raise
        raise _goes_on(run, f"{run} goes on without us") from None
    except NotFound as silent:
        return await _without_report(holdfast, run, silent)
    finally:
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)


def tell(report: Report) -> int:
    """Say how a run ended; returns its exit code."""
    code = exit_of(report)
    if shared.output == "json":
        write_json(report_facts(report, code))
    else:
        write(report_text(report))
    if report.state is State.refused and report.cause is not None:
        write_letter(report.cause)
    return code


async def _watched(holdfast: Holdfast, run: str) -> Report:
    if terminal():
        from rich.console import Console
        from rich.live import Live

        console = Console(stderr=True, highlight=False)
        with Live(console=console, auto_refresh=False) as live:
            return await _looked(holdfast, run, lambda p, waits: live.update(_tree(p, waits, console), refresh=True))
    return await _looked(holdfast, run, _Events())


async def _looked(holdfast: Holdfast, run: str, shown: Shown) -> Report:
    """Look until the run has ended. A server or worker that is away for a while is waited for."""
    stack_of(run)
    seen, last, is_open = time.monotonic(), None, False
    while True:
        try:
            if not is_open and (over := await _ended_before(holdfast, run)) is not None:
                return over
            is_open = True
            async for progress in holdfast.watch(run, silence=0):
                seen, last = time.monotonic(), progress
                shown(progress, "")
                if progress.state is State.paused and progress.questions and not can_ask():
                    raise _asked(progress)
            return await holdfast.report(run)
        except Unavailable as away:
            if time.monotonic() - seen > PATIENCE or not is_open:
                raise
            shown(last, f"waiting: {away.letter.happened}")
            await asyncio.sleep(AGAIN)


async def _ended_before(holdfast: Holdfast, run: str) -> Report | None:
    """The report of a run that the board no longer remembers."""
    board = await holdfast.board(stack_of(run))
    if run == board.current or any(run == q.run for q in board.queue) or any(run == p.run for p in board.past):
        return None
    return await holdfast.report(run)


async def _without_report(holdfast: Holdfast, run: str, silent: NotFound) -> int:
    """A run that was terminated, or taken out of the queue, ended as the board says."""
    board = await holdfast.board(stack_of(run))
    past = next((p for p in board.past if p.run == run), None)
    if past is None:
        raise silent
    code = Exit.cancelled if past.state is State.cancelled else Exit.owed
    raise Leave(code, str(silent), {"run": run, "state": past.state.value})


def _goes_on(run: str, words: str) -> Leave:
    return Leave(
        Exit.timed_out, f"{words}\nNext: `holdfast watch {run}` shows it again", {"run": run, "state": "running"}
    )


def _asked(progress: Progress) -> Leave:
    lines = [f"{progress.run} waits for a decision; everything else of it stands still"]
    letters = {row.address: row.letter for row in progress.rows}
    for address in progress.questions:
        letter = letters.get(address)
        lines += [f"{address}: {letter.happened}"] if letter else []
        lines.append(f"Next: `holdfast resolve {address} retry|skip|rollback --run {progress.run}`")
    facts = {"run": progress.run, "state": "paused", "questions": [str(a) for a in progress.questions]}
    return Leave(Exit.waiting, "\n".join(lines), facts)


def _tree(progress: Progress | None, waits: str, console: Any) -> Any:
    from rich.text import Text

    picture = Text()
    if progress is None:
        return picture
    picture.append(headline(progress) + "\n", style="bold")
    rows, left_out = chosen(progress, max(3, min(LINES, console.height - 6)))
    for row in rows:
        line = f"  {ICONS[row.fate]} {row.verb.sign} {row.address}  {words(row)}"
        picture.append(line[: console.width - 1] + "\n", style=COLOURS.get(row.fate, "dim"))
    if left_out:
        picture.append(f"  … and {left_out} more: {tallies(progress)}\n", style="dim")
    if waits:
        picture.append(f"  {waits}\n", style="yellow")
    for address in progress.questions:
        picture.append(f"  asks: holdfast resolve {address} retry|skip|rollback --run {progress.run}\n", style="yellow")
    return picture


class _Events:
    """A line for each thing that changed since the last look."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Address, str], str] = {}
        self._head = self._waits = ""

    def __call__(self, progress: Progress | None, waits: str) -> None:
        if progress is None:
            return
        at = time.strftime("%H:%M:%SZ", time.gmtime())
        head = f"{progress.run} {progress.operation}: {progress.state}"
        head += f", {progress.waiting}" if progress.waiting else ""
        if head != self._head:
            self._head = head
            say(f"{at} {headline(progress)}")
        if waits != self._waits:
            self._waits = waits
            say(f"{at} {waits or 'goes on'}")
        for row in progress.rows:
            key = (row.address, row.verb.value)
            said = f"{row.fate} {row.hindrance.happened if row.hindrance else ''}".strip()
            if said != self._rows.get(key, Fate.waiting):
                say(f"{at} {row.verb.sign} {row.address} {words(row)}")
            self._rows[key] = said
