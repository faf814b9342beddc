"""What takes time: begun by a request, ended by the cloud's clock, looked at under a link of its own."""

from __future__ import annotations

import fnmatch
from datetime import timedelta
from typing import Any

from localcloud.azure.answers import No, said
from localcloud.azure.kind import Body, Case, Style
from localcloud.azure.paths import parse
from localcloud.azure.store import Operation, Resource, Store, element, render
from localcloud.core.asked import Answer

SUCCEEDED = "Succeeded"


def begin(store: Store, one: Resource, verb: str, asked: Body, inner: str = "") -> Operation:
    """Begin something on a resource, or on an element inside it."""
    kind = one.kind
    share = 1.0 if verb == "create" else 0.5
    operation = Operation(
        store.uuid(),
        verb,
        inner or one.id,
        one.subscription,
        kind.provider,
        str(one.body.get("location", "global")),
        store.now,
        store.now + timedelta(seconds=_seconds(store, one.type, kind.seconds) * share),
        asked,
    )
    store.operations[operation.id] = operation
    store.running.add(operation.id)
    one.doing = operation.id
    if verb == "delete" and not inner:
        one.state = "Deleting"
    elif inner:
        owner, target = store.owner(inner)
        found = element(owner, target.part, target.names[-1]) if owner and target.part else None
        if found is not None:
            found["state"] = "Deleting" if verb == "delete" else "Updating"
    else:
        one.state = kind.working[verb != "create"]
    return operation


def answer(store: Store, one: Resource, style: Style, status: int, body: Body | None, base: str) -> Answer:
    """The answer to a request that began the operation which is under way on a resource, in the type's style."""
    if style is Style.at_once or not one.doing:
        made = said(status, body)
        return made.having(ETag=one.etag) if one.kind.etag and body else made
    operation = store.operations[one.doing]
    root = f"{base}/subscriptions/{operation.subscription}"
    wait = str(store.cloud.settings["retry_after_seconds"])
    if operation.provider == "Microsoft.Resources":
        return said(
            202, None, Location=f"{root}/operationresults/{operation.id}?api-version=2021-04-01", Retry_After=wait
        )
    place = f"{root}/providers/{operation.provider}/locations/{operation.location}"
    status_at = f"{place}/operations/{operation.id}?api-version={one.kind.versions[1]}"
    result_at = f"{place}/operationResults/{operation.id}?api-version={one.kind.versions[1]}"
    match style:
        case Style.location:
            return said(202, None, Location=result_at, Retry_After=wait)
        case Style.both:
            return said(202, body, Location=result_at, Azure_AsyncOperation=status_at, Retry_After=wait)
        case _:
            made = said(status, body, Azure_AsyncOperation=status_at, Retry_After=wait)
            if status == 202:  # noqa: PLR2004
                made = made.having(Location=result_at)
            return made.having(ETag=one.etag) if one.kind.etag and body else made


def look(store: Store, which: str, *, result: bool) -> Answer:
    """The status of an operation, or its result. Raises `No`."""
    operation = store.operations.get(which)
    if operation is None:
        raise No("OperationNotFound", f"The operation {which} is not found.", 404)
    wait = str(store.cloud.settings["retry_after_seconds"])
    running = operation.status == "InProgress"
    if not result:
        body: Body = {
            "name": operation.id,
            "startTime": operation.began.isoformat(),
            "status": operation.status,
        }
        if operation.error:
            body["error"] = operation.error
        if not running:
            body["endTime"] = operation.due.isoformat()
        shown = said(200, body)
        return shown.having(Retry_After=wait) if running else shown
    if running:
        return said(202, None, Retry_After=wait)
    if operation.error:
        error: Any = operation.error
        return said(409, {"error": error})
    if operation.verb in {"create", "update"}:
        one = store.get(operation.resource)
        return said(200, render(store, one)) if one else said(204)
    return said(200 if operation.provider in {"Microsoft.Resources", "Microsoft.Compute"} else 204)


def settle(store: Store) -> None:
    """End whatever was due, in its order."""
    due = [o for i in store.running if (o := store.operations[i]).due <= store.now]
    for operation in sorted(due, key=lambda o: (o.due, o.id)):
        store.running.discard(operation.id)
        one, target = store.owner(operation.resource)
        if one is None or one.doing != operation.id:  # it went with its group; what stands there now is another
            operation.status = SUCCEEDED if operation.verb == "delete" else "Canceled"
            continue
        one.doing = ""
        operation.error = _failing(store, operation)
        if operation.error is None and operation.verb == "delete" and one.type.endswith("/resourceGroups"):
            operation.error = _blocked(store, one)
        operation.status = "Failed" if operation.error else SUCCEEDED
        if target.part:
            _end_inner(store, one, operation)
        elif operation.error:
            one.state, one.failed = "Failed", operation.error
            if operation.verb == "delete" and one.type.endswith("/resourceGroups"):
                one.state = SUCCEEDED
        else:
            one.state, one.failed = SUCCEEDED, None
        if target.part or operation.error:
            continue
        if operation.verb == "delete":
            store.remove(one)
        elif one.kind.finish:
            one.kind.finish(Case(store, one, verb=operation.verb, asked=operation.asked))


def _end_inner(store: Store, owner: Resource, operation: Operation) -> None:
    target = parse(operation.resource)
    if target.part is None:
        return
    found = element(owner, target.part, target.names[-1])
    if found is None:
        return
    found["state"] = "Failed" if operation.error else SUCCEEDED
    if operation.verb == "delete" and not operation.error:
        owner.properties[target.part.at].remove(found)
        owner.etag = store.new_etag()
        store.refer(owner, [pair for pair in owner.refers if pair[0].lower() != target.id.lower()])


def _blocked(store: Store, group: Resource) -> Body | None:
    """Whether something outside a group still needs something inside it."""
    start = group.id.lower() + "/"
    for other in store.resources.values():
        if other.id.lower().startswith(start) or not other.kind.holds:
            continue
        for by, to in other.refers:
            inner = store.owner(to)[0] if to.lower().startswith(start) else None
            code = _in_use(inner, to) if inner else ""
            if code:
                detail = {"code": code, "message": f"{to} is in use by {by}.", "target": to}
                message = f"Deletion of resource group '{group.name}' failed as resources in it could not be deleted."
                return {"code": "ResourceGroupDeletionBlocked", "message": message, "details": [detail]}
    return None


def _in_use(one: Resource, to: str) -> str:
    part = parse(to).part
    return (part.in_use[0] if part else "") or one.kind.in_use[0]


def _seconds(store: Store, type_: str, usual: float) -> float:
    chosen = store.cloud.settings["seconds"]
    for pattern, seconds in chosen.items() if isinstance(chosen, dict) else ():
        if fnmatch.fnmatchcase(type_.lower(), pattern.lower()) and isinstance(seconds, int | float):
            return float(seconds)
    return usual


def _failing(store: Store, operation: Operation) -> Body | None:
    target, verb = parse(operation.resource), operation.verb
    failing = store.cloud.settings["failing"]
    for pattern, error in failing.items() if isinstance(failing, dict) else ():
        if fnmatch.fnmatchcase(f"{verb} {target.type}/{target.names[-1]}".lower(), pattern.lower()):
            return {"code": error, "message": f"{verb} of {target.names[-1]} failed on demand."}
    return None
