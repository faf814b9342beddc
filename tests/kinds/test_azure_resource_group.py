"""`azure.resource_group`: what the laws cannot see."""

from __future__ import annotations

import pytest

from activities.providers.azure.door import AzureVisit, open_visit
from activities.providers.azure.kinds.resource_group import ResourceGroup, ResourceGroupSpec
from holdfast.errors import Blocked
from holdfast.model import Address, Owner, Status
from holdfast.resource import Call, Search
from tests.kinds.azure_visit import A_NET, GROUP, NET, SCOPE

OWNER = Owner("test", "shop")


def _call(visit: AzureVisit, remote_id: str | None = None) -> Call[ResourceGroupSpec]:
    address = Address(OWNER.stack, "azure.resource_group", "shop")
    return Call(
        address, SCOPE, OWNER, visit.client, token="a", spec=ResourceGroupSpec(name="shop"), remote_id=remote_id
    )


def test_a_group_with_something_in_it_is_not_removed(visit: AzureVisit) -> None:
    """Removing a group would remove what others put into it: so it waits, and says for what."""
    visit.client("network").put(NET, A_NET)
    with pytest.raises(Blocked, match=r"would take along .* net"):
        ResourceGroup().delete(_call(visit, GROUP))
    assert ResourceGroup().observe(_call(visit, GROUP)).status is Status.ready
    visit.client("network").delete(NET)
    assert ResourceGroup().delete(_call(visit, GROUP)).status is Status.deleting


def test_a_group_in_another_region_is_not_in_the_scope(visit: AzureVisit) -> None:
    """A list shows the groups of the scope's region, however that is spelled; at a name whatever bears it."""
    visit.client("resource").put(f"{GROUP}-2", {"location": "North Europe"})
    kind = ResourceGroup()
    assert [o.outputs["name"] for o in kind.discover(Search(SCOPE, open_visit(SCOPE).client))] == ["shop"]
    assert [o.outputs["id"] for o in kind.find(_call(visit))] == [GROUP]
