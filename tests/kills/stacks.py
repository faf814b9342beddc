"""One stack in a local cloud: what is asked of it, what of the world is its, and what is wrong with how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError

from activities.server import ended_report, submit
from holdfast.arbiter import Board, Ticket
from holdfast.contract import ADDRESS_TAG, TOKEN_TAG, Message, OnFailure, Operation, State, arbiter_id, run_id
from holdfast.run import Report, Request, Source
from holdfast.testing.laws import Thing
from starter.standing import lasting
from tests.cloud import Entry
from tests.kills.conftest import Crew
from tests.kills.losses import Target
from tests.kills.parts import Part, filled

LOOK = 0.3  # seconds between two looks at whether a run has begun


class Stack:
    """The stack of one part."""

    def __init__(self, crew: Crew, part: Part, name: str) -> None:
        self.crew, self.part, self.name = crew, part, name
        self.before: dict[str, Any] = {}
        self._ids: dict[str, str] = {}
        self._named = re.compile(rf"\b{name}-(\w+)")

    async def prepare(self) -> None:
        """Bring about what stands before."""
        if self.part.before is not None:
            report = await self._run(self.part.before)
            assert report.state is State.done, f"{self}: {report.cause}"

    def look(self, world: list[Thing]) -> None:
        """Remember what stands before."""
        self.before, self._ids = self.standing(world), {name: thing.id for name, thing in self._own(world)}

    def targets(self) -> list[Target]:
        """The requests to strike."""
        words = {"stack": self.name, **self._ids}
        return [Target(hit.action, filled(hit.word, words), self.part.region, hit.nth) for hit in self.part.struck]

    def refuse(self) -> None:
        """Let the cloud refuse the last step. Before any other rule: what is refused is not for the others to count."""
        if self.part.is_undone:
            action, code, status = self.crew.site.refusal
            anchor = self._ids["anchor"].rpartition("/")[2]
            self.crew.cloud.control.refuse(code, action=action, contains=anchor, status=status)

    async def ask(self) -> Report:
        """The run that is struck."""
        return await self._run(self.part.asked)

    async def down(self) -> Report:
        """The run that removes it."""
        return await self._run(None)

    async def ask_again(self) -> State | None:
        """How a second `up` of what stands now ends."""
        return (await self._run(self.part.stands)).state if self.part.stands is not None else State.unchanged

    def wrong(self, report: Report, world: list[Thing]) -> list[str]:
        """What is wrong with how it ended."""
        part, found = self.part, []
        if report.state is not part.state:
            found.append(f"ended {report.state}: {[str(o.letter) for o in report.owed] or report.cause}")
        stands = self.standing(world)
        if part.is_undone and stands != self.before:
            found.append(f"not as it was before: {stands} instead of {self.before}")
        wanted = sorted(re.findall(r"^  (\w+):", part.stands or "", re.MULTILINE))
        names = sorted(name for kind in stands.values() for name in kind for _ in kind[name])
        if names != wanted:
            found.append(f"{names} stand instead of {wanted}")
        if part.lets_go:
            everything = {thing.id for thing in world}
            found += [f"{name} ({one}) is gone" for name, one in self._ids.items() if one not in everything]
        return [f"{self}: {what}" for what in found]

    def is_about(self, entry: Entry) -> bool:
        """Whether a request was this stack's: by its name, or by an id of what it has."""
        said = str(entry.parameters)
        return any(word in said for word in (f"{self.name}-", f"{self.name}/", *self._ids.values()))

    async def completed(self) -> int:
        """How many activities of its newest run have completed."""
        history = await self.crew.client.get_workflow_handle(run_id(self.name)).fetch_history()
        return sum(event.HasField("activity_task_completed_event_attributes") for event in history.events)

    def standing(self, world: list[Thing]) -> dict[str, Any]:
        """What is its: kind -> name -> fields. Ids, tokens and moments differ by nature, and are left out."""
        found: dict[str, Any] = {}
        for name, thing in self._own(world):
            marks = {mark: value for mark, value in thing.marks.items() if mark != TOKEN_TAG}
            found.setdefault(thing.kind, {}).setdefault(name, []).append({**lasting(thing.fields), "marks": marks})
        return found

    def _own(self, world: list[Thing]) -> Iterator[tuple[str, Thing]]:
        """What carries its mark; and what can carry none, and has its name."""
        site = self.crew.site
        for thing in world:
            kind = site.kinds.get(thing.kind)
            named = self._named.search(thing.id.rpartition("/")[2])
            if thing.kind in site.unmarked and named:
                yield named[1], thing
            # An instance's own disk and interface carry its address, and go with it.
            elif thing.owner == f"holdfast/{self.name}" and f"/{kind}/" in thing.marks[ADDRESS_TAG]:
                yield thing.marks[ADDRESS_TAG].rpartition("/")[2], thing

    async def _run(self, resources: str | None) -> Report:
        operation = Operation.down if resources is None else Operation.up
        source = Source(file="stack.yaml", text=self._document(resources)) if resources else None
        on_failure = OnFailure.keep if resources is None else OnFailure.rollback
        holdfast = self.crew.holdfast
        request = holdfast.request(
            operation, self.name, source=source, on_failure=on_failure, confirmed=("data", "delete-first")
        )
        ticket = await self._submit(request)
        while (execution := await self._execution(ticket.run)) is None:  # noqa: ASYNC110  the arbiter tells nobody
            await asyncio.sleep(LOOK)
        # Not `wait`, whose looks are answered by the worker: many runs are waited for at once.
        handle = self.crew.client.get_workflow_handle(run_id(self.name), run_id=execution, result_type=Report)
        report = await ended_report(handle)
        assert report is not None, f"{self}: {ticket.run} left no report"
        return report

    async def _submit(self, request: Request) -> Ticket:
        """Without the front door's patience of seconds: a machine with a dozen workers on it may need more."""
        for _ in range(20):
            with contextlib.suppress(RPCError, TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
                async with asyncio.timeout(20):
                    return await submit(self.crew.client, request)  # the same request is the same run
            await asyncio.sleep(LOOK)
        raise TimeoutError(f"{self}: nobody takes its request")

    async def _execution(self, run: str) -> str | None:
        arbiter = self.crew.client.get_workflow_handle(arbiter_id(self.name))
        try:
            board = await arbiter.query(Message.board, result_type=Board, rpc_timeout=timedelta(seconds=20))
        except RPCError:
            return None
        ended = {past.run: past.execution for past in board.past}
        return board.execution if board.current == run else ended.get(run)

    def _document(self, resources: str) -> str:
        site = self.crew.site
        region = self.part.region or site.region
        words = site.words(self.crew.cloud, region)
        written = filled(resources, {"stack": self.name, "region": region, "about": self.part.about, **words})
        return f"""
version: 1
stack: {self.name}
owner: tests
environment: dev
scopes: {{main: {filled(site.scope, {"region": region})}}}
defaults: {{scope: main}}
resources:
{written}"""

    def __str__(self) -> str:
        return f"{self.part.name} ({self.name})"
