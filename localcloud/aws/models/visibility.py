"""Shows a world that is a little behind the real one, where settings say so.

Settings, all 0 unless set: `new_list_lag_seconds` (a new thing is missing from lists and filters),
`new_get_lag_seconds` (and asked for by its id it is NotFound), `new_use_lag_seconds` (and what names it is refused),
`stale_seconds` (reads show attributes and tags as they were), `deleted_lag_seconds` (a deleted thing is still shown),
`tag_api_lag_seconds` (all of this in GetResources). `lag_kinds` narrows it to some kinds: vpc, subnet, igw, rtb, sg,
i, vol, bucket, queue.

Moto: everything is seen at once. AWS: eventually consistent; an id may be NotFound soon after its create, a tag
filter lags by seconds to minutes, attributes of queues take up to 60 s.
Sources: EC2 Developer Guide "Eventual consistency"; SQS API reference "SetQueueAttributes"; Resource Groups Tagging
API reference "GetResources".

How: every change leaves a trace of what was there before it; a read is carried out in a world put together from the
traces, which is put away again when the answer is written. Nothing else runs in between.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from localcloud.aws.models.calls import Call, Calls, Refusal
from localcloud.aws.models.known import named, not_found
from localcloud.aws.models.shelves import KINDS, Shelf, shelf_of
from localcloud.aws.models.times import seconds, tick

SETTINGS = {
    "new_list_lag_seconds": "how long a new thing is missing from lists and filters",
    "new_get_lag_seconds": "how long a new thing is NotFound when asked for by its id",
    "new_use_lag_seconds": "how long a request that names a new thing is refused",
    "stale_seconds": "how long reads show attributes and tags as they were before a change",
    "deleted_lag_seconds": "how long a deleted thing is still shown",
    "tag_api_lag_seconds": "how far GetResources is behind",
}
TAGGING = "resourcegroupstaggingapi"


@dataclass(slots=True)
class Trace:
    """What was there before a change: nothing (`new`), other attributes (`changed`), the thing (`gone`)."""

    at: datetime
    service: str
    account: str
    region: str
    kind: str
    id: str
    what: str
    thing: Any
    image: dict[str, Any] | None
    tags: dict[str, str] | None


def install(calls: Calls) -> None:
    """See the module."""
    for name, meaning in SETTINGS.items():
        calls.cloud.declare(name, 0.0, meaning)
    calls.cloud.declare("lag_kinds", [], "the kinds that lag; none named: all")
    calls.around = around
    calls.always.append(usable)


def _longest(call: Call) -> float:
    return max(seconds(call.cloud, name) for name in SETTINGS)


@contextmanager
def around(call: Call) -> Iterator[None]:
    """Carry a read out in the world as it is seen, and leave traces of a change."""
    tick(call.cloud)
    longest = _longest(call)
    traces: list[Trace] = call.cloud.memory.get("traces", [])
    if call.reads:
        with _seen(call, traces) if traces else _nothing():
            yield
    elif longest <= 0:
        yield
    else:
        with _noted(call):
            yield
        oldest = call.cloud.clock.now() - timedelta(seconds=longest)
        call.cloud.memory["traces"] = [t for t in call.cloud.memory.get("traces", []) if t.at > oldest]


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _noted(call: Call) -> Iterator[None]:
    shelves = [s for s in KINDS.values() if s.service == call.service]
    backend = call.backend
    before = {s.kind: dict(s.all(backend)) for s in shelves}
    images = {}
    for shelf in shelves:
        touched = set(_touched(call, shelf, before[shelf.kind]))
        images[shelf.kind] = {
            one: (image(thing), dict(shelf.tags(backend, one)))
            for one, thing in before[shelf.kind].items()
            if one in touched
        }
    ghosts = {s.kind: {i: dict(s.tags(backend, i)) for i in before[s.kind]} for s in shelves}
    yield
    now = call.cloud.clock.now()
    notes: list[Trace] = call.cloud.memory.setdefault("traces", [])
    for shelf in shelves:
        after = shelf.all(backend)
        common = (now, call.service, call.account, call.region, shelf.kind)
        then, tags_then = before[shelf.kind], ghosts[shelf.kind]
        notes += [Trace(*common, one, "new", after[one], None, None) for one in after.keys() - then.keys()]
        notes += [Trace(*common, one, "gone", then[one], None, tags_then[one]) for one in then.keys() - after.keys()]
        for one, (was, tags) in images[shelf.kind].items():
            if one in after:
                notes.append(Trace(*common, one, "changed", after[one], was, tags))


def _touched(call: Call, shelf: Shelf, there: dict[str, Any]) -> Iterator[str]:
    if call.service == "s3":
        yield str(call.params.get("Bucket", ""))
    elif call.service == "sqs":
        yield str(call.params.get("QueueUrl", "")).rpartition("/")[2]
    elif shelf.kind == "rtb" and "AssociationId" in call.params:
        yield from there
    else:
        yield from (one for kind, one in named(call) if kind == shelf.kind)


COPIED = {"Route", "SecurityGroupRule", "MetadataOptions", "InstanceState", "VolumeAttachment", "dict"}


def image(thing: Any) -> dict[str, Any]:
    """A thing's attributes, deep enough that a change of the thing does not reach them."""
    seen: dict[str, Any] = {}
    for name, value in vars(thing).items():
        if type(value) is dict:
            seen[name] = {key: _held(item) for key, item in value.items()}
        elif type(value) is list:
            seen[name] = [_held(item) for item in value]
        else:
            seen[name] = set(value) if type(value) is set else _held(value)
    return seen


def _held(value: Any) -> Any:
    # Not everything: an instance releases its addresses when a copy of it dies.
    return copy.copy(value) if type(value).__name__ in COPIED else value


def usable(call: Call) -> None:
    """Refuse a change that names what is too new to be known everywhere."""
    lag, traces = seconds(call.cloud, "new_use_lag_seconds"), call.cloud.memory.get("traces", [])
    if lag <= 0 or not traces:
        return
    young = {t.id: t for t in _fresh(call, traces, lag) if t.what == "new" and _lags(call, t.kind)}
    wanted = [one for _, one in named(call)] if call.service == "ec2" else []
    if call.service == "s3" and call.action != "CreateBucket":
        wanted = [str(call.params.get("Bucket", ""))]
    if call.service == "sqs":
        wanted = [str(call.params.get("QueueUrl", "")).rpartition("/")[2]]
    for one in wanted:
        if one in young:
            raise _missing(young[one])


def _missing(trace: Trace) -> Refusal:
    if trace.kind == "bucket":
        return Refusal("NoSuchBucket", "The specified bucket does not exist", 404)
    if trace.kind == "queue":
        return Refusal("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    return not_found(trace.kind, trace.id)


def _lags(call: Call, kind: str) -> bool:
    kinds = call.cloud.settings["lag_kinds"]
    return not kinds or (isinstance(kinds, list) and kind in kinds)


def _fresh(call: Call, traces: list[Trace], lag: float) -> list[Trace]:
    since = call.cloud.clock.now() - timedelta(seconds=lag)
    near = [t for t in traces if t.at > since and t.account == call.account]
    return [t for t in near if t.region == call.region or t.service == "s3"]


@contextmanager
def _seen(call: Call, traces: list[Trace]) -> Iterator[None]:
    tagging = call.service == TAGGING
    lags = {name: seconds(call.cloud, "tag_api_lag_seconds" if tagging else name) for name in SETTINGS}
    undo: list[tuple[Any, str, Any]] = []
    try:
        for shelf in KINDS.values():
            if not _lags(call, shelf.kind) or not (tagging or shelf is shelf_of(call) or call.action == "DescribeTags"):
                continue
            if not tagging and shelf.service != call.service:
                continue
            of_kind = [t for t in traces if t.kind == shelf.kind]
            by_id = not tagging and _by_id(call, shelf)
            lag = lags["new_get_lag_seconds" if by_id else "new_list_lag_seconds"]
            hidden = {t.id for t in _fresh(call, of_kind, lag) if t.what == "new"}
            gone = {t.id: t for t in _fresh(call, of_kind, lags["deleted_lag_seconds"]) if t.what == "gone"}
            old: dict[str, Trace] = {}
            for trace in _fresh(call, of_kind, lags["stale_seconds"]):
                if trace.what == "changed":
                    old.setdefault(trace.id, trace)
            if hidden or gone or old:
                _dress(shelf, _backend(call, shelf), hidden, gone, old, undo)
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)


def _backend(call: Call, shelf: Shelf) -> Any:
    from moto.backends import get_backend

    return get_backend(shelf.service)[call.account]["aws" if shelf.service == "s3" else call.region]  # type: ignore[call-overload]


def _dress(
    shelf: Shelf,
    backend: Any,
    hidden: set[str],
    gone: dict[str, Trace],
    old: dict[str, Trace],
    undo: list[tuple[Any, str, Any]],
) -> None:
    """Put the world as it is seen in the place of the real one, and note how to undo that."""

    def swap(owner: Any, name: str, value: Any) -> None:
        undo.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    there = shelf.all(backend)
    ghosts = {i: t.thing for i, t in gone.items() if i not in there}
    swap(backend, shelf.attribute, shelf.without(backend, hidden, ghosts))
    tags: dict[str, dict[str, str]] = defaultdict(dict, shelf.all_tags(backend))
    for one, trace in old.items():
        if one in there and trace.image is not None:
            swap(there[one], "__dict__", trace.image)
            tags[one] = trace.tags or {}
    for one in ghosts:
        tags[one] = gone[one].tags or {}
    for one in hidden:
        tags.pop(one, None)
    shelf.dress(backend, tags, swap)


def _by_id(call: Call, shelf: Shelf) -> bool:
    if call.service != "ec2":
        return call.action not in {"ListBuckets", "ListQueues"}
    return any(kind == shelf.kind for kind, _ in named_outside_filters(call))


def named_outside_filters(call: Call) -> list[tuple[str, str]]:
    """What a read names by its own parameters."""
    filtered = {v for f in call.params.get("Filters", []) for v in f.get("Values", [])}
    return [(kind, one) for kind, one in named(call) if one not in filtered]
