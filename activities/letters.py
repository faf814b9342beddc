"""Our errors as Temporal carries them, both ways: what is retried, how soon, and with which letter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from pydantic import ValidationError
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory, CancelledError

from activities.causes import causes
from activities.secrets import hushed
from holdfast.errors import Broken, HoldfastError, Letter, NotYet, Refused, Unavailable, from_letter

T = TypeVar("T")

TRIES_OF_BROKEN = 5  # an answer nobody understands is asked for again this often, and then said aloud


class LetGo(BaseException):
    """Nobody waits any longer for what is being read. No `Exception`: SDKs, and our doors, take those for their own."""


def to_temporal(error: HoldfastError, *, attempt: int, certain: bool = False) -> ApplicationError:
    """The failure of one attempt. `certain` says that no earlier delivery of it can have had an effect."""
    letter = error.letter.model_copy(update={"certain": certain and not error.again})
    again = error.again and not (isinstance(error, Broken) and attempt >= TRIES_OF_BROKEN)
    return ApplicationError(
        letter.below(letter.address),  # beside it stands the activity's summary, which names the address
        letter,
        type=letter.error,
        non_retryable=not again,
        next_retry_delay=error.after if isinstance(error, NotYet) and again else None,
        category=ApplicationErrorCategory.BENIGN if isinstance(error, NotYet) else ApplicationErrorCategory.UNSPECIFIED,
    )


def from_temporal(failure: BaseException | None) -> HoldfastError:
    """The other way: what an update or a workflow failed with, with its letter where it has one."""
    if not isinstance(failure, ApplicationError):
        return Refused(str(failure))
    if failure.details and isinstance(failure.details[0], dict):
        return from_letter(failure.details[0])
    return from_letter(Letter(error=failure.type or "Refused", happened=failure.message))


def broken(error: BaseException, what: str) -> Broken:
    """A bug, or an answer that nobody foresaw, as a letter. What did not fit is named, never its value: see `shown`."""
    words = _misfits(error) if isinstance(error, ValidationError) else str(error)
    return Broken(
        f"{what} met something nobody foresaw: {type(error).__name__}: {words}",
        next="see the worker's log; when it is not the cloud, it is a bug of ours, please report it",
    )


def shown(error: BaseException) -> BaseException | None:
    """The cause as history may keep it. None where a value could be in its words: it may be a secret."""
    return None if any(isinstance(one, ValidationError) for one in (error, *causes(error))) else error


def told(what: str, work: Callable[[], T], clear: Callable[[], Iterable[str]] = tuple) -> T:
    """What an activity's work returns; whatever it raises becomes a failure with a letter.

    `clear` are the values of secrets that a cloud may repeat: no letter holds them. A worker that was told to stop cuts
    its activities off as a cancel does: that one is tried again elsewhere.
    """
    try:
        return work()
    except LetGo as cut_off:
        if is_asked_to_stop():
            raise CancelledError(str(cut_off)) from cut_off
        raise to_temporal(stopping(what), attempt=1) from cut_off
    except Exception as error:  # noqa: BLE001  it is raised again, as a letter
        letter, cause = _quiet(_letter(error, what), shown(error), what, clear)
        raise to_temporal(letter, attempt=activity.info().attempt) from cause


def _letter(error: Exception, what: str) -> HoldfastError:
    if isinstance(error, HoldfastError):
        return error
    letter = broken(error, what)
    letter.__cause__ = error
    return letter


def _quiet(
    letter: HoldfastError, cause: BaseException | None, what: str, clear: Callable[[], Iterable[str]]
) -> tuple[HoldfastError, BaseException | None]:
    try:
        quiet = hushed(letter, clear())
    except Exception as blind:  # noqa: BLE001  what must not be told is not known: this is told instead
        return _letter(blind, what), None
    return (letter, cause) if quiet is None else (quiet, None)


def is_asked_to_stop() -> bool:
    """Whether the run wants this activity to end; rather than only the worker, which is being stopped."""
    details = activity.cancellation_details()
    return activity.is_cancelled() and (details is None or not details.worker_shutdown)


def stopping(what: str) -> Unavailable:
    """What is said of work that a stopping worker did not finish."""
    return Unavailable(f"{what}: this worker was told to stop; another one goes on")


def _misfits(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)
