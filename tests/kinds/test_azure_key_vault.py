"""`azure.key_vault`: what the laws cannot see, about vaults that were deleted and hold their names."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from activities.protocol.create import create
from activities.protocol.job import KNOWN_WITHIN
from activities.protocol.remove import uncreate
from activities.providers.azure import ids
from activities.providers.azure.door import AzureVisit
from activities.providers.azure.kinds.key_vault import UNDONE, KeyVault, KeyVaultSpec
from holdfast.errors import InvalidInput, NameTaken, Unavailable
from holdfast.model import Address, Owner, Status
from holdfast.resource import Call
from tests.kinds.azure_visit import GROUP, OWNER, SCOPE, TOKEN, job
from tests.localcloud.azure_parts import WHERE, LocalAzure, quick

STRANGER = Owner("test", "other")
KIND = KeyVault()
SPEC = KeyVaultSpec(name="shop-vault", resource_group="shop")
FIRST = "00000000-0000-0000-0000-00000000000a"
VAULT = ids.inside(GROUP, "Microsoft.KeyVault/vaults", "shop-vault")


def _call(visit: AzureVisit, token: str = "a", owner: Owner = OWNER) -> Call[KeyVaultSpec]:
    return Call(Address(owner.stack, KIND.kind, "vault"), SCOPE, owner, visit.client, token=token, spec=SPEC)


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


def _undone(visit: AzureVisit, spec: KeyVaultSpec) -> None:
    """A vault is made, and its create is taken back."""
    made = create(job(KIND, spec, visit, token=FIRST))
    facts: dict[str, Any] = {"remote_id": made.remote_id, "token": FIRST, "back": True}
    assert uncreate(job(KIND, spec, visit, **facts)).status is Status.absent


def test_a_create_that_was_taken_back_can_be_asked_for_again(visit: AzureVisit) -> None:
    """The next `up` has the vault that its name is held by, as its document says now, and with its own marks."""
    _undone(visit, SPEC)
    spec = SPEC.model_copy(update={"sku": "premium", "tags": {"team": "shop"}})
    create(job(KIND, spec, visit))
    [seen] = KIND.find(job(KIND, spec, visit).call(spec=spec))
    assert (seen.status, seen.token, seen.address) == (Status.ready, TOKEN, "shop/azure.key_vault/app")
    assert not KIND.diff(KIND.canonical(spec.plain()), None, KIND.canonical(seen.properties))
    assert UNDONE not in visit.client("keyvault").get(VAULT).body["tags"]
    KIND.delete(job(KIND, spec, visit).call(VAULT, spec=spec))
    with pytest.raises(InvalidInput, match="held by a deleted vault"):  # this one was deleted, and not taken back
        create(job(KIND, spec, visit, token=FIRST))


def test_a_lost_answer_on_the_way_to_having_it_again(visit: AzureVisit, azure: LocalAzure) -> None:
    """Whichever of its requests was carried out and not answered, the next delivery makes the rest."""
    for lost in (1, 2, 3):
        azure.control.reset()
        quick(azure)
        visit.client("resource").put(GROUP, {"location": WHERE})
        _undone(visit, SPEC)
        azure.control.lose_answer(mutates=True, nth=lost, count=1)
        with suppress(Unavailable):
            create(job(KIND, SPEC, visit))
        create(job(KIND, SPEC, visit, again=True))
        [seen] = KIND.find(job(KIND, SPEC, visit).call(spec=SPEC))
        assert (seen.status, seen.token) == (Status.ready, TOKEN), lost
        assert UNDONE not in visit.client("keyvault").get(VAULT).body["tags"]


@pytest.mark.parametrize("more", [{"soft_delete_retention_in_days": 7}, {"enable_purge_protection": False}])
def test_what_it_cannot_become_it_is_not_made(visit: AzureVisit, more: dict[str, Any]) -> None:
    """Days are chosen once, and a protection stays on: a document that says otherwise is refused, as ever."""
    _undone(visit, SPEC.model_copy(update={"enable_purge_protection": True}))
    with pytest.raises(InvalidInput, match="held by a deleted vault"):
        create(job(KIND, SPEC.model_copy(update=more), visit))


def test_a_vault_is_not_replaced_by_one_of_its_name() -> None:
    """The plan refuses it: the walk would delete the one, and could not make the other."""
    before = KIND.canonical(SPEC.plain())
    for more, words in (({}, "or until somebody purges it"), ({"enable_purge_protection": True}, "nobody purge it")):
        with pytest.raises(InvalidInput, match=words):
            KIND.collides(before | more, before | {"name": "SHOP-vault", "resource_group": "another"})
    assert not KIND.collides(before, before | {"name": "shop-vault-2"})


@pytest.mark.parametrize("account", [SCOPE.account, "00000000-0000-0000-0000-000000000002"])
def test_a_name_that_is_borne_elsewhere(visit: AzureVisit, azure: LocalAzure, account: str) -> None:
    """In another group, or in another subscription: it is taken, at the first delivery and at a later one, and what
    bears it is as it was.
    """
    azure.sdk("resource", account).resource_groups.create_or_update("theirs", {"location": WHERE})
    said = {"tenantId": SCOPE.account, "sku": {"family": "A", "name": "standard"}}
    vaults = azure.sdk("keyvault", account).vaults
    vaults.begin_create_or_update("theirs", "shop-vault", {"location": WHERE, "properties": said}).result()
    deliveries: list[dict[str, Any]] = [{}, {"again": True, "waited": KNOWN_WITHIN}]
    for facts in deliveries:
        with pytest.raises(NameTaken, match="VaultAlreadyExists") as taken:
            create(job(KIND, SPEC, visit, **facts))
        assert "unique in all of Azure" in taken.value.letter.next
    assert KIND.find(job(KIND, SPEC, visit).call(spec=SPEC)) == []
    assert not vaults.get("theirs", "shop-vault").tags


def test_a_purged_vault_is_made_anew(visit: AzureVisit) -> None:
    """Where the deleted vault was purged, the way back makes one of the same fields."""
    _made_and_deleted(visit)
    where = f"{ids.subscription(SCOPE.account)}/providers/Microsoft.KeyVault/locations/{SCOPE.region}"
    visit.client("keyvault").post(f"{where}/deletedVaults/shop-vault/purge")
    assert KIND.create(replace(_call(visit, "b"), back=True)).token == "b"
