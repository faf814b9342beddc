"""The one place that opens Azure's SDK: its clients, with their retries off and their waiting taken out.

Every client is the official one of its service, and every request goes through its pipeline: credentials, user agent,
logging. Three of its policies ask a second time by themselves: retries and redirects are switched off, and the one that
registers a provider, and sleeps until that is done, never sees the answer that would set it off.

Importing this takes a fifth of a second, and a service's package up to another half: the door does when it must.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import requests
from azure.core import AzureClouds
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.core.pipeline.policies import HTTPPolicy, SansIOHTTPPolicy
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest
from azure.core.settings import settings
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.core.tools import get_arm_endpoints
from requests.adapters import HTTPAdapter

from activities.loopback import guarded
from activities.providers.azure import codes
from activities.providers.azure.credentials import another, credentials
from holdfast.errors import Broken, HoldfastError, InvalidInput, NotAllowed, Unavailable
from holdfast.model import Scope

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

ENDPOINT: Final = "HOLDFAST_AZURE_ENDPOINT"
CLOUD: Final = "AZURE_SDK_CLOUD_CONF"  # the SDK's own: a sovereign cloud's endpoint, and whom its tokens are for
CONNECT, READ = 5, 20  # seconds
READS: Final = frozenset({"GET", "HEAD"})
UNREGISTERED: Final = "MissingSubscriptionRegistration"
MET: Final = "holdfast_challenge_met"  # in a request's context
POOL: Final = 100  # connections that are kept for the next request

# By the name a kind asks for: the package, and its client.
CLIENTS: Final[Mapping[str, tuple[str, str]]] = {
    "authorization": ("azure.mgmt.authorization", "AuthorizationManagementClient"),
    "compute": ("azure.mgmt.compute", "ComputeManagementClient"),
    "keyvault": ("azure.mgmt.keyvault", "KeyVaultManagementClient"),
    "msi": ("azure.mgmt.msi", "ManagedServiceIdentityClient"),
    "network": ("azure.mgmt.network", "NetworkManagementClient"),
    "resource": ("azure.mgmt.resource.resources", "ResourceManagementClient"),
    "storage": ("azure.mgmt.storage", "StorageManagementClient"),
}

_lock = threading.RLock()
_clients: dict[tuple[str, str, Scope, Any], Any] = {}


class Unregistered(Exception):
    """The answer that a provider is not registered, on its way past the policy that would register it."""

    def __init__(self, response: Any) -> None:
        super().__init__(UNREGISTERED)
        self.response = response


class Watched(HTTPPolicy[Any, Any]):  # type: ignore[misc]  # the types of the SDK are not read
    """Tells whoever asked of every request that leaves, and every answer that arrives, in the asking thread.

    Who asks travels with the request, as its option `visit`: clients are shared between visits.
    """

    def send(self, request: Any) -> Any:
        """See `HTTPPolicy`. A second time for one request is a token that was refused and asked for anew."""
        visit = request.context.options.pop("visit", None) or request.context.get("visit")
        request.context["visit"] = visit
        if visit is not None:
            visit.asks(changes=request.http_request.method not in READS)
        answer = self.next.send(request)
        if visit is not None:
            visit.told(answer.http_response.status_code, answer.http_response.headers)
        if answer.http_response.status_code == 409 and UNREGISTERED in answer.http_response.text():  # noqa: PLR2004
            raise Unregistered(answer.http_response)
        return answer


class _Speaking(ARMChallengeAuthenticationPolicy):  # type: ignore[misc]  # the types of the SDK are not read
    """Sends a request once more, with another token, when ARM takes the first one no more: it may be withdrawn before
    it expires, and would be sent until then. What ARM has answered with 401 it has not carried out.

    A challenge, which says what the token must claim, the SDK has met by then.
    """

    def on_challenge(self, request: Any, response: Any) -> bool:
        """See `BearerTokenCredentialPolicy`."""
        met = bool(super().on_challenge(request, response))
        request.context[MET] = met
        return met

    def send(self, request: Any) -> Any:
        """See `HTTPPolicy`."""
        answer = super().send(request)
        said, headers = answer.http_response, request.http_request.headers
        # Of something on the way nobody knows what it has sent on.
        if said.status_code != 401 or not codes.is_arms(said.headers) or request.context.get(MET):  # noqa: PLR2004
            return answer
        token = another(self._credential, headers["Authorization"].removeprefix("Bearer "), *self._scopes)
        if token is None:
            return answer
        self._token = token
        self._update_headers(headers, token.token)
        return self.next.send(request)


class _Nobody:
    """A credential that is never asked."""

    def get_token(self, *scopes: str, **_: Any) -> Any:
        raise AssertionError("a local cloud asks for no token")


def endpoint() -> str:
    """Where ARM is: `HOLDFAST_AZURE_ENDPOINT`, or that of the cloud which the SDK's `AZURE_SDK_CLOUD_CONF` names.

    Raises `InvalidInput` for what is no URL, and for http to anywhere but this machine: a token would travel in clear.
    """
    chosen = os.environ.get(ENDPOINT, "").strip().rstrip("/")
    if not chosen:
        return str(_endpoints()["resource_manager"]).rstrip("/")
    read = urlsplit(chosen)
    if read.scheme not in {"http", "https"} or not read.hostname or read.query or read.fragment:
        raise InvalidInput(
            f"{ENDPOINT} is not where Azure can be: {chosen!r}",
            standing="nothing was touched",
            next="write it as https://management.azure.com, or leave it out",
        )
    return guarded(chosen, ENDPOINT)


def credential(scope: Scope) -> TokenCredential | None:
    """Who speaks for this worker in a scope; None for a local cloud, which is not told. Raises `NotAllowed`."""
    return None if endpoint().startswith("http:") else credentials(scope)


def open_client(service: str, scope: Scope) -> Any:
    """The official client of a service, shared by every visit with the same credentials to the same scope.

    Raises what `credential` raises, and `InvalidInput` when the service's package is not installed.
    """
    # Credentials that are equal share their tokens, but their letters name one scope each.
    speaks = credential(scope)
    key = (service, endpoint(), scope, speaks)
    with _lock:
        if key not in _clients:
            _clients[key] = _made(service, scope, speaks)
        return _clients[key]


def forget() -> None:
    """Close every client. For tests: what the environment says is read anew."""
    with _lock:
        for client in _clients.values():
            client.close()
        _clients.clear()


def ask(client: Any, visit: Any, method: str, url: str, body: Any, headers: Mapping[str, str]) -> Any:
    """One request through a client's pipeline: its answer, whatever it is. Raises our errors."""
    request = HttpRequest(method, url, headers={"Accept": "application/json", **headers}, json=body)
    try:
        # Two of the seven clients have no `send_request` of their own yet, and it would only fill in the address.
        return client._client.send_request(request, visit=visit)  # noqa: SLF001  the pipeline, which all of them have
    except Unregistered as answered:
        return answered.response
    except AzureError as error:
        raise translate(error) from error


def translate(error: AzureError) -> HoldfastError:
    """What the SDK raised where there was no answer of ARM's, as ours."""
    status = getattr(getattr(error, "response", None), "status_code", None) or 0
    words = " ".join(str(error.message or error).split())
    match error:
        case IncompleteReadError() | ServiceRequestError() | ServiceResponseError():
            return Unavailable(f"Azure does not answer: {words}")
        case ClientAuthenticationError() if status >= 500 or status == 429 or "temporarily_unavailable" in words:  # noqa: PLR2004
            return Unavailable(f"Entra gives no token now: {words}")
        case ClientAuthenticationError():  # also azure-identity's CredentialUnavailableError
            return NotAllowed(
                f"this worker gets no token for Azure: {words}",
                standing="nothing was touched",
                next="give it credentials, as azure-identity takes them: AZURE_CLIENT_ID and its kin, or an identity",
            )
        case DecodeError():
            kind = Unavailable if status in {502, 503, 504} else Broken
            return kind(f"something answered for Azure, with {status} and no JSON: {words}")
        case HttpResponseError() if not status:
            return Unavailable(f"Azure does not answer: {words}")
        case _:
            return Broken(f"the Azure SDK gave up: {type(error).__name__}: {words}")


def _made(service: str, scope: Scope, speaks: TokenCredential | None) -> Any:
    scopes = list(_endpoints()["credential_scopes"])
    return _class(service)(
        speaks or _Nobody(),
        scope.account,
        base_url=endpoint(),
        credential_scopes=scopes,
        authentication_policy=SansIOHTTPPolicy() if speaks is None else _Speaking(speaks, *scopes),
        custom_hook_policy=Watched(),
        retry_total=0,
        permit_redirects=False,
        user_agent="holdfast",
        transport=RequestsTransport(session=_session(), connection_timeout=CONNECT, read_timeout=READ),
    )


def _class(service: str) -> Callable[..., Any]:
    if service not in CLIENTS:
        raise Broken(f"Azure has no service {service!r} here", next=f"choose from {', '.join(CLIENTS)}")
    package, name = CLIENTS[service]
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(package), name)
    except ModuleNotFoundError as error:
        raise InvalidInput(f"{error.name} is not installed", next="pip install 'holdfast[azure]'") from error
    return found


def _session() -> requests.Session:
    """As the SDK makes its own, with room for every thread: nothing is repeated, also no refused connection."""
    session = requests.Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=POOL, max_retries=0)
    for begin in ("http://", "https://"):
        session.mount(begin, adapter)
    return session


def _endpoints() -> Mapping[str, Any]:
    try:
        endpoints: Mapping[str, Any] = get_arm_endpoints(settings.azure_cloud())
    except ValueError as error:
        raise InvalidInput(
            f"{CLOUD} names no cloud: {error}",
            standing="nothing was touched",
            next=f"choose from {', '.join(cloud.value for cloud in AzureClouds)}, or leave it out for the first",
        ) from error
    return endpoints
