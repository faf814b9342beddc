"""Lists: of one type or of all, in a group, a subscription or a resource; filtered, and by the page."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from localcloud.azure.answers import No, said
from localcloud.azure.kind import Body
from localcloud.azure.paths import Target
from localcloud.azure.store import Resource, Store, absent, render
from localcloud.azure.verbs import Call
from localcloud.core.asked import Answer

CLAUSE = re.compile(
    r"\s*(?:(\w+)\s+(eq|ne)\s+'((?:[^']|'')*)'|(atScope|assignedTo)\(\s*(?:'([^']*)')?\s*\))\s*", re.IGNORECASE
)
CONTAINER = "Microsoft.Resources/resourceGroups"


def _new(store: Store, one: Resource) -> bool:
    """Whether lists do not know it yet: ARM answers them from a cache."""
    lag = store.cloud.settings["listed_after_seconds"]
    return isinstance(lag, int | float) and store.now < one.created + timedelta(seconds=lag)


def answer(store: Store, call: Call) -> Answer:
    """GET of a collection."""
    target = call.target
    if target.kind is None:
        raise No("InvalidResourceType", f"The resource type '{target.type}' could not be found.", 404)
    if target.part:
        return page(store, call, render(store, _outer(store, target))["properties"][target.part.at])
    found = [
        r for r in store.resources.values() if r.type == target.kind.name and _within(r, target) and not _new(store, r)
    ]
    if target.group and target.type != CONTAINER:
        store.in_group(target)
    if target.names:
        _outer(store, target)
    shown = []
    for one in filtered(found, call.query.get("$filter", ""), target.scope):
        body = render(store, one)
        if one.kind.shouts and not target.group:
            body["id"] = one.id.replace(f"/resourceGroups/{one.group}/", f"/resourceGroups/{one.group.upper()}/")
        shown.append(body)
    return page(store, call, shown)


def everything(store: Store, call: Call, group: str) -> Answer:
    """GET of /resources: what every resource has in common."""
    found = [
        r
        for r in store.resources.values()
        if r.subscription.lower() == call.target.subscription.lower()
        and r.type != CONTAINER
        and not _new(store, r)
        and r.kind.located
        and r.kind.path.count("/") == 0
        and group.lower() in {"", r.group.lower()}
    ]
    expand = call.query.get("$expand", "").lower()
    shown = []
    for one in filtered(found, call.query.get("$filter", ""), ""):
        body: Body = {"id": one.id, "name": one.name, "type": one.type}
        body |= {k: v for k, v in one.body.items() if k in {"location", "tags", "sku", "kind", "zones", "identity"}}
        if "createdtime" in expand:
            body["createdTime"] = one.created.isoformat()
        if "changedtime" in expand:
            body["changedTime"] = one.changed.isoformat()
        if "provisioningstate" in expand:
            body["provisioningState"] = one.state
        shown.append(body)
    return page(store, call, shown)


def page(store: Store, call: Call, shown: list[Body]) -> Answer:
    """One page, with the link to the next."""
    query = {k: v for k, v in call.query.items() if k.lower() != "$skiptoken"}
    token = next((v for k, v in call.query.items() if k.lower() == "$skiptoken"), "0")
    top, size = call.query.get("$top", ""), int(str(store.cloud.settings["page_size"]))
    if not token.isdigit() or (top and not top.isdigit()):
        raise No("InvalidQueryParameterValue", "$skiptoken or $top is not understood.", 400)
    size = min(size, int(top)) if top else size
    start = int(token)
    body: dict[str, Any] = {"value": shown[start : start + size]}
    if start + size < len(shown):
        link = urlencode({**query, "$skiptoken": str(start + size)}, safe="$'(),/")
        body["nextLink"] = f"{call.base}{call.target.path}?{link}"
    return said(200, body)


def filtered(found: list[Resource], text: str, scope: str) -> list[Resource]:
    """Those that a $filter means. Raises `No` for a filter that ARM, or we, do not understand."""
    if not text:
        return found
    clauses = re.split(r"\s+and\s+", text, flags=re.IGNORECASE)
    tag = ""
    for clause in clauses:
        read = CLAUSE.fullmatch(clause)
        if read is None:
            raise No("InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string.", 400)
        field, operator, value = (read[1] or read[4]).lower(), (read[2] or "eq").lower(), (read[3] or read[5] or "")
        value = value.replace("''", "'")
        if field == "tagname":
            tag = value
            found = [r for r in found if any(k.lower() == tag.lower() for k in r.body.get("tags") or {})]
            continue
        found = [r for r in found if _is(r, field, value, tag, scope) is (operator == "eq")]
    return found


def _is(one: Resource, field: str, value: str, tag: str, scope: str) -> bool:
    match field:
        case "tagvalue":
            return any(k.lower() == tag.lower() and v == value for k, v in (one.body.get("tags") or {}).items())
        case "resourcetype":
            return one.type.lower() == value.lower()
        case "resourcegroup":
            return one.group.lower() == value.lower()
        case "name" | "location":
            return str(one.name if field == "name" else one.body.get("location")).lower() == value.lower()
        case "atscope":
            return scope.lower().startswith(str(one.properties.get("scope")).lower())
        case "principalid" | "assignedto":
            return str(one.properties.get("principalId")).lower() == value.lower()
        case "roledefinitionid":
            return str(one.properties.get("roleDefinitionId")).lower().endswith(value.rpartition("/")[2].lower())
        case _:
            raise No("InvalidFilterInQueryString", f"'{field}' cannot be filtered by.", 400)


def _outer(store: Store, target: Target) -> Resource:
    types = "/".join(t for pair in zip(target.types, target.names, strict=False) for t in pair)
    outer = store.get(f"{target.scope}/providers/{target.provider}/{types}")
    if outer is None:
        raise absent(target)
    return outer


def _within(one: Resource, target: Target) -> bool:
    if not one.kind.grouped:  # role assignments: those of the scope, of what is inside it, and of what it is inside of
        theirs, ours = str(one.properties["scope"]).lower(), target.scope.lower()
        return f"{theirs}/".startswith(f"{ours}/") or f"{ours}/".startswith(f"{theirs}/")
    if target.names:
        types = "/".join(t for pair in zip(target.types, target.names, strict=False) for t in pair)
        return one.id.lower().startswith(f"{target.scope}/providers/{target.provider}/{types}/".lower())
    if one.subscription.lower() != target.subscription.lower():
        return False
    return not target.group or one.group.lower() == target.group.lower()
