"""Compute Engine: the same few verbs for every resource type of `table`, each change a long-running operation.

Settings: see `install`. What is asked for twice with one `requestId` is done once.
"""

from __future__ import annotations

import copy
import fnmatch
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from localcloud.core.asked import Answer
from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import catalog, listing, methods, paths, refs, shapes
from localcloud.gcp.paths import Path
from localcloud.gcp.refusals import (
    Refused,
    answer,
    changed,
    exists,
    in_use,
    invalid,
    not_found,
    not_ready,
    over_quota,
    required,
)
from localcloud.gcp.state import (
    Known,
    Operation,
    Thing,
    change,
    fingerprint,
    known,
    number,
    operation_name,
    settle,
    stamp,
)
from localcloud.gcp.state import shown as operation_shown
from localcloud.gcp.table import KINDS, Kind, Method

OUTPUT_ONLY = frozenset({"kind", "id", "creationTimestamp", "selfLink", "selfLinkWithId", "fingerprint", "status"})
OUTPUT_ONLY_TOO = frozenset({"labelFingerprint", "users", "subnetworks", "instanceGroup", "gatewayAddress"})
ERRORS = {
    "ZONE_RESOURCE_POOL_EXHAUSTED": "The zone does not have enough resources available to fulfill the request.",
    "QUOTA_EXCEEDED": "Quota exceeded.",
    "RESOURCE_OPERATION_RATE_EXCEEDED": "Operation rate exceeded for resource.",
}


@dataclass(slots=True)
class Call:
    """One request to Compute."""

    verb: str  # get, list, aggregatedList, insert, patch, update, delete, or a custom method
    project: str
    place: str
    collection: str
    name: str
    query: Mapping[str, str]
    body: dict[str, Any]
    made: list[str] = field(default_factory=list)
    touched: list[str] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Of the thing that it is about."""
        return Path(self.project, self.place, self.collection, self.name)


def install(cloud: Cloud) -> None:
    """Declare the settings."""
    cloud.declare("operation_seconds", 0.3, "from the answer of a change in Compute until its operation is done")
    cloud.declare("operation_seconds_of", {}, "the same for some actions, by pattern: {'instances.*': 20}")
    cloud.declare(
        "operation_errors", {}, "actions whose operations fail, pattern -> code: {'disks.insert': 'STOCKOUT'}"
    )
    cloud.declare("quotas", {}, "how many of a type a project may have, collection -> number: {'networks': 5}")
    cloud.declare("request_id_seconds", 3600.0, "how long a requestId is remembered")
    cloud.declare("default_network", True, "whether each project has a network 'default' from its beginning")


def do(cloud: Cloud, call: Call) -> Answer:
    """Carry out a request. Raises `Refused`."""
    settle(cloud)
    it = known(cloud)
    _begin(cloud, it, call.project)
    if call.collection == "operations":
        return _operations(cloud, it, call)
    public = call.collection == "images" and (call.name.startswith("family/") or call.project in catalog.IMAGE_PROJECTS)
    if public or call.collection not in KINDS:
        return catalog.do(it, call.place, call.collection, call.name, call.project)
    kind = KINDS[call.collection]
    if call.verb == "aggregatedList":
        return _aggregated(it, kind, call)
    if call.place.partition("/")[0] not in kind.places:
        raise not_found(f"projects/{call.project}/{call.place}/{call.collection}")
    catalog.known_place(call.place)
    match call.verb:
        case "list":
            return _list(it, kind, call)
        case "get":
            return answer(_render(it, kind, _standing(it, call)))
        case verb if verb in kind.methods and kind.methods[verb].reads:
            thing = _standing(it, call)
            return answer(methods.READS[verb](methods.Call(thing, call.body, call.query, it)))
        case _:
            return _once(cloud, it, call, lambda: _change(cloud, it, kind, call))


def _begin(cloud: Cloud, it: Known, project: str) -> None:
    """A project that is seen for the first time has its default network."""
    if project in it.projects or project in catalog.IMAGE_PROJECTS:
        return
    it.projects.add(project)
    if cloud.settings["default_network"]:
        path = Path(project, "global", "networks", "default")
        body = {"name": "default", "description": "Default network for the project"}
        _stand(cloud, it, path, body, auto=True)


def _stand(cloud: Cloud, it: Known, path: Path, body: dict[str, Any], *, auto: bool = False) -> Thing:
    """Put a thing into the world, with everything that the cloud adds."""
    kind = KINDS[path.collection]
    body["name"] = path.name
    shapes.finish(kind, path, body, it)
    body |= {
        "kind": f"compute#{kind.singular}",
        "id": number(cloud),
        "creationTimestamp": stamp(cloud.clock.now()),
    }
    if auto and kind.made:
        body["status"] = kind.made
    thing = it.things[str(path)] = Thing(path, body, auto)
    if path.collection == "networks" and body.get("autoCreateSubnetworks"):
        for own, rest in shapes.own_subnetworks(path):
            _stand(cloud, it, own, rest, auto=True)
    return thing


def _standing(it: Known, call: Call) -> Thing:
    thing = it.things.get(str(call.path))
    if thing is None:
        raise not_found(str(call.path))
    return thing


def _render(it: Known, kind: Kind, thing: Thing) -> dict[str, Json]:
    needs_users = kind.collection in {"addresses", "disks"}
    users = [u.path.link for u in refs.users(thing.path, it)] if needs_users else []
    return shapes.shown(kind, thing, it, users)


def _matching(it: Known, kind: Kind, call: Call) -> list[tuple[str, Json]]:
    test = listing.reading(call.query.get("filter", ""))
    found = [
        (str(thing.path), _render(it, kind, thing))
        for thing in it.things.values()
        if thing.path.project == call.project
        and thing.path.collection == call.collection
        and call.place in {"aggregated", thing.path.place}
    ]
    return sorted((path, item) for path, item in found if test(item))


def _list(it: Known, kind: Kind, call: Call) -> Answer:
    cut, more = listing.page(
        _matching(it, kind, call), call.query.get("maxResults", ""), call.query.get("pageToken", "")
    )
    where = f"projects/{call.project}/{call.place}/{call.collection}"
    sent: dict[str, Json] = {"kind": f"compute#{kind.singular}List", "id": where, "selfLink": paths.WWW + where}
    return answer(
        sent | ({"items": [item for _, item in cut]} if cut else {}) | ({"nextPageToken": more} if more else {})
    )


def _aggregated(it: Known, kind: Kind, call: Call) -> Answer:
    cut, more = listing.page(
        _matching(it, kind, call), call.query.get("maxResults", ""), call.query.get("pageToken", "")
    )
    items: dict[str, Any] = {}
    for path, item in cut:
        place = it.things[path].path.place
        items.setdefault(place, {}).setdefault(call.collection, []).append(item)
    where = f"projects/{call.project}/aggregated/{call.collection}"
    sent: dict[str, Json] = {"kind": f"compute#{kind.singular}AggregatedList", "id": where, "items": items}
    return answer(sent | {"selfLink": paths.WWW + where} | ({"nextPageToken": more} if more else {}))


def _operations(cloud: Cloud, it: Known, call: Call) -> Answer:
    now = cloud.clock.now()
    mine = {n: o for n, o in it.operations.items() if o.project == call.project}
    if call.verb in {"list", "aggregatedList"}:
        here = sorted((n, operation_shown(o, now)) for n, o in mine.items() if o.place == call.place)
        cut, more = listing.page([*here], call.query.get("maxResults", ""), call.query.get("pageToken", ""))
        return answer({"kind": "compute#operationList", "items": [item for _, item in cut], "nextPageToken": more})
    operation = mine.get(call.name)
    if operation is None or (operation.place != call.place and not operation.bare):
        raise not_found(str(call.path))
    if call.verb == "delete":
        return answer({}, 204)
    if call.verb == "wait":
        cloud.clock.sleep_until(min(operation.due, now + timedelta(minutes=2)), cloud.stopping)
        settle(cloud)
    return answer(operation_shown(operation, cloud.clock.now()))


def _once(cloud: Cloud, it: Known, call: Call, carry_out: Callable[[], Operation]) -> Answer:
    """One `requestId`, one operation."""
    key, now = call.query.get("requestId", ""), cloud.clock.now()
    if not key:
        return answer(operation_shown(carry_out(), now))
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
        if before[1] != asked:
            raise invalid("requestId", key, "The request ID was already used for a different request.")
        return answer(operation_shown(it.operations[before[2]], now))
    operation = carry_out()
    it.requests[call.project, key] = (now, asked, operation.name)
    return answer(operation_shown(operation, now))


def _change(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Operation:
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
    refs.check(kind, path, body, it)
    if kind.collection == "instances":
        _own_disks(cloud, it, path, body)
    thing = _stand(cloud, it, path, body)
    call.made.append(str(path))
    operation = _operation(cloud, it, call, kind, thing, kind.insert, {"status": kind.made} if kind.made else {})
    operation.making = True
    length = operation.due - operation.began
    for share, status in kind.making:
        thing.phases.append((operation.began + share * length, {"status": status}))
    settle(cloud)
    return operation


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
        _stand(cloud, it, own, made).body["status"] = "READY"
        disk["source"] = own.link


def _idle(thing: Thing) -> None:
    if thing.busy:
        raise not_ready(str(thing.path))


def _delete(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Operation:
    thing = _standing(it, call)
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
    now = fingerprint(thing.body.get("labels") or {}) if not held else thing.body.get(held, {}).get(name, "")
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
    thing = _standing(it, call)
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
    thing, rule = _standing(it, call), kind.methods[call.verb]
    _idle(thing)
    if rule.fingerprint:
        _fresh(rule, thing, call.body)
    does = methods.CHANGES[call.verb](methods.Call(thing, copy.deepcopy(call.body), call.query, it))
    refs.check(kind, thing.path, {**thing.body, **does.then}, it)
    call.touched.append(str(thing.path))
    operation = _operation(cloud, it, call, kind, thing, rule.kind or call.verb, does.then)
    if operation.error is None:
        change(thing, dict(does.meanwhile))
    return operation


def _operation(
    cloud: Cloud, it: Known, call: Call, kind: Kind, thing: Thing, what: str, changes: dict[str, Any] | None
) -> Operation:
    """Begin an operation on a thing, which is busy until then."""
    now, action = cloud.clock.now(), f"{call.collection}.{call.verb}"
    rule = kind.methods.get(call.verb)
    bare = rule is not None and rule.instant
    operation = Operation(
        name=operation_name(cloud, now),
        id=number(cloud),
        kind=what,
        project=call.project,
        place=call.place,
        target=str(thing.path),
        target_id=str(thing.body["id"]),
        target_link=f"https://{kind.host}/compute/v1/{thing.path}",
        began=now,
        due=now if bare else _due(cloud, action, now),
        changes=changes,
        error=_error(cloud, action),
        bare=bare,
        client=call.query.get("clientOperationId", ""),
    )
    it.operations[operation.name] = operation
    it.pending.append(operation.name)
    thing.busy = operation.name
    if bare:
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


def world(cloud: Cloud) -> dict[str, Json]:
    """Every thing that somebody made."""
    settle(cloud)
    it = known(cloud)
    return {p: _render(it, KINDS[t.path.collection], t) for p, t in sorted(it.things.items()) if not t.auto}
