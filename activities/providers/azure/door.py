"""The door to Azure: clients for a scope, that ask once, never wait, and raise only our errors.

A kind speaks ARM's own JSON in both directions, by id:

    network = visit.client("network")
    made = network.put(id, {"location": "westeurope", "tags": …, "properties": {…}}, if_none_match="*")
    made.status, made.body, made.etag, made.operation, made.retry_after, made.request     # 201, {…}, "W/…", URL, 10 s
    network.get(id).body["properties"]["provisioningState"]                               # raises `NotFound`
    for one in network.pages(ids.collection(group, "Microsoft.Network/virtualNetworks")): …  # every page is one request
    network.operation(made.operation).status                                              # InProgress, Succeeded, …

We use each service's official client for what it does well: credentials, user agent, connections. Its typed operations
are left aside: they turn JSON into objects with names of their own and back, give ETag and Azure-AsyncOperation only to
a hook, and return a poller from whatever takes time. `versions` says which version of the API is spoken: for each type
the one that its typed operation would have used.

Opening this module imports nothing of the SDK; a client imports its own service's package.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from activities.asked import Asked
from activities.providers.azure import codes, versions
from holdfast.errors import Broken, HoldfastError, InvalidInput, NameTaken, Pending
from holdfast.model import Scope

_ODATA: Final = frozenset({"expand", "filter", "orderby", "select", "skiptoken", "top"})  # written `$filter` and so on
_SUCCEEDED, _RUNNING = "Succeeded", "InProgress"
_REFUSED: Final = 400  # and above: the status of what was not taken
_ENDED: Final = frozenset({"failed", "canceled", "cancelled", "succeeded"})


@dataclass(frozen=True, slots=True)
class Answer:
    """What ARM answered to a request that it took."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)  # empty where there was none
    etag: str = ""
    operation: str = ""  # the URL of what goes on: Azure-AsyncOperation, or Location where there is none
    retry_after: timedelta | None = None
    request: str = ""  # x-ms-request-id


@dataclass(frozen=True, slots=True)
class Operation:
    """How something that a request began is getting on."""

    status: str  # Succeeded, Failed, Canceled; or InProgress, whatever the service calls it
    error: HoldfastError | None = None  # why it did not succeed; not raised, since it is an answer
    retry_after: timedelta | None = None
    body: dict[str, Any] = field(default_factory=dict)  # what an ended one came to, where it says

    @property
    def ended(self) -> bool:
        """Whether there is nothing to wait for any more."""
        return self.status != _RUNNING


class AzureVisit(Asked):
    """See `activities.clouds.Visit`. Its clients may be used by several threads."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self._scope = scope

    def client(self, service: str) -> Service:
        """A service's client. Raises `NotAllowed` without credentials, and `InvalidInput` without its package."""
        sdk = _sdk()
        return Service(sdk.open_client(service, self._scope), self, sdk.endpoint())

    def told(self, status: int, headers: Mapping[str, str]) -> None:
        """An answer has arrived: ARM's, if it bears ARM's mark, and else that of something on the way to it."""
        self.hears(headers.get("x-ms-request-id", ""), refused=status >= _REFUSED, answered=codes.is_arms(headers))


def open_visit(scope: Scope) -> AzureVisit:
    """A visit to a subscription. Raises `NotAllowed` when this worker has no credentials for it, and `InvalidInput`
    when the endpoint cannot be one, or the SDK is not installed.

    Asks nothing: whether the credentials reach the subscription, its first answer says.
    """
    _sdk().credential(scope)
    return AzureVisit(scope)


class Service:
    """A service's official client, spoken to in ids and JSON. Every method but `pages` is one request.

    Raises `holdfast.errors`, with ARM's code, words and request id. `version`: another than `versions` says.
    """

    def __init__(self, client: Any, visit: AzureVisit, endpoint: str) -> None:
        self._client, self._visit, self._endpoint = client, visit, endpoint

    def get(self, path: str, *, version: str = "", **query: str) -> Answer:
        """What stands at an id. Raises `NotFound`."""
        return self._at("GET", path, query, version)

    def put(
        self,
        path: str,
        body: Mapping[str, Any],
        *,
        if_none_match: str = "",
        if_match: str = "",
        version: str = "",
    ) -> Answer:
        """Make it, or write all of it.

        `if_none_match="*"`: only if nothing stands there; raises `NameTaken`. Only machines and scale sets declare it.
        What does not may not heed it: look first all the same. `if_match`: only if its etag is still this; raises
        `Pending` when somebody wrote in between: look again. Network heeds it, and gives the etag in every answer.
        Sources: azure-mgmt-compute 39.0.0, `virtual_machines.begin_create_or_update`; kubernetes-sigs/
        cloud-provider-azure, issue 9729.
        """
        headers = {"If-None-Match": if_none_match, "If-Match": if_match}
        return self._at("PUT", path, {}, version, body, headers)

    def patch(self, path: str, body: Mapping[str, Any], *, if_match: str = "", version: str = "") -> Answer:
        """Write some of it; of tags, most types take all or nothing: see `tags.path`."""
        return self._at("PATCH", path, {}, version, body, {"If-Match": if_match})

    def delete(self, path: str, *, if_match: str = "", version: str = "", **query: str) -> Answer:
        """Ask that it go away. 204 where nothing stood; a group that is not there raises `NotFound`."""
        return self._at("DELETE", path, query, version, None, {"If-Match": if_match})

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, version: str = "", **query: str) -> Answer:
        """Carry out an action: `post(f"{id}/start")`."""
        return self._at("POST", path, query, version, body)

    def pages(self, path: str, *, version: str = "", **query: str) -> Iterator[dict[str, Any]]:
        """Everything in a list, page by page; each page is one request. `filter`, `top`, `expand` get their `$`."""
        answer = self._at("GET", path, query, version)
        while True:
            yield from answer.body.get("value") or ()
            following = answer.body.get("nextLink")
            if not following:
                return
            answer = self._answer(self._send("GET", self._ours(str(following))))

    def operation(self, url: str) -> Operation:
        """One look at what a request began, at the URL that its answer gave.

        Both of ARM's ways are read: a status in the body, and a bare 202 until it is done. Raises `NotFound` when ARM
        has forgotten it: look at the thing itself.
        Source: Azure Resource Manager, "Track asynchronous Azure operations".
        """
        said = self._send("GET", self._ours(url))
        body, wait, request = _body(said), _wait(said.headers), said.headers.get("x-ms-request-id", "")
        if said.status_code >= 400:  # noqa: PLR2004  HTTP's classes, here and below
            error = self._error(said, body, {})
            if said.status_code in {400, 409, 412} and codes.read(body).codes:
                return Operation("Failed", _failed(body, request), None, body)  # a Location answers with its error
            raise error
        status = str(body.get("status") or "")
        if said.status_code == 202 and status.lower() not in _ENDED:  # noqa: PLR2004
            return Operation(_RUNNING, None, wait, body)
        if not status or status.lower() == _SUCCEEDED.lower():
            return Operation(_SUCCEEDED, None, None, body)
        error_ = codes.operation_error(body, requests=(request,) if request else ())
        if error_ is None:
            return Operation(_RUNNING, None, wait, body)
        return Operation("Failed" if status.lower() == "failed" else "Canceled", error_, None, body)

    def _at(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        version: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = {name: value for name, value in (headers or {}).items() if value}
        said = self._send(method, self._url(path, query, version), body, sent)
        return self._answer(said, sent)

    def _url(self, path: str, query: Mapping[str, str], version: str) -> str:
        if not path.startswith("/") or any(part in {"", ".", ".."} for part in path[1:].split("/")):
            raise InvalidInput(f"not an id of Azure's: {path!r}", next="put it together with `ids`")
        asked = {f"${k}" if k in _ODATA else k: v for k, v in query.items() if v}
        asked["api-version"] = version or versions.of(path)
        return f"{self._endpoint}{quote(path, safe='/()')}?{urlencode(asked, safe='$', quote_via=quote)}"

    def _ours(self, url: str) -> str:
        """A URL that ARM gave, if it leads to ARM: the token goes along. Raises `Broken`."""
        given, ours = urlsplit(url), urlsplit(self._endpoint)
        same = given.netloc.lower() == ours.netloc.lower()
        regional = (given.hostname or "").lower().endswith(f".{(ours.hostname or '').lower()}")
        if given.scheme != ours.scheme or not (same or regional):
            raise Broken(f"Azure gave a link that leads away from it, to {given.scheme}://{given.netloc}; not followed")
        return url

    def _send(
        self, method: str, url: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Any:
        return _sdk().ask(self._client, self._visit, method, url, body, headers or {})

    def _answer(self, said: Any, sent: Mapping[str, str] | None = None) -> Answer:
        body = _body(said)
        if said.status_code >= 300:  # noqa: PLR2004  a redirect is no answer
            raise self._error(said, body, sent or {})
        headers = said.headers
        return Answer(
            said.status_code,
            body,
            headers.get("ETag") or str(body.get("etag") or ""),
            headers.get("Azure-AsyncOperation") or headers.get("Location") or "",
            _wait(headers),
            headers.get("x-ms-request-id", ""),
        )

    def _error(self, said: Any, body: Any, sent: Mapping[str, str]) -> HoldfastError:
        found, status = codes.read(body), said.status_code
        kind = codes.classify(found.code, status, str(found))
        if status == 412 and "If-None-Match" in sent:  # noqa: PLR2004  Precondition Failed: ours says which
            kind = NameTaken
        elif status == 412 and "If-Match" in sent:  # noqa: PLR2004
            kind = Pending
        request = said.headers.get("x-ms-request-id")
        what = f"{said.request.method} {urlsplit(said.request.url).path}"
        return codes.letter(
            kind,
            f"Azure refused {what} with {status}: {found}".rstrip(": "),
            after=_wait(said.headers),
            code=found.code,
            next=codes.advice(kind, found.code),
            requests=(request,) if request else (),
        )


def _sdk() -> ModuleType:
    """What imports the SDK. Raises `InvalidInput` when that is not installed."""
    try:
        from activities.providers.azure import sdk
    except ModuleNotFoundError as error:
        raise InvalidInput(
            f"this worker cannot ask Azure: {error.name} is not installed", next="pip install 'holdfast[azure]'"
        ) from error
    return sdk


def _failed(body: dict[str, Any], request: str) -> HoldfastError | None:
    return codes.operation_error({"status": "Failed", **body}, requests=(request,) if request else ())


def _body(said: Any) -> dict[str, Any]:
    """An answer's JSON; a bare list as ARM would have wrapped it. Raises `Broken` for a good answer that is no JSON."""
    text = said.text()
    if not text.strip():
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        if said.status_code >= 400:  # noqa: PLR2004
            return {}
        raise Broken(f"something answered for Azure, with {said.status_code} and no JSON") from error
    if isinstance(body, list):
        return {"value": body}
    return body if isinstance(body, dict) else {}


def _wait(headers: Mapping[str, str]) -> timedelta | None:
    """What Retry-After asks for: seconds, or a moment. Source: RFC 9110, 10.2.3."""
    text = headers.get("Retry-After", "").strip()
    if not text:
        return None
    try:
        return timedelta(seconds=max(0.0, float(text)))
    except (ValueError, OverflowError):
        pass
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(timedelta(), (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC))
