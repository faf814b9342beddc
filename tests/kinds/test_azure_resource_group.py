"""`azure.resource_group`: what the laws cannot see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from activities.providers.azure.door import AzureVisit, Service, open_visit
from activities.providers.azure.kinds.resource_group import ResourceGroup, ResourceGroupSpec
from holdfast.errors import Blocked, NotFound, Pending
from holdfast.model import Address, Owner, Status
from holdfast.resource import Call, Search
from tests.kinds.azure_visit import A_NET, GROUP, NET, SCOPE
from tests.localcloud.azure_parts import LocalAzure

OWNER = Owner("test", "shop")


def _call(visit: AzureVisit, remote_id: str | None = None) -> Call[ResourceGroupSpec]:
    address = Address(OWNER.stack, "azure.resource_group", "shop")
    return Call(
        address, SCOPE, OWNER, visit.client, token="a", spec=ResourceGroupSpec(name="shop"), remote_id=remote_id
    )


def _later(call: Call[ResourceGroupSpec]) -> Call[ResourceGroupSpec]:
    return replace(call, waited=ResourceGroup.visible_within)


def _not_found(*_: object, **__: object) -> Iterator[dict[str, object]]:
    raise NotFound("Azure refused GET with 404: ResourceGroupNotFound")


def test_a_group_with_something_in_it_is_not_removed(visit: AzureVisit) -> None:
    """Removing a group would remove what others put into it: so it waits, and says for what."""
    visit.client("network").put(NET, A_NET)
    with pytest.raises(Blocked, match=r"would take along .* net"):
        ResourceGroup().delete(_call(visit, GROUP))
    assert ResourceGroup().observe(_call(visit, GROUP)).status is Status.ready
    visit.client("network").delete(NET)
    assert ResourceGroup().delete(_later(_call(visit, GROUP))).status is Status.deleting


def test_a_list_that_lags_removes_nothing(visit: AzureVisit, azure: LocalAzure) -> None:
    """What was in a group when its removal was asked for is seen before that is carried out, also by a list that is
    behind; an empty group is removed once such a list has had its time.
    """
    azure.control.settings(listed_after_seconds=10)
    visit.client("network").put(NET, A_NET)  # a stranger's, a moment before
    with pytest.raises(Pending, match="asked once more") as early:
        ResourceGroup().delete(_call(visit, GROUP))
    assert early.value.after == ResourceGroup.visible_within
    azure.control.step(15)
    with pytest.raises(Blocked, match="net"):
        ResourceGroup().delete(_later(_call(visit, GROUP)))
    assert not [one for one in azure.control.executed() if one.action.endswith("resourceGroups/delete")]


def test_a_group_that_only_a_list_misses_is_not_gone(
    visit: AzureVisit, azure: LocalAzure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That its contents are not found is no sign that the group is not: by its id it is looked at once more."""
    monkeypatch.setattr(Service, "pages", _not_found)
    with pytest.raises(Pending, match="cannot be listed"):
        ResourceGroup().delete(_later(_call(visit, GROUP)))
    azure.resource.resource_groups.begin_delete("shop").result()
    assert ResourceGroup().delete(_later(_call(visit, GROUP))).status is Status.absent


def test_a_group_in_another_region_is_not_in_the_scope(visit: AzureVisit) -> None:
    """A list shows the groups of the scope's region, however that is spelled; at a name whatever bears it."""
    visit.client("resource").put(f"{GROUP}-2", {"location": "North Europe"})
    kind = ResourceGroup()
    assert [o.outputs["name"] for o in kind.discover(Search(SCOPE, open_visit(SCOPE).client))] == ["shop"]
    assert [o.outputs["id"] for o in kind.find(_call(visit))] == [GROUP]
