"""The guided first evening: a stack is built, a worker is killed, a run is taken back; nothing is left running."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from temporalio.client import Client

from activities.providers.aws import tags as aws_tags
from holdfast.contract import ADDRESS_TAG, OWNER_TAG, Exit, Message, Operation, run_id
from holdfast.errors import Broken, InvalidInput, Refused
from holdfast.plan import Plan
from holdfast.progress import Progress
from holdfast.run import Identity, Report, Source
from holdfast.tree import short
from starter import audit
from starter.client import Holdfast
from starter.local import environment
from starter.local.control import Control
from starter.local.state import State, read
from starter.stage import Stage
from workers.plugin import HoldfastPlugin
from workers.settings import Settings

T = TypeVar("T")

STACK = "shop"
DOCUMENT = Path(__file__).with_name("shop.yaml")
# What the failing run asks for besides. The cloud refuses the last of it, when everything before it has been made.
MORE = """\
  archive: {kind: aws.s3_bucket, spec: {name: shop-archive-7f3a, tags: {network: "${net.id}"}}}
  scratch: {kind: aws.volume, spec: {zone: eu-central-1a, size: 50, tags: {network: "${net.id}"}}}
  second: {kind: aws.vpc, depends_on: [archive, scratch, images], spec: {cidr: 10.9.0.0/16}}
"""
LATENCY = 0.3  # seconds that the cloud takes for each change, so that there is something to watch


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
    Raises `Refused` when something was started in the directory before, and `Broken` when a promise was not kept.
    """
    unknown = [cloud for cloud in clouds if cloud != "aws"]
    if unknown or not clouds:
        raise InvalidInput(
            f"the demo does not know {', '.join(unknown) or 'no cloud'} yet", next="`holdfast demo --cloud aws`"
        )
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
        stage.scene("Starting a Temporal server, a local AWS and two workers, each a process of its own")
        started = True
        state = await asyncio.to_thread(environment.launch, place, stage.line, with_parent=not keep)
        await _Evening(state, stage).run()
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

    def __init__(self, state: State, stage: Stage) -> None:
        self._state, self._stage = state, stage
        self._cloud = Control(state.clouds["aws"])
        self._text = DOCUMENT.read_text()
        self._holdfast: Holdfast

    async def run(self) -> None:
        client = await Client.connect(self._state.address, plugins=[HoldfastPlugin()])
        settings = Settings(store=f"file:{self._state.directory / 'store'}")
        self._holdfast = Holdfast(client, settings, Identity(requester="you", reason="a first evening"))
        await self._cloud.fault("latency", seconds=LATENCY, mutates=True)
        plan = await self._planned()
        await self._built(plan)
        await self._again()
        await self._failed()
        await self._told()

    async def _planned(self) -> Plan:
        file = self._state.directory / "shop.yaml"
        file.write_text(self._text)
        self._stage.scene(f"The document, {file}")
        self._stage.document(self._text)
        self._stage.scene("What it would change: `holdfast plan shop.yaml`")
        plan = await self._holdfast.plan(self._holdfast.request(Operation.up, STACK, source=self._source()))
        self._stage.plan(plan)
        return plan

    async def _built(self, plan: Plan) -> None:
        stage = self._stage
        stage.scene("`holdfast up shop.yaml`: and in the middle of it we kill the worker that speaks to AWS")
        hold = await self._cloud.fault("hold", action="CreateVolume", count=1)
        striking = asyncio.create_task(self._strike(hold))
        try:
            report = await self._up(self._source())
        finally:
            striking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await striking
        _must(report.state == "done", f"the run ended as {report.state}")
        stage.good(f"{report.run} is {report.state}, in {_took(report)}, although its worker was killed.")
        standing = self._standing(await self._cloud.world())
        stage.line("What stands in AWS, as AWS itself says:")
        width = max(map(len, standing))
        for address, kinds in sorted(standing.items()):
            ids = [remote_id for ids in kinds.values() for remote_id in ids]
            stage.line(f"  {address:<{width}}  {', '.join(ids)}")
        asked = {str(action.address) for action in plan.actions}
        _must(set(standing) == asked, f"{sorted(standing)} stand, and {sorted(asked)} were asked for")
        twice = any(len(ids) > 1 for kinds in standing.values() for ids in kinds.values())
        _must(not twice, "something stands twice")
        stage.good(f"{len(standing)} asked for, {len(standing)} stand, and nothing stands twice.")

    async def _strike(self, hold: str) -> None:
        """Kill the worker exactly when AWS has made a disk and has not said so."""
        held = await _until(self._cloud.held)
        pid = await _until(self._worker)
        os.kill(pid, signal.SIGKILL)
        await self._cloud.drop()
        await self._cloud.heal(hold)
        self._stage.blow(f"kill -9 {pid}: the worker is dead.")
        self._stage.line(
            f"  AWS had just carried out its {held[0]['action']}; the answer was never heard: nobody knows the id.\n"
            "  The supervisor starts another worker. Temporal misses the heartbeat within 15 s, and hands the act\n"
            "  to it; it looks before it asks again."
        )

        async def another() -> int | None:
            now = await self._worker()
            return now if now != pid else None

        self._stage.line(f"  Another worker is there, pid {await _until(another)}.")

    async def _worker(self) -> int | None:
        return read(self._state.directory).process("worker-aws").pid

    async def _again(self) -> None:
        self._stage.scene("The same once more: `holdfast up shop.yaml`")
        before = await self._cloud.executed()
        report = await self._up(self._source(), quiet=True)
        _must(report.state == "unchanged", f"the second run ended as {report.state}")
        _must(await self._cloud.executed() == before, "AWS was asked to change something")
        self._stage.good(f"{report.run} is {report.state}: nothing to do, and not one change was asked of AWS.")

    async def _failed(self) -> None:
        stage = self._stage
        stage.scene("Now a run that fails: three more resources and one changed, and AWS will refuse the last")
        before = await self._cloud.world()
        rule = await self._cloud.fault(
            "refuse",
            action="CreateVpc",
            code="VpcLimitExceeded",
            message="The maximum number of VPCs has been reached.",
        )
        text = self._text.replace("outputs:", f"{MORE}outputs:")
        report = await self._up(Source(file="shop.yaml", text=text, parameters={"versioning": False}))
        await self._cloud.heal(rule)
        _must(report.state == "undone", f"the failing run ended as {report.state}")
        if report.cause is not None:
            stage.line("Why, as the run itself says it:")
            for line in str(report.cause).splitlines():
                stage.line(f"  {line}")
        _must(await self._cloud.world() == before, "the world is not what it was before")
        stage.good(
            f"{report.run} is {report.state}, in {_took(report)}. We compared all that stands in AWS, field by field, "
            "with what stood before: it is the same."
        )

    async def _told(self) -> None:
        stage = self._stage
        stage.scene("What is remembered: `holdfast audit log`, from Temporal's history and nothing else")
        board = await self._holdfast.board(STACK)
        for past in board.past:
            stage.line(f"  {past.run}  {past.operation}  {past.state}  by {past.requester}")
        failed = board.past[-1].run
        trail = [line for line in await audit.lines(self._holdfast.client, STACK) if line.run == failed]
        stage.line(f"And of {failed}, step by step, with AWS's own request ids:")
        width = max((len(line.resource) for line in trail), default=0)
        widest = max((len(line.what) for line in trail), default=0)
        for line in trail:
            request = f"  {line.requests[0]}" if line.requests else ""
            what = f"{line.what:<{widest}}  {line.resource:<{width}}  {line.code or line.result:<10}"
            stage.line(f"  {line.at:%H:%M:%S}  {what}{request}")
        stage.line(f"While it runs, the Web UI shows every step of it: {self._state.ui}")
        stage.scene("That was all")
        stage.line(
            "`holdfast local start` gives you this environment to keep. The document was examples/shop.yaml;\n"
            "`holdfast kinds` lists what can be built."
        )

    async def _up(self, source: Source, *, quiet: bool = False) -> Report:
        ticket = await self._holdfast.submit(self._holdfast.request(Operation.up, STACK, source=source))
        with self._stage.drawing(quiet=quiet) as draw:
            async for progress in self._holdfast.watch(ticket.run, every=0.2):
                draw(progress)
            report = await self._holdfast.report(ticket.run)
            draw(await self._last(ticket.run))
        return report

    async def _last(self, run: str) -> Progress:
        """A run's last picture: `watch` ends with the run, and may have missed it."""
        board = await self._holdfast.board(STACK)
        execution = next(past.execution for past in board.past if past.run == run)
        handle = self._holdfast.client.get_workflow_handle(run_id(STACK), run_id=execution)
        last: Progress = await handle.query(Message.progress, result_type=Progress)
        return last

    def _source(self) -> Source:
        return Source(file="shop.yaml", text=self._text)

    def _standing(self, world: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
        """What carries our mark: address -> AWS's kind -> ids. An instance's disk bears the mark of its instance.

        A list, since a mark could be there twice, and must not be.
        """
        found: dict[str, dict[str, list[str]]] = {}
        for regions in world.values():
            for kinds in regions.values():
                for kind, things in kinds.items():
                    for remote_id, thing in things.items():
                        tags = thing.get("tags") or {}
                        if tags.get(OWNER_TAG, "").endswith(f"/{STACK}"):
                            address = found.setdefault(aws_tags.read(tags[ADDRESS_TAG]), {})
                            address.setdefault(kind, []).append(remote_id)
        return found


async def _until(look: Callable[[], Awaitable[T | None]]) -> T:
    """Look until there is something to see."""
    while not (found := await look()):  # noqa: ASYNC110  # other processes tell nobody
        await asyncio.sleep(0.05)
    return found


def _took(report: Report) -> str:
    if report.started is None or report.ended is None:
        return "no time"
    return short(max(report.ended - report.started, timedelta(seconds=1)))


def _must(kept: bool, otherwise: str) -> None:
    """A promise of the evening; broken, the evening ends and says so."""
    if not kept:
        raise Broken(f"the demo did not go as promised: {otherwise}", next="please tell us, with this output")
