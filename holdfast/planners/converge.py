"""Bring a stack to its goal, or down: facts in, the whole plan out, and the same plan for the same facts.

Nothing is looked up here and nothing is left open. What stands in the way is raised at once, all of it together.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import JsonValue

from holdfast.catalog import Catalog
from holdfast.diff import covers, invert, three_way
from holdfast.errors import NotFound, Refused
from holdfast.plan import Action, Drift, Plan, Standing, Verb, digest_of
from holdfast.planners.courses import Table, Turn
from holdfast.planners.decide import Decision, decide, raise_all
from holdfast.planners.facts import Facts
from holdfast.planners.order import ordered
from holdfast.planners.targets import unread
from holdfast.values import freeze, pointers, resolve

__all__ = ["DATA", "DELETE_FIRST", "Facts", "converge"]

DATA = "data"  # something that holds data is deleted
DELETE_FIRST = "delete-first"  # something is gone for a while before its replacement stands


def converge(catalog: Catalog, facts: Facts) -> Plan:
    """What to do so that the world becomes the goal, in order, with the undo of each step.

    Raises `Refused`, or the class that all errors share, with every error in its letter: `InvalidInput`, `Protected`,
    `NotOurs`, `Ambiguous`, `NotFound`, `NameTaken`.
    """
    with _nothing_to_collect():
        return _plan(decide(catalog, facts))


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Whatever planning makes lives until the plan does. Python's collector would go over all of it, again and again,
    and find nothing: half of the time for ten thousand resources, and more than that for more.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def _plan(decision: Decision) -> Plan:
    facts = decision.table.facts
    actions = ordered(decision)
    warnings, confirmations = _asks(decision, actions)
    return Plan(
        stack=facts.stack,
        operation=str(facts.operation),
        actions=actions,
        standing=tuple(_standing(decision)),
        drift=tuple(_drift(decision.table)),
        outputs=_outputs(decision.table, actions),
        sensitive_outputs=_sensitive(facts),
        warnings=tuple(dict.fromkeys([*decision.table.warnings, *warnings])),
        point_of_no_return=next((a.seq for a in actions if not a.undo.label.returns), None),
        confirmations=confirmations,
        partial=bool(facts.targets) or facts.marks_only,
    )


def _asks(decision: Decision, actions: tuple[Action, ...]) -> tuple[list[str], tuple[str, ...]]:
    """What a person should know, and must say yes to."""
    warnings: list[str] = []
    needed: dict[str, None] = {}
    courses = decision.table.courses
    for action in actions:
        if action.verb is not Verb.delete or action.undo.nothing:
            continue
        if courses[action.address].kind.holds_data:
            needed[DATA] = None
            warnings.append(f"{action.address} holds data, and is deleted")
        if action.replaces and not action.deposed:
            needed[DELETE_FIRST] = None
            warnings.append(f"{action.address} is deleted before it is made anew: the two cannot stand side by side")
        kept = [a for a in decision.now.needed_by(action.address) if courses[a].turn is Turn.disown]
        if courses[action.address].turn is Turn.delete:
            warnings += [f"{action.address} is deleted while {above}, which stands on it, is kept" for above in kept]
    return warnings, tuple(needed)


def _standing(decision: Decision) -> list[Standing]:
    """What is left as it is. The ledger's older halves that nobody asked about stay in it, before their heirs."""
    standing: list[Standing] = []
    for address, course in decision.table.courses.items():
        # What is left alone stands where it stood, whatever the goal would have it stand on.
        graph = decision.goal if course.desired is not None and not course.held else decision.now
        stands_on = graph.needs(address)
        entry, desired = course.entry, course.desired
        says = desired or entry
        common: dict[str, Any] = {
            "address": course.address,
            "scope": course.scope,
            "depends_on": stands_on,
            "protect": says.protect if says else False,
            "on_remove": str(says.on_remove) if says else "delete",
        }
        left = course.place.deposed if course.held else ()
        standing += [Standing(**common, remote_id=o.remote_id or "", token=o.token or "") for o in left]
        live = course.live
        if live is None or live.remote_id is None or course.acts:
            continue
        record: dict[str, Any] = {"digest": entry.spec if entry else ""}
        applied = course.kind.canonical(course.last) if course.last is not None else None
        if desired is not None and not course.held and (not record["digest"] or applied != course.spec):
            # By our marks or by another hand it is what the document says already; remember that as applied.
            record = {"digest": digest_of(freeze(course.spec)), "spec": freeze(course.spec)}
        standing.append(Standing(**common, **record, remote_id=live.remote_id, token=live.token or ""))
    return standing


def _drift(table: Table) -> list[Drift]:
    """What is not as it was last applied: `before` is what was applied, `after` what stands now."""
    drift: list[Drift] = []
    for course in table.courses.values():
        if course.unread:
            continue
        if course.live is None:
            if course.entry is not None and not course.place.strangers:
                drift.append(Drift(address=course.address, gone=True))
        elif course.last is not None and course.entry is not None:
            back = three_way(course.kind, course.last, course.last, course.live.properties)
            ignored = course.desired.ignore_changes if course.desired else ()
            seen = tuple(reversed(invert(c for c in back if not any(covers(i, c.path) for i in ignored))))
            if seen:
                drift.append(Drift(address=course.address, changes=seen))
    return drift


def _outputs(table: Table, actions: tuple[Action, ...]) -> dict[str, JsonValue]:
    """The goal's outputs, as far as they are known; the others name the act they wait for."""
    facts = table.facts
    if facts.down:
        return {}
    if facts.goal is None or facts.marks_only:
        return dict(facts.ledger.outputs)
    coming, dark = {str(a.address) for a in actions}, {str(a) for a in unread(facts)}
    outputs: dict[str, JsonValue] = {}
    for name, value in facts.goal.outputs.items():
        found = resolve(value, table.known)
        missing = [p for p in pointers(found) if p.partition("#")[0] not in coming]
        if not missing:
            outputs[name] = freeze(found)
        elif facts.targets or facts.refresh_only:
            if name in facts.ledger.outputs:
                outputs[name] = facts.ledger.outputs[name]
            if missing[0].partition("#")[0] in dark:
                table.warnings.append(f"output {name} stays as it was: nobody looked at {missing[0]}")
            else:
                table.warnings.append(f"output {name} waits for {missing[0]}, which this plan does not bring about")
        else:
            error = NotFound if missing[0].startswith(("data.", "stack.")) else Refused
            table.errors.append(error(f"output {name} needs {missing[0]}, which nothing gives"))
    raise_all(table.errors)
    return outputs


def _sensitive(facts: Facts) -> tuple[str, ...]:
    if facts.goal is None or facts.marks_only:
        return () if facts.down else facts.ledger.sensitive_outputs
    return facts.goal.sensitive_outputs
