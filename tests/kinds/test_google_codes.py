"""Google Cloud's error codes: what is asked again, and what is said aloud."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from google.api.error_reason_pb2 import ErrorReason
from google.cloud.storage.retry import _RETRYABLE_STATUS_CODES
from hypothesis import given
from hypothesis import strategies as st

from activities.providers.gcp.codes import CODES, classify, operation_error, refusal, span
from holdfast.errors import (
    Blocked,
    Broken,
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
from localcloud.gcp import refusals

INFO = "type.googleapis.com/google.rpc.ErrorInfo"
PRECONDITION = "type.googleapis.com/google.rpc.PreconditionFailure"


def letter(status: int, said: Any, method: str = "POST") -> HoldfastError:
    return refusal("networks.insert", status, {"error": said}, method=method, requests=("r-1",))


@pytest.mark.parametrize("status", _RETRYABLE_STATUS_CODES)
def test_what_the_sdk_itself_would_repeat(status: int) -> None:
    """Whatever the SDK would have repeated, had its retries not been switched off, the server repeats."""
    assert classify([], status)[1].again


@pytest.mark.parametrize("reason", [name for name, number in ErrorReason.items() if number])
def test_every_reason_of_all_services(reason: str) -> None:
    """Each reason that all services share is refused, but for a rate that was too high."""
    _, kind = classify([reason, "PERMISSION_DENIED"], 403)
    assert kind is {"RATE_LIMIT_EXCEEDED": Throttled}.get(reason, kind)
    assert kind.again == (reason == "RATE_LIMIT_EXCEEDED")


@pytest.mark.parametrize("status", sorted(refusals.NAMES))
def test_every_envelope(status: int) -> None:
    """Whichever words a service has for a status, the class is the same."""
    newer, older = refusals.NAMES[status]
    if status != 412:  # of which Resource Manager knows nothing: it says ABORTED
        assert classify([newer], status)[1] is classify([older], status)[1]


@pytest.mark.parametrize(
    "codes, status, method, error",
    [
        (["conflict"], 409, "POST", NameTaken),
        (["conflict"], 409, "DELETE", InUse),
        (["conflict"], 409, "PATCH", Pending),
        (["ABORTED"], 409, "PATCH", Pending),
        (["ALREADY_EXISTS"], 409, "POST", NameTaken),
        (["required"], 401, "GET", NotAllowed),
        (["required"], 400, "POST", InvalidInput),
        (["rateLimitExceeded"], 403, "GET", Throttled),
        (["quotaExceeded"], 403, "POST", QuotaExceeded),
        (["CPUS_QUOTA_EXCEEDED"], 403, "POST", QuotaExceeded),
        (["NETWORK_NOT_FOUND"], 404, "POST", NotFound),
        (["never heard of"], 404, "GET", NotFound),
        (["never heard of"], 410, "GET", Gone),
        (["never heard of"], 422, "POST", InvalidInput),
        (["never heard of"], 500, "POST", Unavailable),
        (["never heard of"], 0, "", Broken),
        (["notImplemented"], 501, "POST", Broken),
        ([], 404, "GET", Broken),
        ([], 409, "POST", Broken),
        ([], 403, "GET", NotAllowed),
        ([], 429, "GET", Throttled),
        ([], 502, "GET", Unavailable),
        (["constraints/iam.disableServiceAccountCreation", "FAILED_PRECONDITION"], 400, "POST", NotAllowed),
        (["FOLDER_TO_DELETE_NON_EMPTY_VIOLATION", "FAILED_PRECONDITION"], 400, "DELETE", Blocked),
        (["RESOURCE_QUOTA_EXCEEDED", "RESOURCE_EXHAUSTED"], 429, "POST", QuotaExceeded),
    ],
)
def test_by_table_and_by_shape(codes: list[str], status: int, method: str, error: type[HoldfastError]) -> None:
    """A code is judged by the table, then by its shape, then by the method and the status."""
    assert classify(codes, status, method)[1] is error


def test_the_most_exact_word() -> None:
    """Of several words in one answer the most exact that is known decides, and stands in the letter."""
    details = [{"@type": INFO, "reason": "SERVICE_DISABLED", "domain": "googleapis.com"}]
    details[0] |= {"metadata": {"service": "compute.googleapis.com", "consumer": "projects/p-1"}}  # type: ignore[dict-item]
    said = {"code": 403, "message": "It is off.", "status": "PERMISSION_DENIED", "details": details}
    said |= {"errors": [{"reason": "forbidden"}]}
    error = letter(403, said)
    assert (type(error), error.letter.code, error.letter.requests) == (NotAllowed, "SERVICE_DISABLED", ("r-1",))
    assert error.letter.happened == "Google refused networks.insert: SERVICE_DISABLED: It is off."
    assert "gcloud services enable compute.googleapis.com --project p-1" in error.letter.next


def test_a_violation() -> None:
    """A folder's constraint is known by its violation, in the details or at the head of the words."""
    violations = [{"type": "FOLDER_NAME_UNIQUENESS_VIOLATION", "subject": "folders/1"}]
    details = [{"@type": PRECONDITION, "violations": violations}]
    for said in (
        {"status": "FAILED_PRECONDITION", "message": "no", "details": details},
        {"status": "FAILED_PRECONDITION", "message": "FOLDER_NAME_UNIQUENESS_VIOLATION: no"},
    ):
        error = letter(400, said)
        assert (type(error), error.letter.code) == (NameTaken, "FOLDER_NAME_UNIQUENESS_VIOLATION")


@pytest.mark.parametrize(
    "words, status, reason, error",
    [
        ("The resource 'projects/p' was not found", 404, "notFound", NotAllowed),
        ("Failed to find project p", 404, "notFound", NotAllowed),
        ("The requested project was not found.", 404, "notFound", NotAllowed),
        ("Unknown project id: p", 400, "invalid", NotAllowed),
        ("Project #12 has been deleted.", 403, "forbidden", NotAllowed),
        ("The resource 'projects/p/global/networks/n' was not found", 404, "notFound", NotFound),
        ("The requested URL /x was not found on this server.", 404, "notFound", Broken),
        ("Maximum number of service accounts on project reached.", 429, "RESOURCE_EXHAUSTED", QuotaExceeded),
        ("Quota exceeded for quota metric 'Queries'", 429, "RESOURCE_EXHAUSTED", Throttled),
    ],
)
def test_what_only_the_words_tell(words: str, status: int, reason: str, error: type[HoldfastError]) -> None:
    """A project that is not there is no resource that is gone, and a full project is not throttled."""
    found = letter(status, {"message": words, "errors": [{"reason": reason}]})
    assert type(found) is error
    assert words in found.letter.happened


def test_after() -> None:
    """What Google asks to wait is kept, where waiting helps."""
    wait = timedelta(seconds=7)
    error = refusal("x", 429, {"error": {"status": "RESOURCE_EXHAUSTED"}}, after=wait)
    assert isinstance(error, NotYet)
    assert error.after == wait
    assert isinstance(refusal("x", 403, {"error": {"status": "PERMISSION_DENIED"}}, after=wait), NotAllowed)


def test_a_page_is_not_an_answer_of_googles() -> None:
    """What a proxy says instead of Google is no news about a resource."""
    pages: list[Any] = ["<html>", None, [], {"error": "not found"}, {"error": []}, {"message": "no"}]
    for body in pages:
        assert isinstance(refusal("x", 404, body), Broken)


def test_every_refusal_has_a_way_through() -> None:
    """Whoever has to change something is told what."""
    for code, kind in CODES.items():
        found = letter(400, {"errors": [{"reason": code}], "message": "no"}).letter
        assert found.next or kind.again or kind in {NameTaken, NotFound}, code


# --- operations ------------------------------------------------------------------------------------------------------


def failed(code: str, status: int = 400, message: str = "no") -> dict[str, Any]:
    errors = [{"code": code, "message": message}]
    return {
        "name": "operation-1",
        "operationType": "insert",
        "status": "DONE",
        "httpErrorStatusCode": status,
        "error": {"errors": errors},
    }


@pytest.mark.parametrize(
    "code, status, error",
    [
        ("QUOTA_EXCEEDED", 403, QuotaExceeded),
        ("ZONE_RESOURCE_POOL_EXHAUSTED", 503, Unavailable),
        ("ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS", 503, Unavailable),
        ("RESOURCE_IN_USE_BY_ANOTHER_RESOURCE", 400, Blocked),
        ("RESOURCE_NOT_READY", 400, Pending),
        ("RESOURCE_OPERATION_RATE_EXCEEDED", 429, Throttled),
        ("RESOURCE_ALREADY_EXISTS", 409, NameTaken),
        ("RESOURCE_NOT_FOUND", 404, NotFound),
        ("PERMISSIONS_ERROR", 403, NotAllowed),
        ("INVALID_USAGE", 400, InvalidInput),
        ("INTERNAL_ERROR", 503, Unavailable),
        ("NEVER_HEARD_OF", 400, InvalidInput),
        ("NEVER_HEARD_OF", 0, Broken),
    ],
)
def test_an_operation_that_failed(code: str, status: int, error: type[HoldfastError]) -> None:
    """An operation of Compute's that failed says why, and which it was."""
    found = operation_error(failed(code, status))
    assert found is not None
    assert (type(found), found.letter.code, found.letter.requests) == (error, code, ("operation-1",))
    assert found.letter.happened == f"Google accepted operation insert operation-1, and it failed: {code}: no"


@pytest.mark.parametrize(
    "number, error",
    [
        (3, InvalidInput),
        (5, NotFound),
        (6, NameTaken),
        (7, NotAllowed),
        (9, InvalidInput),
        (14, Unavailable),
        (2, Broken),
    ],
)
def test_a_long_running_operation_that_failed(number: int, error: type[HoldfastError]) -> None:
    """One that carries a google.rpc.Status says why as well."""
    found = operation_error({"name": "operations/cp.1", "done": True, "error": {"code": number, "message": "no"}})
    assert type(found) is error
    full = {
        "code": 8,
        "message": "The project cannot be created because you have exceeded your allotted project quota.",
    }
    assert isinstance(operation_error({"done": True, "error": full}), QuotaExceeded)


@pytest.mark.parametrize(
    "operation",
    [
        {},
        {"status": "RUNNING"},
        {"status": "DONE", "error": {}},
        {"done": True, "response": {}},
        {"name": "n", "error": None},
    ],
)
def test_an_operation_that_did_not_fail(operation: dict[str, Any]) -> None:
    """One that is done, or is not yet, has no error."""
    assert operation_error(operation) is None


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "errors", "reason", "details", "status", "code", "message", "violations"]), inner
        )
    ),
    max_leaves=12,
)


@given(body=anything, status=st.integers(400, 599))
def test_any_answer_is_read(body: Any, status: int) -> None:
    """Whatever an answer says, reading it gives an error of ours."""
    assert isinstance(refusal("x", status, body), HoldfastError)
    if isinstance(body, dict):
        found = operation_error(body)
        assert found is None or isinstance(found, HoldfastError)


@pytest.mark.parametrize(
    "said, seconds", [("7.5s", 7.5), ("0s", 0), ("86400s", 600), ("9" * 400 + "s", 600), ("soon", None), ("-1s", None)]
)
def test_a_retry_info(said: str, seconds: float | None) -> None:
    """What Google asks to wait is waited for, within reason; what is no time is not."""
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": said}
    body = {"error": {"status": "RESOURCE_EXHAUSTED", "details": [detail]}}
    error = refusal("projects.get", 429, body)
    assert isinstance(error, Throttled)
    assert error.after == (None if seconds is None else timedelta(seconds=seconds))
    assert span("9" * 400) == timedelta(minutes=10)
    assert span("") is None
