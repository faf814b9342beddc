"""`gcp.instance_group_manager` and `gcp.instance_template` on the local Google Cloud: what is special to them beside
the laws, and what a plan makes of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from activities.providers.gcp.kinds.instance_group_manager import InstanceGroupManager, InstanceGroupManagerSpec
from activities.providers.gcp.kinds.instance_template import InstanceTemplate, InstanceTemplateSpec
from holdfast.desired import Goal
from holdfast.document import bind_text
from holdfast.errors import Blocked, InUse, NameTaken, Pending
from holdfast.model import Status
from holdfast.plan import FieldChange, Plan, UndoLabel
from holdfast.planners.converge import converge
from holdfast.planners.decide import below
from holdfast.planners.facts import Facts
from holdfast.resource import Observation
from holdfast.run import Entry, Ledger
from holdfast.values import freeze, resolve
from tests.kinds.google_calls import OWNER, SCOPE, Called
from tests.localcloud.google_parts import PROJECT, REGION, ZONE, LocalGcp
from workers.catalog import catalog

TEMPLATES, GROUPS = InstanceTemplate(), InstanceGroupManager()
NETWORK = f"projects/{PROJECT}/global/networks/default"
IMAGE = "projects/debian-cloud/global/images/debian-12-bookworm-v20240910"
DOCUMENT = """\
version: 1
stack: shop
owner: the shop
environment: test
scopes: {{main: {{cloud: gcp, account: {project}, region: {region}}}}}
defaults: {{scope: main}}
resources:
  one:
    kind: gcp.instance_template
    spec: {{{name}, machine_type: {machine_type}, image: {image}, network: {network}}}
  web:
    kind: gcp.instance_group_manager
    spec: {{name: web, zone: {zone}, instance_template: "${{one.self_link}}", {group}}}
"""
BACKEND = """\
  well: {kind: gcp.health_check, spec: {name: well, location: regional, port: 80}}
  shop:
    kind: gcp.backend_service
    spec: {name: shop, health_checks: ["${well.self_link}"], backends: [{group: "${web.instance_group}"}]}
"""
ONE: dict[str, Any] = {"machine_type": "e2-small", "image": IMAGE, "network": NETWORK}
TEMPLATE = Called(TEMPLATES, "one", InstanceTemplateSpec.model_validate({"name": "one", **ONE}))
PREFIXED = Called(TEMPLATES, "one", InstanceTemplateSpec.model_validate({"name_prefix": "one-", **ONE}))
PORTS = [{"name": "http", "port": 80}]


def group(gcp: LocalGcp, **more: Any) -> Called[InstanceGroupManagerSpec]:
    """A group, whose template stands."""
    template = TEMPLATES.observe(TEMPLATE.call(remote_id=f"projects/{PROJECT}/global/instanceTemplates/one"))
    if not template.stands:
        template = TEMPLATE.made(gcp, token="template")
    said = {"name": "web", "instance_template": template.remote_id, "target_size": 1, "named_ports": PORTS}
    return Called(GROUPS, "web", InstanceGroupManagerSpec.model_validate({**said, **more}))


def change(path: str, before: Any, after: Any) -> FieldChange:
    return FieldChange(path=path, before=before, after=after)


# --- ports -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", [ZONE, None])
@pytest.mark.parametrize("ports", [[{"name": "http", "port": 81}], []], ids=["others", "none"])
def test_ports_of_a_group_change_in_place(gcp: LocalGcp, zone: str | None, ports: list[dict[str, Any]]) -> None:
    """They are the group's own, and are changed at it, wherever it is; also to none."""
    made = group(gcp, zone=zone).made(gcp)
    assert made.properties["named_ports"] == PORTS
    gcp.control.settings(operation_seconds=50)  # as long as anybody looks
    wanted = group(gcp, zone=zone, named_ports=ports)
    call = wanted.call("2", remote_id=made.remote_id, changes=(change("named_ports", PORTS, ports),))
    asked = GROUPS.update(call)
    # The answer may be lost: then whoever looks finds the operation, which is the group's and not the manager's.
    found = GROUPS.underway(wanted.call("2", remote_id=made.remote_id))
    assert found is not None
    assert found.handle == asked.handle
    gcp.control.step(60)
    assert GROUPS.observe(call).properties["named_ports"] == ports
    assert GROUPS.underway(wanted.call("2", remote_id=made.remote_id)) is None


def test_ports_that_another_hand_writes_at_the_same_time(gcp: LocalGcp) -> None:
    """What was read is no longer so: nothing is written over, and the next delivery reads again."""
    made = group(gcp, zone=ZONE).made(gcp)
    wanted = group(gcp, zone=ZONE, named_ports=[{"name": "http", "port": 81}])
    changes = (change("named_ports", PORTS, [{"name": "http", "port": 81}]),)
    theirs = f"/compute/v1/projects/{PROJECT}/zones/{ZONE}/instanceGroups/web"
    call = wanted.call("2", remote_id=made.remote_id, changes=changes)

    class Between:
        """Another hand writes after we have read."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def get(self, **given: Any) -> Any:
            found = self.inner.get(**given)
            assert gcp.ask("POST", f"{theirs}/setNamedPorts", {"namedPorts": []}).status == 200
            gcp.control.step(60)
            return found

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

    with pytest.raises(Pending):
        GROUPS.update(replace(call, client=lambda service: Between(call.client(service))))
    assert GROUPS.observe(call).properties["named_ports"] == []
    GROUPS.update(call)
    gcp.control.step(60)
    assert GROUPS.observe(call).properties["named_ports"] == [{"name": "http", "port": 81}]


@pytest.mark.parametrize("policy, status", [("PROACTIVE", Status.pending), ("OPPORTUNISTIC", Status.ready)])
def test_members_that_go_over_at_once_are_waited_for(gcp: LocalGcp, policy: str, status: Status) -> None:
    """Until each is of the new version: Google may call the group stable before it has begun with them."""
    made = group(gcp, zone=ZONE, update_policy={"type": policy}).made(gcp)
    raw = gcp.ask("GET", f"/compute/v1/{made.remote_id}").body
    assert GROUPS.see(raw, SCOPE).status is Status.ready
    raw["status"] = {"isStable": True, "versionTarget": {"isReached": False}}
    assert GROUPS.see(raw, SCOPE).status is status
    raw["status"] = {"isStable": False, "versionTarget": {"isReached": True}}
    assert GROUPS.see(raw, SCOPE).status is Status.pending


# --- names of templates ----------------------------------------------------------------------------------------------


def test_a_template_behind_a_prefix_is_made_once(gcp: LocalGcp) -> None:
    """The token of its act ends its name: each delivery of the act finds it, and another act makes another."""
    first, second = PREFIXED.made(gcp), PREFIXED.made(gcp, token="2")
    assert str(first.properties["name"]).startswith("one-")
    assert [seen.remote_id for seen in TEMPLATES.find(PREFIXED.call())] == [first.remote_id]
    with pytest.raises(NameTaken):
        TEMPLATES.create(PREFIXED.call(spec=PREFIXED.spec.model_copy(update={"tags": ["web"]})))
    # While planning there is no act: what bears the address is found, and what has a name at that.
    named = TEMPLATE.made(gcp, token="3")
    planning = [replace(called.call(), token="") for called in (PREFIXED, TEMPLATE)]
    found = [(call.wanted.name, seen.remote_id) for call, seen in TEMPLATES.find_all(planning)]
    assert found[0] == ("one", named.remote_id)
    assert {first.remote_id, second.remote_id} <= {remote_id for name, remote_id in found if name is None}


def test_a_template_comes_back_under_its_name(gcp: LocalGcp) -> None:
    """Taking its delete back gives its name as well as its prefix, and whoever named it names it still."""
    made = PREFIXED.made(gcp)
    TEMPLATES.delete(PREFIXED.call("2", remote_id=made.remote_id))
    gcp.control.step(60)
    spec = InstanceTemplateSpec.model_validate({**made.properties, "name_prefix": "one-"})
    assert TEMPLATES.create(PREFIXED.call("3", spec=spec, back=True)).remote_id == made.remote_id


def test_a_template_that_a_group_lets_go_of_later(gcp: LocalGcp) -> None:
    """Google may take the delete and let its operation fail, while members are made anew: it is asked for again."""
    made = PREFIXED.made(gcp)
    gcp.control.settings(operation_errors={"instanceTemplates.delete": "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE"})
    going = TEMPLATES.delete(PREFIXED.call("gone", remote_id=made.remote_id))
    gcp.control.step(60)
    ended = TEMPLATES.underway(PREFIXED.call("gone", remote_id=made.remote_id, handle=going.handle))
    assert ended is not None
    assert isinstance(ended.error, Blocked)
    gcp.control.settings(operation_errors={})
    anew = TEMPLATES.delete(PREFIXED.call("gone", remote_id=made.remote_id, anew=1))
    assert (anew.status, anew.handle != going.handle) == (Status.deleting, True)


@pytest.mark.parametrize("names", [{}, {"name": "web", "name_prefix": "one-"}, {"name_prefix": "One"}])
def test_a_template_is_called_something(names: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        InstanceTemplateSpec.model_validate({**ONE, **names})


# --- plans -----------------------------------------------------------------------------------------------------------


class Stack:
    """A template and its group as a document has them, and what a plan makes of another document."""

    def __init__(self, gcp: LocalGcp, name: str, more: str = "") -> None:
        self.name, self.more = name, more
        self.known, self.seen = dict[str, Any](), dict[Any, Observation]()
        self.last: dict[Any, Any] = {}
        for desired in self.goal().resources:
            kind: Any = catalog()[desired.address.kind]
            plain = kind.canonical(resolve(desired.spec, self.known))
            called = Called(kind, desired.address.name, kind.spec.model_validate(plain))
            seen = self.seen[desired.address] = called.made(gcp, token=desired.address.name)
            self.known |= {f"{desired.address}#{name}": value for name, value in seen.outputs.items()}
            self.last[desired.address] = freeze(plain)

    def goal(self, machine_type: str = "e2-small", group: str = "target_size: 2", name: str = "") -> Goal:
        said = {"project": PROJECT, "region": REGION, "zone": ZONE, "image": IMAGE, "network": NETWORK}
        text = DOCUMENT.format(**said, machine_type=machine_type, group=group, name=name or self.name)
        return bind_text(text + self.more, "the shop", catalog())

    def plan(self, **other: str) -> Plan:
        on = {desired.address: below(desired) for desired in self.goal().resources}
        entries = [
            Entry(address=a, scope=SCOPE, remote_id=str(o.remote_id), depends_on=on[a]) for a, o in self.seen.items()
        ]
        found = {address: (seen,) for address, seen in self.seen.items()}
        ledger = Ledger(entries=tuple(entries))
        return converge(catalog(), Facts(OWNER, self.goal(**other), ledger, found, last_applied=self.last))


def test_what_a_change_of_a_group_loses(gcp: LocalGcp) -> None:
    """Fewer members, and members of another template, are others when they come back: the plan says so."""
    stack = Stack(gcp, "name: one")
    (smaller,) = stack.plan(group="target_size: 1").actions
    assert smaller.undo.label is UndoLabel.lossy
    assert smaller.undo.note.startswith("target_size: Google chooses which members go; those that come back are others")
    *_, moved, _ = stack.plan(name="name: two").actions
    assert (moved.undo.label, moved.undo.note.partition(":")[0]) == (UndoLabel.lossy, "instance_template")
    (ports,) = stack.plan(group="target_size: 2, named_ports: [{name: http, port: 80}]").actions
    assert ports.undo.label is UndoLabel.exact


def test_a_template_in_use_goes_last(gcp: LocalGcp) -> None:
    """Behind a prefix a template of another kind is made beside the old one, and the group goes over in between."""
    stack = Stack(gcp, "name_prefix: one-")
    assert stack.plan().actions == ()
    plan = stack.plan(machine_type="e2-medium")
    assert [f"{a.verb} {a.address.name}" for a in plan.actions] == ["create one", "update web", "delete one"]
    assert plan.confirmations == ()
    # By hand, as the walk does it.
    old, group = stack.seen[PREFIXED.address], stack.seen[plan.actions[1].address]
    new = PREFIXED.made(gcp, token="new").remote_id
    with pytest.raises(Blocked, match="already being used"):
        TEMPLATES.delete(PREFIXED.call("gone", remote_id=old.remote_id))
    spec = InstanceGroupManagerSpec.model_validate({**group.properties, "instance_template": new})
    moved = (change("instance_template", old.remote_id, new),)
    called = Called(GROUPS, "web", spec)
    GROUPS.update(called.call("moved", remote_id=group.remote_id, changes=moved))
    gcp.control.step(60)
    assert TEMPLATES.delete(PREFIXED.call("gone", remote_id=old.remote_id)).status is Status.deleting


def test_a_template_in_use_is_not_replaced_under_its_name(gcp: LocalGcp) -> None:
    """Google would refuse to delete it: the plan says so at once, with the way through."""
    stack = Stack(gcp, "name: one")
    with pytest.raises(InUse, match="web uses it until then") as refused:
        stack.plan(machine_type="e2-medium")
    assert refused.value.letter.standing == "all of it stands; nothing was touched"
    assert "name_prefix" in refused.value.letter.next
    assert (str(refused.value.letter.address), stack.plan().actions) == ("shop/gcp.instance_template/one", ())
    with pytest.raises(Blocked, match="already being used"):
        TEMPLATES.delete(TEMPLATE.call("2", remote_id=stack.seen[TEMPLATE.address].remote_id))


def test_a_group_in_use_is_not_replaced_under_its_name(gcp: LocalGcp) -> None:
    """A backend service names the group and not its manager: that is its use all the same."""
    stack = Stack(gcp, "name: one", BACKEND)
    with pytest.raises(InUse, match=r"shop/gcp\.backend_service/shop uses it until then"):
        stack.plan(group="target_size: 2, base_instance_name: other")
