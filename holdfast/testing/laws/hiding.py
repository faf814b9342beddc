"""The law of secrets: what an act answers, and what a refusal says, holds references and never what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from holdfast.act import Act
from holdfast.errors import HoldfastError, NotYet
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.secret import Secret
from holdfast.testing.laws.bench import Bench
from holdfast.testing.laws.changing import top, tried
from holdfast.testing.laws.ground import Delivery

REFERENCE = "env:HOLDFAST_LAWS_SECRET"
SHORT = 4  # characters: a text of fewer stands in any sentence
LOOKS = 5  # at what was accepted, an hour apart, until the cloud has given up on it
HOUR = timedelta(hours=1)


def secrets_are_references(bench: Bench) -> Iterator[str]:
    """Secrets appear as references only: in what an act answers, in what it says it applied, and in its letters."""
    given_up = False
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
        # The value that lies there is the trial's own, so that the cloud takes it; and one it may not like.
        for clear in (value, f"{value}-hunter2"):
            for said in _told(bench, field, wanted, clear, strict=clear == value, given_up=given_up):
                if clear in said and _is_telling(bench, clear):
                    yield f"the secret of {field} is in the clear in {said}"
        given_up = True  # once is enough: what the cloud says then depends on no field


def _told(
    bench: Bench, field: str, wanted: dict[str, Any], clear: str, *, strict: bool, given_up: bool
) -> Iterator[str]:
    """All that is said about a secret that is created with, that is written, and that the cloud gives up on."""
    bench.begin()
    yield from _delivered(bench, *_creating(bench, wanted), clear, strict=strict)
    if strict:
        return
    seen = bench.stands()
    changes = bench.kind.diff(wanted, bench.spec(), bench.live(seen))
    undo = Undo(label=UndoLabel.exact, verb=Verb.update)
    mine = tuple(change for change in changes if top(change.path) == field)
    action = bench.action(Verb.update, wanted, seen, changes=mine, undo=undo)
    yield from _delivered(bench, bench.act(action, bench.token()), action, clear)
    if not given_up:
        yield from _given_up(bench, wanted, clear)


def _creating(bench: Bench, wanted: dict[str, Any]) -> tuple[Act, Action]:
    action = bench.action(Verb.create, wanted, undo=Undo(label=UndoLabel.exact, verb=Verb.delete))
    return bench.act(action, bench.token()), action


def _delivered(bench: Bench, act: Act, action: Action, clear: str, *, strict: bool = False) -> Iterator[str]:
    try:
        yield bench.deliver(act, action, secrets={REFERENCE: clear}).model_dump_json()
    except HoldfastError as error:
        if strict:
            raise
        yield _letter(error)


def _given_up(bench: Bench, wanted: dict[str, Any], clear: str) -> Iterator[str]:
    """What is said when the cloud accepts a create, and repeats the secret when it has given up on it."""
    bench.begin()
    if not bench.ground.give_up(f"it does not like {clear}"):
        return
    act, action = _creating(bench, wanted)
    secrets = {REFERENCE: clear}
    try:
        done = bench.deliver(act, action, secrets=secrets)
    except HoldfastError as error:
        yield _letter(error)
        return
    asked = act.model_copy(update={"remote_id": done.remote_id, "handle": done.handle})
    for _ in range(LOOKS):
        delivery = Delivery(asked, action, bench.kind, bench.ground, again=True, secrets=secrets)
        try:
            yield bench.hands.settle(delivery, timedelta(), HOUR).model_dump_json()
            break
        except NotYet as error:
            yield _letter(error)
        except HoldfastError as error:
            yield _letter(error)
            break
        bench.ground.wait(HOUR.total_seconds())
    back = asked.model_copy(update={"verb": Verb.delete, "back": True})
    yield from _delivered(bench, back, action, clear)


def _letter(error: HoldfastError) -> str:
    return error.letter.model_dump_json(exclude={"requests"})


def _is_telling(bench: Bench, clear: str) -> bool:
    """Whether finding it means that it was told: a text that stands in every answer anyway does not."""
    return len(clear) >= SHORT and clear not in bench.text()
