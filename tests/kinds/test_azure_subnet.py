"""`azure.subnet`: whose it is, where nothing bears marks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.subnet import Subnet, SubnetSpec
from holdfast.errors import Blocked, NameTaken
from holdfast.model import Address, Owner, Status
from holdfast.resource import Call, Search
from tests.kinds.azure_visit import A_NET, NET, SCOPE
from tests.localcloud.azure_parts import LocalAzure, interface

OWNER = Owner("test", "shop")
KIND = Subnet()
SPEC = SubnetSpec.model_validate({"name": "app", "virtual_network": NET, "address_prefixes": ["10.0.1.0/24"]})


@pytest.fixture
def asked(visit: AzureVisit) -> Call[SubnetSpec]:
    visit.client("network").put(NET, A_NET)
    address = Address(OWNER.stack, "azure.subnet", "app")
    return Call(address, SCOPE, OWNER, visit.client, token="a", spec=SPEC)


def _theirs(asked: Call[SubnetSpec], block: str) -> None:
    body = {"properties": {"addressPrefix": block, "defaultOutboundAccess": False}}
    body["properties"]["privateEndpointNetworkPolicies"] = "Enabled"
    asked.client("network").put(f"{NET}/subnets/app", body)


def test_what_stands_at_the_name_is_a_strangers(asked: Call[SubnetSpec]) -> None:
    """Until somebody says that it is ours, a subnet is nobody's that we know, and our create is refused."""
    _theirs(asked, "10.0.1.0/24")
    assert [o.owner for o in KIND.find(asked)] == [None]
    assert [o.owner for _, o in KIND.find_all([asked])] == [None]
    with pytest.raises(NameTaken):
        KIND.create(asked)


def test_what_an_earlier_delivery_made_is_exactly_what_was_asked(asked: Call[SubnetSpec]) -> None:
    """A later delivery takes for its own what is exactly as it asked, and nothing else."""
    again = replace(asked, claimed=True)
    KIND.create(asked)
    assert [(o.owner, o.token) for o in KIND.find(again)] == [(str(OWNER), "a")]
    _theirs(asked, "10.0.2.0/24")
    assert [(o.owner, o.token) for o in KIND.find(again)] == [(None, None)]


def test_what_the_ledger_knows_is_ours_however_it_stands(asked: Call[SubnetSpec]) -> None:
    """By the ledger's id it is ours, and what another hand changed of it shows as drift."""
    made = KIND.create(asked)
    _theirs(asked, "10.0.2.0/24")
    seen = KIND.observe(replace(asked, remote_id=made.remote_id, claimed=True))
    assert (seen.owner, seen.properties["address_prefixes"]) == (str(OWNER), ["10.0.2.0/24"])


def test_it_is_in_no_list_of_ours(asked: Call[SubnetSpec]) -> None:
    """Without marks there is nothing to list by."""
    KIND.create(asked)
    assert list(KIND.discover(Search(SCOPE, asked.client, OWNER))) == []


@pytest.mark.parametrize(
    "now, collides",
    [
        ({"name": "APP"}, True),
        ({"name": "other"}, True),
        ({"name": "other", "address_prefixes": ["10.0.0.0/16"]}, True),
        ({"name": "other", "address_prefixes": ["10.0.2.0/24", "fd00::/64"]}, False),
        ({"virtual_network": f"{NET}-2"}, False),
        ({"virtual_network": NET.upper()}, True),
    ],
)
def test_two_that_cannot_stand_side_by_side(now: dict[str, object], collides: bool) -> None:
    """One name, or overlapping addresses, in one network: then the old one goes first."""
    was = SPEC.plain()
    assert KIND.collides(was, {**was, **now}) is collides


def test_what_says_more_than_was_asked_is_another_hands(asked: Call[SubnetSpec]) -> None:
    """A security group that the spec leaves out is not there on what we have made."""
    group = "/".join([*NET.split("/")[:5], "providers/Microsoft.Network/networkSecurityGroups/theirs"])
    asked.client("network").put(group, {"location": A_NET["location"], "properties": {}})
    body = {"properties": {"addressPrefix": "10.0.1.0/24", "defaultOutboundAccess": False}}
    body["properties"] |= {"privateEndpointNetworkPolicies": "Enabled", "networkSecurityGroup": {"id": group}}
    asked.client("network").put(f"{NET}/subnets/app", body)
    assert [o.owner for o in KIND.find(replace(asked, claimed=True))] == [None]


def test_who_holds_a_subnet_is_named(asked: Call[SubnetSpec], azure: LocalAzure) -> None:
    """While a stranger's interface is in it, it is asked for again, and what is asked for again says whose it is: as
    with whatever holds something of AWS's, that may be about to go.
    """
    made = KIND.create(asked)
    nic = interface(azure, f"{NET}/subnets/app", "theirs")
    with pytest.raises(Blocked, match=r"in use by .*/networkInterfaces/theirs/"):
        KIND.delete(replace(asked, remote_id=made.remote_id))
    azure.network.network_interfaces.begin_delete("shop", nic.name).result()
    assert KIND.delete(replace(asked, remote_id=made.remote_id)).status is Status.deleting
