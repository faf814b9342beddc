"""One stack on a real dev server, with workers in this process and a cloud in memory."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.api.enums.v1 import ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle, WorkflowHistory
from temporalio.common import SearchAttributeKey
from temporalio.plugin import SimplePlugin
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.deciding import Deciding
from activities.plans import Plans
from activities.reading import CloudReading
from activities.server import Server, ended_report, submit
from activities.stores.directory import DirectoryStore
from activities.verbs import CloudVerbs
from holdfast.arbiter import Board, Ticket, Withdraw
from holdfast.catalog import Catalog
from holdfast.contract import (
    CONTROL_QUEUE,
    Answer,
    Attribute,
    Message,
    Operation,
    State,
    arbiter_id,
    queue,
    run_id,
)
from holdfast.model import Address
from holdfast.packed import pack, unpack
from holdfast.progress import Progress
from holdfast.run import Entry, Fate, Identity, Ledger, Report, Request, Resolve, Source, Stop
from holdfast.testing import sim
from tests.engine.cloud import Cloud, Hold, Visit
from workers.composition import WORKFLOWS, Served, serve
from workers.plugin import HoldfastPlugin

TEMPORAL = Path(sys.executable).parent / "temporal"
FLAGS = (
    "system.enableCancelActivityWorkerCommand=true",
    "frontend.WorkerCommandsEnabled=true",
    "matching.enableFairness=true",
    'history.timerProcessorMaxTimeShift="20ms"',
)
PATIENCE = 20.0  # seconds for anything that is waited for; a calm run takes one
UPDATES = ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE
ADA = Identity(requester="ada", reason="a test")


# --- documents --------------------------------------------------------------------------------------------------------


def thing(kind: str = "thing", /, *, about: Mapping[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """One resource's entry in a document; `about` holds what stands beside its spec."""
    return {"kind": f"sim.{kind}", "spec": spec, **(about or {})}


def document(stack: str, resources: Mapping[str, dict[str, Any]], outputs: Mapping[str, str] | None = None) -> str:
    """A document as text. Each thing bears its key as its name, unless its spec says otherwise."""
    named = {key: entry | {"spec": {"name": key, **entry["spec"]}} for key, entry in resources.items()}
    whole = {
        "version": 1,
        "stack": stack,
        "owner": "team-test",
        "environment": "dev",
        "scopes": {"main": {"cloud": "sim", "account": "1", "region": "here"}},
        "defaults": {"scope": "main"},
        "resources": named,
        "outputs": dict(outputs or {}),
    }
    return json.dumps({key: value for key, value in whole.items() if value}, indent=1)


# --- the server -------------------------------------------------------------------------------------------------------


def start_server() -> Awaitable[WorkflowEnvironment]:
    """A dev server in memory, with our search attributes and the flags that production has."""
    keys: list[SearchAttributeKey[Any]] = [
        SearchAttributeKey.for_bool(a.value) if a is Attribute.owed else SearchAttributeKey.for_keyword(a.value)
        for a in Attribute
    ]
    flags = [part for flag in FLAGS for part in ("--dynamic-config-value", flag)]
    return WorkflowEnvironment.start_local(
        dev_server_existing_path=str(TEMPORAL),
        dev_server_extra_args=flags,
        dev_server_log_level="never",
        search_attributes=keys,
    )


class Plain(SimplePlugin):
    """Without the sandbox: what a test sets in a workflow's module is then what the workflow sees."""

    def __init__(self) -> None:
        super().__init__("plain", workflow_runner=UnsandboxedWorkflowRunner())


async def connect(address: str, *, sandboxed: bool) -> Client:
    """A client as ours are. Workers made from it are sandboxed, or not."""
    plugins: list[Any] = [HoldfastPlugin()] if sandboxed else [HoldfastPlugin(), Plain()]
    return await Client.connect(address, plugins=plugins)


# --- one stack --------------------------------------------------------------------------------------------------------


@dataclass
class Engine:
    """Everything that a test does to one stack. All waiting is bounded."""

    client: Client
    root: Path
    stack: str
    cloud: Cloud = field(default_factory=Cloud)
    kinds: Catalog = field(default_factory=sim.catalog)
    stacks: set[str] = field(default_factory=set)
    _stops: dict[str, tuple[asyncio.Event, asyncio.Task[None]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = DirectoryStore(self.root)
        self.stacks.add(self.stack)

    # --- workers -----------------------------------------------------------------------------------------------

    async def work(self, *names: str) -> None:
        """Start workers: `control`, `sim`, or both."""
        for name in names or ("control", "sim"):
            stop = asyncio.Event()
            self._stops[name] = stop, asyncio.create_task(serve(self.client, [self._served(name)], 64, stop.wait))

    def _served(self, name: str) -> Served:
        kinds = self.kinds
        if name == "control":
            deciding, server = Deciding(kinds, self.store), Server(self.client, Plans(self.store).whole)
            return Served(CONTROL_QUEUE, [*deciding.activities, *server.activities], WORKFLOWS)
        verbs = CloudVerbs(kinds, self.store, lambda _: Visit(self.cloud))
        reading = CloudReading(kinds, self.store, lambda _: Visit(self.cloud))
        return Served(queue(name), [*verbs.activities, *reading.activities])

    async def rest(self, *names: str) -> None:
        """Stop workers, gracefully."""
        stopped = [self._stops.pop(name) for name in names or tuple(self._stops)]
        for stop, _ in stopped:
            stop.set()
        await asyncio.gather(*(task for _, task in stopped))

    async def close(self) -> None:
        """Leave nothing behind: no workflow that a later test's worker would go on with."""
        self.cloud.mend()
        for stack in self.stacks:
            for workflow_id in (arbiter_id(stack), run_id(stack)):
                await quietly(self.client.get_workflow_handle(workflow_id).terminate("the test is over"))
        await self.rest()

    # --- asking ------------------------------------------------------------------------------------------------

    def doc(self, outputs: Mapping[str, str] | None = None, /, **resources: dict[str, Any]) -> str:
        """A document of this stack."""
        return document(self.stack, resources, outputs)

    def address(self, name: str, kind: str = "thing") -> Address:
        """An address in this stack."""
        return Address(self.stack, f"sim.{kind}", name)

    def request(self, operation: Operation, text: str | None = None, **more: Any) -> Request:
        """A request as the front door makes them."""
        made: dict[str, Any] = {
            "id": str(uuid4()),
            "stack": self.stack,
            "operation": operation,
            "identity": ADA,
            "installation": "test",
            "environment": "dev",
            "source": pack(Source(file="stack.yaml", text=text)) if text is not None else None,
        }
        return Request(**made | more)

    async def submit(self, operation: Operation, text: str | None = None, **more: Any) -> Ticket:
        """Queue a request."""
        request = self.request(operation, text, **more)
        self.stacks.add(request.stack)
        return await submit(self.client, request)

    async def up(self, text: str, **more: Any) -> Report:
        """Bring up, to the end."""
        return await self.ended(await self.submit(Operation.up, text, **more))

    async def down(self, **more: Any) -> Report:
        """Take down, to the end."""
        return await self.ended(await self.submit(Operation.down, **more))

    async def settle(self, address: Address, answer: Answer, **more: Any) -> Report:
        """Resolve owed work, to the end."""
        asked = await self.submit(Operation.resolve, subject=address, answer=answer, **more)
        return await self.ended(asked)

    # --- a run in progress -------------------------------------------------------------------------------------

    def arbiter(self, stack: str | None = None) -> WorkflowHandle[Any, Any]:
        """The stack's arbiter."""
        return self.client.get_workflow_handle(arbiter_id(stack or self.stack))

    def run(self, execution: str | None = None) -> WorkflowHandle[Any, Report]:
        """The stack's newest run, or one execution of it."""
        return self.client.get_workflow_handle(run_id(self.stack), run_id=execution, result_type=Report)

    async def board(self, stack: str | None = None) -> Board:
        """The stack as its arbiter knows it."""
        board: Board = await self.arbiter(stack).query(Message.board, result_type=Board)
        return board

    async def ledger(self) -> dict[str, Entry]:
        """What the arbiter knows of, by the name in its address."""
        return {e.address.name: e for e in unpack((await self.board()).ledger, Ledger).entries}

    async def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return unpack((await self.board()).ledger, Ledger).outputs

    async def progress(self) -> Progress:
        """The live tree."""
        progress: Progress = await self.run().query(Message.progress, result_type=Progress)
        return progress

    async def details(self) -> str:
        """What the Web UI shows of the run."""
        found = await self.run().query("__temporal_workflow_metadata")
        return str(found["currentDetails"] if isinstance(found, dict) else found.current_details)

    async def attribute(self, name: Attribute) -> object:
        """A search attribute of the newest run."""
        seen = await self.run().describe()
        return next((p.value for p in seen.typed_search_attributes.search_attributes if p.key.name == name), None)

    async def resolve(self, address: Address, answer: Answer) -> str:
        """Answer what a paused run asks."""
        said = Resolve(identity=ADA, address=address, answer=answer)
        state: str = await self.run().execute_update(Message.resolve, said, result_type=str)
        return state

    async def cancel(self, *, keep: bool = False) -> str:
        """Stop the run."""
        stop = Stop(identity=ADA, keep=keep)
        state: str = await self.run().execute_update(Message.cancel, stop, result_type=str)
        return state

    async def withdraw(self, run: str) -> None:
        """Take a run out of the queue."""
        await self.arbiter().execute_update(Message.withdraw, Withdraw(identity=ADA, run=run))

    async def reset(self, event: int, *, unsaid: bool = False) -> str:
        """Reset the newest run to an event; returns the new execution. `unsaid`: without the updates it heard since."""
        answer = await self.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self.client.namespace,
                workflow_execution={"workflow_id": run_id(self.stack)},  # type: ignore[arg-type]
                reason="a test",
                workflow_task_finish_event_id=event,
                request_id=str(uuid4()),
                reset_reapply_exclude_types=[UPDATES] if unsaid else [],
            )
        )
        return answer.run_id

    # --- waiting -----------------------------------------------------------------------------------------------

    async def until(self, what: str, check: Callable[[], Awaitable[bool]]) -> None:
        """Until it is so. Raises, saying what was waited for and how the run stands, when it does not become so."""
        end = time.monotonic() + PATIENCE
        while True:
            for _, task in self._stops.values():
                if task.done():
                    task.result()  # a worker has died: say why, instead of waiting for it
            try:
                if await check():
                    return
            except RPCError as error:  # not there yet, or nobody answers its queries yet
                last: object = error
            else:
                last = None
            if time.monotonic() > end:
                raise AssertionError(f"waited for {what}; {last or await self._standing()}")
            await asyncio.sleep(0.02)

    async def until_state(self, *states: State) -> Progress:
        """Until the open run is in one of these states."""

        async def check() -> bool:
            return (await self.progress()).state in states

        await self.until(f"the run to be {' or '.join(states)}", check)
        return await self.progress()

    async def until_fate(self, name: str, fate: Fate) -> None:
        """Until the open run says this of the resource of that name."""

        async def check() -> bool:
            return any(r.address.name == name and r.fate is fate for r in (await self.progress()).rows)

        await self.until(f"{name} to be {fate}", check)

    async def ended(self, ticket: Ticket | str, stack: str | None = None) -> Report:
        """The report of a run, once its arbiter has filed it."""
        run = ticket if isinstance(ticket, str) else ticket.run
        stack = stack or run.rpartition("-")[0]

        async def check() -> bool:
            return any(p.run == run for p in (await self.board(stack)).past)

        await self.until(f"{run} to end", check)
        past = next(p for p in (await self.board(stack)).past if p.run == run)
        handle = self.client.get_workflow_handle(run_id(stack), run_id=past.execution, result_type=Report)
        report = await ended_report(handle)
        assert report is not None, f"{run} ended without a report"
        return report

    async def reached(self, *holds: Hold) -> None:
        """Until the cloud holds these calls."""

        async def check() -> bool:
            return all(hold.reached.is_set() for hold in holds)

        await self.until("a call to reach the cloud", check)

    async def _standing(self) -> str:
        try:
            return f"{await self.progress()}"
        except RPCError as error:
            return f"the run does not answer: {error}"

    # --- looking back ------------------------------------------------------------------------------------------

    async def chain(self, execution: str | None = None) -> list[WorkflowHistory]:
        """The histories of a run, over every execution that it continued in, oldest first."""
        found: list[WorkflowHistory] = []
        while execution is not None or not found:
            history = await self.run(execution).fetch_history()
            found.insert(0, history)
            started = history.events[0].workflow_execution_started_event_attributes
            execution = started.continued_execution_run_id or None
        return found

    async def scheduled(self, execution: str | None = None) -> list[str]:
        """The activities that a run has scheduled, by type, in order."""
        events = (e for history in await self.chain(execution) for e in history.events)
        types = (e.activity_task_scheduled_event_attributes.activity_type.name for e in events)
        return [name for name in types if name]


async def quietly(call: Awaitable[object]) -> None:
    """It may be gone already."""
    try:
        await call
    except RPCError:
        return


@asynccontextmanager
async def engine(
    address: str, root: Path, stack: str, *, sandboxed: bool, workers: bool = True
) -> AsyncIterator[Engine]:
    """A stack of one's own, its workers running, and everything gone afterwards."""
    made = Engine(await connect(address, sandboxed=sandboxed), root, stack)
    try:
        if workers:
            await made.work()
        yield made
    finally:
        await made.close()
