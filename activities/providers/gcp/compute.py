"""What the kinds of Compute Engine have in common: found by name, marked in their first request, made by operations.

A change answers with a long-running operation, whose path is the observation's `handle`; nobody waits for it here.
Each carries a request id, so that Compute carries it out once: within 60 minutes a repeat is answered by the operation
of the first. After that a name stands for it, which is unique where it lives.

Source: Compute Engine API, "Handling API responses" (requestId, operations) and "Labeling resources".
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeAlias

from activities.providers.gcp import descriptions, labelling, labels
from activities.providers.gcp.codes import operation_error
from activities.providers.gcp.paths import Path, bare, outside, placed
from holdfast.errors import InvalidInput, NotFound, Pending
from holdfast.model import Scope, Status
from holdfast.resource import Call, Carrier, Observation, ResourceType, S, Safety, Search, Underway

PAGE = 500  # the most that a list gives in one answer
NAMED = 50  # names in one filter: an address holds some thousand characters
OPERATIONS: Mapping[str, str] = {
    "global": "global_operations",
    "regions": "region_operations",
    "zones": "zone_operations",
}

Step: TypeAlias = tuple[str, Callable[[str], Any]]  # what it is called, and how to ask for it with a request id


class ComputeKind(ResourceType[S]):
    """A kind of Compute: a subclass says where it lives, how it is seen, what it is made of, and how it changes."""

    collection: ClassVar[str]  # in a path: instanceTemplates
    argument: ClassVar[str]  # of its methods, that names one: instance_template
    services: ClassVar[Mapping[str, str]]  # by `global`, `regions` or `zones`: the SDK's service for it there
    relabels: ClassVar[str] = "resource"  # the argument of `set_labels` that names one
    relabels_once: ClassVar[bool] = True  # whether it takes a request id; those of global images do not, and go by the
    # fingerprint alone
    safety = Safety.by_name
    carrier = Carrier.labels

    @abstractmethod
    def place(self, spec: S, scope: Scope) -> str:
        """Where one of this spec lives: `global`, `regions/R` or `zones/Z`."""

    def astray(self, spec: Mapping[str, Any], scope: Scope) -> tuple[str, str] | None:
        """By a zone of another region."""
        zone = spec.get("zone")
        wrong = outside(zone, scope.region) if isinstance(zone, str) else ""
        return ("zone", wrong) if wrong else None

    @abstractmethod
    def see(self, raw: dict[str, Any], scope: Scope) -> Observation:
        """What Compute shows of one; `seen` makes the observation of it."""

    @abstractmethod
    def body(self, call: Call[S]) -> dict[str, Any]:
        """The resource that a create sends, but for its name and marks."""

    def steps(self, call: Call[S]) -> Iterator[Step]:
        """The requests of an update, in order. The next one is only made when the one before it is done."""
        yield from ()

    # --- reading -----------------------------------------------------------------------------------------------

    def path(self, call: Call[S]) -> Path:
        """Where the call's resource is, or shall be."""
        if call.remote_id:
            return Path.read(call.remote_id)
        try:
            place = self.place(call.wanted, call.scope)
        except InvalidInput as wrong:
            wrong.about(call.address)
            raise
        return Path(call.scope.account, place, self.collection, self.named(call))

    def named(self, call: Call[S]) -> str:
        """What it is called, or shall be."""
        return str(getattr(call.wanted, "name"))  # noqa: B009  every spec of Compute's has one

    def service(self, call: Call[S] | Search, place: str) -> Any:
        """The client for what lives at a place."""
        return call.client(self.services[place.partition("/")[0]])

    def get(self, call: Call[S]) -> dict[str, Any]:
        """What Compute shows of the call's resource. Raises `NotFound`."""
        path = self.path(call)
        found: dict[str, Any] = self.service(call, path.place).get(**path.where, **{self.argument: path.name})
        return found

    def observe(self, call: Call[S]) -> Observation:
        """By its path."""
        try:
            return self.see(self.get(call), call.scope)
        except NotFound:
            return self.absent(call.remote_id)

    def find(self, call: Call[S]) -> list[Observation]:
        """At the name: a stranger too. Without a spec, by our marks."""
        if call.spec is None:
            return super().find(call)
        seen = self.observe(replace(call, remote_id=str(self.path(replace(call, remote_id=None)))))
        return [] if seen.status is Status.absent else [seen]

    def find_all(self, calls: Sequence[Call[S]]) -> Iterator[tuple[Call[S], Observation]]:
        """One list for fifty names of a place. One name alone is looked at."""
        wanted: dict[str, dict[str, list[Call[S]]]] = {}
        for call in calls:
            path = self.path(replace(call, remote_id=None))
            wanted.setdefault(path.place, {}).setdefault(path.name, []).append(call)
        for place, named in wanted.items():
            if len(named) == 1:
                ((_, same),) = named.items()
                for seen in self.find(same[0]):
                    yield from ((call, seen) for call in same)
                continue
            names = sorted(named)
            for start in range(0, len(names), NAMED):
                pattern = "|".join(names[start : start + NAMED])
                for raw in self._listed(calls[0], calls[0].scope, place, f'name eq "{pattern}"'):
                    yield from ((call, self.see(raw, call.scope)) for call in named.get(raw["name"], ()))

    def discover(self, search: Search) -> Iterator[Observation]:
        """By label or description, filtered by Compute, five hundred a page. Of a zone's: one list for all zones."""
        if self.carrier is Carrier.labels:
            wanted = " AND ".join(f'(labels.{key} = "{value}")' for key, value in labels.wanted(search).items())
        else:
            wanted = descriptions.wanted(search) or ""
        for scope in self.services:
            place = {"global": "global", "regions": f"regions/{search.scope.region}"}.get(scope, "zones")
            for raw in self._listed(search, search.scope, place, wanted):
                seen = self.see(raw, search.scope)
                # A boot disk bears the marks of its instance, and is no resource of its own.
                if seen.address is None or seen.address.split("/")[1:2] == [self.kind]:
                    yield seen

    def _listed(self, call: Call[S] | Search, scope: Scope, place: str, wanted: str) -> Iterator[dict[str, Any]]:
        asked = {"project": scope.account, "filter": wanted or None, "max_results": PAGE}
        if place != "zones":
            yield from self.service(call, place).list(**asked, **placed(place))
            return
        for where, found in self.service(call, place).aggregated_list(**asked):
            if where.removeprefix("zones/").rpartition("-")[0] == scope.region:
                yield from found.get(self.collection, ())

    def seen(
        self,
        raw: Mapping[str, Any],
        properties: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
        status: Status = Status.ready,
        detail: str = "",
    ) -> Observation:
        """The observation of what Compute shows: `properties` without the labels, `outputs` beside those of all."""
        path = Path.read(raw["selfLink"])
        marks = self._marks(raw)
        own = {"labels": labels.own(raw.get("labels", {}))} if self.carrier is Carrier.labels else {}
        return Observation(
            kind=self.kind,
            status=status,
            remote_id=str(path),
            properties={"name": path.name, **properties, **own},
            outputs={"id": str(path), "self_link": path.link, "name": path.name, **(outputs or {})},
            detail=detail,
            **marks,
        )

    def _marks(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        if self.carrier is Carrier.labels:
            return labels.seen(raw.get("labels", {}))
        return descriptions.seen(raw.get("description", ""))

    # --- operations --------------------------------------------------------------------------------------------

    def underway(self, call: Call[S]) -> Underway | None:
        """The operation of the handle; without one, whichever is at work on what the call is about."""
        if call.handle is not None:
            path = Path.read(call.handle)
            try:
                return _shown(_operations(call, path.place).get(**path.where, operation=path.name))
            except NotFound:
                return None  # Compute forgets them after some weeks
        if call.remote_id is None and call.spec is None:
            return None
        path = self.path(call)
        # An expression is of one field alone. Source: `filter` of every list.
        wanted = f'targetLink eq ".*/{self.targets(path)}"'
        listed = _operations(call, path.place).list(project=path.project, **placed(path.place), filter=wanted)
        return next((_shown(raw) for raw in listed if raw.get("status") != "DONE"), None)

    def targets(self, path: Path) -> str:
        """What the operations on what stands at a path have as their target, as an expression."""
        return str(path)

    def asked(self, call: Call[S], path: Path, answer: Mapping[str, Any], status: Status) -> Observation:
        """What a change answers. An operation that has ended well is looked behind: a repeat may be an old one's."""
        if answer.get("status") == "DONE" and operation_error(answer) is None:
            return self.observe(replace(call, remote_id=str(path)))
        return Observation(
            kind=self.kind,
            status=status,
            remote_id=str(path),
            outputs={"id": str(path), "self_link": path.link, "name": path.name},
            handle=bare(str(answer["selfLink"])),
            detail=_shown(answer).detail,
        )

    def looked(self, call: Call[S]) -> Observation:
        """What stands, which is on its way while an operation of it is at work, whatever it shows."""
        seen = self.observe(call)
        at_work = self.underway(replace(call, handle=None)) if seen.stands else None
        if at_work is None:
            return seen
        pending = {"status": Status.pending, "handle": at_work.handle, "detail": at_work.detail}
        return seen.model_copy(update=pending)

    def run(self, call: Call[S], steps: Iterator[Step]) -> Observation:
        """Ask for steps one after the other. Raises `Pending` where one has to be done before the next can be asked."""
        path, answer = self.path(call), None
        for name, ask in steps:
            if answer is not None and answer.get("status") != "DONE":
                raise Pending(
                    f"{_shown(answer).detail} of {path} is at work; the next change of it follows then",
                    address=call.address,
                )
            answer = ask(call.request(name))
            if answer.get("status") == "DONE" and (error := operation_error(answer)) is not None:
                if (
                    error.again
                ):  # the same request would be answered with the same operation: the settle has it made anew
                    break
                raise error
        return self.looked(call) if answer is None else self.asked(call, path, answer, Status.pending)

    # --- changing ----------------------------------------------------------------------------------------------

    def create(self, call: Call[S]) -> Observation:
        """One request, with the marks in it. What an earlier one made is only looked at."""
        if call.remote_id is not None:
            return self.looked(call)
        path = self.path(call)
        body = {"name": path.name, **self.body(call), **self._marked(call)}
        request = call.request(_told("insert", body))
        answer = self.service(call, path.place).insert(**path.where, body=body, request_id=request)
        return self.asked(call, path, answer, Status.pending)

    def _marked(self, call: Call[S]) -> dict[str, Any]:
        if self.carrier is Carrier.labels:
            return {"labels": labels.marked(call)}
        return {"description": descriptions.marked(call)}

    def update(self, call: Call[S]) -> Observation:
        """`steps`, and the labels among the changes."""

        def both() -> Iterator[Step]:
            writes = labelling.changed(call.changes)
            if writes:
                yield from self._relabelled(call, lambda _: writes)
            yield from self.steps(call)

        return self.run(call, both())

    def delete(self, call: Call[S]) -> Observation:
        """Asked for by name."""
        path = self.path(call)
        named, request = {self.argument: path.name}, call.request(f"delete {path}")
        try:
            answer = self.service(call, path.place).delete(**path.where, **named, request_id=request)
        except NotFound:
            return self.absent(call.remote_id)
        return self.asked(call, path, answer, Status.deleting)

    def adopt(self, call: Call[S]) -> Observation:
        """Labels, or the end of the description."""
        self._rewritable("adopted")
        if self.carrier is Carrier.labels:
            return self.run(call, self._relabelled(call, lambda found: labelling.adopting(call, found)))
        return self.run(call, self._described(call, lambda words: descriptions.over(words, call)))

    def disown(self, call: Call[S]) -> Observation:
        """Labels, or the end of the description."""
        self._rewritable("let go of")
        if self.carrier is Carrier.labels:
            return self.run(call, self._relabelled(call, labelling.disowning))
        return self.run(call, self._described(call, lambda words: words))

    def _rewritable(self, what: str) -> None:
        if self.marks_fixed:
            raise InvalidInput(f"a {self.kind} cannot be {what}: {self.marks_fixed}", standing="untouched")

    def _relabelled(self, call: Call[S], writes: Callable[[Mapping[str, str]], labelling.Writes]) -> Iterator[Step]:
        """All labels at once, on those that were read a moment ago: the fingerprint says so."""
        path, raw = self.path(call), self.get(call)
        found = raw.get("labels", {})
        wanted = labelling.merged(found, writes(found))
        if wanted == found:
            return
        body = {"labels": wanted, "labelFingerprint": raw["labelFingerprint"]}
        named = {self.relabels: path.name}
        ask = self.service(call, path.place).set_labels

        def send(request: str) -> Any:
            number = {"request_id": request} if self.relabels_once else {}
            return ask(**path.where, **named, body=body, **number)

        yield step("labels", send, body)

    def _described(self, call: Call[S], written: Callable[[str], str]) -> Iterator[Step]:
        """Another description, around a person's own words."""
        found = self.get(call).get("description", "")
        wanted = written(descriptions.own(found))
        if wanted != found:
            yield self.patching(call, {"description": wanted})

    @staticmethod
    def reworded(raw: Mapping[str, Any], words: str) -> str:
        """The description of what stands with other words of a person's, and the marks that it bears."""
        return descriptions.reworded(words, str(raw.get("description", "")))

    def patching(self, call: Call[S], body: dict[str, Any], **more: Any) -> Step:
        """The step that patches some fields."""
        path = self.path(call)
        named = {self.argument: path.name}
        ask = self.service(call, path.place).patch
        return step("patch", lambda request: ask(**path.where, **named, body=body, request_id=request, **more), body)

    def asking(self, call: Call[S], method: str, body: dict[str, Any] | None = None, **more: Any) -> Step:
        """The step that is a method of its own."""
        path = self.path(call)
        named = {self.argument: path.name}
        ask = getattr(self.service(call, path.place), method)
        return step(
            method,
            lambda request: ask(**path.where, **named, body=body, request_id=request, **more),
            {"body": body, **more},
        )

    def changes(self, call: Call[S], field: str) -> bool:
        """Whether an update changes a field."""
        return any(c.path.partition(".")[0] == field for c in call.changes)

    # --- comparing ---------------------------------------------------------------------------------------------

    references: ClassVar[frozenset[str]] = frozenset()  # fields that name another resource: compared as paths

    def canonical(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """References as paths, whichever way they are written; blanks around a description mean nothing."""
        form = dict(properties)
        if "description" in form:
            form["description"] = descriptions.compared(form["description"])
        for field in self.references:
            if isinstance(form.get(field), str):
                form[field] = bare(form[field])
        return form

    def collides(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Under the same name, in the same place."""
        where = ("name", "zone", "location")
        return all(before.get(field) == after.get(field) for field in where)


def step(name: str, ask: Callable[[str], Any], said: Mapping[str, Any]) -> Step:
    """A request of an act."""
    return _told(name, said), ask


def _told(name: str, said: Mapping[str, Any]) -> str:
    """What a request's id is made of: whatever else it says, it has another id.

    To an id that it knows Compute answers with the operation of the first, whatever the second says: what another
    delivery wants otherwise (an output that is another by now, a secret) would pass for made.
    """
    return f"{name} {json.dumps(said, sort_keys=True)}"


def _operations(call: Call[Any], place: str) -> Any:
    return call.client(OPERATIONS[place.partition("/")[0]])


def _shown(raw: Mapping[str, Any]) -> Underway:
    status = raw.get("status", "")
    detail = f"{raw.get('operationType', 'operation')} {status}, {raw.get('progress', 0)} %"
    return Underway(bare(str(raw["selfLink"])), ended=status == "DONE", detail=detail, error=operation_error(raw))
