"""What stands and shall not: removed, let go of, or protected from that; and what nobody decides about, left alone."""

from __future__ import annotations

from holdfast.desired import OnRemove
from holdfast.errors import NotFound, NotOurs, Protected, Refused
from holdfast.model import Address
from holdfast.planners.courses import Course, Table, Turn
from holdfast.planners.places import Place, outputs_of


def leave(table: Table, address: Address) -> Course | None:
    """Leave alone what stands at an address that nothing is said about. None where nothing of ours ever stood."""
    entry, place = table.newest.get(address), table.places.get(address)
    if entry is None and (place is None or not (place.current or place.deposed)):
        return None
    desired = table.wanted.get(address)
    known = entry or desired
    scope = known.scope if known else table.facts.found_in.get(address)
    if scope is None:
        raise Refused(
            "it stands and carries our marks, and nobody can say in which scope",
            next="name it in the document, or take its marks off",
        )
    course = table.course(address, scope)
    course.desired, course.held = desired, table.facts.holds
    course.turn = Turn.stand if course.live else Turn.nothing
    for o in course.place.strangers:
        if entry is not None and o.remote_id == entry.remote_id:
            table.warnings.append(f"{address}: {o.remote_id} belongs to {o.owner} now; it leaves the ledger")
    if course.live is not None:
        table.known.update(outputs_of(address, course.live))
    table.courses[address] = course
    return course


def believe(table: Table, address: Address) -> None:
    """Leave what nobody has looked at to the ledger: it says what stands there, and goes on saying it."""
    entry, desired = table.newest.get(address), table.wanted.get(address)
    known = desired or entry
    if known is None:
        return  # of a rename: its new name is left as well
    course = table.course(address, known.scope)
    course.desired, course.unread, course.held = desired, True, True
    course.place = Place()
    table.courses[address] = course


def remove(table: Table, address: Address) -> None:
    """Remove what stands at an address that the document does not name, or keep it without us, as was said of it.

    Raises `Protected`, and `NotOurs` where our marks were taken off: then somebody else has a use for it.
    """
    course = leave(table, address)
    if course is None or course.live is None:
        return
    entry, stands = course.entry, f"{course.live.remote_id} stands as it is"
    if course.place.unmarked:
        raise NotOurs(
            f"{course.live.remote_id} no longer carries our marks, so it is not removed",
            standing=stands,
            next=f"`holdfast forget {address.stack} {address}` lets go of it; `holdfast adopt` takes it over again",
        )
    if entry is not None and entry.on_remove == OnRemove.keep:
        course.write_marks("let go of", "leave it in the document, or bring it up once with `on_remove: delete`")
        course.turn, course.reason = Turn.disown, "kept, as the document said: on_remove: keep"
        return
    if entry is not None and entry.protect:
        raise Protected(
            "it would be removed, and it is protected",
            standing=stands,
            next="bring it up once with `protect: false`, then remove it",
        )
    course.turn = Turn.delete
    course.reason = "the stack goes down" if table.facts.down else "no longer in the document"
    if not table.facts.down:
        same = address.key is not None and (address.kind, address.base) in table.bases
        course.code = "delete_because_each_key" if same else "delete_because_no_resource_config"


def forget(table: Table, address: Address) -> None:
    """Let go of what stands, without touching it otherwise."""
    course = table.courses.get(address)
    if course is None or course.live is None:
        raise NotFound("nothing of ours stands here, so there is nothing to let go of")
    if not course.place.unmarked:  # else nothing has to be written
        course.write_marks("let go of", "leave it in the document, or remove it")
    course.hold()
    course.turn, course.reason = Turn.disown, "let go of on request"
