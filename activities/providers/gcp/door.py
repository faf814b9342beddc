"""The one place that opens Google's SDKs: clients for a scope, with their retries off and their errors in our words.

A kind calls `client(service).method(...)` with keywords, and writes and reads the JSON of Google's REST reference:

    networks = call.client("networks")                     # google.cloud.compute_v1.services.networks
    work = networks.insert(project=p, body={"name": "n", "autoCreateSubnetworks": False}, request_id=uuid)
    work = call.client("global_operations").get(project=p, operation=work["name"])
    if work["status"] == "DONE" and (error := operation_error(work)): raise error        # of `codes`
    for network in networks.list(project=p, filter="name eq n", max_results=500): network["selfLink"]

| service | what it is | names of its methods |
|---|---|---|
| `networks`, `zone_operations`, … | Compute, any of the SDK's services | the SDK's: `insert`, `add_peering` |
| `projects`, `folders`, `organizations` | Resource Manager v3 | the SDK's: `create_project`, `get_operation` |
| `iam` | service accounts | `rest.IAM`, as `iam_admin_v1` names them |
| `storage` | buckets | `rest.STORAGE`, as the JSON API names them |

What comes back is a dict, or of a list an iterator over dicts that asks for a page when it needs one: each page is one
request, and a list that is not read makes none. Nothing is retried and no operation is waited for. A retry of the SDK's
own would hide a lost answer from the protocol that looks before it repeats. Deadlines are shorter than the activity's:
5 s to connect, 15 s for an answer to begin.

Resource Manager is asked over gRPC (`channel`), the others over REST: see docs/adr/0012-resource-manager-over-grpc.md.
Both are told of alike. Endpoints are changed as for gcloud: `CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE`,
`_CLOUDRESOURCEMANAGER`, `_IAM`, `_STORAGE`; for Storage also `STORAGE_EMULATOR_HOST`, which goes first.

The SDKs are imported when first used: Compute takes 2 s, since its package imports every one of its services.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

import requests
from requests.adapters import HTTPAdapter

from activities.asked import Asked
from activities.loopback import guarded
from activities.providers.gcp.codes import may_lack_project, refusal, span
from activities.providers.gcp.credentials import UNSENDABLE, credentials, is_unsendable, kept, words
from activities.providers.gcp.rest import IAM, STORAGE, Untyped, over_session, over_storage
from activities.providers.gcp.unseen import no_account
from activities.providers.gcp.wire import Typed, over_rest, sdk, unwrapped
from holdfast.errors import Broken, HoldfastError, NotAllowed, Unavailable
from holdfast.model import Scope

if TYPE_CHECKING:
    from activities.providers.gcp.channel import Channels

CONNECT: Final = 5.0  # seconds
ANSWER: Final = 15.0  # seconds without a byte
PRINCIPALS: Final = 100  # whose clients are kept
MANAGER: Final = frozenset({"projects", "folders", "organizations"})
OVERRIDE: Final = "CLOUDSDK_API_ENDPOINT_OVERRIDES_"
ENDPOINTS: Final = {
    "COMPUTE": "https://compute.googleapis.com",
    "CLOUDRESOURCEMANAGER": "https://cloudresourcemanager.googleapis.com",
    "IAM": "https://iam.googleapis.com",
}
# Where Google says which request an answer is of; not every service does. The last is the local cloud's.
IDS: Final = ("X-Goog-Request-Id", "X-GUploader-UploadID", "X-Request-Id")

READS: Final = (":getIamPolicy", ":testIamPermissions")  # asked by POST, and change nothing

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # read as it is imported, by Compute's SDK too; what closes is no news

# Said when the door is opened, and not by the first act: whoever serves a cloud needs its SDK.
for _name in ("google.auth", "google.cloud.compute_v1", "google.cloud.resourcemanager_v3", "google.cloud.storage"):
    if find_spec(_name) is None:
        raise ModuleNotFoundError(f"No module named {_name!r}", name=_name)

_lock = threading.RLock()
_principals: dict[int, _Principal] = {}  # by the identity of their credentials, the oldest first
_now = threading.local()  # the visit whose request this thread makes: clients are shared, request ids are not


class _Counting(HTTPAdapter):
    """Sends requests with our deadlines, for the visit of this thread. One for all sessions: they share connections."""

    def send(self, request: Any, *_: Any, **arguments: Any) -> Any:
        visit: GcpVisit | None = getattr(_now, "visit", None)
        if visit is not None:
            visit.asks(changes=request.method != "GET" and not request.url.partition("?")[0].endswith(READS))
        answer = super().send(request, **{**arguments, "timeout": (CONNECT, ANSWER)})
        # Read here: an answer that is cut off has not been heard.
        if visit is not None and answer.content is not None:
            # A refusal that is no JSON is a page: of Google's own front, or of something on the way, which may have
            # sent the request on before it said so.
            by_google = answer.headers.get("Content-Type", "").lower().startswith("application/json")
            visit.told(answer.headers, refused=not answer.ok, answered=answer.ok or by_google)
        return answer


class _Fetching(HTTPAdapter):
    """Fetches tokens, with our deadlines. Not counted: a token is nobody's act."""

    def send(self, request: Any, *_: Any, **arguments: Any) -> Any:
        return super().send(request, **{**arguments, "timeout": (CONNECT, ANSWER)})


class _Telling:
    """Tells the visit of this thread: see `channel.Told`."""

    def asks(self, *, changes: bool) -> None:
        if (visit := getattr(_now, "visit", None)) is not None:
            visit.asks(changes=changes)

    def hears(self, headers: Mapping[str, str], *, refused: bool) -> None:
        if (visit := getattr(_now, "visit", None)) is not None:
            visit.told(headers, refused=refused)


_counting, _fetching = _Counting(pool_maxsize=100), _Fetching()


class _Principal:
    """Credentials, with the clients that speak for them. `credentials` gives one object for as long as it serves."""

    def __init__(self, found: Any) -> None:
        self.credentials = found  # held, so that its identity is nobody else's
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str) -> Any:
        """The SDK's client of a service, or what sends to one that has none. Made once for an endpoint."""
        api = {"iam": "IAM", "storage": "STORAGE"}.get(
            service, "CLOUDRESOURCEMANAGER" if service in MANAGER else "COMPUTE"
        )
        key = (service, endpoint(api))
        with _lock:
            if key not in self._clients:
                self._clients[key] = self._made(service, key[1])
            return self._clients[key]

    def _made(self, service: str, address: str) -> Any:
        if service in {"iam", "storage"}:
            from google.auth.transport.requests import AuthorizedSession

            session = _tuned(AuthorizedSession(self.credentials, default_host=address.partition("://")[2] or None))
            return over_session(session, address) if service == "iam" else over_storage(session, address)
        if service in MANAGER:
            from activities.providers.gcp import channel

            return channel.speaking(sdk("google.cloud.resourcemanager_v3", service), self._channels.to(address))
        return over_rest(sdk("google.cloud.compute_v1", service), address, self.credentials, _tuned)

    @functools.cached_property
    def _channels(self) -> Channels:
        from google.auth.transport.requests import Request

        from activities.providers.gcp.channel import Channels

        tokens = Request(_mounted(requests.Session(), _fetching))
        return Channels(self.credentials, tokens, _Telling(), connect=CONNECT, answer=ANSWER)


def _tuned(session: Any) -> Any:
    """One of google-auth's sessions, with our deadlines, for what it sends and for the tokens that it fetches."""
    _mounted(session._auth_request_session, _fetching)  # noqa: SLF001  # no argument
    return _mounted(session, _counting)


def _mounted(session: Any, adapter: HTTPAdapter) -> Any:
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def endpoint(api: str) -> str:
    """Where an API is, without a path: Google's own, or what the environment says. Of Storage "": its SDK knows.

    Raises `InvalidInput` for http to anywhere but this machine: a token would travel in clear.
    """
    said = os.environ.get("STORAGE_EMULATOR_HOST", "") if api == "STORAGE" else ""
    named = "STORAGE_EMULATOR_HOST" if said else f"{OVERRIDE}{api}"
    said = said or os.environ.get(named, "") or ENDPOINTS.get(api, "")
    address = said.rstrip("/").removesuffix("/compute/v1").removesuffix("/storage/v1")
    if address and "://" not in address:
        address = f"http://{address}" if api == "STORAGE" else f"https://{address}"  # an emulator's host has no scheme
    return guarded(address, named)


class GcpVisit(Asked):
    """See `activities.clouds.Visit`. Its clients may be used by several threads."""

    def __init__(self, scope: Scope, principal: _Principal) -> None:
        super().__init__()
        self._scope, self._principal = scope, principal

    def client(self, service: str) -> Any:
        """What a kind calls: see this module's head. Raises `NotAllowed` and `Broken`."""
        inner = self.through(service, lambda: self._principal.client(service))
        if service == "iam":
            return Untyped(service, IAM, inner, self.through)
        if service == "storage":
            return Untyped(service, STORAGE, inner, self.through)
        return Typed(service, inner, self.through)

    def through(self, what: str, ask: Callable[[], Any]) -> Any:
        """Make a request for this visit. Raises only `holdfast.errors`."""
        before, _now.visit, _now.named = getattr(_now, "visit", None), self, False
        try:
            answer = ask()
        except HoldfastError:
            raise
        except Exception as error:  # noqa: BLE001  it is raised again, as a letter
            if is_unsendable(error):
                raise self._unsendable(what) from None
            raise self._refused(translate(error, what, self._scope)) from kept(error)
        finally:
            _now.visit = before
        operation = _operation(answer)
        if operation and not _now.named and operation not in self._requests:
            self._requests.append(operation)
        return answer

    def _unsendable(self, what: str) -> HoldfastError:
        return NotAllowed(
            f"this worker's Google credentials for {self._scope} are of no use: {UNSENDABLE}",
            standing=f"{what} was not sent",
            next="look at where they come from: the file, or whoever hands out the token; it is not repeated here",
        )

    def _refused(self, error: HoldfastError) -> HoldfastError:
        """Why a request was refused: for certain, where that is since the scope's project is not there."""
        if not may_lack_project(error):
            return error
        # By a visit of its own: what this one asked last is what was refused.
        projects = GcpVisit(self._scope, self._principal).client("projects")
        return no_account(projects, self._scope.account, error) or error

    def told(self, headers: Mapping[str, str], *, refused: bool, answered: bool = True) -> None:
        """An answer has arrived. Where it names no request, the operation that it tells of is taken for one.

        `answered`: see `Asked.hears`.
        """
        found = _request_id(headers)
        _now.named = _now.named or bool(found)
        self.hears(found, refused=refused, answered=answered)


def open_visit(scope: Scope) -> GcpVisit:
    """A visit to a project. Raises `NotAllowed`, naming the scope, when this worker has no credentials for it, and
    `Unavailable` when who makes them does not answer.

    Whether they may do something in the project only Google can say, and does at the first request.
    """
    found = credentials(scope)
    with _lock:
        if id(found) not in _principals and len(_principals) >= PRINCIPALS:
            del _principals[next(iter(_principals))]
        principal = _principals.setdefault(id(found), _Principal(found))
    return GcpVisit(scope, principal)


def _request_id(headers: Mapping[str, str]) -> str:
    return next((str(headers[name]) for name in IDS if headers.get(name)), "")


def _operation(answer: Any) -> str:
    """The name of the operation that an answer is, where it is one of Compute's or of Resource Manager's."""
    answer = unwrapped(answer)
    return str(answer.name) if type(answer).__name__ == "Operation" else ""


def translate(error: Exception, what: str, scope: Scope) -> HoldfastError:
    """What the SDK raised as ours, with Google's own code, words and request id. `what`: the method."""
    from google.api_core.exceptions import GoogleAPICallError
    from google.auth.exceptions import GoogleAuthError, TransportError

    if isinstance(error, GoogleAPICallError):
        return _refused(error, what)
    if isinstance(error, TransportError) or (isinstance(error, GoogleAuthError) and getattr(error, "retryable", False)):
        return Unavailable(f"nobody answers who gives out Google's tokens, so {what} was not sent: {words(error)}")
    if isinstance(error, GoogleAuthError):
        return NotAllowed(
            f"this worker's Google credentials for {scope} are not accepted: {words(error)}",
            standing=f"{what} was not carried out",
            next="give it others, as gcloud takes them: GOOGLE_APPLICATION_CREDENTIALS, or its host's service account",
        )
    # Those that are a ValueError too are about an address that is none, or an answer that is no JSON.
    if isinstance(error, requests.RequestException) and not isinstance(error, ValueError):
        return Unavailable(f"Google does not answer {what}: {error}")
    if hasattr(error.__context__, "trailing_metadata"):  # a call whose status the SDK could not read to its end
        return _called(error.__context__, what)
    return Broken(f"Google's SDK gave up {what}: {type(error).__name__}: {error}")


def _refused(error: Any, what: str) -> HoldfastError:
    answer = error.response
    if answer is None:
        return refusal(what, int(error.code or 0), {"error": {"message": error.message}})
    if not isinstance(answer, requests.Response):
        return _called(answer, what)
    try:
        body = answer.json()
    except ValueError:  # a proxy's page, not Google's JSON
        body = {"error": {"message": answer.text.strip()[:500]}}
    found, wait = _request_id(answer.headers), answer.headers.get("Retry-After", "")
    return refusal(
        what,
        answer.status_code,
        body,
        method=answer.request.method or "",
        requests=(found,) if found else (),
        after=span(wait),
    )


def _called(call: Any, what: str) -> HoldfastError:
    """The letter of a call of gRPC's that did not end well."""
    from google.api_core.exceptions import from_grpc_status

    from activities.providers.gcp import channel

    if not channel.is_heard(call):
        return Unavailable(f"Google does not answer {what}: {call.details()}")
    found, status = _request_id(channel.headers(call)), from_grpc_status(call.code(), "").code
    return refusal(what, int(status or 0), channel.refusal(call), requests=(found,) if found else ())
