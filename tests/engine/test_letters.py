"""What goes wrong before anything is touched is said clearly, and touches nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities import server
from holdfast.catalog import Catalog
from holdfast.contract import CONTROL_QUEUE, Attribute, Message, Operation, State, Workflow
from holdfast.errors import Letter
from holdfast.model import Address
from holdfast.packed import Packed, pack, unpack
from holdfast.plan import Plan
from holdfast.run import Draft, Ledger
from tests.engine.harness import Engine, thing
from workflows import watch


async def _planned(shop: Engine, text: str) -> Plan:
    ledger = (await shop.board()).ledger if shop.cloud.things else pack(Ledger())
    draft = Draft(request=shop.request(Operation.up, text), ledger=ledger)
    packed = await shop.client.execute_workflow(
        Workflow.plan, draft, id=f"{shop.stack}-plan", task_queue=CONTROL_QUEUE, result_type=Packed
    )
    return unpack(packed, Plan)


async def test_planning_changes_nothing(shop: Engine) -> None:
    """The plan workflow returns the whole plan, takes no lock, and touches nothing."""
    plan = await _planned(shop, shop.doc(net=thing(), app=thing(base="${net.id}")))
    assert plan.counts.create == 2
    assert shop.cloud.mutations == []
    hold = shop.cloud.hold("create", "net")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    assert (await _planned(shop, shop.doc(net=thing()))).counts.create == 1
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done


async def test_the_agreed_plan_is_carried_out_or_none(shop: Engine) -> None:
    """A run that names the plan that was read carries out that one; once the world has moved it is refused as stale."""
    text = shop.doc(net=thing(size=2))
    first = await _planned(shop, text)
    assert (await shop.up(text, plan=first.digest)).state is State.done
    second = await _planned(shop, shop.doc(net=thing(size=3)))
    shop.cloud.meddle("id-1", size=7)
    made = len(shop.cloud.mutations)
    report = await shop.up(shop.doc(net=thing(size=3)), plan=second.digest)
    assert report.state is State.refused
    assert report.cause is not None
    assert (report.cause.error, report.cause.standing) == ("PlanStale", "nothing was touched")
    assert len(shop.cloud.mutations) == made
    assert report.ledger is None
    assert set(await shop.ledger()) == {"net"}


async def test_what_asks_first_is_refused_until_it_is_answered(shop: Engine) -> None:
    """Deleting what holds data needs a yes; without one nothing is touched."""
    await shop.up(shop.doc(safe=thing("vault")))
    report = await shop.down()
    assert report.state is State.refused
    assert report.cause is not None
    assert (report.cause.error, "data" in report.cause.happened) == ("NotAllowed", True)
    assert shop.cloud.standing == "safe"
    assert (await shop.down(confirmed=("data",))).state is State.done
    assert shop.cloud.standing == ""


async def test_a_bad_document_is_refused_with_its_place(shop: Engine) -> None:
    """Every fault is named with file, line and column, and nothing is touched."""
    text = shop.doc(net=thing(sise=3), app=thing(base="${nett.id}"))
    report = await shop.up(text)
    assert report.state is State.refused
    assert report.cause is not None
    assert report.cause.error == "InvalidDocument"
    said = str(report.cause)
    assert "stack.yaml:" in said
    assert "size" in said
    assert "net" in said
    assert shop.cloud.mutations == []
    assert await shop.attribute(Attribute.state) == State.refused


async def test_a_stranger_at_our_name_is_not_touched(shop: Engine) -> None:
    """A name that another hand has taken is refused while planning."""
    from holdfast.testing.sim import SCOPE

    shop.cloud.plant("sim.named", SCOPE, {"name": "box", "size": 1})
    report = await shop.up(shop.doc(box=thing("named")))
    assert report.state is State.refused
    assert report.cause is not None
    assert report.cause.error in {"NotOurs", "NameTaken"}
    assert [m.by for m in shop.cloud.mutations] == ["another hand"]


async def test_a_queue_without_a_worker_is_said_aloud(idle: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose cloud has no worker says what it waits for, and goes on as soon as one comes."""
    monkeypatch.setattr(watch, "FIRST", timedelta(milliseconds=200))
    monkeypatch.setattr(server, "ALIVE", timedelta(seconds=1))  # an earlier test's worker has gone
    await idle.work("control")
    ticket = await idle.submit(Operation.up, idle.doc(net=thing()))

    async def waits() -> bool:
        return (await idle.progress()).waiting == "waiting for a worker on holdfast-sim"

    await idle.until("the run to say what it waits for", waits)
    assert "waiting for a worker on holdfast-sim" in await idle.details()

    async def said() -> bool:
        return await idle.attribute(Attribute.waiting) == "waiting for a worker on holdfast-sim"

    await idle.until("the search attribute to say so", said)
    await idle.work("sim")
    assert (await idle.ended(ticket)).state is State.done
    assert await idle.attribute(Attribute.waiting) == "nothing"


@pytest.mark.parametrize("kind", [Workflow.stack, Workflow.provision, Workflow.plan, Workflow.request])
async def test_bad_input_fails_a_workflow_at_once(boxed: Engine, kind: Workflow) -> None:
    """A workflow whose input does not fit fails, naming the fields, instead of trying for ever."""
    started = await boxed.client.start_workflow(
        kind, {"stack": ["the text"]}, id=f"{boxed.stack}-bad", task_queue=CONTROL_QUEUE
    )
    with pytest.raises(WorkflowFailureError) as failed:
        await asyncio.wait_for(started.result(), 20)
    cause = failed.value.cause
    assert isinstance(cause, ApplicationError)
    assert "loc" in str(cause.details)
    assert "text" not in str(cause.details)


async def test_a_bad_answer_is_refused_and_the_run_lives(shop: Engine) -> None:
    """An update whose input does not fit is refused; the run goes on as if nobody had asked."""
    hold = shop.cloud.hold("create", "net")
    ticket = await shop.submit(Operation.up, shop.doc(net=thing()))
    await shop.reached(hold)
    with pytest.raises(WorkflowUpdateFailedError):
        await shop.run().execute_update(Message.resolve, {"address": "nowhere"})
    hold.let_go()
    assert (await shop.ended(ticket)).state is State.done


def test_a_letter_reads_as_a_letter() -> None:
    """What happened, how the world stands, and what to do next, each on its line."""
    letter = Letter(error="PlanStale", happened="it moved", standing="nothing was touched", next="plan again")
    assert str(letter).splitlines() == ["it moved", "Standing: nothing was touched", "Next: plan again"]


@pytest.mark.parametrize(
    "happened, opening",
    [
        ("AWS refused CreateVpc", "shop/aws.vpc/net: AWS refused CreateVpc"),
        ("cannot delete shop/aws.vpc/net: it is in use", "cannot delete shop/aws.vpc/net: it is in use"),
        ("shop/aws.vpc/network is in use", "shop/aws.vpc/net: shop/aws.vpc/network is in use"),
    ],
)
def test_a_letter_names_the_address_once(happened: str, opening: str) -> None:
    """Whoever is woken reads first which resource it is about; not twice, and not where the line above has said so."""
    address = Address.parse("shop/aws.vpc/net")
    letter = Letter(error="Broken", happened=happened, address=address, next="look")
    assert str(letter) == f"{opening}\nNext: look"
    assert letter.below(address) == f"{happened}\nNext: look"
    assert str(letter.model_copy(update={"address": None})) == f"{happened}\nNext: look"


@pytest.mark.parametrize("named", ["app", "sim.thing/app", "shop/sim.thing/app"])
async def test_a_target_is_named_as_people_do(shop: Engine, named: str) -> None:
    """Whole, without the stack, or by the name that the document gives it."""
    target = named.replace("shop/", f"{shop.stack}/")
    report = await shop.up(shop.doc(net=thing(), app=thing()), targets=(target,))
    assert report.state is State.done, report.cause
    assert shop.cloud.standing == "app"


@pytest.mark.parametrize("how", ["targets", "replace"])
@pytest.mark.parametrize(
    "named, near", [("apb", "did you mean shop/sim.thing/app?"), ("foo bar", "give its name, or KIND/NAME")]
)
async def test_a_target_that_is_none(shop: Engine, how: str, named: str, near: str) -> None:
    """It is refused at once, as what a person wrote, and the nearest is named."""
    report = await shop.up(shop.doc(net=thing(), app=thing()), **{how: (named,)})
    assert report.state is State.refused
    assert report.cause is not None
    assert report.cause.error == "InvalidInput"
    assert near.replace("shop/", f"{shop.stack}/") in report.cause.next
    assert shop.cloud.standing == ""


async def test_a_worker_that_lacks_a_kind_does_not_blame_the_document(idle: Engine) -> None:
    """Where the document is right, and only the worker does not know its kind, the letter says what to install where;
    the same of a kind that stands in the ledger.
    """
    everything = idle.kinds
    await idle.work()
    text = idle.doc(net=thing(), key=thing("token"))
    assert (await idle.up(text)).state is State.done
    await idle.rest()
    idle.kinds = Catalog(kind for kind in everything if kind.kind != "sim.token")
    await idle.work()
    for report in (await idle.up(text), await idle.down()):
        assert report.state is State.refused
        assert report.cause is not None
        assert report.cause.error == "Refused"
        assert report.cause.happened.startswith("this worker knows no kind sim.token")
        assert "where `holdfast worker` runs" in report.cause.next
    await idle.rest()
    idle.kinds = everything
    await idle.work()
    assert (await idle.down()).state is State.done
