"""AWS's error codes: what is asked again, and what is said aloud."""

from __future__ import annotations

import pytest
from botocore.retries.standard import ThrottledRetryableChecker, TransientRetryableChecker

from activities.providers.aws.codes import classify
from holdfast.errors import HoldfastError, InvalidInput, NotAllowed, NotFound, Pending, Unavailable

# Not `LimitExceededException`, which some services throttle with: of others, and of IAM, it says that a quota is full.
REPEATED = {
    *ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
    *TransientRetryableChecker._TRANSIENT_ERROR_CODES,
} - {"LimitExceededException"}


@pytest.mark.parametrize("code", sorted(REPEATED))
def test_what_the_sdk_itself_would_repeat(code: str) -> None:
    """Whatever the SDK would have repeated, had its retries not been switched off, the server repeats."""
    assert classify(code, 400).again


@pytest.mark.parametrize(
    "code, status, error",
    [
        ("ConcurrentTagAccess", 400, Pending),
        ("InsufficientVolumeCapacity", 500, Unavailable),
        ("ServerInternal", 500, Unavailable),
        ("RequestTimeTooSkewed", 403, NotAllowed),
        ("InvalidToken", 400, NotAllowed),
        ("NoSuchLifecycleConfiguration", 404, NotFound),
        ("MethodNotAllowed", 405, InvalidInput),
    ],
)
def test_by_table_and_by_shape(code: str, status: int, error: type[HoldfastError]) -> None:
    """A code that the table does not know is judged by its shape and its status."""
    assert classify(code, status) is error
