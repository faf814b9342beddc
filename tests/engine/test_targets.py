"""A cloud that does not answer holds up what stands in it, and not a run that is about something else."""

from __future__ import annotations

import json

from holdfast.contract import Operation, State
from holdfast.errors import Unavailable
from tests.engine.harness import Engine, thing


def _spread(shop: Engine, size: int = 1) -> str:
    """A document of two scopes: a net here, and a token and what stands on it away."""
    away = {"scope": "away"}
    text = shop.doc(
        net=thing(size=size), key=thing("token", about=away), door=thing("token", about=away, base="${key.id}")
    )
    written = json.loads(text)
    written["scopes"]["away"] = {"cloud": "sim", "account": "2", "region": "away"}
    return json.dumps(written)


async def test_a_target_does_not_wait_for_another_cloud(shop: Engine) -> None:
    """While one scope's cloud refuses every list, a run for a target in the other comes to its end; what the ledger
    knows of the rest is as it was, and once the cloud answers again the whole is brought about as ever.
    """
    assert (await shop.up(_spread(shop))).state is State.done
    before = await shop.ledger()
    shop.cloud.refuse("list", "sim.token", Unavailable("nobody is there"), times=1_000)
    report = await shop.up(_spread(shop, size=2), targets=("net",))
    assert (report.state, report.counts.update, report.counts.delete) == (State.done, 1, 0)
    assert report.warnings == ("nothing was looked at in sim/2/away: what stands there is as the ledger says",)
    after = await shop.ledger()
    assert {name: after[name] for name in ("key", "door")} == {name: before[name] for name in ("key", "door")}
    assert after["net"].run == report.run
    shop.cloud.mend()
    assert (await shop.up(_spread(shop, size=2))).state is State.unchanged
    assert shop.cloud.standing == "door key net"


async def test_a_first_run_may_leave_a_silent_cloud_for_later(shop: Engine) -> None:
    """Targets that stand nowhere yet are made without a look at the cloud that is silent; the rest follows later."""
    shop.cloud.refuse("list", "sim.token", Unavailable("nobody is there"), times=1_000)
    assert (await shop.up(_spread(shop), targets=("net",))).state is State.done
    assert set(await shop.ledger()) == {"net"}
    waiting = await shop.submit(Operation.up, _spread(shop), targets=("door",))
    await shop.until_state(State.planning)
    shop.cloud.mend()
    assert (await shop.ended(waiting)).state is State.done
    assert set(await shop.ledger()) == {"net", "key", "door"}
