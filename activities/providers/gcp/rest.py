"""Google's services without a typed client over REST (IAM, Storage), called as the typed ones are: see `wire`.

IAM's official client, `google.cloud.iam_admin_v1`, speaks gRPC alone (google-cloud-iam 2.27): why it is not used,
docs/adr/0011-google-is-asked-over-rest.md says. So its methods are asked for over google-auth's
`AuthorizedSession`, which ships with every one of Google's SDKs. Storage's client has no messages: its buckets are
objects that make requests by themselves. Its JSON connection is used instead, which knows the emulator and the
endpoints, and gives what REST has.

Source: IAM API v1 and Cloud Storage JSON API v1, reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from activities.providers.gcp.wire import SECONDS, Through

# Makes one request: method, path, query and body. Raises what the SDK raises.
Send = Callable[[str, str, dict[str, Any], "dict[str, Any] | None"], Any]


class Method(NamedTuple):
    """How a method is asked for. `lists`: the field of a page that has its items."""

    http: str
    path: str
    lists: str = ""


# Named as `iam_admin_v1` names them. `name`: `projects/P/serviceAccounts/EMAIL-OR-UNIQUE-ID`, or of a project.
IAM: Final[Mapping[str, Method]] = {
    "create_service_account": Method("POST", "/v1/{name}/serviceAccounts"),
    "list_service_accounts": Method("GET", "/v1/{name}/serviceAccounts", "accounts"),
    "get_service_account": Method("GET", "/v1/{name}"),
    "patch_service_account": Method("PATCH", "/v1/{name}"),
    "delete_service_account": Method("DELETE", "/v1/{name}"),
    "undelete_service_account": Method("POST", "/v1/{name}:undelete"),
    "enable_service_account": Method("POST", "/v1/{name}:enable"),
    "disable_service_account": Method("POST", "/v1/{name}:disable"),
    "get_iam_policy": Method("POST", "/v1/{resource}:getIamPolicy"),
    "set_iam_policy": Method("POST", "/v1/{resource}:setIamPolicy"),
    "test_iam_permissions": Method("POST", "/v1/{resource}:testIamPermissions"),
}
# Below `/storage/v1`. `bucket`: its name.
STORAGE: Final[Mapping[str, Method]] = {
    "insert": Method("POST", "/b"),
    "list": Method("GET", "/b", "items"),
    "get": Method("GET", "/b/{bucket}"),
    "patch": Method("PATCH", "/b/{bucket}"),
    "update": Method("PUT", "/b/{bucket}"),
    "delete": Method("DELETE", "/b/{bucket}"),
    "get_iam_policy": Method("GET", "/b/{bucket}/iam"),
    "set_iam_policy": Method("PUT", "/b/{bucket}/iam"),
    "test_iam_permissions": Method("GET", "/b/{bucket}/iam/testPermissions"),
    "list_objects": Method("GET", "/b/{bucket}/o", "items"),
}


class Untyped:
    """A service by its table. Keywords fill the path, and go else into the query; `body` is the request's body."""

    def __init__(self, service: str, methods: Mapping[str, Method], send: Send, through: Through) -> None:
        self._service, self._methods, self._send, self._through = service, methods, send, through

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = self._methods.get(name)
        if method is None:
            raise AttributeError(f"{self._service!r} has no method {name!r} here; see the table in {__name__}")
        what = f"{self._service}.{name}"

        def call(*, body: dict[str, Any] | None = None, **fields: Any) -> Any:
            given = {key: value for key, value in fields.items() if value is not None}
            path = re.sub(r"{(\w+)}", lambda found: quote(str(given.pop(found[1])), safe="/@"), method.path)
            query = {_camel(key): _written(value) for key, value in given.items()}
            if method.lists:
                return self._pages(what, method, path, query)
            return self._through(what, lambda: self._send(method.http, path, query, body)) or {}

        return call

    def _pages(self, what: str, method: Method, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        while True:
            page = self._through(what, lambda: self._send(method.http, path, query, None)) or {}
            yield from page.get(method.lists, ())
            if not page.get("nextPageToken"):
                return
            query["pageToken"] = page["nextPageToken"]


def over_session(session: Any, endpoint: str) -> Send:
    """Requests over google-auth's session."""

    def send(method: str, path: str, query: dict[str, Any], body: dict[str, Any] | None) -> Any:
        from google.api_core.exceptions import from_http_response

        answer = session.request(method, f"{endpoint}{path}", params=query, json=body, timeout=SECONDS)
        if answer.status_code >= 400:  # noqa: PLR2004
            raise from_http_response(answer)
        return answer.json() if answer.content else {}

    return send


def over_storage(session: Any, endpoint: str) -> Send:
    """Requests over google-cloud-storage's connection. `endpoint` "": as the SDK finds it."""
    from google.cloud.storage import Client

    options = {"api_endpoint": endpoint} if endpoint else None
    client = Client(project=None, credentials=session.credentials, _http=session, client_options=options)
    connection = client._connection  # noqa: SLF001  # as `google.cloud.client` names it for all of its children

    def send(method: str, path: str, query: dict[str, Any], body: dict[str, Any] | None) -> Any:
        # No `retry`: without it the connection makes one request.
        return connection.api_request(method=method, path=path, query_params=query, data=body, timeout=SECONDS)

    return send


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _written(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
