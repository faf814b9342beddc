"""What stands in the local Compute, and the operations on it: picklable, and kept in the cloud's memory."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localcloud.core.cloud import Cloud, Json
from localcloud.gcp.paths import Path


@dataclass(slots=True)
class Thing:
    """One resource. `body` is what the caller said and the cloud added; what follows from other things is not in it."""

    path: Path
    body: dict[str, Any]
    born: datetime
    auto: bool = False  # the cloud made it by itself
    phases: list[tuple[datetime, dict[str, Any]]] = field(default_factory=list)  # what its body will have, and when
    busy: str = ""  # the operation that is under way on it
    shows: datetime | None = None  # from when on: while the operation that makes it has not begun, nothing is there
    member_of: str = ""  # the path of the group that made it
    made_with: str = ""  # the path of what it was made together with: it goes when that cannot be made


@dataclass(slots=True)
class Operation:
    """One long-running operation. What it does happens when it is due."""

    name: str
    id: str
    kind: str
    project: str
    place: str
    target: str  # a path, as text
    target_id: str
    target_link: str
    began: datetime
    due: datetime
    begins: datetime
    changes: dict[str, Any] | None = None  # the target's new fields; None: it goes
    making: bool = False
    error: tuple[str, str] | None = None
    bare: bool = False  # it names no target, and is done from the start
    applied: bool = False
    client: str = ""


@dataclass(slots=True)
class Known:
    """Everything that Compute remembers."""

    things: dict[str, Thing] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)
    requests: dict[tuple[str, str], tuple[datetime, str, str]] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)
    projects: set[str] = field(default_factory=set)
    reserved: dict[tuple[str, str], Path] = field(default_factory=dict)  # project and number -> the address
    addresses: int = 0


def known(cloud: Cloud) -> Known:
    """Of a cloud, as it is now."""
    it: Known = cloud.memory.setdefault("gcp.compute", Known())
    return it


def stamp(moment: datetime) -> str:
    """As Google writes a moment."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def number(cloud: Cloud) -> str:
    """A new id of nineteen digits."""
    return str(cloud.random.randrange(10**18, 9 * 10**18))


def fingerprint(value: Json) -> str:
    """Another one for another value."""
    text = json.dumps(value, sort_keys=True)
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def operation_name(cloud: Cloud, now: datetime) -> str:
    """A new one."""
    parts = (cloud.random.getrandbits(48), cloud.random.getrandbits(32), cloud.random.getrandbits(32))
    return f"operation-{int(now.timestamp() * 1000)}-{parts[0]:012x}-{parts[1]:08x}-{parts[2]:08x}"


def settle(cloud: Cloud) -> None:
    """Let everything happen that is due by now."""
    it, now = known(cloud), cloud.clock.now()
    for thing in it.things.values():
        while thing.phases and thing.phases[0][0] <= now:
            thing.body.update(thing.phases.pop(0)[1])
    due = [it.operations[name] for name in it.pending if it.operations[name].due <= now]
    for operation in sorted(due, key=lambda o: o.due):
        it.pending.remove(operation.name)
        _apply(it, operation)


def _apply(it: Known, operation: Operation) -> None:
    operation.applied = True
    thing = it.things.get(operation.target)
    if thing is None:
        return
    if thing.busy == operation.name:
        thing.busy = ""
    if operation.error is not None:
        thing.phases.clear()
        for one in [t for n, t in it.things.items() if operation.making and operation.target in {n, t.made_with}]:
            remove(it, one)
        return
    if operation.changes is None:
        remove(it, thing)
        return
    thing.phases.clear()
    change(thing, operation.changes)


def change(thing: Thing, changes: dict[str, Any]) -> None:
    """Give it new fields; None takes one away."""
    for name, value in changes.items():
        if value is None:
            thing.body.pop(name, None)
        else:
            thing.body[name] = value


def remove(it: Known, thing: Thing) -> None:
    """It goes, and with it what the cloud had made for it: a network's own subnets, an instance's own disks."""
    it.things.pop(str(thing.path), None)
    if thing.path.collection == "addresses":
        it.reserved.pop((thing.path.project, str(thing.body.get("address"))), None)
    if thing.path.collection == "networks":
        for name in [n for n, t in it.things.items() if t.auto and t.body.get("network") == thing.path.link]:
            del it.things[name]
    for disk in thing.body.get("disks", ()) if thing.path.collection == "instances" else ():
        if disk.get("autoDelete"):
            source = str(disk.get("source", ""))
            for name in [n for n in it.things if source.endswith(n)]:
                del it.things[name]


def shown(operation: Operation, now: datetime) -> dict[str, Json]:
    """An operation as the API shows it."""
    done = operation.bare or operation.due <= now
    waits = operation.began < operation.begins and now < operation.begins
    status = "DONE" if done else "PENDING" if waits else "RUNNING"
    place = "global" if operation.bare else operation.place
    link = f"https://www.googleapis.com/compute/v1/projects/{operation.project}"
    it: dict[str, Json] = {
        "kind": "compute#operation",
        "id": operation.id,
        "name": operation.name,
        "insertTime": stamp(operation.began),
        "progress": 0 if operation.bare or not done else 100,
        "selfLink": f"{link}/{place}/operations/{operation.name}",
        "status": status,
    }
    if status != "PENDING":
        it["startTime"] = stamp(operation.begins)
    if operation.client:
        it["clientOperationId"] = operation.client
    if operation.bare:
        return it
    it |= {
        "operationType": operation.kind,
        "targetId": operation.target_id,
        "targetLink": operation.target_link,
        "user": "user@example.com",
    }
    scope, _, name = operation.place.partition("/")
    if name:
        it[scope.removesuffix("s")] = f"{link}/{operation.place}"
    if done:
        it["endTime"] = stamp(max(operation.due, operation.began + timedelta(milliseconds=1)))
        if operation.error is not None:
            code, message = operation.error
            it["error"] = {"errors": [{"code": code, "message": message}]}
            it["httpErrorStatusCode"], it["httpErrorMessage"] = 503 if "EXHAUSTED" in code else 400, "OPERATION FAILED"
    return it
