"""The local Azure as a door finds it, and a few things in it, for the tests of the door and of Azure's kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from activities.protocol.job import Job
from activities.providers.azure import ids, sdk
from activities.providers.azure.door import AzureVisit, Service, open_visit
from holdfast.act import Act
from holdfast.model import Address, Owner, Scope, Spec
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.resource import ResourceType
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure, quick

OWNER = Owner("test", "shop")
TOKEN = "00000000-0000-0000-0000-00000000000f"
SCOPE = Scope("azure", SUBSCRIPTION, WHERE)
GROUP = ids.group(SUBSCRIPTION, "shop")
NET = ids.inside(GROUP, "Microsoft.Network/virtualNetworks", "net")
SUBNET = f"{NET}/subnets/app"
DISK = ids.inside(GROUP, "Microsoft.Compute/disks", "data")
DISKS = ids.collection(GROUP, "Microsoft.Compute/disks")
A_NET: dict[str, Any] = {"location": WHERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
A_DISK = {"location": WHERE, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 10}}


@contextmanager
def led_to(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAzure]:
    """The door to Azure leads to this cloud, which is empty; no client of another test's is left, and none of ours."""
    sdk.forget()
    azure.control.reset()
    monkeypatch.setenv(sdk.ENDPOINT, azure.endpoint)
    yield azure
    sdk.forget()


def visited(azure: LocalAzure) -> AzureVisit:
    """A visit that has asked nothing yet, to a subscription with one group, where nothing takes time."""
    quick(azure)
    open_visit(SCOPE).client("resource").put(GROUP, {"location": WHERE})
    return open_visit(SCOPE)


def with_a_subnet(azure: LocalAzure) -> AzureVisit:
    """The same, where a network with a subnet stands."""
    visit = visited(azure)
    subnets = [{"name": "app", "properties": {"addressPrefix": "10.0.1.0/24"}}]
    said = {**A_NET["properties"], "subnets": subnets}
    visit.client("network").put(NET, {"location": WHERE, "properties": said})
    azure.control.step(60)
    return visit


def job(kind: ResourceType[Any], spec: Spec, visit: AzureVisit, verb: Verb = Verb.create, **facts: Any) -> Job:
    """One delivery of an act about a kind's `app`, as a worker gets it. `facts` are those of the action, the
    act or the job.
    """
    address, undo = Address(OWNER.stack, kind.kind, "app"), Undo(label=UndoLabel.exact, verb=verb)
    of_action = {name: facts.pop(name) for name in ("changes", "before") if name in facts}
    plain = kind.canonical(spec.plain())
    action = Action(seq=0, verb=verb, address=address, scope=SCOPE, spec=plain, undo=undo, **of_action)
    of_act = {name: facts.pop(name) for name in [*facts] if name in Act.model_fields}
    said = {"verb": verb, "token": TOKEN, **of_act}
    act = Act(address=address, scope=SCOPE, plan="0", seq=0, owner=OWNER, **said)
    slept: list[float] = []
    return Job(act, action, kind, visit.client, pause=slept.append, clock=lambda: sum(slept), **facts)


def an_interface(visit: AzureVisit, name: str = "nic") -> str:
    """The id of an interface that was made in the subnet."""
    one = ids.inside(GROUP, "Microsoft.Network/networkInterfaces", name)
    said = {"ipConfigurations": [{"name": "one", "properties": {"subnet": {"id": SUBNET}}}]}
    visit.client("network").put(one, {"location": WHERE, "properties": said})
    return one


def right_before(method: str, act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another hand acts right before the next request of a method leaves."""
    send = getattr(Service, method)

    def after(self: Service, *given: Any, **named: Any) -> Any:
        monkeypatch.setattr(Service, method, send)
        act()
        return send(self, *given, **named)

    monkeypatch.setattr(Service, method, after)
