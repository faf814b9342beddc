"""A thousand resources: no payload and no history grows beyond what a server takes."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import Message as Proto
from temporalio.api.common.v1 import Payload
from temporalio.client import WorkflowHistory

from holdfast.contract import OnFailure, Operation, State
from tests.engine import harness
from tests.engine.harness import Engine, thing

LARGEST = 512 * 1024
LONGEST = 4_096


def _layers(shop: Engine, wide: int) -> dict[str, dict[str, Any]]:
    nets = {f"net-{n}": thing("token") for n in range(wide // 20)}
    subs = {f"sub-{n}": thing("token", base=f"${{net-{n % len(nets)}.id}}") for n in range(wide // 5)}
    rest = wide - len(nets) - len(subs)
    tops = {f"top-{n}": thing("token", uses=[f"${{sub-{n % len(subs)}.id}}"]) for n in range(rest)}
    return nets | subs | tops


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_thousand_resources(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up, a failure at the last leaf, and a `down` that keeps: every run stays within the server's limits."""
    monkeypatch.setattr(harness, "PATIENCE", 100.0)
    layers = _layers(shop, 1_000)
    report = await shop.up(shop.doc({"first": "${net-0.id}"}, **layers))
    assert (report.state, report.counts.create) == (State.done, 1_000)
    assert len(shop.cloud.things) == 1_000
    await _is_small(shop)
    shop.cloud.refuse("delete", "sub-0")
    shop.cloud.refuse("delete", "sub-1")
    ticket = await shop.submit(Operation.down, on_failure=OnFailure.keep)
    down = await shop.ended(ticket)
    assert down.state is State.owed
    assert {o.address.name for o in down.owed} == {"sub-0", "sub-1", "net-0", "net-1"}
    await _is_small(shop)


async def test_a_run_that_fails_at_the_last_leaf(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hundred resources are taken back when the last one is refused, in executions that stay short."""
    monkeypatch.setattr(harness, "PATIENCE", 60.0)
    layers = _layers(shop, 200)
    last = list(layers)[-1]
    layers["leaf"] = thing("token", uses=[f"${{{last}.id}}"])
    shop.cloud.refuse("create", "leaf")
    report = await shop.up(shop.doc(**layers))
    assert report.state is State.undone
    assert shop.cloud.standing == ""
    await _is_small(shop)


async def test_owing_everything_fits(shop: Engine) -> None:
    """A run that is stopped and kept before it has begun names everything, and all of it fits into a payload."""
    layers = _layers(shop, 600)
    hold = shop.cloud.hold("create", "net-0")
    ticket = await shop.submit(Operation.up, shop.doc(**layers))
    await shop.reached(hold)
    await shop.cancel(keep=True)
    hold.let_go()
    report = await shop.ended(ticket)
    assert report.state is State.owed
    assert len(report.owed) > 500
    assert len((await shop.board()).owed) == len(report.owed)
    await _is_small(shop)


async def _is_small(shop: Engine) -> None:
    arbiter = await shop.arbiter().fetch_history()
    runs = [history for past in (await shop.board()).past for history in await shop.chain(past.execution)]
    for history in [arbiter, *runs]:
        assert len(history.events) < LONGEST
        largest = max(_sizes(history))
        assert largest < LARGEST, f"{history.workflow_id}: a payload of {largest} bytes"


def _sizes(history: WorkflowHistory) -> list[int]:
    return [size for event in history.events for size in _payloads(event)]


def _payloads(message: Proto) -> list[int]:
    if isinstance(message, Payload):
        return [len(message.data)]
    found: list[int] = []
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        if field.message_type.GetOptions().map_entry:
            found += [s for v in value.values() if isinstance(v, Proto) for s in _payloads(v)]
        else:
            members = [value] if isinstance(value, Proto) else value
            found += [s for member in members for s in _payloads(member)]
    return found
