"""Storage accounts, vaults, identities, roles and tokens of the local Azure, through the official SDK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.identity import ClientSecretCredential, ManagedIdentityCredential, WorkloadIdentityCredential
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure, group, network, quick, refused
from tests.localcloud.test_azure_requests import ask

ACCOUNT: dict[str, Any] = {"location": WHERE, "sku": {"name": "Standard_LRS"}, "kind": "StorageV2"}
VAULT: dict[str, Any] = {
    "location": WHERE,
    "properties": {"tenantId": SUBSCRIPTION, "sku": {"family": "A", "name": "standard"}},
}
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
TENANT = "00000000-0000-0000-0000-00000000000a"
GIVEN = "00000000-0000-0000-0000-0000000000aa"


def test_a_storage_account(azure: LocalAzure) -> None:
    """An account is made with 202, made again with 200, changed at once, and its name is taken everywhere."""
    group(azure)
    accounts = azure.sdk("storage").storage_accounts
    seen: list[Any] = []
    accounts.begin_create("shop", "holdfast1", ACCOUNT, polling=False, raw_response_hook=seen.append)
    assert (seen[0].http_response.status_code, seen[0].http_response.text()) == (202, "")
    assert accounts.get_properties("shop", "holdfast1").provisioning_state == "Creating"
    azure.control.step(60)
    assert (
        accounts.begin_create("shop", "holdfast1", ACCOUNT, raw_response_hook=seen.append).result().kind == "StorageV2"
    )
    assert seen[1].http_response.status_code == 200
    changed = accounts.update("shop", "holdfast1", {"properties": {"minimumTlsVersion": "TLS1_3"}})
    assert (changed.minimum_tls_version, changed.enable_https_traffic_only) == ("TLS1_3", True)
    assert accounts.check_name_availability({"name": "holdfast1", "type": "Microsoft.Storage/storageAccounts"}).reason
    with refused("StorageAccountAlreadyTaken", 409):
        group(azure, "other")
        accounts.begin_create("other", "holdfast1", ACCOUNT)
    with refused("AccountNameInvalid", 400):
        accounts.begin_create("shop", "Not-A-Name", ACCOUNT)
    accounts.delete("shop", "holdfast1")
    with pytest.raises(ResourceNotFoundError):
        accounts.get_properties("shop", "holdfast1")


def test_a_firewall_holds_no_subnet(azure: LocalAzure) -> None:
    """A subnet that an account lets in must be there, and may go all the same."""
    quick(azure)
    group(azure)
    accounts, subnet = azure.sdk("storage").storage_accounts, network(azure).subnets[0].id
    rules = {"defaultAction": "Deny", "virtualNetworkRules": [{"id": subnet}]}
    accounts.begin_create("shop", "holdfast1", ACCOUNT | {"properties": {"networkAcls": rules}}).result()
    azure.network.virtual_networks.begin_delete("shop", "net").result()


def test_a_deleted_vault_holds_its_name(azure: LocalAzure) -> None:
    """A deleted vault is listed, refuses its name to another, comes back by recover, and is gone after a purge."""
    quick(azure)
    group(azure)
    vaults = azure.sdk("keyvault").vaults
    made = vaults.begin_create_or_update("shop", "holdfast", VAULT | {"tags": {"a": "b"}}).result()
    assert made.properties.vault_uri == "https://holdfast.vault.azure.net/"
    vaults.delete("shop", "holdfast")
    assert [v.name for v in vaults.list_deleted()] == ["holdfast"]
    with refused("ConflictError", 409):
        vaults.begin_create_or_update("shop", "holdfast", VAULT)
    back = {"location": WHERE, "properties": VAULT["properties"] | {"createMode": "recover"}}
    assert vaults.begin_create_or_update("shop", "holdfast", back).result().tags == {"a": "b"}
    assert list(vaults.list_deleted()) == []
    azure.resource.resource_groups.begin_delete("shop").result()
    assert vaults.get_deleted("holdfast", WHERE).properties.vault_id == made.id
    vaults.begin_purge_deleted("holdfast", WHERE).result()
    assert list(vaults.list_deleted()) == []
    group(azure)
    vaults.begin_create_or_update("shop", "holdfast", VAULT).result()


def test_a_protected_vault_is_not_purged(azure: LocalAzure) -> None:
    """A vault with purge protection keeps its name until its days are over."""
    quick(azure)
    group(azure)
    vaults = azure.sdk("keyvault").vaults
    body = {"location": WHERE, "properties": VAULT["properties"] | {"enablePurgeProtection": True}}
    vaults.begin_create_or_update("shop", "holdfast", body).result()
    vaults.delete("shop", "holdfast")
    with refused("MethodNotAllowed", 409):
        vaults.begin_purge_deleted("holdfast", WHERE)
    azure.control.step(91 * 24 * 3600)
    assert list(vaults.list_deleted()) == []


def test_a_role_is_given_once(azure: LocalAzure) -> None:
    """A role is given to an identity once, is found at its scope, and goes with what it was given on."""
    quick(azure)
    group(azure)
    identities = azure.sdk("msi").user_assigned_identities
    one = identities.create_or_update("shop", "app", {"location": WHERE})
    roles = azure.sdk("authorization").role_assignments
    scope = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"
    role = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{READER}"
    body = {
        "properties": {"principalId": one.principal_id, "roleDefinitionId": role, "principalType": "ServicePrincipal"}
    }
    assert roles.create(scope, GIVEN, body).scope == scope
    with refused("RoleAssignmentExists", 409):
        roles.create(scope, GIVEN.replace("aa", "bb"), body)
    with refused("InvalidRoleAssignmentId", 400):
        roles.create(scope, "name", body)
    with refused("ResourceGroupNotFound", 404):
        roles.create(scope.replace("shop", "none"), GIVEN, body)
    assert [r.name for r in roles.list_for_scope(scope, filter=f"principalId eq '{one.principal_id}'")] == [GIVEN]
    assert [r.role_name for r in azure.sdk("authorization").role_definitions.list(scope, "roleName eq 'Reader'")] == [
        "Reader"
    ]
    azure.resource.resource_groups.begin_delete("shop").result()
    assert azure.control.world() == {}


def test_a_new_identity_is_not_known_at_once(azure: LocalAzure) -> None:
    """A role for an identity made a moment ago is refused until the directory knows it."""
    quick(azure)
    group(azure)
    azure.control.settings(identity_unknown_seconds=20)
    one = azure.sdk("msi").user_assigned_identities.create_or_update("shop", "app", {"location": WHERE})
    roles, scope = azure.sdk("authorization").role_assignments, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/shop"
    body = {"properties": {"principalId": one.principal_id, "roleDefinitionId": f"{scope}/roleDefinitions/{READER}"}}
    with refused("PrincipalNotFound", 400):
        roles.create(scope, GIVEN, body)
    azure.control.step(21)
    roles.create(scope, GIVEN, body)
    roles.delete(scope, GIVEN)


def test_a_managed_identity_gets_a_token(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """azure-identity gets a token from the managed identity's endpoint, with which requests are let in."""
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{azure.endpoint}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "anything")
    azure.control.settings(require_token=True)
    path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups?api-version=2021-04-01"
    assert ask(azure, "GET", path)[1]["error"]["code"] == "AuthenticationFailed"
    with ManagedIdentityCredential() as credential:
        token = credential.get_token("https://management.azure.com/.default").token
    assert ask(azure, "GET", path, Authorization=f"Bearer {token}")[0] == 200
    azure.control.step(3601)
    assert ask(azure, "GET", path, Authorization=f"Bearer {token}")[1]["error"]["code"] == "ExpiredAuthenticationToken"


def test_a_secret_gets_a_token(azure: LocalAzure) -> None:
    """azure-identity gets a token for a secret over https, and the SDK, as it is, is let in with it."""
    azure.control.settings(require_token=True)
    trust: dict[str, Any] = {"connection_verify": azure.authority}
    local: dict[str, Any] = {"authority": azure.secure_endpoint, "disable_instance_discovery": True, **trust}
    with ClientSecretCredential(TENANT, "app", "secret", **local) as credential:
        scope = [f"{azure.secure_endpoint}/.default"]
        with ResourceManagementClient(
            credential, SUBSCRIPTION, base_url=azure.secure_endpoint, credential_scopes=scope, **trust
        ) as client:
            assert client.resource_groups.create_or_update("shop", {"location": WHERE}).name == "shop"
            client.resource_groups.begin_delete("shop", polling=False)
    wrong = pytest.raises(ClientAuthenticationError, match="AADSTS7000215")
    with ClientSecretCredential(TENANT, "app", "wrong", **local) as credential, wrong:
        credential.get_token("https://management.azure.com/.default")


def test_a_federated_token_gets_a_token(azure: LocalAzure, tmp_path: Path) -> None:
    """azure-identity exchanges a federated token, read from a file, for one of ours."""
    file = tmp_path / "token"
    file.write_text("a.b.c")
    local: dict[str, Any] = {
        "authority": azure.secure_endpoint,
        "disable_instance_discovery": True,
        "connection_verify": azure.authority,
    }
    with WorkloadIdentityCredential(
        tenant_id=TENANT, client_id="app", token_file_path=str(file), **local
    ) as credential:
        assert credential.get_token("https://management.azure.com/.default").token.count(".") == 2
