"""The guided first evening: a stack is built, a worker is killed, a run is taken back; nothing is left running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client

from holdfast.contract import Exit, Message, Operation, run_id
from holdfast.errors import Broken, Refused
from holdfast.plan import Plan
from holdfast.progress import Progress
from holdfast.resource import Carrier
from holdfast.run import Identity, Report, Source
from holdfast.tree import short
from starter import audit
from starter.client import Holdfast
from starter.local import environment
from starter.local.control import Control
from starter.local.state import State, read
from starter.plays import Play, play_of
from starter.stage import Stage
from starter.standing import lasting, standing, twice
from workers.catalog import catalog
from workers.plugin import HoldfastPlugin
from workers.settings import Settings

T = TypeVar("T")

LATENCY = 0.3  # seconds that a cloud takes for each change, so that there is something to watch
BRISK: dict[str, dict[str, Any]] = {"azure": {"seconds": {"*": 2}}}  # a machine takes half a minute there, usually
NAMES = {"aws": "AWS", "gcp": "Google Cloud", "azure": "Azure"}
COUNTED = {2: "two", 4: "four"}


async def demo(
    directory: Path | None = None,
    *,
    say: Callable[[str], None] | None = None,
    clouds: Sequence[str] = ("aws",),
    keep: bool = False,
) -> Exit:
    """Run the evening in a directory, or in one that is removed afterwards, and return `Exit.done`.

    Without `say` it draws on standard output, in colour on a terminal; with it, plain lines go there. Interrupted, it
    still stops what it has started. `keep` leaves the environment running and says how to stop it.
    Raises `InvalidInput` when something that it takes is not installed, `Refused` when something was started in the
    directory before, and `Broken` when a promise was not kept.
    """
    play = play_of(clouds)
    environment.need(play.clouds)
    temporary = directory is None
    place = (directory or Path(tempfile.mkdtemp(prefix="holdfast-demo-"))).expanduser().resolve()
    if read(place).ports:
        raise Refused(f"something was started in {place} before", next="give the demo a directory of its own")
    place.mkdir(parents=True, exist_ok=True)
    stage = Stage(say)
    started = kept = False
    try:
        stage.title(
            "Holdfast: a first evening, in about a minute and a half. Everything here is local, and is removed."
        )
        theirs, workers = _listed([NAMES[cloud] for cloud in play.clouds]), COUNTED[len(play.clouds) + 1]
        stage.scene(f"Starting a Temporal server, a local {theirs} and {workers} workers, each a process of its own")
        started = True
        state = await asyncio.to_thread(environment.launch, place, stage.line, clouds=play.clouds, with_parent=not keep)
        await _Evening(state, stage, play).run()
        kept = keep
        return Exit.done
    finally:
        # Also when we are interrupted: whatever else happens, nothing is left running.
        if kept:
            stage.line(f"It goes on running. `holdfast local stop --dir {place}` ends it.")
        elif started:
            await asyncio.shield(asyncio.to_thread(environment.stop, place, stage.line))
        if temporary and not kept:
            shutil.rmtree(place, ignore_errors=True)


class _Evening:
    """The story, scene by scene."""

    def __init__(self, state: State, stage: Stage, play: Play) -> None:
        self._state, self._stage, self._play = state, stage, play
        self._clouds = {cloud: Control(state.clouds[cloud]) for cloud in play.clouds}
        self._text, self._file = play.text, play.document.name
        self._names = _listed([NAMES[cloud] for cloud in play.clouds])
        self._it = self._names if len(play.clouds) == 1 else "each"
        self._theirs = f"{self._names}'s" if len(play.clouds) == 1 else "the clouds'"
        self._holdfast: Holdfast

    async def run(self) -> None:
        client = await Client.connect(self._state.address, plugins=[HoldfastPlugin()])
        settings = Settings(store=f"file:{self._state.directory / 'store'}")
        self._holdfast = Holdfast(client, settings, Identity(requester="you", reason="a first evening"))
        for name, cloud in self._clouds.items():
            await cloud.fault("latency", seconds=LATENCY, mutates=True)
            await cloud.ask("POST", "settings", BRISK.get(name, {}))
        plan = await self._planned()
        await self._built(plan)
        await self._again()
        await self._failed()
        await self._told()

    async def _planned(self) -> Plan:
        file = self._state.directory / self._file
        file.write_text(self._text)
        self._stage.scene(f"The document, {file}")
        self._stage.document(self._text)
        self._stage.scene(f"What it would change: `holdfast plan {self._file}`")
        plan = await self._holdfast.plan(self._holdfast.request(Operation.up, self._play.stack, source=self._source()))
        self._stage.plan(plan)
        return plan

    async def _built(self, plan: Plan) -> None:
        stage, lost = self._stage, self._play.lost
        stage.scene(
            f"`holdfast up {self._file}`: and in the middle of it we kill the worker that speaks to {NAMES[lost.cloud]}"
        )
        hold = await self._clouds[lost.cloud].fault("hold", action=lost.action, count=1)
        striking = asyncio.create_task(self._strike(hold))
        try:
            report = await self._up(self._source())
        finally:
            striking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await striking
        _must(report.state == "done", f"the run ended as {report.state}")
        stage.good(f"{report.run} is {report.state}, in {_took(report)}, although its worker was killed.")
        worlds = await self._worlds()
        stands = {a: what for c, world in worlds.items() for a, what in standing(c, world, self._play.stack).items()}
        stage.line(
            f"What stands in {self._names}, as {'they say themselves' if len(worlds) > 1 else 'it says itself'}:"
        )
        width = max(map(len, stands))
        for address, what in sorted(stands.items()):
            stage.line(f"  {address:<{width}}  {what}")
        known = catalog()
        # What a cloud lets nobody mark cannot be counted by its marks.
        unmarked = [a for a in plan.actions if known[a.address.kind].carrier is Carrier.parent]
        asked = {str(a.address) for a in plan.actions} - {str(a.address) for a in unmarked}
        _must(set(stands) == asked, f"{sorted(stands)} stand, and {sorted(asked)} were asked for")
        doubled = [a for cloud, world in worlds.items() for a in twice(cloud, world, self._play.stack)]
        _must(not doubled, f"{doubled} stand twice")
        stage.good(f"{counted(len(stands), [a.address.kind for a in unmarked])}, and nothing stands twice.")

    async def _strike(self, hold: str) -> None:
        """Kill the worker exactly when a cloud has made something and has not said so."""
        lost = self._play.lost
        cloud = self._clouds[lost.cloud]
        held = await _until(cloud.held)
        pid = await _until(self._worker)
        os.kill(pid, signal.SIGKILL)
        await cloud.drop()
        await cloud.heal(hold)
        self._stage.blow(f"kill -9 {pid}: the worker is dead.")
        self._stage.line(
            f"  {NAMES[lost.cloud]} had just carried out its {held[0]['action']}; the answer was never heard: nobody\n"
            "  knows what became of it.\n"
            "  The supervisor starts another worker. Temporal misses the heartbeat within 15 s, and hands the act\n"
            "  to it; it looks before it asks again."
        )

        async def another() -> int | None:
            now = await self._worker()
            return now if now != pid else None

        self._stage.line(f"  Another worker is there, pid {await _until(another)}.")

    async def _worker(self) -> int | None:
        return read(self._state.directory).process(f"worker-{self._play.lost.cloud}").pid

    async def _again(self) -> None:
        self._stage.scene(f"The same once more: `holdfast up {self._file}`")
        before = [await cloud.executed() for cloud in self._clouds.values()]
        report = await self._up(self._source(), quiet=True)
        _must(report.state == "unchanged", f"the second run ended as {report.state}")
        after = [await cloud.executed() for cloud in self._clouds.values()]
        _must(after == before, f"{self._names} was asked to change something")
        self._stage.good(
            f"{report.run} is {report.state}: nothing to do, and not one change was asked of {self._names}."
        )

    async def _failed(self) -> None:
        stage, refused = self._stage, self._play.refused
        stage.scene(f"Now a run that fails: {self._play.asks}")
        before = lasting(await self._worlds())
        cloud = self._clouds[refused.change.cloud]
        rule = await cloud.fault(
            "refuse",
            action=refused.change.action,
            code=refused.code,
            message=refused.message,
            status=refused.status,
        )
        parameters = dict(self._play.parameters)
        report = await self._up(Source(file=self._file, text=self._play.longer, parameters=parameters))
        await cloud.heal(rule)
        _must(report.state == "undone", f"the failing run ended as {report.state}")
        if report.cause is not None:
            stage.line("Why, as the run itself says it:")
            for line in str(report.cause).splitlines():
                stage.line(f"  {line}")
        _must(lasting(await self._worlds()) == before, "the world is not what it was before")
        stage.good(
            f"{report.run} is {report.state}, in {_took(report)}. We compared all that stands in {self._names}, "
            "field by field, with what stood before: it is the same."
        )

    async def _told(self) -> None:
        stage = self._stage
        stage.scene("What is remembered: `holdfast audit log`, from Temporal's history and nothing else")
        board = await self._holdfast.board(self._play.stack)
        for past in board.past:
            stage.line(f"  {past.run}  {past.operation}  {past.state}  by {past.requester}")
        failed = board.past[-1].run
        trail = [line for line in await audit.lines(self._holdfast.client, self._play.stack) if line.run == failed]
        stage.line(f"And of {failed}, step by step, with {self._theirs} own request ids:")
        width = max((len(line.resource) for line in trail), default=0)
        widest = max((len(line.what) for line in trail), default=0)
        results = max((len(line.code or line.result) for line in trail), default=0)
        for line in trail:
            request = f"  {line.requests[0]}" if line.requests else ""
            what = f"{line.what:<{widest}}  {line.resource:<{width}}  {line.code or line.result:<{results}}"
            stage.line(f"  {line.at:%H:%M:%S}  {what}{request}")
        stage.line(f"While it runs, the Web UI shows every step of it: {self._state.ui}")
        stage.scene("That was all")
        named = "" if self._play.clouds == ("aws",) else f" --cloud {self._play.name}"
        stage.line(
            f"`holdfast local start{named}` gives you this environment to keep. The document was\n"
            f"examples/{self._file}; `holdfast kinds` lists what can be built."
        )

    async def _up(self, source: Source, *, quiet: bool = False) -> Report:
        ticket = await self._holdfast.submit(self._holdfast.request(Operation.up, self._play.stack, source=source))
        with self._stage.drawing(quiet=quiet) as draw:
            async for progress in self._holdfast.watch(ticket.run, every=0.2):
                draw(progress)
            report = await self._holdfast.report(ticket.run)
            draw(await self._last(ticket.run))
        return report

    async def _last(self, run: str) -> Progress:
        """A run's last picture: `watch` ends with the run, and may have missed it."""
        board = await self._holdfast.board(self._play.stack)
        execution = next(past.execution for past in board.past if past.run == run)
        handle = self._holdfast.client.get_workflow_handle(run_id(self._play.stack), run_id=execution)
        last: Progress = await handle.query(Message.progress, result_type=Progress)
        return last

    def _source(self) -> Source:
        return Source(file=self._file, text=self._text)

    async def _worlds(self) -> dict[str, Any]:
        """All that stands, by cloud."""
        return {name: await cloud.world() for name, cloud in self._clouds.items()}


def counted(found: int, unmarked: Sequence[str]) -> str:
    """How much of what was asked for stands, with the kinds of what bears no mark to find it by."""
    if not unmarked:
        return f"{found} asked for, {found} stand"
    kinds = ", ".join(sorted(set(unmarked)))
    beside = f"and {len(unmarked)} that can bear none ({kinds})"
    return f"{found + len(unmarked)} asked for: {found} found by their marks, {beside}"


async def _until(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look until there is something to see."""
    while not (found := await look()):  # noqa: ASYNC110  # other processes tell nobody
        await asyncio.sleep(0.05)
    return found


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _took(report: Report) -> str:
    if report.started is None or report.ended is None:
        return "no time"
    return short(max(report.ended - report.started, timedelta(seconds=1)))


def _must(kept: bool, otherwise: str) -> None:
    """A promise of the evening; broken, the evening ends and says so."""
    if not kept:
        raise Broken(f"the demo did not go as promised: {otherwise}", next="please tell us, with this output")
