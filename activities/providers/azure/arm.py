"""What the kinds of ARM have in common: found at their name, made by one PUT that carries our tags, followed by URL.

ARM has no request id: a PUT to a name is what makes a repeated create one. A create therefore looks at the name first
and refuses what stands there; `If-None-Match: *` goes along for whoever comes in between. Only machines and scale sets
declare that they heed it. Elsewhere another hand's resource of the very same name, made in the few milliseconds between
the look and the PUT, is written over. The answer tells: what is new is not answered with 200. Then our marks are taken
off again, and the name is taken.

A later delivery, after an answer that was lost, has no status to go by, and no moment either: whoever came in between
came after our act was sent. It has what some services note of who wrote (`authors`): of disks, storage accounts, vaults
and identities. Elsewhere, and where the other hand signed in as the same identity, nothing that stands tells what was
made in between from what our lost request made, and it is taken for ours. `safety_note` says so of each kind.

An update that goes by PUT reads the whole, changes what is to be changed, and writes it back under `If-Match`, so that
nothing is lost that others have set. Where a type has a PATCH that takes single fields, that is used; what it takes
whole is read before, and written back under `If-Match` where the type has an etag. Tags are merged and removed one by
one (`tags.path`), whatever the type does with them.

Sources: Azure REST API guidelines, "Conditional requests" and "Long-running operations"; Azure Resource Manager, "Track
asynchronous Azure operations" and "Use tags to organize your Azure resources"; `door.Service.put`.
"""

from __future__ import annotations

import copy
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Any, ClassVar, Final

from pydantic import JsonValue

from activities.providers.azure import authors, bodies, ids, tags
from activities.providers.azure.door import Answer
from holdfast.diff import three_way
from holdfast.errors import NameTaken, NotFound, Pending
from holdfast.model import Scope, Status
from holdfast.plan import FieldChange
from holdfast.resource import Call, Observation, Output, ResourceType, S, Safety, Search, Underway
from holdfast.values import has_unknown

TAGS_READ, TAGS_WRITE = "Microsoft.Resources/tags/read", "Microsoft.Resources/tags/write"
OF_GROUP = "the name of the resource group it is in, as in ${group.name}"  # the field's description, of every kind
ANOTHER_NAME: Final = "give the new one another name, so that it is made first and what uses it moves over"
_BETWEEN: Final = (
    "What another hand makes under its name in the milliseconds between our look and our request is written over. The "
    "answer tells: then it is left standing, without our marks, and the name is taken. Where the answer is lost as "
    "well, "
)
UNNOTED: Final = f"{_BETWEEN}nothing that stands tells it from ours, and it is taken for ours."
NOTED: Final = (
    f"{_BETWEEN}Azure's note of who made it and who wrote to it last tells it from ours, unless both are one identity. "
    "One of ours that another wrote to meanwhile, without a trace in what the document says, passes for theirs."
)
FEW: Final = 3  # names that are looked at one by one rather than listed
_STATUS: Final[Mapping[str, Status]] = {
    "": Status.ready,  # whoever makes its things at once does not say
    "succeeded": Status.ready,
    "failed": Status.failed,
    "canceled": Status.failed,
    "deleting": Status.deleting,
    "deprovisioning": Status.deleting,
}  # and everything else (Accepted, Creating, Provisioning, Running, Updating): pending


def joins(*types: str) -> tuple[str, ...]:
    """The permissions to refer to something of Microsoft.Network: each takes one of its own, also where a reference is
    only written back as it was read. Source: Azure RBAC, "Azure permissions for Networking".
    """
    return tuple(f"Microsoft.Network/{what}/join/action" for what in types)


def granted(type_: str, *, observe: Sequence[str] = (), **more: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The permissions of a kind: those that each verb of this module needs, and `more` by verb."""
    read, write, delete = (f"{type_}/{verb}" for verb in ("read", "write", "delete"))
    usual: dict[str, tuple[str, ...]] = {
        "observe": (read, *observe),
        "discover": (read,),
        "create": (write, TAGS_WRITE),  # the second to take our marks off what another hand has made
        "update": (write, TAGS_WRITE),
        "delete": (delete,),
        "adopt": (TAGS_WRITE,),
        "disown": (TAGS_WRITE,),
    }
    return usual | {verb: (*usual.get(verb, ()), *names) for verb, names in more.items()}


class ArmKind(ResourceType[S]):
    """A kind of ARM: a subclass says where it stands, and which field of its spec stands where in ARM's JSON.

    A spec has `name`, `resource_group` and `tags`, unless the methods that read them are overridden.
    """

    safety = Safety.by_name
    safety_note = UNNOTED
    failed_is_broken = False  # `provisioningState` tells of the last write, and another one may mend it
    service: ClassVar[str]  # the door's name of the client
    arm_type: ClassVar[str]  # `Microsoft.Network/virtualNetworks`
    places: ClassVar[Mapping[str, str]] = {}  # field -> its place: see `bodies`
    unsaid: ClassVar[Mapping[str, JsonValue]] = {}  # field -> what it is where ARM says nothing of it
    references: ClassVar[frozenset[str]] = frozenset()  # fields that hold ids, or lists of them
    unordered: ClassVar[frozenset[str]] = frozenset()  # lists whose order means nothing
    any_case: ClassVar[frozenset[str]] = frozenset({"name"})  # texts that are spelled by a create, and mean the same in
    # capitals and in small letters
    patches: ClassVar[bool] = False  # whether single fields can be written; else the whole is
    wholes: ClassVar[frozenset[str]] = frozenset()  # fields of which a PATCH takes all, so what stands is read before
    query: ClassVar[Mapping[str, str]] = {}  # of a read of one
    noted: ClassVar[bool] = False  # whether its service notes who made one, and its PUT takes no condition

    # --- where it stands ---------------------------------------------------------------------------------------

    def path(self, scope: Scope, spec: Any) -> str:
        """The id that a spec would take, spelled as it is written."""
        return ids.inside(ids.group(scope.account, spec.resource_group), self.arm_type, spec.name)

    def listing(self, scope: Scope) -> str:
        """The path of the list of all there are in a subscription."""
        return ids.collection(ids.subscription(scope.account), self.arm_type)

    def is_here(self, raw: Mapping[str, Any], scope: Scope) -> bool:
        """Whether something of a list is in the scope's region."""
        return region(raw.get("location")) in {"", region(scope.region)}

    def is_mine(self, address: str | None) -> bool:
        """Whether what bears an address is of this kind, and no part of something that is of another: a disk that came
        with a machine, and a machine of a scale set, bear the tags of what they came with.
        """
        return address is None or address.split("/")[1:2] == [self.kind]

    # --- reading -----------------------------------------------------------------------------------------------

    def see(self, raw: Mapping[str, Any], scope: Scope) -> Observation:
        """What ARM says of one, as an observation."""
        state = str(bodies.at(raw, "properties.provisioningState") or "")
        own = {"name": raw.get("name") or ids.parse(raw["id"]).name, "resource_group": ids.parse(raw["id"]).group}
        found = raw.get("tags")
        shown = {**own, **self.shown(raw), "tags": tags.own(found)}
        return Observation(
            kind=self.kind,
            status=_STATUS.get(state.lower(), Status.pending),
            remote_id=ids.canonical(raw["id"]),
            properties={field: value for field, value in shown.items() if field in self.spec.model_fields},
            outputs={"id": raw["id"], "name": own["name"], **self.given(raw)},
            detail=f"provisioningState {state}" if state else "",
            **tags.seen(found),
        )

    def shown(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that ARM's JSON shows; a kind adds those that have no place of their own."""
        found = {field: bodies.at(raw, place) for field, place in self.places.items()}
        return {field: self.unsaid.get(field) if value is None else value for field, value in found.items()}

    def given(self, raw: Mapping[str, Any]) -> dict[str, JsonValue]:
        """The outputs beside `id` and `name`."""
        return {}

    def observe(self, call: Call[S]) -> Observation:
        """By id."""
        try:
            return self.see(self.read(call, call.id), call.scope)
        except NotFound:
            return self.absent(call.remote_id)

    def read(self, call: Call[S], path: str) -> dict[str, Any]:
        """What stands at an id, whole. Raises `NotFound`."""
        body: dict[str, Any] = call.client(self.service).get(path, **self.query).body
        return body

    def discover(self, search: Search) -> Iterator[Observation]:
        """The subscription's list, a page a call. Its tags are compared here: no list but that of groups takes them
        together with what else we want to read.
        """
        for raw in search.client(self.service).pages(self.listing(search.scope)):
            if not self.is_here(raw, search.scope) or not tags.matches(search, raw.get("tags")):
                continue
            if self.is_mine(tags.seen(raw.get("tags"))["address"]):
                yield self.see(raw, search.scope)

    def find(self, call: Call[S]) -> list[Observation]:
        """At the name: strangers too. Without a spec nobody knows the name: by our marks."""
        if call.spec is None:
            return super().find(call)
        seen = self.observe(replace(call, remote_id=self.path(call.scope, call.spec)))
        return [] if seen.status is Status.absent else [seen]

    def find_all(self, calls: Sequence[Call[S]]) -> Iterator[tuple[Call[S], Observation]]:
        """For more than a few, the subscription's list instead of a call each: also where regions differ."""
        if len(calls) <= FEW:
            yield from super().find_all(calls)
            return
        wanted: dict[str, list[Call[S]]] = {}
        for call in calls:
            wanted.setdefault(ids.canonical(self.path(call.scope, call.spec)), []).append(call)
        for raw in calls[0].client(self.service).pages(self.listing(calls[0].scope)):
            for call in wanted.get(ids.canonical(raw["id"]), ()):
                yield call, self.see(raw, call.scope)

    def underway(self, call: Call[S]) -> Underway | None:
        """One look at the operation. Without its URL nothing is known: what stands shows its own state, and ARM refuses
        a change beside another.
        """
        if call.handle is None:
            return None
        try:
            found = call.client(self.service).operation(call.handle)
        except NotFound:
            return None  # forgotten, a day after its end or so
        return Underway(call.handle, found.ended, f"the operation is {found.status}", found.error)

    def why(self, call: Call[S], seen: Observation) -> tuple[str, str]:
        """Most types show that they have failed, and not why: that stands in the operation, and in the activity log.

        Sources: Azure CLI, "az monitor activity-log list", which looks back six hours unless it is told; Azure Monitor,
        "Azure Monitor activity log": an entry is there within 20 minutes, and for 90 days.
        """
        told = self.told(call, seen)
        if told:
            return f"{seen.detail.partition(': ')[0]}: {told}", super().why(call, seen)[1]
        which = shlex.quote(str(seen.outputs.get("id") or call.id))
        log = f"az monitor activity-log list --resource-id {which} --status Failed --offset 1d"
        return (
            f"{seen.detail}; where it stands, Azure does not show why",
            f"`{log}` shows why, within 20 minutes; mend that and run again",
        )

    def told(self, call: Call[S], seen: Observation) -> str:
        """Why it has failed, as far as what stands tells; empty where it does not. Asks once at most."""
        return seen.detail.partition(": ")[2]

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[S]) -> Observation:
        """One PUT. What an earlier delivery made is complete; what ARM gave up on is mended by the same PUT again.

        Raises `NameTaken` when something stands at the name.
        """
        path = self.path(call.scope, call.wanted)
        service = call.client(self.service)
        if call.remote_id is not None:
            if not call.back and self._wrote_over(call):
                raise self._taken(call)
            seen = self.observe(call)
            if not self.gave_up(seen):
                return seen
            again = self.answered(call, service.put(path, self.body(call)))
            return again.model_copy(update={"detail": f"{again.detail}, asked again after {seen.detail}"})
        if standing := self.find(call):
            raise NameTaken(f"{standing[0].outputs['id']} stands already", address=call.address)
        at = replace(call, remote_id=path)
        answer = service.put(path, self.body(call), if_none_match="*")
        if not call.claimed and self.stood(at, answer):
            raise self._taken(at)
        return self.answered(at, answer)

    def stood(self, call: Call[S], answer: Answer) -> bool:
        """Whether the answer to a create says that something stood there: what is made anew is answered otherwise, with
        201, or with 202. To a disk both are answered with 202: see there.
        """
        return answer.status == HTTPStatus.OK

    def _wrote_over(self, call: Call[S]) -> bool:
        """Whether an earlier delivery's request, whose answer was lost, was written over what another hand had made.

        It was when another made it than wrote to it last, and it stands as we write it, to the letter. What tags all
        that is new, or a policy, may have been the last to write to one that we made; then it stands otherwise. Of an
        answer that came, and of a request that was made anew, by another worker as it may be, there is no such doubt.
        """
        if not self.noted or call.anew or call.handle is not None:
            return False
        try:
            raw = self.read(call, call.id)
        except NotFound:
            return False
        if not authors.differ(raw) or (raw.get("tags") or {}) != tags.marked(call):
            return False
        wanted = call.wanted.plain()
        return not self.diff(wanted, wanted, self.see(raw, call.scope).properties)

    def _taken(self, call: Call[S]) -> NameTaken:
        """Our marks are off what another hand has made, and the words for that."""
        self._leave(call)
        return NameTaken(
            f"{call.id} seems to have been made by another hand between our look and our request, which was written "
            "over it: one made it, another wrote to it last, and it stands as we write it",
            address=call.address,
            standing="it stands, with what our document says of it and without the tags that it had; our marks "
            "are off it again",
            next="see to it with whoever made it, then adopt it, or choose another name",
        )

    def _leave(self, call: Call[S]) -> None:
        """Take our marks off what another hand has made."""
        self._untag(call, tags.MARKS)

    def gave_up(self, seen: Observation) -> bool:
        """Whether ARM gave up on the last that was asked of it."""
        return seen.status is Status.failed

    def body(self, call: Call[S]) -> dict[str, Any]:
        """The whole of it, as a create writes it, with our tags."""
        return self.filled(self.started(call), call)

    def started(self, call: Call[S]) -> dict[str, Any]:
        """A body with what everything has."""
        return {"location": call.scope.region, "tags": tags.marked(call), "properties": {}}

    def filled(self, body: dict[str, Any], call: Call[S]) -> dict[str, Any]:
        """The body with every field of the spec that has a place."""
        for field, value in call.wanted.plain().items():
            if value is not None and field in self.places:
                self.write(body, field, value)
        return body

    def write(self, body: dict[str, Any], field: str, value: Any) -> None:
        """Write one field's value into a body. A kind overrides it for what has no single place."""
        bodies.put(body, self.places[field], value)

    def withdraw(self, body: dict[str, Any], field: str) -> None:
        """Give a field back to ARM."""
        (bodies.nothing if self.patches else bodies.clear)(body, self.places[field])

    def update(self, call: Call[S]) -> Observation:
        """Its tags one by one, and then the fields in one request; none where they stand as wanted already."""
        retagging = self.retag(call)
        fields = {c.path.partition(".")[0] for c in call.changes} - {"tags"}
        if not fields:
            return self._shown_tags(call, retagging)
        service = call.client(self.service)
        if self.patches:
            stands: Answer = service.get(call.id) if fields & self.wholes else Answer(HTTPStatus.OK)
            part: dict[str, Any] = {}
            self._write_all(part, call, fields, stands.body)
            return self.answered(call, service.patch(call.id, part, if_match=stands.etag))
        found = service.get(call.id)
        whole = copy.deepcopy(found.body)
        self._write_all(whole, call, fields, found.body)
        seen = self.see(found.body, call.scope)
        if whole == found.body and not self.gave_up(seen):
            return seen
        return self.answered(call, service.put(call.id, whole, if_match=found.etag))

    def _write_all(self, body: dict[str, Any], call: Call[S], fields: set[str], stands: Mapping[str, Any]) -> None:
        """Write, or withdraw, what an update changes. `stands`: what was read before, where anything was."""
        wanted = call.wanted.plain()
        for field in sorted(fields):
            if wanted[field] is None:
                self.withdraw(body, field)
            else:
                self.write(body, field, wanted[field])

    def delete(self, call: Call[S]) -> Observation:
        """One DELETE. Raises `NameTaken` where a create is taken back that was written over another hand's."""
        self.spare(call)
        return self.removed(call)

    def spare(self, call: Call[S]) -> None:
        """Raises `NameTaken` before a delete that takes a create back would take another hand's along."""
        if call.back and not call.heard and call.spec is not None and self._wrote_over(call):
            raise self._taken(call)

    def removed(self, call: Call[S], **conditions: str) -> Observation:
        """Ask once. Nothing to follow: it has gone. Where another operation is at work, that may be its own delete."""
        try:
            answer = call.client(self.service).delete(call.id, **conditions)
        except NotFound:
            return self.absent(call.remote_id)
        except Pending:
            seen = self.observe(call)
            if seen.stands:
                raise
            return seen
        if not answer.operation:
            return self.absent(call.remote_id)
        return Observation(
            kind=self.kind,
            status=Status.deleting,
            remote_id=call.remote_id,
            handle=answer.operation,
            detail="asked to go",
        )

    def adopt(self, call: Call[S]) -> Observation:
        """Tags only."""
        return self._shown_tags(call, self._tag(call, tags.merging(tags.marks(call))))

    def disown(self, call: Call[S]) -> Observation:
        """Tags only."""
        return self._shown_tags(call, self._untag(call, tags.MARKS))

    def retag(self, call: Call[S]) -> str:
        """Write the changed tags of an update, and take off those that are no longer wanted: the operation, if any."""
        write, remove = tags.changed(call.changes)
        begun = self._tag(call, tags.merging(write)) if write else ""
        return (self._untag(call, remove) if remove else "") or begun

    def _tag(self, call: Call[S], change: Mapping[str, Any]) -> str:
        answer: Answer = call.client("resource").patch(tags.path(call.id), change)
        return answer.operation

    def _untag(self, call: Call[S], names: Sequence[str]) -> str:
        # A tag is removed together with the value it has, so that is read first.
        gone = tags.removing(self.read(call, call.id).get("tags"), names)
        return self._tag(call, gone) if gone["properties"]["tags"] else ""

    def _shown_tags(self, call: Call[S], operation: str) -> Observation:
        """What stands, once its tags were asked to change; on its way where ARM takes its time for that."""
        return self._on_its_way(self.observe(call), operation)

    def answered(self, call: Call[S], answer: Answer) -> Observation:
        """What a change comes to: its answer shows it, or a look does."""
        seen = self.see(answer.body, call.scope) if answer.body.get("id") else self.observe(call)
        return self._on_its_way(seen, answer.operation)

    @staticmethod
    def _on_its_way(seen: Observation, operation: str) -> Observation:
        """While there is an operation, nothing is ready, and what does not show yet has not vanished."""
        if not operation:
            return seen
        status = Status.pending if seen.status in {Status.ready, Status.absent} else seen.status
        remote_id = seen.remote_id and ids.canonical(seen.remote_id)
        return seen.model_copy(update={"status": status, "remote_id": remote_id, "handle": operation})

    # --- comparing ---------------------------------------------------------------------------------------------

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Ids and groups in small letters, since ARM spells them as it likes; sorted where order means nothing."""
        form = dict(properties)
        for field in {*self.references, "resource_group"} & set(form):
            form[field] = _small(form[field])
        for field in self.unordered & set(form):
            if isinstance(form[field], list) and not has_unknown(form[field]):
                form[field] = sorted(form[field])
        return form

    def diff(
        self, desired: Mapping[str, Any], last: Mapping[str, Any] | None, live: Mapping[str, Any]
    ) -> tuple[FieldChange, ...]:
        """As ever; a name in another case is the same name."""
        return tuple(c for c in three_way(self, desired, last, live) if not (c.path in self.any_case and _alike(c)))

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Only under the same name, inside the same."""
        was, now = self.canonical(before), self.canonical(after)
        inside = {"resource_group", "virtual_network"}
        return str(was.get("name")).lower() == str(now.get("name")).lower() and all(
            was.get(field) == now.get(field) for field in inside
        )


def outputs(**more: Output) -> dict[str, Output]:
    """The outputs of a kind: those of every one, and its own."""
    return {"id": Output("its id, as Azure spells it"), "name": Output("its name"), **more}


def region(name: Any) -> str:
    """A region's one form: lists and people also write `West Europe`."""
    return str(name or "").replace(" ", "").lower()


def _small(value: Any) -> Any:
    if isinstance(value, str):
        return ids.canonical(value)
    return [_small(v) for v in value] if isinstance(value, list) else value


def _alike(change: FieldChange) -> bool:
    return isinstance(change.before, str) and change.before.lower() == str(change.after).lower()
