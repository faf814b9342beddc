"""The one place that opens AWS's SDK: clients for a scope, with the SDK's retries off and its errors in our words.

A retry of the SDK's own would hide a lost answer from the protocol that looks before it repeats. Deadlines here are
shorter than the activity's, so no request outlives its attempt.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)
from botocore.exceptions import ConnectionError as NoConnection

from activities.providers.aws.codes import advice, classify
from holdfast.errors import Broken, HoldfastError, InvalidInput, NotAllowed, Unavailable
from holdfast.model import Scope

CONFIG = Config(
    connect_timeout=5,
    read_timeout=20,
    retries={"total_max_attempts": 1, "mode": "standard"},
    max_pool_connections=100,
    user_agent_appid="holdfast",
)

_lock = threading.RLock()
_clients: dict[tuple[str, str], Any] = {}
_account: list[str] = []
_now = threading.local()  # the visit whose call this thread makes: clients are shared, request ids are not


class AwsVisit:
    """See `activities.clouds.Visit`. Its clients may be used by several threads."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._requests: list[str] = []
        self._calls: list[None] = []  # appended to, not counted up: several threads do
        self.answered = True

    @property
    def requests(self) -> tuple[str, ...]:
        """AWS's request ids so far, oldest first."""
        return tuple(self._requests)

    @property
    def calls(self) -> int:
        """How many requests were made."""
        return len(self._calls)

    def client(self, service: str) -> Any:
        """The SDK's client of a service, in the visit's region."""
        return _Translated(_client(service, self._scope.region), self)

    def asks(self) -> None:
        """A request leaves."""
        self._calls.append(None)
        self.answered = False

    def hears(self, parsed: dict[str, Any]) -> None:
        """An answer has arrived."""
        self.answered = True
        request = parsed.get("ResponseMetadata", {}).get("RequestId")
        if request:
            self._requests.append(request)


def open_visit(scope: Scope) -> AwsVisit:
    """A visit to an account. Raises `NotAllowed` when this worker's credentials are another account's, or missing."""
    mine = _whose(scope.region)
    if mine != scope.account:
        raise NotAllowed(
            f"this worker's AWS credentials belong to account {mine}, and {scope} is another",
            standing="nothing was touched",
            next=f"run a worker with credentials of account {scope.account}, or mend the document's scope",
        )
    return AwsVisit(scope)


def _whose(region: str) -> str:
    with _lock:
        if not _account:
            sts = _Translated(_client("sts", region))
            _account.append(str(sts.get_caller_identity()["Account"]))
        return _account[0]


def _client(service: str, region: str) -> Any:
    # Making one parses the service's model: tens of milliseconds, and boto3's session is not thread-safe meanwhile.
    key = (service, region)
    with _lock:
        if key not in _clients:
            try:
                made = boto3.client(service, region_name=region, config=CONFIG)
            except BotoCoreError as error:
                raise translate(error) from error
            made.meta.events.register("before-call", _asks)
            made.meta.events.register("after-call", _hears)
            _clients[key] = made
        return _clients[key]


def _asks(**_: Any) -> None:
    visit: AwsVisit | None = getattr(_now, "visit", None)
    if visit is not None:
        visit.asks()


def _hears(parsed: dict[str, Any], **_: Any) -> None:
    visit: AwsVisit | None = getattr(_now, "visit", None)
    if visit is not None:
        visit.hears(parsed)


class _Translated:
    """A client, or a paginator, whose errors are ours."""

    def __init__(self, inner: Any, visit: AwsVisit | None = None) -> None:
        self._inner, self._visit = inner, visit

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name == "get_paginator":
            return lambda operation: _Translated(method(operation), self._visit)
        if name == "paginate":
            return lambda **arguments: self._pages(method(**arguments))

        def call(**arguments: Any) -> Any:
            _now.visit = self._visit
            try:
                return method(**arguments)
            except (ClientError, BotoCoreError) as error:
                raise translate(error) from error

        return call

    def _pages(self, pages: Any) -> Iterator[Any]:
        _now.visit = self._visit
        try:
            yield from pages
        except (ClientError, BotoCoreError) as error:
            raise translate(error) from error


def translate(error: ClientError | BotoCoreError) -> HoldfastError:
    """The SDK's error as ours, with AWS's own code, words and request id."""
    if isinstance(error, ClientError):
        said, meta = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
        code, status = str(said.get("Code", "")), int(meta.get("HTTPStatusCode", 0))
        kind = classify(code, status)
        request = meta.get("RequestId")
        return kind(
            f"AWS refused {error.operation_name}: {code}: {said.get('Message', '')}".rstrip(": "),
            code=code,
            next=advice(kind),
            requests=(request,) if request else (),
        )
    if isinstance(error, InvalidRegionError):
        return InvalidInput(f"AWS has no such region: {error}", next="mend the scope's region in the document")
    if isinstance(error, NoCredentialsError | PartialCredentialsError | ProfileNotFound):
        return NotAllowed(
            f"this worker has no AWS credentials: {error}",
            next="give it some, as the AWS CLI takes them: a profile, AWS_ACCESS_KEY_ID, a role",
        )
    if isinstance(error, NoConnection | HTTPClientError):
        return Unavailable(f"AWS does not answer: {error}")
    return Broken(f"the AWS SDK gave up: {type(error).__name__}: {error}")
