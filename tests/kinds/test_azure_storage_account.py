"""`azure.storage_account`: what the laws cannot see."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from activities.providers.azure import ids
from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.storage_account import StorageAccount, StorageAccountSpec
from holdfast.errors import InvalidInput, NameTaken
from holdfast.model import Address, Owner, Status
from holdfast.plan import FieldChange
from holdfast.resource import Call
from tests.kinds.azure_visit import GROUP, SCOPE
from tests.localcloud.azure_parts import WHERE, LocalAzure

OWNER = Owner("test", "shop")
KIND = StorageAccount()
ACCOUNT = ids.inside(GROUP, "Microsoft.Storage/storageAccounts", "shopfiles")
ELSEWHERE = "00000000-0000-0000-0000-000000000002"


def _call(visit: AzureVisit, **more: Any) -> Call[StorageAccountSpec]:
    spec = StorageAccountSpec.model_validate({"name": "shopfiles", "resource_group": "shop", **more})
    return Call(Address(OWNER.stack, KIND.kind, "files"), SCOPE, OWNER, visit.client, token="a", spec=spec)


def test_it_is_closed_from_its_first_moment(visit: AzureVisit) -> None:
    """The one request that makes it says all that keeps others out."""
    KIND.create(_call(visit))
    said = visit.client("storage").get(ACCOUNT).body["properties"]
    assert (
        said.items()
        >= {
            "minimumTlsVersion": "TLS1_2",
            "supportsHttpsTrafficOnly": True,
            "allowBlobPublicAccess": False,
            "allowSharedKeyAccess": False,
            "allowCrossTenantReplication": False,
        }.items()
    )
    assert said["networkAcls"]["defaultAction"] == "Deny"


def test_a_create_is_followed(visit: AzureVisit, azure: LocalAzure) -> None:
    """Azure answers 202 and a URL, and never 201: the account is on its way, and its operation tells when it is not."""
    azure.control.settings(seconds={"Microsoft.Storage/*": 18})
    made = KIND.create(_call(visit))
    assert made.status is Status.pending
    at = replace(_call(visit), remote_id=made.remote_id, handle=made.handle)
    going = KIND.underway(at)
    assert going is not None
    assert not going.ended
    azure.control.step(19)
    done = KIND.underway(at)
    assert done is not None
    assert (done.ended, done.error) == (True, None)
    assert KIND.observe(at).status is Status.ready


def test_a_name_in_another_subscription(visit: AzureVisit, azure: LocalAzure) -> None:
    """A name that somebody bears whom we cannot see is taken."""
    azure.sdk("resource", ELSEWHERE).resource_groups.create_or_update("shop", {"location": WHERE})
    theirs = {"location": WHERE, "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    azure.sdk("storage", ELSEWHERE).storage_accounts.begin_create("shop", "shopfiles", theirs).result()
    with pytest.raises(NameTaken):
        KIND.create(_call(visit))


def test_rules_that_the_spec_does_not_know_stay(visit: AzureVisit) -> None:
    """Another address to let in leaves the instances that somebody has let in."""
    KIND.create(_call(visit))
    theirs = [{"tenantId": SCOPE.account, "resourceId": GROUP}]
    said = visit.client("storage").get(ACCOUNT).body["properties"]["networkAcls"]
    visit.client("storage").patch(ACCOUNT, {"properties": {"networkAcls": said | {"resourceAccessRules": theirs}}})
    wanted = _call(visit, network_acls={"ip_rules": ["203.0.113.7/32"]})
    change = FieldChange(path="network_acls.ip_rules", before=[], after=["203.0.113.7"])
    seen = KIND.update(replace(wanted, remote_id=ACCOUNT, changes=(change,)))
    assert seen.properties["network_acls"] == {
        "default_action": "Deny",
        "bypass": ["AzureServices"],
        "ip_rules": ["203.0.113.7/32"],
        "virtual_network_rules": [],
    }
    assert visit.client("storage").get(ACCOUNT).body["properties"]["networkAcls"]["resourceAccessRules"] == theirs


def test_encrypted_twice_for_ever(visit: AzureVisit) -> None:
    """A second encryption is asked for with the create, and Azure lets nobody take it off."""
    seen = KIND.create(_call(visit, require_infrastructure_encryption=True))
    assert seen.properties["require_infrastructure_encryption"] is True
    assert "require_infrastructure_encryption" in KIND.immutable
    off = {"properties": {"encryption": {"requireInfrastructureEncryption": False}}}
    with pytest.raises(InvalidInput):
        visit.client("storage").patch(ACCOUNT, off)


def test_an_account_of_its_name_cannot_stand_beside_it() -> None:
    """Also in another group: the old one goes first."""
    before = KIND.canonical({"name": "shopfiles", "resource_group": "shop"})
    assert KIND.collides(before, before | {"resource_group": "another"})
    assert not KIND.collides(before, before | {"name": "shopfiles2"})
