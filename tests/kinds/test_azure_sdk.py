"""Azure's SDK behind the door: what is imported, where it leads, who speaks, and in which version of the API."""

from __future__ import annotations

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from activities.providers.azure import credentials, ids, sdk, tags, versions
from activities.providers.azure.door import AzureVisit, open_visit
from holdfast.errors import (
    Broken,
    HoldfastError,
    InvalidInput,
    NotAllowed,
    Unavailable,
)
from holdfast.model import Scope
from tests.cloud import ROOT
from tests.kinds.azure_visit import DISK, GROUP, NET, SCOPE
from tests.kinds.pages import answering
from tests.localcloud.azure_parts import SUBSCRIPTION, WHERE, LocalAzure

# --- what is imported --------------------------------------------------------------------------------------------


def test_opening_the_door_imports_no_sdk() -> None:
    """A worker that never asks Azure does not import its SDK, and the control queue need not have it."""
    code = (
        "import sys, activities.providers.azure.door, activities.providers.azure.kinds;"
        "print([m for m in sys.modules if m.split('.')[0] in {'azure', 'msal', 'requests'}])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_the_sdk_is_not_installed(visit: AzureVisit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the SDK, or without one service's package, a letter says what to install."""
    monkeypatch.setitem(sys.modules, "azure.mgmt.keyvault", None)
    with pytest.raises(InvalidInput, match=r"holdfast\[azure\]"):
        visit.client("keyvault")
    code = (
        "import sys; sys.modules['azure'] = None\n"
        "from activities.providers.azure.door import open_visit; from holdfast.model import Scope\n"
        "from holdfast.errors import InvalidInput\n"
        "try: open_visit(Scope('azure', 'x', 'westeurope'))\n"
        "except InvalidInput as error: print(error)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pip install 'holdfast[azure]'" in ran.stdout


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


class _Proxy(BaseHTTPRequestHandler):
    """What may stand between us and Azure: answers as its path says, and never as ARM."""

    def do_GET(self) -> None:
        status, kind, text = ANSWERS[urlsplit(self.path).path.rpartition("/")[2]]
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(text)), "Location": "/elsewhere"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Nothing."""


ANSWERS = {
    "page": (404, "text/html", "<h1>Not here</h1>"),
    "gateway": (502, "text/html", "<h1>Bad gateway</h1>"),
    "login": (302, "text/html", ""),
    "welcome": (200, "text/html", "<h1>Welcome</h1>"),
    "torn": (200, "application/json", '{"value": ['),
    "torn-gateway": (504, "application/json", "{"),
}


@pytest.mark.parametrize(
    "place, error",
    [
        ("page", Broken),
        ("gateway", Unavailable),
        ("login", Broken),
        ("welcome", Broken),
        ("torn", Broken),
        ("torn-gateway", Unavailable),
    ],
)
def test_what_answers_is_not_azure(monkeypatch: pytest.MonkeyPatch, place: str, error: type[HoldfastError]) -> None:
    """A proxy's page is no answer: nothing reads as gone, nothing as done, and no redirect is followed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Proxy) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True).start()
        monkeypatch.setenv(sdk.ENDPOINT, f"http://127.0.0.1:{proxy.server_port}")
        sdk.forget()
        visit = open_visit(SCOPE)
        with pytest.raises(HoldfastError) as refused:
            visit.client("resource").get(ids.subscription(place))
        sdk.forget()
        proxy.shutdown()
    assert type(refused.value) is error
    assert (visit.calls, visit.answered) == (1, False)


@pytest.fixture
def secure(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> LocalAzure:
    """The same cloud over https, where a token is asked for: a service principal's, by its secret."""
    azure.control.settings(require_token=True)
    monkeypatch.setenv(sdk.ENDPOINT, azure.secure_endpoint)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", azure.authority)
    speaks = _principal(azure, "good")
    monkeypatch.setattr(sdk, "credentials", lambda _: speaks)
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


@pytest.fixture
def own(azure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> LocalAzure:
    """The same, where the worker has what azure-identity takes, and nothing was got with it yet."""
    azure.control.settings(require_token=True)
    monkeypatch.setattr(credentials, "_made", {})
    given = {
        sdk.ENDPOINT: azure.secure_endpoint,
        "REQUESTS_CA_BUNDLE": azure.authority,
        "AZURE_AUTHORITY_HOST": azure.secure_endpoint,
        "AZURE_TENANT_ID": "00000000-0000-0000-0000-00000000000a",
        "AZURE_CLIENT_ID": "00000000-0000-0000-0000-00000000000b",
        "AZURE_CLIENT_SECRET": "good",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return azure


def test_with_the_workers_own_credentials(own: LocalAzure) -> None:
    """Given what azure-identity takes, the door opens by itself: a token is got, taken along, and accepted."""
    visit = open_visit(SCOPE)
    assert visit.client("resource").put(GROUP, {"location": WHERE}).status == 201
    assert visit.client("network").get(ids.subscription(SUBSCRIPTION)).status == 200
    assert visit.calls == 2


def test_a_wrong_secret(secure: LocalAzure, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong secret is not allowed, in Entra's words, and nothing reached ARM."""
    monkeypatch.setattr(sdk, "credentials", lambda _: _principal(secure, "wrong"))
    visit = open_visit(SCOPE)
    with pytest.raises(NotAllowed, match="AADSTS7000215"):
        visit.client("resource").get(GROUP)
    assert (visit.calls, visit.answered) == (0, True)


def test_a_token_that_has_expired(secure: LocalAzure) -> None:
    """A token that ARM does not take any more is not allowed, in its words, where there is no other."""
    visit = open_visit(SCOPE)
    visit.client("resource").put(GROUP, {"location": WHERE})
    secure.control.step(7200)
    with pytest.raises(NotAllowed, match="ExpiredAuthenticationToken"):
        visit.client("resource").get(GROUP)
    assert (visit.calls, visit.answered) == (2, True)


@pytest.mark.parametrize("code", ["ExpiredAuthenticationToken", "InvalidAuthenticationToken"])
def test_a_token_that_was_withdrawn(own: LocalAzure, code: str) -> None:
    """A change that ARM refuses for its token is asked for once more with another, and carried out once; so is
    one that is asked later, whose token is withdrawn then.
    """
    first = _bears()
    own.control.refuse(code, "The access token is invalid.", 401, service="Microsoft.Resources", count=1)
    visit = open_visit(SCOPE)
    assert visit.client("resource").put(GROUP, {"location": WHERE}).status == 201
    assert (visit.calls, len(visit.requests), visit.answered) == (2, 2, True)
    assert len(own.control.executed()) == 1
    second = _bears()
    assert second != first
    own.control.refuse(code, "The access token is invalid.", 401, service="Microsoft.Resources", count=1)
    assert visit.client("resource").get(GROUP).status == 200
    assert _bears() != second


def test_a_token_that_another_has_replaced(own: LocalAzure) -> None:
    """Whoever still sends the old token takes the one that was got since: none is got for each client."""
    visit = open_visit(SCOPE)
    for service in ("resource", "network"):
        visit.client(service).get(ids.subscription(SUBSCRIPTION))
    own.control.step(7200)
    visit.client("resource").get(ids.subscription(SUBSCRIPTION))
    second = _bears()
    visit.client("network").get(ids.subscription(SUBSCRIPTION))
    assert (visit.calls, _bears()) == (6, second)


def test_a_token_that_is_refused_twice(own: LocalAzure) -> None:
    """Where the new token is refused as well the letter says so, and nobody asks a third time."""
    own.control.refuse("InvalidAuthenticationToken", "The access token is invalid.", 401, service="Microsoft.Resources")
    visit = open_visit(SCOPE)
    with pytest.raises(NotAllowed, match="InvalidAuthenticationToken"):
        visit.client("resource").put(GROUP, {"location": WHERE})
    assert (visit.calls, visit.answered) == (2, True)


CLAIMS = 'Bearer error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ=="'  # {"access_token":{}}


@pytest.mark.parametrize(
    "headers, calls, answered",
    [
        ({}, 1, False),  # it may have been sent on by what is on the way
        ({"x_ms_request_id": "r"}, 2, True),
        ({"x_ms_request_id": "r", "WWW_Authenticate": CLAIMS}, 2, True),  # by the SDK's own hand
    ],
    ids=["a page", "ARM", "a challenge"],
)
def test_a_change_is_sent_twice_at_most(
    own: LocalAzure, monkeypatch: pytest.MonkeyPatch, headers: dict[str, str], calls: int, answered: bool
) -> None:
    """A 401 that is ARM's has the change asked for once more, one that says what it wants too; a page's does not."""
    authority = Path(own.authority)
    with answering(401, tls=(authority, authority.with_name("key.pem")), **headers) as page:
        monkeypatch.setenv(sdk.ENDPOINT, page)
        visit = open_visit(SCOPE)
        with pytest.raises(NotAllowed):
            visit.client("resource").put(GROUP, {"location": WHERE})
        sdk.forget()
    assert (visit.calls, visit.answered, visit.untouched) == (calls, answered, False)


def _bears() -> str:
    """The token that the worker's own credentials give now."""
    return str(credentials.credentials(SCOPE).get_token("https://management.azure.com/.default").token)


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


# --- in which version --------------------------------------------------------------------------------------------


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
