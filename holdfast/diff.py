"""Desired against live, three ways, field by field; and the same changes applied, turned round and taken back.

A path is a field, or a field and one key of it: `size`, `tags.cost-center`. Everything behind the first dot is the key,
since keys may hold dots themselves. Deeper values are compared whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from holdfast.plan import Action, FieldChange, canonical_json
from holdfast.resource import ResourceType
from holdfast.values import freeze, has_opaque, has_unknown, resolve, thaw

__all__ = [
    "apply_changes",
    "arrived",
    "covers",
    "invert",
    "is_after",
    "is_before",
    "is_midway",
    "renamed_in",
    "three_way",
    "undo_changes",
    "value_at",
]


def three_way(
    kind: ResourceType[Any],
    desired: Mapping[str, Any],
    last: Mapping[str, Any] | None,
    live: Mapping[str, Any],
) -> tuple[FieldChange, ...]:
    """What must change so that live becomes desired, in the spec's order; empty when nothing must.

    - `None` in desired: not managed, the cloud's choice. A value that we set and that still stands is withdrawn
      (`after` is None), unless it is immutable: we do not replace a resource because a line was left out.
    - A field that live does not show cannot be read: it is compared with `last`, and without one it is not a change.
    - A map goes key by key: a key that differs changes, a key that `last` had and desired has not is removed
      (`after` is None), a key that only live has is left alone.
    - A value that is not known yet is a change; only the walk can find that it was none.
    - A value that holds a secret is compared with `last`, reference against reference: what live shows of it, if
      anything, is never what was written.
    """
    wanted, found = kind.canonical(desired), kind.canonical(live)
    known = kind.canonical(last) if last is not None else None
    changes: list[FieldChange] = []
    for field, value in wanted.items():
        before = known.get(field) if known is not None else None
        # `field in live`, not `in found`: a canonical form may fill in what nobody read.
        if field not in live and known is None:
            continue
        base = found.get(field) if field in live else before
        differing: Iterable[tuple[str, Any, Any]]
        replaces = field in kind.immutable
        if isinstance(base, dict) and (isinstance(value, dict) or (value is None and isinstance(before, dict))):
            differing = _members(field, value or {}, base, before if isinstance(before, dict) else {})
        elif isinstance(value, dict) and base is None:
            differing = _members(field, value, {}, {})
        elif value is None:
            differing = [] if replaces else _withdrawn(field, base, before)
        else:
            differing = _compared(field, value, base, before)
        changes.extend(
            FieldChange(path=path, before=freeze(old), after=freeze(new), replaces=replaces)
            for path, old, new in differing
        )
    return tuple(changes)


def _members(
    field: str, wanted: Mapping[str, Any], live: Mapping[str, Any], last: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    for key, value in wanted.items():
        if value is not None:
            yield from _compared(f"{field}.{key}", value, live.get(key), last.get(key))
    for key, before in last.items():
        if wanted.get(key) is None and live.get(key) is not None:
            yield f"{field}.{key}", before if has_opaque(before) else live[key], None


def _withdrawn(path: str, live: Any, last: Any) -> Iterator[tuple[str, Any, Any]]:
    """A value of ours that nobody wants any more. One that another hand has changed since is not ours."""
    if last is not None and (live == last or has_opaque(last)):
        yield path, last, None


def _compared(path: str, wanted: Any, live: Any, last: Any) -> Iterator[tuple[str, Any, Any]]:
    if has_unknown(wanted):
        yield path, live, wanted
    elif has_opaque(wanted):
        if wanted != last:
            yield path, last, wanted
    elif wanted != live:
        yield path, live, wanted


def covers(prefix: str, path: str) -> bool:
    """Whether a path is the prefix or a member of it: `tags` covers `tags.cost-center`."""
    return path == prefix or path.startswith(f"{prefix}.")


def value_at(properties: Mapping[str, Any], path: str) -> Any:
    """What stands at a path; None where nothing does."""
    field, dot, key = path.partition(".")
    value = properties.get(field)
    if not dot:
        return value
    return value.get(key) if isinstance(value, Mapping) else None


def apply_changes(live: Mapping[str, Any], changes: Iterable[FieldChange]) -> dict[str, Any]:
    """The properties once the changes are written. A key that is removed goes; a field that is unset becomes None."""
    after = dict(live)
    for change in changes:
        field, dot, key = change.path.partition(".")
        if not dot:
            after[field] = thaw(change.after)
            continue
        members = dict(after.get(field) or {})
        if change.after is None:
            members.pop(key, None)
        else:
            members[key] = thaw(change.after)
        after[field] = members
    return after


def invert(changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
    """The changes that lead back, in reverse order."""
    back = [c.model_copy(update={"before": c.after, "after": c.before}) for c in changes]
    return tuple(reversed(back))


def is_before(live: Mapping[str, Any], changes: Iterable[FieldChange]) -> bool:
    """Whether none of the changes has been written: every field still is its before-image, as far as it can be read."""
    return all(_reads(live, c.path, c.before) for c in changes)


def is_after(live: Mapping[str, Any], changes: Iterable[FieldChange]) -> bool:
    """Whether every change has been written, as far as fields can be read."""
    return all(_reads(live, c.path, c.after) for c in changes)


def is_midway(kind: ResourceType[Any], path: str, before: JsonValue, stands: JsonValue, after: JsonValue) -> bool:
    """Whether a value is one that an update from `before` to `after` passes through: of a `stepwise` list, all the
    members that both have, and no member that neither has. Values are frozen and in canonical form.
    """
    if path not in kind.stepwise:
        return False
    first, now, last = ({canonical_json(member) for member in _list(v)} for v in (before, stands, after))
    return first & last <= now <= first | last


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []


def _reads(live: Mapping[str, Any], path: str, value: JsonValue) -> bool:
    field = path.partition(".")[0]
    return field not in live or value_at(live, path) == value


def undo_changes(
    changes: Iterable[FieldChange],
    live: Mapping[str, Any],
    renamed: Mapping[str, str] | None = None,
    kind: ResourceType[Any] | None = None,
) -> tuple[tuple[FieldChange, ...], tuple[FieldChange, ...]]:
    """What to write so that the before-image stands again, and what another hand has changed since.

    Returns `(to_write, foreign)`. A field whose live value is the change's after, or its before under an id that died,
    is written back; one that already is the before-image is left; any other value is foreign and is not touched. A
    field that cannot be read is written back unseen, and a `stepwise` one that stands midway is written back whole.
    `renamed` maps ids that died to those that stand for them now; as more of them become known, the same changes may be
    taken back again. With a `kind` values are compared in its canonical form, since a list of new ids sorts otherwise.
    No value may be unknown: see `arrived`.
    """
    died = renamed or {}

    def form(path: str, value: Any) -> Any:
        if kind is None or value is None:
            return value
        alone = FieldChange(path=path, after=value)
        return value_at(kind.canonical(apply_changes({}, [alone])), path)

    to_write: list[FieldChange] = []
    foreign: list[FieldChange] = []
    for change in reversed(list(changes)):
        path, stands = change.path, value_at(live, change.path)
        target = form(path, renamed_in(change.before, died))
        back = change.model_copy(update={"before": freeze(stands), "after": freeze(target)})
        if path.partition(".")[0] not in live:
            to_write.append(back)
        elif form(path, stands) == target:
            continue
        elif (
            (now := form(path, renamed_in(stands, died))) == target
            or form(path, stands) == (after := form(path, change.after))
            or (kind is not None and is_midway(kind, path, back.after, freeze(now), freeze(after)))
        ):
            to_write.append(back)
        else:
            foreign.append(back)
    return tuple(to_write), tuple(foreign)


def renamed_in(value: JsonValue, renamed: Mapping[str, str]) -> JsonValue:
    """A value with every text that is exactly an old id replaced by the new one, however deep it lies."""
    if isinstance(value, str):
        return renamed.get(value, value)
    if isinstance(value, list):
        return [renamed_in(v, renamed) for v in value]
    if isinstance(value, dict):
        return {k: renamed_in(v, renamed) for k, v in value.items()}
    return value


def arrived(kind: ResourceType[Any], action: Action, known: Mapping[str, JsonValue]) -> tuple[FieldChange, ...]:
    """The action's changes once its inputs are known; those that turn out to change nothing are left out.

    Where one of the rest still says `replaces`, the plan did not foresee it: the caller stops with `PlanStale`.
    """
    spec = resolve(thaw(action.spec), known)
    before = action.before or {}
    changes: list[FieldChange] = []
    for change in action.changes:
        if not has_unknown(thaw(change.after)):
            changes.append(change)
            continue
        # Canonical again: a list is sorted by the ids that have arrived, not by the pointers that stood for them.
        fresh = three_way(kind, spec, apply_changes({}, invert([change])), before)
        changes.extend(c for c in fresh if covers(change.path, c.path))
    return tuple(changes)
