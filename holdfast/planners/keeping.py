"""What shall stand, against what does: made, changed, replaced, taken over or left as it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from holdfast.diff import apply_changes, covers, invert
from holdfast.errors import InvalidInput, NotFound, Protected, Refused
from holdfast.model import Address
from holdfast.plan import FieldChange
from holdfast.planners.courses import Course, Table, Turn, at, listed
from holdfast.planners.places import outputs_of, refuse_strangers
from holdfast.resource import Status
from holdfast.values import has_unknown, pointers, resolve, thaw


class Keeping:
    """Decides about the goal's addresses, each after what it needs, so that it knows what will change beneath it."""

    def __init__(self, table: Table, replace: set[Address]) -> None:
        self._table, self._replace = table, replace
        self._coming: set[str] = set()  # addresses whose outputs will only be known once they were acted on
        self._born: set[str] = set()  # those of them that will be other resources than now

    def give_up(self, address: Address) -> None:
        """This address could not be decided about; what waits for it is not to blame."""
        self._coming.add(str(address))
        self._born.add(str(address))

    def decide(self, address: Address) -> None:
        """Set the course of one address of the goal. Raises what stands in the way."""
        desired = self._table.wanted[address]
        course = self._table.course(address, desired.scope)
        course.desired = desired
        self._stay(course)
        course.spec = self._spec(course)
        self._take_over(course)
        live = course.live
        if live is None:
            self._make(course)
        elif address in self._replace:
            course.reason, course.code = "asked for", "replace_by_request"
            self._replaced(course, self._differs(course)[0])
        elif live.status is Status.failed and course.kind.failed_is_broken:
            course.reason = f"it failed: {live.detail}" if live.detail else "it failed"
            course.code = "replace_because_tainted"
            self._replaced(course, self._differs(course)[0])
        else:
            if live.status is Status.failed:
                why = f": {live.detail}" if live.detail else ""
                self._table.warnings.append(
                    f"{address}: the last change to it has failed{why}; `--replace {address}` makes it anew"
                )
            self._compare(course)
        self._tell(course)
        self._table.courses[address] = course

    def adopt(self, address: Address) -> None:
        """Take over what stands at an id, touching nothing but its marks."""
        course = self._table.course(address, self._table.wanted[address].scope)
        course.desired, course.turn, course.held = self._table.wanted[address], Turn.stand, True
        course.spec = course.kind.canonical(resolve(course.wanted.spec, self._table.known))
        self._take_over(course)
        self._tell(course)
        self._table.courses[address] = course

    def _spec(self, course: Course) -> dict[str, Any]:
        """The spec, canonical, with all that is known filled in. Raises where a pointer leads nowhere."""
        spec = course.wanted.spec
        if not pointers(spec):
            return course.kind.canonical(spec)
        spec = resolve(spec, self._table.known)
        for pointer in pointers(spec):
            self._must_come(pointer)
        try:
            return course.kind.canonical(course.kind.spec.model_validate(spec).plain())
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False)[0]
            path = ".".join(map(str, first["loc"]))
            raise InvalidInput(f"{path}: {first['msg']}", next=f"correct it{at(course.desired)}") from wrong

    def _must_come(self, pointer: str) -> None:
        source = pointer.partition("#")[0]
        if source in self._coming:
            return
        if source.startswith(("data.", "stack.")):
            raise NotFound(f"it needs {pointer}, and nothing was found for {source}")
        raise Refused(
            f"it needs {pointer}, which {source} does not give",
            standing="what it points to stands, but does not show that output",
            next="wait until that is ready and plan again, or name another output",
        )

    @staticmethod
    def _stay(course: Course) -> None:
        """Raises where the document moves what stands to another place: it would be looked for where it is not."""
        entry = course.entry
        if course.live is None or entry is None or entry.scope == course.scope:
            return
        raise Refused(
            f"{entry.remote_id} stands in {entry.scope}; the document wants it in {course.scope}, and nothing moves",
            standing="untouched",
            next=f"give the new one a name of its own{at(course.desired)}, so that the old one is removed where it is; "
            "or let the document say the old place",
        )

    def _take_over(self, course: Course) -> None:
        """Find out whether marks must be written before anything else: adopted, moved, or stripped by another hand."""
        asked = self._table.facts.adopt.get(course.address)
        stranger = refuse_strangers(course.kind, course.address, course.place, asked)
        live = course.live
        if stranger is not None and live is not None:
            raise Refused(
                f"{live.remote_id} stands at this address already, so {stranger.remote_id} cannot take it",
                next=f"`holdfast forget {course.address.stack} {course.address}` first",
            )
        if stranger is not None:
            course.place.current, course.marks = stranger, "taken over on request"
            course.write_marks("taken over", "let the document make another one, under a name of its own")
            # What cannot be read is not known: it is written where it may be, and believed where it would be a replace.
            course.last = {
                name: value
                for name, value in course.spec.items()
                if name in course.kind.immutable and name not in stranger.properties and not has_unknown(value)
            }
            if self._table.facts.marks_only:
                return
            differing = [c.path for c in self._differs(course)[0] if c.replaces]
            if differing:
                raise Refused(
                    f"{stranger.remote_id} cannot be taken over: {listed(differing)} cannot change in place",
                    standing="it was not touched; taking it over would mean to replace it",
                    next=f"let the document say what stands{at(course.desired)}",
                )
        elif asked is not None and (live is None or live.remote_id != asked):
            raise NotFound(f"there is no {course.kind.kind} {asked} to take over")
        elif live is not None and course.place.unmarked:
            course.write_marks("marked again", "remove it, or let the document choose another name")
            course.marks = "its ownership marks are gone"
            self._table.warnings.append(f"{course.address}: {course.marks}; they are written again")
        elif live is not None and live.address not in {None, str(course.address)}:
            course.write_marks(f"moved from {live.address}", "let the document call it by its old address")
            course.marks = f"moved from {live.address}"

    def _make(self, course: Course) -> None:
        course.turn = Turn.create
        if course.place.deleting:
            course.reason = f"{course.place.deleting[0].remote_id} is still going away; it is made after that"
        elif course.entry is not None:
            course.reason = f"gone: {course.entry.remote_id} was removed by another hand"
        else:
            course.reason = "not there"

    def _differs(self, course: Course) -> tuple[tuple[FieldChange, ...], tuple[FieldChange, ...]]:
        """What differs and shall change, and what differs and shall be left."""
        changes = course.kind.diff(course.spec, course.last, course.standing.properties)
        ignored = course.wanted.ignore_changes
        left = tuple(c for c in changes if any(covers(i, c.path) for i in ignored))
        return tuple(c for c in changes if c not in left) if left else changes, left

    def _compare(self, course: Course) -> None:
        course.changes, left = self._differs(course)
        forced = [c for c in course.changes if c.replaces and not self._may_stay(c)]
        if forced:
            course.code = "replace_because_cannot_update"
            course.reason = f"{_why(forced)} and cannot change in place"
            self._replaced(course, course.changes)
        elif course.changes:
            course.turn, course.reason = Turn.update, _why(course.changes)
        else:
            course.turn = Turn.stand
        if left and not forced:
            course.spec = apply_changes(course.spec, invert(left))  # what shall stand there is what does

    def _may_stay(self, change: FieldChange) -> bool:
        """Whether a change waits only for resources that are updated: its value may turn out to be what it was.

        We do not replace on a guess. Should the value change after all, the walk stops with `PlanStale`.
        """
        waits = [p.partition("#")[0] for p in pointers(thaw(change.after))]
        return bool(waits) and not any(w in self._born for w in waits)

    def _replaced(self, course: Course, changes: tuple[FieldChange, ...]) -> None:
        if course.wanted.protect:
            raise Protected(
                f"it would be replaced ({course.reason}), and it is protected{at(course.desired)}",
                standing=f"{course.standing.remote_id} stands as it is",
                next="take the change back, or set `protect: false`",
            )
        course.turn, course.changes = Turn.replace, changes
        course.delete_first = course.kind.collides(course.standing.properties, course.spec)

    def _tell(self, course: Course) -> None:
        """Make known to those that stand on it what will not change, and what will."""
        address, live = str(course.address), course.live
        if course.makes:
            self._coming.add(address)
            self._born.add(address)
        elif live is not None and course.turn is Turn.update:
            self._coming.add(address)
            stable = {name: output.stable for name, output in course.kind.outputs.items()}
            self._table.known.update(outputs_of(course.address, live, stable))
        elif live is not None:
            self._table.known.update(outputs_of(course.address, live))


def _why(changes: Sequence[FieldChange]) -> str:
    """`size changes`, or `zone changes; base follows shop/sim.thing/net`."""
    waits = {c.path: [p.partition("#")[0] for p in pointers(thaw(c.after))] for c in changes}
    own, following = [p for p, w in waits.items() if not w], [p for p, w in waits.items() if w]
    parts = [f"{listed(own)} change{'s' * (len(own) == 1)}"] if own else []
    if following:
        leaders = listed(leader for path in following for leader in waits[path])
        parts.append(f"{listed(following)} follow{'s' * (len(following) == 1)} {leaders}")
    return "; ".join(parts)
