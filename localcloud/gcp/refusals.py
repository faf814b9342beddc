"""How Google Cloud says no: the refusals that its services share, and the envelopes in which each sends them."""

from __future__ import annotations

import json

from localcloud.core.asked import Answer
from localcloud.core.cloud import Json

# HTTP status -> what the newer services call it (google.rpc.Code), and the reason that the older ones give.
NAMES = {
    400: ("INVALID_ARGUMENT", "invalid"),
    403: ("PERMISSION_DENIED", "forbidden"),
    404: ("NOT_FOUND", "notFound"),
    409: ("ALREADY_EXISTS", "alreadyExists"),
    412: ("FAILED_PRECONDITION", "conditionNotMet"),
    429: ("RESOURCE_EXHAUSTED", "rateLimitExceeded"),
    500: ("INTERNAL", "backendError"),
    501: ("UNIMPLEMENTED", "notImplemented"),
    503: ("UNAVAILABLE", "backendError"),
}
# Those whose errors have a status and no list of reasons; `iam` has both.
NEWER = frozenset({"cloudresourcemanager"})
BOTH = frozenset({"iam"})
RETRY_AFTER = {429: "1", 503: "1"}  # seconds


class Refused(Exception):
    """A request that is not carried out."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def not_found(path: str) -> Refused:
    """There is nothing at a path, which begins with `projects/`."""
    return Refused(404, "notFound", f"The resource '{path}' was not found")


def exists(path: str) -> Refused:
    """Something is there already."""
    return Refused(409, "alreadyExists", f"The resource '{path}' already exists")


def invalid(field: str, value: Json, why: str) -> Refused:
    """A field has a value that it must not have."""
    return Refused(400, "invalid", f"Invalid value for field '{field}': '{value}'. {why}")


def required(field: str) -> Refused:
    """A field is missing."""
    return Refused(400, "required", f"Required field '{field}' not specified")


def in_use(what: str, path: str, by: str) -> Refused:
    """Something cannot go while another thing needs it."""
    message = f"The {what} resource '{path}' is already being used by '{by}'"
    return Refused(400, "resourceInUseByAnotherResource", message)


def not_ready(path: str) -> Refused:
    """An operation on it is under way."""
    return Refused(400, "resourceNotReady", f"The resource '{path}' is not ready")


def changed(message: str = "Invalid fingerprint.") -> Refused:
    """What the caller had read is no longer so."""
    return Refused(412, "conditionNotMet", message)


def over_quota(metric: str, limit: int, where: str) -> Refused:
    """The project has as many as it may have."""
    return Refused(403, "quotaExceeded", f"Quota '{metric}' exceeded.  Limit: {float(limit)} {where}.")


def answer(body: Json, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    sent = b"" if status == 204 else json.dumps(body, indent=2, sort_keys=True).encode()  # noqa: PLR2004  # no content
    more = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status, (("Content-Type", "application/json; charset=UTF-8"), *more), sent)


def envelope(service: str, code: str, message: str, status: int) -> Answer:
    """An error as a service sends it. `code` is a reason or a status, whichever the service has."""
    newer, older = NAMES.get(status, ("UNKNOWN", "unknown"))
    error: dict[str, Json] = {"code": status, "message": message}
    if service not in NEWER:
        reason = older if service in BOTH else code
        error["errors"] = [{"domain": "global", "message": message, "reason": reason}]
    if service in NEWER | BOTH:
        error["status"] = code if code.isupper() else newer
    headers = {"Retry_After": RETRY_AFTER[status]} if status in RETRY_AFTER else {}
    return answer({"error": error}, status, **headers)


def code_of(sent: Answer) -> str:
    """The reason, or the status, of an answer that is an error, else nothing."""
    if not sent.refused:
        return ""
    try:
        error = json.loads(sent.body)["error"]
        return str(error.get("status") or error["errors"][0]["reason"])
    except (ValueError, LookupError, TypeError):
        return ""
