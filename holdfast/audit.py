"""From what history recorded to an audit trail: pure, and the same lines for the same events.

Whoever fetches histories hands them over as `History`, with every payload decoded; nothing else is looked at, so the
trail is as whole as the histories are, whatever became of the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from holdfast.act import Act, Done, Settle, Sweep, Swept
from holdfast.arbiter import Withdraw
from holdfast.contract import Activity, Message
from holdfast.errors import Letter
from holdfast.model import Wire
from holdfast.run import Charge, Identity, Report, Request, Resolve, Stop

HOLDFAST = "holdfast"  # who did what nobody asked for: a sweep
ACTS = frozenset({Activity.create, Activity.update, Activity.delete, Activity.operate, Activity.adopt, Activity.disown})
_ACCEPTED = "WORKFLOW_EXECUTION_UPDATE_ACCEPTED"
NO_ANSWER = "no answer"  # when the history ends, or was read, before there was one


W = TypeVar("W", bound=Wire)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a history: Temporal's number, time and type, and what of it the trail reads."""

    id: int
    at: datetime
    type: str  # as `ACTIVITY_TASK_COMPLETED`
    name: str = ""  # of the activity or update
    of: int = 0  # the event it answers
    given: Any = None  # what was handed over, decoded
    gave: Any = None  # what came back, decoded
    failure: Mapping[str, Any] | None = None  # {"type", "message", "details"}
    identity: str = ""  # of the client that sent it, as Temporal knows it
    words: str = ""  # a reason
    goes_on: bool = False  # of a start: it continues an earlier execution


@dataclass(frozen=True, slots=True)
class History:
    """One execution of a stack's arbiter or run."""

    stack: str
    workflow: str
    execution: str
    kind: str  # the workflow's type
    events: tuple[Event, ...] = field(default=())


class Line(Wire):
    """One line of the trail."""

    at: datetime
    stack: str
    run: str = ""
    who: str
    reason: str = ""
    ticket: str = ""
    what: str
    resource: str = ""  # of an end: what its cause is about
    result: str = ""
    words: str = ""
    code: str = ""  # the cloud's own word for a refusal
    requests: tuple[str, ...] = ()  # the cloud's request ids
    workflow: str
    execution: str
    event: int


def trail(histories: Iterable[History]) -> list[Line]:
    """The lines of many histories, in the order of time.

    A run that was reset carries its predecessor's events once more: they are told once.
    """
    told: dict[tuple[object, ...], Line] = {}
    for history in histories:
        for line in _Reader(history).lines():
            told.setdefault((line.workflow, line.at, line.event, line.what, line.resource), line)
    return sorted(told.values(), key=lambda line: (line.at, line.workflow, line.event))


def chosen(
    lines: Iterable[Line],
    *,
    who: str | None = None,
    since: datetime | None = None,
    resource: str | None = None,
) -> Iterator[Line]:
    """The lines of a person, from a moment on, of a resource or of those whose address holds a text."""
    for line in lines:
        if (
            (who is None or line.who == who)
            and (since is None or line.at >= since)
            and (resource is None or resource in line.resource)
        ):
            yield line


class _Reader:
    """One history being read, event after event."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._asked = {e.id: e for e in history.events if e.type in {"ACTIVITY_TASK_SCHEDULED", _ACCEPTED}}
        self._answered: set[int] = set()
        self._who, self._run = Identity(requester=HOLDFAST), ""

    def lines(self) -> Iterator[Line]:
        for event in self._history.events:
            line = self._line(event)
            if line is not None:
                yield line
        for event in self._asked.values():
            if event.id not in self._answered and (line := self._unanswered(event)) is not None:
                yield line

    def _line(self, event: Event) -> Line | None:
        asked = self._asked.get(event.of)
        match event.type:
            case "WORKFLOW_EXECUTION_STARTED":
                return self._begins(event)
            case "WORKFLOW_EXECUTION_UPDATE_COMPLETED" if asked is not None:
                self._answered.add(asked.id)
                return self._message(asked, event)
            case (
                "ACTIVITY_TASK_COMPLETED"
                | "ACTIVITY_TASK_FAILED"
                | "ACTIVITY_TASK_TIMED_OUT"
                | "ACTIVITY_TASK_CANCELED"
            ) if asked is not None:
                self._answered.add(asked.id)
                return self._act(asked, event)
            case (
                "WORKFLOW_EXECUTION_CANCEL_REQUESTED" | "WORKFLOW_EXECUTION_TERMINATED" | "WORKFLOW_EXECUTION_TIMED_OUT"
            ):
                what = event.type.removeprefix("WORKFLOW_EXECUTION_").lower().replace("_", " ")
                return self._write(event, f"workflow {what}", who=event.identity or HOLDFAST, words=event.words)
            case "WORKFLOW_EXECUTION_COMPLETED" | "WORKFLOW_EXECUTION_FAILED":
                return self._ends(event)
            case _:
                return None

    # --- a run ------------------------------------------------------------------------------------------------

    def _begins(self, event: Event) -> Line | None:
        charge = _as(Charge, event.given)
        if charge is None:
            return None
        request = charge.request
        self._who, self._run = request.identity, charge.run
        if event.goes_on:
            return None
        subject = str(request.subject or "")
        return self._write(event, f"begin {request.operation}", resource=subject, words=request.recovers or "")

    def _ends(self, event: Event) -> Line | None:
        details = (event.failure or {}).get("details") or [None]
        report = _as(Report, event.gave if event.failure is None else details[0])
        if report is None:
            words = str((event.failure or {}).get("message", ""))
            return self._write(event, "end", result="failed", words=words) if self._run else None
        cause = report.cause
        return self._write(
            event,
            f"end {report.operation}",
            resource=str(cause.address or "") if cause else "",
            result=report.state.value,
            words=cause.happened if cause else "",
            code=cause.code if cause else "",
        )

    # --- messages ---------------------------------------------------------------------------------------------

    def _message(self, asked: Event, answer: Event | None) -> Line | None:
        """A request, an answer or a wish of a person, at the moment when it was heard."""
        result, words = "heard", ""
        if answer is not None and answer.failure is not None:
            result, words = str(answer.failure.get("type") or "refused"), str(answer.failure.get("message", ""))
        match asked.name:
            case Message.submit if request := _as(Request, asked.given):
                run = answer.gave.get("run", "") if answer is not None and isinstance(answer.gave, dict) else ""
                return self._write(
                    asked,
                    f"request {request.operation}",
                    identity=request.identity,
                    resource=str(request.subject or ""),
                    result=result,
                    words=words or (request.answer or ""),
                    run=run,
                )
            case Message.withdraw if wish := _as(Withdraw, asked.given):
                return self._write(asked, "withdraw", identity=wish.identity, result=result, words=words, run=wish.run)
            case Message.cancel if stop := _as(Stop, asked.given):
                what = "cancel, keeping what was done" if stop.keep else "cancel"
                return self._write(asked, what, identity=stop.identity, result=result, words=words)
            case Message.resolve if said := _as(Resolve, asked.given):
                what, where = f"resolve {said.answer}", str(said.address)
                return self._write(asked, what, identity=said.identity, resource=where, result=result, words=words)
            case _:
                return self._write(asked, asked.name, who=asked.identity or HOLDFAST, result=result, words=words)

    # --- acts -------------------------------------------------------------------------------------------------

    def _act(self, asked: Event, answer: Event | None) -> Line | None:
        """What a cloud was asked to change, at the moment when it answered."""
        at = answer or asked
        if asked.name == Activity.sweep and (sweep := _as(Sweep, asked.given)):
            swept = _as(Swept, answer.gave) if answer is not None else None
            removed = " ".join(f"{address}={remote_id}" for address, remote_id in swept.removed) if swept else ""
            if swept is not None and not removed:
                return None  # it looked, and changed nothing
            outcome = {"result": "removed", "requests": swept.requests} if swept else _outcome(answer)
            return self._write(at, f"sweep {sweep.scope}", **{"words": removed, **outcome})
        act, settling = _as(Act, asked.given) if asked.name in ACTS else None, ""
        if asked.name == Activity.settle and (settle := _as(Settle, asked.given)):
            act, settling = settle.act, "settle "
        if act is None:
            return None
        verb = f"{act.verb} {act.operation}" if act.operation else act.verb.value
        what = f"{settling}{verb}" + (" (taking back)" if act.back else "")
        return self._write(at, what, resource=str(act.address), **_outcome(answer))

    def _unanswered(self, asked: Event) -> Line | None:
        return self._message(asked, None) if asked.type == _ACCEPTED else self._act(asked, None)

    def _write(
        self, event: Event, what: str, *, identity: Identity | None = None, who: str | None = None, **more: Any
    ) -> Line:
        asked_by = identity or (Identity(requester=who) if who is not None else self._who)
        facts: dict[str, Any] = {
            "run": self._run,
            "who": asked_by.requester,
            "reason": asked_by.reason,
            "ticket": asked_by.ticket,
            **more,
        }
        history = self._history
        return Line(
            at=event.at,
            stack=history.stack,
            what=what,
            workflow=history.workflow,
            execution=history.execution,
            event=event.id,
            **facts,
        )


def _outcome(answer: Event | None) -> dict[str, Any]:
    if answer is None:
        return {"result": NO_ANSWER}
    if answer.failure is None:
        done = _as(Done, answer.gave)
        if done is None:
            short = answer.type.removeprefix("ACTIVITY_TASK_").lower().replace("_", " ")
            return {"result": short.replace("canceled", "cancelled")}  # one spelling: the states of runs have it too
        word = "unchanged" if done.unchanged else "found its own" if done.adopted else done.status.value
        return {"result": word, "words": done.remote_id or "", "requests": done.requests}
    details = answer.failure.get("details") or [None]
    letter = _as(Letter, details[0])
    if letter is None:
        result = str(answer.failure.get("type") or "failed")
        return {"result": result, "words": str(answer.failure.get("message", ""))}
    return {"result": letter.error, "words": letter.happened, "code": letter.code, "requests": letter.requests}


def _as(shape: type[W], value: Any) -> W | None:
    """The value as one of our shapes; None where it is none, as in a history of another release."""
    try:
        return shape.model_validate(value) if isinstance(value, dict) else None
    except ValidationError:
        return None
