"""ARM's error codes: what is asked again, what is said aloud, and what reads as gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from azure.core.pipeline.policies import RetryPolicy
from hypothesis import given
from hypothesis import strategies as st

from activities.providers.azure import codes
from activities.providers.azure.codes import CODES, classify, letter, operation_error, read
from holdfast.errors import (
    Blocked,
    Broken,
    ChangedElsewhere,
    CreateFailed,
    HoldfastError,
    InvalidInput,
    NameTaken,
    NotAllowed,
    NotFound,
    Pending,
    QuotaExceeded,
    Throttled,
    Unavailable,
)

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["error", "code", "message", "details", "innererror", "status", "properties", "value"]), inner
    ),
    max_leaves=12,
)  # fmt: skip


def test_what_the_sdk_itself_would_repeat() -> None:
    """Whatever the SDK would have repeated, had its retries not been switched off, is asked again."""
    repeated = RetryPolicy()._retry_on_status_codes
    assert {408, 429, 503} < repeated
    assert [status for status in repeated if not classify("", status).again] == []


@pytest.mark.parametrize(
    "code, status, error",
    [
        ("ResourceNotFound", 404, NotFound),
        ("ResourceGroupNotFound", 404, NotFound),
        ("ParentResourceNotFound", 404, NotFound),
        ("SomethingNotFound", 404, NotFound),
        ("SubscriptionNotFound", 404, NotAllowed),
        ("InvalidSubscriptionId", 400, NotAllowed),
        ("InvalidResourceType", 404, InvalidInput),
        ("MissingSubscription", 404, InvalidInput),
        ("", 404, Broken),
        ("AuthorizationFailed", 403, NotAllowed),
        ("LinkedAuthorizationFailed", 403, NotAllowed),
        ("RequestDisallowedByPolicy", 403, NotAllowed),
        ("ScopeLocked", 409, NotAllowed),
        ("ExpiredAuthenticationToken", 401, NotAllowed),
        ("ReadOnlyDisabledSubscription", 409, NotAllowed),
        ("MissingSubscriptionRegistration", 409, NotAllowed),
        ("StorageAccountAlreadyTaken", 409, NameTaken),
        ("VaultAlreadyExists", 409, NameTaken),
        ("ConflictError", 409, NameTaken),
        ("RoleAssignmentExists", 409, NameTaken),
        ("PreconditionFailed", 412, ChangedElsewhere),
        ("AccountNameInvalid", 400, InvalidInput),
        ("InvalidParameter", 400, InvalidInput),
        ("SkuNotAvailable", 409, InvalidInput),
        ("NobodyHeardOfIt", 400, InvalidInput),
        ("QuotaExceeded", 409, QuotaExceeded),
        ("VaultQuotaExceeded", 409, QuotaExceeded),
        ("RoleAssignmentLimitExceeded", 400, QuotaExceeded),
        ("InUseSubnetCannotBeDeleted", 400, Blocked),
        ("InUseRouteTableCannotBeDeleted", 400, Blocked),
        ("NetworkSecurityGroupCannotBeDeletedDueToExistingAssociations", 400, Blocked),
        ("NicInUse", 400, Blocked),
        ("PublicIPAddressCannotBeDeleted", 400, Blocked),
        ("AnotherOperationInProgress", 409, Pending),
        ("RetryableErrorDueToAnotherOperation", 429, Pending),
        ("ResourceGroupBeingDeleted", 409, Pending),
        ("PrincipalNotFound", 400, Pending),
        ("Conflict", 409, Pending),
        ("TooManyRequests", 429, Throttled),
        ("SomethingElse", 429, Throttled),
        ("AllocationFailed", 409, Unavailable),
        ("ZonalAllocationFailed", 409, Unavailable),
        ("InternalServerError", 500, Unavailable),
        ("", 503, Unavailable),
        ("NobodyHeardOfIt", 409, Broken),
        ("NobodyHeardOfIt", 500, Broken),
    ],
)
def test_by_table_and_by_status(code: str, status: int, error: type[HoldfastError]) -> None:
    """What waits, what is refused, what is gone; ARM's spelling of a code does not matter."""
    assert classify(code, status) is error
    assert classify(code.upper(), status) is error


@pytest.mark.parametrize(
    "words, error",
    [
        ("results in exceeding approved Total Regional Cores quota", QuotaExceeded),
        ("Disk data is attached to VM /subscriptions/…/web.", Blocked),
        ("Another operation is in progress", Pending),
        ("Disk data has 20 GB and cannot be made smaller.", InvalidInput),
    ],
)
def test_an_operation_not_allowed(words: str, error: type[HoldfastError]) -> None:
    """Compute has one code for four things, and its words say which."""
    assert classify("OperationNotAllowed", 409, words) is error


def test_nothing_gone_that_is_not() -> None:
    """No code about a subscription, a provider or a token reads as a resource that is gone."""
    gone = {code for code, error in CODES.items() if error is NotFound}
    assert not [
        c for c in gone if any(w in c for w in ("Subscription", "Provider", "Namespace", "Tenant", "Principal"))
    ]


def test_every_code_stands_once() -> None:
    """No code is in two groups, in any spelling."""
    listed = [
        code
        for group in vars(codes).values()
        if isinstance(group, tuple) and group and group[0][:1].isupper()
        for code in group
    ]
    assert len({code.lower() for code in listed}) == len(listed) > 100


@pytest.mark.parametrize(
    "body, code",
    [
        ({"error": {"code": "NicInUse", "message": "it is"}}, "NicInUse"),
        ({"code": "NicInUse", "message": "it is"}, "NicInUse"),
        ({"odata.error": {"code": "NicInUse", "message": {"lang": "en", "value": "it is"}}}, "NicInUse"),
        ({"error": {"code": "DeploymentFailed", "details": [{"code": "NicInUse", "message": "it is"}]}}, "NicInUse"),
        ({"error": {"code": "Unheard", "message": "it is", "innererror": {"code": "NicInUse"}}}, "NicInUse"),
        ({"error": {"code": "QuotaExceeded", "message": "it is", "details": [{"code": "NicInUse"}]}}, "QuotaExceeded"),
        ({"error": {"code": "Unheard", "message": "it is"}}, "Unheard"),
    ],
)
def test_the_code_that_tells_most(body: dict[str, Any], code: str) -> None:
    """A code inside an envelope tells more than the envelope's; one that is known, more than one that is not."""
    said = read(body)
    assert (said.code, "it is" in str(said)) == (code, True)


def test_a_group_that_cannot_go() -> None:
    """A group's own code is an envelope: a lock inside it does not pass, something in use may."""
    locked = {"code": "ResourceGroupDeletionBlocked", "details": [{"code": "ScopeLocked", "message": "locked"}]}
    in_use = {"code": "ResourceGroupDeletionBlocked", "details": [{"code": "NicInUse", "message": "used"}]}
    bare = {"code": "ResourceGroupDeletionBlocked", "message": "blocked"}
    found = [type(operation_error({"status": "Failed", "error": error})) for error in (locked, in_use, bare)]
    assert found == [NotAllowed, Blocked, Blocked]


@pytest.mark.parametrize(
    "body, error",
    [
        ({"status": "Succeeded"}, None),
        ({"status": "InProgress"}, None),
        ({}, None),
        ({"status": "Failed", "error": {"code": "AllocationFailed", "message": "no room"}}, Unavailable),
        ({"status": "Failed", "error": {"code": "OperationNotAllowed", "message": "over quota"}}, QuotaExceeded),
        ({"status": "Failed", "error": {"code": "OSProvisioningTimedOut", "message": "slow"}}, CreateFailed),
        ({"status": "Failed", "properties": {"error": {"code": "NicInUse", "message": "used"}}}, Blocked),
        ({"status": "Failed"}, CreateFailed),
        ({"status": "Canceled"}, Pending),
        (
            {
                "status": "Canceled",
                "error": {"code": "Canceled", "details": [{"code": "CanceledAndSupersededDueToAnotherOperation"}]},
            },
            Pending,
        ),
    ],
)
def test_how_an_operation_ended(body: dict[str, Any], error: type[HoldfastError] | None) -> None:
    """An operation that ended badly says why, and one that did not says nothing."""
    found = operation_error(body, requests=("r",))
    assert (type(found) if found else None) is error
    if found:
        assert found.letter.requests == ("r",)


@given(json)
def test_no_body_is_too_odd(body: Any) -> None:
    """Whatever stands in an answer's body, reading its error raises nothing."""
    assert isinstance(str(read(body)), str)
    if isinstance(body, dict):
        operation_error(body)


def test_a_wait_goes_where_it_is_heard() -> None:
    """What the cloud asks us to wait is kept by an error that is asked again, and by no other."""
    slow = letter(Throttled, "slower", after=timedelta(seconds=7))
    assert isinstance(slow, Throttled)
    assert slow.after == timedelta(seconds=7)
    assert not hasattr(letter(NotFound, "gone", after=timedelta(seconds=7)), "after")


def test_a_refusal_names_the_way_through() -> None:
    """Every class that somebody has to mend something for says what, or its own code does."""
    for code, error in CODES.items():
        if error in {InvalidInput, NotAllowed, QuotaExceeded}:
            assert codes.advice(error, code), code


def test_a_conflict_of_input_is_a_name_or_a_wait() -> None:
    """A disk that bears the name already does not go away by itself."""
    said = "Disk web-os already exists in resource group SHOP. Only CreateOption.Attach is supported."
    assert classify("ConflictingUserInput", 409, said) is NameTaken
    assert classify("ConflictingUserInput", 409, "The request is in conflict with another") is Pending
