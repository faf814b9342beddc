"""One binding among others: put in, taken out, and nothing else of the policy touched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.providers.gcp import policy
from activities.providers.gcp.kinds.project_iam_member import ProjectMember, ProjectMemberSpec
from activities.providers.gcp.policy import Grant, holds, small, taken
from holdfast.errors import InvalidInput, NameTaken, Pending
from holdfast.model import Address, Owner, Scope, Status
from holdfast.resource import Call

HERE = Scope("gcp", "a-project", "us-central1")
ROBOT = "serviceAccount:robot@a-project.iam.gserviceaccount.com"
GRANT = Grant("projects/a-project", "roles/viewer", ROBOT)
SPEC = ProjectMemberSpec(role="roles/viewer", member=ROBOT)
WHEN = {"title": "until noon", "expression": "request.time < timestamp('2027-01-01T12:00:00Z')"}

names = st.text(min_size=1)
roles = st.builds(
    lambda head, name: f"{head}roles/{name}", st.sampled_from(["", "projects/p/", "organizations/1/"]), names
)
grants = st.builds(Grant, st.builds("projects/{}".format, names), roles | names, names)
members = st.sampled_from(["user:a@example.com", "group:b@example.com", "allUsers", ROBOT, "deleted:user:a@x?uid=1"])
bindings = st.fixed_dictionaries(
    {"role": st.sampled_from(["roles/viewer", "roles/editor"]), "members": st.lists(members, min_size=1, unique=True)},
    optional={"condition": st.just(WHEN)},
)
policies = st.fixed_dictionaries(
    {"etag": st.just("BwX="), "version": st.just(3), "bindings": st.lists(bindings, max_size=4)}
)


class Manager:
    """A project's policy, and another hand that may write it between a read and a write."""

    def __init__(self, found: dict[str, Any], meddle: Callable[[dict[str, Any]], bool] = lambda _: False) -> None:
        self.policy, self.meddle, self.written = {"etag": "1", **found}, meddle, 0

    def __call__(self, service: str) -> Manager:
        assert service == "projects"
        return self

    def get_iam_policy(self, **_: Any) -> dict[str, Any]:
        seen = dict(self.policy)
        if self.meddle(self.policy):
            self.policy["etag"] = str(int(self.policy["etag"]) + 1)
        return seen

    def set_iam_policy(self, *, body: dict[str, Any], **_: Any) -> None:
        if body["policy"]["etag"] != self.policy["etag"]:
            raise Pending("There were concurrent policy changes.", code="ABORTED")
        self.written += 1
        self.policy = {**body["policy"], "etag": str(int(self.policy["etag"]) + 1)}


def call(manager: Manager, **more: Any) -> Call[ProjectMemberSpec]:
    address = Address("shop", "gcp.project_iam_member", "reads")
    return Call(address, HERE, Owner("holdfast", "shop"), manager, **{"token": "t", "spec": SPEC, **more})


def pairs(found: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(b["role"], small(m), str(b.get("condition"))) for b in found.get("bindings", ()) for m in b["members"]}


@given(grants)
def test_an_id_reads_back(grant: Grant) -> None:
    """Whatever parent, role and member are made of, the remote id tells them apart."""
    assert Grant.parse(grant.id) == grant


def test_an_id_is_readable() -> None:
    assert GRANT.id == f"projects/a-project/roles/viewer/members/{ROBOT}"
    pool = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/*"
    assert Grant.parse(Grant("buckets/b", "projects/p/roles/own", pool).id) == (
        "buckets/b",
        "projects/p/roles/own",
        pool,
    )
    assert Grant.parse("projects/a-project") is None


@given(policies)
def test_only_the_one_binding_changes(found: dict[str, Any]) -> None:
    """Putting one in adds exactly it, taking it out removes exactly it; conditions and etag stay."""
    mine = ("roles/viewer", small(ROBOT), "None")
    with_it, without = policy.given(found, GRANT), taken(found, GRANT)
    assert pairs(with_it) == pairs(found) | {mine}
    assert pairs(without) == pairs(found) - {mine}
    assert holds(with_it, GRANT)
    assert not holds(without, GRANT)
    for changed in (with_it, without):
        assert (changed["etag"], changed["version"]) == (found["etag"], 3)


def test_a_condition_makes_another_binding() -> None:
    """The same role of the same member under a condition is not ours, and stays."""
    conditional = {"role": "roles/viewer", "members": [ROBOT], "condition": WHEN}
    manager = Manager({"version": 3, "bindings": [conditional]})
    kind = ProjectMember()
    assert kind.observe(call(manager, remote_id=GRANT.id, claimed=True)).status is Status.absent
    made = kind.create(call(manager))
    assert (made.remote_id, made.token) == (GRANT.id, "t")
    kind.delete(call(manager, remote_id=GRANT.id))
    assert manager.policy["bindings"] == [conditional]


def test_what_stands_already_is_a_strangers() -> None:
    """A create that nothing claims leaves it alone; one that may have been sent before takes it for its own."""
    manager = Manager({"bindings": [{"role": "roles/viewer", "members": [ROBOT]}]})
    kind = ProjectMember()
    with pytest.raises(NameTaken, match="has roles/viewer in projects/a-project already"):
        kind.create(call(manager))
    (found,) = kind.find(call(manager))
    assert (found.owner, found.token) == (None, None)
    (ours,) = kind.find(call(manager, claimed=True))
    assert (ours.owner, ours.token) == ("holdfast/shop", "t")
    assert kind.create(call(manager, claimed=True)).remote_id == GRANT.id
    assert manager.written == 0


def test_what_others_write_meanwhile_is_kept() -> None:
    """Another hand's binding, written between our read and our write, is not lost."""
    left = ["user:a@example.com", "user:b@example.com"]

    def meddle(found: dict[str, Any]) -> bool:
        if left:
            found["bindings"] = [*found.get("bindings", ()), {"role": "roles/editor", "members": [left.pop()]}]
            return True
        return False

    manager = Manager({}, meddle)
    ProjectMember().create(call(manager))
    assert {m for _, m, _ in pairs(manager.policy)} == {"user:a@example.com", "user:b@example.com", small(ROBOT)}


def test_one_that_never_holds_still_is_asked_again_later() -> None:
    """Against a policy that changes all the time a delivery gives up, and the protocol looks again."""
    manager = Manager({}, lambda _: True)
    with pytest.raises(Pending):
        ProjectMember().create(call(manager))
    assert manager.written == 0


def test_the_same_binding_written_at_the_same_moment_is_not_ours() -> None:
    """Whoever writes our very binding between our read and our write has written it, and not we."""

    def meddle(found: dict[str, Any]) -> bool:
        found["bindings"] = [{"role": "roles/viewer", "members": [ROBOT]}]
        return True

    with pytest.raises(NameTaken):
        ProjectMember().create(call(Manager({}, meddle)))


def test_case() -> None:
    """An email's case means nothing, and a principal's does."""
    kind = ProjectMember()
    assert kind.canonical({"member": "user:Ann@Example.com"}) == {"member": "user:ann@example.com"}
    assert kind.canonical({"member": "principal://x/Subject"}) == {"member": "principal://x/Subject"}
    manager = Manager({"bindings": [{"role": "roles/viewer", "members": [ROBOT]}]})
    loud = replace(
        call(manager),
        spec=ProjectMemberSpec(role="roles/viewer", member=ROBOT.upper().replace("SERVICEACCOUNT", "serviceAccount")),
    )
    assert len(kind.find(loud)) == 1


def test_a_refusal_is_passed_on() -> None:
    class Refusing(Manager):
        def set_iam_policy(self, **_: Any) -> None:
            raise InvalidInput("there is no such member")

    with pytest.raises(InvalidInput):
        ProjectMember().create(call(Refusing({})))
