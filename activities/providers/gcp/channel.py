"""Resource Manager over gRPC, as its official client speaks: channels on which every call is told of, and sent once.

What `door` asks of a session it asks of a channel too: each call is counted before it leaves, has a deadline, carries
the token that google-auth gives, and is heard only when the cloud itself has answered. gRPC would send a call again by
itself that it believes no server has seen; here it does not.

Source: gRPC core, "Status codes and their use" (which of them no library makes up), channel arguments;
google/rpc/error_details.proto.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

import grpc
from requests.structures import CaseInsensitiveDict
from requests.utils import check_header_validity, get_environ_proxies, select_proxy

from holdfast.errors import InvalidInput

READS: Final = ("Get", "List", "Search", "Test")  # how methods begin that change nothing
DETAILS: Final = "grpc-status-details-bin"
# Bundles of authorities, as gRPC's users name them, and as those of requests do.
AUTHORITIES: Final = ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Who was asked says these. Every other the library says as well, of a connection that broke; and of the last two, of a
# page that something on the way sent, which its words tell.
_FROM_THE_CLOUD: Final = frozenset(
    {
        grpc.StatusCode.OK,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
    }
)
MADE_UP: Final = ("Received http2 header with status", "Received RST_STREAM", "RST_STREAM", "Stream removed")


class Told(Protocol):
    """Who is told of each call that leaves, and of each answer of the cloud's, by the thread that makes the call."""

    def asks(self, *, changes: bool) -> None:
        """A call leaves."""

    def hears(self, headers: Mapping[str, str], *, refused: bool) -> None:
        """It was answered."""


class _Details(NamedTuple):
    """What an interceptor may change of a call."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Telling(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # gRPC ships no types
    """Sends calls under our deadline, with a token. One that the cloud no longer takes is renewed, once."""

    def __init__(self, address: str, credentials: Any, request: Any, told: Told, seconds: float) -> None:
        self._address, self._credentials, self._request = address, credentials, request
        self._told, self._seconds = told, seconds

    def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
        answer = self._once(continuation, client_call_details, request)
        if answer.code() is grpc.StatusCode.UNAUTHENTICATED and self._credentials.token:
            self._credentials.refresh(self._request)
            answer = self._once(continuation, client_call_details, request)
        return answer

    def _once(self, continuation: Any, asked: Any, request: Any) -> Any:
        token: dict[str, str] = {}
        # In the caller's thread: what becomes of it is google-auth's own error, and nothing was sent.
        self._credentials.before_request(self._request, "POST", f"{self._address}{asked.method}", token)
        for header in token.items():
            check_header_validity(header)  # as requests would: gRPC says of one that cannot be sent that nobody answers
        metadata = [*(asked.metadata or ()), *((name.lower(), value) for name, value in token.items())]
        self._told.asks(changes=not asked.method.rpartition("/")[2].startswith(READS))
        answer = continuation(_Details(asked.method, self._seconds, metadata, None, None, asked.compression), request)
        if is_heard(answer):
            self._told.hears(headers(answer), refused=answer.code() is not grpc.StatusCode.OK)
        return answer


class Channels:
    """One channel for each address that a principal speaks to: its services share it.

    A channel asks for its host's name itself, and of one that could not be resolved ever more seldom: after an outage
    of minutes it may stay away for a minute or two.
    """

    def __init__(self, credentials: Any, request: Any, told: Told, *, connect: float, answer: float) -> None:
        """`request`: how google-auth fetches tokens. `connect`, `answer`: seconds."""
        self._credentials, self._request, self._told = credentials, request, told
        self._connect, self._answer = connect, answer
        self._kept: dict[str, Any] = {}
        self._lock = threading.Lock()

    def to(self, address: str) -> Any:
        """A channel to `https://HOST`, or in clear to `http://HOST`, which is this machine.

        Raises `InvalidInput` for an address with a path, which gRPC has no room for.
        """
        with self._lock:
            if address not in self._kept:
                telling = _Telling(address, self._credentials, self._request, self._told, self._answer)
                self._kept[address] = grpc.intercept_channel(_opened(address, self._connect, self._answer), telling)
            return self._kept[address]


def _opened(address: str, connect: float, answer: float) -> Any:
    read, wait = urlsplit(address), int(connect * 1000)
    if read.path.strip("/"):
        raise InvalidInput(
            f"{address} has a path, and Resource Manager is asked over gRPC, which knows hosts alone",
            standing="nothing was touched",
            next="let CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDRESOURCEMANAGER name a host",
        )
    options: list[tuple[str, int | str]] = [
        ("grpc.enable_retries", 0),  # those that gRPC makes by itself as well
        ("grpc.max_receive_message_length", -1),
        # How long one try to connect lasts, and how long a call is refused at once after one that failed: by default
        # up to two minutes, for which a cloud that is back would go on being away.
        ("grpc.min_reconnect_backoff_ms", wait),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", wait),
        # A connection that something on the way has forgotten is ended within one call; one that nobody uses, before.
        ("grpc.keepalive_time_ms", int(answer * 1000) // 2),
        ("grpc.keepalive_timeout_ms", int(answer * 1000) // 3),
        ("grpc.client_idle_timeout_ms", 60_000),
        # Each principal its own connection, rather than one of the process's for all that look alike.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    # The proxy that requests would take: gRPC reads other variables, and these in another order.
    proxy = select_proxy(address, get_environ_proxies(address))
    options.append(("grpc.http_proxy", proxy) if proxy else ("grpc.enable_http_proxy", 0))
    target = read.netloc if read.port else f"{read.netloc}:{80 if read.scheme == 'http' else 443}"
    if read.scheme == "http":
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(_authorities()), options)


def _authorities() -> bytes | None:
    """The authorities whom this machine's users trust, where they say so; None: gRPC's own."""
    named = next((os.environ[name] for name in AUTHORITIES if os.environ.get(name)), None)
    if named is None or not os.path.isfile(named):  # noqa: PTH113  # as the environment names it
        return None
    with open(named, "rb") as bundle:  # noqa: PTH123
        return bundle.read()


def speaking(client: Any, channel: Any) -> Any:
    """The SDK's client of a service on a channel."""
    return client(transport=client.get_transport_class("grpc")(channel=channel))


def is_heard(call: Any) -> bool:
    """Whether what a call ended with came from the cloud: it says so by its code, or by what it sent after it. What was
    sent before says only that somebody began to answer.
    """
    if (call.details() or "").startswith(MADE_UP):
        return False
    return call.code() in _FROM_THE_CLOUD or bool(call.trailing_metadata())


def headers(call: Any) -> Mapping[str, str]:
    """What was sent beside an answer, by names of any case."""
    return CaseInsensitiveDict({key: value for key, value in _beside(call) if isinstance(value, str)})


def _beside(call: Any) -> list[tuple[str, str | bytes]]:
    return [*(call.initial_metadata() or ()), *(call.trailing_metadata() or ())]


def refusal(call: Any) -> dict[str, Any]:
    """A refusal as REST's JSON has it: `{"error": {"status": "ABORTED", "message": …, "details": […]}}`."""
    from google.protobuf.message import DecodeError
    from google.rpc import status_pb2

    said: dict[str, Any] = {"status": call.code().name, "message": call.details() or ""}
    for key, value in _beside(call):
        if key == DETAILS:
            with suppress(DecodeError):  # what nobody can read does not hide the status
                said["details"] = [_detail(one) for one in status_pb2.Status.FromString(value).details]
    return {"error": said}


def _detail(one: Any) -> dict[str, Any]:
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from google.rpc import error_details_pb2  # noqa: F401  # by being imported its messages become known

    try:
        found: dict[str, Any] = MessageToDict(one)
    except (DecodeError, TypeError, ValueError):  # of a message that this worker's SDK does not know, or of none
        return {"@type": one.type_url}
    return found
