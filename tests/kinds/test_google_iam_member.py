"""`gcp.project_iam_member` and `gcp.bucket_iam_member` on the local Google Cloud: beside bindings with conditions."""

from __future__ import annotations

from typing import Any

import pytest

from activities.providers.gcp.kinds.bucket import Bucket, BucketSpec
from activities.providers.gcp.kinds.bucket_iam_member import BucketMember, BucketMemberSpec
from activities.providers.gcp.kinds.project import Project, ProjectSpec
from activities.providers.gcp.kinds.project_iam_member import ProjectMember, ProjectMemberSpec
from activities.providers.gcp.kinds.service_account import ServiceAccount, ServiceAccountSpec
from holdfast.errors import InvalidInput, NameTaken, NotFound
from holdfast.model import Status
from tests.kinds.google_calls import Called
from tests.localcloud.google_parts import PROJECT, LocalGcp

ANN = "user:ann@example.com"
WHEN = {"title": "until noon", "expression": "request.time < timestamp('2027-01-01T12:00:00Z')"}
SHOP = Called(Project(), "shop", ProjectSpec(project_id="shop-prod-7f3a", parent="organizations/1"))
ROBOT = Called(ServiceAccount(), "robot", ServiceAccountSpec(account_id="shop-robot"))
RECEIPTS = Called(Bucket(), "receipts", BucketSpec(name="shop-receipts-7f3a"))
IN_PROJECT = Called(
    ProjectMember(), "reads", ProjectMemberSpec(project="shop-prod-7f3a", role="roles/viewer", member=ANN)
)
IN_BUCKET = Called(BucketMember(), "reads", BucketMemberSpec(bucket="shop-receipts-7f3a", role="roles/x", member=ANN))


@pytest.fixture
def gcp(gcp: LocalGcp) -> LocalGcp:
    SHOP.made(gcp)
    RECEIPTS.made(gcp)
    return gcp


def bindings(gcp: LocalGcp) -> set[str]:
    return set(gcp.control.world()["policies"])


@pytest.mark.parametrize("one", [IN_PROJECT, IN_BUCKET], ids=lambda one: one.kind.kind)
def test_conditions_and_others_stay(gcp: LocalGcp, one: Called[Any]) -> None:
    """The same member's role under a condition stays what it is, before, beside and after ours."""
    call = one.call()
    kind: Any = one.kind
    parent = kind.grant(one.spec, call.scope).parent
    policy = kind.read(call, parent)
    conditional = {"role": one.spec.role, "members": [ANN], "condition": WHEN}
    kind.write(call, parent, {**policy, "version": 3, "bindings": [*policy.get("bindings", []), conditional]})
    before = bindings(gcp)
    assert kind.find(call) == []
    made = kind.create(call)
    assert len(bindings(gcp) - before) == 1
    assert bindings(gcp) > before
    with pytest.raises(NameTaken):
        kind.create(one.call("another"))
    kind.delete(one.call(remote_id=made.remote_id))
    assert bindings(gcp) == before
    assert kind.observe(one.call(remote_id=made.remote_id, claimed=True)).status is Status.absent


def of_robot(one: Called[Any]) -> Called[Any]:
    member = f"serviceAccount:shop-robot@{PROJECT}.iam.gserviceaccount.com"
    return Called(one.kind, "robot", one.spec.model_copy(update={"member": member}))


@pytest.mark.parametrize("one", [IN_PROJECT, IN_BUCKET], ids=lambda one: one.kind.kind)
def test_an_account_that_policies_do_not_know_yet(gcp: LocalGcp, one: Called[Any]) -> None:
    """A new account is a reference that is not known yet, which may pass; no other word about the policy is."""
    gcp.control.settings(account_lag_seconds=30)
    ROBOT.kind.create(ROBOT.call())
    with pytest.raises(NotFound, match="does not exist"):
        of_robot(one).kind.create(of_robot(one).call())
    gcp.control.step(31)
    assert of_robot(one).kind.create(of_robot(one).call()).status is Status.ready
    nobody = Called(one.kind, "nobody", one.spec.model_copy(update={"member": "nobody:x"}))
    with pytest.raises(InvalidInput):
        nobody.kind.create(nobody.call())


def test_of_a_bucket_that_is_gone(gcp: LocalGcp) -> None:
    """With its bucket the binding is gone, and its delete has nothing to do."""
    made = IN_BUCKET.made(gcp)
    RECEIPTS.kind.delete(RECEIPTS.call(remote_id="shop-receipts-7f3a"))
    at = IN_BUCKET.call(remote_id=made.remote_id, claimed=True)
    assert IN_BUCKET.kind.observe(at).status is Status.absent
    assert IN_BUCKET.kind.delete(at).status is Status.absent
