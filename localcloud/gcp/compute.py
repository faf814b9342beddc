"""Compute Engine: the same few verbs for every resource type of `table`, each change a long-running operation.

Settings: see `install`. What is asked for twice with one `requestId` is done once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from localcloud.core.asked import Answer
from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import catalog, groups, listing, paths
from localcloud.gcp.changing import once
from localcloud.gcp.refusals import Refused, answer, not_found
from localcloud.gcp.standing import Call, begin, show, shower, standing
from localcloud.gcp.state import Known, Thing, known, settle
from localcloud.gcp.state import shown as operation_shown
from localcloud.gcp.table import GROUP, KINDS, Kind

LONGEST_WAIT = timedelta(minutes=2)


def install(cloud: Cloud) -> None:
    """Declare the settings."""
    cloud.declare("operation_seconds", 0.3, "from the answer of a change in Compute until its operation is done")
    cloud.declare("pending_seconds", 0.0, "until an operation begins; what it makes does not show before")
    cloud.declare("operation_seconds_of", {}, "the same for some actions, by pattern: {'instances.*': 20}")
    cloud.declare(
        "operation_errors", {}, "actions whose operations fail, pattern -> code: {'disks.insert': 'STOCKOUT'}"
    )
    cloud.declare("quotas", {}, "how many of a type a project may have, collection -> number: {'networks': 5}")
    cloud.declare("request_id_seconds", 3600.0, "how long a requestId is remembered")
    cloud.declare(
        "request_id_strict",
        True,
        "whether a known requestId is refused to another request, and not answered as the first",
    )
    cloud.declare("list_lag_seconds", 0.0, "how long lists lack a new thing, in Compute and Resource Manager")
    cloud.declare("default_network", True, "whether each project has a network 'default' from its beginning")


def do(cloud: Cloud, call: Call) -> Answer:
    """Carry out a request. Raises `Refused`."""
    settle(cloud)
    it = known(cloud)
    begin(cloud, it, call.project)
    groups.reconcile(cloud, it)
    if call.collection == "operations":
        return _operations(cloud, it, call)
    public = call.collection == "images" and (call.name.startswith("family/") or call.project in catalog.IMAGE_PROJECTS)
    if public or call.collection not in {*KINDS, GROUP.collection}:
        return catalog.do(it, call.place, call.collection, call.name, call.project)
    if call.collection == GROUP.collection:
        return _group(cloud, it, call)
    kind = KINDS[call.collection]
    if call.verb == "aggregatedList":
        return _aggregated(cloud, it, kind, call)
    if call.place.partition("/")[0] not in kind.places:
        raise not_found(f"projects/{call.project}/{call.place}/{call.collection}")
    catalog.known_place(call.place)
    match call.verb:
        case "list":
            return _list(cloud, it, kind, call)
        case "get":
            thing = standing(it, call)
            if thing.shows is not None and cloud.clock.now() < thing.shows:
                raise not_found(str(call.path))
            return answer(show(it, kind, thing))
        case verb if verb in kind.methods and kind.methods[verb].reads:
            return answer(groups.listed(it, standing(it, call)))
        case _:
            return once(cloud, it, kind, call)


def _group(cloud: Cloud, it: Known, call: Call) -> Answer:
    match call.verb:
        case "get":
            return answer(groups.shown(it, standing(it, call)))
        case verb if verb in GROUP.methods:
            return once(cloud, it, GROUP, call)
        case verb:
            raise Refused(404, "notFound", f"There is no method {call.collection}.{verb} here.")


def _matching(cloud: Cloud, it: Known, kind: Kind, call: Call) -> list[tuple[str, Json]]:
    test, each = listing.reading(call.query.get("filter", "")), shower(it, kind, call.project)
    now = cloud.clock.now()
    since = now - timedelta(seconds=float(str(cloud.settings["list_lag_seconds"])))
    found = [
        (str(thing.path), each(thing))
        for thing in it.things.values()
        if thing.path.project == call.project
        and thing.path.collection == call.collection
        and call.place in {"aggregated", thing.path.place}
        and (thing.auto or (thing.born <= since and (thing.shows is None or thing.shows <= now)))
    ]
    return sorted((path, item) for path, item in found if test(item))


def _list(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Answer:
    cut, more = listing.page(
        _matching(cloud, it, kind, call), call.query.get("maxResults", ""), call.query.get("pageToken", "")
    )
    where = f"projects/{call.project}/{call.place}/{call.collection}"
    sent: dict[str, Json] = {"kind": f"compute#{kind.singular}List", "id": where, "selfLink": paths.WWW + where}
    return answer(
        sent | ({"items": [item for _, item in cut]} if cut else {}) | ({"nextPageToken": more} if more else {})
    )


def _aggregated(cloud: Cloud, it: Known, kind: Kind, call: Call) -> Answer:
    cut, more = listing.page(
        _matching(cloud, it, kind, call), call.query.get("maxResults", ""), call.query.get("pageToken", "")
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
        test = listing.reading(call.query.get("filter", ""))
        here = sorted((n, operation_shown(o, now)) for n, o in mine.items() if o.place == call.place)
        here = [(name, shown) for name, shown in here if test(shown)]
        cut, more = listing.page([*here], call.query.get("maxResults", ""), call.query.get("pageToken", ""))
        return answer({"kind": "compute#operationList", "items": [item for _, item in cut], "nextPageToken": more})
    operation = mine.get(call.name)
    if operation is None or (operation.place != call.place and not operation.bare):
        raise not_found(str(call.path))
    if call.verb == "delete":
        return answer({}, 204)
    return answer(operation_shown(operation, now))


def wait(cloud: Cloud, call: Call) -> None:
    """Wait until the operation is done that a request waits for. Not to be called under the cloud's lock."""
    with cloud.lock:
        operation = known(cloud).operations.get(call.name)
        until: datetime = min(operation.due, cloud.clock.now() + LONGEST_WAIT) if operation else cloud.clock.now()
    cloud.clock.sleep_until(until, cloud.stopping)


def world(cloud: Cloud) -> dict[str, Json]:
    """Every thing that somebody made."""
    settle(cloud)
    groups.reconcile(cloud, known(cloud))
    it, shows = known(cloud), dict[tuple[str, str], Callable[[Thing], dict[str, Json]]]()
    shown: dict[str, Json] = {}
    for name, thing in sorted(((n, t) for n, t in it.things.items() if not t.auto), key=lambda each: each[0]):
        key = (thing.path.project, thing.path.collection)
        if key not in shows:
            shows[key] = shower(it, KINDS[key[1]], key[0])
        shown[name] = shows[key](thing)
    return shown
