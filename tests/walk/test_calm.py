"""On a calm day the work gets done, and no later than it may be."""

from __future__ import annotations

import asyncio
import sys
from itertools import pairwise

from hypothesis import given

from holdfast.contract import OnFailure, State
from holdfast.run import Fate
from tests.walk.cases import Case, calm, random_case, step
from tests.walk.judge import broken_promises
from tests.walk.play import play
from tests.walk.test_promise import MODES, SEEDS, SMALL, examples
from tests.walk.world import Delivery, Effect, Kind, Part, World
from workflows.walk import Walk
from workflows.walk.walk import ACTS


@examples(400)
@given(SEEDS, SMALL, MODES)
def test_everything_is_done(seed: int, size: int, mode: OnFailure) -> None:
    """When nothing goes wrong everything is done, once, and nothing is undone or asked."""
    played = play(calm(random_case(seed, size, mode)))
    assert broken_promises(played) == []
    assert played.walk.state is State.done
    assert set(played.fates.values()) <= {Fate.done}
    acts = [e.seq for e in played.world.record if e.kind is Kind.act]
    assert sorted(acts) == list(range(size))
    assert not any(e.kind in {Kind.undo, Kind.cut, Kind.answered} for e in played.world.record)


@examples(200)
@given(SEEDS, SMALL)
def test_everything_starts_as_early_as_it_may(seed: int, size: int) -> None:
    """A step is sent within three turns of the loop after the last step it needs, and at once when it needs none."""
    played = play(calm(random_case(seed, size, OnFailure.rollback)))
    sent = {e.seq: e.turn for e in played.world.record if e.kind is Kind.act}
    done = {e.seq: e.turn for e in played.world.record if e.kind is Kind.done}
    for one in played.case.steps:
        assert sent[one.seq] <= max((done[base] for base in one.after), default=0) + 3


def test_the_window_bounds_what_is_in_flight() -> None:
    """Never more than a window of acts is in flight, and the window is used."""
    slow = Part(acts=(Delivery(before=4),))
    played = play(Case(tuple(step(n) for n in range(3 * ACTS)), dict.fromkeys(range(3 * ACTS), slow)))
    flying = most = 0
    for event in played.world.record:
        flying += {Kind.act: 1, Kind.done: -1}.get(event.kind, 0)
        most = max(most, flying)
    assert most == ACTS
    assert played.walk.state is State.done


def test_effort_grows_with_the_plan_and_not_with_its_square() -> None:
    """Eight times the steps cost at most sixteen times the calls, forward and back, also when many fail."""

    def effort(width: int) -> int:
        calls = 0

        def count(_frame: object, event: str, _argument: object) -> None:
            nonlocal calls
            calls += event in {"call", "c_call"}

        bases = [step(n) for n in range(width)]
        chain = [step(width, range(width)), *(step(n, [n - 1]) for n in range(width + 1, 2 * width))]
        parts = {n: Part(acts=(Delivery(effect=Effect.never),)) for n in range(0, width, 2)}
        sys.setprofile(count)
        for mode in (OnFailure.keep, OnFailure.rollback):
            case = Case((*bases, *chain), parts, mode)
            walk = Walk(case.steps, World(case.steps, case.parts), on_failure=mode)
            asyncio.run(walk.run())
        sys.setprofile(None)
        return calls

    efforts = [effort(width) for width in (50, 400)]
    assert all(later < 16 * earlier for earlier, later in pairwise(efforts))
