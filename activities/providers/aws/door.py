"""The one place that opens AWS's SDK: clients for a scope, with its credentials, the SDK's retries off and its errors
in our words.

A retry of the SDK's own would hide a lost answer from the protocol that looks before it repeats. Deadlines here are
shorter than the activity's, so no request outlives its attempt.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

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

from activities.asked import Asked
from activities.credentials.choosing import where
from activities.credentials.ways import Aws
from activities.providers.aws.codes import advice, classify
from activities.providers.aws.credentials import CONFIG, aws_way, mint, renew, session
from holdfast.errors import Broken, HoldfastError, InvalidInput, NotAllowed, Unavailable
from holdfast.model import Scope

# What AWS says of keys that it does not take any more. Sources: IAM and EC2 API References, common errors.
WITHDRAWN = frozenset({
    "AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId",
    "SignatureDoesNotMatch", "UnrecognizedClientException",
})  # fmt: skip

# Headers that bear a request's id; in some services its body has it instead. botocore writes their names so.
IDS = frozenset({"x-amzn-requestid", "x-amz-request-id", "x-amz-id-2"})

READS = ("Describe", "Get", "Head", "List", "Search")  # what an operation that changes nothing begins with

_lock = threading.RLock()
_clients: dict[tuple[Aws, str, str], Any] = {}
_account: list[tuple[Aws, str]] = []  # whose the credentials of each way are: a handful
_now = threading.local()  # the visit whose call this thread makes: clients are shared, request ids are not


class AwsVisit(Asked):
    """See `activities.clouds.Visit`. Its clients may be used by several threads."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope
        self._way: Aws | None = None

    def client(self, service: str) -> Any:
        """The SDK's client of a service, in the visit's region and with its scope's credentials."""
        self.sign()
        return _Translated(_client(service, self.scope.region, self.way), self)

    @property
    def way(self) -> Aws:
        """Where its credentials come from. Raises `NotAllowed`, naming the scope, when no entry is for it."""
        if self._way is None:
            self._way = aws_way(self.scope)
        return self._way

    def sign(self) -> None:
        """Have credentials before a request is counted as one. Raises `NotAllowed`, naming the scope."""
        mint(self.way, self.scope)


def open_visit(scope: Scope) -> AwsVisit:
    """A visit to an account. Raises `NotAllowed` when the scope's credentials are another account's, or missing."""
    visit = AwsVisit(scope)
    check(visit)
    return visit


def check(visit: AwsVisit) -> None:
    """Raises `NotAllowed` when a visit's credentials are another account's, or missing."""
    scope, mine = visit.scope, _whose(visit)
    if mine != scope.account:
        raise NotAllowed(
            f"this worker's AWS credentials for {scope} ({where()}) belong to account {mine}, which is another",
            standing="nothing was touched",
            next=f"give the worker credentials of account {scope.account}, run one that has them, or mend the "
            "document's scope",
        )


def _whose(visit: AwsVisit) -> str:
    for known, account in tuple(_account):
        if known == visit.way:
            return account
    # Not under a lock: two that ask at once hear the same, and a slow answer holds up nobody else's account.
    visit.sign()
    sts = _Translated(_client("sts", visit.scope.region, visit.way))  # it is no request of the visit's own
    found = str(sts.get_caller_identity()["Account"])
    _account.append((visit.way, found))
    return found


def _client(service: str, region: str, way: Aws | None = None) -> Any:
    # Making one parses the service's model: tens of milliseconds, and boto3's session is not thread-safe meanwhile.
    key = (way or Aws(), service, region)
    with _lock:
        if key not in _clients:
            try:
                made = session(key[0], region).client(service, region_name=region, config=CONFIG)
            except BotoCoreError as error:
                raise translate(error) from error
            made.meta.events.register("before-call", _asks)
            made.meta.events.register("after-call", _hears)
            _clients[key] = made
        return _clients[key]


def _asks(model: Any, **_: Any) -> None:
    visit: AwsVisit | None = getattr(_now, "visit", None)
    if visit is not None:
        visit.asks(changes=not str(model.name).startswith(READS))


def _hears(parsed: dict[str, Any], **_: Any) -> None:
    visit: AwsVisit | None = getattr(_now, "visit", None)
    if visit is not None:
        meta = parsed.get("ResponseMetadata", {})
        request, status = meta.get("RequestId") or "", meta.get("HTTPStatusCode", 0)
        refused = "Error" in parsed or status >= HTTPStatus.MULTIPLE_CHOICES  # as botocore raises, also for a page
        # What AWS refuses has an id. What has none comes from something on the way, which may have sent the request on
        # before it said so.
        by_aws = bool(request) or any(name in IDS for name in meta.get("HTTPHeaders", {}))
        visit.hears(request, refused=refused, answered=not refused or by_aws)


class _Translated:
    """A client whose errors are ours."""

    def __init__(self, inner: Any, visit: AwsVisit | None = None) -> None:
        self._inner, self._visit = inner, visit

    def get_paginator(self, operation: str) -> _Paginator:
        """As the SDK's: of an operation by its method's name."""
        return _Paginator(functools.partial(self._pages, operation))

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        def call(**arguments: Any) -> Any:
            self._begin()
            try:
                return method(**arguments)
            except ClientError as error:
                if not self._renewed(error):
                    raise translate(error) from error
            except BotoCoreError as error:
                raise translate(error) from error
            return getattr(self, name)(**arguments)

        return call

    def _begin(self) -> None:
        _now.visit = None  # minting may make requests of its own
        if self._visit is not None:
            self._visit.sign()
        _now.visit = self._visit

    def _renewed(self, error: ClientError) -> bool:
        """Whether AWS knows the keys no more, and others have been read since. Nothing was carried out with the old.

        Raises `NotAllowed` when the new ones are another account's.
        """
        visit = self._visit
        if visit is None or error.response.get("Error", {}).get("Code") not in WITHDRAWN:
            return False
        if not renew(visit.way, visit.scope):
            return False
        with _lock:
            for key in [key for key in _clients if key[0] == visit.way]:
                del _clients[key]  # not closed: another thread may be asking it
            _account[:] = [known for known in _account if known[0] != visit.way]
        check(visit)
        self._inner = _client(self._inner.meta.service_model.service_name, visit.scope.region, visit.way)
        return True

    def _pages(self, operation: str, arguments: Mapping[str, Any]) -> Iterator[Any]:
        self._begin()
        begun = False
        try:
            for page in self._inner.get_paginator(operation).paginate(**arguments):
                begun = True
                yield page
        except ClientError as error:
            # Whoever was handed a page goes on from there: what is not whole is refused, and asked for anew.
            if begun or not self._renewed(error):
                raise translate(error) from error
        except BotoCoreError as error:
            raise translate(error) from error
        else:
            return
        yield from self._pages(operation, arguments)


class _Paginator(NamedTuple):
    """What `get_paginator` gives: the pages of a list, each of which is one request."""

    pages: Callable[[Mapping[str, Any]], Iterator[Any]]

    def paginate(self, **arguments: Any) -> Iterator[Any]:
        """As the SDK's. Raises our errors, where the pages are taken."""
        return self.pages(arguments)


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
