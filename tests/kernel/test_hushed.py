"""What carrying an act out raises holds no secret."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import secrets
from activities.causes import causes
from activities.letters import shown
from activities.plans import Plans
from activities.protocol.job import Job, hushed
from activities.protocol.settle import settle
from activities.reading import CloudReading
from activities.stores.directory import DirectoryStore
from activities.testing import hands
from activities.verbs import BACK
from holdfast.act import Act, Done, Look, Sweep
from holdfast.errors import Broken, CreateFailed, InvalidInput, Pending, Throttled
from holdfast.plan import Action, Plan, Undo, UndoLabel, Verb
from holdfast.resource import Call, Underway
from holdfast.secret import HIDDEN, Secret
from holdfast.testing import sim
from holdfast.testing.laws import Bench
from holdfast.testing.laws.memory import MemoryGround
from holdfast.values import freeze
from tests.engine.cloud import Cloud, Visit

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


def test_a_cloud_that_asks_for_time() -> None:
    """How long a cloud wants us to wait is kept when its words are not."""

    @hushed
    def throttled(job: Job) -> Done:
        job.spec({"name": "web", "seal": Secret("env:SEAL")})
        raise Throttled("not now, hunter2", after=timedelta(seconds=7))

    with pytest.raises(Throttled, match=HIDDEN) as error:
        throttled(job())
    assert error.value.after == timedelta(seconds=7)


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


def test_what_an_operation_ended_in() -> None:
    """The words of an operation are told without the secret that another delivery has sent; also on the way back."""
    asked = job()
    asked.action = asked.action.model_copy(update={"spec": {"name": "web", "seal": freeze(Secret("env:SEAL"))}})
    asked.act = asked.act.model_copy(update={"handle": "operation-1", "remote_id": "id-1"})
    asked.kind = Operating()
    with pytest.raises(CreateFailed) as error:
        settle(asked, timedelta(), timedelta(minutes=1))
    assert (error.value.letter.happened, error.value.letter.code) == (f"it failed: {HIDDEN}", f"Bad {HIDDEN}")
    asked.act = asked.act.model_copy(update={"back": True, "handle": None})
    with pytest.raises(Pending, match=f"{HIDDEN} is being looked at") as waiting:
        BACK[Verb.create](asked)
    assert "hunter2" not in str(waiting.value)


class Operating(sim.SimThing):
    """Its operations say what they were given."""

    def underway(self, call: Call[Any]) -> Underway | None:
        """See `ResourceType.underway`."""
        error = CreateFailed("it failed: hunter2", code="Bad hunter2") if call.handle else None
        return Underway("operation-1", ended=error is not None, detail="hunter2 is being looked at", error=error)


def test_what_reading_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is read, and what reading and sweeping fail with, tells no secret of the specs that they are about."""
    monkeypatch.setenv("SEAL", "hunter2")
    cloud, store = Cloud(), DirectoryStore(tmp_path)
    at, spec = sim.address("web"), {"name": "web", "seal": Secret("env:SEAL")}
    cloud.gives_up = "no hunter2 here"
    call = Call(at, sim.SCOPE, sim.OWNER, cloud, token="t", spec=sim.ThingSpec.model_validate(spec))
    sim.SimThing().create(call)
    reading = CloudReading(sim.catalog(), store, lambda _: Visit(cloud))
    hiding = store.put({str(at): [freeze(spec)]})
    look = Look(scope=sim.SCOPE, kinds=("sim.thing",), owner=sim.OWNER, hiding=hiding)
    rows: Any = store.get(ActivityEnvironment().run(reading.discover, look).digest)
    assert [row["observation"]["detail"] for row in rows] == [f"no {HIDDEN} here"]

    cloud.refuse("list", "sim.thing", InvalidInput("nobody lists hunter2"))
    with pytest.raises(ApplicationError, match=f"nobody lists {HIDDEN}"):
        ActivityEnvironment().run(reading.discover, look)

    frozen = {name: freeze(value) for name, value in spec.items()}
    action = Action(seq=0, verb=Verb.create, address=at, scope=sim.SCOPE, undo=UNDO, spec=frozen)
    plan = Plans(store).keep(Plan(stack=sim.OWNER.stack, operation="up", actions=(action,)))
    sweep = Sweep(scope=sim.SCOPE, owner=sim.OWNER, kinds=("sim.thing",), plan=plan, plan_id=str(uuid4()))
    cloud.refuse("list", "sim.thing", InvalidInput("nobody lists hunter2"))
    with pytest.raises(ApplicationError, match=f"nobody lists {HIDDEN}"):
        ActivityEnvironment().run(reading.sweep, sweep)


def test_an_error_that_is_its_own_cause() -> None:
    """A chain of causes that leads back into itself is followed once round."""
    one, two = InvalidInput("the cloud refused hunter2"), ValueError("hunter2")
    one.__cause__, two.__cause__ = two, one
    assert list(causes(one)) == [two]
    assert shown(one) is one
    quiet = secrets.hushed(one, ["hunter2"])
    assert quiet is not None
    assert "hunter2" not in quiet.letter.happened
    alone = ValueError("else")
    alone.__cause__ = alone
    assert list(causes(alone)) == []
