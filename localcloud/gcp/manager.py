"""Resource Manager, in its first and its third version: projects, folders, their operations and policies.

Organizations, and folders that nobody made here, are taken for granted where something is put under them. Of projects
some stand from the beginning, as a setting says; no others do that nobody made.
A deleted project or folder is kept for thirty days; its id is never free again.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from localcloud.core.asked import Answer
from localcloud.core.cloud import Cloud, Json
from localcloud.gcp import labelled, listing, policies
from localcloud.gcp.managed import (
    FOLDER,
    PROJECT,
    Held,
    Managed,
    Work,
    failure,
    managed,
    operation,
    project_number,
    settle,
    shown_v1,
    shown_v3,
    stands_from_the_beginning,
)
from localcloud.gcp.reading import Request
from localcloud.gcp.refusals import Refused, answer
from localcloud.gcp.state import fingerprint, number, stamp

PROJECTS = ("a-project", "another-project", "kiosk-dev", "market-dev", "shop-prod")  # of the examples, and of tests
ID = re.compile(r"[a-z][-a-z0-9]{4,28}[a-z0-9]")
PAGE = 500


def install(cloud: Cloud) -> None:
    """Declare the settings."""
    cloud.declare("manager_seconds", 0.3, "from the answer of a change in Resource Manager until its operation is done")
    cloud.declare("manager_delete_seconds", 0.0, "the same of a delete, which was recorded as done at once")
    cloud.declare(
        "projects", list(PROJECTS), "ids of projects that stand from the beginning, and that nobody made: your own here"
    )
    cloud.declare(
        "new_projects_open",
        True,
        "whether a new project can be used at once; a real one not before services are enabled and billing is linked",
    )
    cloud.declare("purge_seconds", 30 * 86_400.0, "how long a deleted project or folder can be brought back")


def do(cloud: Cloud, request: Request) -> tuple[Answer, list[str], list[str]]:
    """Carry out a request: its answer, what it made and what it touched. Raises `Refused`."""
    settle(cloud)
    labelled.check_project(request.body)
    it, parts = managed(cloud), request.parts
    match parts["collection"], request.verb:
        case "operations", "get":
            work = it.works.get(f"operations/{parts['name']}")
            if work is None:
                raise _denied()
            return answer(operation(cloud, work)), [], []
        case "organizations", "get":
            name = f"organizations/{parts['name']}"
            return (
                answer({"name": name, "displayName": "example.com", "state": "ACTIVE", "etag": fingerprint(name)}),
                [],
                [],
            )
        case (("projects" | "folders"), ("list" | "search")):
            return answer(_list(cloud, it, request)), [], []
        case ("projects" | "folders") as what, "insert":
            work = _create(cloud, it, request, PROJECT if what == "projects" else FOLDER)
            return answer({"name": work.name}), [work.held.name], []
        case _, "getIamPolicy" | "setIamPolicy" | "testIamPermissions":
            return _policy(cloud, it, request)
        case _:
            held = _find(cloud, it, request)
            return _on_one(cloud, it, request, held), [], [held.name]


def _denied() -> Refused:
    """What is not there, and what may not be seen, are not told apart."""
    return Refused(403, "PERMISSION_DENIED", "The caller does not have permission")


def _find(cloud: Cloud, it: Managed, request: Request) -> Held:
    held = it.of(request.parts["collection"], request.parts["name"])
    if held is None and request.verb == "get" and _first(cloud, it, request):
        return _unmade(cloud, request.parts["name"])
    if held is None or held.waits is not None:
        raise _denied()
    return held


def _first(cloud: Cloud, it: Managed, request: Request) -> bool:
    """Whether a request is about a project that stands from the beginning."""
    collection, name = request.parts["collection"], request.parts["name"]
    return collection == "projects" and name not in it.taken and stands_from_the_beginning(cloud, name)


def _seeded(cloud: Cloud, it: Managed) -> list[str]:
    """The ids of the projects that stand from the beginning."""
    every = cloud.settings["projects"]
    return [str(one) for one in (every if isinstance(every, list) else ()) if one not in it.taken]


def _unmade(cloud: Cloud, name: str) -> Held:
    """A project that stands from the beginning, as it is shown."""
    born = stamp(datetime.fromtimestamp(0, UTC))
    return Held(PROJECT, project_number(cloud, name), name, name, "organizations/123456789012", {}, born, born)


def _policy(cloud: Cloud, it: Managed, request: Request) -> tuple[Answer, list[str], list[str]]:
    parts = request.parts
    held = it.of(parts["collection"], parts["name"])
    name = held.name if held is not None else f"{parts['collection']}/{parts['name']}"
    if held is None and parts["collection"] == "projects" and not _first(cloud, it, request):
        raise _denied()
    match request.verb:
        case "getIamPolicy":
            asked = request.body.get("options") or {}
            return answer(policies.get(cloud, name, asked.get("requestedPolicyVersion"))), [], []
        case "setIamPolicy":
            return answer(policies.change(cloud, name, request.body.get("policy"))), [], [name]
        case _:
            return answer({"permissions": request.body.get("permissions", [])}), [], []


def _list(cloud: Cloud, it: Managed, request: Request) -> dict[str, Json]:
    what, old = request.parts["collection"], request.parts["version"] == "v1"
    searched = request.verb == "search"
    read = listing.any_of if searched and what == "projects" else listing.reading
    test = read(request.query.get("query" if searched else "filter", ""))
    parent = request.query.get("parent")
    since = stamp(cloud.clock.now() - timedelta(seconds=float(str(cloud.settings["list_lag_seconds"]))))
    found: list[tuple[str, Json]] = []
    for held in [*it.all(what), *(_unmade(cloud, name) for name in _seeded(cloud, it) if what == "projects")]:
        shown = shown_v1(held) if old else shown_v3(held)
        fits = parent in {None, held.parent} and (searched or old or held.state == "ACTIVE")
        if held.waits is None and held.created <= since and fits and test(shown | {"id": held.id}):
            found.append((held.name, shown))
    cut, more = listing.page(sorted(found), request.query.get("pageSize", ""), request.query.get("pageToken", ""), PAGE)
    return ({what: [item for _, item in cut]} if cut else {}) | ({"nextPageToken": more} if more else {})


def _parent(body: dict[str, Any], *, old: bool) -> str:
    said = body.get("parent")
    if old:
        return f"{said['type']}s/{said['id']}" if isinstance(said, dict) and said else ""
    return str(said or "")


def _under(it: Managed, parent: str) -> str:
    """A parent that may have children. Raises `Refused`."""
    if parent and not re.fullmatch(r"(folders|organizations)/[^/]+", parent):
        raise Refused(400, "INVALID_ARGUMENT", f"Invalid parent: {parent}")
    collection, _, name = parent.partition("/")
    above = it.of(collection, name)
    if above is not None and (above.state != "ACTIVE" or above.waits is not None):
        raise Refused(400, "FAILED_PRECONDITION", f"The parent {parent} is not active.")
    return parent


def _create(cloud: Cloud, it: Managed, request: Request, kind: str) -> Work:
    body, old, now = request.body, request.parts["version"] == "v1", cloud.clock.now()
    parent = _under(it, _parent(body, old=old))
    shown = str(body.get("name" if old else "displayName", ""))
    if kind == PROJECT:
        wanted = str(body.get("projectId", ""))
        if not ID.fullmatch(wanted):
            raise Refused(
                400, "INVALID_ARGUMENT", f"project_id contains invalid characters or has a wrong length: {wanted}"
            )
        if wanted in it.taken or stands_from_the_beginning(cloud, wanted):
            raise Refused(409, "ALREADY_EXISTS", "Requested entity already exists")
        it.taken.add(wanted)
        shown = shown or wanted
    else:
        wanted = ""
        _alone(it, parent, shown)
    held = Held(kind, number(cloud)[:12], wanted, shown, parent, dict(body.get("labels") or {}), stamp(now), stamp(now))
    held.waits = now + timedelta(seconds=float(str(cloud.settings["manager_seconds"])))
    it.held[held.name] = held
    work = _work(cloud, it, held, "Create", old=old)
    work.error = failure(cloud, it, kind)
    settle(cloud)
    return work


def _alone(it: Managed, parent: str, shown: str) -> None:
    """Folders under one parent have different names. Raises `Refused`."""
    if not shown:
        raise Refused(400, "INVALID_ARGUMENT", "A folder needs a display name.")
    for other in it.all("folders"):
        if other.parent == parent and other.shown.lower() == shown.lower() and other.state == "ACTIVE":
            why = "FOLDER_NAME_UNIQUENESS_VIOLATION: another folder under the parent has this display name."
            raise Refused(400, "FAILED_PRECONDITION", why)


def _work(cloud: Cloud, it: Managed, held: Held, what: str, *, old: bool) -> Work:
    prefix = f"{what[0].lower()}{held.kind[0].lower()}"
    takes = cloud.settings["manager_delete_seconds" if what == "Delete" else "manager_seconds"]
    due = cloud.clock.now() + timedelta(seconds=float(str(takes)))
    work = Work(f"operations/{prefix}.{number(cloud)}", held, what, due, old)
    it.works[work.name] = work
    return work


def _on_one(cloud: Cloud, it: Managed, request: Request, held: Held) -> Answer:
    old, now = request.parts["version"] == "v1", stamp(cloud.clock.now())
    match request.verb:
        case "get":
            return answer(shown_v1(held) if old else shown_v3(held))
        case "update" if old:
            _active(held)
            parent = _parent(request.body, old=True)
            held.parent = parent and _under(it, parent)
            held.shown, held.labels = str(request.body.get("name", held.shown)), dict(request.body.get("labels") or {})
            held.updated = now
            return answer(shown_v1(held))
        case "patch":
            return _begun(cloud, it, request, held, _patch(it, request, held))
        case "move":
            _active(held)
            parent = _under(it, str(request.body.get("destinationParent", "")))
            return _begun(cloud, it, request, held, {"parent": parent})
        case "delete":
            _delete(it, held)
            purged = cloud.clock.now() + timedelta(seconds=float(str(cloud.settings["purge_seconds"])))
            return _removed(cloud, it, request, held, {"state": "DELETE_REQUESTED", "deleted": now, "purged": purged})
        case "undelete":
            coming = any(work.held is held and work.what == "Undelete" and work.then for work in it.works.values())
            if held.state != "DELETE_REQUESTED" or coming:
                raise Refused(400, "FAILED_PRECONDITION", f"{held.name} is not being deleted.")
            return _removed(cloud, it, request, held, {"state": "ACTIVE", "deleted": "", "purged": None})
        case verb:
            raise Refused(404, "NOT_FOUND", f"There is no method {verb}.")


def _removed(cloud: Cloud, it: Managed, request: Request, held: Held, then: dict[str, Any]) -> Answer:
    """It goes, or comes back: of the first version at once, and of the third by an operation. A delete that is done
    with its answer is told without an operation's name, as it was recorded.
    """
    if request.parts["version"] == "v1":
        for name, value in {**then, "updated": stamp(cloud.clock.now())}.items():
            setattr(held, name, value)
        return answer({})
    begun = _begun(cloud, it, request, held, then)
    shown = json.loads(begun.body)
    if request.verb == "delete" and shown.get("done"):
        return answer({name: value for name, value in shown.items() if name not in {"name", "metadata"}})
    return begun


def _begun(cloud: Cloud, it: Managed, request: Request, held: Held, then: dict[str, Any]) -> Answer:
    """Begin an operation that changes a thing when it is done."""
    what = {"patch": "Update", "move": "Move", "delete": "Delete", "undelete": "Undelete"}[request.verb]
    work = _work(cloud, it, held, what, old=False)
    work.then, work.error = then, failure(cloud, it, held.kind, request.verb)
    settle(cloud)
    return answer(operation(cloud, work))


def _active(held: Held) -> None:
    if held.state != "ACTIVE":
        raise Refused(400, "FAILED_PRECONDITION", f"{held.name} is being deleted.")


def _patch(it: Managed, request: Request, held: Held) -> dict[str, Any]:
    """What a PATCH changes. Raises `Refused`."""
    _active(held)
    then: dict[str, Any] = {}
    sent = request.body.get("etag")
    if sent and sent != shown_v3(held)["etag"]:
        raise Refused(409, "ABORTED", "The etag does not match the current one.")
    said = request.query.get("updateMask", "")
    mask = [part.replace("display_name", "displayName") for part in said.split(",") if part] or list(request.body)
    for field in mask:
        match field:
            case "displayName":
                if held.kind == FOLDER and request.body.get(field) != held.shown:
                    _alone(it, held.parent, str(request.body.get(field, "")))
                then["shown"] = str(request.body.get(field, ""))
            case "labels" if held.kind == PROJECT:
                then["labels"] = dict(request.body.get("labels") or {})
            case "name" | "projectId" | "etag" | "state" | "parent" | "createTime" | "updateTime" if not said:
                pass
            case _:
                raise Refused(400, "INVALID_ARGUMENT", f"The field {field} cannot be updated.")
    return then


def _delete(it: Managed, held: Held) -> None:
    _active(held)
    below = [h for h in it.held.values() if h.parent == held.name and h.state == "ACTIVE"]
    if held.kind == FOLDER and below:
        why = "FOLDER_TO_DELETE_NON_EMPTY_VIOLATION: the folder has active children."
        raise Refused(400, "FAILED_PRECONDITION", why)


def world(cloud: Cloud) -> dict[str, Json]:
    """Every project and folder that somebody made."""
    settle(cloud)
    return {name: shown_v3(held) for name, held in sorted(managed(cloud).held.items()) if held.waits is None}
