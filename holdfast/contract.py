"""Every name that history, scripts and people remember. Add; deprecate; remove a release later; never rename."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import IntEnum, StrEnum
from typing import Final


class Workflow(StrEnum):
    """Workflow types."""

    stack = "stack"  # the arbiter of one stack
    provision = "provision"  # one run: up, down, recover, resolve
    plan = "plan"  # what would change: reads, decides, changes nothing, takes no lock
    request = "request"  # what a schedule starts: submits to the arbiter


class Activity(StrEnum):
    """Activity types: one per cloud verb, for all kinds, beside the few of the control queue."""

    # on the queue of a cloud
    discover = "discover"
    look_up = "look_up"
    create = "create"
    update = "update"
    delete = "delete"
    operate = "operate"
    adopt = "adopt"
    disown = "disown"
    settle = "settle"
    rehearse = "rehearse"  # whether the cloud would allow what a plan asks for
    sweep = "sweep"  # what carries a plan's tokens and is in no ledger
    # on the control queue
    survey = "survey"  # what has to be read before a plan can be made
    plan = "plan"
    show = "show"  # a plan, whole, for a person
    record = "record"  # what stands now, and the report
    salvage = "salvage"  # what a terminated run had begun, read from its history
    inspect = "inspect"  # whether a run is open, and how a closed one ended
    outputs = "outputs"  # what another stack gives
    readers = "readers"  # which stacks read what this one gives
    pollers = "pollers"  # which queues have no worker
    submit = "submit"  # a request to an arbiter, from the `request` workflow


class Message(StrEnum):
    """Updates, queries and signals."""

    submit = "submit"  # update of the arbiter
    withdraw = "withdraw"  # update of the arbiter: a run that has not begun
    ended = "ended"  # signal to the arbiter: look at your run
    board = "board"  # query of the arbiter
    cancel = "cancel"  # update of a run
    resolve = "resolve"  # update of a run
    progress = "progress"  # query of a run
    needs = "needs"  # query of a plan in the making, and of a run: the queues it cannot do without


class Operation(StrEnum):
    """What a run is asked to do."""

    up = "up"
    down = "down"
    adopt = "adopt"
    forget = "forget"
    recover = "recover"  # after a run that was terminated
    resolve = "resolve"  # owed work


class State(StrEnum):
    """What a run is doing; the search attribute `HoldfastState`, and the word in every listing."""

    queued = "queued"
    planning = "planning"
    waiting = "waiting"  # for an approval, or a worker
    walking = "walking"
    paused = "paused"  # an operator is asked
    undoing = "undoing"
    done = "done"
    unchanged = "unchanged"  # nothing had to be done
    refused = "refused"  # before anything was touched
    undone = "undone"
    cancelled = "cancelled"  # on request, and everything undone
    owed = "owed"  # stuck, kept or lost


class OnFailure(StrEnum):
    """What a run does when an act fails."""

    rollback = "rollback"
    pause = "pause"
    keep = "keep"


class Answer(StrEnum):
    """What an operator may say about one resource of a paused run, or about owed work afterwards."""

    retry = "retry"
    skip = "skip"
    rollback = "rollback"


class Exit(IntEnum):
    """Exit codes, the same everywhere."""

    done = 0
    internal = 1
    changes = 2
    not_allowed = 3
    undone = 4
    findings = 5
    not_found = 6
    owed = 7
    cancelled = 8
    timed_out = 9
    waiting = 10
    incomplete = 11
    usage = 64
    input = 65
    unavailable = 69


class Attribute(StrEnum):
    """Search attributes. SQL visibility has ten keyword columns; these take seven, and one boolean."""

    stack = "HoldfastStack"
    run = "HoldfastRun"
    operation = "HoldfastOperation"
    state = "HoldfastState"
    requester = "HoldfastRequester"
    environment = "HoldfastEnvironment"
    waiting = "HoldfastWaiting"
    owed = "HoldfastOwed"


CONTROL_QUEUE: Final = "holdfast-control"
QUEUE_PREFIX: Final = "holdfast-"

OWNER_TAG: Final = "holdfast-owner"
ADDRESS_TAG: Final = "holdfast-address"
TOKEN_TAG: Final = "holdfast-token"  # noqa: S105  a tag's name
TAG_PREFIX: Final = "holdfast-"

SWEEPS: Final = (
    timedelta(minutes=2),
    timedelta(minutes=30),
)  # after a run's end: late hands
RETENTION: Final = timedelta(days=30)

KINDS_ENTRY_POINT: Final = "holdfast.kinds"


def queue(cloud: str) -> str:
    """The task queue of one cloud's activities."""
    return f"{QUEUE_PREFIX}{cloud}"


def act_id(activity: Activity, seq: int, token: str, *, back: bool) -> str:
    """The activity id of one act, or of settling it: what a run waits for is read from it."""
    return f"{activity}{'-back' if back else ''}-{seq}-{token}"


def seq_of(activity_id: str) -> int | None:
    """The step that an activity id belongs to; None where it belongs to none."""
    found = re.match(r"[a-z]+(?:-back)?-(\d+)-", activity_id)
    return int(found[1]) if found else None


def arbiter_id(stack: str) -> str:
    """The workflow id of a stack's arbiter."""
    return f"stack/{stack}"


def run_id(stack: str) -> str:
    """The workflow id of every run of a stack: that there can be only one open is the lock."""
    return f"stack/{stack}/run"
