"""`azure.role_assignment`: what the laws cannot see."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from activities.providers.azure import ids
from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.role_assignment import TYPE, RoleAssignment, RoleAssignmentSpec
from holdfast.errors import InvalidInput, NameTaken, NotFound, Pending
from holdfast.model import Address, Owner
from holdfast.resource import Call
from tests.kinds.azure_visit import GROUP, SCOPE
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure

OWNER = Owner("test", "shop")
KIND = RoleAssignment()
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
ROLE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
PRINCIPAL = "11111111-2222-3333-4444-aaaaaaaaaaaa"


def _call(visit: AzureVisit, name: str = "reads", **more: Any) -> Call[RoleAssignmentSpec]:
    said = {"scope": GROUP, "role_definition_id": READER, "principal_id": PRINCIPAL} | more
    spec = RoleAssignmentSpec.model_validate(said)
    return Call(Address(OWNER.stack, KIND.kind, name), SCOPE, OWNER, visit.client, token="a", spec=spec)


def test_the_name_is_the_same_at_every_delivery(visit: AzureVisit) -> None:
    """However scope, role and principal are spelled; and another address of ours has another name."""
    made = KIND.create(_call(visit))
    alike = _call(visit, scope=GROUP.upper().replace("/SUBSCRIPTIONS", "/subscriptions"), role_definition_id=ROLE)
    assert [o.remote_id for o in KIND.find(alike)] == [made.remote_id]
    with pytest.raises(NameTaken):
        KIND.create(_call(visit, "again"))


def test_who_comes_in_between_is_not_written_over(visit: AzureVisit) -> None:
    """What another hand gives between our look and our PUT is left as it is: Azure takes each gift once."""
    theirs = ids.inside(GROUP, TYPE, str(uuid.UUID(int=7)))
    given = {"roleDefinitionId": ROLE, "principalId": PRINCIPAL, "description": "theirs"}

    class Between(RoleAssignment):
        def find(self, call: Call[RoleAssignmentSpec]) -> list[Any]:
            found = super().find(call)
            visit.client("authorization").put(theirs, {"properties": given})
            return found

    with pytest.raises(NameTaken):
        Between().create(_call(visit))
    [seen] = KIND.find(_call(visit))
    assert (seen.remote_id, seen.owner, seen.properties["description"]) == (ids.canonical(theirs), None, "theirs")


def test_a_young_principal_is_waited_for(visit: AzureVisit, azure: LocalAzure) -> None:
    """A principal that was made a moment ago is not refused but asked for again."""
    azure.control.settings(identity_unknown_seconds=30)
    one = ids.inside(GROUP, "Microsoft.ManagedIdentity/userAssignedIdentities", "app")
    principal = visit.client("msi").put(one, {"location": WHERE}).body["properties"]["principalId"]
    with pytest.raises(Pending):
        KIND.create(_call(visit, principal_id=principal))
    azure.control.step(31)
    assert KIND.create(_call(visit, principal_id=principal)).token == "a"


def test_a_principal_that_stays_unknown_is_refused(visit: AzureVisit, azure: LocalAzure) -> None:
    """What the directory does not know after minutes is a mistake in the document, and not waited for for days."""
    azure.control.settings(identity_unknown_seconds=3_600)
    one = ids.inside(GROUP, "Microsoft.ManagedIdentity/userAssignedIdentities", "app")
    principal = visit.client("msi").put(one, {"location": WHERE}).body["properties"]["principalId"]
    late = replace(_call(visit, principal_id=principal), waited=timedelta(minutes=5))
    with pytest.raises(NotFound, match=f"{principal} is no principal"):
        KIND.create(late)


def test_what_others_set_stays(visit: AzureVisit) -> None:
    """Another description leaves our marks, and the condition that somebody has set; adopting leaves the words."""
    made = KIND.create(_call(visit, description="reads"))
    at = replace(_call(visit, description="looks"), remote_id=made.remote_id)
    stands = visit.client("authorization").get(made.remote_id or "").body["properties"]
    condition = {"condition": "@Resource[x] StringEquals 'y'", "conditionVersion": "2.0"}
    visit.client("authorization").put(made.remote_id or "", {"properties": stands | condition})
    seen = KIND.update(at)
    assert (seen.properties["description"], seen.token) == ("looks", "a")
    seen = KIND.adopt(replace(at, token="b"))
    assert (seen.properties["description"], seen.token) == ("looks", "b")
    assert visit.client("authorization").get(made.remote_id or "").body["properties"].items() >= condition.items()


def test_a_scope_elsewhere_is_refused(visit: AzureVisit) -> None:
    """Another subscription's scope is refused before anything is asked; one that does not stand is not found."""
    with pytest.raises(InvalidInput, match="not in the subscription"):
        KIND.create(_call(visit, scope="/subscriptions/00000000-0000-0000-0000-000000000002"))
    with pytest.raises(NotFound):
        KIND.create(_call(visit, scope=f"{GROUP}-gone"))


def test_a_subscriptions_own(visit: AzureVisit) -> None:
    """A role may be given for a whole subscription, and is found there."""
    call = _call(visit, scope=f"/subscriptions/{SUBSCRIPTION}")
    made = KIND.create(call)
    assert [o.remote_id for o in KIND.find(call)] == [made.remote_id]
    assert [o.remote_id for _, o in KIND.find_all([call, _call(visit)])] == [made.remote_id]
