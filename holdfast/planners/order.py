"""In which order acts come: what is needed before what needs it, what goes after what stood on it, and what cannot be
taken back as late as it can be.

Why this makes no circle. Going forward follows the goal, which has none; going away follows what stands on what now,
which has none; and what goes away waits for what goes forward, not the other way. The exception is a delete that must
come before a create. What is deleted for it is `early`, what is made on top of it is `late`, and no early delete waits
for a late act: a replace that is both is turned round to delete-first as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from holdfast.errors import Broken, HoldfastError, InUse, InvalidInput
from holdfast.graph import Graph
from holdfast.model import Address
from holdfast.plan import Action, Verb
from holdfast.planners.acts import Acts, Draft, acts_of
from holdfast.planners.courses import Course, Turn, at, listed
from holdfast.planners.decide import Decision, raise_all, texts


def ordered(decision: Decision) -> tuple[Action, ...]:
    """Every act of a decision, in an order that could be walked one by one; `after` says what each waits for.

    Raises `InUse` for what would have to be deleted while something that stays refers to it.
    """
    return _Order(decision).actions()


class _Order:
    def __init__(self, decision: Decision) -> None:
        self._courses = decision.table.courses
        self._goal, self._now = decision.goal, decision.now
        self._early, self._late = self._delete_first()
        raise_all(list(self._in_use()))
        self._acts = {address: acts_of(course) for address, course in self._courses.items() if _any(course)}
        self._drafts: list[Draft] = []
        self._index: dict[int, int] = {}  # id of a draft -> its index

    def actions(self) -> tuple[Action, ...]:
        self._lay_out()
        for address, acts in self._acts.items():
            self._forward(address, acts)
            self._away(address, acts)
        self._irreversible_last()
        return self._numbered()

    def _delete_first(self) -> tuple[set[Address], set[Address]]:
        """What must be deleted before something is created, and what is made after that."""
        courses = self._courses
        replaced = [a for a, c in courses.items() if c.turn is Turn.replace]
        holders: set[Address] = set()
        made: list[Address] = []
        for address, course in courses.items():
            holder = course.place.namesake
            if course.makes and holder in courses and courses[holder].goes:
                holders.add(holder)
                made.append(address)
        for address in holders:
            courses[address].delete_first = courses[address].turn is Turn.replace
        first = [a for a in replaced if courses[a].delete_first]
        early = self._now.above([*first, *holders])
        late = self._goal.above([*first, *made])
        for address in replaced:
            if address in early and address in late:
                courses[address].delete_first = True
        return early, late

    def _in_use(self) -> Iterator[HoldfastError]:
        """A letter for each that a cloud would refuse to delete, since something that stays names it until then."""
        for address, course in self._courses.items():
            if not (course.turn is Turn.replace and course.delete_first and course.kind.kept_in_use):
                continue
            above = {a: self._courses[a] for a in self._now.needed_by(address)}
            staying = [a for a, c in above.items() if c.turn in {Turn.stand, Turn.update}]
            old = course.standing
            # Its id, and whatever else it gives that it was not told: nobody is known by a name alone.
            names = {old.remote_id, *texts(list(old.outputs.values()))} - {*texts(course.shown)}
            users = [a for a in staying if not names.isdisjoint(texts(self._courses[a].shown))]
            if users:
                yield InUse(
                    f"{old.remote_id} would have to be deleted before it is made anew, and {listed(users)} uses it "
                    f"until then: its cloud would refuse that ({course.reason})",
                    address=address,
                    standing="all of it stands; nothing was touched",
                    next=f"{course.kind.kept_in_use}{at(course.desired)}",
                )

    def _lay_out(self) -> None:
        """List the drafts as people would read them: forward as the goal goes, then away from the top down."""
        forward = [a for a in self._goal.order() if a in self._acts]
        rest = [a for a in self._acts if a not in self._goal]
        for address in [*forward, *rest]:
            acts = self._acts[address]
            self._add(*acts.waits, acts.marks, acts.first, *acts.forward)
        down = [a for a in reversed(self._now.order()) if a in self._acts]
        known = set(down)
        for address in [*down, *(a for a in self._acts if a not in known)]:
            acts = self._acts[address]
            self._add(acts.last, *acts.leftovers)

    def _add(self, *drafts: Draft | None) -> None:
        for draft in drafts:
            if draft is not None:
                self._index[id(draft)] = len(self._drafts)
                self._drafts.append(draft)

    def _wait(self, draft: Draft, others: Iterable[Draft | None]) -> None:
        draft.after.update(self._index[id(o)] for o in others if o is not None)

    def _forward(self, address: Address, acts: Acts) -> None:
        """What makes an address what it shall be comes after what it needs, and its own steps after each other."""
        if not acts.forward:
            return
        head = acts.forward[0]
        for below in self._goal.needs(address):
            if below in self._acts:
                self._wait(head, [_ready(self._acts[below])])
        self._wait(head, [*acts.waits, acts.marks, acts.first])
        for before, after in zip(acts.forward, acts.forward[1:], strict=False):
            self._wait(after, [before])
        holder = self._courses[address].place.namesake
        if holder in self._acts and self._courses[address].makes:
            self._wait(head, _leaving(self._acts[holder]))

    def _away(self, address: Address, acts: Acts) -> None:
        """What goes away comes after what stood on it has gone or moved, and after its own replacement."""
        leaving = [*_leaving(acts), *acts.leftovers]
        if not leaving:
            return
        waits: list[Draft | None] = [acts.marks]
        standing_on_it = dict.fromkeys(self._now.needed_by(address))
        for above in dict.fromkeys([*standing_on_it, *self._goal.needed_by(address)]):
            other = self._acts.get(above)
            if other is None:
                continue
            gone = _leaving(other) if above in standing_on_it else []
            if gone:
                waits += gone
            elif not (address in self._early and above in self._late):
                waits.append(_ready(other))
        for draft in leaving:
            self._wait(draft, waits)
            if draft is not acts.first:
                self._wait(draft, [acts.forward[-1] if acts.forward else None])

    def _irreversible_last(self) -> None:
        """Let the first act that does not return wait for every act that can come before it, and the others for it.

        One gate keeps the edges few: every other such act waits for the gate, and the gate for the ends of the rest.
        """
        graph = self._graph()
        fixed = [i for i in graph.order() if not self._drafts[i].returns]
        if not fixed:
            return
        beyond = graph.above(fixed)
        before = [i for i in range(len(self._drafts)) if i not in beyond]
        ends = [i for i in before if all(above in beyond for above in graph.needed_by(i))]
        gate = fixed[0]
        self._drafts[gate].after.update(ends)
        behind = graph.above([gate])
        for i in fixed:
            if i not in behind:
                self._drafts[i].after.add(gate)

    def _graph(self) -> Graph[int]:
        listing = sorted(range(len(self._drafts)), key=lambda i: not self._drafts[i].returns)
        return Graph({i: sorted(self._drafts[i].after) for i in listing})

    def _numbered(self) -> tuple[Action, ...]:
        try:
            order = self._graph().order()
        except InvalidInput as circle:  # the argument above would be wrong: a bug, and not the reader's fault
            raise Broken(f"the plan goes in a circle: {self._explained()}") from circle
        seq = {index: n for n, index in enumerate(order)}
        return tuple(self._action(self._drafts[i], n, seq) for i, n in seq.items())

    def _explained(self) -> str:
        circle = self._graph().cycle()
        return " -> ".join(f"{self._drafts[i].verb} {self._drafts[i].course.address}" for i in circle)

    def _action(self, draft: Draft, seq: int, numbers: dict[int, int]) -> Action:
        course = draft.course
        going = draft.verb in {Verb.delete, Verb.disown} or course.address not in self._goal
        stands_on = (self._now if going else self._goal).needs(course.address)
        return Action(
            seq=seq,
            verb=draft.verb,
            address=course.address,
            scope=course.scope,
            undo=draft.undo,
            after=tuple(sorted(numbers[i] for i in draft.after)),
            depends_on=stands_on,
            **draft.facts,
        )


def _any(course: Course) -> bool:
    return course.acts or bool(course.leftovers)


def _ready(acts: Acts) -> Draft | None:
    """The act after which others may stand on it."""
    return acts.forward[-1] if acts.forward else acts.marks


def _leaving(acts: Acts) -> list[Draft]:
    return [d for d in (acts.first, acts.last) if d is not None]
