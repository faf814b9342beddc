"""The law of secrets: what an act answers, and what a refusal says, holds references and never what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from holdfast.errors import HoldfastError
from holdfast.plan import Undo, UndoLabel, Verb
from holdfast.secret import Secret
from holdfast.testing.laws.bench import Bench
from holdfast.testing.laws.changing import tried

REFERENCE = "env:HOLDFAST_LAWS_SECRET"


def secrets_are_references(bench: Bench) -> Iterator[str]:
    """Secrets appear as references only: in what an act answers, in what it says it applied, and in its letters."""
    for field in tried(bench):
        value = bench.kind.trials[field]
        if not isinstance(value, str) or field in bench.kind.stopped_for:
            continue
        bench.begin()  # what the example needs has to stand before its spec is known
        plain = bench.spec({field: value})
        value, wanted = plain[field], plain | {field: Secret(REFERENCE)}  # a trial may refer to what stands
        try:
            bench.kind.spec.model_validate(wanted)
        except ValidationError:
            continue  # the field takes no secret
        yield from _seen(bench, field, wanted, value)


def _seen(bench: Bench, field: str, wanted: dict[str, Any], value: str) -> Iterator[str]:
    # The value that lies there is the trial's own, so that the cloud takes it; and one it may not like.
    for clear in (value, f"{value}-hunter2"):
        bench.begin()
        action = bench.action(Verb.create, wanted, undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
        act = bench.act(action, bench.token())
        try:
            done = bench.deliver(act, action, secrets={REFERENCE: clear})
            said = done.model_dump_json()
        except HoldfastError as error:
            said = error.letter.model_dump_json(exclude={"code", "requests"}) if clear != value else ""
            if clear == value:
                raise
        if clear in said and _is_telling(bench, clear):
            yield f"the secret of {field} is in the clear in {said}"


def _is_telling(bench: Bench, clear: str) -> bool:
    """Whether finding it means that it was told: a text that stands in every answer anyway does not."""
    return clear not in bench.text()
