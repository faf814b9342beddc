"""The laws can fail: kinds that are broken on purpose are each caught, by the law that names what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import JsonValue

from activities import testing
from activities.protocol import remove
from activities.protocol.job import Job
from activities.protocol.settle import settle
from activities.testing import hands
from holdfast.act import Done
from holdfast.catalog import Catalog
from holdfast.errors import NotFound
from holdfast.plan import UndoLabel
from holdfast.resource import Call, Observation, Safety, Status
from holdfast.testing.laws import Bench, broken, lost
from holdfast.testing.laws.memory import MemoryGround
from holdfast.testing.sim import SimKind, SimThing


class Forgetful(SimThing):
    """Its create forgets the marks."""

    def create(self, call: Call[Any]) -> Observation:
        world = call.client("sim")
        return self._seen(
            world.create(self.kind, call.scope, self._fields(call.wanted), {}, unique=False, token=False), None
        )


class Partial(SimThing):
    """Its update leaves a field."""

    def update(self, call: Call[Any]) -> Observation:
        return super().update(replace(call, changes=[c for c in call.changes if c.path != "size"]))


class Eager(SimThing):
    """Its update writes the whole spec, whatever has changed."""

    def update(self, call: Call[Any]) -> Observation:
        fields = {k: v for k, v in self._fields(call.wanted).items() if k not in {"power", "model"}}
        return self._seen(call.client("sim").update(call.id, fields), call.id)


class Repeating(SimThing):
    """Its create says that a token protects it, and asks without one."""

    safety = Safety.by_token
    token_window = SimThing.visible_within

    def create(self, call: Call[Any]) -> Observation:
        world = call.client("sim")
        made = world.create(self.kind, call.scope, self._fields(call.wanted), call.marks, unique=False, token=False)
        return self._seen(made, None)


class Strict(SimThing):
    """Its delete raises when there is nothing to delete."""

    def delete(self, call: Call[Any]) -> Observation:
        if call.client("sim").get(call.id) is None:
            raise NotFound(f"{call.id} is not there")
        return super().delete(call)


class Untried(SimThing):
    """A field may change, and nothing says how."""

    trials: ClassVar[Mapping[str, JsonValue]] = {k: v for k, v in SimThing.trials.items() if k != "tags"}


class Patient(SimThing):
    """Its create waits until what it made is there."""

    def create(self, call: Call[Any]) -> Observation:
        import time

        made = super().create(call)
        time.sleep(3)
        return made.model_copy(update={"status": Status.ready})


class Grasping(SimThing):
    """Its create takes whatever bears the name."""

    def create(self, call: Call[Any]) -> Observation:
        world = call.client("sim")
        for thing in world.list(self.kind, call.scope, {}):
            if thing.fields["name"] == call.wanted.name:
                return self._seen(world.mark(thing.id, call.marks), thing.id)
        return super().create(call)


class Meddling(SimThing):
    """It marks what it looks at."""

    def observe(self, call: Call[Any]) -> Observation:
        seen = super().observe(call)
        if seen.stands:
            call.client("sim").mark(call.id, {"seen": "yes"})
        return seen


class Uncertain(SimThing):
    """It asks for more than it declares."""

    permissions: ClassVar[Mapping[str, tuple[str, ...]]] = {**SimKind.permissions, "delete": ("sim:Get",)}


class Moody(SimThing):
    """What its delete loses depends on what stands, and it does not say on what."""

    def delete_label(self, live: Mapping[str, Any]) -> tuple[UndoLabel, str]:
        return (UndoLabel.lossy, "its size") if live.get("size") else (UndoLabel.exact, "")


CASES: tuple[tuple[type[SimKind], str, str], ...] = (
    (Forgetful, "the_marks_are_there_at_once", "cannot be found by its marks"),
    (Forgetful, "what_is_made_is_found", "owner"),
    (Partial, "updates_reach_the_cloud", "after its update size is 2, and 3 was written"),
    (Eager, "updates_write_nothing_else", "which another hand had set to"),
    (Repeating, "asking_twice_makes_one", "there stands {'sim.thing': 2}"),
    (Strict, "deleting_twice_is_deleting_once", "NotFound"),
    (Untried, "mutable_fields_have_trials", "tags is neither immutable nor moved by an operation, and has no trial"),
    (Patient, "no_call_waits", "its create sleeps for 3 s"),
    (Grasping, "strangers_are_left_alone", "a create took another owner's for its own"),
    (Meddling, "reading_changes_nothing", "observe asked for sim:Mark"),
    (Moody, "declarations_agree", "`delete_lossy` does not say how"),
    (Uncertain, "requests_are_within_permissions", "its delete asks for sim:Delete"),
)


def bench(kind: type[SimKind]) -> Bench:
    made = kind()
    return Bench(made, Catalog([made]), MemoryGround(), hands)


@pytest.mark.parametrize("kind, law, said", CASES, ids=lambda v: v.__name__ if isinstance(v, type) else None)
def test_a_broken_kind_is_caught(kind: type[SimKind], law: str, said: str) -> None:
    """The law that a kind breaks names the kind, and what was seen."""
    found = [str(v) for v in broken(bench(kind), law)]
    assert any(said in v and v.startswith(kind.kind) for v in found), found


@pytest.mark.parametrize("law", sorted({law for _, law, _ in CASES}))
def test_a_whole_kind_is_not(law: str) -> None:
    """The same laws find nothing in the kind that the broken ones are made of."""
    assert broken(bench(SimThing), law) == []


def test_a_create_without_marks_leaves_orphans_when_its_answer_is_lost() -> None:
    """What cannot be found again is left behind by a loss, and the judge of losses counts it."""
    found = [v.seen for v in lost(bench(Forgetful), "create")]
    assert any("create" in v for v in found), found


class Believing(SimThing):
    """Its delete answers what a stale read shows: that it stands."""

    def delete(self, call: Call[Any]) -> Observation:
        before = self._seen(call.client("sim").get(call.id), call.id)
        super().delete(call)
        return before


def test_a_delete_that_believes_a_stale_read_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A delete answered by a stale `ready` is still waited for; a protocol that takes it for the truth is caught."""
    assert lost(bench(Believing), "delete") == []

    def credulous(job: Job, live: Observation) -> Done:
        return job.done(job.kind.delete(job.call(live.remote_id)), settle_within=job.settles())

    monkeypatch.setattr(remove, "_ask", credulous)
    found = [v.seen for v in lost(bench(Believing), "delete")]
    assert any("nobody would wait until it has gone" in v for v in found), found


def test_an_undo_that_believes_a_stale_read_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """An undo that looks once, before anything shows, leaves what was done; and the law names it."""
    law = "what_was_just_done_is_taken_back"
    assert broken(bench(SimThing), law) == []
    monkeypatch.setattr(Job, "look_back", lambda _, look, __: look())
    found = [v.seen for v in broken(bench(SimThing), law)]
    assert any(v.startswith("operate") for v in found), found


def test_a_settle_that_repeats_a_secret_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told of a create that the cloud gave up on is judged as well; of our own protocol nothing is found."""
    law = "secrets_are_references"
    assert broken(bench(SimThing), law) == []
    monkeypatch.setattr(testing, "settle", settle.__wrapped__)  # type: ignore[attr-defined]  # without what hushes it
    found = [v.seen for v in broken(bench(SimThing), law)]
    assert any("the secret of seal is in the clear" in v and "gave up" in v for v in found), found
