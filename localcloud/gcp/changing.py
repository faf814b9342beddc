"""What changes in Compute: made, patched, deleted, or changed by a method of its own. Each is an operation.

What is asked for twice with one `requestId` is done once.
"""

from __future__ import annotations

import copy
import fnmatch
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from localcloud.core.asked import Answer
from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import catalog, labelled, methods, paths, refs, shapes
from localcloud.gcp.paths import Path
from localcloud.gcp.refusals import (
    Refused,
    answer,
    changed,
    exists,
    in_use,
    invalid,
    not_ready,
    over_quota,
    required,
)
from localcloud.gcp.standing import Call, stand, standing
from localcloud.gcp.state import Known, Operation, Thing, change, fingerprint, number, operation_name, settle
from localcloud.gcp.state import shown as operation_shown
from localcloud.gcp.table import Kind, Method

OUTPUT_ONLY = frozenset({"kind", "id", "creationTimestamp", "selfLink", "selfLinkWithId", "fingerprint", "status"})
OUTPUT_ONLY_TOO = frozenset({"labelFingerprint", "users", "subnetworks", "instanceGroup", "gatewayAddress"})
ERRORS = {
    "ZONE_RESOURCE_POOL_EXHAUSTED": "The zone does not have enough resources available to fulfill the request.",
    "QUOTA_EXCEEDED": "Quota exceeded.",
    "RESOURCE_OPERATION_RATE_EXCEEDED": "Operation rate exceeded for resource.",
}


def once(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Answer:
    """Change what a request wants changed; with a `requestId` that was seen before, answer as then."""
    key, now = call.query.get("requestId", ""), cloud.clock.now()
    if not key:
        return answer(operation_shown(_change(cloud, it, kind, call), now))
    try:
        valid = uuid.UUID(key).int != 0
    except ValueError:
        valid = False
    if not valid:
        raise invalid("requestId", key, "The request ID must be a valid UUID, and not zero.")
    query = sorted((k, v) for k, v in call.query.items() if k != "requestId")
    asked = json.dumps([call.verb, str(call.path), call.body, query], sort_keys=True)
    before = it.requests.get((call.project, key))
    if before is not None and now - before[0] < timedelta(seconds=float(str(cloud.settings["request_id_seconds"]))):
        if before[1] != asked and cloud.settings["request_id_strict"]:
            raise invalid("requestId", key, "The request ID was already used for a different request.")
        return answer(operation_shown(it.operations[before[2]], now))
    operation = _change(cloud, it, kind, call)
    it.requests[call.project, key] = (now, asked, operation.name)
    return answer(operation_shown(operation, now))


def _change(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Operation:
    labelled.check(call.body)
    match call.verb:
        case "insert":
            return _insert(cloud, it, kind, call)
        case "delete":
            return _delete(cloud, it, kind, call)
        case "patch" if kind.patch:
            return _patch(cloud, it, kind, call)
        case "update" if kind.update:
            return _patch(cloud, it, kind, call)
        case verb if verb in kind.methods:
            return _method(cloud, it, kind, call)
        case _:
            raise Refused(404, "notFound", f"There is no method {call.collection}.{call.verb}.")


def _insert(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Operation:
    call.name = str(call.body.get("name", ""))
    if not catalog.NAME.fullmatch(call.name):
        if not call.name:
            raise required("resource.name")
        why = "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'"
        raise invalid("resource.name", call.name, why)
    path = call.path
    if str(path) in it.things:
        raise exists(str(path))
    _room(cloud, it, call)
    body = {k: v for k, v in copy.deepcopy(call.body).items() if k not in OUTPUT_ONLY | OUTPUT_ONLY_TOO}
    if kind.labels_later:
        body.pop("labels", None)
    refs.check(kind, path, body, it)
    if kind.collection == "instances":
        _own_disks(cloud, it, path, body)
    thing = stand(cloud, it, path, body)
    call.made.append(str(path))
    return _operation(cloud, it, call, kind, thing, kind.insert, {"status": kind.made} if kind.made else {})


def _room(cloud: Cloud, it: Known, call: Call) -> None:
    quotas = cloud.settings["quotas"]
    limit = quotas.get(call.collection) if isinstance(quotas, dict) else None
    if limit is None:
        return
    mine = [t for t in it.things.values() if t.path.project == call.project and t.path.collection == call.collection]
    if sum(not t.auto for t in mine) >= int(str(limit)):
        where = "globally" if call.place == "global" else f"in region {paths.region_of(call.place).partition('/')[2]}"
        raise over_quota(call.collection.upper(), int(str(limit)), where)


def _own_disks(cloud: Cloud, it: Known, path: Path, body: dict[str, Any]) -> None:
    """The disks that an instance is made with."""
    for index, disk in enumerate(body.get("disks", ())):
        wanted = disk.pop("initializeParams", None)
        if wanted is None:
            continue
        plain = path.name if index == 0 else f"{path.name}-{index}"
        own = Path(path.project, path.place, "disks", str(wanted.get("diskName") or disk.get("deviceName") or plain))
        if str(own) in it.things:
            raise exists(str(own))
        made = {"sizeGb": wanted["diskSizeGb"]} if "diskSizeGb" in wanted else {}
        made |= {"sourceImage": wanted["sourceImage"]} if "sourceImage" in wanted else {}
        made |= {"labels": wanted["labels"]} if "labels" in wanted else {}
        made |= {"type": wanted["diskType"]} if "diskType" in wanted else {}
        thing = stand(cloud, it, own, made)
        thing.body["status"], thing.made_with = "READY", str(path)
        disk["source"] = own.link


def _idle(thing: Thing) -> None:
    if thing.busy:
        raise not_ready(str(thing.path))


def _delete(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Operation:
    thing = standing(it, call)
    _idle(thing)
    if thing.body.get("deletionProtection"):
        why = "Resource cannot be deleted if it's protected against deletion."
        raise Refused(400, "invalidUsage", f"Invalid resource usage: '{why}'.")
    by = [u for u in refs.users(thing.path, it) if u.path != thing.path]
    if by:
        raise in_use(kind.noun, str(thing.path), str(by[0].path))
    call.touched.append(str(thing.path))
    operation = _operation(cloud, it, call, kind, thing, "delete", None)
    if "status" in thing.body and operation.error is None:
        thing.body["status"] = "STOPPING" if kind.collection == "instances" else "DELETING"
    return operation


def _fresh(rule: Method, thing: Thing, body: Mapping[str, Any]) -> None:
    """What the caller had read must still be so. A metadata's own fingerprint stands inside of it."""
    held, _, name = rule.fingerprint.rpartition(".")
    sent = body.get(name)
    now = fingerprint(thing.body.get(rule.of) or {}) if not held else thing.body.get(held, {}).get(name, "")
    if (sent and sent != now) or (rule.needs and not sent):
        labels = "Labels fingerprint either invalid or resource labels have changed"
        raise changed(labels if name == "labelFingerprint" else "Supplied fingerprint does not match current one.")


def _merged(old: Any, new: Any) -> Any:
    """A JSON merge patch."""
    if not isinstance(new, dict):
        return new
    base = dict(old) if isinstance(old, dict) else {}
    for name, value in new.items():
        if value is None:
            base.pop(name, None)
        else:
            base[name] = _merged(base.get(name), value)
    return base


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, str) and isinstance(new, str):
        return old == new or ("/" in old + new and old.rpartition("/")[2] == new.rpartition("/")[2])
    return bool(old == new)


def _patch(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Operation:
    thing = standing(it, call)
    _idle(thing)
    sent = call.body.get("fingerprint")
    if kind.fingerprint and (sent or kind.needs_fingerprint) and sent != fingerprint(thing.body):
        raise changed(
            "Invalid fingerprint." if sent else "Fingerprint must be provided in order to update the resource."
        )
    asked = {k: v for k, v in call.body.items() if k not in OUTPUT_ONLY | OUTPUT_ONLY_TOO}
    for name in kind.fixed:
        if name in asked and not _same(thing.body.get(name), asked[name]):
            raise invalid(f"resource.{name}", asked[name], "It cannot be changed.")
    asked = {k: v for k, v in asked.items() if k not in kind.fixed}
    whole = call.verb == "update"
    kept = {k: v for k, v in thing.body.items() if not whole or k in OUTPUT_ONLY | OUTPUT_ONLY_TOO | set(kind.fixed)}
    new: dict[str, Any] = _merged(copy.deepcopy(kept), copy.deepcopy(asked))
    new = {"name": thing.path.name} | ({**kind.defaults} if whole else {}) | new
    if kind.collection == "networks":
        shapes.ula(thing.path, new)
    refs.check(kind, thing.path, new, it)
    call.touched.append(str(thing.path))
    gone = {name: None for name in thing.body if name not in new}
    different = {k: v for k, v in new.items() if thing.body.get(k) != v or k not in thing.body}
    return _operation(cloud, it, call, kind, thing, kind.update if whole else kind.patch, different | gone)


def _method(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Operation:
    thing, rule = standing(it, call), kind.methods[call.verb]
    _idle(thing)
    if rule.fingerprint:
        _fresh(rule, thing, call.body)
    does = methods.CHANGES[call.verb](methods.Call(thing, copy.deepcopy(call.body), call.query, it))
    refs.check(kind, thing.path, {**thing.body, **does.then}, it)
    call.touched.append(str(thing.path))
    operation = _operation(cloud, it, call, kind, thing, rule.kind or call.verb, does.then)
    if operation.error is None and not operation.applied:
        change(thing, dict(does.meanwhile))
    return operation


def _operation(
    cloud: Cloud, it: Known, call: Call, kind: Kind, thing: Thing, what: str, changes: dict[str, Any] | None
) -> Operation:
    """Begin an operation on a thing, which is busy until then."""
    now, action = cloud.clock.now(), f"{call.collection}.{call.verb}"
    rule = kind.methods.get(call.verb)
    bare = rule is not None and rule.instant
    at_once = rule is not None and (rule.instant or rule.done)
    begins = now if at_once else now + timedelta(seconds=float(str(cloud.settings["pending_seconds"])))
    operation = Operation(
        name=operation_name(cloud, now),
        id=number(cloud),
        kind=what,
        project=call.project,
        place=call.place,
        target=str(thing.path),
        target_id=str(thing.body["id"]),
        target_link=f"https://{kind.host}/compute/v1/{replace(thing.path, collection=call.collection)}",
        began=now,
        due=now if at_once else _due(cloud, action, begins),
        begins=begins,
        changes=changes,
        error=_error(cloud, action),
        bare=bare,
        making=call.verb == "insert",
        client=call.query.get("clientOperationId", ""),
    )
    it.operations[operation.name] = operation
    it.pending.append(operation.name)
    thing.busy = operation.name
    if operation.making and begins > now:
        thing.shows = begins
    for share, status in kind.making if operation.making else ():
        thing.phases.append((now + share * (operation.due - now), {"status": status}))
    settle(cloud)
    return operation


def _chosen(setting: Json, action: str) -> Json:
    """The value of the first pattern that fits."""
    for pattern, value in setting.items() if isinstance(setting, dict) else ():
        if fnmatch.fnmatchcase(action, pattern):
            return value
    return None


def _due(cloud: Cloud, action: str, now: datetime) -> datetime:
    own = _chosen(cloud.settings["operation_seconds_of"], action)
    return now + timedelta(seconds=float(str(cloud.settings["operation_seconds"] if own is None else own)))


def _error(cloud: Cloud, action: str) -> tuple[str, str] | None:
    code = _chosen(cloud.settings["operation_errors"], action)
    return None if code is None else (str(code), ERRORS.get(str(code), "The operation failed on demand."))
