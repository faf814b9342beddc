"""`gcp.service_account` on the local Google Cloud: what is special to it beside the laws."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from activities.providers.gcp.kinds.service_account import ServiceAccount, ServiceAccountSpec
from holdfast.errors import InvalidInput, NameTaken, NotAllowed, Pending
from holdfast.model import Address, Scope, Status
from holdfast.plan import FieldChange
from tests.cloud import until
from tests.kinds.google_calls import SCOPE, Called
from tests.localcloud.google_parts import LocalGcp

KIND = ServiceAccount()
MONTH = 31 * 86_400


def robot(**more: object) -> Called[ServiceAccountSpec]:
    said = {"account_id": "shop-robot", "description": "restocks", **more}
    return Called(KIND, "robot", ServiceAccountSpec.model_validate(said))


def test_the_same_account_comes_back(gcp: LocalGcp) -> None:
    """A delete is taken back by bringing back the account itself, with its number, under the new act's token."""
    one = robot()
    made = one.made(gcp)
    KIND.delete(one.call(remote_id=made.remote_id))
    back = robot(unique_id=made.properties["unique_id"])
    seen = KIND.create(back.call("back", back=True))
    assert seen.outputs == made.outputs
    assert (seen.owner, seen.token) == (made.owner, back.call("back").token)
    assert seen.properties["description"] == "restocks"
    again = KIND.create(back.call("back", back=True))
    assert again == seen


def test_what_came_back_shows_late(gcp: LocalGcp) -> None:
    """An account that an earlier delivery brought back, and that shows only when its name is refused, is that one."""
    made = robot().made(gcp)
    KIND.delete(robot().call(remote_id=made.remote_id))
    gcp.control.settings(account_reads_lag_seconds=600)
    back = robot(unique_id=made.properties["unique_id"]).call("back", back=True)
    with pytest.raises(Pending):
        KIND.create(back)
    gcp.control.fault("hold_before", action="serviceAccounts.insert", count=1)
    with ThreadPoolExecutor(1) as another:
        again = another.submit(KIND.create, back)
        until(lambda: gcp.control.ask("GET", "held"))
        gcp.control.step(601)
        gcp.control.ask("POST", "held/all/release", {})
        seen = again.result(30)
    assert (seen.outputs, seen.token) == (made.outputs, back.token)


def test_a_strangers_that_does_not_show_yet(gcp: LocalGcp) -> None:
    """An account of the same email, made meanwhile and not to be seen yet, is a name that is taken."""
    made = robot().made(gcp)
    KIND.delete(robot().call(remote_id=made.remote_id))
    gcp.control.settings(account_reads_lag_seconds=600)
    gcp.ask("POST", f"/v1/projects/{SCOPE.account}/serviceAccounts", {"accountId": "shop-robot"})
    with pytest.raises(NameTaken):
        KIND.create(robot(unique_id=made.properties["unique_id"]).call("back", back=True))


def test_after_a_month_another_is_made(gcp: LocalGcp) -> None:
    """What IAM has forgotten is made anew, with another number."""
    made = robot().made(gcp)
    KIND.delete(robot().call(remote_id=made.remote_id))
    gcp.control.step(MONTH)
    seen = KIND.create(robot(unique_id=made.properties["unique_id"]).call("back", back=True))
    assert seen.outputs["email"] == made.outputs["email"]
    assert seen.outputs["unique_id"] != made.outputs["unique_id"]


def test_a_strangers_account_of_the_same_email_stays(gcp: LocalGcp) -> None:
    """Who took the email meanwhile keeps it, and the undo says that the name is taken."""
    made = robot().made(gcp)
    KIND.delete(robot().call(remote_id=made.remote_id))
    gcp.ask("POST", f"/v1/projects/{SCOPE.account}/serviceAccounts", {"accountId": "shop-robot"})
    with pytest.raises(NameTaken):
        KIND.create(robot(unique_id=made.properties["unique_id"]).call("back", back=True))
    assert KIND.observe(robot().call(remote_id=made.remote_id)).owner is None


def test_a_refused_look_at_what_is_not_there(gcp: LocalGcp) -> None:
    """IAM may say of what is not there that it may not be seen: what a list does not have either is absent."""
    made = robot().made(gcp)
    gcp.control.settings(denied=["iam:serviceAccounts.get"])
    with pytest.raises(NotAllowed):
        KIND.observe(robot().call(remote_id=made.remote_id))
    KIND.delete(robot().call(remote_id=made.remote_id))
    assert KIND.observe(robot().call(remote_id=made.remote_id)).status is Status.absent


def test_a_disabled_one_is_made_in_two_calls(gcp: LocalGcp) -> None:
    """Killed between the two, it is disabled by the next delivery."""
    half = robot().made(gcp)
    seen = KIND.create(robot(disabled=True).call(remote_id=half.remote_id))
    assert seen.properties["disabled"] is True
    assert KIND.observe(robot().call(remote_id=half.remote_id)).properties["disabled"] is True


def test_what_iam_does_not_know_everywhere_yet(gcp: LocalGcp) -> None:
    """A new account, and one that comes back, may answer that it is not there: its second call is then waited for."""
    gcp.control.settings(account_reads_lag_seconds=30)
    one = robot(disabled=True)
    with pytest.raises(Pending, match="does not know it everywhere yet"):
        KIND.create(one.call())
    gcp.control.step(31)
    (found,) = KIND.find(one.call())
    assert KIND.create(one.call(remote_id=found.remote_id)).properties["disabled"] is True
    KIND.delete(one.call(remote_id=found.remote_id))
    back = robot(disabled=True, unique_id=found.properties["unique_id"])
    with pytest.raises(Pending, match="does not know it everywhere yet"):
        KIND.create(back.call("back", back=True))
    gcp.control.step(31)
    seen = KIND.create(back.call("back", back=True))
    assert (seen.outputs, seen.token) == (found.outputs, back.call("back").token)
    assert KIND.observe(back.call(remote_id=seen.remote_id)).properties["disabled"] is True


def test_words_are_changed_beside_the_marks(gcp: LocalGcp) -> None:
    """An update of the description keeps the marks, and one to nothing leaves them alone standing."""
    made = robot().made(gcp)
    for words in ("counts", ""):
        one = robot(description=words)
        change = FieldChange(path="description", before="restocks", after=words)
        seen = KIND.update(one.call(remote_id=made.remote_id, changes=(change,)))
        assert (seen.properties["description"], seen.token, seen.owner) == (words, made.token, made.owner)


def test_marks_need_room(gcp: LocalGcp) -> None:
    """IAM's descriptions are short: one that does not fit is refused before anything is asked, with what to cut."""
    one = robot(description="w" * 250)
    with pytest.raises(InvalidInput, match="IAM takes 256") as refused:
        KIND.create(one.call())
    assert "shorten the description" in refused.value.letter.next
    assert gcp.control.executed() == []
    long = replace(robot().call(), address=Address("shop", "gcp.service_account", "r" * 63))
    assert KIND.create(replace(long, spec=robot(description="").spec)).owner == "holdfast/shop"


def test_a_project_of_a_domain() -> None:
    """The email of an account in `example.com:shop` ends in `shop.example.com.iam.gserviceaccount.com`."""
    from activities.providers.gcp.kinds.service_account import _name

    name = _name(Scope("gcp", "example.com:shop", "us-central1"), "shop-robot")
    assert name == "projects/example.com:shop/serviceAccounts/shop-robot@shop.example.com.iam.gserviceaccount.com"
