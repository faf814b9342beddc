"""What an act costs: a run of Holdfast against a bare workflow of as many no-op activities, on one server, in turns.

Both have the same converter, the same server and flags, acts of the same size and a window of 50. The kind stands in
memory and answers at once, so all that is measured is the engine: `python -m benchmarks.acts [COUNT …]`.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from temporalio import activity, workflow
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Worker

with workflow.unsafe.imports_passed_through():
    from uuid import uuid4

    from holdfast.act import Act, Done
    from holdfast.contract import Operation
    from holdfast.model import Address, JsonValue, Owner, Status
    from holdfast.plan import Verb
    from holdfast.testing.sim import SCOPE
    from tests.engine import harness
    from tests.engine.harness import Engine, engine, start_server, thing

WINDOW = 50
BARE_QUEUE = "bare"
ROUNDS = 3
PATIENCE = 600.0  # seconds for one run


@activity.defn(name="nothing")
def nothing(act: Act) -> Done:
    """Does nothing, and says as much as an act of ours does."""
    applied: dict[str, JsonValue] = {"name": "t", "size": 1, "model": "small", "power": "on", "version": 1, "zone": "a"}
    return Done(status=Status.ready, remote_id=f"id-{act.seq}", requests=("req-1",), applied=applied)


@workflow.defn(name="bare")
class Bare:
    """As many activities as it is told, fifty at a time."""

    @workflow.run
    async def run(self, acts: int) -> int:
        """See the class."""
        gate = asyncio.Semaphore(WINDOW)

        async def one(seq: int) -> None:
            async with gate:
                await workflow.execute_activity(
                    nothing, _act(seq), start_to_close_timeout=timedelta(minutes=1), summary=f"+ bare/sim.token/t{seq}"
                )

        await asyncio.gather(*(asyncio.create_task(one(seq)) for seq in range(acts)))
        return acts


def _act(seq: int) -> Act:
    return Act(
        verb=Verb.create,
        address=Address("bare", "sim.token", f"t{seq}"),
        scope=SCOPE,
        plan="0" * 40,
        seq=seq,
        token="00000000-0000-0000-0000-000000000000",  # noqa: S106  of the same size
        owner=Owner("bench", "bare"),
    )


@dataclass(frozen=True, slots=True)
class Took:
    """One run: seconds as a whole, seconds of the acts alone, and what it left in history."""

    whole: float
    acts: float
    events: int
    size: int
    executions: int


async def _bare(client: Client, acts: int) -> Took:
    handle = await client.start_workflow(Bare.run, acts, id=f"bare-{uuid4()}", task_queue=BARE_QUEUE)
    await handle.result()
    return _took([await handle.fetch_history()], {"nothing"})


async def _ours(shop: Engine, acts: int) -> Took:
    things = {f"t{n}": thing("token") for n in range(acts)}
    await shop.ended(await shop.submit(Operation.up, shop.doc(**things)))
    return _took(await shop.chain((await shop.board()).past[-1].execution), {"create"})


def _took(chain: Sequence[WorkflowHistory], kinds: set[str]) -> Took:
    events = [e for history in chain for e in history.events]
    started = [e for e in events if e.activity_task_scheduled_event_attributes.activity_type.name in kinds]
    completed = [e for e in events if e.HasField("activity_task_completed_event_attributes")]
    ids = {e.event_id for e in started}
    ended = [e for e in completed if e.activity_task_completed_event_attributes.scheduled_event_id in ids]
    return Took(
        whole=_seconds(events[-1]) - _seconds(events[0]),
        acts=max(map(_seconds, ended)) - min(map(_seconds, started)),
        events=len(events),
        size=sum(e.ByteSize() for e in events),
        executions=len(chain),
    )


def _seconds(event: object) -> float:
    return float(event.event_time.ToNanoseconds()) / 1e9  # type: ignore[attr-defined]


async def _measure(address: str, root: Path, acts: int) -> tuple[list[Took], list[Took]]:
    bare: list[Took] = []
    ours: list[Took] = []
    rounds = ROUNDS if acts <= 1_000 else 1  # noqa: PLR2004  the large ones are long enough
    for turn in range(rounds):
        async with engine(address, root / f"{acts}-{turn}", f"b{acts}-{turn}x", sandboxed=True) as shop:
            ours.append(await _ours(shop, acts))
        client = await harness.connect(address, sandboxed=True)
        with ThreadPoolExecutor(64) as threads:
            async with Worker(
                client,
                task_queue=BARE_QUEUE,
                workflows=[Bare],
                activities=[nothing],
                activity_executor=threads,
                max_concurrent_activities=64,
            ):
                bare.append(await _bare(client, acts))
    return bare, ours


async def main(counts: Sequence[int] = (100, 1_000, 5_000)) -> None:
    """Print a line for each count. Beyond a thousand, a bare workflow has outgrown its history."""
    harness.PATIENCE = PATIENCE
    print("  acts     bare     ours  ratio  acts only   ms/act  events/act   bytes/act")
    async with await start_server() as server:
        address = server.client.service_client.config.target_host
        with tempfile.TemporaryDirectory() as root:
            await _measure(address, Path(root), 20)  # a first run pays for imports and connections
            for acts in counts:
                bare, ours = await _measure(address, Path(root), acts)
                whole = [statistics.median(t.whole for t in side) for side in (bare, ours)]
                alone = [statistics.median(t.acts for t in side) for side in (bare, ours)]
                one = ours[-1]
                print(
                    f"{acts:6} {whole[0]:7.2f}s {whole[1]:7.2f}s "
                    f"{whole[1] / whole[0]:6.2f} {alone[1] / alone[0]:10.2f} "
                    f"{1000 * whole[1] / acts:8.2f} {one.events / acts:11.2f} {one.size / acts:11.0f}"
                )


if __name__ == "__main__":
    asyncio.run(main([int(count) for count in sys.argv[1:]] or [100, 1_000, 5_000]))
