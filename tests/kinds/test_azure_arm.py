"""What the kinds of ARM have in common, where the laws do not look: failures, other hands' parts, and cheap lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.protocol.change import update, update_back
from activities.protocol.create import create
from activities.protocol.job import KNOWN_WITHIN, Job
from activities.protocol.settle import settle
from activities.providers.azure import ids
from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.network_interface import NetworkInterface, NetworkInterfaceSpec
from activities.providers.azure.kinds.network_security_group import NetworkSecurityGroup, NetworkSecurityGroupSpec
from activities.providers.azure.kinds.public_ip import PublicIp, PublicIpSpec
from activities.providers.azure.kinds.virtual_machine import VirtualMachine, VirtualMachineSpec
from activities.providers.azure.kinds.virtual_network import VirtualNetwork, VirtualNetworkSpec
from holdfast.errors import Blocked, Interrupted, NameTaken, NotFound, Pending, Unavailable
from holdfast.model import Address, Owner, Spec, Status
from holdfast.plan import FieldChange, Verb
from holdfast.resource import Call
from tests.kinds.azure_visit import A_NET, GROUP, NET, SCOPE, job
from tests.localcloud.azure_parts import WHERE, LocalAzure, quick
from workers.catalog import catalog

OWNER = Owner("test", "shop")
A_GROUP: dict[str, Any] = {"name": "door", "resource_group": "shop"}
ADDRESSES = ids.collection(GROUP, "Microsoft.Network/publicIPAddresses")


def call(visit: AzureVisit, kind: str, spec: Spec, remote_id: str | None = None, **more: Any) -> Call[Any]:
    address = Address(OWNER.stack, kind, "it")
    return Call(address, SCOPE, OWNER, visit.client, token="a", spec=spec, remote_id=remote_id, **more)


def net(**more: Any) -> VirtualNetworkSpec:
    return VirtualNetworkSpec(name="net", resource_group="shop", **{"address_space": ["10.0.0.0/16"], **more})


def changed(path: str) -> tuple[FieldChange, ...]:
    return (FieldChange(path=path, before=None, after=None),)


def test_what_azure_gave_up_on_is_mended_by_asking_again(azure: LocalAzure, visit: AzureVisit) -> None:
    """The operation says why; the thing that is left over shows as failed; the next delivery writes it once more."""
    azure.control.settings(failing={"create Microsoft.Network/virtualNetworks/*": "InternalServerError"})
    kind, asked = VirtualNetwork(), call(visit, "azure.virtual_network", net())
    made = kind.create(asked)
    assert made.status is Status.pending
    assert made.handle is not None
    ended = kind.underway(replace(asked, handle=made.handle))
    assert ended is not None
    assert ended.ended
    assert isinstance(ended.error, Unavailable)
    assert kind.find(asked)[0].status is Status.failed

    azure.control.settings(failing={})
    kind.create(replace(asked, remote_id=made.remote_id, anew=1))
    assert kind.find(asked)[0].status is Status.ready


def test_an_update_that_azure_gave_up_on_is_asked_for_again(azure: LocalAzure, visit: AzureVisit) -> None:
    """What was written shows although Azure gave up on it. While its last change has failed, nothing is as wanted."""
    kind, was = NetworkSecurityGroup(), NetworkSecurityGroupSpec.model_validate(A_GROUP)
    made = create(job(kind, was, visit))
    rule = {"direction": "Inbound", "access": "Deny", "priority": 100, "protocol": "*"}
    ends = {"source_address_prefixes": ["*"], "destination_address_prefixes": ["*"], "destination_port_ranges": ["*"]}
    spec = NetworkSecurityGroupSpec.model_validate({**A_GROUP, "security_rules": [{"name": "none", **rule, **ends}]})
    before, after = (kind.canonical(one.plain())["security_rules"] for one in (was, spec))
    changes = (FieldChange(path="security_rules", before=before, after=after),)

    def delivered(**facts: Any) -> Job:
        stood = {"changes": changes, "before": kind.canonical(was.plain()), "remote_id": made.remote_id}
        return job(kind, spec, visit, Verb.update, **stood, **facts)

    azure.control.settings(failing={"update */door": "InternalServerError"})
    done = update(delivered())
    with pytest.raises(Interrupted):
        settle(delivered(handle=done.handle), timedelta(), timedelta(minutes=10))
    azure.control.settings(failing={})
    done = update(delivered(again=True, anew=1))
    assert not done.unchanged
    assert settle(delivered(handle=done.handle), timedelta(), timedelta(minutes=10)).status is Status.ready
    etag = visit.client("network").get(made.remote_id or "").etag
    assert update(delivered(again=True)).status is Status.ready
    assert visit.client("network").get(made.remote_id or "").etag == etag

    azure.control.settings(failing={"update */door": "InternalServerError"})
    update_back(delivered(back=True))
    azure.control.settings(failing={})
    done = update_back(delivered(back=True, again=True, anew=1))
    assert settle(delivered(handle=done.handle, back=True), timedelta(), timedelta(minutes=10)).status is Status.ready
    assert kind.find(delivered().call(spec=was))[0].properties["security_rules"] == []


def test_what_is_referred_to_may_be_too_young_to_be_known(visit: AzureVisit) -> None:
    """A reference to what the plan itself has made is asked for again, for a few minutes; then it is a mistake."""
    kind = NetworkInterface()
    spec = NetworkInterfaceSpec.model_validate({"name": "nic", "resource_group": "shop", "subnet": f"{NET}/subnets/a"})
    made: dict[str, Any] = {"inputs": {"shop/azure.subnet/a#id": spec.subnet}}
    with pytest.raises(Pending, match="does not know everywhere yet"):
        create(job(kind, spec, visit, **made))
    with pytest.raises(NotFound, match="InvalidResourceReference"):
        create(job(kind, spec, visit, waited=KNOWN_WITHIN, **made))


def test_an_operation_that_azure_forgot_says_nothing(visit: AzureVisit) -> None:
    """A day later nobody knows an operation any more: what stands has to tell."""
    kind, asked = VirtualNetwork(), call(visit, "azure.virtual_network", net())
    made = kind.create(asked)
    gone = (made.handle or "").replace("operations/", "operations/0")
    assert kind.underway(replace(asked, handle=gone)) is None
    assert kind.underway(asked) is None


def test_another_hands_subnets_survive_an_update(visit: AzureVisit) -> None:
    """ARM writes a network whole: what is inside it is read and written back."""
    kind, asked = VirtualNetwork(), call(visit, "azure.virtual_network", net())
    kind.create(asked)
    visit.client("network").put(f"{NET}/subnets/app", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    wanted = net(dns_servers=["10.0.0.4"])
    kind.update(replace(asked, spec=wanted, remote_id=NET, changes=changed("dns_servers")))
    said = visit.client("network").get(NET).body["properties"]
    assert [s["name"] for s in said["subnets"]] == ["app"]
    assert said["dhcpOptions"] == {"dnsServers": ["10.0.0.4"]}


def test_what_comes_between_reading_and_writing_is_not_written_over(visit: AzureVisit) -> None:
    """A subnet that is made after our look changes the network's etag: our update is refused, and asked again."""
    kind, asked = VirtualNetwork(), call(visit, "azure.virtual_network", net())
    kind.create(asked)

    class Between:
        """A client to which somebody makes a subnet right after its first read."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def get(self, path: str) -> Any:
            found = self.inner.get(path)
            self.inner.put(f"{NET}/subnets/app", {"properties": {"addressPrefix": "10.0.1.0/24"}})
            return found

        def put(self, *given: Any, **named: Any) -> Any:
            return self.inner.put(*given, **named)

    wanted = net(dns_servers=["10.0.0.4"])
    later = replace(asked, spec=wanted, remote_id=NET, changes=changed("dns_servers"))
    with pytest.raises(Pending):
        kind.update(replace(later, client=lambda service: Between(visit.client(service))))
    assert [s["name"] for s in visit.client("network").get(NET).body["properties"]["subnets"]] == ["app"]


def test_a_network_does_not_take_another_hands_subnets_along(visit: AzureVisit) -> None:
    """ARM would remove them with it: so it waits until there are none, and says which there are."""
    kind, asked = VirtualNetwork(), call(visit, "azure.virtual_network", net())
    made = kind.create(asked)
    visit.client("network").put(f"{NET}/subnets/app", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    with pytest.raises(Blocked, match="take along app"):
        kind.delete(replace(asked, remote_id=made.remote_id))
    visit.client("network").delete(f"{NET}/subnets/app")
    assert kind.delete(replace(asked, remote_id=made.remote_id)).status is Status.deleting


def test_another_hands_part_of_an_interface_survives_an_update(azure: LocalAzure, visit: AzureVisit) -> None:
    """A second IP configuration, and tags that others wrote, stay through an update and a change of our tags."""
    network = visit.client("network")
    network.put(NET, A_NET)
    network.put(f"{NET}/subnets/app", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    spec = NetworkInterfaceSpec(name="web", resource_group="shop", subnet=f"{NET}/subnets/app")
    kind, asked = NetworkInterface(), call(visit, "azure.network_interface", spec)
    made = kind.create(asked)
    path = str(made.outputs["id"])
    whole = network.get(path).body
    second = {"name": "second", "properties": {"subnet": {"id": f"{NET}/subnets/app"}}}
    whole["properties"]["ipConfigurations"].append(second)
    network.put(path, {**whole, "tags": {**whole["tags"], "cost": "42"}})

    wanted = spec.model_copy(update={"enable_ip_forwarding": True, "tags": {"team": "shop"}})
    both = (*changed("enable_ip_forwarding"), FieldChange(path="tags.team", before=None, after="shop"))
    kind.update(replace(asked, spec=wanted, remote_id=path, changes=both))
    said = network.get(path).body
    assert [c["name"] for c in said["properties"]["ipConfigurations"]] == ["primary", "second"]
    assert said["properties"]["enableIPForwarding"] is True
    assert {k: v for k, v in said["tags"].items() if k in {"cost", "team"}} == {"cost": "42", "team": "shop"}


def test_a_machine_that_shall_stand_deallocated_runs_first(visit: AzureVisit) -> None:
    """Azure makes machines running: until it does the create says so, and the next delivery deallocates it."""
    network = visit.client("network")
    network.put(NET, A_NET)
    network.put(f"{NET}/subnets/app", {"properties": {"addressPrefix": "10.0.1.0/24"}})
    nic = NetworkInterfaceSpec(name="web", resource_group="shop", subnet=f"{NET}/subnets/app")
    made = NetworkInterface().create(call(visit, "azure.network_interface", nic))
    spec = VirtualMachineSpec(
        name="web",
        resource_group="shop",
        vm_size="Standard_B2s",
        image="Canonical:ubuntu-24_04-lts:server:latest",
        network_interfaces=[str(made.outputs["id"])],
        admin_username="ops",
        ssh_public_keys=["ssh-ed25519 AAAA ops"],
        power="deallocated",
    )
    kind, asked = VirtualMachine(), call(visit, "azure.virtual_machine", spec)
    with pytest.raises(Pending, match="deallocated when it runs"):
        kind.create(asked)
    [seen] = kind.find(asked)
    assert (seen.status, seen.properties["power"], seen.token) == (Status.ready, "running", "a")
    again = replace(asked, remote_id=seen.remote_id)
    begun = kind.create(again)
    assert (begun.status, begun.properties["power"]) == (Status.pending, "deallocated")
    assert kind.observe(again).properties["power"] == "deallocated"
    assert kind.create(again).status is Status.ready


def test_many_names_cost_one_list(azure: LocalAzure, visit: AzureVisit) -> None:
    """A plan of many addresses lists the subscription's once; one of few looks at each."""
    for n in range(6):
        visit.client("network").put(f"{ADDRESSES}/a{n}", {"location": WHERE, "sku": {"name": "Standard"}})
    kind = PublicIp()
    calls = [call(visit, "azure.public_ip", PublicIpSpec(name=f"A{n}", resource_group="SHOP")) for n in range(0, 12, 2)]
    before = visit.calls
    found = [(asked.wanted.name, seen.outputs["name"]) for asked, seen in kind.find_all(calls)]
    assert found == [("A0", "a0"), ("A2", "a2"), ("A4", "a4")]
    assert visit.calls == before + 1
    assert len(list(kind.find_all(calls[:2]))) == 2
    assert visit.calls == before + 3


def test_a_name_in_another_case_is_the_same_name(visit: AzureVisit) -> None:
    """Azure compares names without regard to case: the other spelling is taken, and no reason to replace anything."""
    kind, asked = VirtualNetwork(), call(visit, "azure.virtual_network", net())
    kind.create(asked)
    louder = net().model_copy(update={"name": "NET", "resource_group": "SHOP"})
    with pytest.raises(NameTaken):
        kind.create(replace(asked, spec=louder))
    seen = kind.find(replace(asked, spec=louder))[0]
    assert kind.diff(louder.plain(), None, kind.canonical(seen.properties)) == ()
    assert kind.collides(net().plain(), louder.plain())


def test_a_group_in_another_region_hides_nothing(azure: LocalAzure, visit: AzureVisit) -> None:
    """What stands at our name in another region is a stranger at our name, though no list of the scope has it."""
    quick(azure)
    body = {**A_NET, "location": "northeurope"}
    visit.client("network").put(NET, body)
    with pytest.raises(NameTaken):
        VirtualNetwork().create(call(visit, "azure.virtual_network", net()))


@pytest.mark.parametrize(
    "kind, field, value",
    [
        ("azure.network_interface", "public_ip_address", "/subscriptions/s/…/a"),
        ("azure.network_interface", "private_ip_address", "10.0.1.20"),
        ("azure.public_ip", "domain_name_label", "shop"),
        ("azure.virtual_machine", "network_interfaces", ["/subscriptions/s/…/a"]),
        ("azure.virtual_machine", "data_disks", ["/subscriptions/s/…/a"]),
    ],
)
def test_what_two_cannot_have_at_once_is_given_back_first(kind: str, field: str, value: Any) -> None:
    """A replacement under another name still collides where both want what only one can have."""
    was = {"name": "a", "resource_group": "shop", "subnet": "s", field: value}
    other = [f"{value[0]}2"] if isinstance(value, list) else f"{value}2"
    assert catalog()[kind].collides(was, {**was, "name": "b"})
    assert not catalog()[kind].collides(was, {**was, "name": "b", field: other})
