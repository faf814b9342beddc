"""The door to Azure: ARM's JSON in both directions, each request once and counted, and its errors in our words."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest

from activities.providers.azure import ids, sdk, tags, versions
from activities.providers.azure.door import AzureVisit, Operation, open_visit
from holdfast.errors import (
    Blocked,
    Broken,
    CreateFailed,
    HoldfastError,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    Pending,
    Throttled,
    Unavailable,
)
from holdfast.model import Scope
from tests.cloud import ROOT
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure, quick

SCOPE = Scope("azure", SUBSCRIPTION, WHERE)
GROUP = ids.group(SUBSCRIPTION, "shop")
NET = ids.inside(GROUP, "Microsoft.Network/virtualNetworks", "net")
DISK = ids.inside(GROUP, "Microsoft.Compute/disks", "data")
DISKS = ids.collection(GROUP, "Microsoft.Compute/disks")
A_NET: dict[str, Any] = {"location": WHERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
A_DISK = {"location": WHERE, "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 10}}


@pytest.fixture(scope="session")
def azure_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAzure]:
    with LocalAzure(tmp_path_factory.mktemp("azure")) as cloud:
        yield cloud


@pytest.fixture
def azure(azure_process: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalAzure]:
    sdk.forget()
    azure_process.control.reset()
    monkeypatch.setenv(sdk.ENDPOINT, azure_process.endpoint)
    yield azure_process
    sdk.forget()


@pytest.fixture
def visit(azure: LocalAzure) -> AzureVisit:
    """In a subscription with one group, where nothing takes time."""
    quick(azure)
    made = open_visit(SCOPE)
    made.client("resource").put(GROUP, {"location": WHERE})
    return open_visit(SCOPE)


# --- a calm day --------------------------------------------------------------------------------------------------


def test_a_calm_day(azure: LocalAzure) -> None:
    """A group, a network and a disk are made, followed, read, listed, changed and deleted, in ARM's own JSON."""
    visit = open_visit(SCOPE)
    resource, network, compute = (visit.client(s) for s in ("resource", "network", "compute"))
    group = resource.put(GROUP, {"location": WHERE, "tags": {"team": "shop"}})
    assert (group.status, group.body["tags"], group.operation) == (201, {"team": "shop"}, "")

    begun = network.put(NET, A_NET)
    assert (begun.status, begun.body["properties"]["provisioningState"]) == (201, "Updating")
    assert all((begun.etag, begun.request, begun.retry_after == timedelta(seconds=1)))
    assert network.operation(begun.operation).status == "InProgress"
    azure.control.step(60)
    assert network.operation(begun.operation) == Operation("Succeeded", body=network.operation(begun.operation).body)
    seen = network.get(NET).body
    assert (seen["properties"]["provisioningState"], ids.same(seen["id"], NET.upper())) == ("Succeeded", True)

    begun = compute.put(DISK, A_DISK)
    assert begun.operation.startswith(azure.endpoint)
    azure.control.step(60)
    assert compute.operation(begun.operation).ended
    assert [one["name"] for one in compute.pages(DISKS)] == ["data"]

    compute.patch(DISK, {"properties": {"diskSizeGB": 20}})
    azure.control.step(60)
    assert compute.get(DISK).body["properties"]["diskSizeGB"] == 20

    begun = compute.delete(DISK)
    assert not compute.operation(begun.operation).ended
    azure.control.step(60)
    assert compute.operation(begun.operation).status == "Succeeded"
    with pytest.raises(NotFound):
        compute.get(DISK)
    assert compute.delete(DISK).status == 204

    begun = resource.delete(GROUP)  # answered with a Location alone
    assert (begun.status, begun.body, resource.operation(begun.operation).ended) == (202, {}, False)
    azure.control.step(60)
    assert resource.operation(begun.operation).status == "Succeeded"
    assert visit.answered
    assert visit.calls == len(visit.requests)


def test_an_action(visit: AzureVisit) -> None:
    """What is no resource is asked for by POST: here, whether a name is free."""
    asked = f"{ids.subscription(SUBSCRIPTION)}/providers/Microsoft.Storage/checkNameAvailability"
    body = {"name": "holdfastdata", "type": "Microsoft.Storage/storageAccounts"}
    assert visit.client("storage").post(asked, body).body["nameAvailable"] is True


def test_tags_are_changed_one_by_one(visit: AzureVisit) -> None:
    """Tags are merged into those of anything, and taken off again, and the others stay."""
    compute, resource = visit.client("compute"), visit.client("resource")
    compute.put(DISK, {**A_DISK, "tags": {"team": "shop"}})
    resource.patch(tags.path(DISK), tags.merging({"Holdfast-Owner": "prod/shop"}))
    merged = compute.get(DISK).body["tags"]
    assert merged == {"team": "shop", "Holdfast-Owner": "prod/shop"}
    resource.patch(tags.path(DISK), tags.removing(merged))
    assert compute.get(DISK).body["tags"] == {"team": "shop"}


def test_a_list_is_filtered_by_the_cloud(visit: AzureVisit) -> None:
    """`filter` reaches ARM as `$filter`."""
    compute = visit.client("compute")
    compute.put(DISK, {**A_DISK, "tags": {"holdfast-address": "shop/azure.disk/data[a]"}})
    compute.put(f"{DISK}2", A_DISK)
    wanted = "tagName eq 'holdfast-address' and tagValue eq 'shop/azure.disk/data[a]'"
    everything = f"{ids.subscription(SUBSCRIPTION)}/resources"
    assert [one["name"] for one in visit.client("resource").pages(everything, filter=wanted)] == ["data"]


def test_every_page_is_a_request(azure: LocalAzure, visit: AzureVisit) -> None:
    """A list of five by twos costs three requests, and none before its first member is taken."""
    for number in range(5):
        visit.client("compute").put(f"{DISK}{number}", A_DISK)
    azure.control.settings(page_size=2)
    reader = open_visit(SCOPE)
    pages = reader.client("compute").pages(DISKS)
    assert reader.calls == 0
    assert [one["name"] for one in pages] == [f"data{n}" for n in range(5)]
    assert (reader.calls, len(reader.requests)) == (3, 3)


def test_the_versions_are_the_sdks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each type is spoken to in the version of the API that the installed SDK's own operation for it uses."""
    monkeypatch.setenv(sdk.ENDPOINT, "http://127.0.0.1:1")
    used = {path: _version(service, call) for service, path, call in OPERATIONS}
    assert used == {path: versions.of(path) for path in used}


def _version(service: str, call: Any) -> str:
    """The api-version in the URL that an operation of the SDK would have asked for."""
    asked: list[str] = []

    def leave(request: Any) -> None:
        asked.append(request.http_request.url)
        raise ConnectionAbortedError

    from azure.core.pipeline.policies import CustomHookPolicy

    client = sdk._class(service)(
        sdk._Nobody(), SUBSCRIPTION, authentication_policy=CustomHookPolicy(raw_request_hook=leave)
    )
    with client, pytest.raises(ConnectionAbortedError):
        call(client)
    return asked[0].partition("api-version=")[2].partition("&")[0]


def _of(kind: str, *names: str) -> str:
    return ids.inside(GROUP, kind, *names)


OPERATIONS: list[tuple[str, str, Any]] = [
    ("resource", GROUP, lambda c: c.resource_groups.get("shop")),
    ("resource", f"{ids.subscription(SUBSCRIPTION)}/resources", lambda c: list(c.resources.list())),
    ("resource", tags.path(DISK), lambda c: c.tags.get_at_scope(DISK)),
    ("network", NET, lambda c: c.virtual_networks.get("shop", "net")),
    ("network", f"{NET}/subnets/app", lambda c: c.subnets.get("shop", "net", "app")),
    (
        "network",
        _of("Microsoft.Network/networkSecurityGroups", "g"),
        lambda c: c.network_security_groups.get("shop", "g"),
    ),
    ("network", _of("Microsoft.Network/publicIPAddresses", "a"), lambda c: c.public_ip_addresses.get("shop", "a")),
    ("network", _of("Microsoft.Network/networkInterfaces", "n"), lambda c: c.network_interfaces.get("shop", "n")),
    ("compute", DISK, lambda c: c.disks.get("shop", "data")),
    ("compute", _of("Microsoft.Compute/snapshots", "s"), lambda c: c.snapshots.get("shop", "s")),
    ("compute", _of("Microsoft.Compute/virtualMachines", "m"), lambda c: c.virtual_machines.get("shop", "m")),
    (
        "compute",
        f"{_of('Microsoft.Compute/virtualMachines', 'web')}/start",
        lambda c: c.virtual_machines.begin_start("shop", "web"),
    ),
    (
        "compute",
        _of("Microsoft.Compute/virtualMachineScaleSets", "s"),
        lambda c: c.virtual_machine_scale_sets.get("shop", "s"),
    ),
    (
        "storage",
        _of("Microsoft.Storage/storageAccounts", "s"),
        lambda c: c.storage_accounts.get_properties("shop", "s"),
    ),
    ("keyvault", _of("Microsoft.KeyVault/vaults", "v"), lambda c: c.vaults.get("shop", "v")),
    (
        "msi",
        _of("Microsoft.ManagedIdentity/userAssignedIdentities", "i"),
        lambda c: c.user_assigned_identities.get("shop", "i"),
    ),
    (
        "authorization",
        ids.inside(GROUP, "Microsoft.Authorization/roleAssignments", "r"),
        lambda c: c.role_assignments.get(GROUP, "r"),
    ),
    (
        "authorization",
        ids.inside(GROUP, "Microsoft.Authorization/roleDefinitions", "d"),
        lambda c: c.role_definitions.get(GROUP, "d"),
    ),
]


# --- refusals ----------------------------------------------------------------------------------------------------


def test_only_if_nothing_stands_there(visit: AzureVisit) -> None:
    """A create that must be new is refused, as a name taken, where something stands."""
    compute = visit.client("compute")
    assert compute.put(DISK, A_DISK, if_none_match="*").status in {200, 201, 202}
    with pytest.raises(NameTaken) as refused:
        compute.put(DISK, A_DISK, if_none_match="*")
    assert refused.value.letter.code == "PreconditionFailed"
    assert refused.value.letter.requests == visit.requests[-1:]


def test_only_if_nobody_wrote_in_between(visit: AzureVisit) -> None:
    """A write under an etag goes well once, and with the old one it is to look again."""
    network = visit.client("network")
    etag = network.put(NET, A_NET).etag
    assert network.put(NET, {**A_NET, "tags": {"a": "1"}}, if_match=etag).etag != etag
    with pytest.raises(Pending):
        network.put(NET, A_NET, if_match=etag)


@pytest.mark.parametrize(
    "code, status, error",
    [
        ("AuthorizationFailed", 403, NotAllowed),
        ("ScopeLocked", 409, NotAllowed),
        ("MissingSubscriptionRegistration", 409, NotAllowed),
        ("SubscriptionNotFound", 404, NotAllowed),
        ("AnotherOperationInProgress", 429, Pending),
        ("StorageAccountAlreadyTaken", 409, NameTaken),
        ("InUseSubnetCannotBeDeleted", 400, Blocked),
        ("InternalServerError", 500, Unavailable),
        ("NeverHeardOf", 409, Broken),
    ],
)
def test_a_refusal(azure: LocalAzure, visit: AzureVisit, code: str, status: int, error: type[HoldfastError]) -> None:
    """A refusal comes as ours, with ARM's code, words and request id; it was answered, once."""
    azure.control.refuse(code, "as the cloud says it", status, action="Microsoft.Compute/disks/write")
    begun = time.monotonic()
    with pytest.raises(HoldfastError) as refused:
        visit.client("compute").put(DISK, A_DISK)
    letter = refused.value.letter
    assert type(refused.value) is error
    assert (letter.code, "as the cloud says it" in letter.happened, DISK in letter.happened) == (code, True, True)
    assert letter.requests == visit.requests
    assert (visit.calls, visit.answered) == (1, True)
    assert time.monotonic() - begun < 5  # nothing slept, nothing was registered


def test_a_reference_to_what_is_not_there(visit: AzureVisit) -> None:
    """A group that is not there is not found, whatever is asked for inside it."""
    elsewhere = ids.inside(ids.group(SUBSCRIPTION, "other"), "Microsoft.Compute/disks", "data")
    compute = visit.client("compute")
    with pytest.raises(NotFound, match="ResourceGroupNotFound"):
        compute.get(elsewhere)
    with pytest.raises(NotFound, match="ResourceGroupNotFound"):
        compute.put(elsewhere, A_DISK)


def test_throttled(azure: LocalAzure, visit: AzureVisit) -> None:
    """Throttling says how long to wait, and is not asked again by the SDK."""
    azure.control.throttle(rate=0, burst=1, action="Microsoft.Compute/disks/read")
    compute = visit.client("compute")
    assert list(compute.pages(DISKS)) == []
    with pytest.raises(Throttled) as slow:
        list(compute.pages(DISKS))
    assert (slow.value.after, visit.calls) == (timedelta(seconds=1), 2)


@pytest.mark.parametrize("lost", ["lose_answer", "lose_request"])
def test_nothing_is_heard(azure: LocalAzure, visit: AzureVisit, lost: str) -> None:
    """A lost answer is not an answer: asked once, nobody answered, and the next request is as any other."""
    getattr(azure.control, lost)(action="Microsoft.Compute/disks/write")
    with pytest.raises(Unavailable):
        visit.client("compute").put(DISK, A_DISK)
    assert (visit.calls, visit.answered, visit.requests) == (1, False, ())
    azure.control.heal()
    stands = [one["name"] for one in visit.client("compute").pages(DISKS)]
    assert stands == (["data"] if lost == "lose_answer" else [])
    assert (visit.calls, visit.answered, len(visit.requests)) == (2, True, 1)


def test_what_a_request_began_fails(azure: LocalAzure, visit: AzureVisit) -> None:
    """A request that was taken and then failed says so where it is followed; asking for it raises nothing."""
    failing = {
        "create Microsoft.Compute/disks/data": "DiskGaveUp",
        "create Microsoft.Compute/disks/full": "AllocationFailed",
    }
    azure.control.settings(seconds={"*": 10}, failing=failing)
    compute = visit.client("compute")
    first, second = compute.put(DISK, A_DISK), compute.put(_of("Microsoft.Compute/disks", "full"), A_DISK)
    azure.control.step(60)
    ended = compute.operation(first.operation)
    assert (ended.status, type(ended.error)) == ("Failed", CreateFailed)
    assert "DiskGaveUp" in str(ended.error)
    assert type(compute.operation(second.operation).error) is Unavailable


def test_a_group_that_something_outside_needs(azure: LocalAzure, visit: AzureVisit) -> None:
    """A Location answers with the error itself when what it stands for has failed."""
    subnet = {"name": "s0", "properties": {"addressPrefix": "10.0.0.0/24"}}
    visit.client("network").put(NET, {**A_NET, "properties": {**A_NET["properties"], "subnets": [subnet]}})
    visit.client("resource").put(ids.group(SUBSCRIPTION, "other"), {"location": WHERE})
    body = {
        "location": WHERE,
        "properties": {"ipConfigurations": [{"name": "one", "properties": {"subnet": {"id": f"{NET}/subnets/s0"}}}]},
    }
    other = ids.inside(ids.group(SUBSCRIPTION, "other"), "Microsoft.Network/networkInterfaces", "nic")
    visit.client("network").put(other, body)
    azure.control.settings(seconds={"*": 5})
    begun = visit.client("resource").delete(GROUP)
    azure.control.step(60)
    ended = visit.client("resource").operation(begun.operation)
    assert (ended.status, type(ended.error)) == ("Failed", Blocked)


def test_an_operation_that_nobody_knows(visit: AzureVisit) -> None:
    """Where ARM has forgotten an operation it is not found: the thing itself is to be looked at."""
    forgotten = f"{ids.subscription(SUBSCRIPTION)}/providers/Microsoft.Compute/locations/{WHERE}/operations/none"
    with pytest.raises(NotFound):
        visit.client("compute").operation(f"{sdk.endpoint()}{forgotten}?api-version=2024-03-02")


def test_a_link_that_leads_away(visit: AzureVisit) -> None:
    """A link to another host is not followed: the token would go along."""
    with pytest.raises(Broken, match="leads away"):
        visit.client("compute").operation("http://169.254.169.254/metadata")
    assert visit.calls == 0


@pytest.mark.parametrize("path", ["subscriptions/x", "/subscriptions/x/../y", "/subscriptions//x", ""])
def test_what_is_no_id(visit: AzureVisit, path: str) -> None:
    """A path that is none, or climbs out of its place, is refused before it leaves."""
    with pytest.raises(InvalidInput):
        visit.client("resource").get(path)
    assert visit.calls == 0


# --- who asks, and whose it is -----------------------------------------------------------------------------------


def test_visits_do_not_mix(visit: AzureVisit) -> None:
    """Visits share clients, and each hears of its own requests only, whichever thread asks."""
    visit.client("compute").put(DISK, A_DISK)
    many = [open_visit(SCOPE) for _ in range(4)]
    together = threading.Barrier(len(many))

    def look(one: AzureVisit) -> None:
        together.wait(10)
        for _ in range(10):
            one.client("compute").get(DISK)

    with ThreadPoolExecutor(len(many)) as pool:
        list(pool.map(look, many))
    assert {one.calls for one in many} == {10}
    heard = [request for one in many for request in one.requests]
    assert len(heard) == len(set(heard)) == 40


def test_a_visit_in_several_threads(visit: AzureVisit) -> None:
    """One visit may be used by several threads, and counts what all of them ask."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: list(visit.client("compute").pages(DISKS)), range(20)))
    assert (visit.calls, len(visit.requests)) == (20, 20)


def test_opening_the_door_imports_no_sdk() -> None:
    """A worker that never asks Azure does not import its SDK, and the control queue need not have it."""
    code = (
        "import sys, activities.providers.azure.door, activities.providers.azure.kinds;"
        "print([m for m in sys.modules if m.split('.')[0] in {'azure', 'msal', 'requests'}])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_a_client_imports_its_own_package_only() -> None:
    """Opening Network's client does not load Compute's, or any other."""
    code = (
        "import sys; from activities.providers.azure.door import open_visit; from holdfast.model import Scope;"
        f"open_visit(Scope('azure', '{SUBSCRIPTION}', 'westeurope')).client('network');"
        "print(sorted(m for m in sys.modules if m.startswith('azure.mgmt.') and m.count('.') == 2))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={sdk.ENDPOINT: "http://127.0.0.1:1", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.strip() == "['azure.mgmt.core', 'azure.mgmt.network']"


# --- where it leads, and who speaks ------------------------------------------------------------------------------


def test_every_service_opens(visit: AzureVisit) -> None:
    """Each of the seven clients asks, and is answered."""
    for service in sdk.CLIENTS:
        assert visit.client(service).get(ids.subscription(SUBSCRIPTION)).status == 200
    assert visit.calls == len(sdk.CLIENTS)


def test_a_service_that_is_not_there(visit: AzureVisit) -> None:
    """A kind that asks for a service that is none is a bug of ours, and says which there are."""
    with pytest.raises(Broken, match="network"):
        visit.client("cosmos")


@pytest.mark.parametrize(
    "endpoint, words",
    [
        ("http://management.example.com", "in clear"),
        ("http://127.0.0.1.example.com:80", "in clear"),
        ("ftp://127.0.0.1", "not where Azure can be"),
        ("management.azure.com", "not where Azure can be"),
    ],
)
def test_an_endpoint_that_cannot_be(monkeypatch: pytest.MonkeyPatch, endpoint: str, words: str) -> None:
    """Plain http leads to this machine only, and what is no URL leads nowhere: a letter says so."""
    monkeypatch.setenv(sdk.ENDPOINT, endpoint)
    with pytest.raises(InvalidInput, match=words):
        open_visit(SCOPE)


@pytest.mark.parametrize(
    "cloud, where",
    [
        ("AZURE_PUBLIC_CLOUD", "https://management.azure.com"),
        ("AZURE_CHINA_CLOUD", "https://management.chinacloudapi.cn"),
        ("AZURE_US_GOVERNMENT", "https://management.usgovcloudapi.net"),
    ],
)
def test_which_cloud(monkeypatch: pytest.MonkeyPatch, cloud: str, where: str) -> None:
    """Without an endpoint the SDK's own word says which of Azure's clouds is meant."""
    monkeypatch.delenv(sdk.ENDPOINT, raising=False)
    monkeypatch.setenv(sdk.CLOUD, cloud)
    assert sdk.endpoint() == where


def test_a_cloud_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud that the SDK does not know is refused, with those that it does."""
    monkeypatch.delenv(sdk.ENDPOINT, raising=False)
    monkeypatch.setenv(sdk.CLOUD, "AZURE_GERMAN_CLOUD")
    with pytest.raises(InvalidInput, match="AZURE_CHINA_CLOUD"):
        open_visit(SCOPE)


def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint where nobody listens is unavailable: asked once, and not answered."""
    sdk.forget()
    monkeypatch.setenv(sdk.ENDPOINT, "http://127.0.0.1:1")
    visit = open_visit(SCOPE)
    with pytest.raises(Unavailable):
        visit.client("resource").get(GROUP)
    assert (visit.calls, visit.answered, visit.requests) == (1, False, ())
    sdk.forget()


@pytest.fixture
def secure(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> LocalAzure:
    """The same cloud over https, where a token is asked for: a service principal's, by its secret."""
    azure.control.settings(require_token=True)
    monkeypatch.setenv(sdk.ENDPOINT, azure.secure_endpoint)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", azure.authority)
    monkeypatch.setattr(sdk, "credentials", lambda _: _principal(azure, "good"))
    return azure


def _principal(azure: LocalAzure, secret: str) -> Any:
    from azure.identity import ClientSecretCredential

    return ClientSecretCredential(
        "00000000-0000-0000-0000-00000000000a",
        "00000000-0000-0000-0000-00000000000b",
        secret,
        authority=azure.secure_endpoint,
        disable_instance_discovery=True,
        connection_verify=azure.authority,
    )


def test_with_a_token(secure: LocalAzure) -> None:
    """Over https a service principal's token is taken along; the request for it is not counted."""
    visit = open_visit(SCOPE)
    visit.client("resource").put(GROUP, {"location": WHERE})
    assert visit.client("resource").get(GROUP).body["name"] == "shop"
    assert (visit.calls, len(visit.requests)) == (2, 2)


def test_a_wrong_secret(secure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong secret is not allowed, in Entra's words, and nothing reached ARM."""
    monkeypatch.setattr(sdk, "credentials", lambda _: _principal(secure, "wrong"))
    visit = open_visit(SCOPE)
    with pytest.raises(NotAllowed, match="AADSTS7000215"):
        visit.client("resource").get(GROUP)
    assert (visit.calls, visit.answered) == (0, True)


def test_a_token_that_has_expired(secure: LocalAzure) -> None:
    """A token that ARM does not take any more is not allowed, in its words."""
    visit = open_visit(SCOPE)
    visit.client("resource").put(GROUP, {"location": WHERE})
    secure.control.step(7200)
    with pytest.raises(NotAllowed, match="ExpiredAuthenticationToken"):
        visit.client("resource").get(GROUP)


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker without credentials opens no door, and the letter names the scope."""

    def nobody(scope: Scope) -> Any:
        raise NotAllowed(f"this worker has no credentials for {scope}")

    sdk.forget()
    monkeypatch.delenv(sdk.ENDPOINT, raising=False)
    monkeypatch.setattr(sdk, "credentials", nobody)
    with pytest.raises(NotAllowed, match=SUBSCRIPTION):
        open_visit(SCOPE)


def test_a_credential_that_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """azure-identity's own refusal is ours: this worker gets no token."""
    from azure.identity import CredentialUnavailableError

    class Gone:
        def get_token(self, *scopes: str, **_: Any) -> Any:
            raise CredentialUnavailableError("no managed identity here")

    sdk.forget()
    monkeypatch.setenv(sdk.ENDPOINT, "https://127.0.0.1:1")
    monkeypatch.setattr(sdk, "credentials", lambda _: Gone())
    visit = open_visit(SCOPE)
    with pytest.raises(NotAllowed, match="no managed identity here"):
        visit.client("resource").get(GROUP)
    assert visit.calls == 0
    sdk.forget()
