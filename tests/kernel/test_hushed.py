"""What carrying an act out raises holds no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from activities.protocol.job import Job, hushed
from activities.testing import hands
from holdfast.act import Act, Done
from holdfast.errors import Broken, InvalidInput
from holdfast.plan import Action, Undo, UndoLabel, Verb
from holdfast.secret import HIDDEN, Secret
from holdfast.testing import sim
from holdfast.testing.laws import Bench
from holdfast.testing.laws.memory import MemoryGround

UNDO = Undo(label=UndoLabel.exact, verb=Verb.delete)


def job() -> Job:
    at = sim.address("web")
    action = Action(seq=0, verb=Verb.create, address=at, scope=sim.SCOPE, undo=UNDO)
    act = Act(address=at, scope=sim.SCOPE, verb=Verb.create, plan="p", seq=0, token="t", owner=sim.OWNER)
    return Job(act, action, sim.SimThing(), lambda _: None, secret=lambda _: "hunter2")


@hushed
def refused(job: Job) -> Done:
    spec = job.spec({"name": "web", "seal": Secret("env:SEAL")})
    raise InvalidInput(f"the cloud refused {spec.plain()['seal']}", code="Bad", next="mend it") from ValueError(
        "hunter2"
    )


@hushed
def unlucky(job: Job) -> Done:
    job.spec({"name": "web", "seal": Secret("env:SEAL")})
    raise InvalidInput("the cloud refused something else") from ValueError("else")


@hushed
def unforeseen(job: Job) -> Done:
    job.spec({"name": "web", "seal": Secret("env:SEAL")})
    raise KeyError("hunter2")


def test_what_nobody_foresaw() -> None:
    """An error that is none of ours is told without the secret as well."""
    with pytest.raises(Broken, match=HIDDEN) as error:
        unforeseen(job())
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is error.value.__context__ is None


def test_a_secret_of_several_lines() -> None:
    """A secret is hidden however its ends of lines and quotes are written."""
    asked = replace(job(), secret=lambda _: 'first\n"second"')

    @hushed
    def quoting(job: Job) -> Done:
        said = job.spec({"name": "web", "seal": Secret("env:SEAL")}).plain()["seal"]
        raise InvalidInput(f"{said!r} and {json.dumps(said)} and {said}")

    with pytest.raises(InvalidInput) as error:
        quoting(asked)
    assert "second" not in str(error.value)


def test_a_refusal_that_repeats_a_secret() -> None:
    """A cloud that repeats a secret in its refusal is quoted without it, and nothing behind the letter has it."""
    with pytest.raises(InvalidInput) as error:
        refused(job())
    letter = error.value.letter
    assert (letter.happened, letter.code, letter.next) == (f"the cloud refused {HIDDEN}", "Bad", "mend it")
    assert error.value.__cause__ is error.value.__context__ is None
    assert "hunter2" not in "".join(map(str, error.value.args))


def test_any_other_refusal() -> None:
    """A refusal that says nothing of a secret stays as it was, cause and all."""
    with pytest.raises(InvalidInput, match="something else") as error:
        unlucky(job())
    assert isinstance(error.value.__cause__, ValueError)


def test_a_secret_that_can_be_read_back() -> None:
    """A secret in a field that can be read is exchanged and taken back; no answer says what was read of it."""
    bench = Bench(sim.SimThing(), sim.catalog(), MemoryGround(), hands)
    bench.begin()
    lies = {"env:ONE": "hunter-one", "env:TWO": "hunter-two"}
    one, two = (bench.spec() | {"tags": {"key": Secret(reference)}} for reference in lies)
    made = bench.deliver(*create_of(bench, one), secrets=lies)
    seen = bench.look(made.remote_id)
    changes = bench.kind.diff(two, one, bench.live(seen))
    action = bench.action(Verb.update, two, seen, changes=changes, undo=Undo(label=UndoLabel.exact, verb=Verb.update))
    act = bench.act(action, bench.token())
    answers = [bench.deliver(act, action, again=again, secrets=lies) for again in (False, True)]
    assert bench.look(made.remote_id).properties["tags"] == {"key": "hunter-two"}
    back = act.model_copy(update={"back": True})
    answers += [bench.deliver(back, action, again=again, secrets=lies) for again in (False, True)]
    assert bench.look(made.remote_id).properties["tags"] == {"key": "hunter-one"}
    assert not any("hunter" in done.model_dump_json() for done in answers)


def create_of(bench: Bench, plain: dict[str, Any]) -> tuple[Act, Action]:
    action = bench.action(Verb.create, plain, undo=UNDO)
    return bench.act(action, bench.token()), action
