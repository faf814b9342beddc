"""What a run could not finish is named, kept as owed work, and settled later."""

from __future__ import annotations

import json

import pytest

from holdfast.contract import Answer, Attribute, OnFailure, Operation, State
from tests.engine.harness import Engine, thing


async def _stuck_down(shop: Engine) -> None:
    """A `down` that could not delete `app`, and so kept `net`; `other` is gone."""
    await shop.up(shop.doc(net=thing(), app=thing(base="${net.id}"), other=thing()))
    shop.cloud.refuse("delete", "app")
    report = await shop.down(on_failure=OnFailure.keep)
    assert report.state is State.owed
    assert {(o.address.name, o.fate) for o in report.owed} == {("app", "stuck"), ("net", "kept")}
    assert "no delete of app" in next(o for o in report.owed if o.fate == "stuck").letter.happened
    assert await shop.attribute(Attribute.owed) is True
    assert shop.cloud.standing == "app net"
    assert set(await shop.ledger()) == {"app", "net"}


async def test_owed_work_can_be_retried(shop: Engine) -> None:
    """`resolve retry` does what was owed, and then whatever was kept because of it."""
    await _stuck_down(shop)
    report = await shop.settle(shop.address("app"), Answer.retry)
    assert report.state is State.done
    assert shop.cloud.standing == ""
    board = await shop.board()
    assert board.owed == ()
    assert await shop.ledger() == {}


async def test_owed_work_can_be_skipped(shop: Engine) -> None:
    """`resolve skip` says that nobody owes it any more; nothing is touched."""
    await _stuck_down(shop)
    made = len(shop.cloud.mutations)
    assert (await shop.settle(shop.address("app"), Answer.skip)).state is State.done
    assert [o.address.name for o in (await shop.board()).owed] == ["net"]
    assert (await shop.settle(shop.address("net"), Answer.skip)).state is State.done
    assert (await shop.board()).owed == ()
    assert len(shop.cloud.mutations) == made


async def test_owed_work_can_be_taken_back(shop: Engine) -> None:
    """`resolve rollback` of a delete that did not happen leaves the resource standing, and owes it no more."""
    await _stuck_down(shop)
    report = await shop.settle(shop.address("app"), Answer.rollback)
    assert report.state is State.done
    assert shop.cloud.standing == "app net"
    assert "app" not in {o.address.name for o in (await shop.board()).owed}
    assert set(await shop.ledger()) == {"app", "net"}


async def test_a_stuck_undo_can_be_retried(shop: Engine) -> None:
    """After a walk back that got stuck, `resolve retry` takes back the rest, in order."""
    await shop.up(shop.doc(old=thing()))
    before = shop.cloud.snapshot()
    shop.cloud.refuse("create", "top")
    shop.cloud.refuse("delete", "app")
    text = shop.doc(old=thing(), net=thing(), app=thing(base="${net.id}"), top=thing(base="${app.id}"))
    report = await shop.up(text)
    assert report.state is State.owed
    assert {(o.address.name, o.fate) for o in report.owed} == {("app", "stuck"), ("net", "kept")}
    assert set(await shop.ledger()) == {"old", "net", "app"}
    settled = await shop.settle(shop.address("app"), Answer.retry)
    assert settled.state is State.done
    assert shop.cloud.snapshot() == before
    assert (await shop.board()).owed == ()
    assert set(await shop.ledger()) == {"old"}


async def test_an_update_that_is_taken_back_later_is_forgotten(shop: Engine) -> None:
    """What stood under a walk back that was stuck is taken back by `resolve`, and the next plan sees what there is."""
    await shop.up(shop.doc(net=thing(tags={"a": "one", "b": "two"})))
    known = await shop.ledger()
    shop.cloud.refuse("create", "top")
    shop.cloud.refuse("delete", "app")
    wanted = {"net": thing(tags={"b": "two"}), "app": thing(base="${net.id}")}
    assert (await shop.up(shop.doc(**wanted, top=thing(base="${app.id}")))).state is State.owed
    assert (await shop.settle(shop.address("app"), Answer.retry)).state is State.done
    assert await shop.ledger() == known
    report = await shop.up(shop.doc(net=wanted["net"]))
    assert report.state is State.done
    (net,) = shop.cloud.things.values()
    assert net.fields["tags"] == {"b": "two"}


@pytest.mark.parametrize("zone", ["a", "b"], ids=["renamed", "renamed and made anew"])
@pytest.mark.parametrize("stuck", [False, True], ids=["at once", "later"])
async def test_a_rename_is_taken_back(shop: Engine, zone: str, stuck: bool) -> None:
    """The resource is known by its old name again, also where it was replaced, and made anew on the way back."""
    await shop.up(shop.doc(old=thing(name="web")))
    before, known = shop.cloud.snapshot(), set(await shop.ledger())
    shop.cloud.refuse("create", "top")
    new = thing(name="web", zone=zone)
    written = json.loads(shop.doc(new=new, app=thing(base="${new.id}"), top=thing(base="${app.id}")))
    written["moved"] = {"old": "new"}
    if stuck:
        shop.cloud.refuse("delete", "app")
    report = await shop.up(json.dumps(written))
    if stuck:
        assert report.state is State.owed
        assert (await shop.settle(shop.address("app"), Answer.retry)).state is State.done
    else:
        assert report.state is State.undone, report.owed
    assert shop.cloud.snapshot() == before
    assert set(await shop.ledger()) == known
    assert (await shop.up(shop.doc(old=thing(name="web")))).state is State.unchanged


async def test_what_was_asked_of_the_untouched_is_taken_back_too(shop: Engine) -> None:
    """A run that ends undone leaves a protected resource protected."""
    written = json.loads(shop.doc(net=thing()))
    written["resources"]["net"]["protect"] = True
    await shop.up(json.dumps(written))
    shop.cloud.refuse("create", "app")
    assert (await shop.up(shop.doc(net=thing(), app=thing()))).state is State.undone
    assert (await shop.ledger())["net"].protect
    assert (await shop.down()).state is State.refused
    assert shop.cloud.standing == "net"


async def test_a_retry_that_fails_again_stays_owed(shop: Engine) -> None:
    """Owed work that fails once more is still owed, once."""
    await _stuck_down(shop)
    shop.cloud.refuse("delete", "app")
    report = await shop.settle(shop.address("app"), Answer.retry)
    assert report.state is State.owed
    assert sorted(o.address.name for o in (await shop.board()).owed) == ["app", "net"]


@pytest.mark.parametrize("answer", list(Answer))
async def test_what_is_not_owed_is_not_resolved(shop: Engine, answer: Answer) -> None:
    """Resolving what nobody owes is refused with a letter, and touches nothing."""
    await shop.up(shop.doc(net=thing()))
    report = await shop.settle(shop.address("net"), answer)
    assert report.state is State.refused
    assert report.cause is not None
    assert report.cause.error == "NotFound"
    assert shop.cloud.standing == "net"


async def test_a_later_run_that_finishes_settles_what_was_owed(shop: Engine) -> None:
    """A second `down` that removes everything leaves nothing owed."""
    await _stuck_down(shop)
    assert (await shop.down(on_failure=OnFailure.keep)).state is State.done
    assert shop.cloud.standing == ""
    assert (await shop.board()).owed == ()


@pytest.mark.parametrize("how", ["cancel", "terminate"])
async def test_a_resolve_that_is_stopped_touches_nothing_else(shop: Engine, how: str) -> None:
    """A resolve that is cancelled or terminated leaves what another run has done, and the rest stays owed."""
    await _stuck_down(shop)
    hold = shop.cloud.hold("delete", "app")
    ticket = await shop.submit(Operation.resolve, subject=shop.address("app"), answer=Answer.retry)
    await shop.reached(hold)
    if how == "cancel":
        await shop.cancel()
        hold.let_go()
        report = await shop.ended(ticket)
    else:
        await shop.run().terminate("by hand")
        hold.let_go()
        report = await shop.ended(f"{shop.stack}-4")
    assert report.state is State.owed
    assert shop.cloud.standing in {"app net", "net"}
    assert "net" in {o.address.name for o in (await shop.board()).owed}
    assert (await shop.down(on_failure=OnFailure.keep)).state is State.done
    assert shop.cloud.standing == ""
    assert (await shop.board()).owed == ()


async def test_a_resolve_of_an_undo_that_is_terminated_goes_on(shop: Engine) -> None:
    """A taking back that was owed, tried again and terminated, is finished by the recover run."""
    shop.cloud.refuse("create", "top")
    shop.cloud.refuse("delete", "app")
    text = shop.doc(net=thing(), app=thing(base="${net.id}"), top=thing(base="${app.id}"))
    assert (await shop.up(text)).state is State.owed
    hold = shop.cloud.hold("delete", "app")
    await shop.submit(Operation.resolve, subject=shop.address("app"), answer=Answer.retry)
    await shop.reached(hold)
    await shop.run().terminate("by hand")
    hold.let_go()
    await shop.ended(f"{shop.stack}-3")
    assert shop.cloud.standing == ""
    assert (await shop.board()).owed == ()
