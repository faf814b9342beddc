"""Our errors as Temporal carries them, both ways: what is retried, how soon, and with which letter."""

from __future__ import annotations

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from holdfast.errors import Broken, HoldfastError, NotYet

TRIES_OF_BROKEN = 5  # an answer nobody understands is asked for again this often, and then said aloud


def to_temporal(error: HoldfastError, *, attempt: int, certain: bool = False) -> ApplicationError:
    """The failure of one attempt. `certain` says that no earlier delivery of it can have had an effect."""
    letter = error.letter.model_copy(update={"certain": certain and not error.again})
    again = error.again and not (isinstance(error, Broken) and attempt >= TRIES_OF_BROKEN)
    return ApplicationError(
        str(letter),
        letter,
        type=letter.error,
        non_retryable=not again,
        next_retry_delay=error.after if isinstance(error, NotYet) and again else None,
        category=ApplicationErrorCategory.BENIGN if isinstance(error, NotYet) else ApplicationErrorCategory.UNSPECIFIED,
    )


def broken(error: BaseException, what: str) -> Broken:
    """A bug, or an answer that nobody foresaw, as a letter. Only its class and words are kept: values may be secret."""
    return Broken(
        f"{what} met something nobody foresaw: {type(error).__name__}: {error}",
        next="see the worker's log; when it is not the cloud, it is a bug of ours, please report it",
    )
