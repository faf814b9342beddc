"""The law of least privilege: what each verb asks of the cloud is within what its kind declares."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from typing import Any

from holdfast.plan import Verb
from holdfast.resource import Call
from holdfast.testing.laws.bench import Bench
from holdfast.testing.laws.changing import top, tried


def requests_are_within_permissions(bench: Bench) -> Iterator[str]:
    """Every request of a verb is within its kind's permissions for it, or for `observe`."""
    kind = bench.kind
    bench.begin()
    call = bench.call(bench.token())
    seen = yield from _asked(bench, "create", lambda: kind.create(call))
    bench.ground.rest()
    at = replace(call, remote_id=bench.look(seen.remote_id).remote_id)
    yield from _asked(bench, "observe", lambda: kind.observe(at))
    yield from _asked(bench, "discover", lambda: list(kind.discover(bench.search())))
    yield from _asked(bench, "discover", lambda: list(kind.find_all([call])))
    if not kind.marks_fixed:
        yield from _asked(bench, "adopt", lambda: kind.adopt(at))
        bench.ground.rest()
    for name, operation in kind.operations.items():
        for step in (name, operation.undo, name, operation.undo):  # twice, so that neither finds it done already
            if step is not None:
                yield from _asked(bench, "operate", _operating(bench, at, step))
                bench.ground.rest()
    yield from _as_it_was(bench, at)
    for field in (f for f in tried(bench) if f not in kind.stopped_for):
        yield from _asked(bench, "update", _updating(bench, at, field))
        bench.ground.rest()
        if field not in kind.one_way:
            yield from _asked(bench, "update", _updating(bench, at, field, back=True))
            bench.ground.rest()
    if not kind.marks_fixed:
        yield from _asked(bench, "disown", lambda: kind.disown(at))
        bench.ground.rest()
    yield from _asked(bench, "delete", lambda: kind.delete(at))


def _operating(bench: Bench, at: Call[Any], name: str) -> Callable[[], Any]:
    return lambda: bench.kind.operate(at, name)


def _as_it_was(bench: Bench, at: Call[Any]) -> Iterator[str]:
    """Back to what the example says of the fields that operations move."""
    wanted = bench.spec()
    for name, operation in bench.kind.operations.items():
        live = bench.look(at.remote_id).properties
        if operation.sets and all(wanted.get(f) == v != live.get(f) for f, v in operation.sets.items()):
            yield from _asked(bench, "operate", _operating(bench, at, name))
            bench.ground.rest()


def _updating(bench: Bench, at: Call[Any], field: str, *, back: bool = False) -> Callable[[], Any]:
    live = bench.live(bench.look(at.remote_id))
    there, here = bench.spec({field: bench.kind.trials[field]}), bench.spec()
    wanted, last = (here, there) if back else (there, here)
    changes = tuple(c for c in bench.kind.diff(wanted, last, live) if top(c.path) == field)
    call = replace(at, spec=bench.kind.spec.model_validate(wanted), before=live, changes=changes)
    return lambda: bench.kind.update(call) if changes else None


def _asked(bench: Bench, verb: Verb | str, do: Callable[[], Any]) -> Generator[str, None, Any]:
    """Do it, and judge what it asked for. Returns what it returned."""
    before = len(bench.ground.asked())
    result = do()
    permissions = bench.kind.permissions
    allowed = {*permissions.get(str(verb), ()), *permissions.get("observe", ())}
    for action in dict.fromkeys(bench.ground.asked()[before:]):
        needed = bench.ground.permissions(action)
        if not needed <= allowed:
            yield f"its {verb} asks for {action}, and does not declare {', '.join(sorted(needed - allowed))}"
    return result
