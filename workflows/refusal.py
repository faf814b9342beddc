"""What a workflow refuses, as Temporal carries it: with its letter, which says what to do next."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError

from holdfast.errors import Letter


def refusal(happened: str, *, next: str, error: str = "Refused", standing: str = "") -> ApplicationError:  # noqa: A002
    """Of an update, by its validator. No history holds it."""
    return failure(Letter(error=error, happened=happened, standing=standing, next=next))


def failure(letter: Letter) -> ApplicationError:
    """A letter, as what a workflow or an update fails with."""
    return ApplicationError(letter.happened, letter, type=letter.error, non_retryable=True)
