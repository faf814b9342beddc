"""PUT, PATCH, DELETE, GET and POST of any resource of the table. Raises `No` for what ARM would refuse."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.azure import operations, tags
from localcloud.azure.answers import No, said
from localcloud.azure.kind import Body, Case, Kind, Part, Style
from localcloud.azure.paths import Target, parse
from localcloud.azure.store import Resource, Store, absent, element, render
from localcloud.azure.trees import dig, drop, fill, ids, patch
from localcloud.core.asked import Answer

NEVER_HEARD = ("id", "name", "type", "etag", "systemData", "properties.provisioningState")
CONTAINER = "Microsoft.Resources/resourceGroups"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read."""

    target: Target
    body: Body
    query: Mapping[str, str]
    if_match: str
    if_none_match: str
    base: str  # scheme and host under which we were reached, for the links in the answer
    caller: str = "local"  # who asks, as the token names them


def write(store: Store, call: Call) -> Answer:
    """PUT of a whole resource."""
    target, kind = call.target, _kind(call.target)
    _places(store, target)
    old = store.get(target.id)
    _conditions(call, old.etag if old else None)
    if old is not None:
        _free(store, old)
    draft = _draft(store, target, copy.deepcopy(call.body), old)
    if old is None:
        _room(store, draft)
    _commit(store, draft, old)
    verb = "update" if old else "create"
    one = old or draft
    one.made_by, one.changed_by = old.made_by if old else call.caller, call.caller
    style = Style.at_once if old and kind.create is Style.location else kind.create
    _begin(store, one, verb, call, style)
    return _answer(store, one, style, 200 if old else 201, call)


def write_part(store: Store, call: Call) -> Answer:
    """PUT of an element of a list inside a resource."""
    part = call.target.part
    if part is None or not part.routed:
        raise _no_such(call.target)
    _places(store, call.target)
    owner = store.find(call.target)
    name = call.target.names[-1]
    old = element(owner, part, name)
    _conditions(call, owner.etag if old else None)
    _free(store, owner)
    body = copy.deepcopy(owner.body)
    new = {k: v for k, v in call.body.items() if k not in {"id", "etag", "type"}} | {
        "name": old["name"] if old else name
    }
    listed = body["properties"].setdefault(part.at, [])
    at = next((i for i, e in enumerate(listed) if e["name"].lower() == name.lower()), len(listed))
    listed[at : at + 1] = [new]
    draft = _draft(store, parse(owner.id), body, owner)
    _commit(store, draft, owner)
    owner.changed_by = call.caller
    operations.begin(store, owner, "update", call.body, inner=call.target.id)
    shown = _part(store, owner, call.target)
    return operations.answer(store, owner, owner.kind.create, 200 if old else 201, shown, call.base)


def change(store: Store, call: Call) -> Answer:
    """PATCH."""
    old = store.find(call.target)
    if call.target.part:
        raise No("MethodNotAllowed", "PATCH is not allowed here.", 405)
    _conditions(call, old.etag)
    _free(store, old)
    said_tags = set(call.body) <= {"tags"}
    body = patch(copy.deepcopy(old.body), call.body)
    draft = _draft(store, parse(old.id), body, old)
    _commit(store, draft, old)
    old.changed_by = call.caller
    style = Style.at_once if said_tags and old.kind.provider == "Microsoft.Network" else old.kind.update
    _begin(store, old, "update", call, style)
    return _answer(store, old, style, 200, call)


def remove(store: Store, call: Call) -> Answer:
    """DELETE. What is not there is 204, except a group."""
    target, kind = call.target, _kind(call.target)
    one = store.get(target.parent if target.part else target.id)
    if one is None or (target.part and element(one, target.part, target.names[-1]) is None):
        if target.type == CONTAINER:
            raise absent(target)
        if target.group:
            store.in_group(target)
        return said(204)
    _conditions(call, one.etag)
    if one.doing and store.operations[one.doing].verb == "delete" and not target.part:
        return operations.answer(store, one, kind.remove, 202, None, call.base)
    _free(store, one, by_group=target.type != CONTAINER)
    if target.part:
        if not target.part.routed:
            raise _no_such(target)
        _unused(store, target.id, target.part.in_use, one)
        operations.begin(store, one, "delete", {}, inner=target.id)
        return operations.answer(store, one, kind.remove, 202, None, call.base)
    if target.type != CONTAINER:
        for part in kind.parts:
            for inner in one.properties.get(part.at) or []:
                _unused(
                    store, f"{one.id}/{part.at}/{inner['name']}", part.in_use if part.in_use[0] else kind.in_use, one
                )
        _unused(store, one.id, kind.in_use, one)
    if kind.remove is Style.at_once:
        shown = render(store, one) if kind.path == "roleAssignments" else None
        store.remove(one)
        return said(200, shown)
    operations.begin(store, one, "delete", call.body)
    return operations.answer(store, one, kind.remove, 202, None, call.base)


def act(store: Store, call: Call) -> Answer:
    """POST of an action."""
    one = store.find(call.target)
    kind, wanted = one.kind, call.target.tail.lower()
    name = next((a for a in kind.actions if a.lower() == wanted), "")
    if not name or call.target.part:
        raise _no_such(call.target)
    if kind.view is not None and name in kind.views:
        return said(200, kind.view(Case(store, one, verb=name)))
    _free(store, one)
    # The action `delete` removes something inside the resource, which stays.
    operations.begin(store, one, "deleteInside" if name == "delete" else name, call.body)
    return operations.answer(store, one, kind.act, 202, None, call.base)


def read(store: Store, call: Call) -> Answer:
    """GET and HEAD of one resource, of an element inside one, or of a view of one."""
    target = call.target
    one = store.find(target)
    if target.part:
        return said(200, _part(store, one, target)).having(ETag=one.etag)
    if target.tail:
        if one.kind.view is None:
            raise _no_such(target)
        return said(200, one.kind.view(Case(store, one, verb=target.tail)))
    body = render(store, one)
    if call.query.get("$expand", "").lower() == "instanceview" and one.kind.view and "instanceView" in one.kind.views:
        body["properties"]["instanceView"] = one.kind.view(Case(store, one, verb="instanceView"))
    answer = said(200, body)
    return answer.having(ETag=one.etag) if one.kind.etag else answer


def _kind(target: Target) -> Kind:
    if target.kind is None:
        raise _no_such(target)
    return target.kind


def _no_such(target: Target) -> No:
    what = f"{target.type}/{target.tail}" if target.tail else target.type
    return No("InvalidResourceType", f"The local cloud has no '{what}' that does this.", 404)


def _places(store: Store, target: Target) -> None:
    """Where it is put must be there."""
    kind = _kind(target)
    if target.group and target.type != CONTAINER:
        group = store.in_group(target)
        if group.state == "Deleting":
            raise No(
                "ResourceGroupBeingDeleted",
                f"The resource group '{group.name}' is in deprovisioning state and cannot perform this operation.",
                409,
            )
    elif kind.grouped and target.type != CONTAINER:
        raise No("MissingSubscription", "The resource belongs in a resource group.", 404)
    outer = target.parent
    if outer and store.get(outer) is None:
        raise No(
            "ParentResourceNotFound",
            f"Can not perform requested operation on nested resource. Parent resource '{outer}' not found.",
            404,
        )


def _conditions(call: Call, etag: str | None) -> None:
    """If-Match, and If-None-Match where the type heeds it; `etag` is None when nothing stands."""
    heeds = call.target.kind is not None and call.target.kind.conditional
    if heeds and call.if_none_match == "*" and etag is not None:
        raise No("PreconditionFailed", f"The resource '{call.target.id}' exists already.", 412)
    if call.if_match and (etag is None or call.if_match not in {"*", etag}):
        raise No("PreconditionFailed", f"The condition on the etag of '{call.target.id}' is not met.", 412)


def _free(store: Store, one: Resource, *, by_group: bool = True) -> None:
    """Nothing is under way there."""
    group = store.group(one.subscription, one.group) if by_group and one.group else None
    if group is not None and group is not one and group.state == "Deleting":
        raise No("ResourceGroupBeingDeleted", f"The resource group '{group.name}' is being deleted.", 409)
    if one.doing:
        raise No(
            one.kind.busy,
            f"Another operation on this or dependent resource is in progress: {store.operations[one.doing].verb} of "
            f"{one.id}, operation {one.doing}.",
            409,
            after=str(store.cloud.settings["retry_after_seconds"]),
        )


def _unused(store: Store, target: str, refusal: tuple[str, int], but: Resource) -> None:
    code, status = refusal
    if not code:
        return
    users = [by for _, by in store.referring(target, but.id)]
    if users:
        name = target.rpartition("/")[2]
        raise No(code, f"{name} is in use by {users[0]} and cannot be deleted.", status)


def _draft(store: Store, target: Target, body: Body, old: Resource | None) -> Resource:
    """The resource as it will be, checked; nothing is changed yet."""
    kind = _kind(target)
    _heard(kind, body, old)
    tags.check(body.get("tags") or {}, kind.name)
    fill(body, kind.defaults)
    body.setdefault("properties", {})
    for part in kind.parts:
        body["properties"][part.at] = [_element(part, e, kind) for e in body["properties"].get(part.at) or []]
    new = Resource(
        old.id if old else _spelled(store, target),
        kind.name,
        old.name if old else target.names[-1],
        target.subscription,
        old.group if old else target.group,
        body,
        old.created if old else store.now,
        store.now,
        store.new_etag(),
    )
    if kind.path == "resourceGroups":
        new.group = new.name
    if old is not None:
        for place in kind.fixed:
            was, now = dig(old.body, place), dig(body, place)
            if now is None:
                continue
            if was is not None and was != now:
                raise No("PropertyChangeNotAllowed", f"Changing property '{place}' is not allowed.", 409)
    new.refers = _references(store, new)
    if kind.check:
        kind.check(Case(store, new, old))
    return new


def _heard(kind: Kind, body: Body, old: Resource | None) -> None:
    """Leave of a body what its owner decides, and see that it says where."""
    for part_of in ("properties", "tags", "sku", "identity"):
        if body.get(part_of) is None:
            body.pop(part_of, None)
        elif not isinstance(body[part_of], dict):
            raise No("InvalidRequestContent", f"The request content was invalid: '{part_of}' is no object.", 400)
    for place in (*NEVER_HEARD, *kind.computed):
        drop(body, place)
    if kind.located and not isinstance(body.get("location"), str):
        raise No("LocationRequired", "The location property is required for this definition.", 400)
    if kind.located:
        body["location"] = body["location"].replace(" ", "").lower()
        if old is not None and old.body["location"] != body["location"]:
            raise No(
                "InvalidResourceLocation",
                f"The resource '{old.name}' already exists in location '{old.body['location']}' in resource group "
                f"'{old.group}'. A resource with the same name cannot be created in location '{body['location']}'.",
                409,
            )


def _element(part: Part, said_: Body, kind: Kind) -> Body:
    if not said_.get("name"):
        raise No("InvalidRequestFormat", f"An element of {part.at} of a {kind.path} has no name.", 400)
    one = {k: v for k, v in said_.items() if k not in {"id", "etag", "type", "state"}}
    one["properties"] = fill({**(one.get("properties") or {})}, part.defaults)
    for shown in ("provisioningState", *(at.partition(".")[2] for at, _, _ in part.back)):
        one["properties"].pop(shown, None)
    return one


def _spelled(store: Store, target: Target) -> str:
    """The new resource's id, with its group's name, and its outer resource's, as they were first written."""
    outer = store.get(target.parent) if target.parent else None
    if outer is not None:
        return "/".join((outer.id, *target.id.split("/")[-2:]))
    group = store.group(target.subscription, target.group)
    if group is None or target.scope.count("/") != 4:  # noqa: PLR2004  # a group's own
        return target.id
    return group.id + target.id[len(target.scope) :]


def _references(store: Store, one: Resource) -> list[tuple[str, str]]:
    """Everything of the table that a draft refers to. All of it must stand."""
    kind, found = one.kind, []
    parts = {p.at: p for p in kind.parts}
    properties = {k: v for k, v in one.properties.items() if k not in parts}
    shown = {at.removeprefix("properties.") for at, _, _ in kind.back}
    outside = [(one.id, {k: v for k, v in properties.items() if k not in shown}), (one.id, one.body.get("identity"))]
    inner = [(f"{one.id}/{at}/{e['name']}", e["properties"]) for at in parts for e in one.properties.get(at) or []]
    own = {element_id.lower() for element_id, _ in inner}
    for by, where in [*outside, *inner]:
        for to in ids(where):
            target = parse(to) if to.lower().startswith("/subscriptions/") else None
            if target is None or target.kind is None or not target.names:
                continue
            if target.id.lower().startswith(one.id.lower() + "/"):
                known = target.id.lower() in own
            else:
                known = store.stands(to) or _comes_with(one, to)
                if known:
                    found.append((by, target.id))
            if not known:
                code, status = kind.missing
                raise No(code, f"Resource {to} referenced by resource {by} was not found.", status)
    return found


def _comes_with(one: Resource, to: str) -> bool:
    """A machine makes its own disks: what its profile says about those is no reference."""
    profile = one.properties.get("storageProfile")
    if not isinstance(profile, dict):
        return False
    disks = [profile.get("osDisk") or {}, *(profile.get("dataDisks") or [])]
    return any(dig(d, "managedDisk.id") == to and str(d.get("createOption", "")).lower() != "attach" for d in disks)


def _room(store: Store, new: Resource) -> None:
    kind = new.kind
    if kind.taken:
        held = any(r.type == kind.name and r.name.lower() == new.name.lower() for r in store.resources.values())
        if held:
            raise No(kind.taken, f"The name {new.name} is already taken.", 409)
    quotas = store.cloud.settings["quotas"]
    most = quotas.get(kind.name) if isinstance(quotas, dict) else None
    if isinstance(most, int):
        count = sum(r.type == kind.name and r.subscription == new.subscription for r in store.resources.values())
        if count >= most:
            code, status = kind.over
            raise No(code, f"Cannot create more than {most} {kind.name} in this subscription.", status)


def _commit(store: Store, draft: Resource, old: Resource | None) -> None:
    kind, refers = draft.kind, draft.refers
    draft.refers = []
    if kind.compute:
        kind.compute(Case(store, draft, old))
    one = old or draft
    one.body, one.changed, one.etag = draft.body, draft.changed, draft.etag
    store.refer(one, [*refers, *(pair for pair in draft.refers if pair not in refers)])
    if old is None:
        store.resources[one.id.lower()] = one


def _begin(store: Store, one: Resource, verb: str, call: Call, style: Style) -> None:
    if style is not Style.at_once:
        operations.begin(store, one, verb, call.body)
    elif one.kind.finish:
        one.kind.finish(Case(store, one, verb=verb, asked=call.body))


def _answer(store: Store, one: Resource, style: Style, status: int, call: Call) -> Answer:
    return operations.answer(store, one, style, status, render(store, one), call.base)


def _part(store: Store, owner: Resource, target: Target) -> Body:
    part, name = target.part, target.names[-1].lower()
    listed: list[Body] = render(store, owner)["properties"][part.at] if part else []
    for one in listed:
        if one["name"].lower() == name:
            return one
    raise absent(target)
