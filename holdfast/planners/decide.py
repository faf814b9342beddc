"""What becomes of every address of the goal, the ledger and the world, each in turn, with all errors at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from holdfast.catalog import Catalog
from holdfast.errors import Ambiguous, HoldfastError, InUse, InvalidInput, NameTaken, Refused
from holdfast.graph import Graph
from holdfast.model import Address
from holdfast.planners.courses import Course, Table, Turn, at, listed
from holdfast.planners.facts import Facts
from holdfast.planners.keeping import Keeping
from holdfast.planners.leaving import believe, forget, leave, remove
from holdfast.planners.places import outputs_of, survey
from holdfast.planners.renames import rename
from holdfast.planners.targets import below, named, unread

__all__ = ["Decision", "below", "decide", "named", "raise_all", "texts"]


@dataclass(frozen=True, slots=True)
class Decision:
    """The table once everything is decided, and who stands on whom: by the goal, and by what is there now."""

    table: Table
    goal: Graph[Address]
    now: Graph[Address]


def decide(catalog: Catalog, facts: Facts) -> Decision:
    """Set the course of every address. Raises everything that stands in the way, together."""
    errors: list[HoldfastError] = []
    newest, _ = facts.entries()
    wanted = facts.wanted()
    table = Table(
        catalog=catalog,
        facts=facts,
        wanted=wanted,
        bases={(a.kind, a.base) for a in wanted},
        newest=newest,
        places=survey(catalog, facts, errors),
        moved=facts.moved(),
        known={**facts.looked_up, **facts.stack_outputs},
        errors=errors,
    )
    ambiguous = {e.letter.address for e in errors if isinstance(e, Ambiguous)}
    dark = unread(facts)
    if not facts.holds:
        rename(table, dark)
    goal = Graph({a: below(d) for a, d in table.wanted.items()})
    keeping = Keeping(table, named(facts.replace, table.wanted, errors, "replace"))

    def attempt(address: Address, decider: Callable[[Address], object]) -> None:
        if address in ambiguous:  # said already
            keeping.give_up(address)
            return
        try:
            decider(address)
        except HoldfastError as error:
            errors.append(error.about(address))
            keeping.give_up(address)

    try:
        order = goal.order()
    except InvalidInput as circle:
        raise_all([*errors, circle])
        raise
    adopting = named(facts.adopt, table.wanted, errors, "take over")
    for address in order:
        if address in dark:
            believe(table, address)
        elif not facts.holds:
            attempt(address, keeping.decide)
        elif address in adopting:
            attempt(address, keeping.adopt)
        else:
            attempt(address, lambda a: leave(table, a))
    # Without a goal only a `down` removes anything: a `forget` brings no document.
    leaving = remove if (facts.down or facts.goal is not None) and not facts.holds else leave
    moved_on = set(table.came_from.values())
    for address in dict.fromkeys([*newest, *table.places]):
        if address in table.wanted or address in moved_on:
            continue
        if address in dark:
            believe(table, address)
        else:
            attempt(address, lambda a: leaving(table, a))
    for address in facts.forget:
        attempt(address, lambda a: forget(table, a))
    _refuse_taken_names(table)
    _refuse_held_back(table)
    raise_all(errors)
    now = _now(table)
    _limit(table, goal, now, errors)
    raise_all(errors)
    return Decision(table, goal, now)


def raise_all(errors: list[HoldfastError]) -> None:
    """Raise all errors as one letter, of their class where they share one; nothing when there are none."""
    if not errors:
        return
    if len(errors) == 1:
        raise errors[0]
    classes = {type(e) for e in errors}
    together = classes.pop() if len(classes) == 1 else Refused
    letters = [e.letter for e in errors]
    lines = [f"- {x.opening}" + (f" ({x.next})" if x.next else "") for x in letters]
    raise together(
        "\n".join([f"{len(errors)} things stand in the way:", *lines]),
        standing="nothing was touched",
        next="settle each of them, then plan again",
    )


def _now(table: Table) -> Graph[Address]:
    """Who stands on whom now, as far as the ledger, or the ids that resources show, can say."""
    ids = {c.live.remote_id: a for a, c in table.courses.items() if c.live is not None}
    needs: dict[Address, list[Address]] = {}
    for address, course in table.courses.items():
        # Not what the goal says: a document may turn round what stands on what.
        said = course.entry.depends_on if course.entry is not None else ()
        shown = texts(course.shown) if course.live is not None else ()
        found = [*(table.moved.get(a, a) for a in said), *(ids[text] for text in shown if text in ids)]
        needs[address] = [a for a in found if a != address]
    # Two resources may name each other, and a ledger may be older than the document: such a circle is no order.
    return Graph(needs).acyclic()


def texts(value: object) -> Iterable[str]:
    """Every text in a value, however deep it lies."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for member in value:
            yield from texts(member)
    elif isinstance(value, dict):
        for member in value.values():
            yield from texts(member)


def _refuse_taken_names(table: Table) -> None:
    """Refuse to make anything at a name that another address of ours holds and will not give up."""
    for course in table.courses.values():
        holder = course.place.namesake
        if not course.makes or holder is None:
            continue
        other = table.courses.get(holder)
        if other is None or not other.goes:
            table.errors.append(
                NameTaken(
                    f"its name is held by {holder}, which stays",
                    address=course.address,
                    next=f"choose another name{at(course.desired)}",
                )
            )


def _refuse_held_back(table: Table) -> None:
    """Refuse to remove what something that stays was made with, and which the document has only left out since.

    The cloud would refuse it later. We do not replace what stays on our own account: that must be said.
    """
    going = {c.live.remote_id: a for a, c in table.courses.items() if c.live is not None and c.goes}
    if not going:
        return
    for course in table.courses.values():
        if course.turn not in {Turn.stand, Turn.update} or course.desired is None:
            continue
        for path in course.kind.immutable:
            shown = course.shown.get(path)
            if course.spec.get(path) is None and isinstance(shown, str) and shown in going:
                table.errors.append(
                    InUse(
                        f"it stands on {going[shown]} ({shown}), which goes away, and {path} cannot change in place",
                        address=course.address,
                        standing="both stand; neither was touched",
                        next=f"ask for it to be made anew (`--replace {course.address}`), or keep {going[shown]}",
                    )
                )


def _limit(table: Table, goal: Graph[Address], now: Graph[Address], errors: list[HoldfastError]) -> None:
    """Leave everything alone that was not asked for, when only some targets were."""
    facts, courses = table.facts, table.courses
    if not facts.targets or facts.holds:
        return
    chosen = _with_what_it_takes(named(facts.targets, courses, errors, "target"), courses, goal, now)
    for address, course in courses.items():
        if address not in chosen:
            _hold(table, course)
        elif course.unread:
            there = facts.read is None or course.scope in facts.read
            what = "what it stands on or refers to" if there else str(course.scope)
            errors.append(
                Refused(
                    f"it has to be looked at as well, since a target changes that it goes with; {what} was not",
                    address=address,
                    standing="nothing was touched",
                    next=f"name it too: `--target {address}`",
                )
            )
    if facts.read is not None and (places := {str(c.scope) for c in courses.values() if c.scope not in facts.read}):
        table.warnings.append(
            f"nothing was looked at in {listed(sorted(places))}: what stands there is as the ledger says"
        )


def _with_what_it_takes(
    targets: set[Address], courses: Mapping[Address, Course], goal: Graph[Address], now: Graph[Address]
) -> set[Address]:
    """The targets, what they will stand on, and what stands on that which goes: it must have moved before."""
    chosen, queue = set(targets), list(targets)
    while queue:
        address = queue.pop()
        course = courses.get(address)
        more = list(goal.needs(address))
        if course is not None and (course.goes or course.turn is Turn.disown):
            more += [*now.needed_by(address), *goal.needed_by(address)]
        if course is not None and course.place.namesake is not None:
            more.append(course.place.namesake)
        for other in more:
            if other not in chosen:
                chosen.add(other)
                queue.append(other)
    return chosen


def _hold(table: Table, course: Course) -> None:
    came_from = table.came_from.get(course.address)
    if course.live is not None and course.live.owner is None and not course.place.unmarked:
        course.place.current = None  # a stranger that is not taken over after all
    if came_from is not None:
        course.address = came_from  # it keeps its old name for now
    course.hold()
    if course.live is not None:
        table.known.update(outputs_of(course.address, course.live))
