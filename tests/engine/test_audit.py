"""The history says who asked, down to the last activity, and never what is secret."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from holdfast import audit
from holdfast.asking import HEADER, asking
from holdfast.contract import Answer, OnFailure, Operation, State
from holdfast.run import Identity
from holdfast.secret import HIDDEN
from starter.audit import lines
from tests.engine.harness import Engine, thing
from workflows import provision

BOB = Identity(requester="bob", reason="his own", ticket="T-1")


def test_an_act_that_was_stopped_is_cancelled() -> None:
    """The trail spells it as the states of runs do, whatever Temporal's events are called."""
    stopped = audit.Event(id=1, at=datetime.now(UTC), type="ACTIVITY_TASK_CANCELED")
    assert audit._outcome(stopped) == {"result": State.cancelled}


async def test_an_end_names_what_its_cause_is_about(shop: Engine) -> None:
    """Whoever asks for the trail of a resource sees the runs that ended because of it; a good end names none."""
    await shop.up(shop.doc(net=thing()))
    shop.cloud.refuse("create", "app")
    report = await shop.up(shop.doc(net=thing(), app=thing()))
    assert report.cause is not None
    ends = [line for line in await lines(shop.client, shop.stack) if line.what == "end up"]
    told = [(line.run, line.result, line.resource, line.words) for line in ends]
    assert told == [
        (f"{shop.stack}-1", State.done, "", ""),
        (f"{shop.stack}-2", State.undone, str(shop.address("app")), report.cause.happened),
    ]
    assert list(audit.chosen(ends, resource="/app")) == [ends[1]]


async def test_who_asked_reaches_every_activity(shop: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requester stands in the headers of the run, of its continued executions, and of all their activities."""
    monkeypatch.setattr(provision, "FULL", 40)
    asking.set(Identity(requester="ada"))
    things = {f"t{n}": thing("token") for n in range(8)}
    await shop.up(shop.doc(**things))  # ada's, who starts the arbiter
    asking.set(BOB)
    await shop.up(shop.doc(**things, other=thing(uses=["${t0.id}"])), identity=BOB)
    board = await shop.board()
    for past, who in zip(board.past, ("ada", "bob"), strict=True):
        chain = await shop.chain(past.execution)
        assert len(chain) > 1 or who == "bob"
        for history in chain:
            for event in history.events:
                if event.HasField("workflow_execution_started_event_attributes"):
                    assert _who(event.workflow_execution_started_event_attributes.header) == who
                if event.HasField("activity_task_scheduled_event_attributes"):
                    assert _who(event.activity_task_scheduled_event_attributes.header) == who


async def test_who_asked_stands_at_the_arbiters_door(shop: Engine) -> None:
    """A request that starts its arbiter carries the requester twice: into the arbiter, and into the update."""
    asking.set(BOB)
    await shop.up(shop.doc(net=thing()), identity=BOB)
    events = (await shop.arbiter().fetch_history()).events
    assert _who(events[0].workflow_execution_started_event_attributes.header) == "bob"
    accepted = [e.workflow_execution_update_accepted_event_attributes.accepted_request for e in events]
    assert [_who(a.input.header) for a in accepted if a.HasField("input")] == ["bob"]


def _who(header: Any) -> object:
    return json.loads(header.fields[HEADER].data)["requester"]


@pytest.mark.parametrize("size", [1, "${net.endpoint}"])
async def test_a_secret_stays_out_of_history(shop: Engine, monkeypatch: pytest.MonkeyPatch, size: object) -> None:
    """A secret reaches the cloud's call alone: not when all goes well, nor in what is said of a spec that is wrong."""
    monkeypatch.setenv("HOLDFAST_TEST_SEAL", "hunter2-hunter2")
    written = json.loads(shop.doc(net=thing(), app=thing(seal="${parameters.seal}", size=size)))
    written["parameters"] = {"seal": {"sensitive": True, "default": "env:HOLDFAST_TEST_SEAL"}}
    report = await shop.up(json.dumps(written))
    assert report.state is (State.done if size == 1 else State.undone), report.cause
    for history in await shop.chain():
        words = _plain(json.loads(history.to_json()))
        assert "hunter2" not in words
        assert "env:HOLDFAST_TEST_SEAL" in words or size != 1


async def test_a_secret_that_a_cloud_shows_stays_out_of_the_store(
    shop: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a cloud shows of one is hidden before it is kept: as the document, or what was last applied, has it."""
    monkeypatch.setenv("HOLDFAST_TEST_PIN", "hunter2-hunter2")

    def document(size: int, tags: dict[str, str]) -> str:
        written: dict[str, Any] = json.loads(shop.doc(app=thing(tags=tags, size=size)))
        written["parameters"] = {"pin": {"sensitive": True, "default": "env:HOLDFAST_TEST_PIN"}}
        return json.dumps(written)

    secret = {"pin": "${parameters.pin}", "team": "shop"}
    assert (await shop.up(document(1, secret))).state is State.done
    assert "hunter2-hunter2" in str([t.fields for t in shop.cloud.things.values()])
    assert (await shop.up(document(2, secret))).state is State.done
    assert (await shop.up(document(2, secret))).state is State.unchanged
    assert (await shop.up(document(3, {"team": "shop"}))).state is State.done
    assert "hunter2" not in str([t.fields for t in shop.cloud.things.values()])
    assert (await shop.down()).state is State.done
    kept = [file for file in shop.root.rglob("*") if file.is_file()]
    assert kept
    assert [file for file in kept if b"hunter2" in file.read_bytes()] == []


async def test_a_secret_in_what_a_cloud_gave_up_on(
    shop: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A cloud that accepts a value, and repeats it when it gives up, is quoted without it: to whoever asked, in the
    history, in the log, and in the plan that makes it anew.
    """
    monkeypatch.setenv("HOLDFAST_TEST_SEAL", "hunter2-hunter2")
    shop.cloud.settle_looks, shop.cloud.gives_up = 2, "it does not like hunter2-hunter2"
    written = json.loads(shop.doc(app=thing(seal="${parameters.seal}")))
    written["parameters"] = {"seal": {"sensitive": True, "default": "env:HOLDFAST_TEST_SEAL"}}
    report = await shop.up(json.dumps(written), on_failure=OnFailure.keep)
    assert report.cause is not None
    assert f"it does not like {HIDDEN}" in report.cause.happened
    shop.cloud.settle_looks, shop.cloud.gives_up = 0, ""
    assert (await shop.up(json.dumps(written))).state is State.done
    assert "hunter2" not in _plain([json.loads(history.to_json()) for history in await shop.chain()])
    assert "hunter2" not in caplog.text
    kept = [file.read_bytes() for file in shop.root.rglob("*") if file.is_file()]
    assert any(b"it does not like" in one for one in kept)
    assert not any(b"hunter2" in one for one in kept)


def _plain(value: object) -> str:
    """Everything in a history, its payloads decoded."""
    if isinstance(value, dict):
        return "\n".join(_decoded(v) if k == "data" else _plain(v) for k, v in value.items())
    if isinstance(value, list):
        return "\n".join(map(_plain, value))
    return str(value)


def _decoded(data: object) -> str:
    return base64.b64decode(str(data)).decode("utf-8", "replace")


async def test_an_unheard_create_is_owed_and_removed_later(shop: Engine) -> None:
    """A create that nobody heard of, whose undo is refused as well, is owed; a later `down` finds it by its marks."""
    await shop.up(shop.doc(net=thing("token")))
    hold = shop.cloud.hold("create", "app", after=True)
    ticket = await shop.submit(Operation.up, shop.doc(net=thing("token"), app=thing(base="${net.id}")))
    await shop.reached(hold)
    shop.cloud.refuse("delete", "app")
    await shop.run().terminate("by hand")
    hold.let_go()
    report = await shop.ended(f"{shop.stack}-3")
    assert ticket.run == f"{shop.stack}-2"
    assert report.state is State.owed
    assert "app" in {o.address.name for o in report.owed}
    assert "app" not in await shop.ledger()
    down = await shop.down(on_failure=OnFailure.keep)
    assert down.state is State.done
    assert shop.cloud.standing == ""
    assert (await shop.board()).owed == ()


async def test_resolving_twice_is_refused(shop: Engine) -> None:
    """What was resolved is not owed any more."""
    await shop.up(shop.doc(net=thing()))
    shop.cloud.refuse("delete", "net")
    assert (await shop.down(on_failure=OnFailure.keep)).state is State.owed
    assert (await shop.settle(shop.address("net"), Answer.retry)).state is State.done
    assert (await shop.settle(shop.address("net"), Answer.retry)).state is State.refused
