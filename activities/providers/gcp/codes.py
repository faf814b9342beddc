"""Google Cloud's error codes in our words: will asking again help?

Google says no in several shapes, and one answer may have more than one. The most exact word that the table knows
decides:

    error.details[] PreconditionFailure.violations[].type    FOLDER_NAME_UNIQUENESS_VIOLATION   Resource Manager
    error.details[] ErrorInfo.reason                         SERVICE_DISABLED                   all that are newer
    error.errors[].reason                                    resourceNotReady                   Compute, Storage, IAM
    error.status                                             ALREADY_EXISTS                     google.rpc.Code
    the HTTP status                                          503

A finished operation that failed has `error.errors[].code` (Compute, in capitals), or a google.rpc.Status.

Sources: Compute Engine API, "Errors" (docs.cloud.google.com/compute/docs/reference/rest/v1/errors) and "Troubleshooting
resource availability errors"; Cloud Storage JSON API, "HTTP status and error codes"; Resource Manager, "Folder error
details"; google/rpc/code.proto; google/api/error_reason.proto. 5xx are `Unavailable`: all of these ask to repeat them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from holdfast.errors import (
    Blocked,
    Broken,
    CreateFailed,
    Gone,
    HoldfastError,
    InUse,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    NotYet,
    Pending,
    QuotaExceeded,
    Throttled,
    Unavailable,
)

_THROTTLED = (
    "CONCURRENT_OPERATIONS_QUOTA_EXCEEDED",  # Compute: too many operations at once; they end
    "RATE_LIMIT_EXCEEDED",  # error_reason.proto
    "RESOURCE_EXHAUSTED",  # code.proto: a rate, unless the reason beside it says a quota
    "RESOURCE_OPERATION_RATE_EXCEEDED",  # Compute: snapshots and images of one disk in too short a time
    "operationRateExceeded",
    "rateLimitExceeded",  # Compute sends it with 403
    "usageLimits.rateLimitExceeded",  # Storage
    "userRateLimitExceeded",
)
_UNAVAILABLE = (
    "CANCELLED",
    "DEADLINE_EXCEEDED",
    "GATEWAY_TIMEOUT",
    "INTERNAL",
    "INTERNAL_ERROR",  # Compute: "Internal error. Please try again or contact Google Support."
    "REGION_RESOURCE_POOL_EXHAUSTED",
    "RESOURCE_POOL_EXHAUSTED",
    "SERVICE_UNAVAILABLE_FOR_LOCATION",
    "STOCKOUT",
    "UNAVAILABLE",
    "ZONE_RESOURCE_POOL_EXHAUSTED",  # capacity, not quota: it comes back
    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS",
    "backendError",
    "gatewayTimeout",
    "insufficientCapacity",
    "internalError",
    "serviceException",
    "zoneNotAvailable",
)
_NOT_ALLOWED = (
    "ACCESS_TOKEN_EXPIRED",
    "BILLING_DISABLED",
    "CONSUMER_INVALID",
    "CONSUMER_SUSPENDED",
    "CREDENTIALS_MISSING",
    "GCP_SUSPENDED",
    "IAM_PERMISSION_DENIED",
    "PERMISSIONS_ERROR",
    "PERMISSION_DENIED",
    "PROJECT_DELETED",  # the scope's
    "PROJECT_NOT_FOUND",  # the scope's; also of one that this principal may not see
    "RESOURCE_PROJECT_INVALID",
    "SERVICE_ACCOUNT_ACCESS_DENIED",
    "SERVICE_DISABLED",
    "SERVICE_NOT_VISIBLE",
    "UNAUTHENTICATED",
    "USER_PROJECT_DENIED",
    "accessNotConfigured",
    "accountDisabled",
    "authError",
    "countryBlocked",
    "forbidden",
    "insufficientPermissions",
    "orgPolicyConstraintFailed",
    "sslRequired",
    "usageLimits.accessNotConfigured",
    "userProjectAccessDenied",
    "userProjectAccountProblem",
)
_QUOTA = (
    "IP_SPACE_EXHAUSTED",
    "IP_SPACE_EXHAUSTED_WITH_DETAILS",
    "LIMIT_EXCEEDED",
    "MAX_CHILD_FOLDERS_VIOLATION",
    "QUOTA_EXCEEDED",
    "RESOURCE_QUOTA_EXCEEDED",
    "limitExceeded",
    "quotaExceeded",
)
_NAME_TAKEN = (
    "ALREADY_EXISTS",
    "FOLDER_NAME_UNIQUENESS_VIOLATION",
    "RESOURCE_ALREADY_EXISTS",
    "alreadyExists",
    "duplicate",
)
_NOT_FOUND = ("NOT_FOUND", "RESOURCE_NOT_FOUND", "notFound", "resourceNotFound")
# What stands in the way may be going away itself, as with AWS's DependencyViolation.
_BLOCKED = (
    "FOLDER_TO_DELETE_NON_EMPTY_VIOLATION",
    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
    "resourceInUse",
    "resourceInUseByAnotherResource",
)
# Somebody wrote in between (a fingerprint, an etag, a metageneration), or something is under way: look again.
_PENDING = (
    "ABORTED",
    "CONDITION_NOT_MET",
    "FOLDER_BEING_MOVED_VIOLATION",
    "OPERATION_IN_PROGRESS",
    "RESOURCE_NOT_READY",
    "conditionNotMet",
    "operationInProgress",
    "resourceNotReady",
)
_INVALID = (
    "FAILED_PRECONDITION",  # code.proto: do not repeat it before somebody has changed the state
    "FIELD_SIZE_TOO_LARGE",
    "INVALID_ARGUMENT",
    "INVALID_FIELD_VALUE",
    "INVALID_PARAMETER",
    "INVALID_USAGE",
    "MISSING_REQUIRED_FIELD",
    "OUT_OF_RANGE",
    "UNSUPPORTED_OPERATION",
    "badRequest",
    "invalid",
    "invalidArgument",
    "invalidParameter",
    "invalidResourceUsage",
    "invalidUsage",
    "parseError",
    "required",
    "unsupportedOperation",
    "wrongUrlForUpload",
)
CODES: Final[Mapping[str, type[HoldfastError]]] = {
    **dict.fromkeys(_THROTTLED, Throttled),
    **dict.fromkeys(_UNAVAILABLE, Unavailable),
    **dict.fromkeys(_NOT_ALLOWED, NotAllowed),
    **dict.fromkeys(_QUOTA, QuotaExceeded),
    **dict.fromkeys(_NAME_TAKEN, NameTaken),
    **dict.fromkeys(_NOT_FOUND, NotFound),
    **dict.fromkeys(_BLOCKED, Blocked),
    **dict.fromkeys(_PENDING, Pending),
    **dict.fromkeys(_INVALID, InvalidInput),
}
# A word that the table does not have is judged by its end. Most of error_reason.proto is of one of these shapes.
_BY_SHAPE: Final[Sequence[tuple[str, type[HoldfastError]]]] = (
    ("_ALREADY_EXISTS", NameTaken),
    ("_NOT_FOUND", NotFound),
    ("QUOTA_EXCEEDED", QuotaExceeded),
    ("_NOT_READY", Pending),
    ("_BLOCKED", NotAllowed),
    ("_DENIED", NotAllowed),
    ("_DISABLED", NotAllowed),
    ("_RESTRICTION_VIOLATED", NotAllowed),
    ("_POLICY_VIOLATED", NotAllowed),
    ("_VIOLATION", InvalidInput),
)
_BY_STATUS: Final[Mapping[int, type[HoldfastError]]] = {
    401: NotAllowed,
    403: NotAllowed,
    404: NotFound,
    408: Unavailable,
    410: Gone,
    412: Pending,
    429: Throttled,
    501: Broken,  # the method is not there: no repeat helps
}
# From a proxy, or an endpoint that is another thing's: its page must not read as a resource that is gone or taken.
_ONLY_GOOGLES: Final = frozenset({404, 409, 410, 412})
# Storage says `conflict` of three things, and the request's method says which.
_CONFLICT: Final[Mapping[str, type[HoldfastError]]] = {"POST": NameTaken, "DELETE": InUse}
LONGEST: Final = timedelta(minutes=10)  # between two tries of one act, whatever is asked for
# google/rpc/code.proto, which a google.rpc.Status has as a number.
_RPC: Final = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS"),
    *("PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED"),
    *("INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"),
)
# How Compute says that a whole project is not there, rather than a thing in it.
# Compute, twice; Storage, twice; IAM. Sources: estafette/estafette-ci-api, pkg/clients/googlecloud (Storage).
_NO_PROJECT: Final = re.compile(
    r"Failed to find project|The resource 'projects/[^/']+' was not found|The requested project was not found"
    r"|Unknown project id"
)
# How any service says that its project was deleted. Source: googleapis/google-api-php-client, issue 2422.
_DELETED: Final = re.compile(r"Project \S+ has been deleted")
# How a service says the same of a project that is not there, and of one in which it was never enabled. Sources:
# hashicorp/terraform-provider-google, issue 1789; terraform-google-modules/terraform-google-project-factory, issue 296.
_NEVER_SEEN: Final = re.compile(r"Project \S+ is not found and cannot be used for API calls")
# How Google's front door says that an address is nobody's; the resource may stand.
_NO_METHOD: Final = re.compile(r"requested URL .* was not found on this server", re.DOTALL)
# How a full project is told from a throttled one, where both are RESOURCE_EXHAUSTED: IAM's accounts, and projects.
_FULL: Final = re.compile(r"Maximum number of|allotted (project )?quota")
_CREDENTIALS = "renew the worker's credentials: what it sent was not accepted"
_ADVICE: Final[Mapping[type[HoldfastError], str]] = {
    CreateFailed: "plan again",
    NotAllowed: "compare the roles of the worker's principal with the kind's permissions: `holdfast kinds KIND`",
    QuotaExceeded: "raise the quota, or free something of this kind, and run again",
    InUse: "empty it or remove what still uses it, then run again",
    InvalidInput: "mend the document; the cloud's words above say what it did not like",
}


def classify(codes: Sequence[str], status: int, method: str = "") -> tuple[str, type[HoldfastError]]:
    """The word that decides, and its class. `codes`: all that Google said, the most exact first; `status`: HTTP's."""
    first = codes[0] if codes else str(status)
    if status == 401:  # noqa: PLR2004  whose reason may be "required", which of a 400 means a field
        return first, NotAllowed
    for code in codes:
        if (known := _known(code)) is not None:
            return code, known
    if not codes and status in _ONLY_GOOGLES:
        return first, Broken
    if status == 409:  # noqa: PLR2004
        return first, _CONFLICT.get(method, Pending)
    if status in _BY_STATUS:
        return first, _BY_STATUS[status]
    if 500 <= status < 600:  # noqa: PLR2004
        return first, Unavailable
    return first, InvalidInput if 400 <= status < 500 else Broken  # noqa: PLR2004


def _known(code: str) -> type[HoldfastError] | None:
    if code.startswith("constraints/"):  # of the organization's policy, as a violation's type
        return NotAllowed
    return CODES.get(code) or next((error for end, error in _BY_SHAPE if code.endswith(end)), None)


def refusal(
    what: str,
    status: int,
    body: Any,
    *,
    method: str = "",
    requests: tuple[str, ...] = (),
    after: timedelta | None = None,
) -> HoldfastError:
    """The letter of a refused request. `body`: the answer's JSON, whatever it is; `after`: from Retry-After, which goes
    before what the body says of it.
    """
    error = body.get("error") if isinstance(body, Mapping) else None
    said: Mapping[str, Any] = error if isinstance(error, Mapping) else {}
    code, kind = classify(list(_codes(said)), status, method)
    words = str(said.get("message") or (error if isinstance(error, str) else "") or f"HTTP {status}")
    if kind in {NotFound, InvalidInput} and _NO_PROJECT.search(words):
        code, kind = "PROJECT_NOT_FOUND", NotAllowed
    if _DELETED.search(words):
        code, kind = "PROJECT_DELETED", NotAllowed
    if kind is NotFound and _NO_METHOD.search(words):
        kind = Broken
    if kind is Throttled and _FULL.search(words):
        kind = QuotaExceeded
    wait = after or _retry_delay(said)
    return _letter(
        kind, f"Google refused {what}: {code}: {words}", code, _advice(code, kind, status, said), requests, wait
    )


def _retry_delay(said: Mapping[str, Any]) -> timedelta | None:
    """What a google.rpc.RetryInfo among the details asks for: `{"retryDelay": "1.5s"}`."""
    for one in _objects(said, "details"):
        if found := re.fullmatch(r"(\d+(?:\.\d+)?)s", str(one.get("retryDelay", ""))):
            return span(found[1])
    return None


def span(seconds: str) -> timedelta | None:
    """How long Google asks to wait, for no longer than `LONGEST`; None where it does not say."""
    try:
        return timedelta(seconds=max(0.0, min(float(seconds), LONGEST.total_seconds())))
    except ValueError:
        return None


def may_lack_project(refused: HoldfastError) -> bool:
    """Whether a refusal may mean that the project itself is not there."""
    no_project = {"PROJECT_NOT_FOUND", "PROJECT_DELETED"}
    return refused.letter.code in no_project or bool(_NEVER_SEEN.search(refused.letter.happened))


def operation_error(operation: Mapping[str, Any], requests: tuple[str, ...] = ()) -> HoldfastError | None:
    """Why a finished operation failed, or None when it did not, or has not finished.

    Takes Compute's (`error.errors`, `httpErrorStatusCode`) and google.longrunning's (`error.code`, `error.message`).
    """
    error = operation.get("error")
    if not isinstance(error, Mapping) or not error:
        return None
    name = str(operation.get("name", ""))
    what = " ".join(filter(None, ("operation", str(operation.get("operationType", "")), name)))
    status = int(operation.get("httpErrorStatusCode") or 0)
    errors = _objects(error, "errors")
    number = error.get("code")
    if isinstance(number, int) and 0 < number < len(_RPC):
        error = {**error, "status": _RPC[number]}
    code, kind = classify([*_codes(error), *(str(one["code"]) for one in errors if one.get("code"))], status)
    words = "; ".join(str(one["message"]) for one in errors if one.get("message")) or str(error.get("message", ""))
    if kind is Throttled and _FULL.search(words):
        kind = QuotaExceeded
    happened = f"Google accepted {what}, and it failed: {code}: {words}".rstrip(": ")
    return _letter(
        kind, happened, code, _advice(code, kind, status, error), requests or ((name,) if name else ()), None
    )


def _codes(error: Mapping[str, Any]) -> Iterator[str]:
    details = _objects(error, "details")
    for one in details:
        yield from (str(violation["type"]) for violation in _objects(one, "violations") if violation.get("type"))
    yield from (str(one["reason"]) for one in details if one.get("reason"))
    # Resource Manager may have the violation's name at the head of its words only.
    yield from re.findall(r"\b[A-Z_]+_VIOLATION\b", str(error.get("message", "")))
    yield from (str(one["reason"]) for one in _objects(error, "errors") if one.get("reason"))
    if error.get("status"):
        yield str(error["status"])


def _objects(said: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """The objects in a list that an answer may have, whatever it is that it has there."""
    found = said.get(field)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _advice(code: str, kind: type[HoldfastError], status: int, said: Mapping[str, Any]) -> str:
    facts: dict[str, Any] = {}
    for one in _objects(said, "details"):
        facts |= one["metadata"] if isinstance(one.get("metadata"), Mapping) else {}
    match code:
        case "SERVICE_DISABLED" | "accessNotConfigured" | "usageLimits.accessNotConfigured":
            service = facts.get("service", "SERVICE")
            project = str(facts.get("consumer", "projects/PROJECT")).partition("/")[2]
            return f"`gcloud services enable {service} --project {project}`, wait some minutes, and run again"
        case "BILLING_DISABLED":
            return "link the project to a billing account, and run again"
        case "PROJECT_NOT_FOUND":
            return (
                "mend the document's scope: its account is a project id; or let the worker's principal see the project"
            )
        case _ if status == 401:  # noqa: PLR2004
            return _CREDENTIALS
        case _:
            return _ADVICE.get(kind, "")


def _letter(
    kind: type[HoldfastError],
    happened: str,
    code: str,
    advice: str,
    requests: tuple[str, ...],
    after: timedelta | None,
) -> HoldfastError:
    if issubclass(kind, NotYet):
        return kind(happened, after=after, code=code, next=advice, requests=requests)
    return kind(happened, code=code, next=advice, requests=requests)
