"""The laws of what bears no marks: a kind that its parent carries keeps them, and one that is careless does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from activities.testing import hands
from holdfast.catalog import Catalog
from holdfast.errors import NameTaken
from holdfast.resource import Call, Carrier, Observation, Safety, Search, Status
from holdfast.testing.laws import LAWS, Bench, broken, lost, verbs
from holdfast.testing.laws.memory import MemoryGround
from holdfast.testing.sim import SimKind


class Bare(SimKind):
    """Made by name, and never marked: ours where the call claims it, and at the name only if it is as it was asked."""

    kind = "sim.bare"
    safety = Safety.by_name
    carrier = Carrier.parent
    example = "rule: {kind: sim.bare, spec: {name: rule}}"

    def observe(self, call: Call[Any]) -> Observation:
        seen = super().observe(call)
        return self._as_ours(seen, call) if call.claimed else seen

    def discover(self, search: Search) -> Iterator[Observation]:
        yield from ()

    def find(self, call: Call[Any]) -> list[Observation]:
        thing = call.client("sim").named(self.kind, call.scope, call.wanted.name)
        if thing is None:
            return []
        seen = self._seen(thing, thing.id)
        exact = call.claimed and not self.diff(call.wanted.plain(), None, seen.properties)
        return [self._as_ours(seen, call) if exact else seen]

    def create(self, call: Call[Any]) -> Observation:
        if call.remote_id is not None:
            return self.observe(call)
        made = call.client("sim").create(self.kind, call.scope, self._fields(call.wanted), {}, unique=True, token=False)
        return self._as_ours(self._seen(made, None), call)

    def adopt(self, call: Call[Any]) -> Observation:
        return self._as_ours(self.observe(call), call)

    def disown(self, call: Call[Any]) -> Observation:
        return self.observe(replace(call, claimed=False))

    @staticmethod
    def _as_ours(seen: Observation, call: Call[Any]) -> Observation:
        if seen.status is Status.absent:
            return seen
        return seen.model_copy(
            update={"owner": str(call.owner), "address": str(call.address), "token": call.token or None}
        )


class Grasping(Bare):
    """Takes whatever bears its name for its own."""

    def create(self, call: Call[Any]) -> Observation:
        try:
            return super().create(call)
        except NameTaken:
            thing = call.client("sim").named(self.kind, call.scope, call.wanted.name)
            return self._as_ours(self._seen(thing, thing.id), call)


class Marking(Bare):
    """Writes marks when it adopts."""

    def adopt(self, call: Call[Any]) -> Observation:
        return self._seen(call.client("sim").mark(call.id, call.marks), call.id)


def bench(kind: SimKind) -> Bench:
    return Bench(kind, Catalog([kind]), MemoryGround(), hands)


@pytest.mark.parametrize("law", LAWS)
def test_a_markless_kind_keeps_the_laws(law: str) -> None:
    """Those that judge by marks leave out what cannot hold, and every other holds."""
    assert broken(bench(Bare()), law) == []


@pytest.mark.parametrize("verb", verbs(Bare()))
def test_a_markless_kind_survives_every_loss(verb: str) -> None:
    """What an earlier delivery has made is known again by its name and by being as it was asked."""
    assert lost(bench(Bare()), verb) == []


def test_a_markless_kind_has_no_marks_to_move() -> None:
    """To adopt it and to let it go change nothing in the cloud, so there is nothing to lose."""
    assert not {"adopt", "disown", "adopt taken back", "disown taken back"} & set(verbs(Bare()))


@pytest.mark.parametrize(
    "kind, law",
    [(Grasping(), "strangers_are_left_alone"), (Marking(), "marks_are_all_that_adopting_writes")],
    ids=lambda one: one if isinstance(one, str) else type(one).__name__,
)
def test_a_careless_one_is_caught(kind: SimKind, law: str) -> None:
    """Taking a stranger for one's own, and writing where there is nothing to write."""
    assert broken(bench(kind), law)
