"""Laws about what a kind says of itself. They need no cloud, but for the words of its permissions."""

from __future__ import annotations

import json
from collections.abc import Iterator

from holdfast.plan import Verb
from holdfast.resource import ResourceType, Safety
from holdfast.testing.laws.bench import Bench
from holdfast.values import freeze, thaw


def example_is_accepted(bench: Bench) -> Iterator[str]:
    """Its example is a document that `check` accepts."""
    if not bench.kind.example.strip():
        yield "it has no example"
        return
    bench.bound()
    for field, value in bench.kind.trials.items():
        if field not in bench.kind.spec.model_fields:
            yield f"its trials name {field}, which is no field of its spec"
        else:
            bench.bound({field: value})


def mutable_fields_have_trials(bench: Bench) -> Iterator[str]:
    """Every field that may change in place has a trial, another value than the example's."""
    for field in mutable(bench):
        if field not in bench.kind.trials:
            yield f"{field} is neither immutable nor moved by an operation, and has no trial"
    example = bench.bound()[-1].spec
    for field, value in bench.kind.trials.items():
        if field not in mutable(bench):
            continue
        tried = bench.bound({field: value})[-1].spec
        if bench.kind.canonical(tried).get(field) == bench.kind.canonical(example).get(field):
            yield f"the trial of {field} is what the example says already"


def specs_survive_json(bench: Bench) -> Iterator[str]:
    """A spec comes back from JSON as it was, and its canonical form stays what it is."""
    kind = bench.kind
    for over in [{}, *({field: value} for field, value in kind.trials.items())]:
        plain = bench.bound(over)[-1].spec
        back = thaw(json.loads(json.dumps(freeze(plain))))
        again = kind.spec.model_validate(back).plain()
        if back != plain:
            yield f"{plain} comes back as {back}"
        elif kind.canonical(again) != kind.canonical(plain):
            yield f"{plain} is read again as {again}"
        if kind.canonical(kind.canonical(plain)) != kind.canonical(plain):
            yield f"the canonical form of {plain} has another canonical form"


def declarations_agree(bench: Bench) -> Iterator[str]:
    """What it declares fits together: fields that exist, operations with an inverse that exists, a token's window."""
    kind, fields = bench.kind, set(bench.kind.spec.model_fields)
    named = {"immutable": kind.immutable, "one_way": set(kind.one_way), "lossy": set(kind.lossy)}
    named |= {"stopped_for": set(kind.stopped_for)}
    for name, said in named.items():
        if said - fields:
            yield f"{name} names {', '.join(sorted(said - fields))}, which its spec has not"
    if "id" not in kind.outputs:
        yield "it has no output `id` that others could refer to"
    if kind.safety is Safety.by_token and kind.token_window is None:
        yield "it is safe by its token, and does not say how long the cloud remembers one"
    if type(kind).delete_label is not ResourceType.delete_label and not kind.delete_lossy:
        yield "the undo of its delete depends on what stands, and `delete_lossy` does not say how"
    brackets = [name for pair in kind.stopped_for.values() for name in pair]
    undos = [o.undo for o in kind.operations.values() if o.undo is not None]
    for name in dict.fromkeys([*brackets, *undos]):
        if name not in kind.operations:
            yield f"it names the operation {name!r}, which it does not declare"


def permissions_name_every_verb(bench: Bench) -> Iterator[str]:
    """Its permissions cover every verb that it has."""
    wanted = {"observe", "discover", "create", "delete"}
    wanted |= {"adopt", "disown"} if not bench.kind.marks_fixed else set()
    wanted |= {str(Verb.update)} if mutable(bench) else set()
    wanted |= {str(Verb.operate)} if bench.kind.operations else set()
    for verb in sorted(wanted):
        if not bench.kind.permissions.get(verb):
            yield f"it names no permissions for {verb}"


def mutable(bench: Bench) -> list[str]:
    """The fields that an update may write: neither immutable nor moved by an operation."""
    moved = {field for operation in bench.kind.operations.values() for field in operation.sets}
    return [f for f in bench.kind.spec.model_fields if f not in bench.kind.immutable and f not in moved]
