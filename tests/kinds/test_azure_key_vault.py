"""`azure.key_vault`: what the laws cannot see, about vaults that were deleted and hold their names."""

from __future__ import annotations

from dataclasses import replace

import pytest

from activities.providers.azure import ids
from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.key_vault import KeyVault, KeyVaultSpec
from holdfast.errors import InvalidInput, NameTaken
from holdfast.model import Address, Owner, Status
from holdfast.resource import Call
from tests.kinds.azure_visit import GROUP, SCOPE
from tests.localcloud.azure_parts import LocalAzure

OWNER, STRANGER = Owner("test", "shop"), Owner("test", "other")
KIND = KeyVault()
VAULT = ids.inside(GROUP, "Microsoft.KeyVault/vaults", "shop-vault")


def _call(visit: AzureVisit, token: str = "a", owner: Owner = OWNER) -> Call[KeyVaultSpec]:
    spec = KeyVaultSpec(name="shop-vault", resource_group="shop")
    return Call(Address(owner.stack, KIND.kind, "vault"), SCOPE, owner, visit.client, token=token, spec=spec)


def _made_and_deleted(visit: AzureVisit, owner: Owner = OWNER) -> None:
    made = replace(_call(visit, owner=owner), remote_id=KIND.create(_call(visit, owner=owner)).remote_id)
    assert KIND.delete(made).status is Status.absent


def test_a_deleted_vault_is_recovered_on_the_way_back(visit: AzureVisit) -> None:
    """Taking a delete back brings the very vault, with what the spec does not know of, and our marks."""
    KIND.create(_call(visit))
    visit.client("keyvault").patch(VAULT, {"properties": {"accessPolicies": [{"objectId": "o"}]}})
    was = visit.client("keyvault").get(VAULT).body
    KIND.delete(replace(_call(visit), remote_id=VAULT))
    back = KIND.create(replace(_call(visit, "b"), back=True))
    assert (back.status, back.owner, back.token) == (Status.ready, str(OWNER), "b")
    now = visit.client("keyvault").get(VAULT).body
    assert now["properties"] == was["properties"]
    assert now["systemData"]["createdAt"] == was["systemData"]["createdAt"]
    assert KIND.observe(replace(_call(visit), remote_id=VAULT)).token == "b"


def test_a_new_vault_is_not_an_old_one(visit: AzureVisit) -> None:
    """A create of a name that a deleted vault holds is refused, and says until when and what to do."""
    _made_and_deleted(visit)
    with pytest.raises(InvalidInput, match="held by a deleted vault, until") as refused:
        KIND.create(_call(visit, "b"))
    assert "az keyvault recover --name shop-vault" in refused.value.letter.next
    assert KIND.find(_call(visit)) == []


def test_anothers_deleted_vault_stays_deleted(visit: AzureVisit) -> None:
    """Nor does the way back recover what another hand has made and deleted meanwhile."""
    _made_and_deleted(visit, STRANGER)
    with pytest.raises(InvalidInput, match="held by a deleted vault"):
        KIND.create(replace(_call(visit, "b"), back=True))
    assert KIND.find(_call(visit)) == []


def test_a_purged_vault_is_made_anew(visit: AzureVisit) -> None:
    """Where the deleted vault was purged, the way back makes one of the same fields."""
    _made_and_deleted(visit)
    where = f"{ids.subscription(SCOPE.account)}/providers/Microsoft.KeyVault/locations/{SCOPE.region}"
    visit.client("keyvault").post(f"{where}/deletedVaults/shop-vault/purge")
    assert KIND.create(replace(_call(visit, "b"), back=True)).token == "b"


def test_another_subscriptions_vault(visit: AzureVisit, azure: LocalAzure) -> None:
    """A name that somebody bears whom we cannot see is taken."""
    other = azure.sdk("resource", "00000000-0000-0000-0000-000000000002")
    other.resource_groups.create_or_update("shop", {"location": SCOPE.region})
    vaults = azure.sdk("keyvault", "00000000-0000-0000-0000-000000000002").vaults
    said = {"tenantId": SCOPE.account, "sku": {"family": "A", "name": "standard"}}
    vaults.begin_create_or_update("shop", "shop-vault", {"location": SCOPE.region, "properties": said}).result()
    with pytest.raises(NameTaken):
        KIND.create(_call(visit))
