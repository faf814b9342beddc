"""Google's typed clients (Compute, Resource Manager) as a kind calls them: plain JSON in, plain JSON out.

The SDK's clients take and give protobuf messages, with their own spelling of every field. A kind writes what the REST
reference has, and what the cloud answers comes back the same way: names in camelCase (`IPProtocol`, `natIP`,
`selfLink`), 64-bit integers as strings (`sizeGb: "10"`; an int is taken too), enumerations by name, bytes in base64,
what was not sent left out. A field that the SDK does not know is refused before anything is sent; one that only the
answer has is dropped by the SDK. Null means left out. An empty list or map is not sent, since a message cannot say it:
a PATCH cannot empty a list, and another method must (`update`, `set_labels`).

Retries are off and no operation is waited for: `insert_unary` and its like.
"""

from __future__ import annotations

import functools
import importlib
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from holdfast.errors import Broken, InvalidInput

MASK = "google.protobuf.FieldMask"
SECONDS = 20.0  # of one call, as the SDK counts; the door's own deadlines are below it

# Runs one request: what it is called, and how to make it. Counts it, and raises only our errors.
Through = Callable[[str, Callable[[], Any]], Any]


def sdk(package: str, service: str) -> Any:
    """The SDK's class of clients of one service. Raises `Broken`: there is no such service."""
    try:
        module = importlib.import_module(f"{package}.services.{service}")
    except ModuleNotFoundError as error:
        raise Broken(f"Google's SDK has no service {service!r} in {package}: {error}") from error
    return getattr(module, module.__all__[0])


def over_rest(client: Any, host: str, credentials: Any, tune: Callable[[Any], Any]) -> Any:
    """A client that speaks REST, and its session tuned."""
    scheme, _, address = host.partition("://")
    transport = client.get_transport_class("rest")(host=address, url_scheme=scheme, credentials=credentials)
    # The SDK has no argument for its session (google-api-core 2.44), its interceptors see no answer that is an error,
    # and its timeouts are one number for connecting and waiting.
    tune(transport._session)  # noqa: SLF001
    return client(transport=transport)


class Typed:
    """A client whose every method takes keywords and gives dicts.

    Keywords are the fields of the method's request, as the SDK names them; `body` is the request's body as REST has
    it. A method that lists gives an iterator over all pages, of which each is one request, made when it is needed.
    """

    def __init__(self, service: str, inner: Any, through: Through) -> None:
        self._service, self._inner, self._through = service, inner, through

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._inner, f"{name}_unary", None) or getattr(self._inner, name, None)
        if method is None:
            raise AttributeError(f"Google's SDK has no method {name!r} of {self._service!r}")
        what = f"{self._service}.{name}"

        def call(**fields: Any) -> Any:
            request = _request(what, _takes(self._inner.__class__, method.__name__), fields)
            ask = functools.partial(method, request=request, retry=None, timeout=SECONDS)
            if "page_token" in _plain(request).DESCRIPTOR.fields_by_name:
                return self._pages(what, ask, request)
            return shown(self._through(what, ask))

        return call

    def _pages(self, what: str, ask: Callable[[], Any], request: Any) -> Iterator[Any]:
        while True:
            page = self._through(what, lambda: next(iter(ask().pages)))
            yield from _items(page)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def shown(message: Any) -> dict[str, Any]:
    """A message as REST's JSON."""
    from google.protobuf.json_format import MessageToDict

    found: dict[str, Any] = MessageToDict(_plain(unwrapped(message)))
    return found


def unwrapped(answer: Any) -> Any:
    """An answer as it came: Resource Manager's client wraps an operation into something that would poll for it."""
    from google.api_core.operation import Operation

    return answer.operation if isinstance(answer, Operation) else answer


def message(kind: Any, said: Mapping[str, Any]) -> Any:
    """REST's JSON as a message of the SDK's. Raises `InvalidInput` naming the field."""
    from google.protobuf.json_format import ParseDict, ParseError

    plain = _bare(kind)()
    try:
        ParseDict(dict(said), plain, ignore_unknown_fields=False)
    except (ParseError, TypeError, ValueError) as error:
        name = plain.DESCRIPTOR.name
        raise InvalidInput(f"that is no {name} of Google's: {error}", next="mend the field that is named") from error
    return kind.wrap(plain) if hasattr(kind, "wrap") else plain


def _plain(message: Any) -> Any:
    """The protobuf message inside what the SDK hands out."""
    return type(message).pb(message) if hasattr(type(message), "pb") else message


def _bare(kind: Any) -> Any:
    """The protobuf class inside what the SDK has for a type; a few types are bare already."""
    return kind.pb() if hasattr(kind, "pb") else kind


@functools.cache
def _takes(client: Any, method: str) -> Any:
    """The type of a method's request. Its signature says: `request: Optional[Union[InsertNetworkRequest, dict]]`."""
    hints = typing.get_type_hints(getattr(client, method))
    return next(one for one in typing.get_args(hints["request"]) if one not in {dict, type(None)})


def _request(what: str, kind: Any, fields: Mapping[str, Any]) -> Any:
    given = {name: value for name, value in fields.items() if value is not None}
    body = given.pop("body", None)
    if body is not None:
        given |= _placed(kind, body)
    try:
        return message(kind, given)
    except InvalidInput as error:
        raise InvalidInput(f"{what}: {error.letter.happened}", next=error.letter.next) from error


def _placed(kind: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """Where in its request a body goes: into the one field that is a message, or beside it where REST nests it.

    `create_project` takes a Project as its body; `set_iam_policy` takes {"policy": …}.
    """
    descriptor = _bare(kind).DESCRIPTOR
    inner = [f for f in descriptor.fields if f.message_type is not None and f.message_type.full_name != MASK]
    if len(inner) == 1:
        names = {f.json_name for f in inner[0].message_type.fields}
        if inner[0].json_name not in body or inner[0].json_name in names:
            return {inner[0].name: body}
    return dict(body)


def _items(page: Any) -> Iterator[Any]:
    """What a page lists. Of an aggregated list: pairs of a place, as `zones/us-central1-a`, and what is in it."""
    descriptor = _plain(page).DESCRIPTOR
    lists = [f for f in descriptor.fields if f.is_repeated and f.message_type is not None]
    name = next((f.json_name for f in lists if f.name == "items"), lists[0].json_name)
    found = shown(page).get(name, [])
    yield from found.items() if isinstance(found, dict) else found
