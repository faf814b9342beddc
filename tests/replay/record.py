"""Record the histories that `test_replay` replays: `python -m tests.replay.record`, from the root of the checkout.

Record anew only for a change of the workflows that is meant, and say in the change why running work survives it (a
`workflow.patched`, or a build of its own). Recorded without encryption, on a server of its own, in memory.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.client import WorkflowHistory

from holdfast.contract import Answer, OnFailure, Operation, State
from tests.engine.harness import Engine, engine, start_server, thing

HERE = Path(__file__).parent / "histories"

Histories = dict[str, WorkflowHistory]


def _three(shop: Engine) -> str:
    return shop.doc({"app": "${app.id}"}, net=thing(), app=thing(base="${net.id}"), top=thing(base="${app.id}"))


async def _run(shop: Engine) -> WorkflowHistory:
    return (await shop.chain((await shop.board()).past[-1].execution))[-1]


async def calm(shop: Engine) -> Histories:
    """An `up` that does all it was asked, slowly enough to settle."""
    shop.cloud.settle_looks = 1
    await shop.up(_three(shop))
    return {"calm": await _run(shop)}


async def rollback(shop: Engine) -> Histories:
    """An `up` over a standing stack that fails, and is taken back: creates, an update, a replace and a delete."""
    await shop.up(shop.doc(net=thing(zone="a"), app=thing(base="${net.id}"), old=thing(size=1), gone=thing()))
    shop.cloud.refuse("delete", "net")
    text = shop.doc(net=thing(zone="b"), app=thing(base="${net.id}"), old=thing(size=2), new=thing(base="${app.id}"))
    report = await shop.up(text)
    assert report.state is State.undone, report
    return {"rollback": await _run(shop)}


async def pause(shop: Engine) -> Histories:
    """A run that asks, is answered, and goes on; and the arbiter that saw it."""
    shop.cloud.refuse("create", "app")
    ticket = await shop.submit(Operation.up, _three(shop), on_failure=OnFailure.pause)
    await shop.until_state(State.paused)
    await shop.resolve(shop.address("app"), Answer.retry)
    await shop.ended(ticket)
    return {"pause": await _run(shop)}


async def cancel(shop: Engine) -> Histories:
    """A run that is stopped in mid-walk, and takes everything back."""
    hold = shop.cloud.hold("create", "top")
    ticket = await shop.submit(Operation.up, _three(shop))
    await shop.reached(hold)
    await shop.cancel()
    hold.let_go()
    await shop.ended(ticket)
    return {"cancel": await _run(shop)}


async def recover(shop: Engine) -> Histories:
    """What follows a run that was terminated; the arbiter that noticed; and a stack that went down with work owed."""
    await shop.up(_three(shop))
    hold = shop.cloud.hold("create", "more", after=True)
    await shop.submit(Operation.up, shop.doc(net=thing(size=2), more=thing(uses=["${net.id}"])))
    await shop.reached(hold)
    await shop.run().terminate("for the record")
    hold.let_go()
    await shop.ended(f"{shop.stack}-3")
    recovered = await _run(shop)
    shop.cloud.refuse("delete", "app")
    await shop.down(on_failure=OnFailure.keep)
    await shop.settle(shop.address("app"), Answer.retry)
    return {"recover": recovered, "resolve": await _run(shop), "arbiter": await shop.arbiter().fetch_history()}


SCENES: tuple[Callable[[Engine], Awaitable[Histories]], ...] = (calm, rollback, pause, cancel, recover)


async def main() -> None:
    """Play every scene, and write down what the server remembers of it."""
    logging.disable(logging.WARNING)
    HERE.mkdir(exist_ok=True)
    async with await start_server() as server:
        address = server.client.service_client.config.target_host
        for scene in SCENES:
            with tempfile.TemporaryDirectory() as root:
                async with engine(address, Path(root), scene.__name__, sandboxed=True) as shop:
                    for name, history in (await scene(shop)).items():
                        written = {"workflow_id": history.workflow_id, "history": json.loads(history.to_json())}
                        text = json.dumps(written, separators=(",", ":"))
                        for path in (*sys.path, str(HERE.parent.parent)):  # stack traces name where this was recorded
                            text = text.replace(f"{path}/", "") if path else text
                        (HERE / f"{name}.json").write_text(text + "\n")


if __name__ == "__main__":
    asyncio.run(main())
