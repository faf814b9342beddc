"""A deadline: what does not come about in its time is given up, and never by a delivery that has hardly looked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from activities.protocol.job import LOOK_EVERY, Job
from holdfast.errors import NotStabilized, Pending

F = TypeVar("F")

LOOK = "look at it in the cloud's console; a longer `timeouts:` in the document gives it more time"
LAST_LOOKS = timedelta(seconds=20)  # at most: with a call that hangs it is still within one attempt of a settle


def in_time(job: Job, look: Callable[[], F], waited: timedelta, within: timedelta, *, what: str, standing: str) -> F:
    """What a look gives. While there is time its `Pending` is raised, since waiting is the server's.

    That the time is over does not say that anybody looked: all workers may have been away. So this delivery itself goes
    on looking then, for as long as a read may be stale, and only after that raises `NotStabilized`: that `what` is so,
    and what is `standing`.
    """
    until, first = job.clock() + min(job.kind.visible_within, LAST_LOOKS).total_seconds(), None
    while True:
        try:
            return look()
        except Pending as waiting:
            if waited < within:
                raise
            first = first or waiting  # a look may ask anew, and only the one before it says why
            if job.clock() >= until:
                raise NotStabilized(
                    f"{job.address} {what} after {_minutes(waited)}: {first.letter.happened}",
                    address=job.address,
                    code=first.letter.code,
                    standing=standing,
                    next=first.letter.next or LOOK,
                ) from first
        job.pause(LOOK_EVERY.total_seconds())


def _minutes(span: timedelta) -> str:
    whole, rest = divmod(int(span.total_seconds()), 60)
    return f"{whole} min {rest} s" if whole else f"{rest} s"
