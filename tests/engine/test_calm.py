"""On a calm day the work gets done, and nothing more than the work."""

from __future__ import annotations

import json

from holdfast.contract import Attribute, State
from tests.engine.harness import Engine, thing


async def test_a_second_up_changes_nothing(boxed: Engine) -> None:
    """A stack is brought up once, and a second `up` of the same document plans nothing."""
    text = boxed.doc({"app": "${app.id}"}, net=thing(), app=thing("token", base="${net.id}"))
    first = await boxed.up(text)
    assert first.state is State.done
    assert first.fates == {"done": 2}
    assert boxed.cloud.standing == "app net"
    made = len(boxed.cloud.mutations)
    second = await boxed.up(text)
    assert second.state is State.unchanged
    assert second.counts.unchanged == 2
    assert len(boxed.cloud.mutations) == made
    assert await boxed.outputs() == {"app": "id-2"}


async def test_an_update_writes_what_changed(shop: Engine) -> None:
    """A changed field is written to the resource that stands, and its id stays."""
    await shop.up(shop.doc(net=thing(size=1)))
    report = await shop.up(shop.doc({"where": "${net.endpoint}"}, net=thing(size=2)))
    assert (report.state, report.counts.update) == (State.done, 1)
    assert shop.cloud.things["id-1"].fields["size"] == 2
    assert await shop.outputs() == {"where": "net.sim:2"}


async def test_an_operation_loses_no_output(shop: Engine) -> None:
    """What a resource gives is still there after it was only operated on, and is new after it was changed as well."""
    outputs = {"where": "${net.endpoint}"}
    await shop.up(shop.doc(outputs, net=thing()))
    await shop.up(shop.doc(outputs, net=thing(power="off")))
    assert await shop.outputs() == {"where": "net.sim:1"}
    await shop.up(shop.doc(outputs, net=thing(power="on", size=2)))
    assert await shop.outputs() == {"where": "net.sim:2"}


async def test_a_renamed_resource_is_known_by_one_name(shop: Engine) -> None:
    """A rename changes a mark; afterwards the ledger has the resource once, under its new name."""
    await shop.up(shop.doc(old=thing(name="net"), app=thing(base="${old.id}")))
    renamed = json.loads(shop.doc(net=thing(), app=thing(base="${net.id}"))) | {"moved": {"old": "net"}}
    assert (await shop.up(json.dumps(renamed))).state is State.done
    assert {name: e.remote_id for name, e in (await shop.ledger()).items()} == {"net": "id-1", "app": "id-2"}


async def test_a_replace_moves_whatever_stands_on_it(shop: Engine) -> None:
    """A replaced resource takes its dependants along, new ones first, and the old ones go last."""
    await shop.up(shop.doc(net=thing(zone="a"), app=thing(base="${net.id}")))
    report = await shop.up(shop.doc({"app": "${app.id}"}, net=thing(zone="b"), app=thing(base="${net.id}")))
    assert (report.state, report.counts.replace) == (State.done, 2)
    assert shop.cloud.standing == "app net"
    ledger = await shop.ledger()
    standing = shop.cloud.things[ledger["app"].remote_id]
    assert standing.fields["base"] == ledger["net"].remote_id
    assert shop.cloud.things[ledger["net"].remote_id].fields["zone"] == "b"
    assert await shop.outputs() == {"app": ledger["app"].remote_id}


async def test_a_kind_whose_names_collide_is_replaced_delete_first(shop: Engine) -> None:
    """A delete-first replace asks before it goes on; once confirmed, one thing of the name stands."""
    await shop.up(shop.doc(box=thing("named", zone="a")))
    text = shop.doc(box=thing("named", zone="b"))
    refused = await shop.up(text)
    assert refused.state is State.refused
    assert refused.cause is not None
    assert "delete-first" in refused.cause.happened
    done = await shop.up(text, confirmed=("delete-first",))
    assert done.state is State.done
    assert [t.fields["zone"] for t in shop.cloud.things.values()] == ["b"]


async def test_what_left_the_document_is_removed(shop: Engine) -> None:
    """A resource that is no longer in the document is deleted, after what stood on it."""
    await shop.up(shop.doc(net=thing(), app=thing(base="${net.id}"), other=thing()))
    report = await shop.up(shop.doc(other=thing()))
    assert (report.state, report.counts.delete) == (State.done, 2)
    assert shop.cloud.standing == "other"
    assert _order(shop) == ["app", "net"]
    assert set(await shop.ledger()) == {"other"}


def _order(shop: Engine) -> list[str]:
    return [str(m.address).rpartition("/")[2] for m in shop.cloud.mutations if m.verb == "delete"]


async def test_down_removes_everything_in_reverse(shop: Engine) -> None:
    """`down` removes what `up` made, dependants first, and leaves an empty ledger without outputs."""
    await shop.up(shop.doc({"app": "${app.id}"}, net=thing(), app=thing(base="${net.id}")))
    report = await shop.down()
    assert report.state is State.done
    assert shop.cloud.standing == ""
    assert _order(shop) == ["app", "net"]
    assert await shop.ledger() == {}
    assert await shop.outputs() == {}


async def test_slow_resources_are_waited_for(shop: Engine) -> None:
    """What the cloud is still making is waited for before anything is built on it."""
    shop.cloud.settle_looks = 3
    report = await shop.up(shop.doc(net=thing(), app=thing("token", base="${net.id}")))
    assert report.state is State.done
    assert "settle" in await shop.scheduled()
    assert (await shop.down()).state is State.done
    assert shop.cloud.count() == 0


async def test_a_lost_answer_makes_no_second_resource(shop: Engine) -> None:
    """A create whose answer was lost is adopted by its next attempt, whatever makes the kind safe."""
    for name in ("tagged", "token", "named"):
        shop.cloud.lose("create", name, times=2)
    text = shop.doc(tagged=thing(), token=thing("token"), named=thing("named"))
    report = await shop.up(text)
    assert report.state is State.done, report.cause
    assert shop.cloud.standing == "named tagged token"
    assert (await shop.up(text)).state is State.unchanged


async def test_operations_bracket_an_update(shop: Engine) -> None:
    """A field that only changes while the power is off is changed between a stop and a start."""
    await shop.up(shop.doc(web=thing(model="small")))
    report = await shop.up(shop.doc(web=thing(model="large")))
    assert report.state is State.done
    fields = [m.fields for m in shop.cloud.mutations if m.verb == "update"]
    assert fields == [{"power": "off"}, {"model": "large"}, {"power": "on"}]


async def test_who_did_what_stands_in_the_history(shop: Engine) -> None:
    """Every act's summary names its resource, its result carries the cloud's request ids, and a run can be found."""
    report = await shop.up(shop.doc(net=thing()))
    history = (await shop.chain())[0].to_json()
    assert f"+ {shop.address('net')}" in _decoded(history)
    assert "req-1" in _decoded(history)
    assert history.count('"EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES"') <= 3
    assert await shop.attribute(Attribute.run) == report.run
    assert await shop.attribute(Attribute.state) == State.done
    assert await shop.attribute(Attribute.requester) == "ada"
    assert await shop.attribute(Attribute.stack) == shop.stack


def _decoded(history: str) -> str:
    import base64
    import json

    def texts(value: object) -> list[str]:
        if isinstance(value, dict):
            return [t for k, v in value.items() for t in ([_plain(v)] if k == "data" else texts(v))]
        return [t for v in value for t in texts(v)] if isinstance(value, list) else []

    def _plain(data: object) -> str:
        return base64.b64decode(str(data)).decode("utf-8", "replace")

    return "\n".join(texts(json.loads(history)))
